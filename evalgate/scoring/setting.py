"""What every metric of one comparison is measured with."""

from dataclasses import dataclass, replace

from evalgate.core.numbers import Estimate
from evalgate.core.suite_file import Inference


@dataclass(frozen=True, slots=True)
class Setting:
    """The one-sided level, the slice being measured (None for all cases), and the price of a wrong answer.

    ``inference`` says what the interval of accuracy is about: traffic like this suite, or this suite itself.
    ``recorded`` says when the calls were made, in words; ``waits`` what latencies take for granted, and
    ``amid`` what failed meanwhile.
    """

    alpha: float
    slice: str | None = None
    cleanup_usd_per_wrong: float = 0.0
    inference: Inference = "population"
    recorded: str = ""
    waits: tuple[str, ...] = ()
    amid: tuple[str, ...] = ()

    @property
    def level(self) -> float:
        """The two-sided level of the printed intervals."""
        return 1 - 2 * self.alpha

    def estimate(self, value: float, limits: tuple[float, float], method: str) -> Estimate:
        """Return a number with its interval at this setting's level."""
        return Estimate(value, limits[0], limits[1], self.level, method)

    def inside(self, value: str) -> "Setting":
        """Return the same setting for one slice."""
        return replace(self, slice=value)
