"""The texts of a new project: what is written, and the budgets that its number of cases can carry."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

from evalgate.core.cases import Case
from evalgate.core.errors import BadInput, Problem
from evalgate.scoring.methods.smallest_drop import cases_for, least_cases, noise, provable_drop

ALPHA = 0.05
FILES = Path(__file__).with_name("starter_files")
MODEL_FILE = "example_model.py"
CASES_FILE = "suites/example/cases.jsonl"
# What a candidate that is no different may still answer differently: sampling, ties, a provider's mood.
_DISCORDANCE = 0.05
_FEW = f"{_DISCORDANCE:.0%}"
_ACCURACY = 0.8
_LEAST_CHANGED = 20
_SLOW_SHARE = 0.05
_MOST_LABELS = 25
_CASES_PER_LABEL = 3


@dataclass(frozen=True, slots=True)
class OpenAIServer:
    """A server with OpenAI-compatible chat completions, asked for ``model``."""

    origin: str
    model: str
    key_env: str | None = None


def starter_texts(cases: Sequence[Case], *, own: bool, server: OpenAIServer | None) -> dict[str, str]:
    """Return the new files by path, without cases and recordings.

    ``own`` says that the cases are the user's, which no stand-in could answer but one that knows the answers.

    Raises:
        BadInput: no grader fits the cases' targets.

    """
    grader, asked_for = _grader(cases)
    words = {
        "replace_suite": _ABOUT_OWN if own else _ABOUT_EXAMPLE,
        "description": '"Replace: what these questions are"'
        if own
        else "Route a library's mail to the right desk",
        "grader": grader,
        "budgets": _budgets(cases),
        "long_prompt": _quoted(_LONG.format(asked_for=asked_for)),
        "short_prompt": _quoted(asked_for),
        "deployment": _deployment(server),
        "providers": _provider(server),
    }
    texts = {
        "evalgate.yaml": _filled("evalgate.yaml", words),
        "suites/example/suite.yaml": _filled("suite.yaml", words),
        "policies/example/production.yaml": _filled("production.yaml", words),
        "policies/example/shorter-prompt.yaml": _filled("shorter-prompt.yaml", words),
    }
    if server is None:
        stand_in = "lookup_model.py.txt" if own else "keywords_model.py.txt"
        texts[MODEL_FILE] = (FILES / stand_in).read_text("utf-8")
    return texts


_ABOUT_EXAMPLE = (
    "Replace cases.jsonl with your own questions, one JSON object a line, and the grader with it."
)
_ABOUT_OWN = "Your own cases; look whether the grader fits them."
_LONG = (
    "You answer on behalf of our service desk. Read the message below with care, from the first word to the "
    "last, and think of what the writer needs before you answer. {asked_for} Give no reasons and no greeting."
)


def _filled(name: str, words: Mapping[str, str]) -> str:
    text = (FILES / name).read_text("utf-8")
    return Template(text).substitute({key: value.rstrip("\n") for key, value in words.items()})


def _deployment(server: OpenAIServer | None) -> str:
    if server is None:
        return (FILES / "deployment_function.yaml").read_text("utf-8")
    return _filled("deployment_openai.yaml", {"model": _quoted(server.model)})


def _provider(server: OpenAIServer | None) -> str:
    if server is None:
        return (
            f"  # Replace: your model as a Python function, or {{kind: openai, origin: …, key_env: …}}.\n"
            f'  example: {{kind: function, path: "{MODEL_FILE.removesuffix(".py")}:answer"}}\n'
        )
    key = "" if server.key_env is None else f", key_env: {_quoted(server.key_env)}"
    return f"  example: {{kind: openai, origin: {_quoted(server.origin)}{key}}}\n"


def _grader(cases: Sequence[Case]) -> tuple[str, str]:
    """Return the grader that fits the targets, and the sentence that asks for such an answer."""
    targets = [case.target for case in cases if case.target is not None]
    if targets and all(isinstance(each, int | float) and not isinstance(each, bool) for each in targets):
        return "{kind: number, rel_tolerance: 0.001}", "Answer with the number only."
    texts = [each for each in targets if isinstance(each, str)]
    if len(texts) < len(targets):
        message = "the targets are neither all texts nor all numbers, and init knows no grader for them"
        raise BadInput([Problem(message, "write the suite by hand; docs/graders.md lists what there is")])
    labels = sorted(set(texts))
    told_apart = len({label.strip().casefold() for label in labels} - {""}) == len(labels)
    if told_apart and 2 <= len(labels) <= min(_MOST_LABELS, len(texts) / _CASES_PER_LABEL):
        named = ", ".join(labels)
        grader = f"{{kind: choice, labels: [{', '.join(map(_quoted, labels))}]}}"
        return grader, f"Answer with one of: {named}."
    return "{kind: exact, ignore_case: true}", "Answer with the result only."


def _budgets(cases: Sequence[Case]) -> str:
    units = {
        case.group if case.group is not None else ("", case.id) for case in cases if case.target is not None
    }
    lines = [*_accuracy(len(units), len(cases)), *_latency(len(cases))]
    return (
        "".join(f"  {line}\n" for line in lines)
        if any(not each.startswith("#") for each in lines)
        else "  {}\n"
    )


def _accuracy(graded: int, cases: int) -> list[str]:
    if not graded:
        return ["# No case has a target, so nothing is graded: only times and costs can be limited."]
    floor, chance = provable_drop(graded, ALPHA), noise(graded, _DISCORDANCE, ALPHA)
    points = math.ceil(max(floor, chance) * 100 - 1e-9)
    half = max(points / 2, 0.5)
    many = _round_up(cases_for(half / 100, _DISCORDANCE, ALPHA))
    # Not wrapped by words: the arithmetic stands in lines that a person can check.
    lines = [
        f"# {graded} independent graded cases carry this budget; a smaller one would stop harmless changes:",
        f"#   proof  1 - {ALPHA} ** (1 / {graded}) = {floor * 100:.1f} points, if no answer differs",
        f"#   noise  2.49 * sqrt({_DISCORDANCE} / {graded}) = {chance * 100:.1f} points, if {_FEW}",
        "#          of the answers differ by chance; then 4 of 5 harmless changes pass",
        f"# For {half:g} points you need about {many:,} cases.",
        f"accuracy: {{max_drop: {points}pp}}",
    ]
    if cases >= _LEAST_CHANGED and points < _ACCURACY * 100:
        rise = math.ceil(points / (_ACCURACY * 100 - points) * 100 - 1e-9)
        lines += [
            "# Fewer correct answers make each one dearer by the same noise:",
            f"#   {points} / ({_ACCURACY:.0%} correct - {points} points) = {rise} %",
            f"cost_per_correct: {{max_rise: {rise}%}}",
        ]
    else:
        lines.append(f"# cost_per_correct: a rise is judged from {_LEAST_CHANGED} changed cases on.")
    return lines


def _latency(calls: int) -> list[str]:
    needed = least_cases(_SLOW_SHARE, ALPHA)
    if calls < needed:
        return [f"# latency_p95: an upper limit needs {needed} calls, ln({ALPHA}) / ln(0.95)."]
    return [
        f"# A P95 needs {needed} calls for an upper limit, ln({ALPHA}) / ln(0.95).",
        "# Replace: what your users may wait. With real models limit the rise too, as in max_rise: 10%.",
        "latency_p95: {max: 2s, on_inconclusive: warn}",
    ]


def _round_up(cases: int) -> int:
    """Round up to two digits, as the formula promises no more."""
    step = int("1".ljust(len(str(cases)) - 1, "0"))
    return math.ceil(cases / step) * step


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
