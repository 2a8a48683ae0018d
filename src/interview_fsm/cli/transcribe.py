"""``transcribe``: sound files to text, as a spoken answer would be understood."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import AdapterError
from .options import recognisers, recognising
from .running import run

if TYPE_CHECKING:
    from ..events import Transcript
    from ..ports import Transcriber


@click.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False, exists=True)
)
@click.option("--json", "form", flag_value="json", help="Print all that is known, one JSON object a file.")
@click.option("--srt", "form", flag_value="srt", help="Print subtitles, for one file.")
@click.option("--hint", "hints", multiple=True, metavar="WORDS", help="Words that are likely to be said.")
@click.option("--language", default="en", show_default=True, help="BCP 47.")
@recognisers
def transcribe(
    files: tuple[Path, ...], form: str | None, hints: tuple[str, ...], language: str, **options: Any
) -> None:
    """Print what is understood of sound FILES, as a spoken answer would be.

    WAV with 16 kHz in mono needs nothing more; other formats need the extra "files".
    """
    if form == "srt" and len(files) > 1:
        raise click.UsageError("--srt takes one file")
    run(_transcribe(files, form or "text", hints, language, recognising(options)))


async def _transcribe(
    files: tuple[Path, ...], form: str, hints: tuple[str, ...], language: str, options: dict[str, Any]
) -> None:
    from ..adapters import load

    transcriber = await load("speech_recognition", **options)
    if places := transcriber.sends_to:
        click.echo(f"What is in the files goes to {', '.join(places)}.", err=True)
    try:
        for path in files:
            heard = await understood(transcriber, path, hints=hints, language=language)
            _show(path, heard, form, is_alone=len(files) == 1)
    finally:
        await transcriber.aclose()


async def understood(
    transcriber: Transcriber, path: Path, *, hints: tuple[str, ...] = (), language: str = "en"
) -> Transcript:
    """What *transcriber* makes of the file. Raises AdapterError."""
    from contextlib import aclosing

    from ..events import Transcript
    from .sounds import chunks, sound_of, told

    pcm = await sound_of(path)
    try:
        async with aclosing(transcriber.transcribe(chunks(pcm), hints=hints, language=language)) as parts:
            async for part in parts:
                if isinstance(part, Transcript):
                    return part
    except AdapterError as error:
        raise AdapterError(error.adapter, error.code, told(error), retryable=error.retryable) from error
    raise AdapterError("speech_recognition", "recognition_unavailable", "the recogniser gave no text")


def _show(path: Path, heard: Transcript, form: str, *, is_alone: bool) -> None:
    import msgspec

    if form != "json" and (doubt := _doubt(heard)):
        click.echo(f"{path}: {doubt}", err=True)
    if form == "json":
        said = {"file": str(path), **msgspec.to_builtins(heard)}
        click.echo(msgspec.json.encode(said).decode())
    elif form == "srt":
        click.echo(srt(heard), nl=False)
    else:
        click.echo(heard.text if is_alone else f"{path}: {heard.text}")


def _doubt(heard: Transcript) -> str:
    """Why *heard* is not to be relied on as it is; empty where it may be."""
    from ..events import CONFIRM_BELOW

    if not heard.text:
        return "no words were understood"
    if heard.confidence is None or heard.confidence >= CONFIRM_BELOW:
        return ""
    return f"the recogniser is not sure of this (confidence {heard.confidence:.2f}): check it"


def srt(heard: Transcript) -> str:
    """*heard* as SubRip subtitles, one for each segment; one in all where there are none."""
    parts = [(segment.start, segment.end, segment.text) for segment in heard.segments]
    if not parts and heard.text:
        parts = [(0.0, heard.seconds or 0.0, heard.text)]
    return "".join(
        f"{number}\n{_clock(start)} --> {_clock(end)}\n{text}\n\n"
        for number, (start, end, text) in enumerate(parts, 1)
    )


def _clock(seconds: float) -> str:
    minutes, milliseconds = divmod(round(seconds * 1000), 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{milliseconds // 1000:02},{milliseconds % 1000:03}"
