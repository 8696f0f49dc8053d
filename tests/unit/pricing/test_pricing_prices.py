import json
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from evalgate.core.calls import Attempt, RequestKind, Usage
from evalgate.core.digest import DigestFrame
from evalgate.core.errors import BadInput
from evalgate.core.outcome import Answer, Cost, Outcome, Step
from evalgate.core.policy import Deployment
from evalgate.core.policy_file import Price, PriceTier
from evalgate.pricing.cost import cost_of
from evalgate.pricing.prices import resolve_prices

AT = "2026-11-01"
CHEAP = Price(input_per_1m=1)


def deployment(
    provider: str = "openai",
    model: str = "gpt-4o",
    *,
    kind: RequestKind = "chat",
    price: Price | None = None,
    alias: str = "strong",
) -> Deployment:
    frame = DigestFrame(kind, {"provider": provider, "model": model}, {})
    return Deployment(alias, kind, provider, model, None, None, (), {}, price, frame)


def priced(one: Deployment, prices: dict[str, Price] | None = None, price_at: str | None = AT) -> Price:
    return resolve_prices([one], prices or {}, price_at)[one.alias]


def problem_of(one: Deployment, price_at: str | None = AT) -> str:
    with pytest.raises(BadInput) as caught:
        priced(one, price_at=price_at)
    return str(caught.value)


def test_prices_yaml_rules_over_the_table_and_over_the_deployment() -> None:
    one = deployment(price=Price(input_per_1m=7))
    assert priced(one, {"gpt-4o": CHEAP}) == CHEAP
    assert priced(one, {"openai/gpt-4o": CHEAP, "gpt-4o": Price(input_per_1m=3)}) == CHEAP


def test_the_table_rules_over_the_deployment_s_own_price() -> None:
    listed = priced(deployment(price=Price(input_per_1m=7)))
    assert listed == Price(input_per_1m=2.5, output_per_1m=10.0, cached_input_per_1m=1.25)


def test_the_own_price_serves_what_neither_knows() -> None:
    assert priced(deployment("local", "smollm2", price=CHEAP)) == CHEAP
    assert priced(deployment("openai", "no-such-model", price=CHEAP)) == CHEAP
    assert priced(deployment(price=CHEAP), price_at=None) == CHEAP


def test_prices_are_read_as_of_price_at() -> None:
    o3 = deployment(model="o3")
    assert priced(o3, price_at="2025-06-01").input_per_1m == 10.0
    assert priced(o3, price_at="2026-11-01").input_per_1m == 2.0
    assert priced(o3, price_at="2025-06-09T23:59:59Z").input_per_1m == 10.0
    assert priced(o3, price_at="2025-06-10T01:00:00+02:00").input_per_1m == 10.0, "still the 9th in UTC"


def test_every_unknown_model_is_named_with_its_cures() -> None:
    unknown = [
        deployment("local", "smollm2", alias="weak"),
        deployment("openai", "no-such-model", alias="strong"),
        deployment(alias="fine"),
    ]
    with pytest.raises(BadInput) as caught:
        resolve_prices(unknown, {}, AT)
    assert [problem.key for problem in caught.value.problems] == ["deployments.weak", "deployments.strong"]
    text = str(caught.value)
    assert (
        "no price for model 'smollm2' of provider 'local': genai-prices does not list this provider" in text
    )
    assert "no price for model 'no-such-model' of provider 'openai'" in text
    assert 'add "local/smollm2" to prices.yaml' in text
    assert "give the deployment a price" in text
    assert "name provider and model as genai-prices does" in text


def test_a_function_has_the_price_it_declares_and_is_never_looked_up() -> None:
    assert "a function has the price you declare" in problem_of(deployment(kind="function"))
    assert priced(deployment(kind="function", price=Price())) == Price()
    assert priced(deployment(kind="function", price=CHEAP)) == CHEAP
    assert priced(deployment(kind="function", price=Price()), {"gpt-4o": CHEAP}) == CHEAP


def test_without_price_at_the_table_is_not_asked() -> None:
    assert "write price_at" in problem_of(deployment(), price_at=None)


@pytest.mark.parametrize("price_at", ["now", "", "yesterday", "2026-13-01", "11/01/2026"])
def test_a_price_at_that_is_no_instant_is_refused(price_at: str) -> None:
    message = problem_of(deployment(), price_at=price_at)
    assert message.startswith("evalgate.yaml: price_at: ")
    assert "is not an ISO date or timestamp" in message


def test_a_provider_must_be_named_as_the_table_names_it() -> None:
    assert priced(deployment("OpenAI")).input_per_1m == 2.5
    assert "did you mean" in problem_of(deployment("gemini", "gemini-2.5-pro"))
    assert "does not list this provider" in problem_of(deployment("my-openai-proxy"))


def test_tiers_of_the_table_are_kept() -> None:
    listed = priced(deployment("google", "gemini-2.5-pro"))
    assert (listed.input_per_1m, listed.output_per_1m) == (1.25, 10.0)
    assert listed.tiers == [
        PriceTier(above_input_tokens=200_000, input_per_1m=2.5, output_per_1m=15.0, cached_input_per_1m=0.25)
    ]


def test_models_that_are_not_priced_by_tokens_are_refused() -> None:
    assert "audio_hours" in problem_of(deployment("groq", "whisper-large-v3"))
    assert "without output_mtok" in problem_of(deployment("openai", "text-embedding-3-small"))
    assert priced(deployment("openai", "text-embedding-3-small", kind="embed")).input_per_1m == 0.02


def test_a_price_that_depends_on_the_hour_needs_an_hour() -> None:
    from genai_prices.types import TimeOfDateConstraint

    from evalgate.pricing.genai import _varies_by_hour, providers

    hourly = [
        (provider.id, model.id)
        for provider in providers
        for model in provider.models
        if isinstance(model.prices, list)
        and any(isinstance(each.constraint, TimeOfDateConstraint) for each in model.prices)
        and _varies_by_hour(model, datetime(2026, 11, 1, tzinfo=UTC))
    ]
    assert hourly, "the table has such models"
    one = deployment(*hourly[0])
    assert "depends on the time of day" in problem_of(one)
    assert priced(one, price_at="2026-11-01T12:00:00Z").output_per_1m > 0
    assert priced(deployment(*hourly[0], price=CHEAP)) == CHEAP


def test_every_listed_price_charges_what_genai_prices_itself_charges() -> None:
    from genai_prices.types import Usage as TheirUsage

    from evalgate.pricing.genai import providers, table_price

    at = datetime(2026, 11, 1, tzinfo=UTC)
    compared = 0
    for provider in providers:
        for model in provider.models[::5]:
            one = deployment(provider.id, model.id, kind="embed")
            listed = table_price(one, at, dated_only=False)
            if isinstance(listed, str) or provider.find_model(model.id) is not model:
                continue
            bounds = [tier.above_input_tokens for tier in listed.tiers]
            for total in [0, 1200, *(bound + off for bound in bounds for off in (-1, 0, 1))]:
                usage = TheirUsage(input_tokens=total, cache_read_tokens=total // 4, output_tokens=77)
                theirs = model.calc_price(usage, provider, genai_request_timestamp=at).total_price
                assert _charge(listed, Usage(total, total // 4, None, 77)) == pytest.approx(float(theirs))
                compared += 1
    assert compared > 500


def _charge(price: Price, usage: Usage) -> float:
    step = Step("generate", "strong", "d", "s", (Attempt(0.1, usage=usage),))
    cost = cost_of(Outcome("c", 0, Answer("x"), "strong", 0.1, (step,)), {"strong": price})
    assert isinstance(cost, Cost)
    return cost.total_usd


PROBE = """
import json, sys
from evalgate.core.digest import DigestFrame
from evalgate.core.policy import Deployment
from evalgate.core.policy_file import Price
from evalgate.pricing.prices import resolve_prices
import socket
class Closed(socket.socket):
    def __init__(self, *args, **named): raise AssertionError("a socket was opened")
socket.socket = Closed
def one(kind, provider, price):
    return Deployment("a", kind, provider, "gpt-4o", None, None, (), {}, price, DigestFrame("chat", {}, {}))
resolve_prices([one("function", "f", Price())], {}, "2026-11-01")
resolve_prices([one("chat", "openai", None)], {"gpt-4o": Price()}, "2026-11-01")
before = "genai_prices" in sys.modules
resolve_prices([one("chat", "openai", None)], {}, "2026-11-01")
print(json.dumps([before, "genai_prices" in sys.modules]))
"""


def test_the_table_is_imported_only_when_needed_and_opens_no_socket() -> None:
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [False, True]
