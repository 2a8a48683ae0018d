"""Which of the texts that a decoder thinks possible has most of the words that are likely to be said.

Measured on sentences that flite spoke: a language model of these words alone, more weight on it, and words
added to the dictionary were all worse than doing nothing. Choosing among the decoder's best hundred was
better, and takes 5 ms for each segment.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from itertools import pairwise

BEST = 100
"""Texts that are looked at; two hundred have hardly a better one among them."""
MOST = 3000
"""Words that are kept; a long résumé has a thousand."""
_WEIGHT = 0.03  # of one known word, against the logarithm of the decoder's score; up to 0.1 does the same

_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_COMMON = frozenset(
    """
    a about after again all also am an and any are as at back be because been before being but by
    can could did do does doing done down each every few first for from get give go going good had
    has have he her here him his how i if in into is it its just know last led less like made make
    many me more most much my no not now of on one only or other our out over own so some such take
    tell than that the their them then there these they thing things this those three through time
    to too two under until up us use used very was way we well went were what when where which while
    who why will with would year years you your
    """.split()  # noqa: SIM905  # a list of a page
)
"""Words that everybody says, whatever the résumé is about."""


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower().replace("’", "'"))


class Hints:
    """Words that are likely to be said, and pairs: those of *phrases* that not everybody says."""

    def __init__(self, phrases: Iterable[str] = ()) -> None:
        self._known: set[str] = set()
        self._pairs: set[tuple[str, str]] = set()
        for phrase in phrases:
            if len(self._known) >= MOST:
                break
            said = _words(phrase)
            self._known.update(word for word in said if word not in _COMMON)
            self._pairs.update(pair for pair in pairwise(said) if _COMMON.isdisjoint(pair))

    def __bool__(self) -> bool:
        return bool(self._known)

    def hits(self, text: str) -> int:
        """How many of them *text* has."""
        said = _words(text)
        return sum(word in self._known for word in said) + sum(pair in self._pairs for pair in pairwise(said))

    def choose(self, first: str, others: Iterable[tuple[str, float]]) -> str:
        """Of the decoder's *first* choice and *others* (text, score) the one to write down.

        It is the first, unless another has more hits: then the best by score and hits.
        """
        least = self.hits(first)
        scored = ((text, score, self.hits(text)) for text, score in others if score > 0)
        better = [(math.log(score) + _WEIGHT * hits, text) for text, score, hits in scored if hits > least]
        return max(better)[1] if better else first
