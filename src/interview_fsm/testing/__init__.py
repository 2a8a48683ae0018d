"""For the tests of those who build on interview_fsm, and for ours: virtual time, and a fake of every port.

``run()`` in place of ``asyncio.run()`` makes a test of thirty seconds take none and fails it when something
is left behind. The Scripted fakes give what they are told, when they are told; FaultyStorage loses requests,
replies and processes by plan. ``interview_fsm.testing.storage`` and ``interview_fsm.testing.voice`` hold the
contract suites that adapters must pass.
"""

from .clock import Deadlock, LeftBehind, VirtualLoop, run, turns
from .fakes import (
    FRAME,
    HANGS,
    Crash,
    Fault,
    FaultPlan,
    FaultyStorage,
    ScriptedInterviewer,
    ScriptedRecorder,
    ScriptedSpeaker,
    ScriptedTranscriber,
    Step,
    no_faults,
)

__all__ = [
    "FRAME",
    "HANGS",
    "Crash",
    "Deadlock",
    "Fault",
    "FaultPlan",
    "FaultyStorage",
    "LeftBehind",
    "ScriptedInterviewer",
    "ScriptedRecorder",
    "ScriptedSpeaker",
    "ScriptedTranscriber",
    "Step",
    "VirtualLoop",
    "no_faults",
    "run",
    "turns",
]
