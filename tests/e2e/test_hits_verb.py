"""``evalgate hits`` on the shipped stream, with its labels and without any."""

import csv
import io
import json

import pytest

from evalgate.cli.main import main
from tests.e2e.test_tickets import project  # noqa: F401  a fixture

CASES = "suites/faq-cache/cases.jsonl"


@pytest.fixture
def hits(project, monkeypatch, capsys):  # noqa: F811
    monkeypatch.chdir(project)

    def run(*arguments):
        assert main(["hits", "suites/faq-cache", "-q", *arguments]) == 0
        return capsys.readouterr().out

    return run


def without_labels(project):  # noqa: F811
    """Take from the stream what only a golden suite knows."""
    path = project / CASES
    cases = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for case in cases:
        del case["same_answer"], case["target"]
    path.write_text("".join(json.dumps(case) + "\n" for case in cases), encoding="utf-8")


def only(text):
    (found,) = json.loads(text)["comparisons"]
    return found


def test_a_careful_rule_merges_only_what_may_be_merged(hits):
    found = only(hits("--policy", "careful-normalization", "--format", "json"))
    assert (found["baseline"], found["candidate"]) == ("production", "careful-normalization")
    assert len(found["pairs"]) > 100
    assert {pair["verdict"] for pair in found["pairs"]} == {"right"}
    assert found["sample"] == []


def test_a_loose_rule_s_false_pairs_come_first_and_say_why(hits):
    text = hits("--policy", "cache-normalization")
    assert "their same_answer differs" in text
    found = only(hits("--policy", "cache-normalization", "--format", "json"))
    verdicts = [pair["verdict"] for pair in found["pairs"]]
    assert verdicts == sorted(verdicts, key=["false", "unsure", "right"].index)
    assert verdicts.count("false") > 50


def test_without_labels_the_fresh_answers_decide_alike(hits, project):  # noqa: F811
    labelled = only(hits("--policy", "cache-normalization", "--format", "json"))
    without_labels(project)
    graded = only(hits("--policy", "cache-normalization", "--format", "json"))
    told = {(pair["stored_question"], pair["question"]): pair["verdict"] for pair in graded["pairs"]}
    assert "by the grader, against the fresh answer" in {
        pair["why"].split(":")[0] for pair in graded["pairs"]
    }
    assert all(pair["fresh"] is not None for pair in graded["pairs"])
    same = [
        told[pair["stored_question"], pair["question"]] == pair["verdict"]
        for pair in labelled["pairs"]
        if (pair["stored_question"], pair["question"]) in told
    ]
    # Some pairs differ in same_answer and still have one answer in so many words, "Yes." above all.
    assert sum(same) / len(same) > 0.85


def test_what_nothing_decides_is_sampled_for_people(hits, project):  # noqa: F811
    without_labels(project)
    path = project / "suites/faq-cache/suite.yaml"
    judge = (
        "grader:\n  kind: judge\n  rubric: Is it the same answer?\n  labels: ['yes', 'no']\n"
        "  correct: ['yes']\n"
        "  deployment: {provider: faq_cache, model: judge, revision: '1', price: {}}\n"
    )
    path.write_text(path.read_text().replace("grader: {kind: exact}\n", judge))
    rows = list(
        csv.DictReader(io.StringIO(hits("--policy", "semantic-cache", "--format", "csv", "--sample", "7")))
    )
    assert len(rows) == 7
    assert {row["may_share"] for row in rows} == {""}
    assert {row["why"] for row in rows} == {"no usable verdict of the judge is recorded"}
    again = hits("--policy", "semantic-cache", "--format", "csv", "--sample", "7", "--seed", "1")
    assert list(csv.DictReader(io.StringIO(again))) != rows
