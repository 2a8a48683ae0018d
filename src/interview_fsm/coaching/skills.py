"""Finds skills on a résumé: the items of lists that are named so."""

from __future__ import annotations

import re
from collections.abc import Iterator

from . import phrases
from .language import load
from .lines import Line
from .units import Unit, unit

_NAME = re.compile(r"[^\W_][\w+#.&'’/ -]{0,29}")
_UNSPEAKABLE = re.compile(r"(?<![A-Z])#|\b(\w)\1\1\b")
"""C# is a skill; "XXX" is a template nobody filled in."""


def is_skill_list(line: Line) -> bool:
    """Whether *line* says that it lists skills, wherever it stands: "Tech: …"."""
    label, colon, _ = line.text.partition(":")
    return bool(colon) and label.strip().casefold() in load().skill_labels


def find_skills(resume: str, line: Line, *, wrapped: tuple[bool, bool] = (False, False)) -> Iterator[Unit]:
    """The skills that *line* lists.

    *wrapped*: whether its first item began on the line above, and whether its last one goes on below; such
    a half is left out.
    """
    if phrases.clause(line.text):
        return
    label = re.match(r"[\w &/+-]{2,30}:\s+", line.text)
    begin = label.end() if label else 0
    listed = bool(label) or bool(re.search(r"[,;•·|]", line.text))
    items = list(re.finditer(r"[^,;•·|●○☆★\t]+", line.text[begin:]))
    for found in items[wrapped[0] : len(items) - wrapped[1]]:
        raw = re.split(r"[(:]", found[0])[0]
        name = raw.strip(" .–-")
        if name and _is_skill(name, listed=listed):
            start = line.start + begin + found.start() + raw.index(name)
            yield unit(resume, "skill", (start, start + len(name)), phrases.skill(name))


def _is_skill(name: str, *, listed: bool) -> bool:
    words, known = name.casefold().split(), load().words
    if len(words) > (4 if listed else 3) or not _NAME.fullmatch(name) or _UNSPEAKABLE.search(name):
        return False
    if not listed and not name[0].isupper():
        return False
    if len(words) > 2 and all(len(word) < 3 for word in words):  # letters set apart
        return False
    if words[0] in known.function or any(word in known.languages for word in words):
        return False
    soft = words[-1] in known.soft_skills or all(word in known.soft_skills for word in words)
    return any(char.isalpha() for char in name) and not soft
