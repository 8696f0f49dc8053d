"""The share of false hits: exact, over distinct pairs, honest about what is not known."""

from dataclasses import replace

import pytest
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from evalgate.core.budgets import Rules
from evalgate.core.numbers import Estimate, Unmeasured
from evalgate.core.outcome import Hit
from evalgate.scoring.compare import compare, compare_absolute
from evalgate.scoring.methods.one_arm import exact_interval
from tests.synthetic_runs import Served, run_of


def hits(right=0, false=0, copies=1, start=0, kind="merged"):
    """Cases that the cache answered, each distinct pair of questions ``copies`` times."""
    found = []
    for index in range(start, start + right + false):
        told = Hit("right" if index < start + right else kind, (f"q{index}", f"r{index}"))
        found += [Served(f"h{index}-{copy}", hit=told) for copy in range(copies)]
    return found


def rate(served):
    return compare_absolute(run_of(served)).find("false_hit_rate")


@pytest.mark.parametrize(("false", "n"), [(0, 1), (0, 299), (3, 1000), (1, 1), (17, 312), (300, 300)])
def test_the_interval_is_clopper_and_pearson_s(false, n):
    expected = proportion_confint(false, n, alpha=0.1, method="beta")
    assert exact_interval(false, n, 0.05) == pytest.approx(expected, abs=1e-8)


def test_299_hits_without_a_false_one_prove_less_than_one_percent():
    assert rate(hits(right=298)).candidate.high > 0.01
    assert rate(hits(right=299)).candidate.high < 0.01


def test_a_hot_question_counts_once():
    once, often = (rate(hits(right=30, false=2, copies=copies)) for copies in (1, 50))
    assert (once.candidate, once.n, once.clusters) == (often.candidate, 32, 32)
    assert often.candidate.value == 2 / 32


def test_a_pair_with_one_false_hit_is_false():
    pair = ("q", "q")
    served = [Served("a", hit=Hit("right", pair)), Served("b", hit=Hit("stale", pair, fresh_correct=True))]
    assert rate(served).candidate.value == 1.0


def test_neutral_hits_are_hits_and_not_false():
    assert rate(hits(false=3, kind="neutral")).candidate.value == 0


def test_unlabelled_hits_are_left_out_and_told():
    found = rate(hits(right=10) + hits(false=4, start=10, kind="unlabelled"))
    assert found.n == 10
    assert any(note.startswith("4 hits are left out") for note in found.assumptions)
    alone = rate(hits(false=4, kind="unlabelled"))
    assert "no hit is labelled" in alone.candidate.reason


def test_wrong_answers_that_nobody_asked_again_are_told():
    unknown, known = (
        rate([Served("a", hit=Hit("stale", ("q", "q"), fresh)), *hits(right=3)]) for fresh in (None, True)
    )
    assert unknown.candidate == known.candidate
    assert any("no fresh answer" in note for note in unknown.assumptions)
    assert not any("no fresh answer" in note for note in known.assumptions)


def test_no_cache_serves_no_false_hit_and_an_idle_one_proves_nothing():
    assert rate([Served("a")]).candidate == Estimate(0.0, 0.0, 0.0, 0.9, "no_cache")
    idle = run_of([Served("a", hit=Hit("right", ("q", "q")))])
    outcome = idle.results[0].outcome
    missed = replace(
        idle.results[0], outcome=replace(outcome, cache=replace(outcome.cache, hit=False)), hit=None
    )
    found = compare_absolute(replace(idle, results=(missed,))).find("false_hit_rate")
    assert "ordered" in found.candidate.reason


def test_a_run_file_without_labels_is_unmeasured_and_not_zero():
    run = run_of(hits(right=5))
    old = replace(run, results=tuple(replace(each, hit=None) for each in run.results))
    assert isinstance(compare_absolute(old).find("false_hit_rate").candidate, Unmeasured)


def test_the_change_is_newcombe_s_and_counts_pairs_of_one_side():
    before = run_of([*hits(right=90, false=2), *(Served(f"m{i}") for i in range(20))])
    after_served = [
        *hits(right=90, false=2),
        *(Served(f"m{i}", call="new", hit=Hit("merged", (f"x{i}", f"y{i}"))) for i in range(20)),
    ]
    change = compare(before, run_of(after_served, "candidate")).find("false_hit_rate")
    expected = confint_proportions_2indep(22, 112, 2, 92, method="newcomb", compare="diff", alpha=0.1)
    assert (change.change.low, change.change.high) == pytest.approx(expected, abs=1e-9)
    assert (change.losses, change.gains, change.affected) == (20, 0, 20)


def test_a_run_against_itself_is_identical():
    run = run_of(hits(right=5, false=1))
    assert compare(run, run).find("false_hit_rate").change.method == "identical"


def test_slices_hold_their_own_hits():
    sliced = [
        Served(f"{name}{i}", slices={"axis": name}, hit=Hit(kind, (f"{name}{i}", "r")))
        for name, kind in (("entity", "merged"), ("case", "right"))
        for i in range(4)
    ]
    found = compare_absolute(run_of(sliced, rules=Rules((), slice_by="axis")))
    assert found.find("false_hit_rate", "entity").candidate.value == 1
    assert found.find("false_hit_rate", "case").candidate.value == 0


def test_hit_rates_count_requests_and_the_positive_one_right_answers():
    served = [*hits(right=6, false=2), *(Served(f"m{i}") for i in range(12))]
    found = compare_absolute(run_of(served))
    assert found.find("hit_rate").candidate.value == pytest.approx(8 / 20)
    positive = found.find("positive_hit_rate").candidate
    assert positive.value == pytest.approx(6 / 20)
    assert positive.low < 6 / 20 < positive.high
    assert compare_absolute(run_of([Served("a")])).find("hit_rate").candidate.method == "no_cache"
    unknown = compare_absolute(run_of(hits(false=3, kind="unlabelled")))
    assert unknown.find("hit_rate").candidate.value == 1
    assert isinstance(unknown.find("positive_hit_rate").candidate, Unmeasured)


def test_a_change_of_the_hit_rate_is_paired():
    before = [*hits(right=6), *(Served(f"m{i}") for i in range(14))]
    after = [*hits(right=6), *(Served(f"m{i}", call="new") for i in range(14))]
    after[6:9] = [replace(each, hit=Hit("right", ("x", each.case))) for each in after[6:9]]
    change = compare(run_of(before), run_of(after, "candidate")).find("positive_hit_rate")
    assert change.change.value == pytest.approx(3 / 20)
    assert (change.gains, change.losses) == (3, 0)
