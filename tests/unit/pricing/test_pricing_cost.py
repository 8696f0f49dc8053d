import pytest

from evalgate.core.calls import Attempt, Usage
from evalgate.core.numbers import Unmeasured
from evalgate.core.outcome import Answer, CacheTrace, Cost, Failure, Outcome, Role, Step
from evalgate.core.policy_file import Price, PriceTier
from evalgate.pricing.cost import cost_of

PRICE = Price(input_per_1m=1, output_per_1m=10, cached_input_per_1m=0.1, cache_write_per_1m=1.25)
FREE = Price()
ANSWERED = Attempt(0.5, usage=Usage(1000, None, None, 100))
ANSWERED_USD = 0.002
TIMEOUT = Attempt(20.0, error="timeout", billing="possible")
RATE_LIMIT = Attempt(0.1, error="rate_limit", status=429)


def step(*attempts: Attempt, role: Role = "generate", deployment: str = "strong") -> Step:
    return Step(role, deployment, "digest", "session", attempts)


def outcome(*steps: Step) -> Outcome:
    return Outcome("t-1", 0, Answer("x"), "strong", 1.0, steps)


def cost(*attempts: Attempt, price: Price = PRICE) -> Cost | Unmeasured:
    return cost_of(outcome(step(*attempts)), {"strong": price})


def usd(*attempts: Attempt, price: Price = PRICE) -> float:
    found = cost(*attempts, price=price)
    assert isinstance(found, Cost), found
    return found.total_usd


def reason(*attempts: Attempt, price: Price = PRICE) -> str:
    found = cost(*attempts, price=price)
    assert isinstance(found, Unmeasured), found
    return found.reason


def used(*tokens: int | None) -> Attempt:
    return Attempt(0.5, usage=Usage(*tokens))


def test_each_token_class_has_its_price() -> None:
    assert usd(used(1_000_000, None, None, 0)) == 1.0
    assert usd(used(0, None, None, 1_000_000)) == 10.0
    assert usd(used(1_000_000, 400_000, 100_000, 0)) == pytest.approx(0.5 * 1 + 0.4 * 0.1 + 0.1 * 1.25)
    assert usd(used(1_000_000, 1_000_000, 0, 0)) == pytest.approx(0.1)


def test_reasoning_tokens_are_inside_the_output_tokens() -> None:
    assert usd(used(0, None, None, 1_000_000, 900_000)) == 10.0


def test_cached_tokens_cost_the_input_price_where_none_is_declared() -> None:
    assert usd(used(1_000_000, 400_000, 100_000, 0), price=Price(input_per_1m=1)) == pytest.approx(1.0)


def test_a_cached_price_of_zero_is_a_price() -> None:
    free_reads = Price(input_per_1m=1, cached_input_per_1m=0)
    assert usd(used(1_000_000, 400_000, None, 0), price=free_reads) == pytest.approx(0.6)


def test_every_billed_attempt_pays_per_request() -> None:
    price = Price(per_request=0.01)
    assert usd(ANSWERED, price=price) == 0.01
    assert usd(Attempt(1.0), price=price) == 0.01
    assert usd(TIMEOUT, ANSWERED, price=price) == 0.02
    assert usd(RATE_LIMIT, ANSWERED, price=price) == 0.01


def test_a_tier_prices_the_whole_request_above_its_bound() -> None:
    price = Price(
        input_per_1m=1,
        output_per_1m=10,
        cached_input_per_1m=0.1,
        tiers=[
            PriceTier(above_input_tokens=500_000, input_per_1m=4, output_per_1m=40, cached_input_per_1m=0.4),
            PriceTier(above_input_tokens=200_000, input_per_1m=2, output_per_1m=20),
        ],
    )
    assert usd(used(200_000, None, None, 1000), price=price) == pytest.approx(0.2 + 0.01)
    assert usd(used(200_001, None, None, 1000), price=price) == pytest.approx(0.400002 + 0.02)
    assert usd(used(600_000, 100_000, None, 0), price=price) == pytest.approx(2.0 + 0.04)
    assert usd(used(300_000, 100_000, None, 0), price=price) == pytest.approx(0.6), (
        "no cached price in that tier"
    )


def test_a_cache_hit_made_no_call_and_costs_nothing() -> None:
    hit = Outcome("t-1", 0, Answer("x"), "strong", 0.002, (), cache=CacheTrace("k", hit=True, source="t-0"))
    assert cost_of(hit, {"strong": PRICE}) == Cost(0.0)


def test_free_attempts_cost_nothing_whatever_they_used() -> None:
    assert usd(Attempt(1.0, usage=Usage(1000, None, None, 100), billing="free")) == 0.0
    assert usd(Attempt(0.1, error="connection", billing="free"), ANSWERED) == ANSWERED_USD


@pytest.mark.parametrize(
    "kind", ["rate_limit", "overloaded", "server_error", "bad_request", "context_window"]
)
def test_refusals_of_the_provider_are_not_billed_by_default(kind: str) -> None:
    assert usd(Attempt(0.1, error=kind)) == 0.0
    assert "was billed" in reason(Attempt(0.1, error=kind, billing="billed"))


def test_retries_are_the_attempts_that_did_not_answer() -> None:
    failed = Attempt(0.5, error="bad_response", usage=Usage(1000, None, None, 50))
    assert cost(failed, ANSWERED) == Cost(0.0035, retries_usd=0.0015, wasted_usd=0.0015)
    assert cost(failed) == Cost(0.0015, retries_usd=0.0015, wasted_usd=0.0015)


def test_fallbacks_are_counted_with_their_retries() -> None:
    failed = Attempt(0.5, error="bad_response", usage=Usage(1000, None, None, 50))
    found = cost_of(
        outcome(step(failed), step(failed, ANSWERED, role="fallback", deployment="weak")),
        {"strong": PRICE, "weak": PRICE},
    )
    assert isinstance(found, Cost)
    assert found.total_usd == pytest.approx(0.005)
    assert found.retries_usd == pytest.approx(0.003)
    assert found.fallbacks_usd == pytest.approx(0.0035)


def test_a_lone_fallback_is_a_fallback() -> None:
    found = cost_of(outcome(step(ANSWERED, role="fallback")), {"strong": PRICE})
    assert found == Cost(ANSWERED_USD, 0.0, ANSWERED_USD)


def test_a_failed_case_is_paid_for() -> None:
    failed = Attempt(0.5, error="content_filter", usage=Usage(1000, None, None, 0))
    lost = Outcome("t-1", 0, Failure("content_filter", "refused"), None, 0.5, (step(failed),))
    assert cost_of(lost, {"strong": PRICE}) == Cost(0.001, retries_usd=0.001, wasted_usd=0.001)


def test_a_timeout_is_charged_its_input_as_known_from_another_attempt() -> None:
    assert usd(TIMEOUT, ANSWERED) == pytest.approx(0.001 + ANSWERED_USD)
    assert usd(TIMEOUT, TIMEOUT, ANSWERED) == pytest.approx(0.002 + ANSWERED_USD)
    assert usd(Attempt(1.0, error="connection"), ANSWERED) == pytest.approx(0.001 + ANSWERED_USD)
    cached = Attempt(0.5, usage=Usage(1000, 1000, None, 100))
    assert usd(TIMEOUT, cached) == pytest.approx(0.001 + 0.0011), (
        "not known to be cached, so not charged as cached"
    )


def test_a_timeout_whose_input_nobody_knows_is_unmeasured() -> None:
    said = (
        "an attempt of deployment 'strong' that ended in timeout was possibly billed, "
        "and its tokens are not known"
    )
    assert reason(TIMEOUT) == said
    assert reason(TIMEOUT, ANSWERED, price=Price(output_per_1m=1)) == said
    assert usd(TIMEOUT, price=FREE) == 0.0


def test_the_input_of_another_deployment_s_call_is_not_borrowed() -> None:
    found = cost_of(
        outcome(step(TIMEOUT), step(ANSWERED, role="fallback", deployment="weak")),
        {"strong": PRICE, "weak": PRICE},
    )
    assert isinstance(found, Unmeasured)


def test_a_cut_off_attempt_with_usage_is_charged_what_it_used() -> None:
    assert (
        usd(Attempt(20.0, error="timeout", billing="possible", usage=Usage(1000, None, None, 100)))
        == ANSWERED_USD
    )
    assert usd(Attempt(20.0, error="timeout", billing="possible", usage=Usage(1000))) == pytest.approx(0.001)


def test_an_answer_without_tokens_is_unmeasured_and_names_its_deployment() -> None:
    assert reason(Attempt(1.0)) == "deployment 'strong' answered without reporting its tokens"
    assert "'strong' did not report its output tokens" in reason(used(1000))
    assert "'strong' did not report its input tokens" in reason(used(None, None, None, 100))
    tiered = Price(tiers=[PriceTier(above_input_tokens=5, input_per_1m=1, output_per_1m=1)])
    assert "input tokens" in reason(used(None, None, None, 100), price=tiered)


def test_tokens_without_a_price_need_not_be_known() -> None:
    assert usd(used(1000), price=Price(input_per_1m=1)) == pytest.approx(0.001)
    assert usd(used(None, None, None, 100), price=Price(output_per_1m=10)) == pytest.approx(0.001)


def test_reported_costs_count_only_where_usage_is_unknown() -> None:
    usage = Usage(1000, None, None, 100)
    assert usd(Attempt(1.0, usage=usage, reported_cost_usd=9.0)) == ANSWERED_USD
    assert usd(Attempt(1.0, reported_cost_usd=9.0)) == 9.0
    assert usd(Attempt(1.0, usage=Usage(1000), reported_cost_usd=9.0)) == 9.0
    assert usd(Attempt(1.0, reported_cost_usd=9.0), price=FREE) == 9.0
    assert usd(Attempt(20.0, error="timeout", billing="possible", reported_cost_usd=0.5)) == 0.5


@pytest.mark.parametrize("reported", [float("nan"), float("inf"), -1.0])
def test_a_reported_cost_that_is_no_cost_is_not_used(reported: float) -> None:
    assert "without reporting" in reason(Attempt(1.0, reported_cost_usd=reported))


@pytest.mark.parametrize(
    "usage", [Usage(10, 11, 0, 1), Usage(10, 6, 5, 1), Usage(10, -1, 0, 1), Usage(10, 0, 0, -1)]
)
def test_impossible_tokens_are_unmeasured(usage: Usage) -> None:
    assert "impossible tokens" in reason(Attempt(1.0, usage=usage))


def test_a_deployment_without_price_is_unmeasured() -> None:
    assert cost_of(outcome(step(ANSWERED)), {}) == Unmeasured("deployment 'strong' has no price")
    assert cost_of(outcome(step(ANSWERED), step(ANSWERED)), {}) == Unmeasured(
        "deployment 'strong' has no price"
    )
