"""What the command line hands to the pipeline."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from evalgate.core.policy_file import DeploymentFile
from evalgate.core.run import Mode


def _unheard(_sentence: str) -> None:
    """Say it to nobody."""


def _agreed(_question: str) -> bool:
    """Agree without being asked."""
    return True


@dataclass(frozen=True, slots=True)
class Spending:
    """What calls may cost. In ``ci`` calls with a price need a ``cap_usd``: nobody is there to stop them.

    ``tell`` hears what is about to be spent; ``agree`` is asked before much is, where there is no cap.
    """

    cap_usd: float | None = None
    ci: bool = False
    tell: Callable[[str], None] = field(default=_unheard, compare=False, repr=False)
    agree: Callable[[str], bool] = field(default=_agreed, compare=False, repr=False)


NO_RULE = Spending()


@dataclass(frozen=True, slots=True)
class RunSettings:
    """Measure, compare, gate. ``cases`` and ``limit`` narrow the suites and then show without gating.

    ``sequential`` looks at what is known while calling, and calls no more once it decides.
    """

    start: Path
    suites: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    baseline: str | None = None
    mode: Mode = "replay"
    cases: tuple[str, ...] = ()
    limit: int | None = None
    sequential: bool = False
    concurrency: int | None = None
    spending: Spending = NO_RULE

    @property
    def gates(self) -> bool:
        """Whether the whole suites are measured, so that the result may decide something."""
        return not self.cases and self.limit is None


@dataclass(frozen=True, slots=True)
class RecordSettings:
    """Make the calls that recordings lack; ``cover_deployments`` calls every deployment on every case.

    ``remeasure`` cases that differ are called anew on both sides, and a share ``refresh`` of all cases is,
    to see whether the recordings still hold. With ``batch``, deployments behind a batch API are asked so.
    """

    start: Path
    suites: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    baseline: str | None = None
    cover_deployments: bool = False
    batch: bool = False
    seed: int | None = None
    concurrency: int | None = None
    spending: Spending = NO_RULE
    remeasure: int | None = None
    refresh: float = 0.0


@dataclass(frozen=True, slots=True)
class PlanSettings:
    """Work out what ``run`` would call; with ``recording``, what ``record`` would."""

    start: Path
    suites: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    baseline: str | None = None
    mode: Mode = "auto"
    recording: bool = False
    cover_deployments: bool = False
    remeasure: int | None = None
    refresh: float = 0.0


@dataclass(frozen=True, slots=True)
class AaSettings:
    """Repeat one policy, ``trials`` times at least; without ``policy`` the baseline."""

    start: Path
    suites: tuple[str, ...] = ()
    policy: str | None = None
    trials: int = 2
    mode: Mode = "replay"
    spending: Spending = NO_RULE
    concurrency: int | None = None


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """Train a router between the deployments of ``order`` (cheapest first; as the policy says, where empty).

    ``share`` of the cases are learned from, the others are held out. ``strong_share`` asks for the threshold
    of that strong share, with ``difficulty`` for a router over easy, medium and hard.
    """

    start: Path
    suites: tuple[str, ...]
    policy: str | None = None
    order: tuple[str, ...] = ()
    difficulty: bool = False
    share: float = 1.0
    strong_share: float | None = None
    folds: int = 5
    seed: int = 0


@dataclass(frozen=True, slots=True)
class JudgeCheckSettings:
    """Check the judge on recorded answers of one proposal and the baseline.

    ``times`` asks it so often again about some of them; ``budget`` is the drop of accuracy to decide.
    """

    start: Path
    suites: tuple[str, ...] = ()
    policy: str | None = None
    times: int = 0
    budget: float | None = None
    spending: Spending = NO_RULE


@dataclass(frozen=True, slots=True)
class ImportSettings:
    """Make cases and recordings of a team's own log.

    ``deployment`` is the model that answered. What all calls were sent with, a system prompt and params,
    belongs to the policy, unless ``system_in_case`` leaves the one in the cases and ``drop_params`` the
    other out.
    """

    start: Path
    log: Path
    suite: str
    columns: tuple[str, ...]
    deployment: DeploymentFile
    where: Mapping[str, str]
    system_in_case: bool = False
    drop_params: bool = False


@dataclass(frozen=True, slots=True)
class SweepRange:
    """One number of a policy, ``key`` as in its file, at ``steps`` values from ``low`` to ``high``."""

    key: str
    low: float
    high: float
    steps: int


@dataclass(frozen=True, slots=True)
class SweepSettings:
    """Show a policy's metrics over one or two of its numbers."""

    start: Path
    policy: str
    ranges: tuple[SweepRange, ...]
    suites: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LoadSettings:
    """Simulate a policy under traffic; what is None is as the suite says."""

    start: Path
    policy: str
    suites: tuple[str, ...] = ()
    baseline: str | None = None
    rps: float | None = None
    burstiness: float | None = None
    p95_within_s: float | None = None


@dataclass(frozen=True, slots=True)
class HitsSettings:
    """Show what a cache newly merges; ``sample`` of the pairs that nothing decides are picked by ``seed``."""

    start: Path
    suites: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    baseline: str | None = None
    sample: int = 20
    seed: int = 0


@dataclass(frozen=True, slots=True)
class BreakevenSettings:
    """Find the traffic at which a policy costs less than ``against``; None is the family's baseline."""

    start: Path
    policy: str
    suites: tuple[str, ...] = ()
    against: str | None = None
