"""Résumés in plain text and Markdown."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

from ..events import Page, Resume, Span, Warning
from .unseen import MAX_HIDDEN, hidden_text, smuggled, turned, without_smuggled, without_turned
from .words import drop_unseen

MAX_CHARACTERS = 200_000

# Each of them is linear: what stands between two marks never holds the opening one again. Texts are read
# on the event loop, and marks that never close must not hold it up.
_COMMENT = re.compile(
    r"<!--(?P<comment>.*?)(?:-->|\Z)|^\[[^\[\]\n]+\]:(?P<definition>[^\n]*)$", re.DOTALL | re.MULTILINE
)
"""What a Markdown page never shows: comments, and definitions of links, which also serve as comments."""
_UNDISPLAYED = re.compile(
    r"<([A-Za-z][A-Za-z0-9]*)\b[^<>\n]*(?:display\s*:\s*none|visibility\s*:\s*hidden|\shidden\b)[^<>\n]*>"
    r"(?P<hidden>.*?)(?:</\1\s*>|\Z)",
    re.DOTALL | re.IGNORECASE,
)
"""An element that says of itself that it is not shown."""
_ADDRESS = re.compile(r"\s*<?\S+>?\s*(?:\"[^\"]*\"\s*)?")
"""All that an honest definition of a link says."""
_HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+(?=\S)", re.MULTILINE)
_LINK = re.compile(r"!?\[([^\[\]\n]*)\]\([^()\[\n]*\)")
_BOLD = re.compile(r"\*\*(?=\S)([^*\n]+)\*\*")
_CODE = re.compile(r"`([^`\n]+)`")
_TAG = re.compile(r"</?[A-Za-z][^<>\n]*>")


def read_text(document: bytes) -> Resume | None:
    """The résumé in *document*; None when it is no UTF-8 text.

    Of Markdown the marks that a reader of the page does not see are taken away: the signs of headings,
    bold and code, link targets, tags, comments. List marks stay. A text counts as Markdown when it has a
    heading, a comment, a link or bold words. Spans are lines; they have no size and no place. What its reader
    does not see, in comments or in characters that show nothing, follows in hidden ones.
    """
    # Four bytes are the longest character; what is behind could not be kept.
    head, whole = document[: 4 * MAX_CHARACTERS + 4], len(document) <= 4 * MAX_CHARACTERS + 4
    if b"\0" in document:
        return None
    try:
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(head, final=whole)
    except UnicodeDecodeError:
        return None
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n\n").expandtabs(4)
    cut = Warning("text_cut", f"Only the first {MAX_CHARACTERS:,} characters were read.")
    warnings = [cut] if len(text) > MAX_CHARACTERS else []
    text = text[:MAX_CHARACTERS]
    hidden = [("characters", said) for said in smuggled(text)] + [("turned", said) for said in turned(text)]
    text = without_turned(without_smuggled(text))
    marked = any(mark.search(text) for mark in (_HEADING, _COMMENT, _LINK, _BOLD))
    if marked:
        hidden += [("comment", said) for said in _comments(text)]
        text = _unmarked(text)
    spans = *_lines(drop_unseen(text)), *(span for kind, said in hidden for span in _hidden(kind, said))
    page = Page(1, 0.0, 0.0, spans)
    warnings += hidden_text([page], paged=False)
    return Resume((page,), "text/markdown" if marked else "text/plain", tuple(warnings))


def _hidden(kind: str, said: str) -> Iterator[Span]:
    """What is hidden, one line a span."""
    for line in drop_unseen(said[:MAX_HIDDEN]).splitlines():
        if line.strip():
            yield Span(line.strip(), (0.0, 0.0, 0.0, 0.0), 0.0, hidden=kind)


def _comments(text: str) -> Iterator[str]:
    """What is said in comments, in elements that are not shown, and in links that lead nowhere."""
    for found in _COMMENT.finditer(text):
        definition = found["definition"]
        if definition is None or not _ADDRESS.fullmatch(definition):
            yield definition or found["comment"] or ""
    for found in _UNDISPLAYED.finditer(_COMMENT.sub("", text)):
        yield _TAG.sub(" ", found["hidden"])


def _unmarked(text: str) -> str:
    text = _TAG.sub("", _UNDISPLAYED.sub("", _HEADING.sub("", _COMMENT.sub("", text))))
    for mark in _LINK, _BOLD, _CODE:
        text = mark.sub(r"\1", text)
    return text


def _lines(text: str) -> tuple[Span, ...]:
    """Lines that say something, each followed by a line end, or an empty line where one stood."""
    paragraphs = [block.splitlines() for block in re.split(r"\n[ \t]*(?:\n[ \t]*)+", text.strip())]
    return tuple(
        Span(line, (0.0, 0.0, 0.0, 0.0), 0.0, after="\n\n" if place == len(lines) else "\n")
        for lines in paragraphs
        for place, line in enumerate((line.rstrip() for line in lines), 1)
        if line.strip()
    )
