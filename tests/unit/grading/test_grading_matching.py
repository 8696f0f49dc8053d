from fractions import Fraction
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from evalgate.grading.matching import all_matched, best_pairs

GAINS = st.integers(1, 5).flatmap(
    lambda width: st.lists(
        st.lists(st.fractions(0, 1, max_denominator=7), min_size=width, max_size=width),
        min_size=1,
        max_size=5,
    )
)


@given(GAINS)
def test_no_other_pairing_gains_more(gains: list[list[Fraction]]) -> None:
    rows, columns = len(gains), len(gains[0])
    pairs = best_pairs(gains)
    assert len(pairs) == min(rows, columns)
    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)
    if rows <= columns:
        every = (
            sum(gains[row][chosen[row]] for row in range(rows))
            for chosen in permutations(range(columns), rows)
        )
    else:
        every = (
            sum(gains[chosen[column]][column] for column in range(columns))
            for chosen in permutations(range(rows), columns)
        )
    assert sum(gains[row][column] for row, column in pairs) == max(every)


@given(st.lists(st.lists(st.integers(0, 4), unique=True), max_size=5))
def test_all_match_exactly_when_some_order_of_columns_fits(fits: list[list[int]]) -> None:
    some = any(
        all(column in row for column, row in zip(order, fits, strict=False))
        for order in permutations(range(5), len(fits))
    )
    assert all_matched(fits) == some


def test_nothing_to_match() -> None:
    assert best_pairs([]) == []
    assert best_pairs([[]]) == []
    assert all_matched([])
