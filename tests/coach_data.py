"""Résumés and answers for the tests of the coach: small fixtures here, the shared ones where they are."""

from __future__ import annotations

import json
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent / "data" / "coach"
SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"

LAYOUTS = {path.stem: path.read_text() for path in sorted(HERE.glob("*.txt"))}


def shared(name: str) -> Path:
    """A file or folder of the shared test data; skips where there is none, except in CI."""
    path = SHARED / name
    if not path.exists():
        if os.environ.get("CI"):
            pytest.fail(f"the shared test data have no {name}")
        pytest.skip(f"no shared test data: {name}")
    return path


@lru_cache(maxsize=1)
def triples() -> list[dict[str, Any]]:
    return json.loads(shared("answers_eval.json").read_text())["triples"]
