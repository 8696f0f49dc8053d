"""The cases on which times may be compared, and what each of them stands for.

The calls that differ on one case must come from one session that interleaved both sides: times taken
earlier or later differ by the provider's mood, which misleads 20 to 44 % of the time on each side. Where
only some of the cases that differ are timed so, they must be a random draw of them; then each stands for
several (Horvitz and Thompson, Journal of the American Statistical Association 47, 1952, 663-685).
"""

from dataclasses import dataclass, replace
from itertools import takewhile

import numpy as np

from evalgate.core.draw import drawn_order
from evalgate.core.run import Session
from evalgate.scoring.affected import MANY
from evalgate.scoring.columns import Columns
from evalgate.scoring.methods.arrays import Bools, Floats
from evalgate.scoring.pairs import Pairs

LEAST_DRAWN = 40
"""Fewer cases than this stand for nothing: no interval would bear the weight of each."""

_MANY_MORE = 10


@dataclass(frozen=True, slots=True)
class Timed:
    """The cases whose times are compared; ``gate_reason`` says why they may not be, empty if they may.

    ``notes`` tell how the cases were drawn, where they are not all.
    """

    pairs: Pairs
    gate_reason: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Draw:
    """The first rows of a session's own order, and all rows that they were drawn from."""

    session: str
    rows: list[int]
    among: list[int]


def interleaved_sessions(baseline: tuple[Session, ...], candidate: tuple[Session, ...]) -> frozenset[str]:
    """Return the sessions common to both runs in which both sides of a case were called back to back."""
    after = {session.id for session in candidate if session.interleaved}
    return frozenset(session.id for session in baseline if session.interleaved and session.id in after)


def timed(pairs: Pairs, interleaved: frozenset[str]) -> Timed:
    """Return the cases on which times may be compared: all of them, or those drawn to be timed."""
    odd = apart(pairs, interleaved)
    if not odd.any():
        return Timed(pairs)
    draw = _largest_draw(pairs, interleaved, odd)
    if draw is None:
        return Timed(pairs, _not_timed(pairs, odd))
    stands_for = len(draw.among) / len(draw.rows)
    weights = np.ones(pairs.n)
    weights[draw.rows] = stands_for
    kept = np.ones(pairs.n, dtype=np.bool_)
    kept[draw.among] = False
    kept[draw.rows] = True
    note = (
        f"of {len(draw.among):,} cases whose calls differ, {len(draw.rows):,} drawn at random were timed on "
        f"both sides in session {draw.session}; each stands for {stands_for:.2g}"
    )
    weighted = replace(
        pairs,
        baseline=_weighted(pairs.baseline, weights),
        candidate=_weighted(pairs.candidate, weights),
    )
    return Timed(weighted.take(kept), notes=(note,))


def apart(pairs: Pairs, interleaved: frozenset[str]) -> Bools:
    """Return the cases whose differing calls were not made side by side."""
    source, sessions = pairs.differs.source, pairs.differs.sessions
    elsewhere = [code for code, session in enumerate(sessions) if session not in interleaved]
    return np.asarray((source == MANY) | np.isin(source, elsewhere))


def _largest_draw(pairs: Pairs, interleaved: frozenset[str], odd: Bools) -> _Draw | None:
    draws = [
        _draw(pairs, session, there=pairs.differs.source == code, odd=odd)
        for code, session in enumerate(pairs.differs.sessions)
        if session in interleaved
    ]
    random = [draw for draw in draws if draw is not None]
    best = max(random, key=lambda draw: len(draw.rows), default=None)
    return best if best is not None and len(best.rows) >= LEAST_DRAWN else None


def _draw(pairs: Pairs, session: str, there: Bools, odd: Bools) -> _Draw | None:
    """Return the cases timed in a session if they are the first of its order; else somebody chose them.

    A few may be timed beyond the draw: those that were not recorded at all before. They are left out.
    """
    among = {pairs.baseline.name(int(row)): int(row) for row in np.flatnonzero(there | odd)}
    order = [among[case_id] for case_id in drawn_order(session, among)]
    rows = list(takewhile(lambda row: bool(there[row]), order))
    beyond = int(there.sum()) - len(rows)
    return _Draw(session, rows, order) if beyond * _MANY_MORE <= odd.sum() else None


def _weighted(columns: Columns, weights: Floats) -> Columns:
    return replace(columns, weights=columns.weights * weights)


def _not_timed(pairs: Pairs, odd: Bools) -> str:
    rows = np.flatnonzero(odd)
    first = pairs.baseline.name(int(rows[0]))
    return (
        f"the calls that differ on {len(rows)} of {pairs.n} cases (first {first!r}) were not "
        "recorded interleaved in one session; `evalgate record --remeasure` times both sides anew"
    )
