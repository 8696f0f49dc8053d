"""One policy measured on one suite, with everything needed to do it again."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from evalgate.core.budgets import Rules
from evalgate.core.outcome import Graded
from evalgate.core.policy_file import Price

RUN_SCHEMA = "evalgate/run@1"
Mode = Literal["replay", "auto", "live"]


@dataclass(frozen=True, slots=True)
class Session:
    """One sitting in which calls were recorded.

    ``interleaved`` says that both sides of every case were called back to back in random order, without
    which times of different calls are not compared.
    """

    id: str
    started_at: str
    interleaved: bool = False
    seed: int | None = None
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What was measured, and by which rules it would be judged."""

    suite: str
    policy: str
    policy_digest: str
    suite_digest: str
    mode: Mode
    trials: int
    ordered: bool
    labels: tuple[str, ...]
    rules: Rules
    prices: Mapping[str, Price]
    sessions: tuple[Session, ...]
    policy_summary: tuple[str, ...]
    requests_per_month: int | None
    evalgate_version: str
    schema: str = RUN_SCHEMA


@dataclass(frozen=True, slots=True)
class Run:
    """A manifest and one graded outcome per case and trial, in the suite's order."""

    manifest: Manifest
    results: tuple[Graded, ...]
