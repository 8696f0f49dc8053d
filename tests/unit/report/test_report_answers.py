"""What became of the answers, in the words of every format."""

from dataclasses import replace

import decisions
from decisions import answers, estimate

from evalgate.core.answers import Move
from evalgate.core.numbers import Unmeasured
from evalgate.report import markdown, text
from evalgate.report.answers import answer_rows, recovery_rows, why_unknown


def judged(**changed):
    (judgement,) = decisions.proven_fail().judgements
    return replace(judgement, answers=answers(**changed))


def rows(judgement):
    return {row.label: row.change for row in answer_rows(judgement)}


def test_flips_by_chance_and_beyond_it_are_told_apart_where_trials_tell():
    assert rows(judged())["of it by chance"] == "not known"
    assert why_unknown(judged()) == ["every case was tried once"]
    moved = Move(estimate(0.031, 0.02, 0.05), estimate(0.1, 0.08, 0.13), estimate(0.069, 0.045, 0.1))
    said = rows(judged(flips=moved))
    assert said["flipped"] == "10.0% (8.0 to 13.0)"
    assert said["of it by chance"] == "3.1% (2.0 to 5.0)"
    assert said["beyond chance"] == "+6.9 pp (+4.5 to +10.0)"
    assert why_unknown(judged(flips=moved)) == []


def test_nothing_is_said_where_no_answer_was_asked_for_anew():
    same = judged(changed=estimate(0.0, 0.0, 0.0, method="identical"))
    assert answer_rows(same) == recovery_rows(same, small=True) == why_unknown(same) == []
    assert "answers" not in text.render(replace(decisions.proven_fail(), judgements=(same,))).split("\n")


def test_small_slices_stand_where_all_are_listed_and_nowhere_else():
    assert [row.label for row in recovery_rows(judged(), small=False)] == [
        "intent technical (60 cases)",
        "intent billing (319 cases)",
    ]
    assert len(recovery_rows(judged(), small=True)) == 3


def test_recovery_is_listed_where_the_number_format_changed_and_only_there():
    for changed in (True, False):
        decision = replace(decisions.proven_fail(), judgements=(judged(requantized=changed),))
        for written in (text.render(decision), markdown.render(decision)):
            assert ("worst slices first" in written) == changed
            assert "read otherwise" in written


def test_a_missing_number_stands_as_missing():
    nothing = Unmeasured("no case was answered in every trial")
    judgement = judged(length=Move(nothing, nothing, nothing))
    (row,) = (row for row in answer_rows(judgement) if row.label == "length in tokens")
    assert (row.sides, row.change) == ("n/a → n/a", "n/a")
    assert "no case was answered in every trial" in why_unknown(judgement)
