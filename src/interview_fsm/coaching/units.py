"""A piece of evidence together with its wording."""

from __future__ import annotations

import hashlib

from msgspec import Struct

from ..events import Evidence
from . import phrases


class Role(Struct, frozen=True):
    """Where something was done, as what, and until when; empty and 0 where the résumé does not say."""

    title: str = ""
    organisation: str = ""
    year: int = 0


NOWHERE = Role()


class Unit(Struct, frozen=True):
    """A piece of evidence with what is needed to ask about it."""

    evidence: Evidence
    phrase: str
    """As a template wants it: the clause after "you", a name, "your PhD in …", a quotation."""
    year: int = 0
    """In which it ended; 0 when the résumé does not say."""
    label: str = ""
    """What the candidate calls it, where that is not a project: "thesis"."""

    @property
    def order(self) -> tuple[int, int, int]:
        """Recent first, work before studies, then as the résumé has it."""
        return (self.evidence.kind == "education", -self.year, self.evidence.start)


def unit(
    resume: str, kind: str, place: tuple[int, int], phrase: str, role: Role = NOWHERE, *, label: str = ""
) -> Unit:
    """The unit for the text at *place* (start, end) in *resume*."""
    text = resume[place[0] : place[1]]
    # The id comes from the text alone: a later release that finds more, or less, gives the same.
    digest = hashlib.sha256(f"{kind}:{phrases.plain(text).casefold()}".encode()).hexdigest()[:8]
    evidence = Evidence(f"e{digest}", kind, text, *place, role.organisation, role.title)
    return Unit(evidence, phrase, role.year, label)
