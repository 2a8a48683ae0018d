"""An interview held in the terminal, from its opening to its report."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import Gone, InterviewError, SessionOver
from .banner import kept_for
from .greeting import left, put_command, spelled, welcome

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager, AsyncExitStack

    from rich.console import Console

    from ..engine import Engine, Limits, Session
    from ..events import Material, Plan
    from ..interview import Interview
    from ..ports import Storage
    from ..terminal import Reader

    Opening = Callable[[Engine], Coroutine[Any, Any, tuple[Session, float]]]

LATEST = "latest"


@contextmanager
def talk(*, apart: bool = False) -> Generator[Console]:
    """The console that an interview is held at: standard output, or with *apart* standard error.

    Line editing needs standard output at the terminal. Where that is a file or a pipe, and the terminal is
    at the other two, the terminal takes its place until the talk is over.
    """
    import io

    from rich.console import Console

    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that lacks a letter is no reason to end
    if not (apart and sys.stdin.isatty() and sys.stderr.isatty()) or sys.stdout.isatty():
        yield Console(highlight=False, stderr=apart)
        return
    sys.stdout.flush()
    output = os.dup(1)
    os.dup2(2, 1)
    try:
        yield Console(highlight=False, stderr=True)
    finally:
        sys.stdout.flush()
        os.dup2(output, 1)
        os.close(output)


def sit(
    opening: Opening,
    plan: Plan,
    difficulty: str,
    console: Console,
    script: Reader | None,
    *,
    asking: dict[str, Any] | None = None,
    hearing: dict[str, Any] | None = None,
    limits: Limits | None = None,
    storage: str = "sqlite",
    database: Path | None = None,
    echo: bool = False,
    voice: bool = False,
    microphone: str | None = None,
    speak: bool = False,
    named: Path | None = None,
) -> Interview:
    """Hold one interview to its report; what ends it early leaves it to be continued.

    Without a *script* the answers come from standard input, or with *voice* from this machine's microphone
    (that called *microphone*), understood as *hearing* says.
    """
    from contextlib import AsyncExitStack

    from .. import terminal
    from ..assistant import assemble
    from ..portal import Portal

    stack = AsyncExitStack()
    assembled = assemble(
        storage=storage,
        path=database,
        recorder="microphone" if voice else None,
        recorder_options={"device": microphone},
        transcriber="speech_recognition" if voice else None,
        transcriber_options=hearing,
        speaker="pyttsx3" if speak else None,
        limits=limits,
        **(asking or {}),
    )
    keeps = storage != "memory"
    with Portal() as portal:
        try:
            engine, session, spent = portal.run(_opened(stack, assembled, opening))
            for line in welcome(session, engine.ports, typing=not echo, keeps=keeps):
                terminal.show(console, line)
            read = script or terminal.Keyboard(console, terminal.begun(session))
            hears = terminal.Voice(session, portal, console, read) if voice else None
            sitting = terminal.Sitting(session, portal, console, read, voice=hears, echo=echo, spent=spent)
            try:
                interview = sitting.hold(plan, difficulty)
            except (KeyboardInterrupt, InterviewError):
                if keeps:
                    begun = read.begun if isinstance(read, terminal.Keyboard) else ""
                    has_kept = portal.run(terminal.keep_begun(engine, session, begun))
                    left(console, session, named, begun=bool(begun), lost=bool(begun) and not has_kept)
                raise
            if keeps:
                put_command(
                    console,
                    f"\nKept {kept_for(engine.limits.retention)}:",
                    spelled("sessions show", interview.id, named),
                )
            return interview
        finally:
            portal.run(stack.aclose())


async def _opened(
    stack: AsyncExitStack, engine: AbstractAsyncContextManager[Engine], opening: Opening
) -> tuple[Engine, Session, float]:
    opened = await stack.enter_async_context(engine)
    await opened.sweep()  # nobody else may: not everyone who practises also serves
    session, spent = await opening(opened)
    return opened, session, spent


OWNER = "terminal"
"""Whose the interviews are that are held here; a server may keep others in the same file."""


def beginning(material: Material) -> Opening:
    """A new interview on *material*."""

    async def begin(engine: Engine) -> tuple[Session, float]:
        return engine.new(material, owner=OWNER), 0.0

    return begin


def going_on(chosen: str) -> Opening:
    """The interview *chosen* by its id or as ``LATEST``, where it was left."""

    async def go_on(engine: Engine) -> tuple[Session, float]:
        from ..interview import Interview
        from ..terminal import spent

        interview_id = await _latest(engine.storage) if chosen == LATEST else chosen
        entries = await engine.storage.load(interview_id)
        if Interview.replay(interview_id, entries).state == "stopped":
            shown = spelled("sessions show", interview_id)
            raise SessionOver(interview_id, f"this interview is over; {shown} prints its report")
        return await engine.open(interview_id), spent(entries)

    return go_on


async def _latest(storage: Storage) -> str:
    """The latest interview that was left here; or Gone."""
    from ..interview import Interview

    heads = [head async for head in storage.interviews(owner=OWNER)]
    for head in sorted(heads, key=lambda head: head.updated_at, reverse=True):
        interview_id = head.interview_id
        if Interview.replay(interview_id, await storage.load(interview_id)).state != "stopped":
            return interview_id
    raise Gone("", "there is no interview to go on with; interview-fsm practice RESUME begins one")
