"""Names beside points of a drawing, each where it hides nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

# A line of a name in drawing units, and what a letter of it takes at most on average.
LINE, LETTER = 18.0, 8.0
_NEAR = 10.0


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of a drawing, by its upper left corner."""

    x: float
    y: float
    width: float
    height: float

    def meets(self, other: "Box") -> bool:
        """Whether the two have more than an edge in common."""
        return (
            self.x < other.x + other.width
            and other.x < self.x + self.width
            and self.y < other.y + other.height
            and other.y < self.y + self.height
        )

    def free(self, taken: Sequence["Box"]) -> bool:
        """Whether nothing that is taken is met."""
        return not any(self.meets(other) for other in taken)


@dataclass(frozen=True, slots=True)
class Beside:
    """Where a text stands beside its point: its box, and which of its ends is the near one."""

    box: Box
    anchor: str

    @property
    def x(self) -> float:
        """Where the anchored end of the text stands."""
        return self.box.x if self.anchor == "start" else self.box.x + self.box.width

    @property
    def y(self) -> float:
        """Where the text's base line is."""
        return self.box.y + LINE - 5


def beside(point: tuple[float, float], text: str, area: Box, taken: Sequence[Box]) -> Beside | None:
    """Return the first place near ``point`` where ``text`` meets nothing; None where there is none."""
    x, y = point
    width = LETTER * len(text)
    places = [
        Beside(Box(left, y + down, width, LINE), anchor)
        for down in (-LINE - 4, 4, -2 * LINE - 4, LINE + 4, -3 * LINE - 4, 2 * LINE + 4)
        for left, anchor in ((x + _NEAR, "start"), (x - _NEAR - width, "end"))
    ]
    inside = [each for each in places if _inside(each.box, area)]
    return next((each for each in inside if each.box.free(taken)), None)


def _inside(box: Box, area: Box) -> bool:
    return (
        area.x <= box.x
        and box.x + box.width <= area.x + area.width
        and area.y <= box.y
        and box.y + box.height <= area.y + area.height
    )
