"""What the command line hands to ``ci``."""

from dataclasses import dataclass
from pathlib import Path

from evalgate.core.budgets import OnInconclusive
from evalgate.core.run import Mode
from evalgate.pipeline.project.settings import NO_RULE, Spending


@dataclass(frozen=True, slots=True)
class CiSettings:
    """Judge what a change touches.

    ``baseline`` is ``git:REF``, the name or file of a policy of the base commit, or None for what the event
    says. ``on_inconclusive`` may only be stricter than what the base commit says. ``config`` is the
    ``evalgate.yaml`` of the only project to judge. With ``untrusted`` the change counts as a fork's.
    ``spending`` needs a cap for every mode but replay.
    """

    start: Path
    suites: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    baseline: str | None = None
    mode: Mode = "replay"
    on_inconclusive: OnInconclusive | None = None
    config: Path | None = None
    untrusted: bool = False
    spending: Spending = NO_RULE
