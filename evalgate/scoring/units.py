"""Independent units: groups of cases where there are groups, single cases where there are none."""

from dataclasses import dataclass

import numpy as np

from evalgate.scoring.columns import Columns
from evalgate.scoring.methods.arrays import Bools, Floats, Ints


@dataclass(frozen=True, slots=True)
class Units:
    """Which unit each case belongs to (``codes``, from 0) and what each case weighs."""

    codes: Ints
    count: int
    weights: Floats
    single: bool
    weighted: bool

    @property
    def plain(self) -> bool:
        """Whether every case is a unit of its own and all weigh the same."""
        return self.single and not self.weighted

    @property
    def sizes(self) -> Floats:
        """The summed weights of each unit's cases."""
        return self.sums(np.ones(len(self.codes)))

    def sums(self, values: Floats) -> Floats:
        """Return the weighted sum over each unit of one number a case."""
        weighed = values * self.weights if self.weighted else values
        if self.single:
            return weighed
        return np.bincount(self.codes, weights=weighed, minlength=self.count).astype(np.float64)

    def among(self, chosen: Bools) -> int:
        """Return how many units have a chosen case."""
        return int(np.count_nonzero(np.bincount(self.codes[chosen])))


def units_of(columns: Columns) -> Units:
    """Return the independent units of these cases."""
    found, codes = np.unique(columns.groups, return_inverse=True)
    single = len(found) == columns.n
    return Units(
        # Without groups a case's unit is its row, whatever order the group codes sort in.
        codes=np.arange(columns.n) if single else codes.astype(np.intp),
        count=len(found),
        weights=columns.weights,
        single=single,
        weighted=columns.weighted,
    )
