"""The sum behind a cost, in words."""

from evalgate.core.calls import Attempt, Usage
from evalgate.core.policy_file import Price
from evalgate.report.html.arithmetic import arithmetic


def test_predicted_cached_tokens_are_called_so():
    attempt = Attempt(1.0, usage=Usage(1000, cached_input_tokens=900, cache_write_tokens=0, output_tokens=2))
    price = Price(input_per_1m=2.5, cached_input_per_1m=0.25, output_per_1m=10)
    counted = "100 input × $2.50 + 900 cached input × $0.25 + 2 output × $10.00 per 1M tokens"
    assert arithmetic(attempt, price) == counted
    assert arithmetic(attempt, price, predicted=True) == f"{counted} (cached tokens predicted)"
    plain = Attempt(1.0, usage=Usage(1000, output_tokens=2))
    assert arithmetic(plain, price, predicted=True) == arithmetic(plain, price)
