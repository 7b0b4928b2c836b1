"""Submits a job that `gristmill bundle` wrote, and prints its id."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import grpc
from connection import Connection, fail, parser

from gristmill.v1 import job_pb2

CHUNK_BYTES = 1 << 20
"""Of one message of an upload; a message may have 4 MiB."""


def chunks(code: bytes, sha256: str) -> Iterator[job_pb2.UploadBundleRequest]:
    """The first one says what comes."""
    yield job_pb2.UploadBundleRequest(sha256=sha256, bytes=len(code), chunk=code[:CHUNK_BYTES])
    for start in range(CHUNK_BYTES, len(code), CHUNK_BYTES):
        yield job_pb2.UploadBundleRequest(chunk=code[start : start + CHUNK_BYTES])


def as_json(value: str) -> str:
    """Parameters travel as JSON: what is none is text."""
    try:
        json.loads(value)
        return value
    except ValueError:
        return json.dumps(value)


def main() -> None:
    options = parser(__doc__ or "")
    options.add_argument("bundle", type=Path, help="the file that `gristmill bundle` wrote")
    options.add_argument("--name", help="of the job; that of the file when it is not given")
    options.add_argument("--input", action="append", default=[], metavar="URI", help="instead of the definition's")
    options.add_argument("--output", default="", metavar="URI", help="instead of the definition's")
    options.add_argument("--overwrite", action="store_true", help="replace the result of an earlier job")
    options.add_argument("--param", action="append", default=[], metavar="NAME=VALUE")
    options.add_argument("--request-id", default=str(uuid.uuid4()), help="submissions with one id are one job")
    given = options.parse_args()
    code = given.bundle.read_bytes()
    sha256 = hashlib.sha256(code).hexdigest()
    request = job_pb2.SubmitJobRequest(
        request_id=given.request_id,
        name=given.name or given.bundle.stem,
        code_version=sha256,
        params={name: as_json(value) for name, _, value in (param.partition("=") for param in given.param)},
        inputs=given.input,
        output=given.output,
        # Where relative paths of the definition start.
        base_uri=f"{Path.cwd().as_uri()}/",
        overwrite=given.overwrite,
    )
    with Connection(given) as connection:
        try:
            connection.call(connection.jobs.UploadBundle, lambda: chunks(code, sha256))
            print(connection.call(connection.jobs.SubmitJob, lambda: request).job_id)
        except grpc.RpcError as error:
            fail(error)


if __name__ == "__main__":
    main()
