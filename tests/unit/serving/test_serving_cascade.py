import asyncio
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalgate.core.calls import Attempt, Response, TokenLogprob
from evalgate.core.cascade_file import (
    CascadeFile,
    ColumnConfidence,
    FunctionConfidence,
    MeanLogprob,
    SelfConsistency,
    Verifier,
)
from evalgate.core.cases import Case
from evalgate.core.errors import BadInput, CannotJudge
from evalgate.core.messages import Message
from evalgate.core.outcome import Answer, Failure
from evalgate.core.policy import Cascade
from evalgate.core.policy_file import Price, Reliability
from evalgate.pricing.cost import cost_of
from evalgate.serving.check import find_problems
from evalgate.serving.serve import Asked, serve
from tests.unit.serving.serving_fakes import ScriptedCaller, deployment, policy

CASE = Case(id="c", input="q", vars={"sure": 0.4})
CHECK_PROMPT = (Message("user", "{{input}} => {{answer}}"),)
WEAK, MIDDLE, STRONG = deployment("weak"), deployment("middle"), deployment("strong")
CHECKER = deployment("checker", prompt=CHECK_PROMPT)
COLUMN = ColumnConfidence(kind="column", column="sure")


def cascaded(confidence, below, *, order=("weak", "strong"), function=None, rules=None, **spec):
    written = CascadeFile(order=list(order), confidence=confidence, escalate_below=below, **spec)
    checkers = [CHECKER] if isinstance(confidence, Verifier) else []
    made = policy(WEAK, MIDDLE, STRONG, *checkers, reliability=rules, response=["strip"])
    return replace(made, use=None, cascade=Cascade(written, function))


def served(made, caller=None, case=CASE):
    caller = caller or ScriptedCaller()
    return asyncio.run(serve(Asked(case, 0, 0.0), made, caller, None))


def says(**texts):
    """Answer by model, and where a list is given by sample."""

    def answer(request):
        said = texts[request.model.removeprefix("model-")]
        return Response(said if isinstance(said, str) else said[request.sample])

    return answer


def steps(outcome):
    return [(step.role, step.deployment) for step in outcome.steps]


def test_an_answer_that_is_not_sure_enough_is_escalated_and_both_calls_are_paid():
    outcome = served(cascaded(COLUMN, 0.5))
    assert steps(outcome) == [("generate", "weak"), ("escalate", "strong")]
    assert outcome.deployment == "strong"
    assert outcome.latency_s == pytest.approx(0.2)
    assert [(each.deployment, each.confidence, each.accepted) for each in outcome.stages] == [
        ("weak", 0.4, False),
        ("strong", None, True),
    ]
    prices = {alias: Price(per_request=usd) for alias, usd in (("weak", 1.0), ("strong", 10.0))}
    cost = cost_of(outcome, prices)
    assert (cost.total_usd, cost.escalations_usd, cost.confidence_usd) == (11.0, 10.0, 0.0)


def test_the_threshold_itself_is_sure_enough():
    assert steps(served(cascaded(COLUMN, 0.4))) == [("generate", "weak")]


def test_max_escalations_ends_the_order_early_and_the_last_one_asked_is_not_judged():
    three = ("weak", "middle", "strong")
    assert served(cascaded(COLUMN, 0.5, order=three)).deployment == "strong"
    ended = served(cascaded(COLUMN, 0.5, order=three, max_escalations=1))
    assert ended.deployment == "middle"
    assert ended.stages[-1].confidence is None


def test_the_commonest_of_several_samples_is_served_and_its_share_is_the_confidence():
    voting = SelfConsistency(kind="self_consistency", samples=5)
    caller = ScriptedCaller(answer=says(weak=["a", "B", " b", "b ", "c"], strong="s"))
    outcome = served(cascaded(voting, 0.6), caller)
    assert steps(outcome) == [("generate", "weak"), *[("sample", "weak")] * 4]
    assert outcome.result.text == "B"
    assert outcome.stages[0].confidence == pytest.approx(3 / 5)
    assert len({step.digest for step in outcome.steps}) == 5
    assert served(cascaded(voting, 0.7), caller).result.text == "s"


@pytest.mark.parametrize(("parallel", "waited_s"), [(True, 0.7), (False, 0.1 + 0.7 + 0.3)])
def test_parallel_samples_take_as_long_as_the_slowest_and_sequential_ones_add_up(parallel, waited_s):
    voting = SelfConsistency(kind="self_consistency", samples=3, parallel=parallel)
    times = iter((0.1, 0.7, 0.3))

    class Timed(ScriptedCaller):
        async def __call__(self, request, rules):
            self.script = {request.model: [Attempt(next(times))]}
            return await super().__call__(request, rules)

    outcome = served(cascaded(voting, 0.5, check_s=0.01), Timed(answer=says(weak="a")))
    assert outcome.latency_s == pytest.approx(waited_s + 0.01)
    assert len(outcome.steps) == 3


def test_a_sample_that_failed_agrees_with_nobody():
    class LastFails(ScriptedCaller):
        async def __call__(self, request, rules):
            failing = request.sample == 2
            self.script = {request.model: [Attempt(0.1, error="bad_request" if failing else None)]}
            return await super().__call__(request, rules)

    voting = SelfConsistency(kind="self_consistency", samples=3)
    outcome = served(cascaded(voting, 0.5), LastFails(answer=says(weak="a")))
    assert outcome.stages[0].confidence == pytest.approx(2 / 3)
    assert len(outcome.steps) == 3


def test_the_mean_log_probability_becomes_the_mean_probability_of_a_token():
    tokens = (TokenLogprob("a", math.log(0.9)), TokenLogprob("b", math.log(0.4)))
    caller = ScriptedCaller(answer=lambda _: Response("ab", logprobs=tokens))
    outcome = served(cascaded(MeanLogprob(kind="mean_logprob"), 0.5), caller)
    assert outcome.stages[0].confidence == pytest.approx(math.sqrt(0.36))
    assert outcome.stages[0].accepted


def test_an_answer_without_the_probabilities_of_its_tokens_cannot_be_judged():
    with pytest.raises(CannotJudge, match=r"logprobs: true"):
        served(cascaded(MeanLogprob(kind="mean_logprob"), 0.5))


@pytest.mark.parametrize(
    ("said", "confidence"), [("I give it 4", 4), ("4 of 5", 5), ("no idea", 1), ("7", 1), ("", 1)]
)
def test_the_verifier_reads_question_and_answer_and_its_last_number_counts(said, confidence):
    verifier = Verifier(kind="verifier", deployment="checker", range=(1, 5))
    caller = ScriptedCaller(answer=says(weak=" a ", strong="s", checker=said))
    outcome = served(cascaded(verifier, 4), caller)
    assert outcome.stages[0].confidence == confidence
    assert ("check", "checker") in steps(outcome)
    asked = next(request for request in caller.requests if request.model == "model-checker")
    assert asked.messages[0].content == "q => a"
    cost = cost_of(outcome, {alias: Price(per_request=1) for alias in ("weak", "strong", "checker")})
    assert cost.confidence_usd == 1
    assert outcome.latency_s == pytest.approx(0.1 * len(outcome.steps))


def test_a_verifier_that_fails_is_no_confidence_and_costs_what_it_costs():
    verifier = Verifier(kind="verifier", deployment="checker")
    script = {"model-checker": [Attempt(0.5, error="bad_request")]}
    outcome = served(cascaded(verifier, 0.5), ScriptedCaller(script))
    assert outcome.stages[0].confidence == 0
    assert outcome.deployment == "strong"


def test_the_users_function_sees_case_and_answer():
    asked = []

    def function(case, answer):
        asked.append((case.id, answer.text))
        return 0.9

    spec = FunctionConfidence(kind="function", path="team:sure")
    outcome = served(cascaded(spec, 0.5, function=function), ScriptedCaller(answer=says(weak=" a ")))
    assert asked == [("c", "a")]
    assert outcome.stages[0].confidence == 0.9


@pytest.mark.parametrize("returned", [None, "sure", True, 1.5, float("nan")])
def test_a_function_that_gives_no_confidence_stops_the_judgement(returned):
    spec = FunctionConfidence(kind="function", path="team:sure")
    with pytest.raises(CannotJudge, match=r"team:sure, asked about case 'c', returned"):
        served(cascaded(spec, 0.5, function=lambda _case, _answer: returned))


def test_nobody_is_sure_of_an_empty_answer():
    empty = ScriptedCaller(answer=says(weak="  ", strong="s"))
    spec = FunctionConfidence(kind="function", path="team:sure")
    for made in (
        cascaded(spec, 0.5, function=lambda _case, _answer: 1.0),
        cascaded(MeanLogprob(kind="mean_logprob"), 0.5),
    ):
        assert served(made, empty).deployment == "strong"


def test_a_failure_is_no_low_confidence_and_only_a_fallback_follows_it():
    broken = ScriptedCaller({"model-weak": [Attempt(0.1, error="bad_request")]})
    alone = served(cascaded(COLUMN, 0.5), broken)
    assert isinstance(alone.result, Failure)
    assert alone.stages == ()
    rules = Reliability(fallbacks={"weak": ["middle"]})
    broken = ScriptedCaller({"model-weak": [Attempt(0.1, error="bad_request")]})
    saved = served(cascaded(COLUMN, 0.5, rules=rules), broken)
    assert steps(saved) == [("generate", "weak"), ("fallback", "middle"), ("escalate", "strong")]


def test_a_fallback_to_the_last_of_the_order_is_served_unjudged():
    rules = Reliability(fallbacks={"weak": ["strong"]})
    broken = ScriptedCaller({"model-weak": [Attempt(0.1, error="bad_request")]})
    outcome = served(cascaded(COLUMN, 0.5, rules=rules), broken)
    assert steps(outcome) == [("generate", "weak"), ("fallback", "strong")]
    assert outcome.stages[-1].accepted


def test_columns_and_variables_that_cases_lack_are_found_before_anybody_is_asked():
    by_alias = ColumnConfidence(kind="column", column={"weak": "sure", "middle": "surer"})
    made = cascaded(by_alias, 0.5, order=("weak", "middle", "strong"))
    (problem,) = find_problems(made, [CASE])
    assert "'surer' of case 'c' is missing" in problem.message
    with pytest.raises(BadInput):
        served(made)
    verifier = Verifier(kind="verifier", deployment="checker")
    assert find_problems(cascaded(verifier, 0.5), [CASE]) == ()


confidences = st.floats(0, 1).map(lambda number: round(number, 2))


@given(confidences, confidences, confidences, confidences)
def test_law_a_higher_threshold_never_asks_less(first, second, low, high):
    low, high = sorted((low, high))
    by_alias = ColumnConfidence(kind="column", column={"weak": "a", "middle": "b"})
    case = Case(id="c", input="q", vars={"a": first, "b": second})
    asked = [
        served(cascaded(by_alias, below, order=("weak", "middle", "strong")), case=case)
        for below in (low, high)
    ]
    assert steps(asked[0]) == steps(asked[1])[: len(asked[0].steps)]
    assert asked[0].latency_s <= asked[1].latency_s
    for outcome, below in zip(asked, (low, high), strict=True):
        *passed, last = outcome.stages
        assert last.accepted
        assert last.deployment == outcome.deployment
        assert all(not each.accepted and each.confidence < below for each in passed)
        assert last.confidence is None or last.confidence >= below


@given(
    st.lists(st.sampled_from("abc"), min_size=2, max_size=6),
    st.lists(st.floats(0, 9), min_size=6, max_size=6),
)
def test_law_every_sample_is_paid_and_parallel_ones_never_take_longer_than_sequential_ones(drawn, times):
    found = []
    for parallel in (True, False):
        voting = SelfConsistency(kind="self_consistency", samples=len(drawn), parallel=parallel)

        class Timed(ScriptedCaller):
            async def __call__(self, request, rules):
                self.script = {request.model: [Attempt(times[request.sample])]}
                return await super().__call__(request, rules)

        found.append(served(cascaded(voting, 0.01), Timed(answer=says(weak=drawn))))
    together, in_turn = found
    assert together.steps == in_turn.steps
    assert together.latency_s == pytest.approx(max(times[: len(drawn)]))
    assert in_turn.latency_s == pytest.approx(sum(times[: len(drawn)]))
    commonest = max(drawn.count(each) for each in drawn)
    assert together.stages[0].confidence == pytest.approx(commonest / len(drawn))
    assert drawn.count(together.result.text) == commonest
    cost = cost_of(together, {"weak": Price(per_request=1)})
    assert cost.total_usd == len(drawn)
    assert cost.confidence_usd == len(drawn) - 1


def test_a_cascade_that_never_escalates_answers_as_its_first_deployment_does():
    alone = replace(policy(WEAK, STRONG, response=["strip"]), use="weak")
    first, second = served(cascaded(COLUMN, 0.1)), served(alone)
    assert isinstance(first.result, Answer)
    assert (first.result, first.steps, first.latency_s) == (second.result, second.steps, second.latency_s)
