"""From numbers to places in a drawing, and the round numbers along its axes."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps ``[low, high]`` to ``[start, end]`` in drawing units; by magnitude where ``logarithmic``."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def __call__(self, value: float) -> float:
        """Return the place of ``value``; what lies outside, infinities too, stands at the edge."""
        value = min(max(value, self.low), self.high)
        if self.logarithmic:
            share = (log10(value) - log10(self.low)) / (log10(self.high) - log10(self.low))
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self, most: int = 6) -> list[float]:
        """Return round numbers inside the scale, at most about ``most``."""
        if self.logarithmic:
            return _log_ticks(self.low, self.high, most)
        return _linear_ticks(self.low, self.high, most)


def spanning(values: Iterable[float], start: float, end: float, pad: float = 0.08) -> Scale:
    """Return a scale that shows all finite ``values`` with some room; logarithmic over more than tenfold."""
    finite = [value for value in values if isfinite(value)] or [0.0, 1.0]
    low, high = min(finite), max(finite)
    if low > 0 and high > 10 * low:
        room = (high / low) ** (pad / 2)
        return Scale(low / room, high * room, start, end, logarithmic=True)
    room = (high - low) * pad or abs(high) * pad or 1.0
    return Scale(low - room, high + room, start, end)


def _linear_ticks(low: float, high: float, most: int) -> list[float]:
    step = _round_step((high - low) / most)
    first, last = ceil(low / step - 1e-9), floor(high / step + 1e-9)
    return [index * step for index in range(first, last + 1)]


def _round_step(least: float) -> float:
    power = 10.0 ** floor(log10(least))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= least * 0.999)


def _log_ticks(low: float, high: float, most: int) -> list[float]:
    found: list[float] = []
    for factors in ((1,), (1, 3), (1, 2, 5), (1, 2, 3, 4, 5, 7)):
        every = [
            factor * 10.0**power
            for power in range(floor(log10(low)), ceil(log10(high)) + 1)
            for factor in factors
        ]
        inside = [tick for tick in every if low <= tick <= high]
        if found and len(inside) > most:
            break
        found = inside
    return found
