"""What the gate decides.

One limit judged is a Check, one candidate on one suite a Judgement, all of them together a Decision.
"""

from dataclasses import dataclass
from typing import Literal

from evalgate.core.answers import AnswerChanges
from evalgate.core.batch_use import BatchUse
from evalgate.core.budgets import OnInconclusive, Scale, Waiver
from evalgate.core.confusions import Confusions
from evalgate.core.errors import ExitCode
from evalgate.core.gateway_use import GatewayUse
from evalgate.core.hosting_use import AtUtilisation, HostingUse
from evalgate.core.labels import JudgeStatus
from evalgate.core.metrics import LimitName, Metric, Unit
from evalgate.core.numbers import Measured, Unmeasured
from evalgate.core.prompt_cache import CostInStates, SidePromptCache
from evalgate.core.reliability_use import ReliabilityUse
from evalgate.core.run import Mode

Verdict = Literal["pass", "fail", "inconclusive"]


@dataclass(frozen=True, slots=True)
class Check:
    """One limit judged.

    ``change`` is candidate minus baseline (``scale`` absolute) or their ratio minus one (relative). With
    ``gated`` False the check is shown and blocks only under ``on_inconclusive: block``. ``losses`` and
    ``gains`` are what the method counts (cases that broke and were fixed; calls slow on one side only).
    ``waiver`` is set where the limit would block and a waiver lets it pass; the verdict stays what it was.
    ``at_utilisation`` is what a cost that rests on how full machines are would be judged at others.
    """

    metric: Metric
    slice: str | None
    limit: LimitName
    allowance: float
    unit: Unit
    scale: Scale
    verdict: Verdict
    blocked: bool
    gated: bool
    on_inconclusive: OnInconclusive
    reason: str
    baseline: Measured
    candidate: Measured
    change: Measured
    method: str
    level: float
    n: int
    clusters: int
    trials: int
    affected: int
    losses: int | None = None
    gains: int | None = None
    cases_needed: int | None = None
    assumptions: tuple[str, ...] = ()
    waiver: Waiver | None = None
    at_utilisation: tuple[AtUtilisation, ...] = ()


@dataclass(frozen=True, slots=True)
class CaseCounts:
    """The 2x2 of correctness over cases; failed ones stand in it as wrong and are counted apart too."""

    total: int
    both_right: int
    both_wrong: int
    fixed: int
    broke: int
    failed: int


@dataclass(frozen=True, slots=True)
class CallCounts:
    """Distinct calls that both sides needed, and how many came from recordings or were made.

    ``added`` counts the replayed calls, those of judges too, whose recordings the judging commit does not
    hold.
    """

    needed: int
    reused: int
    made: int
    added: int = 0


@dataclass(frozen=True, slots=True)
class NotSpent:
    """What a sequential run left undone on a suite because ``cases`` of ``cases_total`` decided.

    ``usd`` is what the calls not made would have cost, all sides together, judges apart.
    """

    cases: int
    cases_total: int
    calls: int
    usd: float | Unmeasured


@dataclass(frozen=True, slots=True)
class CascadeUse:
    """What a policy's cascade did over a run, counted in requests (cases and trials).

    ``escalated`` requests were asked of a second deployment, ``escalations`` counts every step up, and
    ``checks`` the samples and verifier calls beside the answers. ``escalation_rate`` is the share of
    requests that escalated, in which cases weigh what they weigh. Amounts are per request, in USD.
    """

    requests: int
    escalated: int
    escalations: int
    checks: int
    escalation_rate: float
    escalations_usd: float | Unmeasured
    confidence_usd: float | Unmeasured


@dataclass(frozen=True, slots=True)
class CacheUse:
    """What a policy's cache did over a run, counted in requests (cases and trials).

    ``right`` hits served an answer that may be shared and is not known to be wrong; ``stale`` ones are among
    the ``false``. Nothing tells about ``unlabelled`` hits. ``pairs`` are the distinct pairs of questions
    (asked when stored, asked when served) among labelled hits, of which ``false_pairs`` had a false hit.
    ``by_meaning`` hits had another key, ``waited`` ones waited for an answer that was on its way.
    """

    requests: int
    hits: int
    right: int
    false: int
    stale: int
    unlabelled: int
    pairs: int
    false_pairs: int
    by_meaning: int = 0
    waited: int = 0

    @property
    def positive_hit_rate(self) -> float | Unmeasured:
        """Right hits, of all requests."""
        return self._known(self.right, self.requests)

    @property
    def false_per_hit(self) -> float | Unmeasured:
        """False hits, of the hits that are labelled."""
        return self._known(self.false, self.hits - self.unlabelled)

    @property
    def false_per_1000_requests(self) -> float | Unmeasured:
        """False hits that a thousand users meet."""
        return self._known(1000 * self.false, self.requests)

    def _known(self, count: int, of: int) -> float | Unmeasured:
        if not self.hits:
            return Unmeasured("the cache served no hit")
        if self.hits == self.unlabelled:
            return Unmeasured("no hit is labelled: its cases have neither same_answer nor a target")
        return count / of


@dataclass(frozen=True, slots=True)
class SideSummary:
    """Where one policy's requests and money went; cases weigh what they weigh, and counts count.

    Shares are of requests, None where the lever is absent. Amounts are in USD and per request, but for
    ``month_usd``: calls and cleanup of ``requests_per_month``, None where the suite does not say how many.
    ``cleanup_usd`` is what wrong answers cost, ``without_cleanup`` the cost per correct answer without it;
    both are None where a wrong answer has no price. ``cache``, ``cascade`` and ``prompt_cache`` are None for
    a policy without one, ``gateway`` where none was asked. ``queued_s`` is how long our own limits held calls
    back in all, which is no latency.
    """

    policy: str
    strong_share: float | None
    cache_hit_share: float | None
    deployment_shares: tuple[tuple[str, float], ...]
    retries: int
    fallbacks: int
    failures: int
    cost_per_request_usd: float | Unmeasured
    retries_usd: float | Unmeasured
    fallbacks_usd: float | Unmeasured
    cost_per_correct: Measured
    without_cleanup: Measured | None = None
    cleanup_usd: float | None = None
    month_usd: float | Unmeasured | None = None
    cache: CacheUse | None = None
    gateway: GatewayUse | None = None
    queued_s: float = 0.0
    cascade: CascadeUse | None = None
    batch: BatchUse | None = None
    hosting: tuple[HostingUse, ...] = ()
    prompt_cache: SidePromptCache | None = None
    reliability: ReliabilityUse | None = None


@dataclass(frozen=True, slots=True)
class Flip:
    """A case whose correctness differs between the two sides."""

    case_id: str
    kind: Literal["fixed", "broke"]
    baseline: str
    candidate: str
    target: str | None


@dataclass(frozen=True, slots=True)
class JudgeUse:
    """What grading both sides took of models: distinct calls, and their cost, which is no policy's.

    ``models`` are ``provider/model``; ``errors`` counts the answers that stay without a grade because a reply
    could not be used. ``digests`` names the calls.
    """

    models: tuple[str, ...]
    calls: int
    spend_usd: float | Unmeasured
    errors: int
    digests: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Judgement:
    """One candidate against one baseline on one suite; ``baseline`` is None where there is none yet.

    ``spend_usd`` is what the calls cost that were made for it just now, a judge's among them.
    ``owners`` are the suite's, ``file`` is where the candidate is written, from the project's root.
    """

    suite: str
    baseline: str | None
    candidate: str
    verdict: Verdict
    blocked: bool
    headline: str
    checks: tuple[Check, ...]
    cases: CaseCounts
    flips: tuple[Flip, ...]
    baseline_side: SideSummary
    candidate_side: SideSummary
    calls: CallCounts
    spend_usd: float | Unmeasured
    mode: Mode
    policy_diff: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    confusions: Confusions | None = None
    judge: JudgeStatus | None = None
    not_spent: NotSpent | None = None
    owners: tuple[str, ...] = ()
    file: str = ""
    judging: JudgeUse | None = None
    requests_per_month: int | None = None
    prompt_caches: CostInStates | None = None
    answers: AnswerChanges | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """The only source of exit code, banner, comment and result files.

    ``announcements`` are what a reviewer must not miss: the change touched what judges it, brought its own
    recordings, or something was refused. ``previews`` say what rules that do not count yet would make of it;
    nothing follows from them.
    """

    verdict: Verdict
    blocked: bool
    exit_code: ExitCode
    judgements: tuple[Judgement, ...]
    notes: tuple[str, ...] = ()
    announcements: tuple[str, ...] = ()
    previews: tuple[Judgement, ...] = ()
