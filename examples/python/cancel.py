"""Cancels a job; nothing of it is published."""

from __future__ import annotations

import grpc
from connection import Connection, fail, parser

from gristmill.v1 import common_pb2, job_pb2


def main() -> None:
    options = parser(__doc__ or "")
    options.add_argument("job", help="the id of a job")
    options.add_argument("--reason", default="", help="why, for whoever looks at the job")
    given = options.parse_args()
    request = job_pb2.CancelJobRequest(job_id=given.job, reason=given.reason)
    with Connection(given) as connection:
        try:
            job = connection.call(connection.jobs.CancelJob, lambda: request)
        except grpc.RpcError as error:
            fail(error)
    print(f"{common_pb2.JobState.Name(job.state).removeprefix('JOB_STATE_').lower()}: {job.job_id}, {job.name}")


if __name__ == "__main__":
    main()
