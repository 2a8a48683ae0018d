"""Holds what a model wrote against what there is: the words it quotes, its figures, and its names.

A quote must stand in the answer word for word, however short; the question and what was brought with it may
be quoted too, as long as it is not said to be the candidate's. A figure, in digits or in words, and a name
must have been mentioned by somebody. What a sentence says without any of these cannot be checked by code.

Let pass are figures that count parts of speech ("two sentences", "all three parts", "answer 2"), "one",
"first" to "third", the terms of the rubric, and ordinary words with a capital letter at the head of a
sentence. So a name that is also an ordinary word is not noticed there, nor is one without a capital letter;
and names and figures in words are looked for in English alone, where capital letters tell names.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cached_property, lru_cache
from importlib.resources import files

from .fences import MASKED
from .figures import Figure, claims_nothing, figures, portions
from .language import load
from .quotes import Answer
from .stems import stem, stems

_QUOTED = re.compile(
    r"[“„«「『]([^“”„«»\"「」『』]*)(?:[”“»\"」』]|$)"
    r"|(?<!\d)\"([^\"“”]*)(?:[\"”]|$)"
    r"|‘([^‘]+?)(?:’(?!\w)|$)|(?<!\w)'([^']+(?:'\w[^']*)*)'(?!\w)"
)
_CLAUSE = re.compile(r"[.;!?,—”\"»]")
_CREDITED = re.compile(
    r"\b(?:you|your|answer|candidate)\b(?! (?:could|can|might|may|should|would|will|own)\b)", re.IGNORECASE
)
_BROUGHT = re.compile(r"\b(?:r[ée]sum[ée]|cv|job|posting|question|evidence)\b", re.IGNORECASE)
_SUGGESTED = re.compile(
    r"(?:\b(?:say|saying|try|add|adding|write|begin|start|open|close|end|use|put|with|by|like|as|to|or|and"
    r"|then|example|instance|after|because)\b|e\.g\.|:)\s*$",
    re.IGNORECASE,
)
_MARKS = dict.fromkeys(map(ord, "″‟❝❞＂〝〞"), '"')
_GAP = re.compile(r"\[[^\]]*\]")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_ENDING = re.compile(r"(?:n['’]t|['’](?:s|d|m|ll|re|ve))$", re.IGNORECASE)
_ABSTRACT = re.compile(r"\w{5,}(?:ship|ness|ment|[ts]ion|ity|[ae]bly|ally|edly|ively|[io]nal|ical|i[sz]ing)")
"""Long words that end so are hardly ever names."""
_CLOSING = " \t\n\"'”’)]»“‘([«"
_HEAD = ".!?:;…—–•-"

_FRAME = (
    "as because before by chose decision different finally hindsight instead learned lesson measured my next "
    "number option outcome responsible result risk so step task therefore today tried"
)
"""What any case is told with: in words that are suggested they claim nothing."""
_TERMS = (
    "i star car par soar cv ok am pm kpi kpis action task entry mid senior "
    "kb mb gb tb hz khz mhz ghz kw kwh usd eur gbp"
)
"""May have capital letters anywhere: terms of the trade, units."""


class Sources:
    """What a model may speak of: the *answer*, masked (``fences``), and all that was asked and *brought*.

    *terms* are the host's own names of criteria. Names and figures in words are looked for in *english* only.
    """

    def __init__(self, answer: str, *brought: str, terms: Iterable[str] = (), english: bool = True) -> None:
        self._answer, self._english = Answer(answer), english
        self._texts = brought
        self._all = unicodedata.normalize("NFKC", "\n".join([answer.replace(MASKED, " "), *brought, *terms]))
        self._words = {_bare(word) for word in _WORD.findall(self._all)}

    # Each is needed for a doubtful word alone, and takes time with the length of a résumé.
    @cached_property
    def _brought(self) -> list[Answer]:
        return [Answer(each) for each in self._texts]

    @cached_property
    def _figures(self) -> set[float]:
        return {value for figure in figures(self._all) for value in figure.readings}

    @cached_property
    def _portions(self) -> set[str]:
        return {portion.kind for portion in portions(self._all, loosely=True)}

    def bears_out(self, text: str, *, suggests: bool = False) -> bool:
        """Whether every quote, figure and name in *text* is there. See ``false_quotes`` for *suggests*."""
        return not (
            self.false_quotes(text, suggests=suggests) or self.new_figures(text) or self.new_names(text)
        )

    def false_quotes(self, text: str, *, suggests: bool = False) -> list[str]:
        """Quoted words in *text* that nobody said. With *suggests* they may be words to say next time,
        if they are made of what is there ("say “I moved the beds because …”").
        """
        return [
            quote for before, quote in _quotes(text) if not self._may_quote(before, quote, suggests=suggests)
        ]

    def new_figures(self, text: str) -> list[str]:
        """Figures in *text*, in digits or words, that nobody has mentioned."""
        text = unicodedata.normalize("NFKC", text)
        found = [each.text for each in figures(text, words=self._english) if not self._knows(text, each)]
        if self._english:
            found += [each.text for each in portions(text) if each.kind not in self._portions]
        return found

    def new_names(self, text: str) -> list[str]:
        """Words in *text* with a capital letter that is not owed to their place, and that nobody has said."""
        if not self._english:
            return []
        text = unicodedata.normalize("NFKC", text)
        return [found[0] for found in _WORD.finditer(text) if self._is_new_name(text, found)]

    def _may_quote(self, before: str, quote: str, *, suggests: bool) -> bool:
        if not any(char.isalnum() for char in quote) or self._answer.has(quote):
            return True
        clause, told = _CLAUSE.split(before)[-1], _GAP.sub(" ", quote)
        credited = _CREDITED.search(clause) and not _BROUGHT.search(clause)
        if suggests and (told != quote or (_SUGGESTED.search(clause) and not credited)):
            return self._is_made_of_what_is_there(told)
        if credited:
            return False
        if any(each.has(quote) for each in self._brought):
            return True
        return len(told.split()) <= 2 and stems(told.casefold()) <= _frame() | _terms()

    def _is_made_of_what_is_there(self, told: str) -> bool:
        return all(root in _frame() or self._has_form_of(root) for root in stems(told.casefold()))

    def _knows(self, text: str, figure: Figure) -> bool:
        return claims_nothing(text, figure) or all(value in self._figures for value in figure.values)

    def _is_new_name(self, text: str, found: re.Match[str]) -> bool:
        word = _bare(found[0])
        if found[0] == found[0].lower() or len(word) < 2 or word in self._words or word in _terms():
            return False
        excused = found[0].isupper() or _at_a_head(text, found.start())
        return not (excused and _is_ordinary(word)) and not self._has_form_of(stem(word))

    def _has_form_of(self, root: str) -> bool:
        # A stemmer is slow, and leaves the beginning of a word as it is.
        return any(stem(word) == root for word in self._words if word[:3] == root[:3])


def _is_ordinary(word: str) -> bool:
    words = load().words
    if word in words.brands:  # Excel is not excellent
        return False
    known = word in words.function | words.asking or stem(word) in _ordinary()
    return known or _ABSTRACT.fullmatch(word) is not None


def _quotes(text: str) -> Iterator[tuple[str, str]]:
    """The quoted words in *text*, each with what stands before it."""
    text = text.translate(_MARKS)
    for found in _QUOTED.finditer(text):
        yield text[: found.start()], next(filter(None, found.groups()), "")


def _bare(word: str) -> str:
    return _ENDING.sub("", word.replace("’", "'")).casefold()


def _at_a_head(text: str, place: int) -> bool:
    """Whether a sentence begins at *place*, or something that is quoted or in brackets."""
    if place and text[place - 1] in "“\"'‘([«":
        return True
    before = text[:place].rstrip(_CLOSING)
    return not before or before[-1] in _HEAD


@lru_cache(maxsize=1)
def _frame() -> frozenset[str]:
    return stems(_FRAME)


@lru_cache(maxsize=1)
def _terms() -> frozenset[str]:
    language = load()
    named = [*language.rubric, *language.feedback.aspects, *language.templates]
    return frozenset(_TERMS.split()) | {word for name in named for word in name.split("_")}


@lru_cache(maxsize=1)
def _ordinary() -> frozenset[str]:
    lines = files(__package__).joinpath("data", "en_ordinary.txt").read_text("utf-8").splitlines()
    return frozenset(stem(word) for line in lines if not line.startswith("#") for word in line.split())
