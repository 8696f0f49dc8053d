"""The ``choice`` grader: which of the labels does the answer name?"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from evalgate.core.outcome import Grade
from evalgate.core.suite_file import ChoiceGrader
from evalgate.grading.excerpt import canonical, excerpt, target_text

# A letter that would make a label part of a longer word. Scripts written without spaces (Thai to Khmer,
# Kana, Han) are left out, or no label could be found inside a Chinese or Japanese sentence.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_WORD = f"[^\\W{_UNSPACED}]"


@dataclass(frozen=True, slots=True)
class _Reader:
    labels: Mapping[str, str]
    pattern: re.Pattern[str]


def grade_choice(text: str, target: object, grader: ChoiceGrader, correct_at: float) -> Grade:
    """Grade 1 when ``text`` names the target label and no other; ``Grade.label`` is the label it names."""
    reader = _reader(tuple(grader.labels), grader.ignore_case)
    answer = canonical(text, ignore_case=grader.ignore_case)
    wanted = canonical(target_text(target), ignore_case=grader.ignore_case)
    label = reader.labels.get(answer)
    if label is not None:
        return _verdict(label, reader.labels.get(wanted, wanted), correct_at)
    named = dict.fromkeys(reader.pattern.findall(answer))
    if len(named) == 1:
        return _verdict(reader.labels[next(iter(named))], reader.labels.get(wanted, wanted), correct_at)
    if named:
        several = ", ".join(repr(reader.labels[each]) for each in named)
        return Grade(0.0, correct_at <= 0, f"names {len(named)} labels: {several}", readable=False)
    return Grade(0.0, correct_at <= 0, f"names no label: {excerpt(text)}", readable=False)


@lru_cache(maxsize=64)
def _reader(labels: tuple[str, ...], ignore_case: bool) -> _Reader:
    known: dict[str, str] = {}
    for label in labels:
        known.setdefault(canonical(label, ignore_case=ignore_case), label)
    known.pop("", None)
    longest_first = sorted(known, key=len, reverse=True)
    names = "|".join(re.escape(each) for each in longest_first) or "(?!)"
    return _Reader(known, re.compile(f"(?<!{_WORD})(?:{names})(?!{_WORD})"))


# Grades are frozen and labels are few, so all equal verdicts of a run share one object.
@lru_cache(maxsize=4096)
def _verdict(label: str, target: str, correct_at: float) -> Grade:
    if label == target:
        return Grade(1.0, correct_at <= 1, f"names {label!r}", label, readable=True)
    return Grade(0.0, correct_at <= 0, f"names {label!r}, expected {target!r}", label, readable=True)
