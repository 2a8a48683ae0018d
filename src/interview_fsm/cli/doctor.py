"""``doctor``: what works here, found out by doing it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .options import DATABASE, MICROPHONE, recognisers, recognising
from .running import run

if TYPE_CHECKING:
    from .checks import Check

_MARKS = {"ok": "ok", "missing": "--", "failed": "!!"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON, one object.")
@click.option("--voice/--no-voice", default=True, help="Use microphone and loudspeaker.")
@click.option("--port", default=8765, show_default=True, help="To look at.")
@DATABASE
@recognisers
@MICROPHONE
def doctor(
    as_json: bool, voice: bool, port: int, database: Path | None, microphone: str | None, **options: Any
) -> None:
    """Try what an interview needs, and say what works: Python, port, storage, extras, keys, recogniser,
    loudspeaker, and microphone, which you are asked to speak into for three seconds.

    Ends with 1 when something is broken without which no interview can be held. Answers can always be typed.
    """
    found = run(_examine(port, database, recognising(options), voice=voice, device=microphone))
    broken = [check for check in found if check.is_needed and check.verdict != "ok"]
    if as_json:
        import json

        from .checks import as_data

        done = {"ok": not broken, "checks": [as_data(check) for check in found]}
        click.echo(json.dumps(done, indent=1, ensure_ascii=False))
    else:
        _show(found, is_well=not broken)
    if broken:
        sys.exit(1)


async def _examine(
    port: int, database: Path | None, options: dict[str, Any], *, voice: bool, device: str | None
) -> list[Check]:
    from . import checks

    found = [checks.python(), checks.port(port), await checks.storage(database)]
    found += [*checks.extras(), *checks.secrets()]
    found += await _examine_voice(options, voice=voice, device=device)
    said = "by default rules ask and assess, and nothing leaves this machine; see `config show`"
    return [*found, checks.Check("data", "ok", said)]


async def _examine_voice(options: dict[str, Any], *, voice: bool, device: str | None = None) -> list[Check]:
    from ..adapters import load
    from . import checks

    opened: list[Any] = []

    async def adapter(name: str, **settings: Any) -> Any:
        opened.append(await load(name, **settings))
        return opened[-1]

    async def end_of_speech() -> Check:
        return await checks.end_of_speech(await adapter("stream", patience=0.25))

    async def recogniser() -> Check:
        transcriber = await adapter("speech_recognition", **options)
        if transcriber.sends_to:
            said = "a recorded sentence, and what you say" if voice else "a recorded sentence"
            click.echo(f"This goes to {', '.join(transcriber.sends_to)}: {said}.", err=True)
        return await checks.recogniser(transcriber)

    async def speech() -> Check:
        return await checks.speech(await adapter("pyttsx3"))

    async def microphone() -> Check:
        times = {"patience": checks.LISTENS, "longest": checks.LISTENS}
        recorder = await adapter("microphone", device=device, **times)
        transcriber = await adapter("speech_recognition", **options)
        click.echo(f"Say something, for {checks.LISTENS:.0f} seconds …", err=True)
        return await checks.microphone(recorder, transcriber)

    try:
        found = [
            await checks.attempted(checks.END, end_of_speech),
            await checks.attempted("recogniser", recogniser),
        ]
        if voice:
            found += [
                await checks.attempted("speech", speech),
                await checks.attempted("microphone", microphone),
            ]
        return found
    finally:
        for each in opened:
            await each.aclose()


def _show(found: list[Check], *, is_well: bool) -> None:
    from ..report import plain

    width = max(len(check.name) for check in found)
    for check in found:
        click.echo(f"{_MARKS[check.verdict]}  {check.name:<{width}}  {plain(check.says)}")
    click.echo(
        "Interviews can be held here." if is_well else "No interview can be held here before this is mended."
    )
