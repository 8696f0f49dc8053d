import math

import pytest

from evalgate.core.numbers import Estimate
from evalgate.gate.wording import movement


@pytest.mark.parametrize(
    ("ends", "scale", "said"),
    [
        ((-0.31, -0.35, -0.26), "relative", "fell by 31% (26 to 35%)"),
        ((0.012, 0.003, 0.021), "absolute", "rose by 1.2 points (0.3 to 2.1)"),
        ((-0.003, -0.009, 0.004), "absolute", "changed by −0.3 points (−0.9 to +0.4)"),
        ((0.14, -0.02, math.inf), "relative", "changed by +14% (at least −2.0%)"),
        ((0.14, -math.inf, 0.2), "relative", "changed by +14% (at most +20%)"),
        ((0.14, -math.inf, math.inf), "relative", "changed by +14% (unbounded)"),
        ((0.4, 0.1, math.inf), "relative", "rose by 40% (at least 10%)"),
        ((-0.4, -math.inf, -0.1), "relative", "fell by 40% (at least 10%)"),
        ((0.0, 0.0, 0.0), "absolute", "did not change"),
    ],
)
def test_a_movement_is_told_with_the_ends_that_it_has(ends, scale, said):
    assert movement(Estimate(*ends, 0.95, "fieller"), scale) == said
