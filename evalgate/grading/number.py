"""The ``number`` grader: is the last number of the answer close enough to the target?

Numbers are compared as decimals, not as floats: 1.1 is within 0.1 of 1, and 9007199254740993 is not
9007199254740992.
"""

import re
from decimal import Context, Decimal
from functools import lru_cache

from evalgate.core.errors import BadInput, Problem
from evalgate.core.outcome import Grade
from evalgate.core.suite_file import NumberGrader
from evalgate.grading.excerpt import excerpt

# No traps: what is beyond 1e999 becomes an infinity, which is never correct, instead of an exception.
_DECIMAL = Context(prec=60, Emax=999, Emin=-999, traps=[])
_MINUS = "-−–﹣－"
_GROUPS = "'’_\u00a0\u2009\u202f٬"
# A sign belongs to the number only where nothing is joined to its left: "GPT-4" and "3-5" hold no -4, -5.
# Quantifiers are possessive or bounded, so that a megabyte of digits is read in one pass.
_NUMBER = re.compile(
    rf"""
    (?P<sign>(?<![\w.,)])[{_MINUS}+])? [$€£¥₹]?
    (?P<inner_sign>(?<=[$€£¥₹])[{_MINUS}+])?
    (?:
      (?P<grouped> (?:[1-9]\d{{0,2}}(?P<group>[,{_GROUPS}])\d{{3}}(?:(?P=group)\d{{3}}){{0,20}}+
                   |  [1-9]\d?(?:,\d{{2}}(?!\d)){{1,20}}+,\d{{3}}) (?!\d)(?:\.\d++)?)
    | (?P<dotted>  [1-9]\d{{0,2}}(?:\.\d{{3}}){{1,20}}+,\d++(?![,\d])
                 | [1-9]\d{{0,2}}(?:\.\d{{3}}){{2,20}}+(?![.\d]) )
    | (?P<comma>   (?<!\d,)\d++,\d++(?!,\d) )
    | (?P<plain>   \d++(?:\.\d++)? | (?<![\w.])\.\d++ )
    )
    (?: [eE](?P<exponent>[{_MINUS}+]?\d++) | \s?[×x*·]\s?10(?:\^|\*\*)\{{?(?P<power>[{_MINUS}+]?\d++)\}}? )?
    """,
    re.VERBOSE,
)
_NOT_DIGITS = str.maketrans("", "", "," + _GROUPS)
_COMMA_IS_POINT = str.maketrans({".": None, ",": "."})
_SIGNS = str.maketrans(dict.fromkeys(_MINUS, "-"))


def grade_number(case_id: str, text: str, target: object, grader: NumberGrader, correct_at: float) -> Grade:
    """Grade 1 when the last number in ``text`` is within tolerance of ``target``, else 0.

    Raises:
        BadInput: the target of the case is not a finite number.

    """
    expected = _target(target if isinstance(target, str) else repr(target))
    if expected is None:
        raise BadInput([_not_a_number(case_id, target)])
    found = last_number(text)
    if found is None:
        return Grade(0.0, correct_at <= 0, f"holds no number: {excerpt(text)}", readable=False)
    tolerance = _tolerance(expected, grader.abs_tolerance, grader.rel_tolerance)
    off = _DECIMAL.subtract(found, expected).copy_abs()
    if found.is_finite() and off <= tolerance:
        near = f"{_short(found)} is within {_short(tolerance)} of {_short(expected)}"
        return Grade(1.0, correct_at <= 1, near, readable=True)
    far = f"{_short(found)} is {_short(off)} off {_short(expected)}, tolerance {_short(tolerance)}"
    return Grade(0.0, correct_at <= 0, far, readable=True)


def last_number(text: str) -> Decimal | None:
    """Return the last number written in ``text``; infinite when it is beyond 1e999, None without any.

    Percent and currency signs are not part of the number. A comma before exactly three digits groups
    thousands; any other single comma is a decimal comma.
    """
    last = None
    for last in _NUMBER.finditer(text):  # noqa: B007  only the last one counts
        pass
    return None if last is None else _value(last)


def _value(match: re.Match[str]) -> Decimal:
    groups = match.groupdict()
    digits: str = groups["plain"] or ""
    if groups["grouped"] is not None:
        digits = groups["grouped"].translate(_NOT_DIGITS)
    elif groups["dotted"] is not None or groups["comma"] is not None:
        digits = (groups["dotted"] or groups["comma"]).translate(_COMMA_IS_POINT)
    sign = (groups["sign"] or groups["inner_sign"] or "").translate(_SIGNS)
    exponent = (groups["exponent"] or groups["power"] or "0").translate(_SIGNS)
    return _DECIMAL.create_decimal(f"{sign}{digits}e{exponent}")


@lru_cache(maxsize=65536)
def _target(written: str) -> Decimal | None:
    match = _NUMBER.search(written)
    if match is None or written[: match.start()].strip() or written[match.end() :].strip(" %€£¥₹$"):
        return None
    number = _value(match)
    return number if number.is_finite() else None


@lru_cache(maxsize=65536)
def _tolerance(target: Decimal, absolute: float, relative: float) -> Decimal:
    part = _DECIMAL.multiply(_DECIMAL.create_decimal(repr(relative)), target.copy_abs())
    return max(_DECIMAL.create_decimal(repr(absolute)), part)


def _short(number: Decimal) -> str:
    if not number.is_finite():
        return "a number beyond all bounds"
    written = format(number, ".17g")
    return written.rstrip("0").rstrip(".") if "." in written and "e" not in written else written


def _not_a_number(case_id: str, target: object) -> Problem:
    return Problem(
        f"case {case_id!r}: target {excerpt(str(target))} is not a finite number, and the grader is `number`",
        cure="write the target as one number (1234.5), or choose another grader for this suite",
        key="target",
    )
