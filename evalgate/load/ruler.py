"""What differs between the rules of a commit and those of the working tree, told in words."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from evalgate.core.budgets import Limit, Rules, Waiver
from evalgate.core.suite import Suite
from evalgate.core.suite_file import SuiteFile
from evalgate.load.project import Gathered

# Told by their own functions, or no part of a verdict.
_NOT_COMPARED = frozenset(
    {"description", "owners", "requests_per_month", "cases", "budgets", "slices", "waivers"}
)
_NAMED_BY_PROJECT = ("suites", "baseline", "price_at", "max_new_recordings")


def project_changes(old: Gathered, new: Gathered) -> list[str]:
    """Return what evalgate.yaml and prices.yaml say differently, as far as it is not told suite by suite."""
    assert old.file is not None
    assert new.file is not None
    before, after = old.file.value, new.file.value
    said = [
        _changed(name, getattr(before, name), getattr(after, name))
        for name in _NAMED_BY_PROJECT
        if getattr(before, name) != getattr(after, name)
    ]
    said += _entries("provider", before.providers, after.providers)
    said += _entries("price of", old.project.prices, new.project.prices)
    return said


def suite_changes(old: Suite, before: SuiteFile, new: Suite, after: SuiteFile) -> list[str]:
    """Return what judges a suite differently: limits, cases, graders and their code, everything else."""
    said = list(_rules(old.rules, new.rules))
    said += _cases(old, new)
    fields = [name for name in SuiteFile.model_fields if name not in _NOT_COMPARED]
    for name in fields:
        values = getattr(before, name), getattr(after, name)
        if values[0] != values[1]:
            said.append(_changed(name, *map(_plain, values)))
    if before.traffic == after.traffic and old.faults != new.faults:
        said.append("the faults of its traffic")
    if not said and old.digest != new.digest:
        said.append("the grader's code or files")
    elif old.digest != new.digest and old.graders and _sources(old) != _sources(new):
        said.append("the grader's code")
    return said


def _rules(old: Rules, new: Rules) -> Iterator[str]:
    before, after = ({_limit_name(each): _limit(each) for each in rules.limits} for rules in (old, new))
    for name in dict.fromkeys((*before, *after)):
        if before.get(name) != after.get(name):
            yield f"{name} {before.get(name, '(none)')} → {after.get(name, '(none)')}"
    waivers = {name: len(set(one) - set(other)) for name, one, other in _both_ways(old.waivers, new.waivers)}
    if any(waivers.values()):
        yield "waivers " + ", ".join(f"{count} {word}" for word, count in waivers.items() if count)
    for name in ("alpha", "slice_by"):
        if getattr(old, name) != getattr(new, name):
            yield _changed(name, getattr(old, name), getattr(new, name))


def _both_ways(
    old: Sequence[Waiver], new: Sequence[Waiver]
) -> tuple[tuple[str, Sequence[Waiver], Sequence[Waiver]], ...]:
    return ("added", new, old), ("removed", old, new)


def _limit_name(limit: Limit) -> str:
    where = f"[{limit.slice}]" if limit.slice is not None else ""
    return f"budget {limit.metric}{where}.{limit.limit}"


def _limit(limit: Limit) -> str:
    amount = limit.allowance
    match limit:
        case Limit(scale="relative") | Limit(limit="min", unit="share"):
            shown = f"{amount * 100:g}%"
        case Limit(unit="share"):
            shown = f"{amount * 100:g}pp"
        case _:
            shown = f"{amount:g}{limit.unit}"
    return f"{shown} ({limit.on_inconclusive})"


def _cases(old: Suite, new: Suite) -> Iterator[str]:
    before, after = ({case.id: case for case in suite.cases} for suite in (old, new))
    added, removed = len(after.keys() - before.keys()), len(before.keys() - after.keys())
    changed = sum(before[name] != after[name] for name in before.keys() & after.keys())
    counts = {"added": added, "removed": removed, "changed": changed}
    if any(counts.values()):
        yield "cases " + ", ".join(f"{count:,} {word}" for word, count in counts.items() if count)
    elif list(before) != list(after):
        yield "the order of the cases"


def _sources(suite: Suite) -> list[Any]:
    return [getattr(each.function, "source_sha256", None) for each in suite.graders]


def _entries(noun: str, before: Mapping[str, object], after: Mapping[str, object]) -> Iterator[str]:
    for name in dict.fromkeys((*before, *after)):
        if before.get(name) != after.get(name):
            word = "added" if name not in before else "removed" if name not in after else "changed"
            yield f"{noun} {name} {word}"


def _changed(name: str, before: object, after: object) -> str:
    return f"{name} {_short(before)} → {_short(after)}"


def _short(value: object) -> str:
    text = "(none)" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:60]}…"


def _plain(value: object) -> object:
    """Return a grader as its kind: what else is in it is read in the file."""
    kinds = [getattr(each, "kind", None) for each in (value if isinstance(value, list) else [value])]
    return ", ".join(filter(None, kinds)) or value
