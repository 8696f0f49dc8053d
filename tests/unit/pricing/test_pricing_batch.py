"""A batch API's factor is on everything that a call costs."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalgate.core.batch_file import BatchFile
from evalgate.core.calls import Attempt, Usage
from evalgate.core.cases import Case
from evalgate.core.outcome import Cost
from evalgate.core.policy_file import Price, PriceTier, Reliability
from evalgate.core.quantities import Quantity
from evalgate.pricing.batch import discounted, served_prices
from evalgate.pricing.cost import cost_of
from evalgate.serving.serve import Asked, serve
from tests.unit.serving.serving_fakes import ScriptedCaller, deployment, policy

USD = st.floats(0, 50)
TIER = st.builds(PriceTier, above_input_tokens=st.integers(0, 3000), input_per_1m=USD, output_per_1m=USD)
PRICE = st.builds(
    Price,
    input_per_1m=USD,
    output_per_1m=USD,
    cached_input_per_1m=st.none() | USD,
    cache_write_per_1m=st.none() | USD,
    per_request=st.floats(0, 0.1),
    tiers=st.lists(TIER, max_size=2),
    reported=st.booleans(),
)
USAGE = st.builds(
    lambda cached, written, fresh, output: Usage(cached + written + fresh, cached, written, output),
    *(st.integers(0, 2000) for _ in range(4)),
)
ATTEMPT = st.builds(
    Attempt,
    latency_s=st.floats(0.01, 5),
    usage=USAGE,
    reported_cost_usd=st.none() | st.floats(0, 1),
    billing=st.just("billed"),
)


def batch(factor, hours=24.0):
    return BatchFile(price_factor=factor, completion_window=Quantity(hours * 3600, "h"))


def served(attempt, price, batching):
    weak = replace(deployment("weak"), batch=batching)
    made = policy(weak, reliability=Reliability())
    caller = ScriptedCaller({"model-weak": [attempt]})
    outcome = asyncio.run(serve(Asked(Case(id="c", input="q"), 0, 0.0), made, caller, None))
    return outcome, cost_of(outcome, served_prices(made.deployments, {"weak": price}))


@given(ATTEMPT, PRICE, st.floats(0.01, 1))
def test_a_batch_costs_the_factor_of_the_same_call_at_once(attempt, price, factor):
    _, at_once = served(attempt, price, None)
    outcome, cheaper = served(attempt, price, batch(factor))
    assert outcome.batch_window_s == outcome.latency_s == 86400
    if isinstance(at_once, Cost):
        assert cheaper.total_usd == pytest.approx(factor * at_once.total_usd, abs=1e-15)
    else:
        assert cheaper == at_once


@given(ATTEMPT, PRICE)
def test_a_factor_of_one_changes_no_cost(attempt, price):
    assert discounted(price, 1) is price
    assert served(attempt, price, batch(1))[1] == served(attempt, price, None)[1]


def test_the_harness_itself_pays_the_whole_price():
    prices = {"weak": Price(input_per_1m=10)}
    made = policy(deployment("weak"))
    assert served_prices(made.deployments, prices) == prices
