"""Shows what a job does until it ends; the exit code says how: 0 completed, 3 partly, 1 otherwise."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

import grpc
from connection import TRIES, Connection, fail, is_gone, parser

from gristmill.v1 import common_pb2, job_pb2

EXIT_CODES = {common_pb2.JOB_STATE_COMPLETED: 0, common_pb2.JOB_STATE_PARTIAL_SUCCESS: 3}


def name_of(state: int) -> str:
    return common_pb2.JobState.Name(state).removeprefix("JOB_STATE_").lower()


def events(connection: Connection, job_id: str) -> Iterator[job_pb2.JobEvent]:
    """Every event once. A broken stream is taken up again after the last event that came."""
    cursor = 0
    failures = 0
    while True:
        request = job_pb2.WatchJobRequest(job_id=job_id, cursor=cursor)
        try:
            for message in connection.jobs.WatchJob(request, metadata=connection.metadata):
                for event in message.events:
                    if event.cursor <= cursor:
                        continue
                    cursor = event.cursor
                    failures = 0
                    yield event
                    if event.HasField("outcome"):
                        return
        except grpc.RpcError as error:
            # A stream that is cut ends in one of these too; a refusal has a code of its own in its metadata.
            is_cut = error.code() in (grpc.StatusCode.CANCELLED, grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN)
            is_refusal = "gristmill-code" in dict(error.trailing_metadata() or ())
            if not (is_gone(error) or (is_cut and not is_refusal)):
                raise
            if failures >= TRIES:
                raise
        failures += 1
        time.sleep(0.5)


def line_of(event: job_pb2.JobEvent) -> str | None:
    kind = event.WhichOneof("event")
    if kind == "state":
        return f"{name_of(event.state.to)}: {event.state.reason}"
    if kind == "progress":
        stage = event.progress
        return f"{stage.stage}: {stage.tasks_done} of {stage.tasks} tasks, {stage.records} records"
    if kind == "attempt" and not event.attempt.won:
        return f"{event.attempt.attempt} failed: {event.attempt.failure.message}"
    if kind == "notice":
        return event.notice.message
    return None


def main() -> None:
    options = parser(__doc__ or "")
    options.add_argument("job", help="the id of a job")
    given = options.parse_args()
    with Connection(given) as connection:
        try:
            for event in events(connection, given.job):
                line = line_of(event)
                if line is not None:
                    print(line, flush=True)
                if not event.HasField("outcome"):
                    continue
                job = event.outcome
                if job.failure.message:
                    print(f"{job.failure.code}: {job.failure.message}", file=sys.stderr)
                print(f"{name_of(job.state)}: {job.counts.records_read} records read, {job.counts.rows} rows")
                for part in job.parts:
                    print(part)
                sys.exit(EXIT_CODES.get(job.outcome or job.state, 1))
        except grpc.RpcError as error:
            fail(error)


if __name__ == "__main__":
    main()
