"""Models where they are used: in a session that asks ahead, on the wire, on the command line."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Generator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from websockets.typing import Subprotocol

from interview_fsm import cli
from interview_fsm import events as e
from interview_fsm.adapters import coach, fallback
from interview_fsm.adapters.memory import MemoryStorage
from interview_fsm.cli import banner
from interview_fsm.engine import Engine, Observed, Session
from interview_fsm.interview import Interview, Open
from interview_fsm.portal import Portal
from interview_fsm.ports import Interviewer
from interview_fsm.server import Server, ServerSettings
from interview_fsm.states import State
from interview_fsm.updates import Update

from .modelling import ANSWER, JOB, KEY, OTHER, RESUME, adapter
from .providers import Act, Provider, fails, listening, reply, virtually
from .serving import LINK, Library, Running, closing, exchange

MATERIAL = e.Material(RESUME, JOB, "d", 1)
OVERLOADED = fails(529, "overloaded_error")
DOWN = fails(400, "invalid_request_error")


def open_at(number: int) -> Any:
    return lambda i: isinstance(i.question, Open) and i.question.question == number


async def sit(session: Session, plan: e.Plan, *, thinking: float) -> tuple[Interview, list[float]]:
    """Answer every question after *thinking* seconds; the interview, and what each answer waited."""
    now = asyncio.get_running_loop().time
    await session.send(e.StartInterview(plan))
    await session.send(e.ChooseDifficulty("mid"))
    waits = []
    for number in range(1, plan.count + 1):
        await session.until(open_at(number))
        await asyncio.sleep(thinking)
        began = now()
        await session.send(e.SubmitAnswer(number, ANSWER if number % 2 else OTHER))
        if number < plan.count:
            await session.until(open_at(number + 1))
            waits.append(now() - began)
    await session.send(e.Analyze())
    await session.until(lambda i: i.feedback is not None and not i.feedback_wanted)
    return session.interview, waits


async def chained(*providers: Provider) -> Interviewer:
    links: list[Interviewer] = [await adapter(provider) for provider in providers]
    return await fallback.create(interviewers=[*links, await coach.create()])


# --------------------------------------------------------------------------------------- in a session


def test_with_a_model_that_takes_two_seconds_nobody_waits_for_a_question() -> None:
    async def main() -> None:
        seen: list[Observed] = []
        provider = Provider("anthropic", always=reply(first=1.6, gap=0.2))
        asks = await adapter(provider)
        async with (
            Engine(MemoryStorage(), asks, ahead=True, observe=seen.append) as engine,
            engine.new(MATERIAL) as session,
        ):
            interview, waits = await sit(session, e.Plan(questions=5, follow_ups=0), thinking=30.0)
        assert max(waits) < 0.1
        calls = [each.call for each in seen if each.call is not None]
        questions = [call for call in calls if call.purpose == "ask"]
        assert len(questions) == 5
        for call in questions:
            assert 2.0 <= call.seconds < 3.0
            assert call.first == pytest.approx(1.6)
            assert call.gap == pytest.approx(0.2)
        assert {each.name for each in seen if each.call is not None} == {"call"}
        assert {turn.question.provenance.adapter for turn in interview.turns} == {"anthropic"}

    virtually(main())


def test_what_was_asked_and_said_is_not_observed() -> None:
    async def main() -> None:
        seen: list[Observed] = []
        asks = await adapter(Provider("anthropic"))
        async with (
            Engine(MemoryStorage(), asks, ahead=True, observe=seen.append) as engine,
            engine.new(MATERIAL) as session,
        ):
            await sit(session, e.Plan(questions=2, follow_ups=0), thinking=1.0)
        told = repr(seen)
        assert "late shift" not in told
        assert "bedside" not in told
        assert KEY not in told

    virtually(main())


def test_who_stood_in_is_told_once_it_counts_and_stays_in_the_log() -> None:
    async def main() -> None:
        storage = MemoryStorage()
        # The second question, and the third that is made ahead, find the provider down.
        provider = Provider("anthropic", [reply(), OVERLOADED, OVERLOADED], always=DOWN)
        asks = await chained(provider)
        async with Engine(storage, asks, ahead=True) as engine, engine.new(MATERIAL) as session:
            with session.updates() as news:
                interview, _ = await sit(session, e.Plan(questions=2, follow_ups=0), thinking=20.0)
                await session.send(e.StopInterview())
                told = []
                async for each in news:
                    told.append(each)
                    if isinstance(each, Update) and each.interview.state is State.STOPPED:
                        break
        warnings = [each for each in told if isinstance(each, e.Warning)]
        assert [warning.code for warning in warnings] == ["model_fallback", "model_fallback"]
        assert warnings[0].message == "The question is by coach, in place of anthropic (it is overloaded)."
        assert warnings[1].message.startswith("Feedback is by coach, in place of anthropic")
        kept = Interview.replay(interview.id, await storage.load(interview.id))
        assert kept.turns[0].question.provenance.fallback_from == ()
        assert kept.turns[1].question.provenance.fallback_from == ("anthropic",)
        assert kept.turns[1].question.provenance.fallback_codes == ("model_overloaded",)
        # Not told while the candidate was still answering the first question.
        place = next(place for place, each in enumerate(told) if each is warnings[0])
        assert any(
            isinstance(each, Update) and each.interview.answered and len(each.interview.turns) == 1
            for each in told[:place]
        )

    virtually(main())


@pytest.mark.parametrize(
    "act",
    [OVERLOADED, DOWN, reply("How old are you?"), reply(stop="refusal")],
    ids=["529", "400", "guard", "no"],
)
def test_whatever_the_provider_does_the_interview_comes_to_its_feedback(act: Act) -> None:
    async def main() -> None:
        asks = await chained(Provider("anthropic", always=act), Provider("openai", always=act))
        async with Engine(MemoryStorage(), asks, ahead=True) as engine, engine.new(MATERIAL) as session:
            interview, waits = await sit(session, e.Plan(questions=3, follow_ups=0), thinking=30.0)
        assert max(waits) < 0.1
        assert len(interview.answered) == 3
        assert interview.feedback is not None
        assert interview.feedback.summary
        assert len({turn.question.text for turn in interview.turns}) == 3

    virtually(main())


def test_without_a_fallback_a_failure_is_a_sentence_and_the_candidate_may_ask_again() -> None:
    async def main() -> None:
        provider = Provider("anthropic", [DOWN])
        asks = await adapter(provider)
        async with Engine(MemoryStorage(), asks) as engine, engine.new(MATERIAL) as session:
            await session.send(e.StartInterview(e.Plan(questions=1, follow_ups=0)))
            await session.send(e.ChooseDifficulty("mid"))
            await session.until(lambda i: i.question is None)
            assert session.trouble is not None
            assert session.trouble.code == "model_setup"
            assert "check the key" in session.trouble.message
            await session.send(e.NextQuestion())
            await session.until(open_at(1))

    virtually(main())


# ---------------------------------------------------------------------------------------- on the wire


@contextmanager
def provided(dialect: str = "anthropic", always: Act | None = None) -> Generator[tuple[Provider, str]]:
    """A provider on a port, in a thread of its own; and its URL."""
    provider = Provider(dialect, always=always)
    with Portal() as portal:
        stack = AsyncExitStack()
        url = portal.run(stack.enter_async_context(listening(provider)))
        try:
            yield provider, url
        finally:
            portal.run(stack.aclose())


def serving(engine: Engine) -> Server:
    shelf = Library()
    return Server(engine, fetcher=shelf, reader=shelf, settings=ServerSettings(port=0))


def test_who_speaks_and_where_data_goes_is_told_before_anything_else() -> None:
    async def main() -> None:
        asks = await chained(Provider("anthropic"))
        engine = Engine(MemoryStorage(), asks)
        async with engine, serving(engine) as server:
            served = Running(server, engine, engine.storage, asks)
            async with served.connect(subprotocols=[Subprotocol("interview-fsm.v1")]) as socket:
                await socket.send('{"type": "create_session", "id": "c"}')
                told = json.loads(await socket.recv())["disclosure"]
        assert told["is_model"] is True
        assert told["interviewer"] == "fallback"
        assert "language model: claude-haiku-5-5 asks, claude-sonnet-5-5 assesses" in told["speaker"]
        assert "are sent to provider.invalid" in told["data"]

    asyncio.run(main())


def test_the_plain_dialect_asks_a_models_questions() -> None:
    with provided() as (provider, url):

        async def main() -> None:
            asks = await adapter(provider, url, patience=30.0)
            engine = Engine(MemoryStorage(), asks)
            async with (
                engine,
                serving(engine) as server,
            ):
                served = Running(server, engine, engine.storage, asks)
                async with served.connect() as socket:
                    await socket.send(LINK)
                    await exchange(socket, "start_interview")
                    asked = await exchange(socket, "difficulty:entry-level")
                    await exchange(socket, f"answer:{ANSWER}")
                    analysis = await exchange(socket, "analyze")
                    await socket.send("stop_interview")
                    await closing(socket)
            await asks.aclose()
            assert "which decision in turn 1 was yours" in asked.lower()
            assert "You told real cases." in analysis

        asyncio.run(main())


# -------------------------------------------------------------------------------- on the command line


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    for name in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "INTERVIEW_FSM_KEYS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "resume.md").write_text(RESUME)
    (tmp_path / "answers.txt").write_text(f"{ANSWER}\n\n{OTHER}")
    return tmp_path


def practise(*options: str) -> Any:
    arguments = ["practice", "resume.md", "-n", "2", "--no-follow-ups", "--answers", "answers.txt", "--json"]
    return CliRunner().invoke(cli.main, [*arguments, "--patience", "20", *options])


def test_practice_with_a_model_says_so_and_reports_it(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    with provided() as (provider, url):
        done = practise("--interviewer", "anthropic", "--anthropic-url", url, "--anthropic-model", "claude-x")
    assert done.exit_code == 0, done.output
    assert "You talk to a language model: claude-x asks" in " ".join(done.stderr.split())
    assert "are sent to 127.0.0.1" in " ".join(done.stderr.split())
    assert KEY not in done.output
    report = json.loads(done.stdout)
    assert "claude-x" in json.dumps(report)
    assert "claude-sonnet-5-5" in json.dumps(report)
    assert provider.calls == 5


def test_practice_with_a_compatible_server_needs_no_key(here: Path) -> None:
    with provided("openai") as (provider, url):
        done = practise("--interviewer", "openai", "--openai-url", f"{url}/v1", "--openai-model", "llama")
    assert done.exit_code == 0, done.output
    assert provider.headers[0]["authorization"] == "Bearer none"
    assert '"llama"' in done.stdout


def test_practice_falls_back_and_shows_it(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    with provided(always=DOWN) as (_, first), provided("openai") as (second, url):
        done = practise(
            "--interviewer", "fallback", "--anthropic-url", first, "--secondary", "openai",
            "--openai-url", f"{url}/v1", "--openai-model", "llama",
        )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "(by openai; anthropic could not)" in done.stderr
    assert second.calls == 5


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--interviewer", "anthropic"], "set ANTHROPIC_API_KEY"),
        (["--interviewer", "openai"], "base URL"),
        (["--interviewer", "openai", "--openai-model", "x", "--openai-url", "localhost"], "no base URL"),
        (["--interviewer", "nobody"], "there is no adapter called 'nobody'"),
        (["--secondary", "openai"], "go with --interviewer fallback"),
    ],
)
def test_what_is_missing_is_said_and_nothing_is_begun(options: list[str], said: str, here: Path) -> None:
    done = practise(*options)
    assert done.exit_code == 4
    assert said.lower() in done.stderr.lower()
    assert not list(here.rglob("*.sqlite*"))


def test_a_key_that_lies_about_makes_nothing_use_it(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    done = practise()
    assert done.exit_code == 0
    assert "Nothing leaves this machine." in done.stderr


RULES = "coach: rules, not a model; nothing leaves this machine"
GOES = "résumé, questions and answers go to"


@pytest.mark.parametrize(
    ("key", "asks", "lines"),
    [
        ("", "coach", [RULES]),
        (KEY, "coach", [RULES, "ANTHROPIC_API_KEY is set and not used; --interviewer says who asks"]),
        (KEY, "anthropic", [f"anthropic: a language model; {GOES} provider.invalid"]),
    ],
)
def test_the_banner_says_who_asks_and_where_data_goes(
    key: str, asks: str, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setenv("ANTHROPIC_API_KEY", key)

    async def main() -> None:
        interviewer: Any = await coach.create() if asks == "coach" else await adapter(Provider("anthropic"))
        assert banner.who(interviewer) == lines

    asyncio.run(main())
