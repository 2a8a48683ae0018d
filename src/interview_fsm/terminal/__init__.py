"""An interview in the terminal: questions, typed answers, and a report worth reading."""

from __future__ import annotations

from .answers import Reader, begun, keep_begun, read_answers, scripted
from .feedback import report
from .keyboard import HELP, Keyboard
from .showing import show
from .sitting import Sitting, spent
from .voice import Voice

__all__ = [
    "HELP",
    "Keyboard",
    "Reader",
    "Sitting",
    "Voice",
    "begun",
    "keep_begun",
    "read_answers",
    "report",
    "scripted",
    "show",
    "spent",
]
