"""What ``from interview_fsm import …`` gives."""

import ast
import inspect
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import interview_fsm

NAMES = list(interview_fsm.__all__)


def in_order(name: str) -> tuple[int, str]:
    """Constants, then classes, then functions, each by name."""
    return 0 if name.isupper() else 1 if name[0].isupper() else 2, name


def test_the_public_names_are_sorted_and_without_repeats():
    assert NAMES
    assert sorted(set(NAMES), key=in_order) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_can_be_imported_and_is_documented(name: str):
    value = getattr(interview_fsm, name)
    assert name in dir(interview_fsm)
    if inspect.isclass(value) or inspect.isfunction(value):
        assert value.__module__.startswith("interview_fsm.")
        own = vars(value).get("__doc__") if inspect.isclass(value) else value.__doc__
        assert own, "a sentence that says what it is"
        assert own.strip()[0].isupper()
        assert own.split("\n\n")[0].strip().endswith((".", ":", "::", "?"))
    else:
        assert documented_constant(name), "a string under the assignment that says what it is"


def documented_constant(name: str) -> str | None:
    """The string that stands under the assignment of *name*, wherever in the package that is."""
    for path in Path(interview_fsm.__file__).parent.glob("*.py"):
        body = ast.parse(path.read_text("utf-8")).body
        for node, following in zip(body, [*body[1:], None], strict=True):
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            if any(isinstance(target, ast.Name) and target.id == name for target in targets):
                text = getattr(getattr(following, "value", None), "value", None)
                if isinstance(text, str):
                    return text
    return None


def test_what_type_checkers_see_is_what_there_is():
    # The names are loaded lazily, so they stand in the source twice; both must agree.
    tree = ast.parse(Path(interview_fsm.__file__).read_text("utf-8"))
    seen = {
        alias.asname or alias.name: node.module
        for block in tree.body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert sorted(seen, key=in_order) == NAMES
    for name, module in seen.items():
        home = import_module(f"interview_fsm.{module}")
        assert getattr(interview_fsm, name) is getattr(home, name)


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such_name"):
        interview_fsm.no_such_name  # noqa: B018


def test_star_gives_the_public_names_and_no_more():
    script = (
        "before = set(dir())\nfrom interview_fsm import *\nprint(*sorted(set(dir()) - before - {'before'}))"
    )
    done = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == sorted(NAMES)


def test_the_version_is_one():
    assert re.fullmatch(r"\d+\.\d+\.\d+((a|b|rc|\.dev)\d+)?", interview_fsm.__version__)


def test_the_package_says_that_it_is_typed():
    assert (Path(interview_fsm.__file__).parent / "py.typed").exists()
