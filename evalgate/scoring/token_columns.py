"""When tokens came, as columns beside the rest of a run."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evalgate.core.outcome import Graded
from evalgate.scoring.methods.arrays import Bools, Floats, Ints

NO_STREAMS = "the policy does not say whether it streams: write stream: true (or false) into its params"


@dataclass(frozen=True, slots=True)
class TokenColumns:
    """Times of tokens, one row a case and one column a trial; NaN where nobody knows them.

    ``whole`` marks the requests whose answer came in one piece, so that no time passed between its tokens.
    ``unknown`` says of the first requests without ``ttft_s`` or ``tpot_s`` why.
    """

    ttft_s: Floats
    tpot_s: Floats
    whole: Bools
    unknown: tuple[str, str] = (NO_STREAMS, NO_STREAMS)

    def take(self, rows: Ints | Bools) -> "TokenColumns":
        """Return the times of some cases only."""
        return TokenColumns(self.ttft_s[rows], self.tpot_s[rows], self.whole[rows], self.unknown)


def token_columns(
    results: Sequence[Graded], where: tuple[Ints, Ints], shape: tuple[int, int]
) -> TokenColumns | None:
    """Return the times of a run whose outcomes stand at ``where``; None where it does not tell them."""
    times = [each.outcome.tokens for each in results]
    if not any(times):
        return None
    ttft, tpot = np.zeros(shape), np.zeros(shape)
    whole = np.zeros(shape, dtype=np.bool_)
    ttft[where] = [np.nan if each is None or each.ttft_s is None else each.ttft_s for each in times]
    tpot[where] = [np.nan if each is None or each.tpot_s is None else each.tpot_s for each in times]
    whole[where] = [each is not None and each.tpot_s is None and not each.unknown_because for each in times]
    why = [NO_STREAMS if each is None else each.unknown_because for each in times]
    first = next(
        (said for each, said in zip(times, why, strict=True) if each is None or each.ttft_s is None), ""
    )
    return TokenColumns(ttft, tpot, whole, (first, next(filter(None, why), "")))


def mixed(sent: Bools, there: TokenColumns | None, here: TokenColumns | None) -> TokenColumns | None:
    """Return the times of requests answered ``there`` where ``sent``, and else ``here``."""
    if there is None or here is None:
        return None
    return TokenColumns(
        np.where(sent, there.ttft_s, here.ttft_s),
        np.where(sent, there.tpot_s, here.tpot_s),
        np.where(sent, there.whole, here.whole),
        (there.unknown[0] or here.unknown[0], there.unknown[1] or here.unknown[1]),
    )
