"""Turns pieces of a résumé into English that fits into a sentence.

A résumé is written in telegraphic style: verbs without a subject, nouns without an article. Each
function here gives a phrase that stands where a template wants it, or None when it could not be made
without guessing; then the piece is quoted or left alone.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from .guard import MARKUP
from .language import Words, load

MOST_READ = 400
"""Characters of a piece that are read: a clause of 17 words is shorter, and nothing may take long."""
MOST_WORDS = 17
"""In a clause; with a lead of at most eight and a template of 22 a question stays within 45."""

_PERSONS = {"my": "your", "our": "your", "me": "you", "mine": "yours", "us": "you", "i": "you", "we": "you",
            "myself": "yourself", "ourselves": "yourselves"}  # fmt: skip
_ORGANISATION_KINDS = re.compile(
    r"(?:(?:Technical|Open|Free|State|National|Royal)\s+)?(?:Department|Institute|Ministry|Office|Faculty|Bureau|University|City|School|College|Centre|Center"
    r"|Museum|Bank|Chamber|Council|Society|Association|Royal|National|United)\s+(?:of|for|on)\b"
)

_SINGULAR = frozenset(
    ["status", "campus", "bus", "virus", "syllabus", "census", "bonus", "corpus", "focus", "surplus"]
)
_TAKES_ARTICLE = re.compile(
    r"^(?!The\b).*\b(?:Department|Division|Faculty|Club|Society|Association|Ministry|Council|Museum|Library)$"
)


def plain(text: str) -> str:
    """*text* on one line, as it would be typed: ligatures and odd spaces resolved, wrapped words joined."""
    text = re.sub(r"(?<=\w)[-\u00ad]\s*\n\s*(?=[a-z])", "", text)
    text = unicodedata.normalize("NFKC", text)
    text = "".join(char for char in text if char.isspace() or unicodedata.category(char)[0] != "C")
    return " ".join(text.split())


def speakable(text: str) -> bool:
    """Whether a voice can read *text* within a sentence."""
    return not MARKUP.search(text) and not re.search(r"[?!\"“”;]|\(cid:|\.\.|[\uf000-\uf8ff]", text)


def clause(text: str) -> str | None:
    """What was done, in the past tense, to stand after "you": "built the first payment service".

    None when *text* does not begin with a verb, or cannot be shortened to a clause that ends well.
    """
    words = _without_asides(plain(text[:MOST_READ])).split()
    words = words[1:] if words and words[0].casefold() in _words().lead_ins else words
    if [word.casefold() for word in words[:2]] == ["responsible", "for"] and len(words) > 2:
        words = ["were", "responsible", *words[1:]]
    head = _verbs(words)
    if head is None:
        return None
    verbs, rest = head
    if _is_list_of_courses(verbs, rest):
        return None
    rest = _cut(rest, base=words[0].casefold() in _words().verbs)
    rest = _shortened(rest, MOST_WORDS - len(verbs))
    if len(rest) < (1 if len(verbs) > 1 else 2) or _is_passive(verbs, rest):
        return None
    phrase = " ".join([*verbs, *(rest if verbs == ["were"] else _with_article(rest))])
    phrase = _addressed(phrase)
    return phrase if speakable(phrase) else None


def past(word: str) -> str | None:
    """The past tense of *word*, if it is a verb of people's work in any form but the participle in -ing."""
    verbs, low = _lexicon(), word.casefold().rstrip(",")
    if low in _words().not_verbs:
        return None
    if low in verbs:
        return verbs[low]
    if low == "were":  # set before "responsible for" above
        return low
    if re.fullmatch(r"(?:[a-z]+-)?[a-z]{2,}ed", low) and len(low) > 4:
        return low
    return None


def quotation(text: str, most: int = 14) -> str | None:
    """*text* within quotation marks, shortened at a comma if need be; None when it cannot be."""
    short = _without_asides(plain(text[:MOST_READ])).strip(" .,;:–-")
    words = short.split()
    if len(words) > most:
        cut = [place for place, word in enumerate(words[:most]) if place >= 3 and word.endswith((",", ":"))]
        if not cut:
            return None
        short = " ".join(words[: cut[-1] + 1]).rstrip(",:")
    if not short or not speakable(short):
        return None
    return f"“{short}”"


def skill(name: str) -> str:
    """*name* within a sentence: wound care, Python, project management."""
    name = plain(name)
    first, _, rest = name.partition(" ")
    if rest and rest.islower() and first.istitle() and first.casefold() not in _words().brands:
        return f"{first.casefold()} {rest}"
    return name


def organisation(name: str) -> str:
    """*name* as it stands after "at": the University of Bremen, Nexus AI."""
    name = plain(name).strip(" ,;.–-|·")
    return f"the {name}" if _ORGANISATION_KINDS.match(name) or _TAKES_ARTICLE.search(name) else name


@lru_cache(maxsize=1)
def _words() -> Words:
    return load().words


@lru_cache(maxsize=1)
def _lexicon() -> dict[str, str]:
    verbs = dict(_words().verbs)
    verbs |= {past: past for past in _words().verbs.values()}
    verbs |= {
        "modelled": "modelled",
        "labelled": "labelled",
        "travelled": "travelled",
        "got": "got",
        "gave": "gave",
    }
    verbs |= {
        "brought": "brought",
        "kept": "kept",
        "held": "held",
        "left": "left",
        "fed": "fed",
        "spent": "spent",
    }
    return verbs


def _without_asides(text: str) -> str:
    text = re.sub(r"\s*\([^()]*\)", "", text)
    text = re.split(r"(?<=[\w)%])[.;:](?:\s|$)|\s[–—|•·]\s|\s-\s", text, maxsplit=1)[0]
    return text.strip(" .,;:–—-•·")


def _verbs(words: list[str]) -> tuple[list[str], list[str]] | None:
    """The verbs at the head of *words* in the past tense, joined as they were, and what follows them."""
    if len(words) < 2 or _is_noun(words):
        return None
    first = past(words[0])
    if first is None:
        return None
    verbs, place = [first + ("," if words[0].endswith(",") else "")], 1
    while place < len(words) - 1:
        if words[place].casefold() in ("and", "then") and (second := past(words[place + 1])):
            verbs += [words[place], second]
            place += 2
            break
        if not verbs[-1].endswith(",") or (second := past(words[place])) is None:
            break
        verbs.append(second + ("," if words[place].endswith(",") else ""))
        place += 1
    return None if verbs[-1].endswith(",") else (verbs, words[place:])


def _is_noun(words: list[str]) -> bool:
    """Whether the first word, though it could be a base form, is rather a noun: "Support engineer"."""
    low, following = words[0].casefold(), words[1].casefold().strip(",")
    if low not in _words().ambiguous_verbs or _words().verbs.get(low) == low:  # "cut" is the past, too
        return low in _words().verbs and following in _words().jobs
    if low in _words().verbs.values() and low not in _words().verbs:
        return False
    return following not in _words().determiners and not words[1][0].isdigit()


def _is_list_of_courses(verbs: list[str], rest: list[str]) -> bool:
    bare = bool(rest) and rest[0].casefold() not in _words().determiners
    listed = sum(word.endswith(",") for word in rest) >= 2
    return verbs[-1].casefold() in _words().attending and bare and listed


def _is_passive(verbs: list[str], rest: list[str]) -> bool:
    return rest[0].casefold() == "by" or (rest[0].casefold() in _words().finite and len(verbs) == 1)


def _cut(rest: list[str], *, base: bool) -> list[str]:
    """Only as far as the next thing that was done: ", recruited team members" is another clause."""
    for place, word in enumerate(rest[:-1]):
        following = rest[place + 1].casefold()
        another = word.endswith(",") and place >= 1 and past(following) is not None
        if another and (base or following not in _words().verbs):
            return [*rest[:place], word.rstrip(",")]
        if (
            word.casefold() in ("and", "while")
            and following.endswith("ing")
            and place >= 2
            and rest[place - 1].endswith(",")
        ):
            return rest[:place]
        if word.casefold() in ("i", "we") and place >= 2:
            return rest[:place]
        if base and word.casefold() == "and" and place >= 1 and following in _words().verbs:
            return rest[:place]
        if word.endswith(",") and place >= 1 and following in _words().finite:
            return [*rest[:place], word.rstrip(",")]
    return rest


def _shortened(rest: list[str], most: int) -> list[str]:
    """*rest* in at most *most* words, ended where a reader would pause; empty when there is no such place."""
    if len(rest) > most:
        commas = [place for place in range(3, most) if rest[place].endswith(",")]
        joints = [
            place for place in range(2, most) if rest[place].casefold() == "and" and past(rest[place + 1])
        ]
        pauses = [place for place in range(4, most) if _is_pause(rest, place)]
        if joints:
            rest = rest[: joints[0]]
        elif commas:
            rest = rest[: commas[-1] + 1]
        elif pauses:
            rest = rest[: pauses[-1]]
        else:
            return []
    if len(rest) > 3 and rest[-1].casefold() in ("it", "them", "this"):  # what that was stands elsewhere
        rest = rest[:-1]
    while rest and (rest[-1].casefold().strip(",") in _words().dangling or rest[-1].endswith("-")):
        rest = rest[:-1]
    return [*rest[:-1], rest[-1].rstrip(",;:.")] if rest else []


def _is_pause(rest: list[str], place: int) -> bool:
    word = rest[place].casefold()
    if word not in _words().stops or word in ("of", "and", "as", "than", "that"):
        return False
    return not (word == "to" and "from" in rest[place - 4 : place])  # "from eleven to six" is one figure


def _with_article(rest: list[str]) -> list[str]:
    """*rest* with "the" before a singular noun that stands bare: "scaled the engineering team"."""
    first = rest[0]
    if not first[0].isalpha() or first.casefold() in _words().determiners | _words().stops | _PERSONS.keys():
        return rest
    if first[-2:] in ("ly",) or first.casefold().endswith(("'s", "’s")):
        return rest
    head = _head_noun(rest)
    low = head.casefold()
    plural = low.endswith("s") and not low.endswith(("ss", "is")) and low not in _SINGULAR
    if plural or low in _words().mass or not head.islower() or low.endswith("ing"):
        return rest
    return ["the", *rest]


def _head_noun(rest: list[str]) -> str:
    """The last word of the noun phrase that *rest* begins with."""
    head = rest[0]
    for word in rest:
        if word.casefold().strip(",") in _words().stops:
            break
        head = word.strip(",")
        if word.endswith(","):
            break
    return head.rsplit("/", 1)[-1]


def _addressed(phrase: str) -> str:
    """*phrase* spoken to the one who wrote it: my becomes your."""
    phrase = re.sub(r"\b(I|we) am\b|\bI'm\b", "you are", phrase)
    phrase = re.sub(r"\bI was\b", "you were", phrase)
    return re.sub(
        r"\b(?:my|our|me|mine|us|I|we|myself|ourselves)\b",
        lambda found: _PERSONS[found[0].casefold()],
        phrase,
    )
