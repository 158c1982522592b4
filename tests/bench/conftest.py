"""An S3 on this machine."""

from __future__ import annotations

import functools
import threading
import uuid
from collections.abc import Iterator
from typing import Any

import pytest


class S3:
    """moto's server, which keeps its objects in this process, so also while it is stopped."""

    def __init__(self) -> None:
        self.port = 0
        self.start()

    def start(self) -> None:
        from moto.server import ThreadedMotoServer

        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=self.port, verbose=False)
        self._server.start()
        _, self.port = self._server.get_host_and_port()

    def stop(self) -> None:
        self._server.stop()


@pytest.fixture(scope="session")
def s3() -> Iterator[S3]:
    """A server that fsspec finds by the environment, as a person's is found, with the bucket "results"."""
    responses = pytest.importorskip("moto.s3.responses")
    fsspec = pytest.importorskip("s3fs") and pytest.importorskip("fsspec")
    lock = threading.Lock()

    def one_at_a_time(put: Any) -> Any:  # S3 looks whether an object is there and writes it in one; moto in two
        @functools.wraps(put)
        def locked(*args: Any) -> Any:
            with lock:
                return put(*args)

        return locked

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(responses.S3Response, "put_object", one_at_a_time(responses.S3Response.put_object))
        server = S3()
        patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.port}")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_MAX_ATTEMPTS", "1")
        fsspec.filesystem("s3").mkdir("results")
        yield server
        server.stop()


@pytest.fixture
def bucket(s3: S3) -> str:
    """An address there at which nothing is."""
    return f"s3://results/{uuid.uuid4().hex}"
