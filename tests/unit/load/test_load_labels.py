"""labels.jsonl: every problem at once, in its line."""

import json

import pytest

from evalgate.core.errors import BadInput
from evalgate.load.case_files.labels import read_labels

ANSWER = "0" * 64


def line(**fields):
    return json.dumps({"case": "t-1", "answer": ANSWER, "correct": True, "by": "ann"} | fields)


def test_a_suite_without_the_file_has_no_labels(tmp_path):
    assert read_labels(tmp_path / "labels.jsonl", "labels.jsonl", {"t-1"}) == ()


def test_labels_come_in_order_and_may_quote_what_they_are_about(tmp_path):
    path = tmp_path / "labels.jsonl"
    path.write_text(line() + "\n\n" + line(by="bob", correct=False, question="Where?", said="There.") + "\n")
    ann, bob = read_labels(path, "labels.jsonl", {"t-1"})
    assert (ann.by, ann.correct, ann.said) == ("ann", True, None)
    assert (bob.by, bob.correct, bob.said) == ("bob", False, "There.")


def test_all_problems_are_told_with_their_lines(tmp_path):
    path = tmp_path / "labels.jsonl"
    wrong = [line(case="t-9"), line(correct=None), line(), line(answer="12"), line(by=""), "{", line(ok=1)]
    path.write_bytes("\n".join([line(), *wrong]).encode() + b"\n\xff")
    with pytest.raises(BadInput) as refused:
        read_labels(path, "suites/a/labels.jsonl", {"t-1"})
    said = {problem.line: str(problem) for problem in refused.value.problems}
    assert list(said) == [2, 3, 4, 5, 6, 7, 8, 9]
    assert "case: the suite has no case 't-9'" in said[2]
    assert "correct" in said[3]
    assert "by: 'ann' labelled this answer in line 1 already" in said[4]
    assert "answer" in said[5]
    assert "by" in said[6]
    assert "not valid JSON" in said[7]
    assert "ok" in said[8]
    assert "not UTF-8" in said[9]


def test_a_suite_carries_its_labels_and_they_are_no_part_of_its_digest(files):
    (bare,) = files.load().suites
    files.write("suites/tickets/labels.jsonl", line() + "\n")
    (labelled,) = files.load().suites
    assert [each.case for each in labelled.labels] == ["t-1"]
    assert labelled.digest == bare.digest
