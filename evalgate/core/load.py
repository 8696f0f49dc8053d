"""Traffic against deployments that can only do so much: what a load simulation is told and what it finds."""

from dataclasses import dataclass

from evalgate.core.numbers import Measured


@dataclass(frozen=True, slots=True)
class StepTime:
    """How long one iteration of a continuous-batching engine takes.

    ``step_s + per_running_s * running + per_prefill_token_s * prompt tokens taken in by this iteration``,
    in which each running request yields one token. ``max_running`` is how many requests run at once.
    """

    step_s: float
    per_running_s: float
    per_prefill_token_s: float
    max_running: int


@dataclass(frozen=True, slots=True)
class LoadLevel:
    """What a benchmark measured of an engine with ``concurrency`` requests running all the time.

    Means over requests: seconds to the first token, seconds between tokens after it, tokens in and out.
    ``tokens_per_s`` are output tokens of all requests together.
    """

    concurrency: float
    ttft_s: float
    tpot_s: float
    prompt_tokens: float
    output_tokens: float
    tokens_per_s: float | None = None


@dataclass(frozen=True, slots=True)
class Collector:
    """Requests that come within ``window_s`` of the first are sent as one call, of ``max_size`` at most."""

    window_s: float
    max_size: int


@dataclass(frozen=True, slots=True)
class Station:
    """One deployment as traffic sees it: its quotas, and how much it serves at once; None is without bound.

    ``requests_per_s`` and ``tokens_per_s`` are quotas of the limiter in front of it. ``slots`` is how many
    requests are served at once, each taking as long as it was recorded to take. With ``engine`` the time
    depends on what else is running, and ``slots`` is not used. ``collects`` comes before the quotas, which
    then count calls and not requests.
    """

    name: str
    requests_per_s: float | None = None
    tokens_per_s: float | None = None
    slots: int | None = None
    engine: StepTime | None = None
    collects: Collector | None = None


@dataclass(frozen=True, slots=True)
class Traffic:
    """Requests that come at ``rps`` a second on average.

    Their gaps are gamma distributed with coefficient of variation ``burstiness`` (1 is Poisson), or are those
    of a trace, whose moments ``arrived_s`` ascend. A request gives up when it would wait longer than
    ``patience_s`` for one deployment; None waits for ever. ``sizes`` are the trace's tokens in and out, one
    pair a moment, or empty where it does not tell: then a request has those of its case.
    """

    rps: float
    burstiness: float
    arrived_s: tuple[float, ...] = ()
    patience_s: float | None = None
    sizes: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class StationLoad:
    """How busy one deployment was.

    ``utilisation`` is what was asked of it as a share of what it can do, by whatever ``binds`` first:
    ``rpm``, ``tpm``, ``concurrency``, ``engine``, or nothing (empty). ``queue_mean`` and ``queue_max`` count
    requests that wait for it: calls, where one call carries several requests, ``per_call`` on average.
    """

    station: str
    requests: int
    utilisation: float
    binds: str
    queue_mean: float
    queue_max: int
    per_call: float = 1.0


@dataclass(frozen=True, slots=True)
class Queue:
    """How many requests wait for ``station`` at the moments ``at_s``, for a drawing."""

    station: str
    at_s: tuple[float, ...]
    waiting: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RatePoint:
    """The P95 of one policy at one offered rate; None where a deployment is saturated there."""

    rps: float
    p95_s: float | None
    utilisation: float


@dataclass(frozen=True, slots=True)
class SideLoad:
    """One policy under a load: seconds from a request's arrival to its answer, over all replications.

    ``rejected_share`` is of requests, and its times count as infinite. ``ceiling_rps`` is the highest rate at
    which the P95 stays within what was asked and no deployment is saturated.
    """

    policy: str
    p50_s: Measured
    p95_s: Measured
    p99_s: Measured
    rejected_share: float
    stations: tuple[StationLoad, ...]
    queue: Queue | None
    ceiling_rps: Measured
    curve: tuple[RatePoint, ...] = ()

    @property
    def utilisation(self) -> float:
        """The utilisation of the busiest deployment."""
        return max((each.utilisation for each in self.stations), default=0.0)


@dataclass(frozen=True, slots=True)
class LoadComparison:
    """Two policies under the same arrivals, or one alone (``baseline`` None).

    ``p95_change`` and ``ceiling_change`` are ratios minus one, from ``replications`` in which both sides meet
    the same arrivals and cases.
    """

    suite: str
    traffic: Traffic
    replications: int
    requests: int
    baseline: SideLoad | None
    candidate: SideLoad
    p95_change: Measured
    ceiling_change: Measured
    p95_within_s: float | None
    notes: tuple[str, ...] = ()
