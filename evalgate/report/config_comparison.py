"""A comparison of policies with a config: as text, as JSON, and as annotations of GitHub Actions."""

import json
from collections.abc import Iterator

from evalgate.core.config_comparison import ComparedPolicy, ConfigComparison, Difference, Said
from evalgate.core.errors import Problem
from evalgate.report.layout import paint
from evalgate.report.numbers import count
from evalgate.report.review import workflow_command
from evalgate.report.safe_text import safe_line, safe_lines

SCHEMA = "evalgate/check-against@1"
_NOTHING = "says nothing"


def render_text(comparison: ConfigComparison, *, color: bool = False) -> str:
    """Return each policy with its differences: what it says, what the config says, and where."""
    lines: list[str] = []
    for each in comparison.policies:
        lines += [*_policy(each, comparison.config, color=color), ""]
    if comparison.passed_over:
        names = ", ".join(map(safe_line, comparison.passed_over))
        lines.append(f"of no bearing on answers, cost or time: {names}")
    return "\n".join(lines).rstrip() + "\n"


def render_json(comparison: ConfigComparison) -> str:
    """Return everything as indented JSON in pure ASCII."""
    document = {
        "schema": SCHEMA,
        "exit_code": int(comparison.exit_code),
        "config": comparison.config,
        "policies": [
            {
                "policy": each.policy,
                "differences": [_difference_json(one) for one in each.differences],
                "beside": [_problem_json(one) for one in each.beside],
                "matched": dict(each.matched),
                "others": list(each.others),
            }
            for each in comparison.policies
        ],
        "passed_over": list(comparison.passed_over),
    }
    return json.dumps(document, indent=2, ensure_ascii=True, allow_nan=False) + "\n"


def render_github(comparison: ConfigComparison, folder: str = "") -> str:
    """Return one workflow command a difference, at the policy's line, and the verdict as a last line."""
    lines = [
        workflow_command("error", _as_problem(one), folder)
        for each in comparison.policies
        for one in each.differences
    ]
    lines += [_verdict(each, comparison.config) for each in comparison.policies]
    return "\n".join(lines) + "\n"


def _policy(compared: ComparedPolicy, config: str, *, color: bool) -> Iterator[str]:
    yield paint(_verdict(compared, config), "bad" if compared.differences else "good", color=color)
    for alias, group in compared.matched.items():
        yield f"  {safe_line(alias)} is compared with {safe_line(group)}, which asks the same model"
    if compared.others:
        yield f"  no request of the policy reaches {', '.join(map(safe_line, compared.others))}"
    for each in compared.differences:
        yield ""
        yield f"  {paint(safe_line(each.key), 'strong', color=color)}"
        if each.why:
            yield f"    {safe_line(each.why)}"
        yield f"    policy  {_side(each.policy)}"
        yield f"    config  {_side(each.config)}"
    if compared.beside:
        yield ""
        yield "  beside what is judged"
        for problem in compared.beside:
            yield from (f"    {line}" for line in safe_lines(str(problem)).split("\n"))


def _side(said: Said) -> str:
    value = _NOTHING if said.value is None else said.value
    return f"{safe_line(value)}  ({_place(said)})"


def _place(said: Said) -> str:
    return ":".join(safe_line(str(part)) for part in (said.file, said.line, said.column) if part is not None)


def _verdict(compared: ComparedPolicy, config: str) -> str:
    policy, file = safe_line(compared.policy), safe_line(config)
    if not compared.differences:
        return f"{policy} says what {file} says"
    return f"{count(len(compared.differences), 'difference')} between {policy} and {file}"


def _as_problem(difference: Difference) -> Problem:
    policy, config = (
        _NOTHING if each.value is None else f"says {each.value}"
        for each in (difference.policy, difference.config)
    )
    where = _place(difference.config)
    message = f"the policy {policy}, the config {config} ({where})"
    if difference.why:
        message = f"{difference.why} ({where})"
    side = difference.policy
    return Problem(message, "", side.file, side.line, side.column, difference.key)


def _difference_json(difference: Difference) -> dict[str, object]:
    return {
        "key": difference.key,
        "why": difference.why,
        "policy": _said_json(difference.policy),
        "config": _said_json(difference.config),
    }


def _said_json(said: Said) -> dict[str, object]:
    return {"value": said.value, "file": said.file, "line": said.line, "column": said.column}


def _problem_json(problem: Problem) -> dict[str, object]:
    return {
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "key": problem.key,
        "message": problem.message,
    }
