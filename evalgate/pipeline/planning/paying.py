"""Before money is spent: what it will be, whether it can be bounded, and whether somebody agrees."""

from collections.abc import Mapping, Sequence

from evalgate.core.errors import BadInput, Interrupted, Problem
from evalgate.core.numbers import Unmeasured
from evalgate.core.plan import PlannedJudging, SuitePlan
from evalgate.core.policy import Policy
from evalgate.core.policy_file import Price
from evalgate.core.progress import CallsSoFar
from evalgate.core.suite import Project, Suite
from evalgate.pipeline.planning.plan import plan_suite
from evalgate.pipeline.project.settings import PlanSettings, Spending
from evalgate.pipeline.spending.spend import total
from evalgate.pipeline.spending.tariff import Tariff, refuse_without_bound
from evalgate.report.numbers import count, usd
from evalgate.report.safe_text import safe_line

ASK_ABOVE_USD = 1.0


class _Unseen:
    """Shows no progress: planning is short beside calling."""

    def start(self, label: str, total: int) -> None:
        """Begin unseen."""

    def advance(self, n: int = 1) -> None:
        """Advance unseen."""

    def calls(self, so_far: CallsSoFar) -> None:
        """Call unseen."""

    def done(self) -> None:
        """End unseen."""


def before_paying(
    project: Project,
    suite: Suite,
    policies: Sequence[Policy],
    prices: Mapping[str, Mapping[str, Price]],
    plan: PlanSettings,
    spending: Spending,
) -> None:
    """Say what a suite's calls will cost before the first of them; refuse what may not or cannot be paid.

    Raises:
        BadInput: a cap cannot be held, or is missing in CI.
        Interrupted: whoever was asked did not agree.

    """
    tariff = Tariff.of(project, suite, policies, prices)
    if spending.cap_usd is not None:
        refuse_without_bound(tariff, suite, policies)
    if tariff.is_free:
        return
    planned = plan_suite(project, suite, plan, _Unseen())
    judging = planned.judging
    if not planned.to_make and (judging is None or not judging.to_make):
        return
    said = _sentence(planned, spending.cap_usd)
    if spending.ci and spending.cap_usd is None:
        raise BadInput([Problem(f"in CI, calls need a cap: {said}", "add --max-spend with an amount in USD")])
    spending.tell(said)
    if spending.cap_usd is None and _is_much(planned) and not spending.agree("Spend that?"):
        raise Interrupted("nothing was called")


def bound_judges(project: Project, suite: Suite, spending: Spending) -> None:
    """Refuse calls to judges alone that may not or cannot be paid; how many there will be is not known.

    Raises:
        BadInput: a cap cannot be held, or is missing in CI.

    """
    tariff = Tariff.of(project, suite, (), {})
    if spending.cap_usd is not None:
        refuse_without_bound(tariff, suite, ())
    elif spending.ci and not tariff.is_free:
        raise BadInput([Problem("in CI, calls need a cap", "add --max-spend with an amount in USD")])


def _sentence(planned: SuitePlan, cap_usd: float | None) -> str:
    parts = []
    if planned.to_make:
        parts.append(f"{count(planned.to_make, 'call')} to make, {_amounts(planned)}")
    if planned.judging is not None and planned.judging.to_make:
        parts.append(f"{count(planned.judging.to_make, 'call')} to judge, {_amounts(planned.judging)}")
    if cap_usd is not None:
        parts.append(f"no more than {usd(cap_usd)} will be spent")
    return f"{safe_line(planned.suite)}: {'; '.join(parts)}"


def _amounts(planned: SuitePlan | PlannedJudging) -> str:
    return f"{_amount(planned.expected_usd)} expected, {_amount(planned.worst_usd)} at worst"


def _amount(amount: float | Unmeasured) -> str:
    return f"unknown ({amount.reason})" if isinstance(amount, Unmeasured) else usd(amount)


def _is_much(planned: SuitePlan) -> bool:
    parts: tuple[SuitePlan | PlannedJudging, ...] = (planned,)
    if planned.judging is not None:
        parts = (planned, planned.judging)
    likely = total(
        each.worst_usd if isinstance(each.expected_usd, Unmeasured) else each.expected_usd for each in parts
    )
    return isinstance(likely, Unmeasured) or likely > ASK_ABOVE_USD
