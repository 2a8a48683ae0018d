"""docs/bounds.md: every bound has its default in the code, a test that exists, and none is left out."""

from __future__ import annotations

import importlib
import inspect
import re
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from msgspec import Struct
from msgspec.structs import fields

from interview_fsm.adapters.files import Files
from interview_fsm.house import Limits
from interview_fsm.resume.fetch import Fetcher, FetchPolicy
from interview_fsm.resume.reader import Reader
from interview_fsm.server_settings import ServerSettings

ROOT = Path(__file__).resolve().parents[1]
UNITS = {"KiB": 1024, "MiB": 1024**2, "a second": 1, "a minute": 1 / 60, "s": 1}
NO_BOUNDS = {
    "port", "addresses", "tls", "trusted_proxies", "allow_hosts", "allow_origins", "access_token", "page",
    "watch", "sweep", "seed",
}  # fmt: skip
"""Settings that bound nothing."""


class Row(NamedTuple):
    setting: str
    default: str
    told: str
    test: str


def rows() -> list[Row]:
    text = (ROOT / "docs" / "bounds.md").read_text("utf-8")
    cells = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| ")]
    found = [Row(*(cell.strip() for cell in row)) for row in cells]
    return [row for row in found if row.setting != "setting" and not row.setting.startswith("---")]


@cache
def default(name: str) -> Any:
    """What the code has for *name*."""
    owner, _, last = name.rpartition(".")
    match owner:
        case "":
            return getattr(ServerSettings(), last)
        case "Limits":
            return getattr(Limits(), last)
        case "FetchPolicy":
            return getattr(FetchPolicy(), last)
        case "Fetcher" | "Reader" | "Files":
            kind = {"Fetcher": Fetcher, "Reader": Reader, "Files": Files}[owner]
            return inspect.signature(kind).parameters[last].default
    return getattr(importlib.import_module(f"interview_fsm.{owner}"), last)


def numbers(text: str) -> list[float]:
    found = re.findall(r"([\d.]+) ?(KiB|MiB|a second|a minute|s\b)?", text)
    return [float(number) * UNITS.get(unit, 1) for number, unit in found]


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.setting)
def test_the_page_says_what_the_code_does(row: Row) -> None:
    names = re.findall(r"`([\w.]+)`", row.setting)
    inside = [default(name) for name in names]
    if not isinstance(inside[0], Struct):  # else a page of its own says it
        assert numbers(row.default) == pytest.approx(inside)
    module, function = re.fullmatch(r"`(\w+)::(\w+)`", row.test).groups()  # type: ignore[union-attr]
    source = (ROOT / "tests" / f"{module}.py").read_text("utf-8")
    assert re.search(rf"^(?:async )?def {function}\(", source, re.MULTILINE), "renamed? the page names it"


def test_no_setting_that_bounds_something_is_left_out() -> None:
    named = {name for row in rows() for name in re.findall(r"`([\w.]+)`", row.setting)}
    settings = {field.name for field in fields(ServerSettings)}
    assert settings - named == NO_BOUNDS
