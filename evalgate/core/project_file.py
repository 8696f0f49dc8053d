"""A project as a person writes it: ``evalgate.yaml`` at the root of the repository."""

from typing import Annotated

from pydantic import Field

from evalgate.core.budgets import Alpha, BudgetsFile, OnInconclusive, Percent
from evalgate.core.providers_file import ProviderFile
from evalgate.core.quantities import Quantity
from evalgate.core.written import Written


class NewRecordings(Written):
    """How much of what a change needs it may itself bring as recordings before its numbers are believed."""

    forks: Percent = Quantity(0.2, "%")
    same_repository: Percent = Quantity(1.0, "%")


class ProjectFile(Written):
    """Where things are, which providers are trusted, and the budgets that suites inherit."""

    suites: list[str] = ["suites"]
    baseline: str = "production"
    price_at: str | None = None
    prices: str | None = None
    providers: dict[str, ProviderFile] = {}
    budgets: BudgetsFile = BudgetsFile()
    on_inconclusive: OnInconclusive = "estimate"
    alpha: Alpha = 0.05
    max_new_recordings: NewRecordings = NewRecordings()
    allow_findings: list[Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")]] = []
