"""One policy measured on one suite, with everything needed to do it again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from evalgate.core.budgets import Rules
from evalgate.core.labels import HumanLabel
from evalgate.core.load import Station, Traffic
from evalgate.core.numbers import Unmeasured
from evalgate.core.outcome import Graded
from evalgate.core.policy_file import Price
from evalgate.core.prompt_cache_file import PromptCacheFile

RUN_SCHEMA = "evalgate/run@1"
Mode = Literal["replay", "auto", "live"]


@dataclass(frozen=True, slots=True)
class Session:
    """One sitting in which calls were recorded.

    ``interleaved`` says that both sides of every case were called back to back in random order, without
    which times of different calls are not compared. ``drifted`` says why what it recorded does not hold any
    more; empty as long as it does.
    """

    id: str
    started_at: str
    interleaved: bool = False
    seed: int | None = None
    origin: str = ""
    drifted: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """A declared look of a sequential run: after ``cases`` of ``cases_total``, in an order drawn in advance.

    ``pass_alpha`` and ``fail_alpha`` are the one-sided levels at which intervals are computed there: a limit
    passes at this look when its interval at ``pass_alpha`` is inside the allowance, and fails when the one at
    ``fail_alpha`` is outside.
    """

    cases: int
    cases_total: int
    pass_alpha: float
    fail_alpha: float

    @property
    def last(self) -> bool:
        """Whether nothing is left to look at."""
        return self.cases == self.cases_total


@dataclass(frozen=True, slots=True)
class Manifest:
    """What was measured, and by which rules it would be judged.

    ``human`` is what people said about answers, given (if empty) exactly when a judge graded the suite.
    ``case_cap_usd`` is the most that one case can cost, by the limits that its calls carry.
    ``look`` is set for a candidate whose run was sequential: the look at which it ended.
    ``traffic`` is what the suite says of it, ``stations`` what the policy's deployments can do at most.
    ``prompt_caches`` are those of the deployments whose cached tokens were predicted.
    ``faults`` counts those of the traffic, which the run was served amid.
    ``judged_against`` is the digest of the policy whose answers a pairwise judge saw beside these.
    """

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
    human: tuple[HumanLabel, ...] | None = None
    case_cap_usd: float | Unmeasured | None = None
    look: Look | None = None
    judged_against: str | None = None
    traffic: Traffic | None = None
    stations: tuple[Station, ...] = ()
    prompt_caches: Mapping[str, PromptCacheFile] = field(default_factory=dict)
    faults: int = 0
    schema: str = RUN_SCHEMA

    @property
    def quantizations(self) -> Mapping[str, str]:
        """The number format of each deployment that says one, by alias."""
        lines = (line.partition(": ") for line in self.policy_summary)
        return {
            key.removeprefix("deployments.").removesuffix(".quantization"): said
            for key, _, said in lines
            if key.startswith("deployments.") and key.endswith(".quantization")
        }


@dataclass(frozen=True, slots=True)
class Run:
    """A manifest and one graded outcome per case and trial, in the suite's order."""

    manifest: Manifest
    results: tuple[Graded, ...]
