"""``serve``: the server in the foreground, until it is told to stop."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import MissingExtra, SettingError
from .banner import IN_MEMORY, banner, kept_for, who
from .options import (
    ALLOW_FETCH,
    DATABASE,
    FILE,
    MICROPHONE,
    SILENCE,
    Between,
    Place,
    bearing,
    interviewers,
    interviewing,
    keeping,
    recognisers,
    recognising,
    retention,
    storing,
)
from .running import run
from .storing import check_place

if TYPE_CHECKING:
    import asyncio

    from ..server import Server
    from ..server_settings import ServerSettings


@click.command()
@click.option("--port", default=8765, show_default=True, help="0 for any free port.")
@click.option(
    "--host",
    multiple=True,
    metavar="ADDRESS",
    help="Listen here in place of this machine alone: 0.0.0.0, :: … Needs TLS and an access token.",
)
@click.option("--tls-cert", type=FILE, help="The certificate and its chain, as PEM: serve https and wss.")
@click.option("--tls-key", type=FILE, help="Its key, as PEM, without a password.")
@click.option(
    "--trusted-proxy",
    multiple=True,
    metavar="ADDRESS",
    help="A proxy that ends TLS, and whose word on who asks is taken: an address or a network.",
)
@click.option(
    "--access-token-file",
    type=FILE,
    help="Holds what clients must show, readable by you alone. Or set INTERVIEW_FSM_ACCESS_TOKEN.",
)
@click.option(
    "--allow-host",
    multiple=True,
    metavar="HOST",
    help="A name that this server is reached by, such as interview.example.",
)
@click.option("--speak/--no-speak", default=False, help="Read questions and feedback aloud on this machine.")
@click.option(
    "--speech/--no-speech",
    default=None,
    help="Give sound to pages and programs that want to be read to [default: where the extra tts is there].",
)
@click.option(
    "--allow-origin",
    multiple=True,
    metavar="ORIGIN",
    help="A page that may connect, such as http://localhost:3000.",
)
@storing
@click.option(
    "--firestore-texts",
    is_flag=True,
    help="Put question, answer and summary where a page that listens to Firestore can read them.",
)
@click.option("--connections", default=256, show_default=True, help="At once.")
@click.option("--page/--no-page", default=True, help="Serve the page as well.")
@click.option(
    "--linger",
    default=30.0,
    show_default=True,
    type=Between(min=0, max=3600),
    help="Seconds that an interview waits, as it is, for a connection that broke.",
)
@click.option("--seed", type=int, help="Draw the same questions for the same résumé each time.")
@click.option("--verbose", "-v", is_flag=True, help="Log what happens; never what is said.")
@retention
@interviewers
@recognisers
@MICROPHONE
@SILENCE
@DATABASE
@ALLOW_FETCH
def serve(**options: Any) -> None:
    """Serve interviews on ws://localhost:8765."""
    _logging(verbose=options.pop("verbose"))
    hearing = recognising(options)
    keep = keeping(options) | bearing(options)
    run(_serve(hearing=hearing, asking=interviewing(options), keep=keep, **options), fast=True)


def _logging(*, verbose: bool) -> None:
    import logging

    from ..redaction import Redaction

    logging.basicConfig(
        format="%(levelname)s %(name)s: %(message)s", level=logging.INFO if verbose else logging.WARNING
    )
    for handler in logging.getLogger().handlers:
        handler.addFilter(Redaction())
    logging.getLogger("transitions").setLevel(logging.WARNING)  # two lines for each move
    logging.getLogger("stamina").setLevel(logging.ERROR)  # a second try is no news
    logging.getLogger("websockets").setLevel(logging.CRITICAL if not verbose else logging.INFO)


async def _serve(
    *,
    asking: dict[str, Any],
    hearing: dict[str, Any],
    keep: dict[str, Any],
    speak: bool,
    speech: bool | None,
    storage: Place,
    firestore_texts: bool,
    linger: float,
    microphone: str | None,
    database: Path | None,
    allow_fetch: tuple[str, ...],
    **options: Any,
) -> None:
    from ..assistant import assemble
    from ..engine import Limits
    from ..resume.fetch import Fetcher
    from ..resume.links import FetchPolicy
    from ..resume.reader import Reader
    from ..server import Server

    check_place(storage, database)
    if firestore_texts:
        if storage.name != "firestore":
            raise SettingError("--firestore-texts goes with --storage firestore")
        storage.options["texts"] = True
    settings = _server_settings(**options)
    if settings.is_public and allow_fetch:
        raise SettingError("--allow-fetch is for development, and not where other machines can connect")
    limits, reading = Limits(linger=linger, **keep), _reading(speak=speak, speech=speech)
    fetcher, reader = Fetcher(FetchPolicy.allowing(allow_fetch)), Reader()

    try:
        async with (
            assemble(
                storage=storage.name,
                storage_options=storage.options,
                path=database,
                fetch=fetcher.sound,
                limits=limits,
                recorder_options={"device": microphone},
                transcriber_options=hearing,
                **asking,
                **reading,
            ) as engine,
            Server(engine, fetcher=fetcher, reader=reader, settings=settings) as server,
        ):
            named = getattr(engine.storage, "path", None) or getattr(engine.storage, "place", None)
            place = f"{named or 'by ' + storage.name}, {kept_for(limits.retention)}"
            kept = place if storage.name != "memory" else IN_MEMORY
            signals = _hear_signals()  # before anybody is told that there is something to stop
            settle()
            asks = who(engine.ports.interviewer, getattr(engine.storage, "data", ""))
            hears = getattr(engine.ports.transcriber, "sends_to", ())
            banner(server, asks=asks, hears=hears, kept=kept, speak=speak, allow_fetch=allow_fetch)
            await _until_told(server, *signals)
    finally:
        await fetcher.aclose()
        await reader.aclose()


def _reading(*, speak: bool, speech: bool | None) -> dict[str, Any]:
    """What ``assemble`` is told of the voice: on this machine it is heard by whoever is here, and enough."""
    if speak:
        return {"speaker": "pyttsx3"}
    is_there = all(find_spec(package) is not None for package in ("pyttsx3", "espeakng_loader"))
    if speech and not is_there:
        raise MissingExtra("--speech", "tts")
    return {"speaker": "pyttsx3", "speech_on_demand": True} if is_there and speech is not False else {}


def _server_settings(
    *,
    host: tuple[str, ...],
    allow_host: tuple[str, ...],
    allow_origin: tuple[str, ...],
    trusted_proxy: tuple[str, ...],
    tls_cert: Path | None,
    tls_key: Path | None,
    access_token_file: Path | None,
    **others: Any,
) -> ServerSettings:
    from .. import access, listening
    from ..server_settings import ServerSettings

    if tls_key is not None and tls_cert is None:
        raise SettingError("--tls-key goes with --tls-cert")
    token = os.environ.get("INTERVIEW_FSM_ACCESS_TOKEN", "")
    return ServerSettings(
        addresses=host or listening.LOOPBACK,
        allow_hosts=allow_host,
        allow_origins=allow_origin,
        trusted_proxies=trusted_proxy,
        tls=listening.tls(tls_cert, tls_key) if tls_cert is not None else None,
        access_token=access.read(access_token_file) if access_token_file is not None else token,
        **others,
    )


def settle() -> None:
    """Tune the garbage collector for a process that holds many sessions for long.

    What was loaded at the start never dies, and sessions hold no cycles. With the defaults a thousand
    sessions were stopped for a third of a second by each full collection (``benchmarks/sessions.py``).
    """
    import gc

    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)


def _hear_signals() -> tuple[asyncio.Event, asyncio.Event]:
    """Events for the first SIGINT or SIGTERM and for the second."""
    import asyncio
    import signal
    from contextlib import suppress

    told, again = asyncio.Event(), asyncio.Event()

    def tell() -> None:
        (again if told.is_set() else told).set()

    with suppress(NotImplementedError):  # Windows: there KeyboardInterrupt ends the runner
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, tell)
    return told, again


async def _until_told(server: Server, told: asyncio.Event, again: asyncio.Event) -> None:
    """Serve until told to stop, then drain; told again, end at once."""
    import asyncio

    await told.wait()
    click.echo("Stopping; what runs may end. Once more to stop at once.", err=True)
    draining = asyncio.create_task(server.drain())
    hurry = asyncio.create_task(again.wait())
    await asyncio.wait([draining, hurry], return_when=asyncio.FIRST_COMPLETED)
    for task in (draining, hurry):
        task.cancel()
    await asyncio.wait([draining, hurry])
