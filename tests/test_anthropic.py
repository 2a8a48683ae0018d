"""The adapter for Anthropic's models: the real SDK before a provider on loopback that misbehaves on cue."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import anthropic as sdk
import pytest
from msgspec.structs import replace

from interview_fsm.adapters import anthropic, coach
from interview_fsm.adapters._failures import ModelError
from interview_fsm.budget import Amount, Budget, Spending
from interview_fsm.errors import BudgetSpent, SettingError
from interview_fsm.events import Analyze, CorrectAnswer, FeedbackGiven, NotScored, Plan, Score, Transcript
from interview_fsm.ports import Called
from interview_fsm.report.markdown import as_markdown

from .modelling import (
    ANSWER,
    AT_ONCE,
    EVENTUALLY,
    KEY,
    OTHER,
    RESUME,
    adapter,
    analyzed,
    answered,
    asked,
    begun,
    fault,
    held,
)
from .providers import (
    CANARY,
    SUMMARY,
    Act,
    Provider,
    bad_json,
    broken,
    cut,
    end_early,
    error_event,
    fails,
    hang_up,
    in_splinters,
    listening,
    nothing_more,
    page,
    pings,
    reply,
    silence,
    virtually,
)

NAME = "anthropic"


def limited(seconds: str) -> Act:
    return fails(429, "rate_limit_error", retry_after=seconds)


OVERLOADED = fails(529, "overloaded_error")

# ------------------------------------------------------------------------------------ what goes wrong


@pytest.mark.parametrize(
    ("act", "code", "tries"),
    [
        pytest.param(limited("3600"), "model_rate_limited", 1, id="429 for an hour"),
        pytest.param(limited("0"), "model_rate_limited", 2, id="429 for no time"),
        pytest.param(
            fails(429, "rate_limit_error", x_should_retry="false"),
            "model_rate_limited",
            1,
            id="429 that is not to be tried again",
        ),
        pytest.param(OVERLOADED, "model_overloaded", 2, id="529"),
        pytest.param(fails(500), "model_overloaded", 2, id="500"),
        pytest.param(page(502), "model_overloaded", 2, id="502 with a page"),
        pytest.param(fails(400, "invalid_request_error"), "model_setup", 1, id="400"),
        pytest.param(fails(401, "authentication_error"), "model_setup", 1, id="401"),
        pytest.param(fails(402, "billing_error"), "model_setup", 1, id="402"),
        pytest.param(fails(403, "permission_error"), "model_setup", 1, id="403"),
        pytest.param(fails(404, "not_found_error"), "model_setup", 1, id="404"),
        pytest.param(fails(413, "request_too_large"), "model_setup", 1, id="413"),
        pytest.param(page(), "model_cut_off", 2, id="200 with a page"),
        pytest.param(hang_up, "model_cut_off", 2, id="the connection breaks before a word"),
        pytest.param(broken(cut), "model_cut_off", 2, id="it breaks in the midst"),
        pytest.param(broken(end_early), "model_cut_off", 2, id="a clean end before the end"),
        pytest.param(broken(error_event), "model_overloaded", 2, id="an error event"),
        pytest.param(broken(bad_json), "model_unusable", 2, id="an event that is no JSON"),
        pytest.param(reply(stop="refusal"), "model_refused", 1, id="a refusal"),
        pytest.param(reply(stop="max_tokens"), "model_cut_off", 2, id="no tokens left"),
        pytest.param(
            reply(stop="model_context_window_exceeded"), "context_truncated", 1, id="no context left"
        ),
    ],
)
def test_each_fault_ends_in_a_code_and_a_sentence(act: Act, code: str, tries: int) -> None:
    async def main() -> None:
        error, _ = await fault(NAME, act, tries=tries)
        assert error.code == code
        assert error.adapter == NAME
        assert str(error).startswith(("anthropic ", "the reply of anthropic "))
        assert ";" in str(error)  # what happened; what to do
        assert error.__cause__ is not None or code in ("model_cut_off", "model_refused", "context_truncated")

    asyncio.run(main())


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(silence, id="not even a status line"),
        pytest.param(broken(nothing_more, after=""), id="a status line and no word"),
        pytest.param(broken(pings, after=""), id="signs of life and no word"),
    ],
)
def test_silence_before_the_first_text_is_given_up_in_its_time(act: Act) -> None:
    async def main() -> None:
        error, _ = await fault(NAME, act, patience=AT_ONCE, tries=1)
        assert error.code == "model_timeout"

    asyncio.run(main())


@pytest.mark.parametrize("act", [silence, broken(nothing_more, after=""), broken(pings, after="")])
def test_the_first_text_has_four_seconds(act: Act) -> None:
    async def main() -> None:
        provider, notes = Provider(NAME, always=act), list[Called]()
        interviewer = await adapter(provider)
        with pytest.raises(ModelError, match="in time"):
            await asked(interviewer, note=notes.append)
        assert asyncio.get_running_loop().time() == pytest.approx(4.0)
        assert [(seen.outcome, seen.first) for seen in notes] == [("model_timeout", None)]
        assert provider.gone == 1

    virtually(main())


@pytest.mark.parametrize("act", [broken(nothing_more), broken(pings)], ids=["a stall", "a stall with pings"])
def test_a_stall_is_given_up_after_two_seconds_whatever_signs_of_life_there_are(act: Act) -> None:
    async def main() -> None:
        provider, notes = Provider(NAME, always=act), list[Called]()
        interviewer = await adapter(provider)
        with pytest.raises(ModelError, match="in time"):
            await asked(interviewer, note=notes.append)
        assert asyncio.get_running_loop().time() == pytest.approx(2.0)
        assert provider.gone == 1
        assert notes[0].first == pytest.approx(0.0)

    virtually(main())


def test_a_trickle_is_given_up_after_ten_seconds() -> None:
    async def main() -> None:
        provider = Provider(NAME, always=reply("word " * 400, first=1.0, gap=1.0))
        interviewer = await adapter(provider)
        with pytest.raises(ModelError, match="in time"):
            await asked(interviewer)
        assert asyncio.get_running_loop().time() == pytest.approx(10.0)

    virtually(main())


def test_a_slow_reply_within_its_time_is_taken_and_timed() -> None:
    async def main() -> None:
        notes: list[Called] = []
        provider = Provider(NAME, always=reply(first=3.0, gap=1.5))
        question = await asked(await adapter(provider), note=notes.append)
        assert question.provenance.adapter == NAME
        (seen,) = notes
        assert (seen.outcome, seen.purpose, seen.model) == ("ok", "ask", "claude-haiku-5-5")
        assert seen.first == pytest.approx(3.0)
        assert seen.gap == pytest.approx(1.5)
        assert seen.seconds == pytest.approx(asyncio.get_running_loop().time())
        assert seen.input_tokens > 100
        assert seen.output_tokens > 10

    virtually(main())


def test_a_short_pause_is_waited_for_and_a_long_one_is_not() -> None:
    async def wait(seconds: str) -> tuple[float, int, str]:
        provider = Provider(NAME, [limited(seconds)])
        began = asyncio.get_running_loop().time()
        try:
            await asked(await adapter(provider))
            code = "ok"
        except ModelError as error:
            code = error.code
            assert error.retry_after == float(seconds)
        return asyncio.get_running_loop().time() - began, provider.calls, code

    async def main() -> None:
        assert await wait("1") == (pytest.approx(1.0), 2, "ok")
        assert await wait("1.6") == (pytest.approx(0.0), 1, "model_rate_limited")
        assert await wait("3600") == (pytest.approx(0.0), 1, "model_rate_limited")

    virtually(main())


def test_a_second_try_has_what_is_left_of_the_time_and_no_more() -> None:
    async def main() -> None:
        # Cut after nine of ten seconds: a second try begins, and is given up at ten.
        async def late(provider: Provider, wire: Any, body: dict[str, Any]) -> None:
            await asyncio.sleep(3.9)
            wire.cut()

        provider = Provider(NAME, [late], always=silence)
        with pytest.raises(ModelError, match="in time"):
            await asked(await adapter(provider))
        assert provider.calls == 2
        assert asyncio.get_running_loop().time() == pytest.approx(3.9 + 0.3 + 4.0)

    virtually(main())


def test_what_goes_wrong_once_is_tried_again_and_nobody_notices() -> None:
    async def main() -> None:
        for act in (
            OVERLOADED,
            broken(cut),
            broken(end_early),
            broken(bad_json),
            page(502),
        ):
            provider = Provider(NAME, [act])
            question = await asked(await adapter(provider))
            assert provider.calls == 2
            assert question.provenance.fallback_from == ()

    virtually(main())


def test_giving_a_call_up_hangs_up_and_the_client_goes_on() -> None:
    async def main() -> None:
        provider = Provider(NAME, [silence])
        async with listening(provider) as url:
            interviewer = await adapter(provider, url, patience=EVENTUALLY)
            asking = asyncio.create_task(asked(interviewer))
            while not provider.calls:
                await asyncio.sleep(0.001)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            while not provider.gone:
                await asyncio.sleep(0.001)
            assert (await asked(interviewer)).provenance.adapter == NAME
            await interviewer.aclose()

    asyncio.run(main())


def test_nothing_that_is_said_or_sent_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        provider = Provider(NAME, [OVERLOADED, reply()], always=fails(401))
        interviewer = await adapter(provider)
        await asked(interviewer)
        with pytest.raises(ModelError):
            await asked(interviewer)

    with caplog.at_level(logging.INFO):
        virtually(main())
    told = caplog.text + "".join(str(record.__dict__) for record in caplog.records)
    assert CANARY not in told
    assert KEY not in told
    assert "bedside handover" not in told


# ------------------------------------------------------------------------------------ what is sent


def only_request(provider: Provider) -> dict[str, Any]:
    (request,) = provider.requests
    return request


def test_a_request_has_what_every_model_takes_and_nothing_else() -> None:
    async def main() -> None:
        provider = Provider(NAME)
        await asked(await adapter(provider))
        request = only_request(provider)
        assert set(request) == {
            "model", "max_tokens", "system", "messages", "stream", "thinking", "output_config",
        }  # fmt: skip
        assert request["model"] == "claude-haiku-5-5"
        assert request["max_tokens"] == 200
        assert request["thinking"] == {"type": "disabled"}
        assert request["output_config"] == {"effort": "low"}
        assert [message["role"] for message in request["messages"]] == ["user"]  # no words put in its mouth
        headers = provider.headers[0]
        assert headers["authorization"] == f"Bearer {KEY}"
        assert headers["anthropic-version"] >= "2026-10-21"
        assert provider.paths == ["/v1/messages"]

    virtually(main())


@pytest.mark.parametrize(
    ("model", "thinking", "effort", "room"),
    [
        ("claude-haiku-5-5", {"type": "disabled"}, True, False),
        ("claude-sonnet-5-5", {"type": "between_tools"}, True, False),
        ("claude-opus-5-5", None, True, True),
        ("claude-something-new", None, False, True),
    ],
)
def test_each_model_gets_the_parameters_that_it_takes(
    model: str, thinking: dict[str, str] | None, effort: bool, room: bool
) -> None:
    async def main() -> None:
        provider = Provider(NAME)
        question = await asked(await adapter(provider, model=model))
        request = only_request(provider)
        assert request.get("thinking") == thinking
        assert ("output_config" in request) == effort
        assert (request["max_tokens"] > 1000) == room
        assert question.provenance.model == model

    virtually(main())


def test_feedback_is_asked_for_as_data_of_a_fixed_shape() -> None:
    async def main() -> None:
        provider = Provider(NAME)
        await analyzed(await adapter(provider), answered([ANSWER]))
        assess, summary = provider.requests
        schema = assess["output_config"]["format"]["schema"]
        assert assess["model"] == "claude-sonnet-5-5"
        assert assess["output_config"]["effort"] == "medium"
        assert schema["additionalProperties"] is False
        assert set(schema["required"]) == set(schema["properties"])
        assert "temperature" not in assess
        assert "ward" not in str(schema)  # kept by the provider apart from prompts
        assert set(summary["output_config"]["format"]["schema"]["properties"]) == {"summary", "practice"}

    virtually(main())


@pytest.mark.filterwarnings("ignore:The model:DeprecationWarning")
def test_a_deprecated_model_is_the_users_choice() -> None:
    async def main() -> None:
        model = next(iter(sdk.resources.messages.messages.DEPRECATED_MODELS))
        provider = Provider(NAME)
        assert (await asked(await adapter(provider, model=model))).provenance.model == model

    virtually(main())


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    async def main() -> None:
        provider = Provider(NAME)
        async with listening(provider) as url:
            interviewer = await adapter(provider, url, patience=EVENTUALLY)
            assert (await asked(interviewer)).provenance.adapter == NAME
            await interviewer.aclose()

    asyncio.run(main())


def test_no_trace_headers_are_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_OPEN_TELEMETRY_TRACES_CONTENT_MODE", "content")

    async def main() -> None:
        provider = Provider(NAME)
        await asked(await adapter(provider))
        assert not {"traceparent", "tracestate", "baggage"} & set(provider.headers[0])

    virtually(main())


# -------------------------------------------------------------------------------------------- the key


def test_without_a_key_there_is_a_sentence_and_no_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "somebody-elses")
    monkeypatch.setenv("ANTHROPIC_PROFILE", "default")

    async def main() -> None:
        for key in (None, "", "  "):
            with pytest.raises(SettingError, match="ANTHROPIC_API_KEY"):
                await anthropic.create(coach=await coach.create(), api_key=key)

    asyncio.run(main())


def test_the_key_of_the_environment_is_used_and_that_of_the_settings_before_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "from-the-environment")
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "somebody-elses")

    async def main() -> None:
        provider = Provider(NAME)
        await asked(await adapter(provider, api_key=None))
        await asked(await adapter(provider, api_key="from-the-settings"))
        assert [headers["authorization"] for headers in provider.headers] == [
            "Bearer from-the-environment", "Bearer from-the-settings",
        ]  # fmt: skip

    virtually(main())


def test_a_broken_profile_on_disk_is_not_looked_at(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "default.json").write_text("{ broken")
    (tmp_path / "active_config").write_text("default")
    monkeypatch.setenv("ANTHROPIC_CONFIG_DIR", str(tmp_path))

    async def main() -> None:
        provider = Provider(NAME)
        await asked(await adapter(provider))
        assert provider.headers[0]["authorization"] == f"Bearer {KEY}"

    virtually(main())


# ------------------------------------------------------------------------------------ whole interviews


def test_a_whole_interview_over_real_sockets() -> None:
    async def main() -> None:
        provider = Provider(NAME)
        async with listening(provider) as url:
            interviewer = await adapter(provider, url, patience=EVENTUALLY)
            interview = await held(interviewer, [ANSWER, OTHER])
            feedback = await analyzed(interviewer, interview.after(Analyze()))
            await interviewer.aclose()
            await interviewer.aclose()
        assert [turn.question.provenance.adapter for turn in interview.turns] == [NAME, NAME]
        assert provider.calls == 5  # two questions, two answers, one summary
        assert feedback.summary == SUMMARY
        for given in feedback.answers:
            assert given.provenance.model == "claude-sonnet-5-5"
            assert all(isinstance(score, Score) and score.quotes for score in given.scores)
        assert "language model" in feedback.limitations

    asyncio.run(main())


def test_a_budget_that_is_spent_ends_calls_before_they_are_made() -> None:
    async def main() -> None:
        provider = Provider(NAME)
        interviewer = await adapter(provider)
        budget = Budget(Amount(calls=1, input_tokens=100_000, output_tokens=100_000))
        await asked(interviewer, budget=budget)
        with pytest.raises(BudgetSpent):
            await asked(interviewer, budget=budget)
        assert provider.calls == 1
        assert budget.spent.input_tokens == provider.fresh + provider.cached

    virtually(main())


LONG = {
    "resume": RESUME + "\n- Reduced the errors of medication rounds by 12 percent on ward 7 in Leeds" * 200,
    "job_description": "We look for a charge nurse who trains others and leads. " * 120,
}
"""More of both than a model is shown."""


def test_fifteen_questions_on_the_longest_material_are_within_the_budget() -> None:
    async def main() -> None:
        interviewer, count = await adapter(Provider(NAME)), 15
        budget = Budget(Spending().interview(count))
        interview = await held(interviewer, [ANSWER] * count, budget=budget, **LONG)
        feedback = await analyzed(interviewer, interview.after(Analyze()), budget=budget, **LONG)
        assert budget.spent.input_tokens > 5_000 * count, "the material was sent"
        assert {each.provenance.adapter for each in (feedback, *feedback.answers)} == {NAME}

    virtually(main())


def test_once_the_budget_is_spent_the_rules_assess_what_is_left_and_the_report_says_why() -> None:
    async def main() -> None:
        budget = Budget(Amount(calls=1, input_tokens=100_000, output_tokens=100_000))
        interview = answered([ANSWER, OTHER])
        feedback = await analyzed(await adapter(Provider(NAME)), interview, budget=budget)
        made = sorted((each.provenance for each in feedback.answers), key=lambda by: by.adapter)
        assert [by.adapter for by in made] == [NAME, "coach"]
        assert (made[1].fallback_from, made[1].fallback_codes) == ((NAME,), ("budget_spent",))
        assert all(isinstance(score, Score) for each in feedback.answers for score in each.scores)
        assert "language model" in feedback.limitations
        assert "rules" in feedback.limitations.casefold()
        told = as_markdown(interview.after(FeedbackGiven(feedback)))
        assert f"in place of {NAME}: what this interview may cost is spent" in " ".join(told.split())

    virtually(main())


def test_a_pace_far_outside_the_common_range_is_mentioned_beside_what_the_model_says() -> None:
    async def main() -> None:
        interview = answered([ANSWER])
        (turn,) = interview.turns
        assert turn.answer is not None
        heard = Transcript(ANSWER, seconds=len(ANSWER.split()) / 4)  # 240 words a minute
        spoken = replace(interview, turns=(replace(turn, answer=replace(turn.answer, transcript=heard)),))
        (given,) = (await analyzed(await adapter(Provider(NAME)), spoken)).answers
        assert given.provenance.adapter == NAME
        assert [each.aspect for each in given.observations if each.aspect == "pace"] == ["pace"]

    virtually(main())


def test_without_anything_to_spend_feedback_fails_and_says_so() -> None:
    async def main() -> None:
        with pytest.raises(BudgetSpent):
            await analyzed(await adapter(Provider(NAME)), answered([ANSWER, OTHER]), budget=Budget(Amount()))

    virtually(main())


def test_a_second_try_is_a_call_of_its_own_in_the_budget() -> None:
    async def main() -> None:
        provider = Provider(NAME, [broken(cut)])
        budget = Budget(Amount(calls=5, input_tokens=100_000, output_tokens=100_000))
        await asked(await adapter(provider), budget=budget)
        assert budget.spent.calls == 2

    virtually(main())


def test_bytes_that_are_cut_anywhere_and_events_that_nobody_knows_are_read() -> None:
    async def main() -> None:
        provider = Provider(NAME, always=in_splinters)
        async with listening(provider) as url:
            interviewer = await adapter(provider, url, patience=EVENTUALLY)
            question = await asked(interviewer)
            await interviewer.aclose()
        assert question.text.endswith("as your résumé says — “naïve” or not?")
        assert question.provenance.adapter == NAME

    asyncio.run(main())


def test_another_language_is_asked_for_and_has_no_coach_to_fall_back_on() -> None:
    async def main() -> None:
        german = begun(Plan(questions=2, follow_ups=0, language="de"))
        provider = Provider(NAME, [reply("Welche Entscheidung auf Station 4 war Ihre, und was kam heraus?")])
        interviewer = await adapter(provider)
        question = await asked(interviewer, german)
        assert question.text.startswith("Welche Entscheidung")
        assert "Write in: de" in str(provider.requests[0])
        provider.always = reply("Sehr gut!")
        with pytest.raises(ModelError) as caught:
            await asked(interviewer, german)
        assert caught.value.code == "model_unusable"

    virtually(main())


def test_in_another_language_the_model_assesses_and_its_assessments_are_kept() -> None:
    async def main() -> None:
        provider = Provider(NAME)
        interviewer = await adapter(provider)
        german = answered([ANSWER, OTHER], Plan(questions=2, follow_ups=0, language="de"))
        feedback = await analyzed(interviewer, german)
        assert all(isinstance(score, Score) for given in feedback.answers for score in given.scores)
        assert {given.provenance.adapter for given in feedback.answers} == {NAME}
        again = german.following(
            [FeedbackGiven(feedback), CorrectAnswer(2, OTHER + " So it was."), Analyze()]
        )
        calls = provider.calls
        anew = await analyzed(interviewer, again)
        assert anew.answers[0] == feedback.answers[0]
        assert provider.calls == calls + 2, "the answer that changed, and the summary"

    virtually(main())


@pytest.mark.parametrize(("language", "is_said"), [("en-GB", False), ("de-CH", False), ("ja", True)])
def test_where_the_guard_does_not_know_the_language_the_limitations_say_so(
    language: str, is_said: bool
) -> None:
    async def main() -> None:
        interview = answered([ANSWER], Plan(questions=1, follow_ups=0, language=language))
        feedback = await analyzed(await adapter(Provider(NAME)), interview)
        assert ("were not checked for topics" in feedback.limitations) is is_said

    virtually(main())


def test_a_question_that_pries_is_asked_anew_in_any_language_that_is_known() -> None:
    async def main() -> None:
        provider = Provider(NAME, [reply("Sind Sie verheiratet?")], always=reply("Was war Ihr Anteil daran?"))
        german = begun(Plan(questions=1, follow_ups=0, language="de"))
        assert (await asked(await adapter(provider), german)).text == "Was war Ihr Anteil daran?"
        assert provider.calls == 2

    virtually(main())


def test_without_the_models_summary_another_language_has_none_and_that_is_said() -> None:
    async def main() -> None:
        german = answered([ANSWER], Plan(questions=1, follow_ups=0, language="de"))
        known = await analyzed(await adapter(Provider(NAME)), german)
        again = german.following([FeedbackGiven(known), Analyze()])
        feedback = await analyzed(await adapter(Provider(NAME, always=fails(400))), again)
        assert feedback.answers == known.answers
        assert feedback.summary.startswith("There is no summary: the coach works in English")

    virtually(main())


def test_the_answers_that_failed_are_marked_and_the_others_are_there() -> None:
    async def main() -> None:
        provider = Provider(NAME, [fails(400)])
        feedback = await analyzed(await adapter(provider), answered([ANSWER, OTHER]))
        failed = [all(isinstance(score, NotScored) for score in given.scores) for given in feedback.answers]
        assert sorted(failed) == [False, True]
        bad = feedback.answers[failed.index(True)]
        assert {score.reason for score in bad.scores if isinstance(score, NotScored)} == {"failed"}
        assert bad.observations == ()

    virtually(main())
