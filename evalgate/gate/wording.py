"""Numbers and movements in words: points for shares, percent for ratios, USD and seconds as they are."""

import math
from collections.abc import Callable, Mapping

from evalgate.core.budgets import Limit, Scale
from evalgate.core.metrics import METRICS
from evalgate.core.numbers import Estimate

UNBOUNDED = "unbounded"


def subject(limit: Limit) -> str:
    """Return what a limit is about: the metric, and the slice where it is one."""
    name = METRICS[limit.metric].name
    return name if limit.slice is None else f"{name} in slice {limit.slice!r}"


def movement(change: Estimate, scale: Scale) -> str:
    """Return how a metric moved, with its interval; a proven move is worded as one.

    "fell by 31% (26 to 35%)", "rose by 1.2 points (0.3 to 2.1)", "changed by -0.3 points (-0.9 to +0.4)".
    """
    if change.low == change.high == 0:
        return "did not change"
    if change.low > 0:
        return f"rose by {_span(change.value, change.low, change.high, scale)}"
    if change.high < 0:
        return f"fell by {_span(-change.value, -change.high, -change.low, scale)}"
    ends = _between(change.low, change.high, lambda end: _signed(end, scale), _closing(scale))
    return f"changed by {_signed(change.value, scale)}{_unit(scale)} ({ends})"


def at_least(value: float, allowance: float, scale: Scale) -> str:
    """Return a proven size of change, rounded down, with digits enough to tell it from the allowance."""
    shown, edge = value * 100, allowance * 100
    fewest = 1 if scale == "absolute" or shown < 10 else 0
    for digits in range(fewest, 7):
        cut = math.floor(shown * 10**digits + 1e-9) / 10**digits
        if cut > edge:
            return f"{cut:.{digits}f}{_unit(scale)}"
    return f"{shown:.7g}{_unit(scale)}"


def allowance(limit: Limit) -> str:
    """Return the allowance of a limit as it is spoken of: "1.0", "5%", "0.01 USD", "2.5 s", "85%"."""
    if limit.limit in {"max_drop", "max_rise"} and limit.scale == "absolute":
        return f"{limit.allowance * 100:.1f}" if _tenths(limit.allowance) else f"{limit.allowance * 100:g}"
    if limit.limit in {"max_drop", "max_rise"}:
        return f"{limit.allowance * 100:g}%"
    return level(limit.allowance, limit)


def level(value: float, limit: Limit) -> str:
    """Return a value of the metric itself: a share in percent, USD or seconds."""
    if math.isinf(value):
        return UNBOUNDED
    return _LEVELS[limit.unit](value)


def interval(measured: Estimate, limit: Limit) -> str:
    """Return a metric's value with its interval, where it has one: "84.0% (80.2% to 87.1%)"."""
    value = level(measured.value, limit)
    if measured.low == measured.value == measured.high:
        return value
    return f"{value} ({_between(measured.low, measured.high, lambda end: level(end, limit))})"


_LEVELS: Mapping[str, Callable[[float], str]] = {
    "share": lambda value: f"{value * 100:.4g}%",
    "usd": lambda value: f"{value:.4g} USD",
    "s": lambda value: f"{value:.3g} s" if value < 7200 else f"{value / 3600:.4g} h",
    "rps": lambda value: f"{value:.3g} requests/s",
    "length": lambda value: f"{value:.3g}",
}


def _tenths(share: float) -> bool:
    return abs(share * 1000 - round(share * 1000)) < 1e-9


def _size(value: float, scale: Scale) -> str:
    if math.isinf(value):
        return UNBOUNDED
    shown = value * 100
    return f"{shown:.1f}" if scale == "absolute" or abs(shown) < 9.95 else f"{shown:.0f}"


def _signed(value: float, scale: Scale) -> str:
    if math.isinf(value):
        return UNBOUNDED
    size = _size(abs(value), scale)
    if float(size) == 0:
        return size
    return f"−{size}" if value < 0 else f"+{size}"


def _span(value: float, low: float, high: float, scale: Scale) -> str:
    ends = _between(low, high, lambda end: _size(end, scale), _closing(scale))
    return f"{_size(value, scale)}{_unit(scale)} ({ends})"


def _between(low: float, high: float, written: Callable[[float], str], closing: str = "") -> str:
    """Return both ends of an interval; of one that is open on a side, the other end."""
    if math.isinf(low) and math.isinf(high):
        return UNBOUNDED
    if math.isinf(high):
        return f"at least {written(low)}{closing}"
    if math.isinf(low):
        return f"at most {written(high)}{closing}"
    return f"{written(low)} to {written(high)}{closing}"


def _unit(scale: Scale) -> str:
    return " points" if scale == "absolute" else "%"


def _closing(scale: Scale) -> str:
    return "" if scale == "absolute" else "%"
