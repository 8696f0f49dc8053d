"""Where two monthly costs cross, against hand-made cases and a search that tries every traffic."""

import pytest

from evalgate.core.breakeven import Fleet, MonthlyCost
from evalgate.scoring.crossings import crossings


def fleet(replica_usd=1000.0, per_month=1000.0, per_request=1.0, **others):
    defaults = {"utilisation": 0.5, "ops_usd": 0.0, "min_replicas": 1}
    return Fleet("own", per_request, per_month, replica_usd=replica_usd, **{**defaults, **others})


def own(*fleets, calls=0.0):
    return MonthlyCost("own", calls, fleets)


def api(usd):
    return MonthlyCost("api", usd)


def tried(policy, against, upto):
    """Every whole number of requests at which another one is cheaper than before, by trying all of them."""
    found, before = [], None
    for requests in range(1, upto):
        gap = policy.usd(requests) - against.usd(requests)
        side = None if gap == 0 else "policy" if gap < 0 else "against"
        if side is not None and before is not None and side != before:
            found.append((requests, side))
        before = side or before
    return found


def test_one_machine_against_a_straight_line():
    # A machine costs 1,000 USD a month and serves 1,000 requests: no API at 0.8 USD is ever dearer.
    found = crossings(own(fleet()), api(0.8))
    assert (found.found, found.first, found.last) == ((), "against", "against")
    # At 1.25 USD k machines cost less from 800 k requests on, until one more starts at 1,000 k.
    found = crossings(own(fleet()), api(1.25))
    assert [(each.requests, each.cheaper, each.step) for each in found.found] == [
        (pytest.approx(800), "policy", False),
        (pytest.approx(1000), "against", True),
        (pytest.approx(1600), "policy", False),
        (pytest.approx(2000), "against", True),
        (pytest.approx(2400), "policy", False),
        (pytest.approx(3000), "against", True),
        (pytest.approx(3200), "policy", False),
    ]
    assert found.wins("policy") == (pytest.approx(800), pytest.approx(3200))


@pytest.mark.parametrize(
    ("policy", "against"),
    [
        (own(fleet(), calls=0.1), api(1.3)),
        (own(fleet(min_replicas=3, ops_usd=77.0)), api(1.4)),
        (own(fleet(), fleet(replica_usd=90, per_month=130, per_request=0.4)), api(1.6)),
        (own(fleet(replica_usd=700)), own(fleet(replica_usd=90, per_month=110))),
        (api(1.31), own(fleet(ops_usd=500.5))),
    ],
)
def test_as_a_search_that_tries_every_traffic_finds(policy, against):
    found = crossings(policy, against)
    assert not found.open_ended
    upto = int(found.searched_to * 1.5) + 1500
    whole = tried(policy, against, upto)
    # Two changes between neighbouring whole numbers are invisible to the search; there are none here.
    assert len(whole) == len(found.found) > 0
    for (requests, cheaper), each in zip(whole, found.found, strict=True):
        assert cheaper == each.cheaper
        assert requests - 1 <= each.requests <= requests


def test_costs_that_grow_alike_are_looked_for_only_so_far():
    found = crossings(own(fleet()), api(1.0), 50)
    assert found.open_ended
    assert found.searched_to == 50 * 1000
    assert found.last != "policy" or found.wins("policy")[1] == float("inf")


def test_without_machines_nothing_crosses():
    assert crossings(api(1), api(2)).first == "policy"
    assert not crossings(api(1), api(2)).found


def test_machines_that_nothing_asks_cost_what_they_cost():
    found = crossings(own(fleet(per_request=0.0)), api(2.0))
    assert [each.requests for each in found.found] == [pytest.approx(500)]
    assert not found.open_ended
