from evalgate.core.calls import Request
from evalgate.core.messages import Message
from evalgate.core.numbers import Unmeasured
from evalgate.core.policy_file import Price
from evalgate.pipeline.spending.spend import worst


def asked(kind="chat"):
    return Request(kind, "gateway", "m", "1", None, (Message("user", "hi"),), {"max_tokens": 10}, "d" * 64)


def test_what_a_gateway_alone_knows_has_no_worst_case():
    usd = worst(asked(), Price(reported=True), 3)
    assert isinstance(usd, Unmeasured)
    assert "price: {reported: true}" in usd.reason


def test_prices_beside_it_bound_it():
    assert worst(asked(), Price(reported=True, per_request=0.01), 3) == 0.03


def test_an_app_is_bound_by_its_price_a_request_and_by_nothing_else():
    assert worst(asked("http"), Price(per_request=0.5), 2) == 1.0
    assert isinstance(worst(asked("http"), Price(output_per_1m=1), 2), Unmeasured)
