"""Options that several commands have."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import click

from ..errors import SettingError

DATABASE = click.option(
    "--database",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file that interviews are kept in [default: in the platform's data folder].",
)
ALLOW_FETCH = click.option(
    "--allow-fetch",
    multiple=True,
    metavar="HOST:PORT",
    help="Let résumé links reach this host and port, whatever address it has. For development.",
)


FILE = click.Path(path_type=Path, dir_okay=False)


_Command = TypeVar("_Command", bound=Callable[..., Any])


class Between(click.FloatRange):
    """A range that “nan”, which is neither under nor over anything, is not in."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number, or a usage error."""
        number = super().convert(value, param, ctx)
        if number != number:
            self.fail(f"{value!r} is no number.", param, ctx)
        return number


class Place(NamedTuple):
    """The storage that was chosen."""

    name: str
    options: dict[str, Any]
    """What its adapter is made with."""


def storing(command: _Command) -> _Command:
    """The options that choose a storage, on *command*, which is told a Place as ``storage``."""

    @wraps(command)
    def placed(*args: Any, storage: str, **options: Any) -> Any:
        given = {name: options.pop(f"firestore_{name}") for name in ("project", "database")}
        chosen = {name: value for name, value in given.items() if value is not None}
        if chosen and storage != "firestore":
            raise SettingError(f"--firestore-{next(iter(chosen))} goes with --storage firestore")
        return command(*args, storage=Place(storage, chosen), **options)

    for option in reversed(
        (
            click.option(
                "--storage",
                default="sqlite",
                show_default=True,
                help="sqlite, postgres, firestore, memory, or the name of an adapter.",
            ),
            click.option(
                "--firestore-project",
                metavar="ID",
                help="With firestore: Google's project [the credentials'].",
            ),
            click.option(
                "--firestore-database", metavar="ID", help="With firestore: the database in it [(default)]."
            ),
        )
    ):
        placed = option(placed)
    return placed  # type: ignore[return-value]


HOUR, DAY = 3_600.0, 86_400.0
"""In seconds."""
AGE = Between(min=0, min_open=True, max=876_000)
"""Of what is kept, in hours or days: more than nothing, and a date that calendars have."""


def retention(command: _Command) -> _Command:
    """The options that say how long things are kept, on *command*."""
    for option in reversed(
        (
            click.option(
                "--retention",
                default=30.0,
                show_default=True,
                metavar="DAYS",
                type=AGE,
                help="Keep an interview for so many days after its last entry.",
            ),
            click.option(
                "--resume-retention",
                default=24.0,
                show_default=True,
                metavar="HOURS",
                type=AGE,
                help="Keep a résumé's text for so many hours; it goes when its interview stops.",
            ),
        )
    ):
        command = option(command)
    return command


def keeping(options: dict[str, Any]) -> dict[str, Any]:
    """What ``Limits`` is told of how long things are kept, in seconds, taken out of *options*."""
    ages = {"retention": (options.pop("retention"), DAY), "resume": (options.pop("resume_retention"), HOUR)}
    return {name: age * unit for name, (age, unit) in ages.items() if age is not None}


def recognisers(command: _Command) -> _Command:
    """The options that choose who understands speech, on *command*."""
    for option in reversed(
        (
            click.option(
                "--recogniser",
                default="sphinx",
                show_default=True,
                help="Who understands speech: sphinx (on this machine), vosk, faster_whisper, whisper (with "
                "a model of yours), google, openai, groq (services), or another of SpeechRecognition's.",
            ),
            click.option("--recogniser-model", metavar="MODEL", help="Its name, or its folder here."),
            click.option(
                "--recogniser-url", metavar="URL", help="Of a server that speaks as OpenAI's or Groq's."
            ),
        )
    ):
        command = option(command)
    return command


def recognising(options: dict[str, Any]) -> dict[str, Any]:
    """What the adapter ``speech_recognition`` is told, taken out of *options*; empty for its defaults."""
    engine = options.pop("recogniser")
    given = {"model": options.pop("recogniser_model"), "base_url": options.pop("recogniser_url")}
    chosen = {name: value for name, value in given.items() if value is not None}
    return chosen if engine == "sphinx" and not chosen else {"engine": engine, **chosen}


MICROPHONE = click.option(
    "--microphone",
    metavar="NAME",
    help="Of this machine, by its name or a part of it that no other has [the system's choice].",
)
SILENCE = click.option(
    "--silence",
    metavar="SECONDS",
    type=Between(min=0.5, max=30),
    help="Silence that ends a spoken answer; harder questions allow more [1.8].",
)


def bearing(options: dict[str, Any]) -> dict[str, Any]:
    """What ``Limits`` is told of silence, in seconds, taken out of *options*."""
    silence = options.pop("silence")
    return {} if silence is None else {"silence": silence}


def interviewers(command: _Command) -> _Command:
    """The options that choose who asks and assesses, on *command*."""
    for option in reversed(
        (
            click.option(
                "--interviewer",
                default="coach",
                show_default=True,
                help="Who asks and assesses: coach (rules), anthropic, openai (any compatible server), "
                "fallback (--primary, else --secondary, else the coach), or the name of an adapter.",
            ),
            click.option("--primary", metavar="NAME", help="With fallback: who is asked first [anthropic]."),
            click.option("--secondary", metavar="NAME", help="With fallback: who is asked then [nobody]."),
            click.option("--anthropic-model", metavar="MODEL", help="For questions."),
            click.option("--anthropic-feedback-model", metavar="MODEL", help="For feedback."),
            click.option("--anthropic-url", metavar="URL", help="Of a gateway, in place of Anthropic's own."),
            click.option("--openai-url", metavar="URL", help="Such as http://localhost:11434/v1."),
            click.option("--openai-model", metavar="MODEL", help="As the server calls it."),
            click.option("--openai-feedback-model", metavar="MODEL", help="For feedback [the same]."),
            click.option(
                "--patience",
                type=Between(min=0.1, max=20),
                help="How many times as long as usual a model may take.",
            ),
        )
    ):
        command = option(command)
    return command


def interviewing(options: dict[str, Any]) -> dict[str, Any]:
    """What ``assemble`` is told of the interviewer, taken out of *options*."""
    chosen = options.pop("interviewer")
    primary, secondary = options.pop("primary"), options.pop("secondary")
    patience = {"patience": options.pop("patience")}
    given = {
        "anthropic": {
            "model": options.pop("anthropic_model"),
            "feedback_model": options.pop("anthropic_feedback_model"),
            "base_url": options.pop("anthropic_url"),
            **patience,
        },
        "openai": {
            "base_url": options.pop("openai_url"),
            "model": options.pop("openai_model"),
            "feedback_model": options.pop("openai_feedback_model"),
            **patience,
        },
    }
    if chosen == "fallback":
        names = dict.fromkeys((primary or "anthropic", *([secondary] if secondary else []), "coach"))
        chosen = tuple(names)
    elif primary or secondary:
        raise SettingError("--primary and --secondary go with --interviewer fallback")
    return {
        "interviewer": chosen,
        "interviewer_options": {
            name: {key: value for key, value in each.items() if value is not None}
            for name, each in given.items()
        },
    }
