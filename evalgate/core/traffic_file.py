"""The traffic of a suite as a person writes it: how fast requests come, how patient they are, what fails."""

from typing import Annotated

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from evalgate.core.written import Written

_STATUSES = ("timeout", "connection")


def _status(written: int | str) -> int | str:
    if written in _STATUSES or (isinstance(written, int) and (written == 200 or 400 <= written < 600)):
        return written
    raise ValueError(
        f"{written!r} is no fault: write an HTTP status from 400 to 599, timeout, connection, or 200 for "
        "answers that come slowly"
    )


FaultSeconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Moment = Annotated[float, Field(allow_inf_nan=False)]


class FaultFile(Written):
    """A time in which attempts at one ``deployment``, or at all of a ``provider``, fail or are slow.

    ``at`` and ``until`` are on the cases' clock: seconds, or timestamps where the cases have those. Without
    ``until`` it lasts ``latency_s``, as one failed attempt did that somebody logged. ``status`` is an HTTP
    status, ``timeout``, ``connection``, or 200 where answers come, but take ``latency_s`` at least. A fault
    hits the ``share`` of attempts; where ``billed``, they are charged as if they had been answered.
    """

    at: Moment | str
    until: Moment | str | None = None
    deployment: str | None = None
    provider: str | None = None
    status: Annotated[int | str, AfterValidator(_status)]
    latency_s: FaultSeconds | None = None
    retry_after_s: FaultSeconds | None = None
    share: Annotated[float, Field(gt=0, le=1)] = 1.0
    billed: bool = False

    @model_validator(mode="after")
    def _says_what_fails_and_how_long(self) -> "FaultFile":
        if (self.deployment is None) == (self.provider is None):
            raise ValueError("one name says what fails: write deployment: strong, or provider: openai")
        if self.latency_s is None and self.status != "timeout":
            raise ValueError(
                f"nothing says how long an attempt takes that meets {self.status}: write latency_s: 0.2"
            )
        if self.until is None and not self.latency_s:
            raise ValueError("nothing says how long the fault lasts: write until: with when it ends")
        return self


def _faults_tag(value: object) -> str:
    return "a path" if isinstance(value, str) else "a list"


Faults = Annotated[
    Annotated[str, Tag("a path")] | Annotated[list[FaultFile], Tag("a list")], Discriminator(_faults_tag)
]


class TrafficFile(Written):
    """Requests a second with gamma arrivals, or the arrivals of a ``trace``.

    ``burstiness`` is the coefficient of variation of the gaps: 1 is Poisson, real traffic is nearer to 2.
    A trace is a CSV or JSON Lines file with ``arrival_s`` a row, and ``input_tokens`` and ``output_tokens``
    where they are known; its rate is its own unless ``rps`` says another. ``faults`` are a list, or a CSV or
    JSON Lines file with one a row.
    """

    rps: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    burstiness: Annotated[float, Field(ge=0, le=20)] = 2.0
    trace: str | None = None
    max_wait_s: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    faults: Faults = []

    @property
    def has_a_rate(self) -> bool:
        """Whether it says how many requests come, and not only what fails."""
        return self.rps is not None or self.trace is not None

    @model_validator(mode="after")
    def _says_something(self) -> "TrafficFile":
        if not self.has_a_rate and not self.faults:
            raise ValueError("nothing says how many requests come: write rps: 20, or trace: with a file")
        return self
