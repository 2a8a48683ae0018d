"""How good an interviewer is, measured: gates on its scores and on its questions, for any adapter.

``measure()`` puts given answers, and changes of them that may not help, to an interviewer and holds what it
says against what must be so. ``interview-fsm eval`` does the same from a command line. A gate that breaks
names what broke it; a gate that holds shows its figures. None of this says that scores agree with people.
"""

from __future__ import annotations

from .gates import Result, measure
from .material import Said, Triple, read_triples
from .tally import Gate

__all__ = ["Gate", "Result", "Said", "Triple", "measure", "read_triples"]
