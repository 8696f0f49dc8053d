"""The ``text_f1`` grader: how many words do the answer and the target share?

The token F1 of SQuAD (Rajpurkar et al. 2016, section 6.1): case, punctuation and articles do not count.
Characters of scripts written without spaces are words of their own, as in MLQA (Lewis et al. 2020).
"""

import re
import unicodedata
from collections import Counter
from functools import lru_cache

from evalgate.core.outcome import Grade
from evalgate.core.suite_file import TextF1Grader
from evalgate.grading.excerpt import excerpt, target_text

_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_WORD = re.compile(f"[{_UNSPACED}]|[^\\s{_UNSPACED}]+")


class _WithoutMarks(dict[int, str | None]):
    """Drops punctuation and symbols, character by character as they are met."""

    def __missing__(self, point: int) -> str | None:
        character = chr(point)
        self[point] = kept = None if unicodedata.category(character)[0] in "PS" else character
        return kept


_MARKS = _WithoutMarks()


def grade_text_f1(text: str, target: object, grader: TextF1Grader, correct_at: float) -> Grade:
    """Grade the F1 of the answer's words; with several acceptable targets, against the nearest one."""
    dropped = tuple(grader.drop_words)
    answer = _words(text, dropped)
    targets = target if isinstance(target, list) else [target]
    best, nearest = -1.0, ""
    for each in targets:
        written = target_text(each)
        score = f1(_target_words(written, dropped), answer)
        if score > best:
            best, nearest = score, written
    best = max(best, 0.0)
    return Grade(best, best >= correct_at, f"word F1 {best:.2f} against {excerpt(nearest)}")


def f1(expected: Counter[str], found: Counter[str]) -> float:
    """Return the harmonic mean of precision and recall of two multisets; 1 when both are empty."""
    total = expected.total() + found.total()
    return 2 * (expected & found).total() / total if total else 1.0


@lru_cache(maxsize=4096)
def _target_words(text: str, dropped: tuple[str, ...]) -> Counter[str]:
    return _words(text, dropped)


def _words(text: str, dropped: tuple[str, ...]) -> Counter[str]:
    folded = unicodedata.normalize("NFC", text).casefold().translate(_MARKS)
    words = Counter(_WORD.findall(folded))
    for each in dropped:
        words.pop(each.casefold(), None)
    return words
