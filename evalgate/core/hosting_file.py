"""What a model on one's own machines costs and carries, as a person writes it: ``price: {hosting: …}``.

:mod:`evalgate.core.hosting` turns it into a price for a request.
"""

from typing import Annotated

from pydantic import Field, model_validator

from evalgate.core.written import Written

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Usd = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]


class LatencyObjective(Written):
    """How fast 95 of 100 requests must be for a concurrency level to count as goodput."""

    ttft_p95_s: Positive | None = None
    tpot_p95_s: Positive | None = None
    latency_p95_s: Positive | None = None

    @model_validator(mode="after")
    def _asks_something(self) -> "LatencyObjective":
        if not self.limits:
            raise ValueError("no latency is named: write ttft_p95_s, tpot_p95_s or latency_p95_s in seconds")
        return self

    @property
    def limits(self) -> dict[str, float]:
        """The latencies that are limited, by name, in seconds."""
        return {name: at for name, at in self.model_dump().items() if at is not None}


class ThroughputLevel(Written):
    """What one replica did with ``concurrency`` requests running at once.

    ``good_requests_per_s`` are those that met the objective which the benchmark itself was given.
    """

    concurrency: Positive
    output_tokens_per_s: Positive | None = None
    requests_per_s: Positive | None = None
    good_requests_per_s: Usd | None = None
    ttft_p95_s: Positive | None = None
    tpot_p95_s: Positive | None = None
    latency_p95_s: Positive | None = None


class Hosting(Written):
    """Machines that are paid by the hour whether requests come or not.

    ``usd_per_hour`` is for one accelerator, of which a replica has ``accelerators``. ``replicas`` run today,
    ``min_replicas`` however little traffic comes. ``utilisation`` is the mean traffic as a share of what the
    replicas carry within the ``objective``. ``throughput`` is one replica's, or read from the benchmark
    ``report``, one file or several.
    """

    usd_per_hour: Positive
    accelerators: Count = 1
    replicas: Count = 1
    min_replicas: Count = 1
    utilisation: Annotated[float, Field(gt=0, le=1)]
    ops_usd_per_month: Usd = 0.0
    objective: LatencyObjective | None = None
    throughput: list[ThroughputLevel] = []
    report: str | list[str] | None = None
