"""A suite as a person writes it: ``suites/<name>/suite.yaml``."""

from typing import Annotated, Literal

from pydantic import Discriminator, Field

from evalgate.core.budgets import BudgetsFile
from evalgate.core.policy_file import Usd
from evalgate.core.written import Written


class ExactGrader(Written):
    """Correct when the answer equals ``target`` (after trimming; optionally without case)."""

    kind: Literal["exact"]
    ignore_case: bool = False


class ChoiceGrader(Written):
    """Correct when the answer names the target label and no other; reports a confusion matrix."""

    kind: Literal["choice"]
    labels: Annotated[list[str], Field(min_length=2)]
    ignore_case: bool = True


class NumberGrader(Written):
    """Correct when the answer's last number is within the larger of the two tolerances of ``target``."""

    kind: Literal["number"]
    abs_tolerance: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    rel_tolerance: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0


class RegexGrader(Written):
    """Correct when the RE2 ``pattern`` is found in the answer; without it, ``target`` is the pattern."""

    kind: Literal["regex"]
    pattern: str | None = None
    ignore_case: bool = False


class FunctionGrader(Written):
    """The user's own function, named by import path: ``my_pkg.graders:same_rows``."""

    kind: Literal["function"]
    path: str


GraderFile = Annotated[
    ExactGrader | ChoiceGrader | NumberGrader | RegexGrader | FunctionGrader, Discriminator("kind")
]
Inference = Literal["population", "suite"]


class SuiteFile(Written):
    """Cases and how an answer is judged; nothing about how it is served."""

    description: str = ""
    policies: str
    cases: str = "cases.jsonl"
    grader: GraderFile
    correct_at: Annotated[float, Field(gt=0, le=1)] | None = None
    trials: Annotated[int, Field(ge=1, le=1000)] = 1
    ordered: bool = False
    slices: list[str] = []
    inference: Inference = "population"
    cleanup_usd_per_wrong: Usd = 0.0
    requests_per_month: Annotated[int, Field(gt=0)] | None = None
    budgets: BudgetsFile = BudgetsFile()
    owners: list[str] = []
