"""What a reader cannot see: its kinds, the characters that show nothing, and the sentences that say it."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

from ..events import Page, Warning

KINDS = {
    "outside": "outside the page",
    "tiny": "too small to read",
    "letters": "behind signs that show something else",
    "characters": "in characters that show nothing",
    "invisible": "drawn without ink",
    "transparent": "wholly transparent",
    "layer": "on a layer that is switched off",
    "colour": "in the colour of what is behind it",
    "covered": "covered by something",
    "clipped": "cut away",
    "comment": "in a comment",
    "turned": "written backwards",
    "icon": "the name of a small picture",
}
"""Why text cannot be seen: values of ``Span.hidden``, and how a sentence puts it."""

MAX_HIDDEN = 10_000
"""Characters of hidden text that are kept, of a page or of one comment."""

QUIET = frozenset({"icon"})
"""Left out without a warning: fonts of icons name their signs (``GITHUB-SQUARE``)."""

_TAGS = "\U000e0000-\U000e007f"
_SELECTORS = "\ufe00-\ufe0f\U000e0100-\U000e01ef"
_WIDTHLESS = "\u200b-\u200f\u2060-\u2064\u206a-\u206f\u061c\u180e\ufeff\u034f\u115f\u1160\u3164\uffa0"
_NOTHING = re.compile(f"[{_TAGS}{_SELECTORS}{_WIDTHLESS}\u202a-\u202e\u2066-\u2069\\s]+")
_SMUGGLED = re.compile(
    "\U0001f3f4[\U000e0020-\U000e007e]{1,16}\U000e007f"  # a flag, of Scotland for one: not hidden
    f"|(?P<hidden>[{_TAGS}][{_TAGS}\\s]*|[{_SELECTORS}]{{3,}}|[{_WIDTHLESS}]{{8,}})"
)
"""Characters that show nothing and yet can carry text: each tag is a letter, and runs of others may be bits.
Single ones come with copied text and with emoji."""
_TURNS = re.compile("\u202e([^\u202c\n]*)(?:\u202c|$)", re.MULTILINE)
"""Text whose letters are shown from right to left whatever they are. The other override, U+202D, comes with
telephone numbers that are copied from address books, and turns nothing in them."""


def shows_nothing(text: str) -> bool:
    """Whether *text* is made of characters that show nothing alone: tags, selectors, spaces of no width."""
    return bool(text.strip()) and _NOTHING.fullmatch(text) is not None


def smuggled(text: str) -> list[str]:
    """What stands in *text* in characters that show nothing, put in letters where they are tags."""
    found = [match["hidden"] for match in _SMUGGLED.finditer(text) if match["hidden"]]
    return [" ".join(spelled(part).split()) for part in found]


def without_smuggled(text: str) -> str:
    """*text* without that."""
    return _SMUGGLED.sub(lambda match: "" if match["hidden"] else match[0], text)


def turned(text: str) -> list[str]:
    """What is shown in *text* in another order than it stands in."""
    return [match[1].strip() for match in _TURNS.finditer(text) if _is_turned(match)]


def without_turned(text: str) -> str:
    """*text* without that."""
    return _TURNS.sub(lambda match: "" if _is_turned(match) else match[0], text)


def _is_turned(match: re.Match[str]) -> bool:
    """Whether it makes a difference: letters that run to the right are turned by it, and others are not."""
    return sum(unicodedata.bidirectional(char) == "L" for char in match[1]) > 2


def spelled(text: str) -> str:
    """*text* with tags as the letters they stand for, and what stands for none as its number and count."""
    letters = "".join(chr(ord(char) - 0xE0000) for char in text if 0xE0020 <= ord(char) <= 0xE007E)
    if letters:
        return letters
    counts = Counter(char for char in text if not char.isspace())
    return ", ".join(f"U+{ord(char):04X} {count} times" for char, count in counts.most_common(4))


def hidden_words(page: Page) -> Counter[str]:
    """How many words cannot be seen on *page*, by the reason why."""
    words: Counter[str] = Counter()
    for span in page.spans:
        if span.hidden and span.hidden not in QUIET:
            words[span.hidden] += max(1, len(span.text.split()))
    return words


def hidden_text(pages: Iterable[Page], *, paged: bool = True) -> list[Warning]:
    """One for each page with something hidden: how many words, and why they cannot be seen.

    Without *paged* it is one text, of which nobody counts pages.
    """
    return [_hidden(page.number if paged else None, words) for page in pages if (words := hidden_words(page))]


def _hidden(number: int | None, words: Counter[str]) -> Warning:
    total = words.total()
    why = _listed([KINDS[kind] for kind, _ in words.most_common()])
    is_, they = ("word that is", "It was") if total == 1 else ("words that are", "They were")
    where = f"Page {number}" if number else "This text"
    return Warning(
        "hidden_text", f"{where} has {total:,} {is_} not to be seen ({why}). {they} left out.", number
    )


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
