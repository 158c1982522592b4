"""What the fuzzers share: changes of bytes and JSON values, bounds on time and memory, and the count of what escaped."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dazoo.errors import DazooError


SECONDS, GIGABYTES = 30, 2
"""What one case may take: longer, or more memory on top of what good cases need, counts as an escape."""
STRANGE: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2, 3, 7, 2**31, 2**40, 2**63, 10**400, -(2**63), 0.5, 1e308, -0.0, "", "x", "../x", "/etc/passwd",
    "os:system", "a\nb", "\x1b[31m", "é" * 300, "x" * 100_001, "\ud800", [], [[]], {}, {"a": {"b": {}}}, [1, 2, 3], ["a"] * 5, [0.1, "a"],
    4096, 8192, 20_000,
)  # fmt: skip

Change = Callable[[random.Random, Path], None]
"""Changes a folder, a copy of a good one, in place."""


class TooLong(BaseException):
    """A case took too long."""


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(p for key, item in inner for p in places(item, (*path, key)))]


def change_value(rng: random.Random, value: Any, keys: Sequence[str]) -> Any:
    """A JSON value with one place changed, taken away, doubled, or with something more in it, under one of `keys`."""
    path = rng.choice(places(value)[1:] or [()])
    if not path:
        return rng.choice(STRANGE)
    parent = value
    for key in path[:-1]:
        parent = parent[key]
    what = rng.random()
    if what < 0.15:
        del parent[path[-1]]
    elif what < 0.25 and isinstance(parent, dict):
        parent[rng.choice(keys)] = rng.choice(STRANGE)
    elif what < 0.35 and isinstance(parent[path[-1]], int | float) and not isinstance(parent[path[-1]], bool):
        parent[path[-1]] = rng.choice((parent[path[-1]] + 1, -parent[path[-1]], parent[path[-1]] * 2**20, str(parent[path[-1]])))
    else:
        parent[path[-1]] = rng.choice(STRANGE)
    return value


def damaged(rng: random.Random, data: bytes, within: int | None = None) -> bytes:
    """Bytes with some flipped, cut off, put in or doubled."""
    found, end = bytearray(data), min(len(data), within or len(data))
    what = rng.random()
    if what < 0.6 and found:
        for _ in range(rng.randint(1, 4)):
            found[rng.randrange(end)] ^= 1 << rng.randrange(8)
    elif what < 0.75:
        del found[rng.randrange(end + 1) :]
    elif what < 0.9:
        at = rng.randrange(end + 1)
        found[at:at] = rng.choice((b"\0", b'"', b"{", b"[" * 2000, b"9" * 400, b"\xff\xfe", b"NaN", b"\\u0000"))
    else:
        found += bytes(found)
    return bytes(found)


def no_file(rng: random.Random, file: Path) -> None:
    """In place of a file a folder, a pipe, a link to itself, an endless device, or nothing in it."""
    file.unlink()
    made: tuple[Callable[[], Any], ...] = (
        file.mkdir,
        lambda: os.mkfifo(file),
        lambda: file.symlink_to(file.name),
        lambda: file.symlink_to("/dev/zero"),
        lambda: file.write_bytes(b""),
    )
    rng.choice(made)()


def run(
    count: int,
    seed: int,
    *,
    good: Callable[[Path], Mapping[str, Path]],
    changes: Callable[[str], Sequence[Change]],
    more: Callable[[str, Change], Sequence[Change]],
    use: Callable[[str, Path, random.Random], None],
) -> int:
    """Try `count` folders; prints what came of them and gives the number of escapes.

    Args:
        good: makes the folders that are copied and changed, by kind.
        changes: those of a kind, of which each case gets one; and `more`, of which up to two follow it (none where a pipe would wait).
        use: what a person would do with a folder.
    """
    counts: Counter[tuple[str, str]] = Counter()
    kinds: Counter[str] = Counter()
    errors: Counter[str] = Counter()
    escaped: list[str] = []
    slowest, start = (0.0, ""), time.monotonic()
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        os.environ["DAZOO_CACHE"] = str(root / "cache")
        folders = good(root)
        for kind, folder in folders.items():
            use(kind, folder, random.Random(0))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        resource.setrlimit(resource.RLIMIT_AS, (memory() + GIGABYTES * 2**30, resource.RLIM_INFINITY))
        signal.signal(signal.SIGALRM, too_long)
        for i in range(count):
            rng = random.Random(f"{seed}-{i}")
            kind = rng.choice(sorted(folders))
            change = rng.choice(changes(kind))
            folder = root / "case"
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(folders[kind], folder)
            try:
                change(rng, folder)
                others = more(kind, change)
                for _ in range(rng.choice((0, 0, 1, 2)) if others else 0):
                    rng.choice(others)(rng, folder)
            except Exception:
                pass  # a second change that the first has left no place for
            began = time.monotonic()
            signal.alarm(SECONDS)
            try:
                use(kind, folder, rng)
                outcome = "loaded"
            except DazooError as exc:
                outcome = "refused"
                errors[type(exc).__name__] += 1
            except (Exception, TooLong) as exc:
                outcome = "escaped"
                text = str(exc)[:200].encode("utf-8", "backslashreplace").decode()
                where = traceback.format_exc()[-1500:].encode("utf-8", "backslashreplace").decode()
                escaped.append(f"case {i} ({kind}, {change.__name__}): {type(exc).__name__}: {text}\n{where}")
            finally:
                signal.alarm(0)
            took = time.monotonic() - began
            counts[change.__name__, outcome] += 1
            kinds[kind] += 1
            slowest = max(slowest, (took, f"case {i} ({kind}, {change.__name__}): {outcome}"))
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    for text in escaped[:40]:
        print(text)
    print(f"{'change':<18}{'tried':>8}{'loaded':>8}{'refused':>8}{'escaped':>8}")
    for name in dict.fromkeys(change for change, _ in sorted(counts)):
        row = {what: counts[name, what] for what in ("loaded", "refused", "escaped")}
        print(f"{name:<18}{sum(row.values()):>8}" + "".join(f"{n:>8}" for n in row.values()))
    print("kinds:", ", ".join(f"{kind} {n}" for kind, n in sorted(kinds.items())))
    print("refused with", ", ".join(f"{name} {n}" for name, n in errors.most_common()))
    print(f"{count} folders, seed {seed}: {len(escaped)} escaped; slowest {slowest[0]:.2f} s ({slowest[1]});")
    print(f"at most {peak:.0f} MB on top of what good ones need; {time.monotonic() - start:.0f} s in all")
    return len(escaped)


def memory() -> int:
    """Bytes of address space that the process has."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def too_long(*_: object) -> None:
    raise TooLong(f"over {SECONDS} s")


def arguments() -> tuple[int, int]:
    """COUNT and SEED of the command line; 10,000 and 1 unless given."""
    given = [int(text) for text in sys.argv[1:]]
    count, seed = given + [10_000, 1][len(given) :]
    return count, seed
