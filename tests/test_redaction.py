"""Keys and people: what is refused, what is masked, and what is left alone.

The shapes are put together here from pieces, so that no scanner of sources takes them for real ones.
"""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import secrets
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.typing import Subprotocol

from interview_fsm import messages
from interview_fsm.redaction import (
    KEY_ENDINGS,
    KEY_FIELDS,
    WITH_TOKEN,
    Redaction,
    is_secret_name,
    looks_like_key,
    masked,
    redact,
)

from .serving import LINK, closing, exchange, running
from .v1_client import PROPER

ROOT = Path(__file__).resolve().parents[1]
RANDOM = "aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5z7A9"
KEYS = {
    "anthropic": "sk-" + "ant-api03-" + RANDOM,
    "openai": "sk-" + "proj-" + RANDOM,
    "openai, old": "sk-" + RANDOM,
    "openrouter": "sk-" + "or-v1-" + "6f1c0e5b9f3a4b0e8d2a7c9e1f0b3d5c",
    "aws": "AKIA" + "IOSFODNN7E1X4MPL",
    "aws, for a while": "ASIA" + "IOSFODNN7E1X4MPL",
    "google": "AIza" + RANDOM[:35],
    "github": "ghp_" + RANDOM[:36],
    "github, fine": "github_pat_" + RANDOM,
    "slack": "xoxb-" + "1234567890-" + RANDOM[:24],
    "hugging face": "hf_" + RANDOM[:34],
    "groq": "gsk_" + RANDOM,
    "gitlab": "glpat-" + RANDOM[:20],
    "replicate": "r8_" + RANDOM[:37],
    "perplexity": "pplx-" + RANDOM,
}
PRIVATE_KEY = "-----BEGIN " + "RSA PRIVATE KEY-----\nMIIEow" + RANDOM + "\n-----END RSA PRIVATE KEY-----"

FIELDS = [
    "api_key", "apikey", "apiKey", "API_KEY", "api-key", "api.key", "x-api-key", "key", "Key",
    "authorization", "Authorization", "openai_api_key", "anthropicApiKey", "secret", "client_secret",
    "password", "access_key", "secret_key", "aws_secret_access_key", "private_key", "auth_token", "bearer",
    "credentials", "credential", "ａｐｉ_key", "access_key_id", "api_keys", "api_secret", "api_token",
    "bearer_token", "passwd", "token",
]  # fmt: skip

HARMLESS = [
    LINK,
    "https://example.com/cv.pdf?key=abc&Signature=x;3",
    "start_interview",
    "difficulty:entry-level",
    "record_answer",
    "answer:We rotated the api_key: monthly, and the password too.",
    "answer:The key: talk to people. Authorization: was my part.",
    "analyze",
    "stop_interview",
    "",
    "answer:I used sk-learn-pipelines-and-column-transformers and sk-image for it.",
    "answer:sk-learn-2023-conference-proceedings-volume-2 was mine",
    "answer:task-aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5z7A9",
    '{"type": "submit_answer", "text": "{\\"api_key\\": \\"x\\"}"}',
    '{"type": "submit_answer", "text": "my key: honesty", "keys": 1, "monkey": 2}',
    '{"type": "submit_answer", "text": "unfinished key',
    "[" * 5000,
    "-----BEGIN PUBLIC KEY-----",
]


# ------------------------------------------------------------------------------ what looks like a key


@pytest.mark.parametrize(
    "name",
    [*FIELDS, "access_token", "PAGE_TOKEN", "db_password", "Signing-Secret", "token", "password", "secret"],
)
def test_a_setting_named_for_a_secret_is_one(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["", "tokens", "passwords_file", "secretary", "questions", "monkey"])
def test_a_setting_that_is_no_secret_is_shown(name: str) -> None:
    assert not is_secret_name(name)


def test_three_changes_between_letters_and_digits_make_a_key_and_two_do_not() -> None:
    word = "abcdefghijklmnopqrstuvwxyz"
    assert looks_like_key(f"sk-{word}1{word}2")
    assert not looks_like_key(f"sk-{word}1{word}")


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS.keys())
def test_a_text_in_the_shape_of_a_key_is_one_wherever_it_stands(key: str) -> None:
    for frame in (
        key,
        f"answer:{key}",
        f"https://h.example/cv.pdf;3;{key}",
        json.dumps({"text": f"x {key}."}),
    ):
        assert looks_like_key(frame)


def test_a_private_key_is_a_key() -> None:
    assert looks_like_key(PRIVATE_KEY)
    assert looks_like_key("answer:-----BEGIN " + "PRIVATE KEY-----")


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_named_for_a_key_is_refused_in_either_dialect_whatever_its_value(name: str) -> None:
    frames = [
        json.dumps({"type": "create_session", name: "x"}),
        json.dumps({"type": "create_session", name: "x"}, ensure_ascii=True).replace("k", "\\u006b"),
        json.dumps({"type": "create_session", "plan": {"slots": [{"text": "Why?"}, {name: None}]}}),
        json.dumps([{name: ["x"]}]),
        f'  {{"type": "ping", "{name}" : "unfinished',
        f"{name}: x",
        f"{name}=x",
        f' "{name}" = x',
    ]
    for frame in frames:
        assert looks_like_key(frame), frame


@pytest.mark.parametrize("frame", HARMLESS)
def test_what_people_and_programs_say_is_no_key(frame: str) -> None:
    assert not looks_like_key(frame)


def test_every_proper_message_is_no_key() -> None:
    for kind, fields in PROPER.items():
        assert not looks_like_key(json.dumps({"type": kind, "id": "a" * 64} | fields))
    token = secrets.token_hex(32)
    assert not looks_like_key(json.dumps({"type": "resume_session", "session": "a" * 32, "token": token}))
    assert not looks_like_key(json.dumps({"type": "create_session", "access_token": token}))


def names(schema: Any) -> set[str]:
    if isinstance(schema, dict):
        found = set(schema.get("properties", {}))
        return found.union(*(names(value) for value in schema.values()))
    return set().union(*map(names, schema)) if isinstance(schema, list) else set()


def test_no_field_of_the_wire_is_named_for_a_key() -> None:
    known = names(messages.schema())
    assert "access_token" in known
    with_token = {kind for kind, fields in PROPER.items() if "token" in fields}
    assert with_token == set(WITH_TOKEN)
    for name in known - {"token"}:
        assert name.replace("_", "") not in KEY_FIELDS
        assert not name.replace("_", "").endswith(KEY_ENDINGS)


def test_no_résumé_of_the_tests_holds_a_key() -> None:
    texts = [*Path(__file__).parent.rglob("*.md"), *Path(__file__).parent.rglob("*.json")]
    assert texts
    for path in texts:
        assert not looks_like_key("answer:" + path.read_text("utf-8")), path


def in_git(*arguments: str) -> str:
    """What git says of this checkout."""
    if not (ROOT / ".git").exists() or ("CI" not in os.environ and shutil.which("git") is None):
        pytest.skip("not a checkout, or no git")
    done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, check=True, timeout=100)
    return done.stdout.decode("utf-8", "replace")


def shapes(text: str) -> list[str]:
    """The lines that hold what looks like a key."""
    return [line[:200] for line in text.splitlines() if looks_like_key(f"answer:{line}")]


def test_no_key_is_in_the_tree() -> None:
    for name in in_git("ls-files", "-z").split("\0"):
        path = ROOT / name
        if path.is_file():
            assert shapes(path.read_text("utf-8", "replace")) == [], f"{name}: put an invented key together"


@pytest.mark.slow
def test_no_key_has_ever_been_in_the_tree() -> None:
    added = in_git("log", "-p", "--no-color", "--no-ext-diff", "HEAD", "--", ".", ":!tests")
    assert added
    assert shapes("\n".join(line for line in added.splitlines() if line.startswith("+"))) == []


# ------------------------------------------------------------------------------------------- masking


@pytest.mark.parametrize(
    ("secret", "shown"), [("", "…"), ("short", "…"), ("x" * 15, "…"), ("x" * 12 + "abcd", "…abcd")]
)
def test_a_secret_shows_its_last_four_and_a_short_one_nothing(secret: str, shown: str) -> None:
    assert masked(secret) == shown


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS.keys())
def test_of_a_key_the_last_four_stay(key: str) -> None:
    assert redact(f"refused {key}, try again") == f"refused [key …{key[-4:]}], try again"


TOKEN = secrets.token_hex(32)
FEW_DIGITS = ("k1BlNfGjaBRYfQbZMjvgsWnZCSXMLvOV_ZngONILKgI", "nhlIilfptCtofdChxyYclifNkA-F7oYtzOxyIbiApZU")
"""Tokens as they are drawn; of 140 one has so few."""
MASKED = [
    ("mail ada.lovelace+jobs@mail.example.co.uk now", "mail [e-mail] now"),
    ("<ada@example.com>", "<[e-mail]>"),
    ("call +44 20 7946 0958.", "call [phone]."),
    ("call +1 (415) 555-0132!", "call [phone]!"),
    ("call +4915112345678", "call [phone]"),
    ("call (020) 7946 0958", "call [phone]"),
    ("call 415-555-0132 or 415.555.0132", "call [phone] or [phone]"),
    ("call 0301 234567", "call [phone]"),
    ("got https://h.example/cv.pdf?X-Sig=abc#page=2 from it", "got https://h.example/cv.pdf?… from it"),
    ("got https://h.example/#token=abc", "got https://h.example/?…"),
    ("got https://ada:pw@h.example:8443/cv.pdf", "got https://h.example:8443/cv.pdf"),
    ("open ws://localhost:8765", "open ws://localhost:8765"),
    ("postgresql://u:p@db/x?password=y", "postgresql://db/x?…"),
    *((f"token {token}", "token [token]") for token in FEW_DIGITS),
    ("Authorization: Bearer abcdefgh.ijkl", "Authorization: Bearer [token]"),
    ("authorization: basic YWRhOnB3YWRh", "authorization: basic [token]"),
    (f"eyJhbGciOiJIUzI1NiJ9.{RANDOM}.x", "[token]"),
    (f"a {PRIVATE_KEY} b", "a [key] b"),
    (f"--access-token={TOKEN[:22]} given", "--access-token=[token] given"),
    (f"access_token: '{TOKEN[:22]}'", "access_token: '[token]'"),
    (f'{{"token": "{TOKEN[:22]}"}}', '{"token": "[token]"}'),
    ("authorization: Token abcdefgh.ijkl", "authorization: Token [token]"),
    ("password=hunter22 host=db", "password=[token] host=db"),
    ("INTERVIEW_FSM_API_KEY=abcd1234", "INTERVIEW_FSM_API_KEY=[token]"),
]


@pytest.mark.parametrize(
    ("text", "shown"), MASKED, ids=[f"{n} {shown}" for n, (_, shown) in enumerate(MASKED)]
)
def test_what_tells_who_somebody_is_or_lets_one_in_is_masked(text: str, shown: str) -> None:
    assert redact(text) == shown
    assert redact(f"{text}\n{text}") == f"{shown}\n{shown}"


@pytest.mark.parametrize(
    "text",
    [
        "interview 6f1c0e5b9f3a4b0e8d2a7c9e1f0b3d5c: sqlite: storage_unavailable (OSError)",
        "2026-11-24 00:15:50,123 INFO listening on 127.0.0.1:8765 and [::1]:8765",
        "10.0.0.1 192.168.100.200 1700000000.123456 17.4.0 0x7f3a2b1c0d9e 120000000 bytes",
        '  File "/usr/lib/python3.11/asyncio/selector_events_of_a_very_long_name.py", line 1015, in f',
        "appended version 12 in 0.0031 s; 99 % under 10 ms; 3.5 seconds",
        "basic rules; the bearer of it",
        "input_tokens: 12345; no token was given; token: a secret: one word",
        "sk-learn-pipelines-and-transformers",
        "AbstractInterviewerWithFallbackAndBudgetFactoryBean failed; IoTOfAVeryBigCompanyInTheUSAAndInNYC",
    ],
)
def test_what_a_log_is_for_stays(text: str) -> None:
    assert redact(text) == text


@given(st.text())
def test_redacting_again_changes_nothing(text: str) -> None:
    once = redact(text)
    assert redact(once) == once


@given(st.text(alphabet="abc @.:/?#-+0123456789()\n"), st.sampled_from(["ada@example.com", *KEYS.values()]))
def test_a_word_by_itself_is_masked_whatever_stands_around_it(around: str, word: str) -> None:
    assert word not in redact(f"{around} {word} {around}")


# ------------------------------------------------------------------------------------------- logging


def logger(level: int = logging.INFO) -> tuple[logging.Logger, io.StringIO]:
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    handler.addFilter(Redaction())
    log = logging.Logger("test", level)
    log.addHandler(handler)
    return log, written


def test_a_log_message_is_masked_with_its_arguments() -> None:
    log, written = logger()
    log.info("%s wrote to %s", "ada@example.com", "https://h.example/?q=1")
    assert written.getvalue() == "INFO [e-mail] wrote to https://h.example/?…\n"


def test_so_is_what_an_exception_says_and_the_stack() -> None:
    log, written = logger()
    try:
        raise ValueError(f"bad key {KEYS['anthropic']}")
    except ValueError:
        log.exception("failed for ada@example.com", stack_info=True)
    said = written.getvalue()
    assert KEYS["anthropic"] not in said
    assert "ValueError: bad key [key …" in said
    assert "ERROR failed for [e-mail]" in said
    assert "Stack (most recent call last)" in said


def test_an_exception_that_another_handler_has_formatted_is_masked_too() -> None:
    log, written = logger()
    first = logging.StreamHandler(io.StringIO())
    log.handlers.insert(0, first)
    try:
        raise ValueError("ada@example.com")
    except ValueError:
        log.exception("failed")
    assert "ada@example.com" not in written.getvalue()
    assert "ValueError: [e-mail]" in written.getvalue()


def test_arguments_that_do_not_fit_are_dropped_and_not_printed(capfd: pytest.CaptureFixture[str]) -> None:
    log, written = logger()
    log.info("%d of ada@example.com", "bob@example.com")
    assert written.getvalue() == "INFO %d of [e-mail]\n"
    assert "bob" not in "".join(capfd.readouterr())


# ---------------------------------------------------------------------------------------- the server


def held(storage: Any) -> str:
    """Everything that a memory storage holds, as text."""
    return repr(vars(storage))


@pytest.mark.parametrize("after", ["at once", "in the midst"])
@pytest.mark.parametrize(
    "frame",
    [
        "api_key:" + KEYS["openai"],
        "answer:" + KEYS["anthropic"],
        json.dumps({"action": "analyze", "api_key": KEYS["openai"]}),
        json.dumps({"type": "create_session", "api_key": "short"}),
        "https://example.com/myresume.pdf;3;" + KEYS["openai, old"],
    ],
    ids=["plain field", "plain value", "old JSON", "message", "after the count"],
)
def test_a_key_in_plain_text_is_refused_before_it_is_stored_or_logged(
    frame: str, after: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with running() as served, served.connect() as socket:
            if after == "in the midst":
                await socket.send(LINK)
                await exchange(socket, "start_interview")
                await exchange(socket, "difficulty:mid")
            await socket.send(frame)
            heard, code = await closing(socket)
            assert code == 1008
            assert [line for line in heard if line.startswith("Error: That message holds a key")] == heard
            assert KEYS["openai"] not in held(served.storage) + "".join(heard) + str(socket.close_reason)
            assert "sk-" not in held(served.storage)

    caplog.set_level(logging.INFO)
    asyncio.run(main())
    assert "sk-" not in caplog.text


@pytest.mark.parametrize(
    "message",
    [
        {"type": "create_session", "id": "c", "api_key": KEYS["anthropic"]},
        {"type": "ping", "authorization": "Bearer x"},
        {"type": "create_session", "id": "c", "plan": {"questions": 2, "apikey": "x"}},
        {"type": "set_resume", "id": "c", "text": f"Ada. {KEYS['openai']}"},
    ],
    ids=["field", "authorization", "deep", "value"],
)
def test_a_key_in_json_is_refused_before_it_is_stored_or_logged(
    message: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with (
            running() as served,
            served.connect(subprotocols=[Subprotocol("interview-fsm.v1")]) as socket,
        ):
            await socket.send(json.dumps({"type": "create_session", "id": "a"}))
            await socket.recv()
            await socket.send(json.dumps(message))
            heard, code = await closing(socket)
            assert code == 1008
            (said,) = [told for line in heard if (told := json.loads(line))["type"] == "error"]
            assert said["code"] == "bad_message"
            assert "never sent" in said["message"]
            assert "sk-" not in held(served.storage) + "".join(heard)

    caplog.set_level(logging.INFO)
    asyncio.run(main())
    assert "sk-" not in caplog.text
