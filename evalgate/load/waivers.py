"""Waivers: which of those that a suite states still hold today."""

from collections.abc import Iterator
from datetime import UTC, date, datetime

from evalgate.core.budgets import Waiver
from evalgate.core.errors import Problem
from evalgate.core.suite_file import SuiteFile
from evalgate.load.syntax.documents import Document


def today() -> date:
    """Return the day it is, in UTC: the same for everybody who asks at one instant."""
    return datetime.now(UTC).date()


def load_waivers(document: Document[SuiteFile]) -> tuple[Waiver, ...]:
    """Return the waivers that have not expired; each holds through the day of its ``expiry``."""
    day = today()
    return tuple(
        Waiver(
            metric=each.metric,
            limit=each.limit,
            slice=each.slice,
            allowance=each.allowance.value,
            reason=each.reason,
            expiry=each.expiry.isoformat(),
        )
        for each in document.value.waivers
        if each.expiry >= day
    )


def check_expiry(document: Document[SuiteFile]) -> Iterator[Problem]:
    """Yield the waivers that have expired: nobody may go on believing that they hold."""
    day = today()
    for index, each in enumerate(document.value.waivers):
        if each.expiry < day:
            message = f"this waiver of {each.metric} expired on {each.expiry}"
            cure = "remove it, or renew it with a reason that holds today"
            yield document.problem(("waivers", index, "expiry"), message, cure)
