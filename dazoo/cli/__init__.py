"""The command line: one small module a command. Exit codes are 0, 1 failure, 2 usage, 130 Ctrl-C, 141 closed pipe, 143 SIGTERM."""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager
from typing import Any

from dazoo.errors import DazooError
from dazoo.errors import Interrupted


INTERRUPTED, CLOSED_PIPE = 130, 141


class PipeClosed(Exception):
    """Whoever reads standard output has gone; there is nobody to write for."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and give its exit code. Errors become one line on standard error; DAZOO_DEBUG=1 shows the traceback.

    Args:
        arguments: without the program's name; `sys.argv[1:]` unless given.
    """
    from dazoo.cli.app import app

    try:
        with _signals(), _warnings():
            code = app(args=None if arguments is None else list(arguments), prog_name="dazoo", standalone_mode=False)
            sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except SystemExit as exc:
        return exc.code if isinstance(exc.code, int) else 1
    except BaseException as exc:
        if os.environ.get("DAZOO_DEBUG", "") not in ("", "0"):
            traceback.print_exc()
        return _report(exc)


def _report(exc: BaseException) -> int:
    """Say what went wrong, in a line, and give the exit code."""
    import typer

    usage: Any = typer.BadParameter.__mro__[1]  # typer brings its own click, or uses the installed one
    if isinstance(exc, PipeClosed | BrokenPipeError):
        # Python would complain at exit when it flushes what nobody reads.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CLOSED_PIPE
    if isinstance(exc, KeyboardInterrupt | typer.Abort):
        return _say(str(exc) or "interrupted", INTERRUPTED)
    if isinstance(exc, DazooError):
        return _say(str(exc), exc.exit_code)
    if isinstance(exc, usage):
        path = exc.ctx.command_path if exc.ctx else "dazoo"
        message = exc.format_message()
        return _say(f"{message} See '{path} --help'.", 2) if message else 2  # without arguments the help has been shown
    if isinstance(exc, OSError) and exc.strerror:
        where = f"{exc.filename}: " if exc.filename else ""
        return _say(f"{where}{exc.strerror}", 1)
    return _say(f"{type(exc).__name__}: {' '.join(str(exc).split())} (DAZOO_DEBUG=1 shows where)", 1)


def _say(message: str, code: int) -> int:
    try:
        print(f"dazoo: {message}", file=sys.stderr)
    except BrokenPipeError:
        pass
    return code


@contextmanager
def _signals() -> Iterator[None]:
    """SIGTERM unwinds, so that half-written folders are removed; training puts its own handler in this one's place."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: Any) -> None:
        raise Interrupted("stopped by SIGTERM")

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _warnings() -> Iterator[None]:
    """A warning is a line for the person at the terminal, without the place in the code."""

    def show(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
        if not issubclass(category, DeprecationWarning | FutureWarning):
            print(f"dazoo: warning: {message}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield
