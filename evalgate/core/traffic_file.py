"""The traffic of a suite as a person writes it: how fast requests come, and how patient they are."""

from typing import Annotated

from pydantic import Field, model_validator

from evalgate.core.written import Written


class TrafficFile(Written):
    """Requests a second with gamma arrivals, or the arrivals of a ``trace``.

    ``burstiness`` is the coefficient of variation of the gaps: 1 is Poisson, real traffic is nearer to 2.
    A trace is a CSV or JSON Lines file with ``arrival_s`` a row, and ``input_tokens`` and ``output_tokens``
    where they are known; its rate is its own unless ``rps`` says another.
    """

    rps: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    burstiness: Annotated[float, Field(ge=0, le=20)] = 2.0
    trace: str | None = None
    max_wait_s: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None

    @model_validator(mode="after")
    def _has_a_rate(self) -> "TrafficFile":
        if self.rps is None and self.trace is None:
            raise ValueError("nothing says how many requests come: write rps: 20, or trace: with a file")
        return self
