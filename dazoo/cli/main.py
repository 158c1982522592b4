"""The command line: one small module per command. Exit codes are 0, 1 failure, 2 usage, 130 Ctrl-C, 141 closed pipe, 143 SIGTERM."""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import ExitStack
from contextlib import contextmanager
from contextlib import suppress
from typing import Any

from dazoo.cli.output import PipeClosed
from dazoo.errors import DazooError
from dazoo.errors import Interrupted
from dazoo.streams import tell


INTERRUPTED, CLOSED_PIPE = 130, 141


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and give its exit code. Errors become one line on standard error; DAZOO_DEBUG=1 shows the traceback.

    Args:
        arguments: without the program's name; `sys.argv[1:]` unless given.
    """
    with _streams():
        return _run(arguments)


def _run(arguments: Sequence[str] | None) -> int:
    from dazoo.cli.app import app

    try:
        with _signals(), _warnings():
            code = app(args=None if arguments is None else list(arguments), prog_name="dazoo", standalone_mode=False)
            sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except SystemExit as exc:
        if isinstance(exc.__context__, BrokenPipeError):  # rich, which writes the help, makes 1 of it
            return CLOSED_PIPE
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
    tell(f"dazoo: {message}")
    return code


@contextmanager
def _streams() -> Iterator[None]:
    """A standard stream that is closed or missing is the null device for the length of a command, and one that broke is afterwards.

    The numbers 0, 1 and 2 are filled too: a file that is opened later would get a free one, and with it what is meant for the stream.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest free number, which is this one
    with ExitStack() as stack:
        for name in ("stdin", "stdout", "stderr"):
            stream = getattr(sys, name)
            if stream is None or getattr(stream, "closed", False):
                stack.callback(setattr, sys, name, stream)
                setattr(sys, name, stack.enter_context(open(os.devnull, "r" if name == "stdin" else "w", encoding="utf-8")))
        try:
            yield
        finally:
            _let_go(sys.stdout)
            _let_go(sys.stderr)


def _let_go(stream: Any) -> None:
    """Point a stream that cannot be written to at the null device: Python would complain at exit when it flushes what nobody takes."""
    try:
        stream.flush()
    except (OSError, ValueError):
        with suppress(OSError, ValueError):  # a stream that is no file
            number = os.open(os.devnull, os.O_WRONLY)
            os.dup2(number, stream.fileno())
            os.close(number)


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
            tell(f"dazoo: warning: {message}")

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield
