"""What the coach says and listens for in one language: one data file each, read once and shared.

A language is served when there is a file for it. English is the only one so far; a translation of the
templates alone would not do, because evidence and cues are read with the words of the language too.
"""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.resources import files
from typing import Literal

import msgspec
from msgspec import Struct

SERVED = ("en",)
"""Primary subtags of BCP 47."""

LevelName = Literal["entry", "mid", "senior"]


class Forms(Struct, frozen=True, omit_defaults=True):
    """The wordings of one question, by the grammatical form of what it follows on.

    ``thing`` follows a sentence about one piece of work, ``period`` one about a time of life, ``skill``
    one about a skill, ``generic`` stands alone. None of them has a gap to be filled, so none can be
    filled wrongly.
    """

    thing: str
    period: str
    generic: str
    skill: str = ""


class FollowUps(Struct, frozen=True):
    """How a follow-up is worded: with the candidate's words, or without."""

    quoted: tuple[str, ...]
    plain: tuple[str, ...]


class FeedbackTexts(Struct, frozen=True):
    """Sentences of the feedback, by aspect."""

    there: dict[str, str]
    missing: dict[str, str]
    try_: dict[str, str] = msgspec.field(name="try")
    try_again: dict[str, tuple[str, ...]]
    """The same in other words, for later answers."""
    practice: dict[str, str]
    aspects: dict[str, str]
    summary: dict[str, str]
    rationale: dict[str, str]
    """Why a score has its value."""
    outline: dict[str, str]
    """What to say in each part of a better answer, where the candidate's words have it."""
    outline_missing: dict[str, str]
    """The same with a gap, where they have not."""
    limitations: str
    own_criteria: str
    language_not_assessed: str
    language_not_summed_up: str


class Scale(Struct, frozen=True, omit_defaults=True):
    """A dimension of the rubric in words."""

    anchors: tuple[str, str, str, str, str]
    """What the values 1 to 5 look like."""
    description: str = ""


class Words(Struct, frozen=True):
    """Word lists, all in lower case."""

    verbs: dict[str, str]
    """What people did at work: base form to past tense."""
    not_verbs: frozenset[str]
    """Look like a past tense at the head of a line, and are none, or are passive."""
    attending: frozenset[str]
    """With a bare list after them they tell which courses one has taken, and no work."""
    ambiguous_verbs: frozenset[str]
    """Base forms that are nouns as well."""
    mass: frozenset[str]
    """Nouns that need no article."""
    stops: frozenset[str]
    """Words that end a noun phrase."""
    determiners: frozenset[str]
    jobs: frozenset[str]
    soft_skills: frozenset[str]
    languages: frozenset[str]
    brands: frozenset[str]
    """Names that keep their capital letter in the middle of a sentence."""
    vague_objects: tuple[str, ...]
    """Who did "a lot of things" has not said what."""
    adverbs: tuple[str, ...]
    states: frozenset[str]
    """Verbs in the past tense that tell no action."""
    spoken_verbs: frozenset[str]
    """Past tenses of actions that are told rather than written on a résumé."""
    spoken_now: frozenset[str]
    """The same in the present tense."""
    asking: frozenset[str]
    """Words of questions that say nothing about their topic."""
    placeholders: tuple[str, ...]
    """Regular expressions of what a template has where nobody filled it in."""
    fillers: frozenset[str]
    lead_ins: frozenset[str]
    """Adverbs before the first verb of a line."""
    dangling: frozenset[str]
    """Words that no phrase ends in."""
    finite: frozenset[str]
    function: frozenset[str]
    """The most frequent words: text without them is hardly in this language."""
    foreign: frozenset[str]
    """The most frequent words of neighbouring languages, as far as they are none of this one."""


class Language(Struct, frozen=True):
    """Everything that depends on the language."""

    templates: dict[str, dict[str, dict[str, Forms]]]
    """Competency, level, facet."""
    leads: dict[str, tuple[str, ...]]
    """Sentences that name a piece of evidence, by its form."""
    topic: dict[str, tuple[str, ...]]
    """Questions about a competency of the host's, by level."""
    follow_ups: dict[str, FollowUps]
    feedback: FeedbackTexts
    rubric: dict[str, Scale]
    """By dimension; depth by level too."""
    levels: dict[LevelName, tuple[str, ...]]
    """Words for each level of difficulty."""
    endings: tuple[str, ...]
    """What somebody says who has said all. Only what nobody says in the middle of an answer."""
    resume_language: str
    """That a résumé is in another language."""
    level_read: dict[str, str]
    """How a difficulty was read: ``same``, ``known`` or ``unknown``."""
    wanted: dict[str, tuple[str, ...]]
    """Regular expressions for the words with which a job asks for a competency."""
    words: Words
    headings: dict[str, frozenset[str]]
    skill_labels: frozenset[str]
    cues: dict[str, tuple[str, ...]]
    """Regular expressions of whole words in lower case, by what they show."""
    protected: dict[str, tuple[str, ...]]
    """Regular expressions of what is nobody's business, by topic: no piece of evidence, and no question, may
    touch on it."""


class NeverAsked(Struct, frozen=True, omit_defaults=True):
    """Questions in one language that no interviewer may ask: regular expressions of whole words, by topic,
    for text as ``guard`` folds it.
    """

    phrases: dict[str, tuple[str, ...]]
    """What is such a question wherever it stands."""
    asks: tuple[str, ...] = ()
    """How a sentence asks about the person."""
    words: dict[str, tuple[str, ...]] = {}
    """What it may not ask about then; elsewhere they are work: a nurse gives medication."""


def serves(tag: str) -> bool:
    """Whether the coach knows the language of this BCP 47 tag."""
    return primary(tag) in SERVED


def primary(tag: str) -> str:
    """The primary subtag of a BCP 47 tag: ``de`` of ``de-CH``."""
    return re.split(r"[-_]", tag.strip().casefold(), maxsplit=1)[0]


@lru_cache(maxsize=64)
def pattern(name: str) -> re.Pattern[str]:
    """One expression for all cues called *name*."""
    return re.compile(rf"(?<!\w)(?:{'|'.join(load().cues[name])})(?!\w)", re.IGNORECASE)


@lru_cache(maxsize=1)
def wanted() -> tuple[re.Pattern[str], tuple[str, ...]]:
    """One expression for all with which a job asks for a competency, a group each, and which each is of."""
    pairs = [(name, each) for name, words in load().wanted.items() for each in words]
    groups = "|".join(f"({each})" for _, each in pairs)
    return re.compile(rf"(?<!\w)(?:{groups})(?!\w)"), tuple(name for name, _ in pairs)


@lru_cache(maxsize=1)
def never_asked() -> dict[str, NeverAsked]:
    """By primary subtag; more languages than the coach serves, because a model knows more."""
    data = files(__package__).joinpath("data", "never_asked.json").read_bytes()
    return msgspec.json.decode(data, type=dict[str, NeverAsked])


@lru_cache(maxsize=len(SERVED))
def load(name: str = "en") -> Language:
    """The language *name*, one of SERVED."""
    data = files(__package__).joinpath("data", f"{name}.json").read_bytes()
    return msgspec.json.decode(data, type=Language)
