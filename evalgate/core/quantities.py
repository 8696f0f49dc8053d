"""Numbers as people write them, with a unit: ``1pp``, ``5%``, ``0.01usd``, ``250ms``, ``24h``."""

import math
import re
from typing import Annotated, Any, NamedTuple

from pydantic import BeforeValidator, Field

_QUANTITY = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?|\.[0-9]+)\s*([a-zA-Z%]+)\s*")
_SCALES = {
    "pp": 0.01,
    "%": 0.01,
    "usd": 1.0,
    "ms": 0.001,
    "s": 1.0,
    "min": 60.0,
    "h": 3600.0,
    "rps": 1.0,
}
EXAMPLES = {
    "pp": "1pp",
    "%": "5%",
    "usd": "0.01usd",
    "ms": "250ms",
    "s": "2.5s",
    "min": "30min",
    "h": "24h",
    "rps": "20rps",
}


class Quantity(NamedTuple):
    """A number in base units (share, USD, seconds), with its unit (``pp``, ``%``, ``usd``, ``s``)."""

    value: float
    written: str


def quantity(*units: str, of: str = "of this budget", above_zero: bool = False) -> Any:
    """Return what reads a number in one of ``units``, and refuses a bare one with the ways to write it."""
    examples = [EXAMPLES[unit] for unit in units]
    ways = " or ".join(examples)

    def parse(value: object) -> object:
        if isinstance(value, Quantity):
            return value
        if isinstance(value, int | float) and not isinstance(value, bool):
            raise ValueError(f"{value} has no unit: write {ways}")  # noqa: TRY004  pydantic wants ValueError
        match = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
        if match is None or match[2].lower() not in units:
            raise ValueError(f"{value!r} is not a quantity {of}: write {ways}")
        number = float(match[1]) * _SCALES[match[2].lower()]
        if (above_zero and number == 0) or math.isinf(number):
            raise ValueError(f"{value!r} is out of range: write {ways}")
        return Quantity(number, match[2].lower())

    # Only for editors: JSON Schema has no flag for "any case".
    either_case = "|".join("".join(f"[{c}{c.upper()}]" if c.isalpha() else c for c in u) for u in units)
    pattern = rf"^\s*([0-9]+(\.[0-9]+)?|\.[0-9]+)\s*({either_case})\s*$"
    shown = Annotated[str, Field(pattern=pattern, examples=examples)]
    return BeforeValidator(parse, json_schema_input_type=shown)
