"""A router as a person writes it, under ``router`` of a policy."""

from typing import Annotated, Literal

from pydantic import Discriminator, Field

from evalgate.core.written import Written

Share = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class ClassifierRouter(Written):
    """Score with a TF-IDF and logistic-regression model in a JSON file."""

    kind: Literal["classifier"]
    model: str
    threshold: float
    strong: str
    weak: str
    decide_s: Seconds = 0.0


class DifficultyRouter(Written):
    """Ask the cheapest of three deployments that suffices with probability ``enough`` or more.

    The JSON file of ``model`` tells how likely a question needs more than ``easy``, and needs ``hard``.
    """

    kind: Literal["difficulty"]
    model: str
    enough: Share
    easy: str
    medium: str
    hard: str
    decide_s: Seconds = 0.0


class ColumnRouter(Written):
    """Read the score from a column of the case's ``vars``."""

    kind: Literal["column"]
    column: str
    range: tuple[float, float] = (0.0, 1.0)
    threshold: float
    strong: str
    weak: str
    decide_s: Seconds = 0.0


class FunctionRouter(Written):
    """Call the user's own function, named by import path."""

    kind: Literal["function"]
    path: str
    range: tuple[float, float] = (0.0, 1.0)
    threshold: float
    strong: str
    weak: str
    decide_s: Seconds = 0.0


RouterFile = Annotated[
    ClassifierRouter | DifficultyRouter | ColumnRouter | FunctionRouter, Discriminator("kind")
]


def routed_to(router: RouterFile) -> dict[str, str]:
    """Return the deployments that a router chooses between, cheapest first, by the keys that name them."""
    keys = ("easy", "medium", "hard") if isinstance(router, DifficultyRouter) else ("weak", "strong")
    return {key: getattr(router, key) for key in keys}
