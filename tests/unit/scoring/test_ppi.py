from dataclasses import replace

import numpy as np
import pytest
from ppi_py import ppi_mean_ci, ppi_mean_pointestimate
from statsmodels.stats.inter_rater import cohens_kappa

from evalgate.core.errors import RunsNotComparable
from evalgate.core.labels import HumanLabel, answer_digest
from evalgate.core.numbers import Unmeasured
from evalgate.core.outcome import Grade
from evalgate.scoring.compare import compare
from evalgate.scoring.judge_check import agreement, judge_check
from evalgate.scoring.methods.ppi import Judged, corrected_interval, labels_needed, tuned_weight
from evalgate.scoring.setting import Setting
from tests.synthetic_runs import Served, run_of


def drawn(n, labels, seed=0, bias=0.0, differing=1.0):
    """True differences, and those a judge sees who errs on 15 % of answers and likes the candidate."""
    rng = np.random.default_rng(seed)
    before, after = rng.random(n) < 0.8, rng.random(n) < 0.8
    seen_before = np.where(rng.random(n) < 0.15, ~before, before)
    seen_after = np.where(rng.random(n) < 0.15, ~after, after) | (rng.random(n) < bias)
    labelled = np.zeros(n, dtype=bool)
    labelled[rng.choice(n, labels, replace=False)] = True
    human = after.astype(float) - before
    return Judged(
        seen_after.astype(float) - seen_before, np.where(labelled, human, 0), labelled, round(n / differing)
    ), human


def test_weight_and_estimate_agree_with_ppi_python():
    cases, _ = drawn(4000, 1500)
    h, f, rest = cases.human[cases.labelled], cases.judged[cases.labelled], cases.judged[~cases.labelled]
    expected = ppi_mean_pointestimate(h, f, rest)
    found = corrected_interval(cases, 0.05)
    assert found.value == pytest.approx(float(np.squeeze(expected)), abs=1e-9)
    low, high = ppi_mean_ci(h, f, rest, alpha=0.1)
    # Ours adds the imaginary labels: a little wider, and all but equal with 1,500 labels.
    assert (found.low, found.high) == pytest.approx((float(low[0]), float(high[0])), abs=6e-4)
    assert found.high - found.low > float(high[0] - low[0])


def test_labels_remove_the_bias_of_a_judge_who_likes_the_candidate():
    misses = naive = 0
    for seed in range(200):
        cases, human = drawn(1000, 200, seed, bias=0.3)
        found = corrected_interval(cases, 0.05)
        misses += not found.low <= human.mean() <= found.high
        naive += not abs(cases.judged.mean() - human.mean()) < 0.03
    assert misses <= 20
    assert naive > 190


def test_equal_answers_need_no_label_and_shrink_the_interval():
    whole = corrected_interval(drawn(400, 200)[0], 0.05)
    half = corrected_interval(drawn(400, 200, differing=0.5)[0], 0.05)
    assert half.value == pytest.approx(whole.value / 2)
    assert (half.high - half.low) / (whole.high - whole.low) == pytest.approx(0.5, abs=0.01)


def test_a_judge_who_never_varies_is_ignored():
    assert tuned_weight(np.array([1.0, -1, 0]), np.zeros(3), np.zeros(9)) == 0
    assert tuned_weight(np.array([1.0, -1, 0]), np.ones(3), np.empty(0)) == 0


def test_labels_needed_shrink_with_the_budget():
    cases, _ = drawn(2000, 300)
    wide, narrow = labels_needed(cases, 0.1, 0.05), labels_needed(cases, 0.03, 0.05)
    assert 50 <= wide < narrow
    found = corrected_interval(drawn(2000, narrow)[0], 0.05)
    assert (found.high - found.low) / 2 / 1.645 * 2.486 == pytest.approx(0.03, rel=0.25)


def judged(run, labels=()):
    """The run as one that a judge graded, with what people said about its answers."""
    return replace(run, manifest=replace(run.manifest, human=tuple(labels)))


def runs_and_labels(n=300, labelled=60, seed=0):
    rng = np.random.default_rng(seed)
    base, cand = (
        run_of([Served(f"c{i}") for i in range(n)]),
        run_of([Served(f"c{i}", right=bool(rng.random() > 0.2), call="anew") for i in range(n)], "candidate"),
    )
    labels = []
    differing = [i for i in range(n) if base.results[i].outcome.result != cand.results[i].outcome.result]
    for i in differing[:labelled]:
        for run in (base, cand):
            graded = run.results[i]
            labels.append(
                HumanLabel(case=f"c{i}", answer=answer_digest(graded.outcome.result), correct=True, by="ann")
            )
    return base, cand, labels, differing


def test_without_labels_the_judge_is_said_to_be_unvalidated():
    base, cand, _, differing = runs_and_labels()
    change = compare(judged(base), judged(cand)).find("accuracy")
    assert change.method == "tango"
    assert change.assumptions[-1].startswith(
        f"the judge is unvalidated (people labelled 0 of the {len(differing)}"
    )
    assert not any("judge" in note for note in compare(base, cand).find("accuracy").assumptions)


def test_people_who_labelled_everything_replace_the_judge():
    base, cand, labels, _ = runs_and_labels(labelled=300)
    change = compare(judged(base, labels), judged(cand, labels)).find("accuracy")
    assert (change.method, change.change.value, change.losses) == ("tango", 0, 0)


def test_enough_labels_correct_the_judge():
    base, cand, labels, differing = runs_and_labels(n=600, labelled=60)
    assert len(differing) > 60
    change = compare(judged(base, labels), judged(cand, labels)).find("accuracy")
    assert change.method == "ppi"
    assert change.change.value == pytest.approx(0, abs=0.03)
    assert "people labelled 60 of the" in change.assumptions[-1]
    naive = compare(base, cand).find("accuracy").change
    assert naive.high < -0.1 < change.change.low


def test_too_few_labels_correct_nothing():
    base, cand, labels, _ = runs_and_labels(n=600, labelled=20)
    assert compare(judged(base, labels), judged(cand, labels)).find("accuracy").method == "tango"


@pytest.mark.parametrize("seed", range(4))
def test_kappa_and_its_interval_agree_with_statsmodels(seed):
    rng = np.random.default_rng(seed)
    people = rng.random(150) < 0.7
    judge = np.where(rng.random(150) < 0.15, ~people, people)
    found = agreement(list(zip(judge.tolist(), people.tolist(), strict=True)), Setting(0.05))
    table = np.array(
        [
            [(~judge & ~people).sum(), (~judge & people).sum()],
            [(judge & ~people).sum(), (judge & people).sum()],
        ]
    )
    expected = cohens_kappa(table)
    assert found.kappa.value == pytest.approx(expected.kappa)
    assert found.kappa.high - found.kappa.value == pytest.approx(1.6449 * expected.std_kappa, rel=1e-3)
    assert found.sensitivity.value == pytest.approx((judge & people).sum() / people.sum())
    assert found.specificity.value == pytest.approx((~judge & ~people).sum() / (~people).sum())


def test_judge_check_of_two_runs():
    base, cand, labels, differing = runs_and_labels(n=600, labelled=60)
    found = judge_check(judged(base, labels), judged(cand, labels), budget=0.05)
    assert (found.labelled, found.differing) == (60, len(differing))
    assert found.agreement.labelled == 120
    assert found.agreement.sensitivity.value == pytest.approx(0.5)
    assert not found.trusted
    assert found.bias.value == pytest.approx(-1)  # it refuses every candidate answer that people accept
    assert set(found.next) == {f"c{i}" for i in differing[60:]}
    assert found.labels_needed >= 50
    assert set(found.by_target) == {"right"}


def test_judge_check_without_labels_is_sentences():
    base, cand, _, differing = runs_and_labels()
    found = judge_check(judged(base), judged(cand))
    assert isinstance(found.agreement.kappa, Unmeasured)
    assert isinstance(found.bias, Unmeasured)
    assert len(found.next) == len(differing)
    assert found.labels_needed is None


def test_flicker_counts_answers_that_got_another_grade_when_judged_again():
    base = run_of([Served(f"c{i}") for i in range(20)])
    odd = replace(base.results[0], grade=Grade(0.0, correct=False))
    found = judge_check(judged(base), judged(base), again=(odd, *base.results[1:10]))
    assert found.flicker.value == pytest.approx(0.1)
    assert judge_check(judged(base), judged(base)).flicker == Unmeasured(
        "no answer was judged more than once"
    )


def test_runs_without_a_judge_have_none_to_check():
    base = run_of([Served("a")])
    with pytest.raises(RunsNotComparable, match="no judge graded"):
        judge_check(base, base)


def test_labels_correct_neither_groups_nor_several_trials_and_say_so():
    grouped = [Served(f"c{i}", group=f"g{i // 2}") for i in range(20)]
    changed = [replace(each, right=i % 3 > 0, call="anew") for i, each in enumerate(grouped)]
    found = compare(judged(run_of(grouped)), judged(run_of(changed, "candidate")))
    assert not found.judge.validated
    assert "labels correct cases without groups and weights only" in found.find("accuracy").assumptions[-1]
    twice = [replace(each, group=None, trial=t) for each in grouped for t in (0, 1)]
    other = [replace(each, call="anew", right=i % 3 > 0) for i, each in enumerate(twice)]
    found = compare(judged(run_of(twice)), judged(run_of(other, "candidate")))
    assert "labels correct single trials only" in found.find("accuracy").assumptions[-1]


def test_one_label_of_a_failure_is_known_without_asking():
    base = run_of([Served("a"), Served("b")])
    cand = run_of([Served("a", failed=True), Served("b")], "candidate")
    label = HumanLabel(case="a", answer=answer_digest(base.results[0].outcome.result), correct=True, by="ann")
    change = compare(judged(base, [label]), judged(cand)).find("accuracy")
    assert (change.losses, change.change.value) == (1, -0.5)
    assert change.failed_right.value == 0
