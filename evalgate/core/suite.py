"""A suite and a project as they are used: files read, references resolved."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from evalgate.core.budgets import Rules
from evalgate.core.cases import Case
from evalgate.core.outcome import Answer, Grade
from evalgate.core.policy import Policy
from evalgate.core.policy_file import Price
from evalgate.core.project_file import ProviderFile
from evalgate.core.suite_file import GraderFile

GradeFunction = Callable[[Case, Answer], Grade]


@dataclass(frozen=True, slots=True)
class Suite:
    """Golden cases with their grader and the policies they judge.

    ``baseline`` is None when the family has no policy of that name yet; ``proposals`` are the family's
    other policies in its own folder. ``digest`` covers cases, grader and everything that changes a grade.
    ``grade_function`` is set exactly when the grader is the user's own function.
    """

    name: str
    folder: Path
    file: str
    digest: str
    cases: tuple[Case, ...]
    grader: GraderFile
    grade_function: GradeFunction | None
    correct_at: float
    trials: int
    ordered: bool
    rules: Rules
    requests_per_month: int | None
    owners: tuple[str, ...]
    baseline: Policy | None
    proposals: tuple[Policy, ...]


@dataclass(frozen=True, slots=True)
class Project:
    """Everything ``evalgate run`` was pointed at.

    ``functions`` holds each function provider's callable;
    ``prices`` what ``prices.yaml`` declares, keyed ``model`` or ``provider/model``.
    """

    root: Path
    suites: tuple[Suite, ...]
    providers: Mapping[str, ProviderFile]
    functions: Mapping[str, Callable[..., object]]
    price_at: str | None
    prices: Mapping[str, Price]
