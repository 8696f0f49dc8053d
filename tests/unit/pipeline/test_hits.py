"""Hits are judged while a suite is replayed: against their source, and against a fresh answer where wrong."""

from evalgate.core.cases import Case
from evalgate.core.outcome import Answer, CacheTrace, Cost, Grade, Graded, Hit, Outcome
from evalgate.pipeline.measuring.hits import HitJudge


def graded(name: str, source: str | None = None, *, right: bool = True, trial: int = 0) -> Graded:
    trace = CacheTrace("k", source is not None, source, f"asked {name}")
    outcome = Outcome(name, trial, Answer("x"), "only", 0.1, (), trace)
    return Graded(outcome, Cost(0.0), Grade(float(right), right), {})


def case(name: str, key: str | None = "k") -> Case:
    return Case(id=name, input=name, same_answer=key)


def never() -> Grade | None:
    raise AssertionError("nobody needs a fresh answer")


def test_a_hit_is_judged_by_the_case_that_its_answer_came_from():
    judge = HitJudge()
    assert judge.judged(case("a"), graded("a"), never).hit is None
    assert judge.judged(case("b"), graded("b", "a"), never).hit == Hit("right", ("asked a", "asked b"))
    assert judge.judged(case("c", "other"), graded("c", "a"), never).hit.kind == "merged"


def test_a_fresh_answer_is_made_only_where_the_served_one_is_wrong():
    judge = HitJudge()
    judge.judged(case("a"), graded("a"), never)
    stale = judge.judged(case("b"), graded("b", "a", right=False), lambda: Grade(1.0, correct=True))
    assert (stale.hit.kind, stale.hit.fresh_correct) == ("stale", True)
    unknown = judge.judged(case("c"), graded("c", "a", right=False), lambda: None)
    assert (unknown.hit.kind, unknown.hit.fresh_correct) == ("stale", None)


def test_each_trial_is_a_pass_of_its_own():
    judge = HitJudge()
    for trial, right in ((0, True), (1, False)):
        judge.judged(case("a"), graded("a", right=right, trial=trial), never)
    fresh = Grade(1.0, correct=True)
    kinds = [
        judge.judged(case("b"), graded("b", "a", right=False, trial=trial), lambda: fresh).hit.kind
        for trial in (0, 1)
    ]
    assert kinds == ["stale", "wrong"]
