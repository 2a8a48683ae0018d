"""Résumé-driven practice interviews: an explicit state machine, a durable log, adapters for the world.

The public names, loaded when they are first used, so that ``import interview_fsm`` costs nothing and
brings in no SDK.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .archive import export_interview
    from .assistant import InterviewAssistant, assemble
    from .engine import Engine, Limits, Session
    from .errors import AdapterError, InterviewError, InvalidCommand, ResumeError
    from .events import Criterion, Material, Plan, Slot
    from .interview import Interview
    from .retention import Receipt, erase_interview
    from .states import MACHINE, RULES, Rule, State, Trigger, fire

__version__ = "0.1.0"

_HOMES = {
    "AdapterError": "errors",
    "Criterion": "events",
    "Engine": "engine",
    "Interview": "interview",
    "InterviewAssistant": "assistant",
    "InterviewError": "errors",
    "InvalidCommand": "errors",
    "Limits": "engine",
    "MACHINE": "states",
    "Material": "events",
    "Plan": "events",
    "RULES": "states",
    "Receipt": "retention",
    "ResumeError": "errors",
    "Rule": "states",
    "Session": "engine",
    "Slot": "events",
    "State": "states",
    "Trigger": "states",
    "assemble": "assistant",
    "erase_interview": "retention",
    "export_interview": "archive",
    "fire": "states",
}

__all__ = [
    "MACHINE",
    "RULES",
    "AdapterError",
    "Criterion",
    "Engine",
    "Interview",
    "InterviewAssistant",
    "InterviewError",
    "InvalidCommand",
    "Limits",
    "Material",
    "Plan",
    "Receipt",
    "ResumeError",
    "Rule",
    "Session",
    "Slot",
    "State",
    "Trigger",
    "assemble",
    "erase_interview",
    "export_interview",
    "fire",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
