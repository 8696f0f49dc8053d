"""What a suite's cases need: the columns of its policies, the slices it names, a clock that runs on."""

from collections.abc import Iterator, Sequence

from evalgate.core.budgets import SliceBudgets
from evalgate.core.cascade_file import confidence_range
from evalgate.core.clock import moment_of
from evalgate.core.errors import Problem
from evalgate.core.router_file import ColumnRouter
from evalgate.core.suite_file import SuiteFile
from evalgate.load.case_files.cases import CaseFile
from evalgate.load.policy_files.policies import LoadedPolicy
from evalgate.load.policy_files.prompts import variables
from evalgate.load.syntax.documents import Document
from evalgate.load.syntax.suggest import did_you_mean


def check_slices(
    suite: Document[SuiteFile], cases: CaseFile, inherited: SliceBudgets | None
) -> Iterator[Problem]:
    """Yield slices that suite.yaml, or the project's budgets, name and no case has."""
    known = dict.fromkeys(name for case in cases.cases for name in case.slices)
    for index, name in enumerate(suite.value.slices):
        if name not in known:
            yield suite.problem(
                ("slices", index), f"no case has the slice {name!r}", _slice_cure(name, known)
            )
    own = suite.value.budgets.slices
    if own is not None:
        yield from _own_slice_budget(suite, cases, own, known)
    elif inherited is not None:
        yield from _inherited_slice_budget(suite, cases, inherited, known)


def _own_slice_budget(
    suite: Document[SuiteFile], cases: CaseFile, budget: SliceBudgets, known: dict[str, None]
) -> Iterator[Problem]:
    key = ("budgets", "slices")
    if budget.by not in known:
        message = f"no case has the slice {budget.by!r}"
        yield suite.problem((*key, "by"), message, _slice_cure(budget.by, known))
        return
    values = _values(cases, budget.by)
    for index, name in enumerate(budget.critical):
        if name not in values:
            cure = did_you_mean(name, values, f"the values of {budget.by} are")
            yield suite.problem((*key, "critical", index), f"no case has {budget.by}: {name}", cure)


def _inherited_slice_budget(
    suite: Document[SuiteFile], cases: CaseFile, budget: SliceBudgets, known: dict[str, None]
) -> Iterator[Problem]:
    """Yield what looks misspelt in the project's budget: not every suite must have all of its slices."""
    wanted = [(budget.by, list(known))]
    wanted += [(name, _values(cases, budget.by)) for name in budget.critical if budget.by in known]
    for name, names in wanted:
        near = did_you_mean(name, names)
        if name not in names and near.startswith("did you mean"):
            message = f"evalgate.yaml's budgets.slices names {name!r}, which no case has"
            yield suite.problem((), message, near)


def _values(cases: CaseFile, by: str) -> list[str]:
    return sorted({case.slices[by] for case in cases.cases if by in case.slices})


def _slice_cure(name: str, known: dict[str, None]) -> str:
    return did_you_mean(name, known, "the cases have") or f'give cases "slices": {{"{name}": "…"}}'


def check_columns(cases: CaseFile, policies: Sequence[LoadedPolicy]) -> Iterator[Problem]:
    """Yield each variable and router column that a policy needs and cases lack, once, at the first case."""
    for loaded in policies:
        names: set[str] = set()
        for deployment in loaded.policy.answering.values():
            names |= variables(deployment.prompt)
        shown = loaded.document.shown
        for name in sorted(names):
            need = f"the prompt of {shown} needs {{{{{name}}}}}"
            yield from _lacking(cases, name, need)
        for name in loaded.policy.cache.vary_by if loaded.policy.cache is not None else ():
            yield from _lacking(cases, name, f"the cache of {shown} varies by {name!r}")
        router = loaded.policy.router
        if router is not None and isinstance(router.spec, ColumnRouter):
            yield from _lacking(
                cases, router.spec.column, f"the router of {shown} reads {router.spec.column!r}"
            )
            yield from _unusable(cases, router.spec.column, router.spec.range, f"the router of {shown}")
        yield from _confidence_columns(cases, loaded)


def _lacking(cases: CaseFile, name: str, need: str) -> Iterator[Problem]:
    indices = [index for index, case in enumerate(cases.cases) if name not in case.vars]
    if not indices:
        return
    first = cases.cases[indices[0]]
    near = did_you_mean(name, first.vars)
    cure = near if near.startswith("did you mean") else f'write it into the case: "vars": {{"{name}": …}}'
    message = f"case {first.id!r} has no {name!r} in its vars, and {need}{_more(indices)}"
    yield cases.problem(indices[0], message, cure, f"vars.{name}")


def _confidence_columns(cases: CaseFile, loaded: LoadedPolicy) -> Iterator[Problem]:
    spec = loaded.document.value.cascade
    if spec is None:
        return
    who = f"the cascade of {loaded.document.shown}"
    for name in dict.fromkeys(spec.column_of(alias) for alias in spec.asked[:-1]):
        if name is not None:
            yield from _lacking(cases, name, f"{who} reads {name!r}")
            yield from _unusable(cases, name, confidence_range(spec.confidence), who)


def _unusable(cases: CaseFile, name: str, bounds: tuple[float, float], who: str) -> Iterator[Problem]:
    low, high = bounds
    indices = [
        index
        for index, case in enumerate(cases.cases)
        if name in case.vars and not _is_score(case.vars[name], low, high)
    ]
    if not indices:
        return
    first = cases.cases[indices[0]]
    message = f"case {first.id!r} has {first.vars[name]!r}, which is no score for {who}"
    cure = f"write a number from {low:g} to {high:g}, or widen the range in the policy"
    yield cases.problem(indices[0], message + _more(indices), cure, f"vars.{name}")


def _is_score(value: object, low: float, high: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def _more(indices: Sequence[int]) -> str:
    return f" ({len(indices)} such cases)" if len(indices) > 1 else ""


def check_clock(cases: CaseFile) -> Iterator[Problem]:
    """Yield times that cannot be one clock; a case without ``at`` follows the one before it."""
    stated = [(index, case.at) for index, case in enumerate(cases.cases) if case.at is not None]
    if not stated:
        return
    first_index, first = stated[0]
    previous: tuple[int, float] | None = None
    for index, written in stated:
        case = cases.cases[index]
        if isinstance(written, str) != isinstance(first, str):
            kinds = ("seconds", "a timestamp") if isinstance(first, str) else ("a timestamp", "seconds")
            message = f"case {case.id!r} has {kinds[0]}, and {cases.place(first_index)} has {kinds[1]}"
            yield cases.problem(index, message, "write one of the two in all cases", "at")
            return
        moment = _seconds(written)
        if moment is None:
            cure = "write seconds as a number, or a timestamp like 2026-11-01T09:30:00Z"
            yield cases.problem(index, f"case {case.id!r}: {written!r} is not a time", cure, "at")
            continue
        if previous is not None and moment < previous[1]:
            message = f"case {case.id!r} is at {written}, before {cases.place(previous[0])} above it"
            yield cases.problem(index, message, "sort the cases by time: an ordered suite is a stream", "at")
        previous = (index, moment)


def _seconds(written: float | str) -> float | None:
    return moment_of(written) if isinstance(written, str) else written


def check_near_misses(cases: CaseFile) -> Iterator[Problem]:
    """Yield near-misses of a case that there is not, or that may share its answer."""
    known = {case.id: case for case in cases.cases}
    for index, case in enumerate(cases.cases):
        if case.near_miss_of is None:
            continue
        other = known.get(case.near_miss_of)
        if other is None:
            cure = did_you_mean(case.near_miss_of, list(known), "cases are named like")
            message = f"case {case.id!r} is a near-miss of {case.near_miss_of!r}, which is no case"
            yield cases.problem(index, message, cure, "near_miss_of")
        elif other is case or (case.same_answer is not None and case.same_answer == other.same_answer):
            message = f"case {case.id!r} is a near-miss of {other.id!r} and may share its answer"
            cure = "give the two different same_answer, or remove near_miss_of"
            yield cases.problem(index, message, cure, "near_miss_of")
