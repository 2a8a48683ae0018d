"""The command line: a thin skin on the library.

Heavy imports happen inside the command that needs them, so that ``--version`` and ``--help`` answer at
once. Data goes to stdout, talk to stderr. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 an optional
package is missing, 4 a setting cannot be used, 5 the network failed, 130 Ctrl-C.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from . import __version__
from .errors import AdapterError, Gone, InterviewError, MissingExtra, ResumeError, SessionOver, SettingError
from .settings import Setting, Settings

if TYPE_CHECKING:
    import asyncio
    from contextlib import AbstractAsyncContextManager, AsyncExitStack
    from datetime import datetime

    from rich.console import Console

    from .engine import Engine, Session
    from .eval import Result
    from .events import Entry, Head, Material, Plan, Question, Resume
    from .interview import Interview
    from .ports import Interviewer, Storage
    from .server import Server
    from .server_settings import ServerSettings
    from .terminal import Reader

    Opening = Callable[[Engine], Coroutine[Any, Any, tuple[Session, float]]]

_T = TypeVar("_T")

DATABASE = click.option(
    "--database",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file that interviews are kept in [default: in the platform's data folder].",
)
STORAGE = click.option(
    "--storage",
    default="sqlite",
    show_default=True,
    help="sqlite, postgres, memory, or the name of an adapter.",
)
ALLOW_FETCH = click.option(
    "--allow-fetch",
    multiple=True,
    metavar="HOST:PORT",
    help="Let résumé links reach this host and port, whatever address it has. For development.",
)


_Command = TypeVar("_Command", bound=Callable[..., Any])


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
                type=click.FloatRange(min=0.1, max=20),
                help="How many times as long as usual a model may take.",
            ),
        )
    ):
        command = option(command)
    return command


def _interviewing(options: dict[str, Any]) -> dict[str, Any]:
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


class Commands(click.Group):
    """A group that turns our errors into one sentence and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except InterviewError as error:
            if os.environ.get("INTERVIEW_FSM_DEBUG"):
                raise
            _give_up(error)
        except click.BadParameter as error:
            unfit = ctx.obj.explain(error) if isinstance(ctx.obj, Settings) else None
            if unfit is None:
                raise
            _give_up(unfit)
        except KeyboardInterrupt:
            sys.exit(130)


def _give_up(error: InterviewError) -> NoReturn:
    from .protocol import sentence
    from .report import plain

    click.echo(f"interview-fsm: {plain(sentence(str(error)))}", err=True)
    sys.exit(_exit_code(error))


def _exit_code(error: InterviewError) -> int:
    if isinstance(error, MissingExtra):
        return 3
    if isinstance(error, SettingError):
        return 4
    if isinstance(error, ResumeError) and error.code in ("resume_unreachable", "resume_timeout"):
        return 5
    return 1


def _settings_files() -> list[Path]:
    """Where settings may stand, the weakest first."""
    from platformdirs import user_config_path

    return [user_config_path("interview_fsm", appauthor=False) / "config.toml", Path("interview-fsm.toml")]


@click.group(cls=Commands, context_settings={"auto_envvar_prefix": "INTERVIEW_FSM"})
@click.version_option(__version__, prog_name="interview-fsm")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Practice interviews made from a résumé. Works without a key, a network, or a microphone.

    Every option can be set in the environment (INTERVIEW_FSM_SERVE_PORT=9000) and in interview-fsm.toml
    (a table for each command); the option on the command line is the strongest.
    """
    settings = Settings.read(_settings_files(), main)
    ctx.obj, ctx.default_map = settings, settings.defaults


def _run(work: Coroutine[Any, Any, _T], *, fast: bool = False) -> _T:
    """Run *work* to its end; with *fast* on uvloop, where there is one."""
    import asyncio

    factory = None
    if fast:
        try:
            import uvloop

            factory = uvloop.new_event_loop
        except ImportError:
            pass
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(work)


# ------------------------------------------------------------------------------------------ config


@main.group()
def config() -> None:
    """Look at the settings."""


@config.command("show")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_context
def show_config(ctx: click.Context, as_json: bool) -> None:
    """Print every setting, its value, and where it comes from; of secrets the last characters alone.

    Ends with 4 when one cannot be used.
    """
    from . import keys
    from .redaction import masked

    shown = [each for each in ctx.obj.shown(ctx.find_root()) if not each.name.startswith("config.")]
    for name in keys.NAMES:
        key = keys.find(name)
        value = (masked(key.reveal()) if name.endswith("_KEY") else "…") if key else ""
        shown.append(Setting(name, value, key.origin if key else "not set"))
    if as_json:
        import json

        click.echo(json.dumps([each._asdict() for each in shown], indent=1, ensure_ascii=False))
    else:
        widths = [max(len(each[column]) for each in shown) for column in (0, 1)]
        for each in shown:
            click.echo(f"{each.name:<{widths[0]}}  {each.value or '–':<{widths[1]}}  {each.source}")
    problems = [each.problem for each in shown if each.problem]
    for problem in problems:
        click.echo(f"interview-fsm: {problem}", err=True)
    if problems:
        sys.exit(4)


# ------------------------------------------------------------------------------------------- serve


FILE = click.Path(path_type=Path, dir_okay=False)


@main.command()
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
    "--allow-origin",
    multiple=True,
    metavar="ORIGIN",
    help="A page that may connect, such as http://localhost:3000.",
)
@STORAGE
@click.option("--connections", default=256, show_default=True, help="At once.")
@click.option("--page/--no-page", default=True, help="Serve the page as well.")
@click.option(
    "--linger",
    default=30.0,
    show_default=True,
    type=click.FloatRange(min=0, max=3600),
    help="Seconds that an interview waits, as it is, for a connection that broke.",
)
@click.option("--seed", type=int, help="Draw the same questions for the same résumé each time.")
@click.option("--verbose", "-v", is_flag=True, help="Log what happens; never what is said.")
@interviewers
@DATABASE
@ALLOW_FETCH
def serve(**options: Any) -> None:
    """Serve interviews on ws://localhost:8765."""
    _logging(verbose=options.pop("verbose"))
    _run(_serve(asking=_interviewing(options), **options), fast=True)


def _logging(*, verbose: bool) -> None:
    import logging

    from .redaction import Redaction

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
    speak: bool,
    storage: str,
    linger: float,
    database: Path | None,
    allow_fetch: tuple[str, ...],
    **options: Any,
) -> None:
    from .assistant import assemble
    from .engine import Limits
    from .resume.fetch import Fetcher
    from .resume.links import FetchPolicy
    from .resume.reader import Reader
    from .server import Server

    _check_place(storage, database)
    settings = _server_settings(**options)
    if settings.is_public and allow_fetch:
        raise SettingError("--allow-fetch is for development, and not where other machines can connect")
    limits, speaker = Limits(linger=linger), "pyttsx3" if speak else None
    fetcher, reader = Fetcher(FetchPolicy.allowing(allow_fetch)), Reader()
    try:
        async with (
            assemble(storage=storage, path=database, speaker=speaker, limits=limits, **asking) as engine,
            Server(engine, fetcher=fetcher, reader=reader, settings=settings) as server,
        ):
            path = getattr(engine.storage, "path", None)
            kept = f"{path or 'by ' + storage}, for 30 days" if storage != "memory" else IN_MEMORY
            signals = _hear_signals()  # before anybody is told that there is something to stop
            settle()
            asks = _who(engine.ports.interviewer)
            _banner(server, asks=asks, kept=kept, speak=speak, allow_fetch=allow_fetch)
            await _until_told(server, *signals)
    finally:
        await fetcher.aclose()
        await reader.aclose()


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
    from . import access, listening
    from .server_settings import ServerSettings

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


def _python() -> str:
    """The interpreter, as one would type it here."""
    here, python = Path.cwd(), Path(sys.executable)
    return str(python.relative_to(here)) if python.is_relative_to(here) else str(python)


IN_MEMORY = "in memory, gone when the server ends"


def _who(interviewer: Interviewer) -> list[str]:
    """Who asks, and where data goes; and who could, and does not."""
    places = getattr(interviewer, "sends_to", None)
    name = getattr(interviewer, "name", type(interviewer).__name__)
    if places is None:
        return [f"{name}: ask whoever wrote it where data goes"]
    if places:
        return [f"{name}: a language model; résumé, questions and answers go to {', '.join(places)}"]
    from . import keys

    lying = [key for key in keys.NAMES if os.environ.get(key, "").strip()]
    unused = [f"{', '.join(lying)} is set and not used; --interviewer says who asks"] if lying else []
    return [f"{name}: rules, not a model; nothing leaves this machine", *unused]


def _banner(server: Server, *, asks: list[str], kept: str, speak: bool, allow_fetch: tuple[str, ...]) -> None:
    lines = [
        f"interview-fsm {__version__}",
        *(_to_strangers(server) if server.settings.is_public else _to_this_machine(server)),
        *(f"  {'' if place else 'Questions':<9}  {line}" for place, line in enumerate(asks)),
        f"  Reading    {'aloud on this machine' if speak else 'off (--speak turns it on)'}",
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


# --------------------------------------------------------------------------------- practice and demo


LATEST = "latest"


@main.command()
@click.argument("resume", required=False)
@click.option("--questions", "-n", default=3, show_default=True, type=click.IntRange(1, 50))
@click.option("--difficulty", "-d", default="mid", show_default=True, help="Any words: entry-level, senior …")
@click.option(
    "--continue",
    "unfinished",
    is_flag=False,
    flag_value=LATEST,
    metavar="[ID]",
    help="Go on with the latest interview that was left here, or with this one, in place of RESUME.",
)
@click.option(
    "--answers",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A file with the answers: paragraphs, or a JSON array.",
)
@click.option("--follow-ups/--no-follow-ups", default=True, show_default=True)
@click.option("--seed", type=int, help="Draw the same questions each time.")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print questions, answers and feedback as JSON at the end; the talk goes to standard error.",
)
@interviewers
@DATABASE
@ALLOW_FETCH
@click.pass_context
def practice(ctx: click.Context, /, **options: Any) -> None:
    """Hold an interview here in the terminal, on RESUME: a file or a link.

    Ctrl-C leaves it and loses nothing; --continue goes on.
    """
    if (options["resume"] is None) == (options["unfinished"] is None):
        raise click.UsageError("name a résumé, a file or a link, or give --continue")
    source = ctx.get_parameter_source("database")
    asking = _interviewing(options)
    _practice(**options, asking=asking, is_named=source is click.core.ParameterSource.COMMANDLINE)


def _practice(
    *,
    resume: str | None,
    unfinished: str | None,
    questions: int,
    difficulty: str,
    answers: Path | None,
    follow_ups: bool,
    seed: int | None,
    as_json: bool,
    database: Path | None,
    allow_fetch: tuple[str, ...],
    asking: dict[str, Any],
    is_named: bool,
) -> None:
    import secrets
    from datetime import UTC, datetime

    from msgspec.structs import replace

    from . import terminal
    from .events import Material, Plan

    script = terminal.read_answers(answers) if answers is not None else None
    plan = Plan(
        questions=questions,
        follow_ups=None if follow_ups else 0,
        seed=secrets.randbelow(2**31) if seed is None else seed,
    )
    opening = _going_on(unfinished or "")
    if resume is not None:
        document = _run(_read(resume, allow_fetch))
        _warn(document)
        opening, plan = _beginning(Material.of(document)), replace(plan, resume_digest=document.digest)
    with _talk(apart=as_json) as console:
        interview = _sit(
            opening,
            plan,
            difficulty,
            console,
            terminal.scripted(iter(script)) if script is not None else None,
            asking=asking,
            database=database,
            echo=script is not None or not sys.stdin.isatty(),
            named=database if is_named else None,
        )
    if as_json:
        click.echo(_reported(interview, "json", datetime.now(UTC)), nl=False)


@contextmanager
def _talk(*, apart: bool = False) -> Generator[Console]:
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


def _sit(
    opening: Opening,
    plan: Plan,
    difficulty: str,
    console: Console,
    script: Reader | None,
    *,
    asking: dict[str, Any] | None = None,
    storage: str = "sqlite",
    database: Path | None = None,
    echo: bool = False,
    named: Path | None = None,
) -> Interview:
    """Hold one interview to its report; what ends it early leaves it to be continued.

    Without a *script* the answers come from standard input.
    """
    from contextlib import AsyncExitStack

    from . import terminal
    from .assistant import assemble
    from .portal import Portal

    stack = AsyncExitStack()
    assembled = assemble(storage=storage, path=database, recorder=None, transcriber=None, **(asking or {}))
    keeps = storage != "memory"
    with Portal() as portal:
        try:
            engine, session, spent = portal.run(_opened(stack, assembled, opening))
            for line in _welcome(session, engine.ports.interviewer, typing=not echo, keeps=keeps):
                terminal.show(console, line)
            read = script or terminal.Keyboard(console, terminal.begun(session))
            sitting = terminal.Sitting(session, portal, console, read, echo=echo, spent=spent)
            try:
                interview = sitting.hold(plan, difficulty)
            except (KeyboardInterrupt, InterviewError):
                if keeps:
                    begun = read.begun if isinstance(read, terminal.Keyboard) else ""
                    has_kept = portal.run(terminal.keep_begun(engine, session, begun))
                    _left(console, session, named, begun=bool(begun), lost=bool(begun) and not has_kept)
                raise
            if keeps:
                _commands(console, "\nKept for 30 days:", _shown("sessions show", interview.id, named))
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


def _beginning(material: Material) -> Opening:
    async def begin(engine: Engine) -> tuple[Session, float]:
        return engine.new(material, owner=OWNER), 0.0

    return begin


def _going_on(chosen: str) -> Opening:
    async def go_on(engine: Engine) -> tuple[Session, float]:
        from .interview import Interview
        from .terminal import spent

        interview_id = await _latest(engine.storage) if chosen == LATEST else chosen
        entries = await engine.storage.load(interview_id)
        if Interview.replay(interview_id, entries).state == "stopped":
            shown = _shown("sessions show", interview_id)
            raise SessionOver(interview_id, f"this interview is over; {shown} prints its report")
        return await engine.open(interview_id), spent(entries)

    return go_on


async def _latest(storage: Storage) -> str:
    """The latest interview that was left here; or Gone."""
    from .interview import Interview

    heads = [head async for head in storage.interviews(owner=OWNER)]
    for head in sorted(heads, key=lambda head: head.updated_at, reverse=True):
        interview_id = head.interview_id
        if Interview.replay(interview_id, await storage.load(interview_id)).state != "stopped":
            return interview_id
    raise Gone("", "there is no interview to go on with; interview-fsm practice RESUME begins one")


COACH_TOLD = "You talk to a program (coach: rules, not a model). Nothing leaves this machine."


def _welcome(session: Session, interviewer: Interviewer, *, typing: bool, keeps: bool) -> list[str]:
    """What is said before the first question: what was read, who asks, and how to answer."""
    from . import terminal
    from .views import disclosure

    interview, material = session.interview, session.material
    lines = []
    if keeps and interview.version:
        answered = len(interview.answered)
        so_far = f" {answered} answer{'s' if answered != 1 else ''} so far." if answered else ""
        lines.append(f"Welcome back.{so_far}")
    if material is not None:
        lines.append(_extent(material.resume, material.pages))
    else:
        lines.append("Your résumé's text is no longer kept (24 hours), so new questions are general.")
    told = disclosure(interviewer)
    lines += [told.speaker, told.data] if told.is_model else [COACH_TOLD]
    if typing:
        lines += ["", terminal.HELP]
    return lines


def _extent(text: str, pages: int) -> str:
    from .coaching.evidence import find_evidence

    words, pieces = len(text.split()), len(find_evidence(text))
    read = f"Read: {pages} page{'s' if pages != 1 else ''}, {words} words"
    return f"{read}, {pieces} piece{'s' if pieces != 1 else ''} that questions can build on."


def _left(console: Console, session: Session, named: Path | None, *, begun: bool, lost: bool) -> None:
    """Say what is kept of an interview that was left, and how to go on.

    An answer may have been *begun*, and what was typed of it be *lost*.
    """
    interview = session.interview
    console.print()
    if not interview.version:
        console.print("The interview had not begun, so nothing is kept.")
        return
    if lost:
        console.print("The answer you were typing could not be kept: copy it from above.", style="yellow")
    answered = len(interview.answered)
    kept = f"{answered} answer{'s' if answered != 1 else ''} kept" if answered else "Kept"
    if begun and not lost:
        kept += ", and the one you had begun"
    _commands(console, f"{kept}. To go on:", _shown("practice --continue", interview.id, named))
    _commands(console, "To read it:", _shown("sessions show", interview.id, named))


def _shown(command: str, interview_id: str, named: Path | None = None) -> str:
    import shlex

    where = f" --database {shlex.quote(str(named))}" if named else ""
    return f"interview-fsm {command} {interview_id}{where}"


def _commands(console: Console, words: str, command: str) -> None:
    """A command by itself on its line, so that it can be copied whole."""
    console.print(f"{words}\n  {command}", soft_wrap=True, markup=False)


@main.command()
def demo() -> None:
    """Hold a whole interview by itself, offline: an invented person's résumé, answers, and the report."""
    _demo()


def _demo() -> None:
    import json
    from importlib.resources import files

    from .events import Material, Plan

    data = files("interview_fsm") / "data"
    document = _run(_read_bytes((data / "demo_resume.pdf").read_bytes()))
    answers = json.loads((data / "demo_answers.json").read_text(encoding="utf-8"))
    plan = Plan(questions=3, follow_ups=1, seed=answers["seed"], resume_digest=document.digest)
    opening = _beginning(Material.of(document))
    with _talk() as console:
        console.print("An interview by itself: résumé and answers are an invented person's.")
        read = _demo_reader(answers)
        _sit(opening, plan, answers["difficulty"], console, read, storage="memory", echo=True)


def _demo_reader(answers: dict[str, Any]) -> Reader:
    """The written answer that belongs to a question's competency; the follow-up's own."""
    by_competency, spare = dict(answers["answers"]), list(answers["spare"])

    def read(question: Question) -> str | None:
        if question.follow_up_to is not None:
            return str(answers["follow_up"])
        text = by_competency.pop(question.slot.competency, None)
        return text or (spare.pop(0) if spare else None)

    return read


# ------------------------------------------------------------------------------------------- résumés


async def _read(source: str, allow_fetch: tuple[str, ...]) -> Resume:
    from .assistant import read_resume
    from .resume.fetch import Fetcher
    from .resume.links import FetchPolicy
    from .resume.reader import Reader

    fetcher, reader = Fetcher(FetchPolicy.allowing(allow_fetch)), Reader()
    try:
        given: str | bytes = sys.stdin.buffer.read() if source == "-" else source
        return await read_resume(given, fetcher=fetcher, reader=reader)
    finally:
        await fetcher.aclose()
        await reader.aclose()


async def _read_bytes(document: bytes) -> Resume:
    from .resume.reader import Reader

    reader = Reader()
    try:
        return await reader.read(document)
    finally:
        await reader.aclose()


def _warn(document: Resume) -> None:
    from .coaching.guard import spoken_to_the_grader
    from .report import plain

    for warning in (*document.warnings, *spoken_to_the_grader(document.text)):
        click.echo(f"Warning: {plain(warning.message)}", err=True)


@main.command()
@click.argument("source")
@click.option("--text", "as_text", is_flag=True, help="Print exactly the text that an interviewer gets.")
@click.option("--json", "as_json", is_flag=True, help="Print everything that was read, as JSON.")
@click.option("--show-hidden", is_flag=True, help="Print what a reader of its pages cannot see, and why.")
@ALLOW_FETCH
def resume(
    source: str, as_text: bool, as_json: bool, show_hidden: bool, allow_fetch: tuple[str, ...]
) -> None:
    """Show what is read of a résumé. SOURCE is a file, a link, or - for standard input."""
    document = _run(_read(source, allow_fetch))
    _warn(document)
    if show_hidden:
        _show_hidden(document)
    elif as_json:
        import msgspec

        click.echo(msgspec.json.format(msgspec.json.encode(document), indent=1))
    elif as_text:
        click.echo(document.text)
    else:
        _describe(document)


def _show_hidden(document: Resume) -> None:
    """One line for each piece of text that cannot be seen: page, reason, text."""
    from .report import plain
    from .resume.unseen import KINDS

    hidden = [(page.number, span) for page in document.pages for span in page.spans if span.hidden]
    if not hidden:
        click.echo("Nothing is hidden: all text of this résumé can be seen.")
    for number, span in hidden:
        click.echo(
            f"page {number}  {KINDS.get(span.hidden, span.hidden)}: {' '.join(plain(span.text).split())}"
        )


def _describe(document: Resume) -> None:
    from .coaching.evidence import find_evidence

    text = document.text
    pages = len(document.pages)
    click.echo(f"{pages} page{'s' if pages != 1 else ''}, {len(text)} characters, {len(text.split())} words")
    evidence = find_evidence(text)
    click.echo(f"{len(evidence)} pieces that a question may build on:")
    for piece in evidence:
        click.echo(f"  {piece.kind:<12} {' '.join(piece.text.split())}")


# -------------------------------------------------------------------------------------------- report


@main.command()
@click.argument("interview_id")
@click.option(
    "--format",
    "-f",
    "form",
    type=click.Choice(["text", "md", "html", "json"]),
    help="[default: by the file's name, else text]",
)
@click.option("--output", "-o", type=click.Path(path_type=Path, dir_okay=False))
@STORAGE
@DATABASE
def report(
    interview_id: str, form: str | None, output: Path | None, storage: str, database: Path | None
) -> None:
    """Make a report of an interview that is kept: questions, answers, feedback and what it rests on."""
    from .interview import Interview

    entries = _run(_with_storage(storage, database, lambda opened: _load(opened, interview_id)))
    suffixes = {".md": "md", ".markdown": "md", ".html": "html", ".htm": "html", ".json": "json"}
    form = form or suffixes.get(output.suffix.lower() if output else "", "text")
    written = _reported(Interview.replay(interview_id, entries), form, _given_at(entries))
    if output is None:
        click.echo(written, nl=False)
        return
    try:
        output.write_bytes(written)
    except OSError as error:
        raise SettingError(f"the report cannot be written to {output}: {error.strerror}") from error


# ---------------------------------------------------------------------------------------------- eval


@main.command("eval")
@click.option(
    "--data",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="A JSON file of questions, each with a strong, a medium and a weak answer.",
)
@click.option(
    "--resumes",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="A folder of résumés (PDF, TXT, MD) to ask about.",
)
@click.option("--runs", type=click.IntRange(2, 20), default=3, show_default=True)
@click.option(
    "--json", "output", type=click.Path(path_type=Path, dir_okay=False), help="Write figures there."
)
@interviewers
def evaluate(data: Path, resumes: Path | None, runs: int, output: Path | None, **options: Any) -> None:
    """Measure an interviewer: gates on its scores and, with --resumes, on its questions.

    Ends with 1 when a gate is broken. A model is called many times for each answer.
    """
    import msgspec

    from .eval import measure, read_triples

    triples, asking = read_triples(data.read_bytes()), _interviewing(options)

    async def run() -> Result:
        from .assistant import assemble

        texts = {
            path.name: (await _read(str(path), ())).text
            for path in (sorted(resumes.iterdir()) if resumes else ())
            if path.suffix.lower() in (".pdf", ".txt", ".md")
        }
        async with assemble(storage="memory", recorder=None, transcriber=None, **asking) as engine:
            return await measure(engine.ports.interviewer, triples, texts, runs=runs)

    result = _run(run())
    for gate in result.gates:
        click.echo(f"{'holds ' if gate.holds else 'BROKEN'}  {gate.held} of {gate.of}  {gate.name}")
        for case in dict.fromkeys(() if gate.holds else gate.broken):
            click.echo(f"          {case}")
    if output is not None:
        output.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")
    if not result.holds:
        sys.exit(1)


def _reported(interview: Interview, form: str, made_at: datetime) -> bytes:
    from .report import as_html, as_json, as_markdown, as_text

    if form == "json":
        return as_json(interview, made_at=made_at)
    if form == "html":
        return as_html(interview, made_at=made_at).encode()
    if form == "md":
        return as_markdown(interview, made_at=made_at).encode()
    return as_text(interview).encode() + b"\n"


def _given_at(entries: list[Entry]) -> datetime:
    """When the latest feedback was given; when the interview began, where there is none."""
    from datetime import UTC, datetime

    from .events import FeedbackGiven

    given = [entry for entry in entries if any(isinstance(event, FeedbackGiven) for event in entry.story)]
    return datetime.fromtimestamp((given[-1] if given else entries[0]).at, UTC)


# ------------------------------------------------------------------------------------------- diagram


@main.command()
@click.option(
    "--format",
    "-f",
    "form",
    type=click.Choice(["mermaid", "dot", "svg", "png"]),
    help="[default: by the file's name, else mermaid]",
)
@click.option("--output", "-o", type=click.Path(path_type=Path, dir_okay=False))
def diagram(form: str | None, output: Path | None) -> None:
    """Draw the life of an interview from its table."""
    from .diagram import draw

    suffixes = {
        ".mmd": "mermaid",
        ".md": "mermaid",
        ".dot": "dot",
        ".gv": "dot",
        ".svg": "svg",
        ".png": "png",
    }
    form = form or suffixes.get(output.suffix.lower() if output else "", "mermaid")
    drawn = draw(form)
    if output is not None:
        output.write_bytes(drawn)
    elif form == "png" and sys.stdout.isatty():
        raise SettingError("a PNG cannot be shown in a terminal; use --output FILE")
    else:
        sys.stdout.buffer.write(drawn)
        if form != "png":
            sys.stdout.buffer.write(b"\n")


# ------------------------------------------------------------------------------------------ sessions


@main.group()
def sessions() -> None:
    """Look at the interviews that are kept, take them with you, delete them."""


def _check_place(storage: str, database: Path | None) -> None:
    if database is not None and storage in ("memory", "postgres"):
        raise SettingError(f"--database names the file of SQLite, and does not go with --storage {storage}")


async def _with_storage(storage: str, database: Path | None, work: Any, *, read_only: bool = True) -> Any:
    from .adapters import load

    _check_place(storage, database)
    options: dict[str, Any] = {"path": database} if database is not None else {}
    if storage in ("sqlite", "postgres"):
        options["read_only"] = read_only
    opened = await load(storage, **options)
    try:
        return await work(opened)
    finally:
        await opened.aclose()


@sessions.command("list")
@click.option("--json", "as_json", is_flag=True)
@STORAGE
@DATABASE
def list_sessions(storage: str, database: Path | None, as_json: bool) -> None:
    """List them, the latest last."""

    async def work(storage: Storage) -> list[tuple[Head, Interview]]:
        from .interview import Interview

        heads = sorted([h async for h in storage.interviews()], key=lambda head: head.updated_at)
        return [(h, Interview.replay(h.interview_id, await storage.load(h.interview_id))) for h in heads]

    try:
        found = _run(_with_storage(storage, database, work))
    except AdapterError as error:
        if error.code != "storage_empty":
            raise
        found = []
    if as_json:
        import json

        click.echo(json.dumps([_row(head, interview) for head, interview in found], indent=1))
        return
    if not found:
        click.echo("No interviews are kept.", err=True)
    for head, interview in found:
        row = _row(head, interview)
        counts = f"{row['asked']} asked, {row['answered']} answered"
        click.echo(f"{row['id']}  {row['updated']}  {row['state']:<19} {counts}")


def _row(head: Head, interview: Interview) -> dict[str, Any]:
    return {
        "id": head.interview_id,
        "updated": _when(head.updated_at),
        "state": str(interview.state),
        "asked": len(interview.turns),
        "answered": len(interview.answered),
        "version": head.version,
        "expires": _when(head.expires_at) if head.expires_at else None,
    }


def _when(at: float) -> str:
    from datetime import datetime

    return datetime.fromtimestamp(at).astimezone().isoformat(timespec="seconds")


async def _load(storage: Storage, interview_id: str) -> list[Entry]:
    return await storage.load(interview_id)


@sessions.command()
@click.argument("interview_id")
@STORAGE
@DATABASE
def show(interview_id: str, storage: str, database: Path | None) -> None:
    """Show one: questions, answers, feedback."""
    from rich.text import Text

    from . import terminal
    from .interview import Interview
    from .report import plain

    entries = _run(_with_storage(storage, database, lambda opened: _load(opened, interview_id)))
    interview = Interview.replay(interview_id, entries)
    difficulty = f", difficulty {interview.difficulty}" if interview.difficulty else ""
    with _talk() as console:
        head = f"{interview.id}: {interview.state.replace('_', ' ')}{difficulty}"
        terminal.show(console, Text(plain(head)))
        terminal.report(console, interview)


@sessions.command()
@click.argument("interview_id")
@click.option("--output", "-o", type=click.Path(path_type=Path, dir_okay=False))
@STORAGE
@DATABASE
def export(interview_id: str, output: Path | None, storage: str, database: Path | None) -> None:
    """Write out everything kept of one, as JSON lines: its log, entry by entry."""
    import json

    from .events import FORMAT, encode

    entries = _run(_with_storage(storage, database, lambda opened: _load(opened, interview_id)))
    head = json.dumps({"format": "interview_fsm.log", "version": FORMAT, "interview": interview_id})
    lines = "\n".join([head, *(encode(entry).decode() for entry in entries)]) + "\n"
    if output is None:
        click.echo(lines, nl=False)
    else:
        output.write_text(lines, encoding="utf-8")


@sessions.command()
@click.argument("interview_id", required=False)
@click.option("--all", "everything", is_flag=True, help="Every interview.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@STORAGE
@DATABASE
def delete(
    interview_id: str | None, everything: bool, yes: bool, storage: str, database: Path | None
) -> None:
    """Delete one, or all, for good: no trace of the text stays in any file."""
    if (interview_id is None) == (not everything):
        raise click.UsageError("name an interview, or give --all")
    from .engine import RESUME_SUFFIX

    if not yes:
        click.confirm(f"Delete {'every interview' if everything else interview_id} for good?", abort=True)

    async def work(storage: Storage) -> int:
        chosen = [interview_id] if interview_id else [h.interview_id async for h in storage.interviews()]
        deleted = 0
        for each in chosen:
            await storage.erase(each + RESUME_SUFFIX)
            deleted += await storage.erase(each)
        return deleted

    deleted = _run(_with_storage(storage, database, work, read_only=False))
    click.echo(f"{deleted} deleted.", err=True)
    if not deleted:
        sys.exit(1)
