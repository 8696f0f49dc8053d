"""A project as a person writes it: ``evalgate.yaml`` at the root of the repository."""

from typing import Annotated, Literal

from pydantic import Discriminator, Field

from evalgate.core.budgets import Alpha, BudgetsFile, OnInconclusive
from evalgate.core.written import Written


class OpenAIProvider(Written):
    """Any server with OpenAI-compatible chat completions at a trusted origin."""

    kind: Literal["openai"]
    origin: Annotated[str, Field(pattern=r"^https?://[^\s/]+(/[^\s]*)?$")]
    key_env: str | None = None


class FunctionProvider(Written):
    """An in-process model by import path, so that a team's own code can be a deployment."""

    kind: Literal["function"]
    path: str


ProviderFile = Annotated[OpenAIProvider | FunctionProvider, Discriminator("kind")]


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
