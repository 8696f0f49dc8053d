"""The suite answered by a real model keeps its promises: enough tasks, no near-copies, a fair grader."""

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest

from evalgate.core.cases import Case
from evalgate.core.outcome import Answer
from suites.smollm.grade import says_it
from tests.unit.test_tickets_suite import alike

SUITE = Path(__file__).parents[2] / "suites" / "smollm"
CASES = [json.loads(line) for line in (SUITE / "cases.jsonl").read_text().splitlines()]


def test_at_least_200_tasks_of_several_kinds():
    assert len(CASES) >= 200
    counts = Counter(case["slices"]["task"] for case in CASES)
    assert len(counts) >= 5
    assert min(counts.values()) >= 30


def test_no_two_tasks_share_half_of_their_word_trigrams():
    assert not alike({case["id"]: case["input"] for case in CASES})


def test_options_hold_the_target_and_are_met_alike_often():
    for task in ("sentiment", "topic", "true-or-false"):
        rows = [case for case in CASES if case["slices"]["task"] == task]
        counts = Counter(case["target"] for case in rows)
        assert all(case["target"] in case["vars"]["options"] for case in rows)
        assert max(counts.values()) - min(counts.values()) <= 2


def test_what_is_to_be_found_stands_in_the_text():
    for case in CASES:
        if case["slices"]["task"].startswith("find"):
            assert case["target"].casefold() in case["input"].casefold(), case["id"]


@pytest.mark.parametrize(
    ("target", "options", "said", "right"),
    [
        ("12", None, "3 times 4 is 12.", True),
        ("12", None, "12, as 3 times 4", False),
        ("2", None, "12", False),
        ("9", None, "nine", False),
        ("food", ["food", "money"], "This is about FOOD.", True),
        ("food", ["food", "money"], "food or money", False),
        ("true", ["true", "false"], "Untrue", False),
        ("Paris", None, "The capital is **Paris**.", True),
        ("Paris", None, "", False),
    ],
)
def test_the_grader_wants_the_answer_and_no_other(target, options, said, right):
    variables = {"options": options} if options else {}
    case = Case(id="s", input="q", target=target, vars=variables)
    assert says_it(case, Answer(said)).correct is right


def test_both_policies_are_recorded_with_text_tokens_and_time():
    (file,) = (SUITE / "recordings").glob("*.jsonl.gz")
    head, *lines = [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]
    assert head["sessions"][0]["interleaved"]
    assert len(lines) == 2 * len(CASES)
    assert all(line["response"]["text"] for line in lines)
    attempts = [attempt for line in lines for attempt in line["attempts"]]
    assert all(attempt["usage"]["input_tokens"] and attempt["latency_s"] > 0 for attempt in attempts)
    assert len({line["response"]["text"] for line in lines}) > 150
