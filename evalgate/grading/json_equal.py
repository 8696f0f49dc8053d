"""The ``json_equal`` grader: the JSON in the answer is the target, place by place."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from itertools import islice
from unicodedata import normalize

from evalgate.core.outcome import Grade
from evalgate.core.suite_file import JsonEqualGrader, Tolerance
from evalgate.grading.excerpt import excerpt
from evalgate.grading.json_answer import NO_JSON, found_json, json_text, stated_json
from evalgate.grading.json_paths import Path, at, at_or_above, on_the_way, parse_path, show_path
from evalgate.grading.matching import all_matched
from evalgate.grading.memo import MadeOf

# Matching n items with m under tolerances costs n times m comparisons; longer lists must match as they are.
MOST_UNORDERED = 300
_MOST_TOLD = 3


@dataclass(frozen=True, slots=True)
class _Rules:
    only: tuple[Path, ...]
    ignore: tuple[Path, ...]
    unordered: tuple[Path, ...]
    tolerance: tuple[tuple[Path, Tolerance], ...]
    allow_extra_keys: bool

    def skips(self, path: Path) -> bool:
        """Tell whether nothing at ``path`` or inside it is compared."""
        if self.ignore and at_or_above(self.ignore, path):
            return True
        return bool(self.only) and not on_the_way(self.only, path)

    def compares(self, path: Path) -> bool:
        """Tell whether the value at ``path`` itself is compared, not only something inside it."""
        return not self.only or at_or_above(self.only, path)

    def tolerance_at(self, path: Path) -> Tolerance | None:
        return next((each for pattern, each in self.tolerance if at((pattern,), path)), None)


def grade_json_equal(text: str, target: object, grader: JsonEqualGrader, correct_at: float) -> Grade:
    """Grade the share of top-level keys at which the answer's JSON agrees, unexpected keys counting too.

    Where either is no object the score is 1 or 0. A target that is a text holding JSON is read as that JSON.
    """
    answer = found_json(text)
    if answer is NO_JSON:
        return Grade(0.0, correct_at <= 0, f"holds no JSON: {excerpt(text)}", readable=False)
    try:
        if isinstance(target, str) and answer != target:
            target = _target(target)
        return _grade(target, answer, _RULES(grader), correct_at)
    except RecursionError:
        return Grade(0.0, correct_at <= 0, "its JSON is nested too deep to compare", readable=False)


def _grade(target: object, answer: object, rules: _Rules, correct_at: float) -> Grade:
    if not (isinstance(target, dict) and isinstance(answer, dict)):
        told = list(islice(_differences(target, answer, (), rules), _MOST_TOLD))
        score = 0.0 if told else 1.0
        return Grade(score, score >= correct_at, "; ".join(told) or "equals the target", readable=True)
    keys = [key for key in dict.fromkeys((*target, *answer)) if not rules.skips((key,))]
    if rules.allow_extra_keys:
        keys = [key for key in keys if key in target]
    faults = [next(_at_key(target, answer, key, (), rules), None) for key in keys]
    told = [fault for fault in faults if fault is not None]
    score = 1 - len(told) / len(keys) if keys else 1.0
    reason = "; ".join(told[:_MOST_TOLD]) or "equals the target"
    return Grade(score, score >= correct_at, reason, readable=True)


def _differences(target: object, answer: object, path: Path, rules: _Rules) -> Iterator[str]:
    """Yield what differs, in words, the first things first."""
    if rules.skips(path):
        return
    match target, answer:
        case dict(), dict():
            for key in dict.fromkeys((*target, *answer)):
                yield from _at_key(target, answer, key, path, rules)
        case list(), list() if rules.unordered and at(rules.unordered, path):
            if not _same_items(target, answer, path, rules):
                yield f"{show_path(path)}: not the expected items in any order"
        case list(), list() if len(target) != len(answer):
            yield f"{show_path(path)}: {len(answer)} items, expected {len(target)}"
        case list(), list():
            for index, (expected, found) in enumerate(zip(target, answer, strict=True)):
                yield from _differences(expected, found, (*path, str(index)), rules)
        case _:
            inner = isinstance(target, dict | list) or isinstance(answer, dict | list)
            if (inner or rules.compares(path)) and not _same(target, answer, rules.tolerance_at(path)):
                yield f"{show_path(path)}: expected {_short(target)}, got {_short(answer)}"


def _at_key(
    target: dict[str, object], answer: dict[str, object], key: str, path: Path, rules: _Rules
) -> Iterator[str]:
    place = (*path, key)
    if key in target and key in answer:
        yield from _differences(target[key], answer[key], place, rules)
    elif rules.skips(place) or (key not in target and rules.allow_extra_keys):
        return
    elif not rules.compares(place):
        # Only something inside is compared, and that may be missing on both sides.
        value = target[key] if key in target else answer[key]
        empty: object = type(value)() if isinstance(value, dict | list) else value
        yield from _differences(target.get(key, empty), answer.get(key, empty), place, rules)
    elif key in target:
        yield f"{show_path(place)}: missing, expected {_short(target[key])}"
    else:
        yield f"{show_path(place)}: not expected"


def _same_items(target: list[object], answer: list[object], path: Path, rules: _Rules) -> bool:
    if len(target) != len(answer):
        return False
    if sorted(map(json_text, target)) == sorted(map(json_text, answer)):
        return True
    if len(target) > MOST_UNORDERED:
        return False
    fits = []
    for index, expected in enumerate(target):
        place = (*path, str(index))
        row = [
            column
            for column, found in enumerate(answer)
            if next(_differences(expected, found, place, rules), None) is None
        ]
        fits.append(row)
    return all_matched(fits)


def _same(target: object, answer: object, tolerance: Tolerance | None) -> bool:
    match target, answer:
        case bool() | None, _:
            return target is answer
        case _, bool() | None:
            return False
        case str(), str():
            return target == answer or normalize("NFC", target) == normalize("NFC", answer)
        case int() | float(), int() | float():
            return target == answer or (tolerance is not None and within(target, answer, tolerance))
        case _:
            return target == answer


def within(target: float, answer: float, tolerance: Tolerance) -> bool:
    """Tell whether two numbers are as near as ``tolerance`` asks, counted in decimals as they are written."""
    expected, found = Decimal(repr(target)), Decimal(repr(answer))
    if not (expected.is_finite() and found.is_finite()):
        return target == answer
    relative = Decimal(repr(tolerance.rel_tolerance)) * abs(expected)
    return abs(found - expected) <= max(Decimal(repr(tolerance.abs_tolerance)), relative)


def same_json(target: object, answer: object, tolerance: Tolerance | None = None) -> bool:
    """Tell whether two JSON values are equal; ``tolerance`` is for two numbers, not for what holds them."""
    return _same(target, answer, tolerance) or next(_differences(target, answer, (), _STRICT), None) is None


@lru_cache(maxsize=4096)
def _target(written: str) -> object:
    stated = stated_json(written)
    return stated if isinstance(stated, dict | list) else written


def _of_spec(grader: JsonEqualGrader) -> _Rules:
    return _Rules(
        only=tuple(map(parse_path, grader.only)),
        ignore=tuple(map(parse_path, grader.ignore)),
        unordered=tuple(map(parse_path, grader.unordered)),
        tolerance=tuple((parse_path(path), each) for path, each in grader.tolerance.items()),
        allow_extra_keys=grader.allow_extra_keys,
    )


_RULES = MadeOf(_of_spec)
_STRICT = _of_spec(JsonEqualGrader(kind="json_equal"))


def _short(value: object) -> str:
    text = json_text(value)
    return text if len(text) <= 60 and text.isprintable() else excerpt(text)
