"""How things look on the wire of JSON v1: an interview, an entry, a résumé, a report, a failure."""

from __future__ import annotations

import asyncio
from typing import Any, Literal, get_args

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from . import messages
from . import report as reports
from .coaching.evidence import find_evidence
from .coaching.levels import read_level, told
from .coaching.remarks import remarks
from .coaching.sections import outline
from .engine import Limits, Receipt, Update
from .errors import InterviewError, InvalidCommand
from .events import Attached, Entry, Event, Material
from .interview import Analyze, Ask, Interview, Listen
from .ports import Interviewer, Transcriber
from .protocol import sentence

AT_ONCE = 4_000
"""Characters of a résumé that are outlined on the event loop; longer ones in a thread."""
REPORTED_AT_ONCE = 8_000
"""Characters of answers that are reported on the event loop, in 1.5 ms at the most; more in a thread."""

WORK: dict[messages.Task, str] = {
    "ask": "Thinking of a question.",
    "listen": "Listening.",
    "analyze": "Reading the answers.",
}
"""The activities that can take long, and what is said while they do."""

_CODES = frozenset(get_args(messages.ErrorCode))
_ELSEWHERE = {"engine_closed": ("busy", "The server is stopping; come back in a moment.")}
"""Codes that only a host would understand, as a client is told of them."""
_HINTS = {
    "storage_unavailable": "What was shown as stored is stored. Try again in a moment.",
    "session_not_found": "It may have been erased or have expired. Begin a new interview.",
    "session_expired": "Begin a new interview.",
    "session_taken": "Go on there, or open it here again.",
    "unauthorized": "Open the whole link that you were given; the token is at its end.",
}


WITHOUT_MODEL = messages.Disclosure(
    interviewer="coach",
    is_model=False,
    speaker="You talk to a program: coach, which asks and assesses by rules. It is not a model.",
    data="Nothing leaves this machine.",
)
"""What the coach says of itself."""


def disclosure(
    interviewer: Interviewer, transcriber: Transcriber | None = None, keeps: str = ""
) -> messages.Disclosure:
    """Who is speaking, and where data goes: by the interviewer's ``speaker`` and ``data``, and by where the
    recogniser sends what is said. *keeps* is the storage's ``data``, empty where it stays with its host.
    """
    name = str(getattr(interviewer, "name", type(interviewer).__module__.rpartition(".")[2]))
    says = WITHOUT_MODEL
    if name != WITHOUT_MODEL.interviewer:
        says = messages.Disclosure(
            interviewer=name,
            is_model=True,  # as far as one can know
            speaker=getattr(interviewer, "speaker", f"You talk to a program: {name}."),
            data=getattr(interviewer, "data", "Whoever runs this server can say where your data goes."),
        )
    goes = [] if says is WITHOUT_MODEL else [says.data]
    if places := getattr(transcriber, "sends_to", ()):
        spoken = f"What you speak, and words of the question and the résumé, go to {', '.join(places)}"
        goes.append(f"{spoken} to be understood; typed answers do not.")
    if keeps:
        goes.append(keeps)
    return replace(says, data=" ".join(goes)) if goes else says


def activity(interview: Interview) -> messages.Task | None:
    """What goes on in *interview* that can take long."""
    match interview.activity:
        case Ask():
            return "ask"
        case Listen():
            return "listen"
        case Analyze():
            return "analyze"
    return None


def standing(interview: Interview, limits: Limits) -> dict[str, Any]:
    """The fields that ``update`` and ``snapshot`` have in common."""
    return {
        "state": str(interview.state),
        "allowed": tuple(str(trigger) for trigger in limits.allowed(interview)),
        "level": level(interview.difficulty) if interview.difficulty else UNSET,
        "question": interview.open_question or UNSET,
        "activity": activity(interview) or UNSET,
        "asked": interview.asked,
        "questions": interview.plan.count,
    }


def level(difficulty: str) -> messages.Level:
    """How *difficulty* was read."""
    read = read_level(difficulty)
    return messages.Level(read.name, read.recognised, told(difficulty))


def update(stored: Update, limits: Limits) -> messages.Update:
    """One entry, and the interview after it."""
    entry = stored.entry
    return messages.Update(
        in_reply_to=UNSET if entry.append_id.startswith("~") else entry.append_id,
        seq=entry.version,
        events=_told(entry),
        **standing(stored.interview, limits),
    )


def _told(entry: Entry) -> tuple[Event, ...]:
    # The hash of a token and a host's name for somebody are nobody's business.
    return tuple(Attached() if isinstance(event, Attached) else event for event in entry.story)


async def whole(interview: Interview, material: Material | None, limits: Limits) -> dict[str, Any]:
    """The fields of ``snapshot``."""
    read = await resume(material) if material is not None and material.digest else UNSET
    return {
        "session": interview.id,
        "seq": interview.version,
        "plan": interview.plan,
        "difficulty": interview.difficulty,
        "turns": interview.turns,
        "feedback": interview.feedback or UNSET,
        "stale": interview.stale,
        "resume": read,
        **standing(interview, limits),
    }


async def resume(material: Material) -> messages.ResumeSummary:
    """What was read of a résumé."""
    if len(material.resume) <= AT_ONCE:
        return _resume(material)
    return await asyncio.to_thread(_resume, material)


def _resume(material: Material) -> messages.ResumeSummary:
    text = material.resume
    sections = outline(text).sections
    return messages.ResumeSummary(
        pages=material.pages,
        characters=len(text),
        sections=tuple(
            messages.ResumeSection(heading=each.heading, kind=each.kind, lines=each.lines)
            for each in sections
        ),
        evidence=tuple(
            messages.ResumePiece(kind=piece.kind, text=" ".join(piece.text.split()))
            for piece in find_evidence(text)
        ),
        warnings=(*material.warnings, *remarks(text)),
    )


async def report(
    interview: Interview, form: Literal["json", "markdown", "html"], reply: str | UnsetType
) -> messages.Report:
    """The report as it would be written now."""
    answers = [given for turn in interview.turns for given in (turn.answer, *turn.attempts) if given]
    if sum(len(answer.text) for answer in answers) <= REPORTED_AT_ONCE:
        return _report(interview, form, reply)
    return await asyncio.to_thread(_report, interview, form, reply)


def _report(
    interview: Interview, form: Literal["json", "markdown", "html"], reply: str | UnsetType
) -> messages.Report:
    match form:
        case "json":
            content, media_type, suffix = reports.as_json(interview).decode(), "application/json", "json"
        case "markdown":
            content, media_type, suffix = reports.as_markdown(interview), "text/markdown", "md"
        case "html":
            content, media_type, suffix = reports.as_html(interview), "text/html", "html"
    name = f"interview-{interview.id[:8]}.{suffix}"
    return messages.Report(in_reply_to=reply, format=form, media_type=media_type, name=name, content=content)


def receipt(erased: Receipt) -> messages.Receipt:
    """What was removed, counted."""
    entries = {each.kind: each.entries or 0 for each in erased.removed}
    return messages.Receipt(
        session=erased.interview,
        entries=entries.get("interview", 0),
        questions=erased.questions,
        answers=erased.answers,
        feedback=erased.feedback,
        resume="resume" in entries,
    )


def failure(problem: InterviewError, reply: str | UnsetType = UNSET) -> messages.Failed:
    """What went wrong; nothing of ours is in it, and nothing of a provider's."""
    refusal = problem if isinstance(problem, InvalidCommand) else None
    text = refusal.reason if refusal else str(problem)
    code, text = _ELSEWHERE.get(problem.code, (problem.code, text))
    code = code if code in _CODES else "internal"
    return messages.Failed(
        in_reply_to=reply,
        code=code,  # type: ignore[arg-type]  # one of the list
        message=sentence(text),
        hint=_HINTS.get(code, UNSET),
        allowed=tuple(refusal.allowed) if refusal else UNSET,
        retryable=problem.retryable,
    )


def cancelled(task: messages.Task, reply: str | UnsetType) -> messages.Failed:
    """*task* was given up, as was asked for."""
    return messages.Failed(
        in_reply_to=reply, code="cancelled", message="That was given up.", task=task, retryable=True
    )
