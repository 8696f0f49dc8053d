"""Flips, format failures, length and recovery: what a quantized model moves besides accuracy."""

import math
from dataclasses import replace

import numpy as np
import pytest

from evalgate.core.numbers import Estimate, Unmeasured
from evalgate.core.trials import TrialsPass
from evalgate.gate.judge import judge
from evalgate.scoring.answer_changes import answer_changes
from evalgate.scoring.compare import compare, compare_absolute
from evalgate.scoring.methods.one_arm import exact_interval
from evalgate.scoring.methods.tango import tango_interval
from evalgate.scoring.pairs import pair
from evalgate.scoring.recovery import recovery_of, score_interval, score_z
from evalgate.scoring.setting import Setting
from tests.synthetic_runs import Served, limit_of, rules_of, run_of


def anew(cases, **by_case):
    """The candidate's answers to ``cases``; ``by_case`` maps an attribute to what becomes of it by index."""
    return [
        replace(each, call="anew", **{name: values(index, each) for name, values in by_case.items()})
        for index, each in enumerate(cases)
    ]


def compared(before, after, **rules):
    rule = rules_of(**rules)
    return compare(run_of(before, rules=rule), run_of(after, "candidate", rules=rule))


def flips(before, after, **rules):
    return compared(before, after, **rules).find("flip_rate")


CASES = [Served(f"c{i}", right=i % 10 > 0) for i in range(200)]


def test_losses_and_gains_that_balance_are_flips_while_accuracy_stands_still():
    # 10 of 20 wrong ones are fixed, and 10 right ones break.
    after = anew(CASES, right=lambda i, each: not each.right if i < 100 and i % 10 in (0, 1) else each.right)
    found = compared(CASES, after)
    assert found.find("accuracy").change.value == 0
    rate = found.find("flip_rate")
    assert (rate.losses, rate.gains, rate.n, rate.affected) == (10, 10, 200, 200)
    assert rate.candidate.value == pytest.approx(0.1)
    assert (rate.candidate.low, rate.candidate.high) == pytest.approx(exact_interval(20, 200, 0.05))
    assert "tried once" in rate.baseline.reason
    assert isinstance(rate.change, Unmeasured)


def test_without_a_flip_149_cases_prove_a_rate_under_two_percent():
    rules = rules_of(limit_of("flip_rate", "max", 0.02))
    verdicts = []
    for n in (148, 149):
        before = [Served(f"c{i}") for i in range(n)]
        found = judge(compare(run_of(before), run_of(anew(before), "candidate"), rules), rules)
        verdicts.append(found.checks[0].verdict)
    assert verdicts == ["inconclusive", "pass"]


def trials(n, of, chance, seed, call="same"):
    random = np.random.default_rng(seed)
    return [
        Served(f"c{i}", right=bool(random.random() < chance), trial=trial, call=f"{call}-{trial}")
        for i in range(n)
        for trial in range(of)
    ]


def test_a_noisy_model_against_itself_flips_by_chance_and_not_beyond_it():
    before, after = trials(400, 3, 0.9, 1), trials(400, 3, 0.9, 2, "anew")
    rules = rules_of(limit_of("flip_rate", "max", 0.05), limit_of("flip_rate", "max_rise", 0.05))
    found = judge(compare(run_of(before), run_of(after, "candidate"), rules), rules)
    plain, beyond = sorted(found.checks, key=lambda check: check.limit)
    assert (plain.verdict, beyond.verdict) == ("fail", "pass")
    assert beyond.baseline.value == pytest.approx(2 * 0.9 * 0.1, abs=0.03)
    assert beyond.change.value == pytest.approx(beyond.candidate.value - beyond.baseline.value)


def test_flips_by_chance_count_only_where_the_candidate_answers_anew():
    before = [Served(f"c{i}", right=trial == 0, trial=trial) for i in range(40) for trial in range(2)]
    after = [replace(each, call="anew") if each.case < "c2" else each for each in before]
    rate = flips(before, after)
    answered_anew = len({each.case for each in before if each.case < "c2"})
    assert (rate.n, rate.affected) == (40, answered_anew)
    # Every case of the baseline flips from trial to trial, and only those could have flipped here.
    assert rate.baseline.value == pytest.approx(answered_anew / 40)
    assert rate.candidate.value == 0


def test_with_one_trial_a_rise_is_unmeasured_and_never_passes():
    rules = rules_of(limit_of("flip_rate", "max_rise", 0.5))
    (check,) = judge(compare(run_of(CASES), run_of(anew(CASES), "candidate"), rules), rules).checks
    assert (check.verdict, check.blocked) == ("inconclusive", True)
    assert "set trials" in check.reason


def test_without_a_baseline_flips_are_not_judged():
    rules = rules_of(limit_of("flip_rate", "max", 0.02), limit_of("format_failure_rate", "max", 0.5))
    found = judge(compare_absolute(run_of(CASES), rules), rules)
    assert [check.metric for check in found.checks] == ["format_failure_rate"]
    assert "1 relative limit was not judged" in found.headline


def test_a_pass_must_hold_whether_failed_cases_count_as_wrong_or_as_right():
    wrong = [Served(f"c{i}", right=False, trial=trial) for i in range(200) for trial in range(2)]
    # The candidate fails where the baseline was wrong: no flip as wrong, and a flip as right.
    after = anew(wrong, failed=lambda i, _each: i < 100)
    rules = rules_of(limit_of("flip_rate", "max_rise", 0.05))
    (check,) = judge(compare(run_of(wrong), run_of(after, "candidate"), rules), rules).checks
    assert check.change.value == 0
    assert check.verdict == "inconclusive"


def test_flips_are_of_single_trials_whatever_a_case_counts():
    before = [Served(f"c{i}", trial=trial) for i in range(50) for trial in range(3)]
    after = anew(before, right=lambda i, _each: i % 3 > 0)
    majority = TrialsPass(2, 3)
    found = compared(before, after, trials_pass=majority)
    assert found.find("accuracy").change.value == 0
    assert found.find("flip_rate").candidate.value == pytest.approx(1 / 3)


def test_cases_of_one_group_are_one_unit():
    def grouped(size):
        cases = [Served(f"c{i}", group=f"g{i // size}") for i in range(200)]
        return flips(cases, anew(cases, right=lambda i, _each: i >= 20)).candidate

    alone, together = grouped(1), grouped(10)
    assert alone.value == together.value == pytest.approx(0.1)
    assert together.high - together.low > 1.5 * (alone.high - alone.low)


def unreadable(after, before=None):
    return compared(before or CASES, after).find("format_failure_rate")


def test_what_the_grader_cannot_read_is_a_format_failure_paired_case_by_case():
    found = unreadable(anew(CASES, readable=lambda i, _each: i >= 8))
    low, high = tango_interval(8, 0, 200, 0.05)
    assert (found.baseline.value, found.candidate.value) == (0, pytest.approx(0.04))
    assert (found.change.low, found.change.high) == pytest.approx((-high, -low))
    assert (found.losses, found.gains) == (8, 0)


@pytest.mark.parametrize(
    ("answer", "unread"),
    [
        ({"text": " \n"}, True),
        ({"text": "cut o", "finish": "length"}, True),
        ({"text": "billing", "finish": "length", "readable": True}, False),
        ({"text": "billing", "readable": False}, True),
        ({"failed": True}, False),
        ({"text": "whatever"}, False),
        ({"text": "", "right": None}, True),
    ],
)
def test_empty_and_cut_off_answers_are_unreadable_unless_the_grader_could_read_them(answer, unread):
    after = [replace(CASES[0], call="anew", **answer), *CASES[1:]]
    assert unreadable(after).candidate.value == pytest.approx(unread / 200)


def lengths(before, after):
    return compared(before, after).find("answer_length")


def test_length_counts_tokens_where_all_are_known_and_characters_elsewhere():
    before = [Served(f"c{i}", text="four", output_tokens=10 + i % 5) for i in range(100)]
    after = anew(
        before, output_tokens=lambda _i, each: 2 * each.output_tokens, text=lambda _i, _each: "four more"
    )
    found = lengths(before, after)
    assert (found.baseline.value, found.candidate.value) == (pytest.approx(12), pytest.approx(24))
    assert found.change.value == pytest.approx(1)
    assert "answer length is counted in tokens" in found.assumptions
    after[3] = replace(after[3], output_tokens=None)
    found = lengths(before, after)
    assert (found.baseline.value, found.candidate.value) == (pytest.approx(4), pytest.approx(9))
    assert any("counted in characters" in said for said in found.assumptions)


def test_length_leaves_out_failed_cases_on_both_sides_and_trusts_no_handful():
    before = [Served(f"c{i}", output_tokens=10) for i in range(100)]
    after = anew(before, failed=lambda i, _each: i < 5, output_tokens=lambda i, _each: 10 + (i < 24))
    found = lengths(before, after)
    assert (found.n, found.affected) == (95, 19)
    assert "19 cases only" in found.undecided_because
    more = anew(before, output_tokens=lambda i, _each: 10 + (i < 24))
    assert not lengths(before, more).undecided_because


@pytest.mark.parametrize(("longer", "verdict"), [(0.02, "pass"), (0.5, "fail")])
def test_a_rise_of_length_is_judged_by_its_interval(longer, verdict):
    random = np.random.default_rng(5)
    before = [Served(f"c{i}", output_tokens=int(random.integers(80, 120))) for i in range(300)]
    after = anew(before, output_tokens=lambda _i, each: round(each.output_tokens * (1 + longer)))
    rules = rules_of(limit_of("answer_length", "max_rise", 0.1))
    (check,) = judge(compare(run_of(before), run_of(after, "candidate"), rules), rules).checks
    assert check.verdict == verdict


def likeliest(both, lost, gained, wrong, theta):
    """The two kinds of discordance that are likeliest where the ratio is ``theta``, by looking at all."""
    right = (both + lost + gained) / (both + lost + gained + wrong)
    only_after = np.linspace(1e-9, right, 200_001)
    only_before = theta * only_after - (theta - 1) * right
    shared = right - only_after - only_before
    allowed = (only_before > 0) & (shared > 0)
    logs = [np.log(np.where(allowed, each, 1.0)) for each in (shared, only_before, only_after)]
    at = int(np.where(allowed, both * logs[0] + lost * logs[1] + gained * logs[2], -np.inf).argmax())
    return only_after[at], only_before[at]


@pytest.mark.parametrize("theta", [0.7, 0.9, 1.0, 1.2])
def test_the_score_of_a_recovery_uses_the_likeliest_discordance(theta):
    both, lost, gained, wrong = 60, 12, 5, 23
    n = both + lost + gained + wrong
    after, before = (both + gained) / n, (both + lost) / n
    expected = (after - theta * before) / math.sqrt(theta * sum(likeliest(60, 12, 5, 23, theta)) / n)
    assert score_z(both, lost, gained, n, theta) == pytest.approx(expected, abs=1e-3)


def test_a_recovery_interval_keeps_its_promise():
    random, held = np.random.default_rng(3), 0
    shares, n = (0.72, 0.12, 0.04, 0.12), 150
    true = (shares[0] + shares[2]) / (shares[0] + shares[1])
    for both, lost, gained, _ in random.multinomial(n, shares, size=800):
        low, high = score_interval(int(both), int(lost), int(gained), n, 0.05)
        held += low <= true <= high
    assert held / 800 == pytest.approx(0.9, abs=0.03)


def test_recovery_of_groups_weighs_and_is_wider():
    cases = [Served(f"c{i}", group=f"g{i // 10}", weight=1 + i % 2) for i in range(200)]
    after = anew(cases, right=lambda i, _each: i >= 20)
    found = recovery_of(pair(run_of(cases), run_of(after)), Setting(0.05))
    assert (found.value, found.method) == (pytest.approx(0.9), "pseudo_case_t")
    plain = [replace(each, group=None, weight=1.0) for each in cases]
    alone = recovery_of(
        pair(run_of(plain), run_of(anew(plain, right=lambda i, _each: i >= 20))), Setting(0.05)
    )
    assert alone.method == "nam_blackwelder"
    assert found.high - found.low > 1.5 * (alone.high - alone.low)


def test_nothing_can_be_recovered_of_nothing():
    wrong = [Served(f"c{i}", right=False) for i in range(10)]
    found = recovery_of(pair(run_of(wrong), run_of(anew(wrong))), Setting(0.05))
    assert isinstance(found, Unmeasured)
    same = recovery_of(pair(run_of(CASES), run_of(CASES)), Setting(0.05))
    assert (same.low, same.value, same.high) == (1, 1, 1)


def changes(before, after, **manifest):
    runs = run_of(before), run_of(after, "candidate")
    runs = runs[0], replace(runs[1], manifest=replace(runs[1].manifest, **manifest))
    return answer_changes(*runs, compare(*runs), pair(*runs))


def test_the_worst_slice_comes_first_and_keys_with_many_values_are_left_out():
    cases = [
        Served(f"c{i}", slices={"task": "abc"[i % 3], "customer": f"{i}", "all": "one"}) for i in range(120)
    ]
    after = anew(cases, right=lambda i, _each: i % 3 != 1 or i > 60)
    found = changes(cases, after, policy_summary=("deployments.strong.quantization: int4",))
    assert [(each.key, each.slice, each.n) for each in found.slices[:2]] == [
        ("task", "b", 40),
        ("all", "one", 120),
    ]
    assert found.slices[0].recovery.value == pytest.approx(0.5)
    assert found.overall.recovery.value == pytest.approx(100 / 120)
    assert found.left_out == ("customer",)
    assert found.requantized
    assert not changes(cases, after).requantized


def test_answers_read_otherwise_by_words_where_there_are_no_labels():
    cases = [Served(f"c{i}", text="a  b", right=False) for i in range(100)]
    after = anew(cases, text=lambda i, _each: "a b c" if i < 7 else "a b\n")
    found = changes(cases, after)
    assert isinstance(found.changed, Estimate)
    assert found.changed.value == pytest.approx(0.07)
    assert found.flips.candidate.value == 0
    assert changes(cases, cases).changed.method == "identical"
