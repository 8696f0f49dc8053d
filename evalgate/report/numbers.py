"""Numbers as a person reads them: with a unit, and with as many digits as mean something."""

from collections.abc import Callable, Mapping, Sequence
from math import floor, inf, isfinite, isinf, log10
from typing import Literal

from evalgate.core.comparison import Change
from evalgate.core.metrics import METRICS, Metric, Unit
from evalgate.core.numbers import Estimate, Unmeasured
from evalgate.core.verdict import Check

MISSING = "n/a"
_MOST_DIGITS = 6
_HOURS_FROM_S = 7200

Kind = Literal["percent", "points", "usd", "seconds", "rate", "traffic", "length", "plain"]
_KINDS: Mapping[Unit, Kind] = {
    "share": "percent",
    "usd": "usd",
    "s": "seconds",
    "rps": "rate",
    "length": "length",
}


def percent(share: float, decimals: int = 1) -> str:
    """Return a share as a percentage; 99.96 % never shows as 100 %, nor 0.01 % as 0 %."""
    return f"{_decimals(share * 100, decimals, edges=(0.0, 100.0, -100.0))}%"


def points(share: float, decimals: int = 1) -> str:
    """Return a difference of shares in percentage points."""
    return f"{_decimals(share * 100, decimals, edges=(0.0,))} pp"


def usd(amount: float, digits: int = 3) -> str:
    """Return an amount with cents, or with ``digits`` significant digits below a dollar; no exponent."""
    sign = "-" if amount < 0 else ""
    size = abs(amount)
    if size == 0:
        return "$0"
    return f"{sign}${size:,.{max(digits - 1, 2)}f}" if size >= 1 else f"{sign}${_significant(size, digits)}"


def usd_column(amounts: Sequence[float], digits: int = 4) -> list[str]:
    """Return amounts that stand under each other: as many decimals each as show ``digits`` of the largest."""
    largest = max((abs(amount) for amount in amounts if isfinite(amount)), default=0.0)
    decimals = max(2, digits - 1 - floor(log10(largest))) if largest else 2
    return [_with_decimals(amount, decimals) for amount in amounts]


def seconds(duration_s: float, digits: int = 3) -> str:
    """Return a duration in seconds, in milliseconds below a tenth of one, in hours from two of these on."""
    if abs(duration_s) >= _HOURS_FROM_S:
        return f"{_significant(duration_s / 3600, digits)} h"
    if abs(duration_s) >= 0.1 or duration_s == 0:
        return f"{_significant(duration_s, digits)} s"
    return f"{_significant(duration_s * 1000, digits)} ms"


def rate(per_second: float, digits: int = 3) -> str:
    """Return how many requests a second."""
    return f"{_significant(per_second, digits)} rps"


def traffic(requests: float, digits: int = 3) -> str:
    """Return a number of requests, whole and to ``digits`` significant digits: ``4,870,000``."""
    if not isfinite(requests) or requests < 10 ** (digits - 1):
        return _significant(requests, digits)
    return f"{float(f'{requests:.{digits - 1}e}'):,.0f}"


def length(number: float, digits: int = 3) -> str:
    """Return how long something is on average; what is counted (tokens, characters) stands elsewhere."""
    return _significant(number, digits)


def plain(number: float, digits: int = 6) -> str:
    """Return a number without a unit, and without idle zeros."""
    return f"{number:.{digits}g}"


def count(number: int, singular: str, plural: str | None = None) -> str:
    """Return a counted noun: ``1 case``, ``1,200 cases``."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def share_or_missing(share: float | None) -> str:
    """Return a percentage, or ``n/a`` where the policy has no such lever."""
    return MISSING if share is None else percent(share)


def usd_or_missing(amount: float | Unmeasured) -> str:
    """Return an amount, or ``n/a`` for one that is not known."""
    return MISSING if isinstance(amount, Unmeasured) else usd(amount)


def value_kind(check: Check | Change) -> Kind:
    """Return how the two sides of a check are written."""
    return metric_kind(check.metric)


def metric_kind(metric: Metric) -> Kind:
    """Return how a level of a metric is written."""
    return _KINDS[METRICS[metric].unit]


def change_kind(check: Check | Change) -> Kind:
    """Return how the change of a check is written: in points or the metric's unit, or in percent."""
    if check.scale == "relative":
        return "percent"
    kind = value_kind(check)
    return "points" if kind == "percent" else kind


def pair(kind: Kind, first: float, second: float) -> tuple[str, str]:
    """Return two numbers with enough digits to tell them apart, if anything reasonable does."""
    if first == second:
        text = _FORMATS[kind](first, _FIRST_DIGITS[kind])
        return text, text
    for digits in range(_FIRST_DIGITS[kind], _MOST_DIGITS + 1):
        texts = (_FORMATS[kind](first, digits), _FORMATS[kind](second, digits))
        if texts[0] != texts[1]:
            return texts
    return _FORMATS[kind](first, _FIRST_DIGITS[kind]), _FORMATS[kind](second, _FIRST_DIGITS[kind])


def with_interval(estimate: Estimate, kind: Kind, *, signed: bool) -> str:
    """Return ``-7.0 pp (-10.0 to -4.1)``; an unbounded side reads ``at least`` or ``at most``."""
    digits = _digits(estimate, kind)
    value = _FORMATS[kind](estimate.value, digits)
    if signed and estimate.value > 0:
        value = f"+{value}"
    if estimate.low == estimate.value == estimate.high:
        return value  # counted, not estimated
    low, high = (_end(end, kind, digits, signed=signed) for end in (estimate.low, estimate.high))
    if isinf(estimate.low) and isinf(estimate.high):
        return f"{value} (unbounded)"
    if isinf(estimate.high):
        return f"{value} (at least {low})"
    if isinf(estimate.low):
        return f"{value} (at most {high})"
    return f"{value} ({low} to {high})"


def span(values: Sequence[float], kind: Kind) -> str:
    """Return ``79.7% to 87.1%``, the first and last of ascending values; one that is both stands alone."""
    if not values:
        return MISSING
    first, last = pair(kind, values[0], values[-1])
    return first if first == last else f"{first} to {last}"


def allowance(check: Check) -> str:
    """Return the limit as a person says it: ``drop ≤ 1 pp``, ``rise ≤ 5%``, ``≥ 85%``, ``≤ $0.01``."""
    kind: Kind = "percent" if check.scale == "relative" else value_kind(check)
    match check.limit:
        case "max_drop":
            return f"drop ≤ {_round(check.allowance, 'points' if check.scale == 'absolute' else kind)}"
        case "max_rise":
            return f"rise ≤ {_round(check.allowance, change_kind(check))}"
        case "min":
            return f"≥ {_round(check.allowance, kind)}"
        case "max":
            return f"≤ {_round(check.allowance, kind)}"


def level(coverage: float) -> str:
    """Return the coverage of an interval as a percentage without idle digits."""
    return f"{coverage * 100:.6g}%"


def _end(value: float, kind: Kind, digits: int, *, signed: bool) -> str:
    text = _FORMATS[kind](value, digits)
    text = f"+{text}" if signed and value > 0 else text
    # The unit stands once, at the estimate; a dollar sign and milliseconds cannot be left out unambiguously.
    return text.removesuffix(" pp").removesuffix("%")


def _digits(estimate: Estimate, kind: Kind) -> int:
    """More decimals for an interval so narrow that its ends would look the same."""
    first = _FIRST_DIGITS[kind]
    spread = min(abs(estimate.high - estimate.low), inf)
    if kind in ("percent", "points"):
        return first + 1 if 0 < spread < 0.003 else first
    largest = max((abs(end) for end in (estimate.low, estimate.high) if not isinf(end)), default=0.0)
    return first + 1 if 0 < spread < largest * 0.02 else first


def _round(amount: float, kind: Kind) -> str:
    match kind:
        case "percent":
            return f"{amount * 100:.6g}%"
        case "points":
            return f"{amount * 100:.6g} pp"
        case "usd":
            return f"${_significant(amount, _MOST_DIGITS).rstrip('0').rstrip('.')}" if amount else "$0"
        case "seconds":
            return f"{amount:.6g} s" if amount < _HOURS_FROM_S else f"{amount / 3600:.6g} h"
        case "rate":
            return f"{amount:.6g} rps"
        case "length" | "plain" | "traffic":
            return plain(amount)


def _decimals(number: float, decimals: int, edges: tuple[float, ...]) -> str:
    if isinf(number):
        return "inf" if number > 0 else "-inf"
    for more in range(decimals, decimals + 4):
        text = f"{number:,.{more}f}"
        if not any(float(text.replace(",", "")) == edge != number for edge in edges):
            return _no_minus_zero(text)
    return _no_minus_zero(f"{number:,.{decimals}f}")


def _with_decimals(amount: float, decimals: int) -> str:
    if amount == 0:
        return "$0"
    text = f"{abs(amount):,.{decimals}f}"
    if not text.strip("0.,"):
        return f"{'-' if amount < 0 else ''}<${text[:-1]}1"
    return f"{'-' if amount < 0 else ''}${text}"


def _significant(number: float, digits: int) -> str:
    if number == 0:
        return "0"
    if isinf(number):
        return "inf" if number > 0 else "-inf"
    # Rounded first: 0.9996 has one digit more before the point once it is 1.00.
    rounded = float(f"{number:.{digits - 1}e}")
    after_point = max(0, digits - 1 - floor(log10(abs(rounded))))
    return f"{rounded:,.{after_point}f}"


def _no_minus_zero(text: str) -> str:
    return text.removeprefix("-") if not text.strip("-0.,") else text


_FORMATS: dict[Kind, Callable[[float, int], str]] = {
    "percent": percent,
    "points": points,
    "usd": usd,
    "seconds": seconds,
    "rate": rate,
    "traffic": traffic,
    "length": length,
    "plain": plain,
}
_FIRST_DIGITS: dict[Kind, int] = {
    "percent": 1,
    "points": 1,
    "usd": 3,
    "seconds": 3,
    "rate": 3,
    "traffic": 3,
    "length": 3,
    "plain": 6,
}
