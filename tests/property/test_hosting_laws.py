"""Laws of machines of one's own: fuller is never dearer, and a break-even is where it says it is."""

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from evalgate.core.breakeven import Fleet, MonthlyCost
from evalgate.core.hosting import hosted_price, utilisation_at
from evalgate.core.hosting_file import Hosting, LatencyObjective, ThroughputLevel
from evalgate.scoring.breakeven import fleet_of
from evalgate.scoring.crossings import crossings

USD = st.floats(0.01, 1000)


@st.composite
def hostings(draw: st.DrawFn) -> Hosting:
    replicas = draw(st.integers(1, 20))
    rate = {draw(st.sampled_from(["output_tokens_per_s", "requests_per_s"])): draw(st.floats(0.1, 5000))}
    level = ThroughputLevel(concurrency=4, ttft_p95_s=0.3, **rate)
    return Hosting(
        usd_per_hour=draw(USD),
        accelerators=draw(st.integers(1, 8)),
        replicas=replicas,
        min_replicas=draw(st.integers(1, replicas)),
        utilisation=draw(st.floats(0.01, 1)),
        ops_usd_per_month=draw(st.floats(0, 5000)),
        objective=LatencyObjective(ttft_p95_s=0.5),
        throughput=[level],
    )


@st.composite
def fleets(draw: st.DrawFn) -> Fleet:
    return Fleet(
        deployment="own",
        per_request=draw(st.floats(1, 1000)),
        per_month=draw(st.floats(1e6, 1e9)),
        utilisation=draw(st.floats(0.05, 1)),
        replica_usd=draw(st.floats(10, 10_000)),
        ops_usd=draw(st.sampled_from([0.0, 500.0])),
        min_replicas=draw(st.integers(1, 4)),
    )


@st.composite
def hosted(draw: st.DrawFn) -> MonthlyCost:
    calls = draw(st.sampled_from([0.0, 1e-5, 1e-3]))
    return MonthlyCost("own", calls, tuple(draw(st.lists(fleets(), min_size=1, max_size=2))))


APIS = st.floats(1e-6, 0.1).map(lambda usd: MonthlyCost("api", usd))
ANY = hosted() | APIS


def price_of(hosting: Hosting, times: float = 1.0) -> float:
    price = hosted_price(hosting, times)
    return price.output_per_1m or price.per_request


@given(hostings(), st.floats(1, 100))
def test_fuller_machines_are_never_dearer(hosting: Hosting, times: float) -> None:
    assert price_of(hosting, times) <= price_of(hosting)
    share = utilisation_at(hosting, times) / hosting.utilisation
    assert price_of(hosting, times) * share == pytest.approx(price_of(hosting))


@given(hostings(), st.integers(2, 5))
def test_as_many_replicas_again_share_the_operations_and_cost_no_more_a_token(
    hosting: Hosting, times: int
) -> None:
    more = hosting.model_copy(update={"replicas": hosting.replicas * times})
    assert price_of(more) <= price_of(hosting) * (1 + 1e-12)
    alone = {"ops_usd_per_month": 0.0}
    assert price_of(more.model_copy(update=alone)) == pytest.approx(
        price_of(hosting.model_copy(update=alone))
    )


@given(hostings(), st.floats(1, 1000))
def test_a_month_with_machines_as_full_as_stated_costs_what_its_requests_do(
    hosting: Hosting, per_request: float
) -> None:
    fleet = fleet_of("own", hosting, per_request)
    requests = hosting.replicas * fleet.per_month / fleet.per_request
    unit = price_of(hosting) / (1e6 if hosted_price(hosting).output_per_1m else 1)
    assert fleet.usd(requests) == pytest.approx(requests * per_request * unit)


@given(hosted(), st.floats(1, 20), st.floats(1, 1e8))
def test_a_month_is_never_dearer_with_machines_planned_fuller(
    cost: MonthlyCost, times: float, requests: float
) -> None:
    assert cost.filled(times).usd(requests) <= cost.usd(requests) * (1 + 1e-12)


@given(hosted(), st.floats(1, 1e8))
def test_no_replica_is_fuller_than_planned_unless_there_is_none_less(
    cost: MonthlyCost, requests: float
) -> None:
    for fleet in cost.fleets:
        assert fleet.fill(requests) <= fleet.utilisation * (1 + 1e-6)
        fewer = replace(fleet, min_replicas=1).replicas(requests) - 1
        if fleet.replicas(requests) > fleet.min_replicas:
            assert fewer * fleet.per_month < requests * fleet.per_request


@given(ANY, ANY)
def test_at_a_break_even_both_cost_the_same_or_a_replica_starts(
    policy: MonthlyCost, against: MonthlyCost
) -> None:
    for each in crossings(policy, against, 2000).found:
        before, after = (each.requests * (1 + nudge) for nudge in (-1e-7, 1e-7))
        if each.step:
            signs = [policy.usd(at) - against.usd(at) for at in (before, after)]
            assert (signs[0] <= signs[1]) == (each.cheaper == "against")
            replicas = [
                [fleet.replicas(at) for side in (policy, against) for fleet in side.fleets]
                for at in (before, after)
            ]
            assert replicas[0] != replicas[1]
        else:
            assert policy.usd(each.requests) == pytest.approx(against.usd(each.requests), rel=1e-6)


@given(ANY, ANY, st.floats(0.0001, 0.9999))
def test_between_two_break_evens_the_same_policy_is_cheaper(
    policy: MonthlyCost, against: MonthlyCost, share: float
) -> None:
    found = crossings(policy, against, 2000)
    bounds = [0.0, *(each.requests for each in found.found), found.searched_to]
    sides = [found.first, *(each.cheaper for each in found.found)]
    for low, high, side in zip(bounds[:-1], bounds[1:], sides, strict=True):
        at = low + share * (high - low)
        gap = policy.usd(at) - against.usd(at)
        if abs(gap) > 1e-6 * policy.usd(at):
            assert side == ("policy" if gap < 0 else "against")


@given(ANY, ANY, st.floats(1.0001, 50))
def test_nothing_changes_beyond_where_was_searched(
    policy: MonthlyCost, against: MonthlyCost, times: float
) -> None:
    found = crossings(policy, against, 2000)
    assume(not found.open_ended)
    at = found.searched_to * times
    gap = policy.usd(at) - against.usd(at)
    if abs(gap) > 1e-6 * policy.usd(at):
        assert found.last == ("policy" if gap < 0 else "against")


@given(hosted(), APIS, st.floats(1, 10))
def test_a_dearer_api_never_moves_the_break_even_up(own: MonthlyCost, api: MonthlyCost, times: float) -> None:
    dearer = replace(api, per_request_usd=api.per_request_usd * times)
    first = [crossings(own, each, 2000).wins("policy") for each in (api, dearer)]
    if first[0] is not None:
        assert first[1] is not None
        assert first[1][0] <= first[0][0] * (1 + 1e-9)
        assert first[1][1] <= first[0][1] * (1 + 1e-9)


@given(ANY, ANY)
def test_the_other_way_round_the_same_is_found(policy: MonthlyCost, against: MonthlyCost) -> None:
    one, other = crossings(policy, against, 2000), crossings(against, policy, 2000)
    turned = {"policy": "against", "against": "policy", None: None}
    assert [each.requests for each in one.found] == pytest.approx([each.requests for each in other.found])
    assert [turned[each.cheaper] for each in one.found] == [each.cheaper for each in other.found]
    assert (turned[one.first], turned[one.last]) == (other.first, other.last)


@given(ANY)
def test_a_policy_never_breaks_even_with_itself(cost: MonthlyCost) -> None:
    found = crossings(cost, cost, 2000)
    assert (found.found, found.first, found.wins("policy")) == ((), None, None)
