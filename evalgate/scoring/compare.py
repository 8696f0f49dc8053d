"""Candidate against baseline, paired case by case; or a candidate alone against absolute limits."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from evalgate.core.budgets import Rules, Scale
from evalgate.core.comparison import Change, Comparison, LookComparison
from evalgate.core.labels import JudgeStatus
from evalgate.core.metrics import Metric, Unit
from evalgate.core.numbers import Estimate, Measured, Unmeasured
from evalgate.core.outcome import Graded
from evalgate.core.run import Look, Run
from evalgate.scoring.accuracy import quality_change, quality_of
from evalgate.scoring.answer_length import answer_length_change, answer_length_of
from evalgate.scoring.assumptions import amid_faults, recorded_on, whole_windows
from evalgate.scoring.cache_state import unknown_cache_state
from evalgate.scoring.columns import Columns, columns_of
from evalgate.scoring.cost import cost_change, cost_of
from evalgate.scoring.drift import drifted_because
from evalgate.scoring.failures import failure_rate_change, failure_rate_of
from evalgate.scoring.false_hits import false_hit_change, false_hits_alone
from evalgate.scoring.flip_rate import flip_rate_change
from evalgate.scoring.flips import case_counts, flips, one_side_counts
from evalgate.scoring.format_failures import format_failure_change, format_failures_of
from evalgate.scoring.hit_rates import HIT_RATES, hit_rate_alone, hit_rate_change
from evalgate.scoring.lag import mismeasured_because
from evalgate.scoring.load.metrics import load_changes
from evalgate.scoring.methods.arrays import Ints
from evalgate.scoring.near_misses import near_miss_change, near_misses_alone
from evalgate.scoring.paired_quality import judge_status
from evalgate.scoring.pairs import Pairs, pair
from evalgate.scoring.prompt_cache import States, states_of
from evalgate.scoring.setting import Setting
from evalgate.scoring.timed import apart, interleaved_sessions
from evalgate.scoring.timings import time_changes, times_alone
from evalgate.scoring.turnaround import only_batched
from evalgate.scoring.units import units_of

NO_BASELINE = Unmeasured("there is no baseline to compare with")
ALONE = JudgeStatus(0, 0, validated=False, because="they correct the change between two policies only")


def compare(
    baseline: Run, candidate: Run, rules: Rules | None = None, pairs: Pairs | None = None
) -> Comparison:
    """Return everything the gate judges about ``candidate`` against ``baseline``.

    Without ``rules`` those of the baseline's manifest hold, so that a change cannot loosen its own.
    ``pairs`` are the two runs side by side, where somebody has put them so already.

    Raises:
        RunsNotComparable: the runs are of different suites, cases or trials.

    """
    rules = rules or baseline.manifest.rules
    states = states_of((baseline, candidate), rules)
    baseline, candidate = states.runs
    pairs = pairs or pair(baseline, candidate)
    sessions = interleaved_sessions(baseline.manifest.sessions, candidate.manifest.sessions)
    recorded = recorded_on((*baseline.manifest.sessions, *candidate.manifest.sessions))
    windows, amid = whole_windows((baseline, candidate)), amid_faults(baseline.manifest.faults)
    setting = replace(_setting(rules), recorded=recorded, waits=windows, amid=amid)
    graded = pairs.take(pairs.baseline.graded & pairs.candidate.graded)
    slices: list[Change] = []
    for value, rows in _slices(baseline.results, pairs.before_at, rules.slice_by).items():
        slices += _changes(pairs.take(rows), setting.inside(value), sessions)
    return Comparison(
        suite=candidate.manifest.suite,
        baseline=baseline.manifest.policy,
        candidate=candidate.manifest.policy,
        alpha=rules.alpha,
        inference=rules.inference,
        trials=pairs.baseline.trials,
        identical=not (pairs.differs.any.any() or states.differ),
        affected=int(pairs.differs.any.sum()),
        ungraded=int((~(pairs.baseline.graded & pairs.candidate.graded)).sum()),
        changes=(
            *(
                _with_cache_state(change, pairs, states, setting, sessions)
                for change in _changes(pairs, setting, sessions)
            ),
            *load_changes(baseline, candidate, rules),
        ),
        slices=tuple(slices),
        slice_by=rules.slice_by,
        cases=case_counts(pairs),
        batched=only_batched(pairs.candidate).n,
        flips=flips(pairs, baseline.results, candidate.results),
        without_cleanup=cost_change(pairs, Setting(rules.alpha)) if rules.cleanup_usd_per_wrong else None,
        judge=judge_status(graded, units_of(graded.baseline)),
        drifted_because=drifted_because(baseline, candidate),
    )


def compare_look(baseline: Run, candidate: Run, look: Look, pairs: Pairs | None = None) -> LookComparison:
    """Return one look of a sequential run, both runs holding the first ``look.cases`` cases of its order.

    Raises:
        RunsNotComparable: the runs are of different suites, cases or trials.

    """
    rules, pairs = baseline.manifest.rules, pairs or pair(baseline, candidate)
    return LookComparison(
        plain=compare(baseline, candidate, pairs=pairs),
        to_pass=compare(baseline, candidate, replace(rules, alpha=look.pass_alpha), pairs),
        to_fail=compare(baseline, candidate, replace(rules, alpha=look.fail_alpha), pairs),
        cases_total=look.cases_total,
        last=look.last,
    )


def compare_absolute(candidate: Run, rules: Rules | None = None) -> Comparison:
    """Return a comparison without baseline: the candidate's own numbers, for absolute limits only.

    Raises:
        RunsNotComparable: the run holds a case and trial twice.

    """
    rules = rules or candidate.manifest.rules
    states = states_of((candidate,), rules)
    (candidate,) = states.runs
    columns = columns_of(candidate)
    setting = replace(_setting(rules), waits=whole_windows((candidate,)))
    positions = np.arange(columns.n)[:, np.newaxis]
    slices: list[Change] = []
    for value, rows in _slices(_one_a_case(candidate), positions, rules.slice_by).items():
        slices += _absolute(columns.take(rows), setting.inside(value))
    return Comparison(
        suite=candidate.manifest.suite,
        baseline=None,
        candidate=candidate.manifest.policy,
        alpha=rules.alpha,
        inference=rules.inference,
        trials=columns.trials,
        identical=False,
        affected=columns.n,
        ungraded=int((~columns.graded).sum()),
        changes=(
            *(_alone_in_states(change, states, setting) for change in _absolute(columns, setting)),
            *load_changes(None, candidate, rules),
        ),
        slices=tuple(slices),
        slice_by=rules.slice_by,
        cases=one_side_counts(columns),
        batched=only_batched(columns).n,
        flips=(),
        without_cleanup=_cost_alone(columns, Setting(rules.alpha)) if rules.cleanup_usd_per_wrong else None,
        judge=None if candidate.manifest.human is None else ALONE,
        drifted_because=drifted_because(candidate),
    )


def _alone_in_states(change: Change, states: States, setting: Setting) -> Change:
    if change.metric != "cost_per_correct":
        return change
    return states.of(change, lambda other: _cost_alone(columns_of(other[0]), setting))


def _cost_alone(columns: Columns, setting: Setting) -> Change:
    return next(each for each in _absolute(columns, setting) if each.metric == "cost_per_correct")


def _setting(rules: Rules) -> Setting:
    return Setting(rules.alpha, cleanup_usd_per_wrong=rules.cleanup_usd_per_wrong, inference=rules.inference)


def _changes(pairs: Pairs, setting: Setting, sessions: frozenset[str]) -> Iterator[Change]:
    yield quality_change(pairs, "accuracy", setting)
    yield quality_change(pairs, "score", setting)
    yield cost_change(pairs, setting)
    yield from time_changes(pairs, setting, sessions)
    yield failure_rate_change(pairs, setting)
    yield false_hit_change(pairs, setting)
    yield near_miss_change(pairs, setting)
    for metric in HIT_RATES:
        yield hit_rate_change(pairs, metric, setting)
    yield flip_rate_change(pairs, setting)
    yield format_failure_change(pairs, setting)
    yield answer_length_change(pairs, setting)


def _with_cache_state(
    change: Change, pairs: Pairs, states: States, setting: Setting, sessions: frozenset[str]
) -> Change:
    if change.metric != "cost_per_correct":
        return change
    unknown = unknown_cache_state(pairs, states.runs, apart(pairs, sessions))
    return states.of(
        replace(change, mismeasured_because=unknown), lambda other: cost_change(pair(*other), setting)
    )


_ALONE: tuple[tuple[Metric, Scale, Unit, Callable[[Columns, Setting], Measured]], ...] = (
    ("accuracy", "absolute", "share", lambda columns, setting: quality_of(columns, "accuracy", setting)),
    ("score", "absolute", "share", lambda columns, setting: quality_of(columns, "score", setting)),
    ("cost_per_correct", "relative", "usd", cost_of),
    ("failure_rate", "absolute", "share", failure_rate_of),
    ("format_failure_rate", "absolute", "share", format_failures_of),
    ("answer_length", "relative", "length", answer_length_of),
    # A policy alone cannot flip.
    ("flip_rate", "absolute", "share", lambda _columns, _setting: NO_BASELINE),
)


def _absolute(columns: Columns, setting: Setting) -> Iterator[Change]:
    for metric, scale, unit, measure in _ALONE:
        cases = columns.take(columns.graded) if metric in {"accuracy", "score"} else columns
        yield _alone(metric, (scale, unit), measure(columns, setting), cases, setting)
    for time in times_alone(columns, setting):
        found = _alone(time.metric, ("relative", "s"), time.measured, time.cases, setting)
        waited = time.metric != "turnaround"
        yield replace(
            found,
            mismeasured_because=mismeasured_because(time.cases) if waited else "",
            nothing_because=time.nothing_because,
            assumptions=time.assumptions,
        )
    yield false_hits_alone(columns, setting)
    yield near_misses_alone(columns, setting)
    for hit_rate in HIT_RATES:
        yield hit_rate_alone(columns, hit_rate, setting)


def _alone(
    metric: Metric, counted: tuple[Scale, Unit], measured: Measured, cases: Columns, setting: Setting
) -> Change:
    scale, unit = counted
    return Change(
        metric=metric,
        slice=setting.slice,
        scale=scale,
        unit=unit,
        baseline=NO_BASELINE,
        candidate=measured,
        change=NO_BASELINE,
        method=measured.method if isinstance(measured, Estimate) else "none",
        level=setting.level,
        n=cases.n,
        clusters=units_of(cases).count,
        trials=cases.trials,
        affected=cases.n,
    )


def _one_a_case(run: Run) -> tuple[Graded, ...]:
    first: dict[str, Graded] = {}
    for graded in run.results:
        first.setdefault(graded.outcome.case_id, graded)
    return tuple(first.values())


def _slices(results: Sequence[Graded], at: Ints, key: str | None) -> Mapping[str, Ints]:
    """The rows of each slice by ``key``, slices in the order of their names."""
    if key is None:
        return {}
    rows: dict[str, list[int]] = {}
    for row, position in enumerate(at.max(axis=1, initial=-1).tolist()):
        value = results[position].slices.get(key)
        if value is not None:
            rows.setdefault(value, []).append(row)
    return {value: np.array(rows[value], dtype=np.intp) for value in sorted(rows)}
