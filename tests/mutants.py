"""Mutation testing: is there a test that notices when one thing in a module is wrong?

    python -m tests.mutants                          a sample of each module of the table
    python -m tests.mutants protocol --sample 9999   all of one

A mutant is the module with one thing changed: a comparison, a number, a word, a condition turned round, an
error not raised, a line of a table missing. Each is compiled in a process of its own, forked from one that
has the libraries loaded and nothing of ours, and put to the tests; it is killed when one of them fails, or
when they no longer end. Sentences for people, docstrings and annotations are left alone.

Written here because the usual tools change the bodies of functions alone, and the half of a guard is tables.
"""

from __future__ import annotations

import argparse
import ast
import importlib.abc
import importlib.machinery
import os
import random
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from math import ceil
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "src" / "interview_fsm"
LIBRARIES = ("hypothesis", "httpcore2", "idna", "msgspec", "websockets", "jsonschema_rs", "psutil")

TESTS = {
    "resume.links": ("test_links", "test_fetch_attacks"),
    "resume.lookup": ("test_fetch",),
    "resume.fetch": ("test_fetch_attacks", "test_fetch"),
    "resume.replies": ("test_replies", "test_fetch", "test_fetch_attacks"),
    "protocol": ("test_protocol", "test_plaintext"),
    "messages": ("test_messages", "test_v1_docs", "test_v1_fuzz"),
    "access": ("test_door",),
    "door": ("test_door", "test_proxies"),
    "proxies": ("test_proxies", "test_door"),
    "redaction": ("test_redaction",),
    "keys": ("test_settings",),
    "rates": ("test_crowd", "test_abuse"),
    "turns": ("test_turns",),
    "coaching.quotes": ("test_quotes",),
    "budget": ("test_budget", "test_budget_spent"),
}
"""What stands between strangers and the rest, what may be quoted and spent, and the tests of each."""

SAMPLE, SEED = 100, 20261124
LEAST = 0.9
"""The share of mutants that has to be killed."""

AT_ONCE = 2
CPU, WALL = 60, 120
"""Seconds after which a mutant is taken to run for ever; the tests take less than ten."""
TIMES = 8
"""So often what the tests take without a mutation, where that is longer: the machine may be busy."""

SWAPPED: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or,
    ast.Or: ast.And, ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult, ast.Continue: ast.Break, ast.Break: ast.Continue,
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """One change: done by ``apply()``, to the tree it was found in."""

    line: int
    what: str
    apply: Callable[[], object]


def mutants(tree: ast.Module) -> list[Mutant]:
    """All mutants of a module."""
    return list(_in(tree))


def _in(node: ast.AST) -> Iterator[Mutant]:
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns", "decorator_list", "keywords", "type_params"} and not isinstance(
            node, ast.Call
        ):
            continue  # what a type checker reads, and how a class is made
        children = value if isinstance(value, list) else [value]
        for place, child in enumerate(children):
            if not isinstance(child, ast.AST) or _is_left_alone(node, name, child):
                continue
            for other, what in _instead(child):
                yield Mutant(_line(child, node), what, _setter(node, name, place, value, other))
            yield from _in(child)
        if isinstance(node, ast.Tuple | ast.List | ast.Set | ast.Dict) and name in {"elts", "keys"}:
            yield from _shorter(node)


def _is_left_alone(parent: ast.AST, name: str, child: ast.AST) -> bool:
    if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
        return True  # a docstring
    if isinstance(child, ast.Import | ast.ImportFrom | ast.JoinedStr | ast.Assert):
        return True
    targets = getattr(child, "targets", [getattr(child, "target", None)])
    if any(isinstance(target, ast.Name) and target.id in {"__all__", "__slots__"} for target in targets):
        return True
    return (
        name == "slice" and isinstance(parent, ast.Subscript) and isinstance(child, ast.Constant | ast.Tuple)
    )


def _setter(node: ast.AST, name: str, place: int, value: object, other: ast.AST) -> Callable[[], object]:
    if isinstance(value, list):
        return lambda: value.__setitem__(place, other)
    return lambda: setattr(node, name, other)


def _instead(node: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    """What may stand in place of *node*, and in words."""
    if type(node) in SWAPPED:
        other = SWAPPED[type(node)]()
        yield other, f"{type(node).__name__} → {type(other).__name__}"
    match node:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield operand, f"not dropped: {ast.unparse(operand)}"
        case ast.Constant(value=bool(value)):
            yield ast.Constant(not value), f"{value} → {not value}"
        case ast.Constant(value=int(value) | float(value)):
            yield ast.Constant(value + 1), f"{value!r} → {value + 1!r}"
        case ast.Constant(value=str(value)) if " " not in value:
            yield ast.Constant(value + "X"), f"{value!r} → {value + 'X'!r}"
        case ast.Constant(value=bytes(value)):
            yield ast.Constant(value + b"X"), f"{value!r} → {value + b'X'!r}"
        case ast.Raise() | ast.Expr(value=ast.Call() | ast.Await() | ast.Yield() | ast.YieldFrom()):
            yield ast.Pass(), f"dropped: {ast.unparse(node)[:60]}"
        case ast.AugAssign():
            yield ast.Pass(), f"dropped: {ast.unparse(node)[:60]}"
        case ast.Return(value=ast.expr() as value) if not _is_none(value):
            yield ast.Return(ast.Constant(None)), f"None for: {ast.unparse(value)[:60]}"
        case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test):
            yield _turned(node, test), f"turned round: {ast.unparse(test)[:60]}"


def _turned(node: Any, test: ast.expr) -> ast.AST:
    fields = {name: getattr(node, name) for name in node._fields}
    return type(node)(**fields | {"test": ast.UnaryOp(ast.Not(), test)})


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _shorter(node: Any) -> Iterator[Mutant]:
    """A table without one of its lines."""
    if isinstance(getattr(node, "ctx", None), ast.Store) or _length(node) < 2:
        return
    for place in range(_length(node)):
        part = (node.keys if isinstance(node, ast.Dict) else node.elts)[place]
        said = f"left out: {ast.unparse(part)[:60]}" if part is not None else "left out"
        yield Mutant(_line(part, node), said, lambda place=place: _leave_out(node, place))


def _length(node: Any) -> int:
    return len(node.keys if isinstance(node, ast.Dict) else node.elts)


def _leave_out(node: Any, place: int) -> None:
    for name in ("keys", "values", "elts"):
        if hasattr(node, name):
            getattr(node, name).pop(place)


def _line(*nodes: ast.AST | None) -> int:
    return next((node.lineno for node in nodes if hasattr(node, "lineno")), 0)


class _Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives one module from a tree instead of from its file."""

    def __init__(self, name: str, path: Path, tree: ast.Module) -> None:
        self.name, self.path, self.tree = name, path, tree

    def find_spec(self, fullname: str, *_: object) -> importlib.machinery.ModuleSpec | None:
        if fullname != self.name:
            return None
        spec = importlib.machinery.ModuleSpec(fullname, self, origin=str(self.path))
        spec.has_location = True
        return spec

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(ast.fix_missing_locations(self.tree), self.path, "exec"), module.__dict__)


class Trial:
    """A module, its mutants, and the tests they are put to."""

    def __init__(self, module: str, tests: Sequence[str], sample: int) -> None:
        self.name = f"interview_fsm.{module}"
        self.path = SOURCES.joinpath(*module.split(".")).with_suffix(".py")
        self.tree = ast.parse(self.path.read_text("utf-8"))
        self.tests = [f"tests/{name}.py" for name in tests]
        found = mutants(self.tree)
        self.chosen = found if len(found) <= sample else random.Random(SEED).sample(found, sample)
        self._wall = WALL

    def survivors(self) -> list[Mutant]:
        """The mutants that no test notices. Raises AssertionError when one fails without any mutation."""
        began = time.monotonic()
        assert self._ended({self._start(None): None}) == (None, True), f"{self.tests} fail as they are"
        self._wall = max(WALL, TIMES * ceil(time.monotonic() - began))
        waiting, running, alive = list(self.chosen), {}, []
        while waiting or running:
            while waiting and len(running) < AT_ONCE:
                mutant = waiting.pop()
                running[self._start(mutant)] = mutant
            mutant, survived = self._ended(running)
            if survived:
                alive.append(mutant)
        return alive

    def _start(self, mutant: Mutant | None) -> int:
        """A process that puts one mutant to the tests; with None: the module as it is."""
        if (child := os.fork()) == 0:
            self._be(mutant)
        return child

    def _ended(self, running: dict[int, Any]) -> tuple[Any, bool]:
        """The next of them that has ended, and whether every test passed."""
        child, status = os.wait()
        return running.pop(child), os.waitstatus_to_exitcode(status) == 0

    def _be(self, mutant: Mutant | None) -> None:
        code = 70
        try:
            os.setsid()
            signal.alarm(self._wall)
            resource.setrlimit(resource.RLIMIT_CPU, (CPU, CPU))
            silent = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(silent, stream)
            if mutant is not None:
                mutant.apply()
            sys.meta_path.insert(0, _Changed(self.name, self.path, self.tree))
            code = self._test()
        finally:
            os._exit(code)

    def _test(self) -> int:
        plugins = ("no:randomly", "no:cacheprovider")
        asked = ["-x", "-q", "-m", "not slow", "--assert=plain", *(f"-p{name}" for name in plugins)]
        return int(pytest.main([*asked, "-o", "timeout=0", *self.tests]))


def main() -> None:
    """Say of each module how many of its mutants were killed, and which were not; fail below LEAST."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument(
        "modules", nargs="*", default=list(TESTS), help="below interview_fsm; else all of the table"
    )
    parser.add_argument("--sample", type=int, default=SAMPLE, help="mutants of each, the same each time")
    asked = parser.parse_args()
    os.chdir(ROOT)
    os.environ["CI"] = "true"  # the same examples for every mutant
    for library in LIBRARIES:
        import_module(library)
    assert "interview_fsm" not in sys.modules
    short = []
    for module in asked.modules:
        trial = Trial(module, TESTS[module], asked.sample)
        alive = trial.survivors()
        killed = len(trial.chosen) - len(alive)
        print(f"{module}: {killed} of {len(trial.chosen)} mutants killed", flush=True)
        for mutant in sorted(alive, key=lambda mutant: mutant.line):
            print(f"    {mutant.line}: {mutant.what}", flush=True)
        if killed < LEAST * len(trial.chosen):
            short.append(module)
    if short:
        sys.exit(f"fewer than {LEAST:.0%} of the mutants were killed of {', '.join(short)}")


if __name__ == "__main__":
    main()
