"""How long a provider asks to be left alone."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def retry_after_s(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds of ``Retry-After`` (seconds or an HTTP date) or ``retry-after-ms``.

    None where the provider does not say, or says something unreadable; a moment in the past is 0.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    written = headers.get("Retry-After")
    seconds = _number(written)
    return seconds if seconds is not None or written is None else _seconds_until(written, now)


def _seconds_until(written: str, now: datetime) -> float | None:
    try:
        moment = parsedate_to_datetime(written)
    except ValueError:
        return None
    # "-0000" and asctime dates carry no zone; HTTP dates are GMT by definition (RFC 9110, 5.6.7).
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - now).total_seconds())


def _number(written: str | None) -> float | None:
    try:
        number = float(written) if written is not None else math.nan
    except ValueError:
        return None
    return max(0.0, number) if math.isfinite(number) else None
