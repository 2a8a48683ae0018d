"""What ``serve`` says when it begins to listen."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .. import __version__
from .options import DAY, HOUR

if TYPE_CHECKING:
    from ..ports import Interviewer
    from ..server import Server


def _python() -> str:
    """The interpreter, as one would type it here."""
    here, python = Path.cwd(), Path(sys.executable)
    return str(python.relative_to(here)) if python.is_relative_to(here) else str(python)


IN_MEMORY = "in memory, gone when the server ends"


def kept_for(seconds: float) -> str:
    """How long something is kept, in words."""
    for unit, length in (("day", DAY), ("hour", HOUR), ("minute", 60.0)):
        if seconds >= length:
            count = f"{seconds / length:.1f}".removesuffix(".0")
            return f"for {count} {unit}{'s' if count != '1' else ''}"
    return "for less than a minute"


def who(interviewer: Interviewer, keeps: str = "") -> list[str]:
    """Who asks, and where data goes; and who could, and does not. *keeps* is what the storage says of it."""
    places = getattr(interviewer, "sends_to", None)
    name = getattr(interviewer, "name", type(interviewer).__name__)
    if places is None:
        return [f"{name}: ask whoever wrote it where data goes"]
    if places:
        return [f"{name}: a language model; résumé, questions and answers go to {', '.join(places)}"]
    from .. import keys

    lying = [key for key in keys.NAMES if os.environ.get(key, "").strip()]
    unused = [f"{', '.join(lying)} is set and not used; --interviewer says who asks"] if lying else []
    goes = keeps[:1].lower() + keeps[1:].rstrip(".") or "nothing leaves this machine"
    return [f"{name}: rules, not a model; {goes}", *unused]


def banner(
    server: Server,
    *,
    asks: list[str],
    hears: tuple[str, ...],
    kept: str,
    speak: bool,
    allow_fetch: tuple[str, ...],
) -> None:
    """Say where it listens, who asks, where what is said goes, what is kept where, and what is unsafe."""
    reads = "aloud on this machine" if speak else "off (--speak turns it on)"
    if server.engine.gives_speech:
        reads = "to pages that want it (--speak: aloud on this machine)"
    lines = [
        f"interview-fsm {__version__}",
        *(_to_strangers(server) if server.settings.is_public else _to_this_machine(server)),
        *(f"  {'' if place else 'Questions':<9}  {line}" for place, line in enumerate(asks)),
        *([f"  Hearing    what is spoken goes to {', '.join(hears)}"] if hears else []),
        f"  Reading    {reads}",
        f"  Interviews {kept}",
    ]
    if allow_fetch:
        lines.append(f"  Warning    links may reach {', '.join(allow_fetch)}: for development only")
    click.echo("\n".join([*lines, "Press Ctrl+C to stop."]))


def _to_this_machine(server: Server) -> list[str]:
    url = server.url
    page = f"{server.home}{'/#token=…' if server.settings.access_token else ''}"
    return [
        *([f"  Page       {page}   open it in a browser"] if server.settings.page else []),
        f"  Listening  {url}   this machine only",
        f"  Talk to it {_python()} -m websockets {url}",
        "             first a link and a count, https://example.com/myresume.pdf;3",
        "             then start_interview, difficulty:entry-level, answer:TEXT or record_answer,",
        "             analyze, stop_interview",
    ]


def _to_strangers(server: Server) -> list[str]:
    settings = server.settings
    by = f"the proxy {', '.join(settings.trusted_proxies)} ends TLS" if settings.tls is None else "with TLS"
    page = f"{server.home}/#token=…   the access token in place of the dots"
    return [
        *([f"  Page       {page}"] if settings.page else []),
        f"  Listening  {', '.join(settings.addresses)} port {server.port}   other machines too; {by}",
        "  Programs   show the access token in the handshake, Authorization: Bearer …",
    ]
