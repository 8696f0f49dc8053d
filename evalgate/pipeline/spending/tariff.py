"""What one attempt costs, at worst and afterwards, for whatever a suite may call."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from evalgate.core.calls import Attempt, Request
from evalgate.core.errors import BadInput, Problem
from evalgate.core.numbers import Unmeasured
from evalgate.core.policy import Deployment, Policy
from evalgate.core.policy_file import Price
from evalgate.core.suite import Project, Suite
from evalgate.grading.needs import suite_judging
from evalgate.pipeline.measuring.walk import every_request
from evalgate.pipeline.spending.spend import Usd, identity_of, usd_of, worst
from evalgate.pricing.calls import Identity
from evalgate.pricing.prices import resolve_prices


class Tariff:
    """The prices of every policy's deployments and of the judges, by what answers.

    Where two policies price one model differently, the dearer price counts: a cap holds under both.
    """

    def __init__(self, prices: Mapping[Identity, Sequence[Price]]) -> None:
        """Hold at least one price for everything that is called."""
        self._prices = prices

    @classmethod
    def of(
        cls,
        project: Project,
        suite: Suite,
        policies: Iterable[Policy],
        prices: Mapping[str, Mapping[str, Price]],
    ) -> "Tariff":
        """Return the prices of what ``policies`` and the judges of ``suite`` call."""
        found: defaultdict[Identity, list[Price]] = defaultdict(list)
        for policy in policies:
            for deployment in policy.deployments.values():
                found[deployment.identity].append(prices[policy.name][deployment.alias])
        judges = suite_judging(suite).deployments
        judge_prices = resolve_prices(judges, project.prices, project.price_at)
        for judge in judges:
            found[judge.identity].append(judge_prices[judge.alias])
        return cls(dict(found))

    @property
    def is_free(self) -> bool:
        """Whether nothing that is called has a price."""
        return not any(_has_price(price) for prices in self._prices.values() for price in prices)

    def worst(self, request: Request) -> Usd:
        """Return the most that one attempt can cost."""
        return _dearest(request, [worst(request, price, 1) for price in self._of(request)])

    def cost(self, request: Request, attempt: Attempt) -> Usd:
        """Return what an attempt cost; Unmeasured when it was or may have been billed and nobody knows."""
        return _dearest(request, [usd_of((attempt,), price) for price in self._of(request)])

    def _of(self, request: Request) -> Sequence[Price]:
        return self._prices.get(identity_of(request), ())


def refuse_without_bound(tariff: Tariff, suite: Suite, policies: Iterable[Policy]) -> None:
    """Refuse to start under a cap what has no worst case: the cap could not be held.

    Raises:
        BadInput: names every deployment whose attempts may cost any amount.

    """
    problems: dict[str, Problem] = {}
    for policy in policies:
        seen: set[str] = set()
        for _, alias, request in every_request(suite, policy):
            if alias in seen:
                continue
            seen.add(alias)
            usd = tariff.worst(request)
            if isinstance(usd, Unmeasured):
                problems.setdefault(f"{policy.name} {alias}", _unbounded(policy.file, alias, usd))
            if len(seen) == len(policy.deployments):
                break
    for judge in suite_judging(suite).deployments:
        usd = _judge_bound(tariff, judge)
        if isinstance(usd, Unmeasured):
            problems.setdefault(judge.alias, _unbounded(suite.file, judge.alias, usd))
    if problems:
        raise BadInput(list(problems.values()))


def _judge_bound(tariff: Tariff, judge: Deployment) -> Usd:
    request = Request(
        kind=judge.kind,
        provider=judge.provider,
        model=judge.model,
        revision=judge.revision,
        quantization=judge.quantization,
        messages=(),
        params=judge.params,
        digest="",
    )
    return tariff.worst(request)


def _unbounded(file: str, alias: str, usd: Unmeasured) -> Problem:
    return Problem(
        f"--max-spend cannot be held: {usd.reason}",
        "set max_tokens in its params (a function: a price per request)",
        file,
        key=f"deployments.{alias}",
    )


def _has_price(price: Price) -> bool:
    usd = usd_of((Attempt(0.0),), price)
    return isinstance(usd, Unmeasured) or usd > 0


def _dearest(request: Request, amounts: Sequence[Usd]) -> Usd:
    unknown = next((usd for usd in amounts if isinstance(usd, Unmeasured)), None)
    if unknown is not None or not amounts:
        return unknown or Unmeasured(f"{request.model!r} has no price")
    return max(usd for usd in amounts if not isinstance(usd, Unmeasured))
