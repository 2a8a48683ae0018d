"""Frames that are almost messages of JSON v1: proper ones, broken in every way that a client, a proxy or an
attacker breaks them. The same seed gives the same frames.
"""

from __future__ import annotations

import copy
import json
import random
from typing import Any

from .v1_client import PROPER

VARIANTS: tuple[dict[str, Any], ...] = (
    *({"type": kind, "id": f"id-{kind}", **fields} for kind, fields in PROPER.items()),
    {"type": "create_session", "plan": {"questions": 2, "language": "de", "advance": "on_request"}},
    {"type": "create_session", "plan": {"follow_ups": 0, "slots": [{"text": "Why?"}], "rubric": []}},
    {"type": "create_session", "plan": {"rubric": [{"dimension": "d", "anchors": ["a"], "weight": 0.5}]}},
    {"type": "create_session", "resume": {"text": "Ada"}, "job_description": "x", "access_token": "t"},
    {"type": "create_session", "resume": {"url": "https://example.com/bad.pdf"}},
    {"type": "set_resume", "upload": "u1"},
    {"type": "set_resume", "url": "https://example.com/cv.pdf"},
    {"type": "begin_upload", "purpose": "answer", "name": "a.wav", "size": 9, "sha256": "0" * 64},
    {"type": "get_report", "format": "markdown"},
    {"type": "get_report", "format": "html", "id": "g"},
    {"type": "record_answer", "id": "ra", "question": 1, "source": {"upload": "u1"}},
    {"type": "record_answer", "id": "rb", "question": 1, "source": {"url": "https://example.com/a.wav"}},
    {"type": "record_answer", "id": "rc", "question": 2, "source": "microphone"},
    *({"type": "submit_answer", "id": f"s{n}", "question": n, "text": f"I did {n}."} for n in (2, 3, 4)),
)  # fmt: skip
"""Proper commands: one of each kind, and the optional fields."""

ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2, 51, 2**31, 2**63, 2**64, 10**30, 0.5, -0.0, 1e308, 1.0,
    "", " ", "~", "~a", "x" * 64, "x" * 65, "\x00", "\ud800", "\u202e", "é\u0301", "🙂" * 40, "null",
    "../../etc/passwd", "https://127.0.0.1/", "file:///etc/passwd", "{{7*7}}", "'; DROP TABLE logs; --",
    [], {}, [[]], {"": ""}, {"type": "ping"}, ["ping"], [1] * 60, {"text": None}, {"upload": "u", "url": "x"},
)  # fmt: skip
"""Values that somewhere, some day, broke something."""

PIECES = (
    "{", "}", "[", "]", '"', ",", ":", "\\", "\\u", "\\ud800", "\x00", "\ufeff", "e", "-", "1e999", "NaN",
    "Infinity", "//", "/*", "'", "\n", "\u2028", "0x1", "true", '"type":"ping",', "[" * 3000,
)  # fmt: skip


class Mutation:
    """An endless supply of frames."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)

    def frame(self) -> str | bytes:
        """One frame: a sixth of them are proper, a few are binary, the others were."""
        rng = self._rng
        chance = rng.random()
        if chance < 0.03:
            return rng.randbytes(rng.choice((0, 1, 4, 9, 300)))
        message = copy.deepcopy(rng.choice(VARIANTS))
        if rng.random() < 0.5 and "id" in message:
            message["id"] = f"i{rng.randrange(200)}"
        if chance < 0.2:
            return json.dumps(message)
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            self._change(message)
        text = json.dumps(message, ensure_ascii=rng.random() < 0.5)
        if chance > 0.6:
            for _ in range(rng.choice((1, 1, 2, 5))):
                text = self._damage(text)
        # A socket gives no text that is no Unicode: websockets has refused it with 1007.
        return text.encode("utf-8", "replace").decode()[:65_536]

    def _change(self, message: Any) -> None:
        """Change one place in the tree."""
        rng, node = self._rng, message
        while True:
            keys = list(node) if isinstance(node, dict) else list(range(len(node)))
            if not keys:
                return
            key = rng.choice(keys)
            if isinstance(node[key], dict | list) and rng.random() < 0.7:
                node = node[key]
                continue
            break
        match rng.randrange(6):
            case 0:
                del node[key]
            case 1 | 2:
                node[key] = copy.deepcopy(rng.choice(ODD))
            case 3:
                other = rng.choice(VARIANTS)
                node[key] = copy.deepcopy(rng.choice(list(other.values())))
            case 4 if isinstance(node, dict):
                name = rng.choice(("colour", "Type", "type ", "id", "question", "text", "", "__proto__"))
                node[name] = copy.deepcopy(rng.choice(ODD))
            case _:
                node[key] = [node[key]] if rng.random() < 0.5 else {"value": node[key]}

    def _damage(self, text: str) -> str:
        """Damage the text."""
        rng = self._rng
        at = rng.randrange(len(text) + 1)
        to = min(len(text), at + rng.choice((1, 1, 2, 8, 100)))
        match rng.randrange(7):
            case 0:
                return text[:at]
            case 1:
                return text[:at] + text[to:]
            case 2:
                return text[:at] + rng.choice(PIECES) + text[at:]
            case 3:
                return text[:at] + text[at:to] * rng.choice((2, 3, 50)) + text[to:]
            case 4:
                return (
                    text[:at]
                    + chr(rng.choice((0, 9, 10, 31, 34, 92, 127, 233, 8232, 65533, 128578)))
                    + text[to:]
                )
            case 5:
                return text + rng.choice((" ", "\n", text, "{}", "]"))
            case _:
                return text.swapcase() if rng.random() < 0.2 else text[at:] + text[:at]
