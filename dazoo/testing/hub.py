"""A Hub on this machine, for tests: it speaks the protocol that the real client (huggingface_hub 1.x and 2.x) speaks, and fails on demand.

    from dazoo.models.hub import Hub
    from dazoo.testing.hub import Fault
    from dazoo.testing.hub import loopback_hub

    with loopback_hub() as server:
        server.add("ada/model", {p.name: p.read_bytes() for p in folder.iterdir()})
        server.inject(Fault("flip", "*/model.safetensors", times=1))
        dazoo.load("hub:ada/model", hub=Hub(server.endpoint, cache_dir=tmp_path))
        assert server.count("GET", "*/config.json") == 1

Nothing leaves the machine: it listens on 127.0.0.1. Large files come from the same port under the name "localhost", which the client takes
for another host, as the Hub's own store of large files is. It needs no account: `USERS` are the tokens that it knows.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from unittest import mock

from huggingface_hub import close_session
from huggingface_hub import constants

from dazoo.testing.hub_routes import Handler
from dazoo.testing.hub_state import USERS
from dazoo.testing.hub_state import Fault
from dazoo.testing.hub_state import HubState
from dazoo.testing.hub_state import Request


__all__ = ["USERS", "Fault", "LoopbackHub", "Request", "loopback_hub"]

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


class LoopbackHub(HubState, ThreadingHTTPServer):
    """The server; `loopback_hub` starts and stops it. What it keeps and counts is `HubState`'s."""

    daemon_threads = True

    def __init__(self) -> None:
        HubState.__init__(self)
        ThreadingHTTPServer.__init__(self, ("127.0.0.1", 0), Handler)
        self.endpoint, self.store = (f"http://{host}:{self.server_address[1]}" for host in ("127.0.0.1", "localhost"))


@contextmanager
def loopback_hub(*, cache: str | os.PathLike[str] | None = None, token: str | None = None) -> Iterator[LoopbackHub]:
    """A running Hub. While it runs the client goes through no proxy and uses plain HTTP for large files (no Xet).

    Args:
        cache: make it the Hub of everything that names no other, such as commands and the code on a card, with this folder as its cache.
        token: with `cache`, who is logged in there (a key of `USERS`); nobody unless given.
    """
    server = LoopbackHub()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    with mock.patch.dict("os.environ"), mock.patch.object(constants, "HF_HUB_DISABLE_XET", True):
        for variable in PROXIES:
            os.environ.pop(variable, None)
        if cache is not None:
            os.environ.update(HF_ENDPOINT=server.endpoint, HF_HUB_CACHE=os.fspath(cache), HF_TOKEN=token or "")
        close_session()  # the client keeps connections, and with them the proxies of before
        try:
            yield server
        finally:
            close_session()
            server.shutdown()
            server.server_close()
            thread.join()
