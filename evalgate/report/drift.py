"""What refreshing recordings showed, in sentences."""

from collections.abc import Iterator

from evalgate.core.drift import Drift
from evalgate.report.numbers import count, percent


def drift_lines(drift: Drift) -> Iterator[str]:
    """Yield one line a policy, what else changed, and whether the recordings hold."""
    for each in drift.policies:
        yield (
            f"{each.policy}: {each.flips:,} of {count(each.cases, 'answer')} judged otherwise than recorded, "
            f"{percent(each.rate)} from trial to trial {each.basis} (p {each.p:.2g})"
        )
    yield from drift.served
    yield from drift.notes
    if drift.no_longer:
        yield (
            f"{count(len(drift.no_longer), 'session')} no longer hold: marked in recordings/drift.json; what "
            "is judged by them is inconclusive until `evalgate record --refresh 100%` records it again"
        )
    elif drift.policies:
        yield "the recordings hold"
