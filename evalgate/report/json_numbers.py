"""Numbers and texts as scripts read them: decimal strings for money, no infinity, nothing that acts."""

from decimal import Context
from math import isinf

from evalgate.core.numbers import Estimate, Measured, Unmeasured

# Twelve digits are far below a price's own precision and far above the dust of binary fractions.
_USD = Context(prec=12)
_CENT_DIGITS = 6


def usd_text(amount: float) -> str:
    """Return an amount as a decimal string: at least six decimals, twelve significant digits, no exponent."""
    exact = _USD.create_decimal(repr(amount))
    digits = f"{exact:f}"
    if "." in digits:
        digits = digits.rstrip("0")
    whole, _, fraction = digits.partition(".")
    text = f"{whole}.{fraction.ljust(_CENT_DIGITS, '0')}"
    return text.removeprefix("-") if not exact else text


def measured_json(measured: Measured, *, money: bool = False) -> dict[str, object]:
    """Return a number with its interval, or why there is none; ``money`` in decimal strings."""
    match measured:
        case Unmeasured(reason=reason):
            return {"unmeasured": text_json(reason)}
        case Estimate(value=value, low=low, high=high):
            return {
                "value": number_json(value, money=money),
                "low": number_json(low, money=money),
                "high": number_json(high, money=money),
            }


def number_json(number: float, *, money: bool) -> float | str | None:
    """Return a number; an unbounded side is null, as JSON has no infinity.

    Raises:
        ValueError: the number is NaN, which is a bug.

    """
    if isinf(number):
        return None
    if number != number:  # noqa: PLR0124  the one value that differs from itself
        raise ValueError("a measured number is NaN")
    return usd_text(number) if money else number + 0.0


def usd_json(amount: float | Unmeasured) -> str | dict[str, str]:
    """Return an amount as a decimal string, or why it is not known."""
    return {"unmeasured": text_json(amount.reason)} if isinstance(amount, Unmeasured) else usd_text(amount)


def text_json(text: str) -> str:
    """Return a text. Lone surrogates, which strict JSON readers refuse, become U+FFFD."""
    return (
        text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    )
