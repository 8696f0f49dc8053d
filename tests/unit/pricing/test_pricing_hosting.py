"""Machines paid by the hour as the price of a request."""

import pytest

from evalgate.core.calls import Attempt, Usage
from evalgate.core.hosting import at_utilisation, goodput_of, hosted_price
from evalgate.core.hosting_file import Hosting, LatencyObjective, ThroughputLevel
from evalgate.core.numbers import Unmeasured
from evalgate.core.outcome import Cost, Failure, Outcome, Step
from evalgate.core.policy_file import Price
from evalgate.pricing.cost import cost_of
from evalgate.pricing.hosting import served
from tests.unit.pricing.test_pricing_prices import deployment, priced

OBJECTIVE = LatencyObjective(ttft_p95_s=0.5)


def hosting(tokens_per_s=700.0, utilisation=0.6, **others):
    level = ThroughputLevel(concurrency=16, output_tokens_per_s=tokens_per_s, ttft_p95_s=0.3)
    return Hosting(
        usd_per_hour=2.5, utilisation=utilisation, throughput=[level], objective=OBJECTIVE, **others
    )


@pytest.mark.parametrize(
    ("tokens_per_s", "utilisation", "usd"),
    # 2.5 USD an hour over 3600 s of so many tokens, by hand.
    [(700, 0.6, 1.653), (700, 0.3, 3.307), (700, 0.1, 9.921), (2500, 0.6, 0.463), (2500, 0.1, 2.778)],
)
def test_idle_machines_are_paid_for(tokens_per_s, utilisation, usd):
    assert hosted_price(hosting(tokens_per_s, utilisation)).output_per_1m == pytest.approx(usd, rel=1e-3)


def test_operations_are_shared_by_the_replicas_and_accelerators_are_not():
    alone = hosted_price(hosting(ops_usd_per_month=1825)).output_per_1m
    # 1,825 USD a month are 2.5 an hour: as much again as the one accelerator.
    assert alone == pytest.approx(2 * 1.653, rel=1e-3)
    assert hosted_price(hosting(ops_usd_per_month=1825, replicas=2)).output_per_1m == pytest.approx(
        0.75 * alone
    )
    assert hosted_price(hosting(accelerators=4)).output_per_1m == pytest.approx(4 * 1.653, rel=1e-3)


def test_peak_throughput_beyond_the_objective_does_not_count():
    fast = ThroughputLevel(concurrency=16, output_tokens_per_s=700, ttft_p95_s=0.3)
    late = ThroughputLevel(concurrency=64, output_tokens_per_s=2000, ttft_p95_s=1.4)
    own = hosting().model_copy(update={"throughput": [fast, late]})
    assert goodput_of(own).per_s == 700
    assert goodput_of(own.model_copy(update={"throughput": [late]})) == Unmeasured(
        "no concurrency level meets the objective"
    )


def test_where_only_requests_were_counted_each_request_has_the_price():
    level = ThroughputLevel(concurrency=4, requests_per_s=10, ttft_p95_s=0.3)
    price = hosted_price(hosting().model_copy(update={"throughput": [level]}))
    assert price.per_request == pytest.approx(2.5 / 3600 / 10 / 0.6)
    assert price.output_per_1m == 0


def test_a_deployment_is_charged_by_what_its_machines_cost():
    own = hosting()
    found = priced(deployment("local", "llama", price=Price(hosting=own)))
    assert found == hosted_price(own)
    attempts = (
        Attempt(20.0, error="timeout"),
        Attempt(1.0, usage=Usage(input_tokens=900, output_tokens=100)),
    )
    outcome = Outcome("c", 0, Failure("", ""), "own", 1.0, (Step("generate", "own", "", "", attempts),))
    # A cut-off call gets no bill of its own, so it is not unknown what the case cost.
    assert cost_of(outcome, {"own": found}) == Cost(pytest.approx(1.653e-4, rel=1e-3))


def test_twice_the_utilisation_halves_the_price_and_stops_at_a_full_machine():
    prices = {"own": hosted_price(hosting(utilisation=0.4)), "api": Price(output_per_1m=10)}
    half, twice, most = (at_utilisation(prices, times) for times in (0.5, 2, 4))
    assert half["own"].output_per_1m == pytest.approx(2 * prices["own"].output_per_1m)
    assert twice["own"].output_per_1m == pytest.approx(prices["own"].output_per_1m / 2)
    assert most["own"].output_per_1m == pytest.approx(0.4 * prices["own"].output_per_1m)
    assert half["api"] == prices["api"]


def test_machines_are_taken_by_their_own_calls_alone():
    price = hosted_price(hosting())
    level = ThroughputLevel(concurrency=4, requests_per_s=10, ttft_p95_s=0.3)
    by_request = hosted_price(hosting().model_copy(update={"throughput": [level]}))

    def step(alias, *outputs):
        attempts = tuple(Attempt(1.0, usage=Usage(input_tokens=9, output_tokens=each)) for each in outputs)
        return Step("generate", alias, "", "", attempts)

    outcome = Outcome("c", 0, Failure("", ""), "own", 1.0, (step("own", 30, 70), step("api", 500)))
    assert served(outcome, price, "own") == 100
    assert served(outcome, by_request, "own") == 2
    assert served(outcome, price, "api") == 500
    silent = Step("generate", "own", "", "", (Attempt(1.0),))
    assert isinstance(
        served(Outcome("c", 0, Failure("", ""), "own", 1.0, (silent,)), price, "own"), Unmeasured
    )
