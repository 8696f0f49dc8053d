"""Names for the arrays that the formulas take."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Bools = NDArray[np.bool_]


def keeps_all(rows: Ints | Bools) -> bool:
    """Tell whether selecting ``rows`` leaves nothing out and moves nothing; only a mask says so cheaply."""
    return rows.dtype == np.bool_ and bool(rows.all())
