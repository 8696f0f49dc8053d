"""A suite and a project as they are used: files read, references resolved."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from evalgate.core.budgets import Rules
from evalgate.core.cases import Case
from evalgate.core.faults import Fault
from evalgate.core.labels import HumanLabel
from evalgate.core.load import Traffic
from evalgate.core.outcome import Answer, Grade
from evalgate.core.policy import Deployment, EmbedFunction, Policy
from evalgate.core.policy_file import Price
from evalgate.core.providers_file import ProviderFile
from evalgate.core.suite_file import GraderFile

GradeFunction = Callable[[Case, Answer], Grade]


@dataclass(frozen=True, slots=True)
class Grader:
    """One grader of a suite, ready to judge: files that ``spec`` named stand in it as their contents.

    ``function`` is set for the user's own grader, ``embed`` for an embedder by import path, ``deployment``
    for a grader that asks a model.
    """

    spec: GraderFile
    function: GradeFunction | None = None
    embed: EmbedFunction | None = None
    deployment: Deployment | None = None


@dataclass(frozen=True, slots=True)
class BaseCommit:
    """The commit whose rules judge a suite; ``asked`` is what ``--baseline`` takes to find it again.

    ``recordings`` is the folder of its own recordings, which win over the working tree's. With
    ``replay_only`` the baseline's functions are not those of the working tree, so it cannot be called anew.
    """

    sha: str
    asked: str
    recordings: Path
    replay_only: bool


@dataclass(frozen=True, slots=True)
class Suite:
    """Golden cases with their grader and the policies they judge.

    ``baseline`` is None when the family has no policy of that name yet; ``proposals`` are the family's
    other policies in its own folder. ``digest`` covers cases, grader and everything that changes a grade.
    ``graders`` judge together, by the weighted mean of their scores; ``grader`` and ``grade_function`` are
    of the first. ``labels`` are what people said about answers that a judge graded; they decide no grade.
    Of a suite whose ``texts`` is none, nothing that is asked or answered is written anywhere.
    ``base`` is set when the baseline and all of this, but the proposals, were read from a commit.
    ``clock`` says when each case comes, by its id, where that matters: where deployments fail (``faults``) or
    are left alone after failures. It holds all cases, also where a part of them is left.
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
    graders: tuple[Grader, ...] = ()
    labels: tuple[HumanLabel, ...] = ()
    texts: Literal["all", "none"] = "all"
    base: BaseCommit | None = None
    traffic: Traffic | None = None
    faults: tuple[Fault, ...] = ()
    clock: Mapping[str, float] = field(default_factory=dict)


def alone_of(suite: Suite) -> Suite:
    """Return the suite with all its policies and nothing to compare them with."""
    policies = (suite.baseline, *suite.proposals)
    return replace(suite, baseline=None, proposals=tuple(each for each in policies if each is not None))


@dataclass(frozen=True, slots=True)
class Project:
    """Everything ``evalgate run`` was pointed at.

    ``functions`` holds each function provider's callable;
    ``prices`` what ``prices.yaml`` declares, keyed ``model`` or ``provider/model``. ``allow_findings`` are
    the ids of what looks like a secret and is none.
    """

    root: Path
    suites: tuple[Suite, ...]
    providers: Mapping[str, ProviderFile]
    functions: Mapping[str, Callable[..., object]]
    price_at: str | None
    prices: Mapping[str, Price]
    allow_findings: tuple[str, ...] = ()
