"""What a cache newly merges: pairs of questions, and how the second is served by the first's answer."""

from dataclasses import dataclass
from typing import Literal

PairVerdict = Literal["false", "unsure", "right"]


@dataclass(frozen=True, slots=True)
class HitPair:
    """A question that got another one's stored answer, and how that was judged.

    ``hits`` counts how often; ids, answers and ``similarity`` are of the first time. ``fresh`` is what a call
    would have answered, None where it was not looked up or is not recorded.
    """

    stored_case: str
    stored_question: str
    case: str
    question: str
    served: str
    fresh: str | None
    hits: int
    similarity: float | None
    verdict: PairVerdict
    why: str


@dataclass(frozen=True, slots=True)
class NewHits:
    """The pairs that a candidate's cache serves and the baseline's does not, false ones first.

    ``sample`` are those among the ``unsure`` ones that people should look at. ``gone`` counts pairs that
    only the baseline serves.
    """

    suite: str
    baseline: str | None
    candidate: str
    pairs: tuple[HitPair, ...]
    sample: tuple[HitPair, ...]
    gone: int

    def count(self, verdict: PairVerdict) -> int:
        """Return how many pairs were judged so."""
        return sum(pair.verdict == verdict for pair in self.pairs)
