"""Wrong plugin modules: sources of modules that an entry point names."""

from __future__ import annotations

from wrong_plugins import Wrong


HEAD = "from dazoo import hookimpl\ndazoo_api = 1\n\n"
HOOK = HEAD + "@hookimpl\ndef dazoo_register_backbones(register):\n    "
TINY = "'dazoo.testing.rehearsal:TinyBackbone'"
RIGHT = f"{HOOK}register('a', {TINY}, summary='s')\n"


def hook(body: str, head: str = HOOK) -> str:
    return f"{head}{body}\n"


def entry(body: str) -> str:
    return f"{HEAD}@hookimpl\ndef dazoo_register_entries(register):\n    {body}\n"


TABLE: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("name with capitals", hook(f"register('My-Net', {TINY}, summary='s')"), "loads", ("'My-Net'", "does not match", "'my_net'")),
    ("name twice", hook(f"register('a', {TINY}); register('a', {TINY})"), "loads", ("'a' twice",)),
    ("misspelt hook", RIGHT.replace("_backbones", "_backbone"), "loads", ("no hook of dazoo", "'dazoo_register_backbones'")),
    ("hook with another argument", RIGHT.replace("(register)", "(registry)"), "loads", ("registry",)),
    ("no interface", RIGHT.replace("dazoo_api = 1", ""), "loads", ("add `dazoo_api = 1`",)),
    ("another interface", RIGHT.replace("api = 1", "api = 999"), "loads", ("interface 999", "has 1")),
    ("hookimpl forgotten", RIGHT.replace("@hookimpl\n", ""), "loads", ("mark dazoo_register_backbones with @hookimpl",)),
    ("brings nothing", HEAD, "loads", ("it brings nothing",)),
    (
        "class instead of text",
        hook("register('a', object, summary='s')"),
        "loads",
        ("expected a string 'module:Class'", "nothing is imported"),
    ),
    ("target without a class", hook("register('a', 'dazoo.testing', summary='s')"), "loads", ("expected a string 'module:Class'",)),
    ("exits", "import sys\nsys.exit(3)\n", "loads", ("SystemExit",)),
    ("import error", hook("import no_such_module_anywhere"), "loads", ("ModuleNotFoundError", "no_such_module_anywhere")),
    ("error in a hook", hook("1 / 0"), "loads", ("ZeroDivisionError",)),
    ("summary that is no text", hook(f"register('a', {TINY}, summary=3)"), "loads", ("summary 3", "expected a string")),
    ("rank of a method", RIGHT.replace("_backbones", "_methods").replace("summary", "start=3, summary"), "loads", ("only for a backbone",)),
    ("entry with a bad target", entry("register('a-b', 'nowhere', summary='s')"), "loads", ("'package:folder'", "hub:user/repo@revision")),
    ("prints", "print('hello')\n" + RIGHT, "loads_quickly_and_quietly", ("prints 'hello'", "whoever lists names")),
    (
        "slow import",
        "import time\nwhile time.process_time() < 0.6: pass\n" + RIGHT,
        "loads_quickly_and_quietly",
        ("s to load", "register strings"),
    ),
    (
        "heavy import",
        hook(f"import wave; register('a', {TINY}, summary='s')"),
        "imports_nothing_heavy",
        ("imports wave", "register strings"),
    ),
    (
        "target's module missing",
        hook("register('a', 'nowhere.at_all:A', summary='s')"),
        "targets_resolve",
        ("cannot be imported", "nowhere"),
    ),
    (
        "target's class missing",
        hook("register('a', 'dazoo.testing.rehearsal:No', summary='s')"),
        "targets_resolve",
        ("AttributeError", "No"),
    ),
    (
        "another base class",
        hook("register('a', 'dazoo.contracts:Method', summary='s')"),
        "targets_resolve",
        ("the class Method", "subclass of dazoo.contracts.backbone.Backbone"),
    ),
    (
        "setting that the class does not take",
        hook(f"register('a', {TINY}, summary='s', widht=3)"),
        "targets_resolve",
        ("'widht'", "It takes: num_classes, in_channels"),
    ),
    ("no summary", hook(f"register('a', {TINY})"), "says_what_it_brings", ("without summary=",)),
    (
        "name of another distribution",
        hook(f"register('taken', {TINY}, summary='s')"),
        "names_are_its_own",
        ("'taken'", "first-author", "Choose another"),
    ),
)
COUNTS = f"""calls = []

@hookimpl
def dazoo_register_backbones(register):
    calls.append(1)
    register('a' * len(calls), {TINY}, summary='s')
"""
TABLE += (("other names at each call", HEAD + COUNTS, "keeps_to_the_hooks", ("['aa'", "on its own", "beside other plugins")),)
WRONG = [Wrong("plugin", title, clause, words, source) for title, source, clause, words in TABLE]
