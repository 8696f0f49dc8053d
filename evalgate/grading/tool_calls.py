"""The ``tool_calls`` grader: were the right tools called, with the right arguments?

A conversation is teacher-forced: the case's ``messages`` hold the earlier turns as they should have gone,
and only the turn that follows is graded.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from evalgate.core.cases import ExpectedCall
from evalgate.core.errors import BadInput, Problem
from evalgate.core.messages import ToolCall
from evalgate.core.outcome import Answer, Grade
from evalgate.core.suite_file import ArgumentRule, ToolCallsGrader
from evalgate.grading.excerpt import excerpt
from evalgate.grading.json_answer import json_text
from evalgate.grading.json_equal import same_json
from evalgate.grading.matching import best_pairs

_MOST_TOLD = 3
_EXACT = ArgumentRule()


@dataclass(frozen=True, slots=True)
class _Made:
    """A call that was made; ``arguments`` is None when they are not a JSON object."""

    name: str
    arguments: dict[str, Any] | None


def grade_tool_calls(
    case_id: str, answer: Answer, target: object, grader: ToolCallsGrader, correct_at: float
) -> Grade:
    """Grade the mean share right of expected and made calls; a call is right by its name and each argument.

    Parallel calls are matched as suits them best, unless the grader is ``ordered``.

    Raises:
        BadInput: the target is not a list of calls.

    """
    expected = _expected(case_id, target)
    made = [_Made(call.name, _arguments(call)) for call in answer.tool_calls]
    places = len(expected) if grader.allow_extra_calls else max(len(expected), len(made))
    if not places:
        return Grade(1.0, correct_at <= 1, "no call expected" if made else "no call expected, none made")
    gains = [[_share(wish, call, grader) for call in made] for wish in expected]
    if grader.ordered:
        pairs = [(index, index) for index in range(min(len(expected), len(made)))]
    else:
        pairs = best_pairs(gains)
    pairs = [(wish, call) for wish, call in pairs if gains[wish][call]]
    score = float(sum((gains[wish][call] for wish, call in pairs), Fraction(0)) / places)
    reason = "; ".join(_told(expected, made, pairs, grader)) or f"{len(expected)} calls as expected"
    readable = all(call.arguments is not None for call in made) if made else None
    return Grade(score, score >= correct_at, reason, readable=readable)


def _told(
    expected: Sequence[ExpectedCall],
    made: Sequence[_Made],
    pairs: Sequence[tuple[int, int]],
    grader: ToolCallsGrader,
) -> list[str]:
    met, used = {wish for wish, _ in pairs}, {call for _, call in pairs}
    told = [f"{wish.name} was not called" for index, wish in enumerate(expected) if index not in met]
    for wish, call in pairs:
        told += _faults(expected[wish], made[call], grader)
    if not grader.allow_extra_calls:
        extra = [call.name for index, call in enumerate(made) if index not in used]
        told += [f"{excerpt(name)} was called unasked" for name in extra]
    if len(told) > _MOST_TOLD:
        return [*told[:_MOST_TOLD], f"and {len(told) - _MOST_TOLD} more"]
    return told


def _share(wish: ExpectedCall, call: _Made, grader: ToolCallsGrader) -> Fraction:
    if wish.name != call.name:
        return Fraction(0)
    names = _compared(wish, call, grader)
    right = sum(_right(wish, call, name, grader) for name in names)
    # Arguments that cannot be read are one thing wrong, also where none was expected.
    unread = call.arguments is None and wish.arguments is not None
    return Fraction(1 + right, 1 + len(names) + unread)


def _faults(wish: ExpectedCall, call: _Made, grader: ToolCallsGrader) -> list[str]:
    if call.arguments is None and wish.arguments is not None:
        return [f"{wish.name}: its arguments are not a JSON object"]
    faults = []
    for name in _compared(wish, call, grader):
        if _right(wish, call, name, grader):
            continue
        place, got = f"{wish.name}.{name}", call.arguments or {}
        if name not in got:
            faults.append(f"{place}: missing")
        elif name not in (wish.arguments or {}) and name not in wish.any_of:
            faults.append(f"{place}: not expected")
        else:
            wanted = (wish.arguments or {}).get(name, wish.any_of.get(name))
            faults.append(
                f"{place}: expected {excerpt(json_text(wanted))}, got {excerpt(json_text(got[name]))}"
            )
    return faults


def _compared(wish: ExpectedCall, call: _Made, grader: ToolCallsGrader) -> list[str]:
    names = dict.fromkeys((*(wish.arguments or ()), *wish.any_of))
    if wish.arguments is not None:
        names.update(dict.fromkeys(call.arguments or ()))
    return [each for each in names if each not in wish.ignore and not _rule(wish.name, each, grader).ignore]


def _right(wish: ExpectedCall, call: _Made, name: str, grader: ToolCallsGrader) -> bool:
    if call.arguments is None or name not in call.arguments:
        return False
    rule, got = _rule(wish.name, name, grader), call.arguments[name]
    accepted = list(wish.any_of.get(name, ()))
    if wish.arguments is not None and name in wish.arguments:
        value = wish.arguments[name]
        synonyms = any(same_json(each, value) for each in rule.any_of)
        accepted += [value, *rule.any_of] if synonyms else [value]
    tolerance = wish.tolerance.get(name, rule)
    return any(same_json(each, got, tolerance) for each in accepted)


def _rule(tool: str, argument: str, grader: ToolCallsGrader) -> ArgumentRule:
    rules = grader.arguments
    if not rules:
        return _EXACT
    return rules.get(f"{tool}.{argument}") or rules.get(f"*.{argument}") or _EXACT


def _arguments(call: ToolCall) -> dict[str, Any] | None:
    if not call.arguments.strip():
        return {}  # how some providers write a call without arguments
    try:
        read: object = json.loads(call.arguments)
    except (ValueError, RecursionError):
        return None
    return read if isinstance(read, dict) else None


@lru_cache(maxsize=1)
def _calls() -> TypeAdapter[list[ExpectedCall]]:
    return TypeAdapter(list[ExpectedCall])


def _expected(case_id: str, target: object) -> list[ExpectedCall]:
    try:
        return _calls().validate_python([target] if isinstance(target, dict) else target)
    except ValidationError:
        message = f"case {case_id!r}: target {excerpt(str(target))} is not a list of tool calls"
        cure = 'write it like [{"name": "get_weather", "arguments": {"city": "Paris"}}]'
        raise BadInput([Problem(message, cure, key="target")]) from None
