"""What a command would call, reuse and spend, worked out without calling anything."""

from dataclasses import dataclass
from typing import Literal

from evalgate.core.numbers import Unmeasured
from evalgate.core.run import Mode

SideRole = Literal["baseline", "candidate"]


@dataclass(frozen=True, slots=True)
class PlannedCalls:
    """The distinct calls of one side to one deployment.

    ``missing`` are not recorded, ``to_make`` are those that would really be called. ``expected_usd`` is what
    they cost if each succeeds at once, taken from what ``basis`` says (empty when nothing is called).
    ``worst_usd`` counts every attempt that the policy allows, and fallbacks that only failures would bring.
    """

    deployment: str
    model: str
    needed: int
    recorded: int
    missing: int
    to_make: int
    expected_usd: float | Unmeasured
    basis: str
    worst_usd: float | Unmeasured


@dataclass(frozen=True, slots=True)
class PlannedSide:
    """One policy of a suite; ``missing_cases`` are the ids of cases that need a call nobody recorded."""

    policy: str
    role: SideRole
    routed: bool
    cached: bool
    calls: tuple[PlannedCalls, ...]
    missing_cases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlannedJudging:
    """The distinct calls of each judge and embedder among the graders, and what they cost together."""

    calls: tuple[PlannedCalls, ...]
    expected_usd: float | Unmeasured
    worst_usd: float | Unmeasured

    @property
    def missing(self) -> int:
        """How many calls nobody recorded."""
        return sum(each.missing for each in self.calls)

    @property
    def to_make(self) -> int:
        """How many calls would be made."""
        return sum(each.to_make for each in self.calls)


@dataclass(frozen=True, slots=True)
class SuitePlan:
    """All sides of a suite. A call that several sides need counts once here.

    ``judging`` is apart from all other numbers; None where no grader asks a model.
    On ``anew`` cases ``record`` would also make the recorded calls of both sides again, to compare times;
    they are part of the rest only where the plan was asked for them.
    """

    suite: str
    needed: int
    reused: int
    missing: int
    to_make: int
    expected_usd: float | Unmeasured
    worst_usd: float | Unmeasured
    sides: tuple[PlannedSide, ...]
    judging: PlannedJudging | None = None
    warnings: tuple[str, ...] = ()
    anew: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """What ``evalgate run`` would do, or ``evalgate record`` with ``cover_deployments`` or ``remeasure``."""

    mode: Mode
    cover_deployments: bool
    suites: tuple[SuitePlan, ...]
    remeasure: int | None = None
