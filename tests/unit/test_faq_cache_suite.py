"""The shipped stream keeps its promises: questions, near-misses, a clock, and a truth that changes."""

import json
import re
from collections import Counter, defaultdict
from difflib import ndiff
from pathlib import Path

import pytest

from evalgate.core.cases import Case
from evalgate.core.clock import case_times
from evalgate.serving.normalize import compile_rules
from suites import faq_cache

CASES = [json.loads(line) for line in faq_cache.CASES.read_text(encoding="utf-8").splitlines()]
QUESTIONS = faq_cache.read_questions()
NEAR = [each for each in QUESTIONS if each.axis is not None]
AXES = {"numbers", "dates", "negation", "entity", "case"}
LOOSE = {
    "numbers": compile_rules(("nfc", "mask_numbers", "trim")),
    "dates": compile_rules(("nfc", "mask_dates", "mask_numbers", "trim")),
    "case": compile_rules(("casefold", "strip_punctuation", "trim")),
}


def words(text):
    return re.findall(r"[\w']+", text.lower())


def test_the_stream_is_what_the_script_makes():
    assert list(faq_cache.arrange(QUESTIONS)) == CASES


def test_at_least_500_questions_of_at_least_100_groups_of_paraphrases():
    assert len({case["input"] for case in CASES}) == len(QUESTIONS) == len(faq_cache.KNOWN) >= 500
    groups = Counter(each.key for each in QUESTIONS if each.axis is None)
    assert sum(count >= 3 for count in groups.values()) >= 100


def test_at_least_30_near_misses_on_each_axis():
    counts = Counter(each.axis for each in NEAR)
    assert counts.keys() == AXES
    assert min(counts.values()) >= 30, counts


@pytest.mark.parametrize("axis", sorted(AXES))
def test_a_near_miss_differs_from_its_question_in_its_axis_and_little_else(axis):
    for each in (near for near in NEAR if near.axis == axis):
        assert each.text != each.near
        if axis in LOOSE and "C++" not in each.text:
            assert LOOSE[axis](each.text) == LOOSE[axis](each.near)
            continue
        changed = [line for line in ndiff(words(each.text), words(each.near)) if line[0] in "+-"]
        assert len(changed) <= 4, (each.text, each.near)


def test_same_answer_is_one_answer_at_a_time_and_near_misses_have_their_own():
    answers = defaultdict(set)
    for case in CASES:
        answers[case["same_answer"], case["vars"]["pages"]].add(case["target"])
    assert all(len(found) == 1 for found in answers.values())
    known = {each.text: each.key for each in QUESTIONS}
    assert all(each.key != known[each.near] for each in NEAR)
    assert len({each.key for each in NEAR}) == len(NEAR)


def test_the_truth_changes_in_the_middle_and_both_sides_of_it_are_asked():
    moved = {each.key for each in QUESTIONS if each.answers[0] != each.answers[1]}
    asked = defaultdict(set)
    for case in CASES:
        asked[case["same_answer"]].add(case["vars"]["pages"])
    assert sum(len(asked[key]) == 2 for key in moved) >= 10
    share = sum(case["vars"]["pages"] == faq_cache.BEFORE for case in CASES) / len(CASES)
    assert 0.3 < share < 0.7


def test_the_clock_runs_forward_over_the_days():
    times = case_times([Case.model_validate(case) for case in CASES])
    assert times[-1] > 5 * 86_400


def test_the_readme_counts_what_is_there():
    page = (Path(faq_cache.HERE) / "README.md").read_text(encoding="utf-8")
    for axis, count in Counter(each.axis for each in NEAR).items():
        assert f"| `{axis}` | {count} |" in page
    assert page.split()[4] == f"{len(CASES):,}"
    assert f"{len(QUESTIONS)} different ones" in page
