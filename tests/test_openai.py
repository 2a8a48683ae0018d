"""The adapter for servers that speak chat completions: the real SDK before one that misbehaves on cue."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from interview_fsm.adapters import coach, openai
from interview_fsm.adapters._failures import ModelError
from interview_fsm.errors import SettingError
from interview_fsm.events import Analyze, Score
from interview_fsm.ports import Called

from .modelling import (
    ANSWER,
    AT_ONCE,
    EVENTUALLY,
    KEY,
    OTHER,
    adapter,
    analyzed,
    answered,
    asked,
    fault,
    held,
)
from .providers import (
    SUMMARY,
    Act,
    Body,
    Provider,
    Wire,
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
    sensible,
    silence,
    virtually,
)

NAME = "openai"


def refuses(words: str, unless: str = "", status: int = 400) -> Act:
    """Turn down what has *words* in it, as servers do that do not know a parameter."""

    async def act(provider: Provider, wire: Wire, body: Body) -> None:
        bad = words in body
        answer = fails(status, "invalid", message=f"Unsupported parameter: '{words}'") if bad else reply()
        await answer(provider, wire, body)

    return act


# ------------------------------------------------------------------------------------ what goes wrong


@pytest.mark.parametrize(
    ("act", "code", "tries"),
    [
        pytest.param(fails(429, retry_after="3600"), "model_rate_limited", 1, id="429 for an hour"),
        pytest.param(fails(429, retry_after="0"), "model_rate_limited", 2, id="429 for no time"),
        pytest.param(fails(503), "model_overloaded", 2, id="503"),
        pytest.param(page(502), "model_overloaded", 2, id="502 with a page"),
        pytest.param(fails(400), "model_setup", 1, id="400"),
        pytest.param(fails(401), "model_setup", 1, id="401"),
        pytest.param(fails(404, "model_not_found"), "model_setup", 1, id="404, as for a model it has not"),
        pytest.param(page(), "model_cut_off", 2, id="200 with a page"),
        pytest.param(hang_up, "model_cut_off", 2, id="the connection breaks before a word"),
        pytest.param(broken(cut), "model_cut_off", 2, id="it breaks in the midst"),
        pytest.param(broken(end_early), "model_cut_off", 2, id="a clean end before the end"),
        pytest.param(broken(error_event), "model_overloaded", 2, id="an error in the stream"),
        pytest.param(broken(bad_json), "model_unusable", 2, id="a chunk that is no JSON"),
        pytest.param(reply(stop="length"), "model_cut_off", 2, id="no tokens left"),
        pytest.param(reply(stop="content_filter"), "model_refused", 1, id="a filter"),
        pytest.param(reply("<think>So, the nurse"), "model_cut_off", 2, id="a thought without an end"),
    ],
)
def test_each_fault_ends_in_a_code_and_a_sentence(act: Act, code: str, tries: int) -> None:
    async def main() -> None:
        error, _ = await fault(NAME, act, tries=tries)
        assert error.code == code

    asyncio.run(main())


@pytest.mark.parametrize("act", [silence, broken(pings, after=""), broken(pings), broken(nothing_more)])
def test_silence_and_stalls_are_given_up_in_their_time(act: Act) -> None:
    async def main() -> None:
        provider = Provider(NAME, always=act)
        async with listening(provider) as url:
            interviewer = await adapter(provider, url, patience=AT_ONCE)
            with pytest.raises(ModelError) as caught:
                await asked(interviewer)
            await interviewer.aclose()
        assert caught.value.code == "model_timeout"

    asyncio.run(main())


def test_a_server_next_door_is_given_more_time() -> None:
    async def main() -> None:
        provider = Provider(NAME, always=reply(first=9.0))
        interviewer = await adapter(provider, patience=openai.PATIENCE)
        assert (await asked(interviewer)).provenance.model == "llama"
        with pytest.raises(ModelError):
            await asked(await adapter(provider))
        provider.always = silence
        began = asyncio.get_running_loop().time()
        with pytest.raises(ModelError):
            await asked(interviewer)
        assert asyncio.get_running_loop().time() - began == pytest.approx(4.0 * openai.PATIENCE)

    virtually(main())


def test_nobody_listens_there() -> None:
    async def main() -> None:
        provider = Provider(NAME)
        async with listening(provider) as url:
            pass
        interviewer = await adapter(provider, url, patience=EVENTUALLY)
        with pytest.raises(ModelError) as caught:
            await asked(interviewer)
        assert caught.value.code == "model_unreachable"
        await interviewer.aclose()

    asyncio.run(main())


# ------------------------------------------------------------------------------------ what is sent


def test_a_request_has_the_parameters_that_every_server_knows() -> None:
    async def main() -> None:
        provider = Provider(NAME)
        await asked(await adapter(provider))
        (request,) = provider.requests
        assert set(request) == {"model", "max_tokens", "messages", "stream", "stream_options"}
        assert [message["role"] for message in request["messages"]] == ["system", "user"]
        assert provider.paths == ["/v1/chat/completions"]

    virtually(main())


def test_the_two_sides_alternate_however_long_the_interview() -> None:
    async def main() -> None:
        provider = Provider(NAME)
        await held(await adapter(provider), [ANSWER, OTHER, ANSWER])
        roles = [message["role"] for message in provider.requests[-1]["messages"]]
        assert roles == ["system", "user", "assistant", "user", "assistant", "user"]

    virtually(main())


@pytest.mark.parametrize(
    ("given", "sent"), [(None, "Bearer none"), ("mine", "Bearer mine")], ids=["without a key", "with one"]
)
def test_a_key_is_sent_where_there_is_one(
    given: str | None, sent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setenv("OPENAI_ORG_ID", "somebody-elses")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://elsewhere.invalid")

    async def main() -> None:
        provider = Provider(NAME)
        await asked(await adapter(provider, api_key=given))
        headers = provider.headers[0]
        assert headers["authorization"] == sent
        assert headers.get("openai-organization", "") == ""

    virtually(main())


@pytest.mark.parametrize("settings", [{}, {"base_url": "http://localhost:1/v1"}, {"model": "llama"}])
def test_without_a_place_or_a_model_there_is_a_sentence(settings: dict[str, str]) -> None:
    async def main() -> None:
        with pytest.raises(SettingError, match="base URL"):
            await openai.create(coach=await coach.create(), **settings)

    asyncio.run(main())


@pytest.mark.parametrize("place", ["http://[", "localhost:11434", "ftp://localhost/v1", "http:///v1"])
def test_a_place_that_is_none_is_a_setting_error(place: str) -> None:
    async def main() -> None:
        with pytest.raises(SettingError, match="no base URL"):
            await openai.create(coach=await coach.create(), base_url=place, model="llama")

    asyncio.run(main())


# ------------------------------------------------------------------------------------ one step down


def test_feedback_is_asked_for_by_schema_first() -> None:
    async def main() -> None:
        provider = Provider(NAME)
        await analyzed(await adapter(provider), answered([ANSWER]))
        form = provider.requests[0]["response_format"]
        assert form["type"] == "json_schema"
        assert form["json_schema"]["strict"] is True
        schema = form["json_schema"]["schema"]
        assert set(schema["required"]) == set(schema["properties"])
        assert schema["additionalProperties"] is False

    virtually(main())


@pytest.mark.parametrize("status", [400, 422])
def test_a_server_without_schemas_gets_the_schema_in_words_from_then_on(status: int) -> None:
    async def main() -> None:
        provider = Provider(NAME, always=refuses("response_format", status=status))
        interviewer = await adapter(provider)
        feedback = await analyzed(interviewer, answered([ANSWER]))
        assert all(isinstance(score, Score) for score in feedback.answers[0].scores)
        assert feedback.summary == SUMMARY
        turned_down = [request for request in provider.requests if "response_format" in request]
        assert len(turned_down) == 1
        system = provider.requests[-1]["messages"][0]["content"]
        assert '"practice"' in system
        assert "Reply with one JSON object" in system

    virtually(main())


def test_groqs_way_of_saying_so_is_understood() -> None:
    async def main() -> None:
        async def act(provider: Provider, wire: Wire, body: Body) -> None:
            failing = fails(400, "json_validate_failed", message="Failed to generate JSON")
            await (failing if "response_format" in body else reply())(provider, wire, body)

        provider = Provider(NAME, always=act)
        feedback = await analyzed(await adapter(provider), answered([ANSWER]))
        assert isinstance(feedback.answers[0].scores[0], Score)

    virtually(main())


def test_the_newer_name_of_the_token_limit_is_used_where_the_older_is_turned_down() -> None:
    async def main() -> None:
        provider = Provider(NAME, always=refuses("max_tokens"))
        interviewer = await adapter(provider)
        await asked(interviewer)
        await asked(interviewer)
        assert ["max_completion_tokens" in request for request in provider.requests] == [False, True, True]

    virtually(main())


def test_a_server_that_cannot_count_in_a_stream_is_not_asked_to() -> None:
    async def main() -> None:
        notes: list[Called] = []
        provider = Provider(NAME, always=refuses("stream_options"))
        await asked(await adapter(provider), note=notes.append)
        assert notes[-1].outcome == "ok"
        assert notes[-1].input_tokens == 0  # unknown

    virtually(main())


def test_a_server_that_turns_everything_down_is_not_asked_for_ever() -> None:
    async def main() -> None:
        provider = Provider(NAME, always=fails(400, message="response_format max_tokens stream_options"))
        with pytest.raises(ModelError) as caught:
            await asked(await adapter(provider))
        assert caught.value.code == "model_setup"
        assert provider.calls <= 4

    virtually(main())


# ------------------------------------------------------------------------------------ what comes back


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


def test_thoughts_are_stripped() -> None:
    async def main() -> None:
        for thought in (
            "<think>The nurse {x}? Hm.</think>\n\n",
            "<THINK>\n</THINK>",
            "\n<think>a<b</think> ",
        ):
            provider = Provider(NAME, always=reply(lambda body, thought=thought: thought + sensible(body)))
            question = await asked(await adapter(provider))
            assert question.text.startswith("Your résumé says")
            assert question.provenance.adapter == NAME

    virtually(main())


def test_thoughts_before_an_assessment_are_stripped_too() -> None:
    async def main() -> None:
        def thinks(body: Body) -> str:
            return f"<think>{{not json}}</think>Here it is:\n```json\n{sensible(body)}\n```"

        provider = Provider(NAME, always=reply(thinks))
        feedback = await analyzed(await adapter(provider), answered([ANSWER]))
        assert isinstance(feedback.answers[0].scores[0], Score)

    virtually(main())


def test_a_context_that_was_cut_is_noticed() -> None:
    async def main() -> None:
        provider = Provider(NAME, always=reply(usage={"fresh": 600}))
        long = "Led the night shift. " * 600
        with pytest.raises(ModelError) as caught:
            await asked(await adapter(provider), resume=long)
        assert caught.value.code == "context_truncated"
        assert "num_ctx" in str(caught.value)
        assert provider.calls == 1

    virtually(main())


@pytest.mark.parametrize("usage", [{"fresh": 0}, {"fresh": 100}], ids=["not counted", "short anyway"])
def test_a_short_prompt_is_not_taken_for_a_cut_one(usage: dict[str, int]) -> None:
    async def main() -> None:
        provider = Provider(NAME, always=reply(usage=usage))
        assert (await asked(await adapter(provider))).provenance.adapter == NAME

    virtually(main())


def test_a_reply_without_a_last_line_is_whole() -> None:
    async def main() -> None:
        async def act(provider: Provider, wire: Wire, body: Body) -> None:
            # Some servers leave [DONE] out; the reason for the end is what counts.
            await wire.head(200, {"content-type": "text/event-stream"})
            chunk: dict[str, Any] = {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "m"}
            for delta, why in (({"content": sensible(body)}, None), ({}, "stop")):
                choices = [{"index": 0, "delta": delta, "finish_reason": why}]
                await wire.send(f"data: {json.dumps(chunk | {'choices': choices})}\n\n".encode())
            await wire.end()

        provider = Provider(NAME, always=act)
        assert (await asked(await adapter(provider))).provenance.adapter == NAME

    virtually(main())


def test_a_whole_interview_over_real_sockets() -> None:
    async def main() -> None:
        provider = Provider(NAME)
        async with listening(provider) as url:
            interviewer = await adapter(provider, url, api_key=KEY, patience=EVENTUALLY)
            interview = await held(interviewer, [ANSWER, OTHER])
            feedback = await analyzed(interviewer, interview.after(Analyze()))
            await interviewer.aclose()
        assert {turn.question.provenance.model for turn in interview.turns} == {"llama"}
        assert feedback.provenance.adapter == NAME
        assert provider.calls == 5

    asyncio.run(main())
