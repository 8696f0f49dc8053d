"""How an engine of one's own slows down as it fills, as a person writes it at a deployment."""

from typing import Annotated

from pydantic import Discriminator, Field, Tag

from evalgate.core.written import Written

Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class StepTimeFile(Written):
    """How long one iteration of a continuous-batching engine takes, by what runs in it and what joins it.

    ``step_s + per_running_s * running + per_prefill_token_s * prompt tokens that join``; each running request
    gets one token of it. ``max_running`` is how many requests the engine runs at once.
    """

    step_s: Seconds
    per_running_s: Seconds
    per_prefill_token_s: Seconds
    max_running: Annotated[int, Field(gt=0)]


class LevelFile(Written):
    """What a benchmark measured of an engine with ``concurrency`` requests running all the time, in means."""

    concurrency: Annotated[float, Field(ge=1, allow_inf_nan=False)]
    ttft_s: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    tpot_s: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    input_tokens: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    output_tokens: Annotated[float, Field(ge=1, allow_inf_nan=False)]


# One level cannot tell a slope from a constant, and two fit any line perfectly.
LEVELS_NEEDED = 3


class FittedStepTimeFile(Written):
    """The same, fitted to a benchmark at three concurrency levels or more."""

    levels: Annotated[list[LevelFile], Field(min_length=LEVELS_NEEDED)]
    max_running: Annotated[int, Field(gt=0)]


class ReportedStepTimeFile(Written):
    """The same, with the levels of a benchmark ``report``, one file or several (GuideLLM, AIPerf, vLLM)."""

    report: str | list[str]
    max_running: Annotated[int, Field(gt=0)]


def _step_time_tag(value: object) -> str:
    held = value if isinstance(value, dict) else getattr(value, "__dict__", {})
    return next((tag for tag in ("levels", "report") if tag in held), "steps")


ServiceTimeFile = Annotated[
    Annotated[StepTimeFile, Tag("steps")]
    | Annotated[FittedStepTimeFile, Tag("levels")]
    | Annotated[ReportedStepTimeFile, Tag("report")],
    Discriminator(_step_time_tag),
]
ServiceTime = StepTimeFile | FittedStepTimeFile
"""What is left once reports are read."""
