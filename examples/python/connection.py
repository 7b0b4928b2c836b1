"""How the programs beside this one reach a coordinator: address, token, and the certificate to trust.

The modules of `gristmill.v1` are made from the published proto files; README.md says how.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, TypeVar

import grpc

sys.path.insert(0, str(Path(__file__).resolve().parent / "generated"))

from gristmill.v1 import job_pb2_grpc  # noqa: E402

T = TypeVar("T")

CALL_SECONDS = 30
"""Of a call that ends by itself."""

TRIES = 60
"""In a row, half a second apart, while nobody answers: a coordinator that is started again is found."""

CHANNEL = [
    # A silent connection is noticed, and taken up again soon.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.max_reconnect_backoff_ms", 500),
    # A proxy for the web is not meant for a coordinator.
    ("grpc.enable_http_proxy", 0),
]


class Connection:
    """A stub of JobService, and the metadata that every call carries."""

    def __init__(self, options: argparse.Namespace) -> None:
        token = Path(options.token_file).read_text(encoding="ascii").strip()
        self.metadata = [("authorization", f"Bearer {token}")]
        if options.ca is None:
            self.channel = grpc.insecure_channel(options.coordinator, options=CHANNEL)
        else:
            trusted = grpc.ssl_channel_credentials(root_certificates=Path(options.ca).read_bytes())
            self.channel = grpc.secure_channel(options.coordinator, trusted, options=CHANNEL)
        self.jobs = job_pb2_grpc.JobServiceStub(self.channel)

    def call(self, method: Callable[..., T], request: Callable[[], object]) -> T:
        """Sends the request again while nobody answers: what it asks is the same however often it arrives."""
        for tries in range(1, TRIES + 1):
            try:
                return method(request(), metadata=self.metadata, timeout=CALL_SECONDS)
            except grpc.RpcError as error:
                if not is_gone(error) or tries == TRIES:
                    raise
                time.sleep(0.5)
        raise AssertionError("unreachable")

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.channel.close()


def parser(description: str) -> argparse.ArgumentParser:
    """With the options that all the programs take."""
    options = argparse.ArgumentParser(description=description)
    options.add_argument("--coordinator", default="127.0.0.1:7070", metavar="HOST:PORT")
    options.add_argument("--token-file", required=True, metavar="FILE", help="the file that holds the token")
    options.add_argument("--ca", metavar="FILE", help="use TLS, and trust the certificates that are signed by this one")
    return options


def is_gone(error: grpc.RpcError) -> bool:
    """Nobody answered, or the connection broke: not a refusal."""
    return error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


def fail(error: grpc.RpcError) -> NoReturn:
    """Ends the program with what the coordinator says; its own code of the error is in the metadata."""
    trailing = dict(error.trailing_metadata() or ())
    code = trailing.get("gristmill-code", "")
    sys.exit(f"error: {error.code().name} {code}: {error.details()}")
