"""What a Hub's client says of a failure, as dazoo's own errors: which file of which repository, why, and what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from huggingface_hub import errors as failures

from dazoo.errors import DazooError
from dazoo.errors import OfflineError
from dazoo.errors import UnknownName
from dazoo.errors import WeightsError


LOGIN = "log in with 'hf auth login', or give a token"
_SECRET = re.compile(r"hf_\w+")


class Unreachable(OfflineError):
    """The Hub does not answer, or answers that it cannot now; what is in the cache is still good.

    Attributes:
        wait: seconds after which it asks to be tried again, or None.
    """

    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


@contextmanager
def spoken(where: str) -> Iterator[None]:
    """A block whose errors become dazoo's own.

    Args:
        where: what was wanted, for the message: "config.json of hub:user/repo@main".

    Raises:
        UnknownName: no such repository or revision, or no right to see it.
        WeightsError: no such file.
        Unreachable: no connection, or a server that is overloaded or broken.
        OfflineError: anything else that kept it from coming.
    """
    try:
        yield
    except DazooError:
        raise
    except Exception as exc:
        raise told(where, exc) from exc


def told(where: str, exc: Exception) -> DazooError:
    """The error for a failure of the client's."""
    reason = reason_of(exc)
    response = _response(exc)
    if isinstance(exc, failures.LocalTokenNotFoundError):
        return UnknownName(f"{where}: you are not logged in; {LOGIN}.")
    if isinstance(exc, failures.GatedRepoError) or isinstance(exc.__cause__, failures.GatedRepoError):
        return UnknownName(f"{where}: the repository is gated. Ask for access on its page, then {LOGIN}.")
    if isinstance(exc, failures.DisabledRepoError):
        return UnknownName(f"{where}: the Hub has closed this repository; ask its author.")
    if isinstance(exc, failures.RepositoryNotFoundError):
        return UnknownName(f"{where}: no such repository, or it is private. Check the spelling, or {LOGIN}.")
    if isinstance(exc, failures.RevisionNotFoundError):
        return UnknownName(f"{where}: there is no such revision. Leave it out, or give a branch, a tag or a full commit hash.")
    if isinstance(exc, failures.EntryNotFoundError) and not isinstance(exc, failures.LocalEntryNotFoundError):
        return WeightsError(f"{where} is missing; the repository is no complete model saved by dazoo.")
    if response is not None:
        return _refused(where, response)
    if isinstance(exc, failures.LocalEntryNotFoundError | failures.OfflineModeIsEnabled):
        return Unreachable(f"{where} is not in the cache, and the Hub cannot be reached: {reason} Go online once.")
    if isinstance(exc, OSError) and exc.errno is not None and exc.strerror and not isinstance(exc, ConnectionError | TimeoutError):
        return OfflineError(f"{where} cannot be written to the cache: {exc.strerror}. Free space or make it writable, or set HF_HOME.")
    if isinstance(exc, OSError) and "Consistency check failed" in str(exc):
        return OfflineError(f"{where} cannot be fetched: it came incomplete. Try again later, or load a folder.")
    return Unreachable(f"{where} cannot be fetched: {type(exc).__name__}: {reason} Try again later, or load a folder.")


def reason_of(exc: BaseException) -> str:
    """What an error says, in a line, without a token."""
    text = _SECRET.sub("hf_...", " ".join(str(exc).split())[:300])
    return text if text.endswith(".") or not text else f"{text}."


def _response(exc: BaseException | None) -> Any:
    """The server's answer to which an error belongs, or None."""
    while exc is not None:
        if (response := getattr(exc, "response", None)) is not None:
            return response
        exc = exc.__cause__
    return None


def _refused(where: str, response: Any) -> DazooError:
    """The error for an answer that is no success."""
    status = response.status_code
    if status == 401:
        return UnknownName(f"{where}: HTTP 401, the token was refused. Make a new one and {LOGIN}.")
    if status == 403:
        return UnknownName(f"{where}: HTTP 403, this is forbidden. The token may lack the right; {LOGIN}.")
    if status == 429:
        wait = wait_of(response)
        when = f"in {wait:.0f} s" if wait is not None else "in a few minutes"
        return Unreachable(f"{where}: HTTP 429, too many requests. Try again {when}; with a login more are allowed.", wait)
    if status >= 500:
        return Unreachable(f"{where}: HTTP {status}, the Hub has a fault of its own. Try again later, or load a folder.", wait_of(response))
    return OfflineError(f"{where}: HTTP {status}, the Hub refuses the request: {reason_of(RuntimeError(_body(response)))}")


def _body(response: Any) -> str:
    try:
        return str(response.headers.get("X-Error-Message") or response.text or "it gives no reason")
    except Exception:  # a stream that was not read
        return "it gives no reason"


def wait_of(response: Any) -> float | None:
    """Seconds that an answer asks to wait (Retry-After, or the Hub's `RateLimit: ...;t=SECONDS`); None where it does not say."""
    text = str(response.headers.get("Retry-After") or "").strip()
    limit = re.search(r"\bt=(\d+)", str(response.headers.get("RateLimit") or ""))
    return float(text) if text.isdigit() else float(limit[1]) if limit else None
