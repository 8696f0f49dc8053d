"""What the command line hands to the pipeline."""

from dataclasses import dataclass
from pathlib import Path

from evalgate.core.run import Mode


@dataclass(frozen=True, slots=True)
class RunSettings:
    """Measure, compare, gate. ``cases`` and ``limit`` narrow the suites and then show without gating."""

    start: Path
    suites: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    baseline: str | None = None
    mode: Mode = "replay"
    cases: tuple[str, ...] = ()
    limit: int | None = None

    @property
    def gates(self) -> bool:
        """Whether the whole suites are measured, so that the result may decide something."""
        return not self.cases and self.limit is None


@dataclass(frozen=True, slots=True)
class RecordSettings:
    """Make the calls that recordings lack; ``cover_deployments`` calls every deployment on every case."""

    start: Path
    suites: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    baseline: str | None = None
    cover_deployments: bool = False
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class PlanSettings:
    """Work out what ``run`` would call; with ``cover_deployments``, what ``record`` would."""

    start: Path
    suites: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    baseline: str | None = None
    mode: Mode = "auto"
    cover_deployments: bool = False
