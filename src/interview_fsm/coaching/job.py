"""What a job description asks for, as far as the planner minds: competencies, skills, and its words.

It is material like the résumé: it is searched for words, and no text of it reaches a question.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from msgspec import Struct

from .fences import MOST, clean, without_orders
from .language import wanted
from .stems import stems
from .units import Unit

SHARED = 3
"""Words of substance in common with the job: more of them bring a piece of evidence no closer to it."""


class Job(Struct, frozen=True):
    """A job, in the planner's terms."""

    wants: Mapping[str, int] = {}
    """How many different words it has for each competency that it asks for."""
    words: frozenset[str] = frozenset()
    """Its words of substance, by their stem."""
    text: str = ""
    """In lower case, on one line."""

    def touches(self, unit: Unit) -> int:
        """How much *unit* has to do with the job: from 0 to SHARED. A skill counts where the job names it."""
        if not self.text:
            return 0
        if unit.evidence.kind == "skill":
            return SHARED * self.names(unit.evidence.text)
        about = f"{unit.evidence.text} {unit.evidence.title}".casefold()
        return min(SHARED, len(self.words & stems(about)))

    def names(self, skill: str) -> bool:
        """Whether the job names *skill*, as a whole word: "Java" is not in "JavaScript", nor "C" in "C++"."""
        name = re.escape(" ".join(skill.casefold().split()))
        return bool(name) and bool(re.search(rf"(?<![\w+#.-]){name}(?![\w+#]|[.-]\w)", self.text))


NO_JOB = Job()


def read_job(description: str) -> Job:
    """What *description* asks for; its first MOST["job_description"] characters are read."""
    shown = without_orders(clean(description)[: MOST["job_description"]])
    text = " ".join(shown.casefold().split())
    if not text:
        return NO_JOB
    words, names = wanted()
    found = {match.lastindex for match in words.finditer(text)}
    return Job(Counter(names[group - 1] for group in found if group), stems(text), text)
