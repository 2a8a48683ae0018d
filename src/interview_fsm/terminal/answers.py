"""Where answers come from, and what is kept of one that is only begun."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from msgspec.structs import replace

from ..engine import RESUME_SUFFIX, Engine, Session
from ..errors import InterviewError, SettingError
from ..events import Draft, Entry, Question

Reader = Callable[[Question], str | None]
"""The answer to a question, blocking; None when there are no more."""


async def keep_begun(engine: Engine, session: Session, text: str) -> bool:
    """Keep the half of an answer with the résumé's text, and as long; whether it is kept."""
    question, material = session.interview.open_question, session.material
    if text == begun(session):
        return bool(text)
    if question is None or material is None:
        return False
    log_id = session.interview.id + RESUME_SUFFIX
    with suppress(InterviewError):
        entries = await engine.storage.load(log_id)
        version, expires_at = entries[-1].version, entries[0].at + engine.limits.resume
        kept = replace(material, draft=Draft(question.number, text) if text else None)
        entry = Entry(version + 1, f"~{secrets.token_hex(8)}", time.time(), (kept,))
        await engine.storage.append(log_id, version, entry, expires_at=expires_at)
        return True
    return False


def begun(session: Session) -> str:
    """The half of an answer to the open question that was kept; empty where there is none."""
    question = session.interview.open_question
    draft = session.material.draft if session.material else None
    return draft.text if draft and question and draft.question == question.number else ""


def scripted(answers: Iterator[str]) -> Reader:
    """Answers that were written down before."""
    return lambda _: next(answers, None)


def read_answers(path: Path) -> list[str]:
    """The answers in a file: a JSON array of strings, or paragraphs with empty lines between them."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"the answers in {path} cannot be read: {error}") from error
    if text.lstrip().startswith("["):
        with suppress(json.JSONDecodeError):
            answers = json.loads(text)
            if all(isinstance(answer, str) for answer in answers):
                return list(answers)
        raise SettingError(f"{path} is no JSON array of strings")
    return [part.strip() for part in text.replace("\r\n", "\n").split("\n\n") if part.strip()]
