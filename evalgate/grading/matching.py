"""Who goes with whom: two kinds of matching between expected things and found ones."""

from collections.abc import Sequence
from fractions import Fraction


def all_matched(fits: Sequence[Sequence[int]]) -> bool:
    """Tell whether every row can have a column of its own; ``fits[row]`` are the columns it may have.

    Augmenting paths, as in Kuhn's form of the Hungarian method (Berge 1957): a search that moves earlier
    rows out of the way.
    """
    taken: dict[int, int] = {}
    for row in range(len(fits)):
        came_from: dict[int, int] = {}
        reached, free = [row], -1
        while reached and free < 0:
            current = reached.pop()
            for column in fits[current]:
                if column in came_from:
                    continue
                came_from[column] = current
                if column not in taken:
                    free = column
                    break
                reached.append(taken[column])
        if free < 0:
            return False
        _shift(taken, came_from, row, free)
    return True


def _shift(taken: dict[int, int], came_from: dict[int, int], start: int, free: int) -> None:
    """Give ``free`` to the row that found it, the column that row had to the next, back to ``start``."""
    had = {row: column for column, row in taken.items()}
    while True:
        row = came_from[free]
        previous = had.get(row)
        taken[free] = row
        if row == start or previous is None:
            return
        free = previous


def best_pairs(gains: Sequence[Sequence[Fraction]]) -> list[tuple[int, int]]:
    """Return the (row, column) pairs of the largest total gain, as many as the shorter side has.

    The Hungarian method in its shortest-augmenting-path form (Kuhn 1955; Jonker and Volgenant 1987), exact
    on fractions, so that the total does not depend on the order of rows or columns.
    """
    if not gains or not gains[0]:
        return []
    if len(gains) > len(gains[0]):
        turned = [list(column) for column in zip(*gains, strict=True)]
        return sorted((row, column) for column, row in best_pairs(turned))
    width = len(gains[0])
    row_price = [Fraction(0)] * len(gains)
    column_price = [Fraction(0)] * (width + 1)
    owner: list[int | None] = [None] * (width + 1)
    for row in range(len(gains)):
        # The column numbered ``width`` is not there: it only holds the row that is looking for one.
        owner[width] = row
        came_from = _cheapest_path(gains, row_price, column_price, owner)
        column = came_from[0]
        while column != width:
            before = came_from[1][column]
            owner[column] = owner[before]
            column = before
    return sorted((row, column) for column, row in enumerate(owner[:width]) if row is not None)


def _cheapest_path(
    gains: Sequence[Sequence[Fraction]],
    row_price: list[Fraction],
    column_price: list[Fraction],
    owner: Sequence[int | None],
) -> tuple[int, list[int]]:
    """Return a free column and, for each column, the one before it on the way; prices are updated."""
    width = len(column_price) - 1
    slack: list[Fraction | None] = [None] * width
    before = [width] * width
    visited: list[int] = []
    column = width
    while (row := owner[column]) is not None:
        visited.append(column)
        best, step = -1, Fraction(0)
        for other in range(width):
            if other in visited:
                continue
            cost = -gains[row][other] - row_price[row] - column_price[other]
            known = slack[other]
            if known is None or cost < known:
                slack[other], before[other] = cost, column
            current = slack[other]
            if current is not None and (best < 0 or current < step):
                best, step = other, current
        for other in visited:
            row_price[owner[other] or 0] += step
            column_price[other] -= step
        for other, known in enumerate(slack):
            if other not in visited and known is not None:
                slack[other] = known - step
        column = best
    return column, before
