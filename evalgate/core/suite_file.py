"""A suite as a person writes it: ``suites/<name>/suite.yaml``."""

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticKnownError

from evalgate.core.budgets import BudgetsFile, Percent, WaiverFile
from evalgate.core.cases_file import CasesSource
from evalgate.core.policy_file import DeploymentFile, Usd
from evalgate.core.prompt_cache_file import CacheState
from evalgate.core.quantities import Quantity
from evalgate.core.traffic_file import TrafficFile
from evalgate.core.trials import TrialsPass
from evalgate.core.written import Written


class Weighed(Written):
    """What every grader may say about itself: how much it counts among several (in ``graders``)."""

    weight: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0


class ExactGrader(Weighed):
    """Correct when the answer equals ``target`` (after trimming; optionally without case)."""

    kind: Literal["exact"]
    ignore_case: bool = False


class ChoiceGrader(Weighed):
    """Correct when the answer names the target label and no other; reports a confusion matrix."""

    kind: Literal["choice"]
    labels: Annotated[list[str], Field(min_length=2)]
    ignore_case: bool = True


class Tolerance(Written):
    """How far a number may be off: the larger of the two, ``rel_tolerance`` being a share of the target."""

    abs_tolerance: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    rel_tolerance: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0


class NumberGrader(Weighed, Tolerance):
    """Correct when the answer's last number is within the larger of the two tolerances of ``target``."""

    kind: Literal["number"]


class RegexGrader(Weighed):
    """Correct when the RE2 ``pattern`` is found in the answer; without it, ``target`` is the pattern."""

    kind: Literal["regex"]
    pattern: str | None = None
    ignore_case: bool = False


class FunctionGrader(Weighed):
    """The user's own function, named by import path: ``my_pkg.graders:same_rows``."""

    kind: Literal["function"]
    path: str


class ContainsGrader(Weighed):
    """Correct when ``all`` texts, one of ``any`` and ``none`` of the last stand in the answer.

    With none of the three lists here, ``target`` says what: one text, a list of which all must be there, or
    a mapping with these three keys. The score is the share of requirements met (``any`` is one).
    """

    kind: Literal["contains"]
    all: list[str] = []
    any: list[str] = []
    none: list[str] = []
    ignore_case: bool = False


class JsonEqualGrader(Weighed):
    """Correct when the JSON in the answer equals ``target``; the score is the share of equal top-level keys.

    Paths are dotted, ``*`` stands for any one key or index, ``$`` for the whole: ``lines.*.price``.
    ``only`` limits the comparison to these paths.
    """

    kind: Literal["json_equal"]
    only: list[str] = []
    ignore: list[str] = []
    unordered: list[str] = []
    tolerance: dict[str, Tolerance] = {}
    allow_extra_keys: bool = False


class JsonSchemaGrader(Weighed):
    """Correct when the JSON in the answer is valid under a JSON Schema: inline, or a file of the suite."""

    kind: Literal["json_schema"]
    json_schema: Annotated[dict[str, Any] | str, Field(alias="schema")]


class ListF1Grader(Weighed):
    """F1 of the answer's items against the target's, as multisets, after normalization."""

    kind: Literal["list_f1"]
    ignore_case: bool = True


class TextF1Grader(Weighed):
    """F1 of the answer's words against the target's; of several targets the nearest counts."""

    kind: Literal["text_f1"]
    drop_words: list[str] = ["a", "an", "the"]


class ArgumentRule(Tolerance):
    """How one argument of a tool is compared; with nothing set, exactly.

    ``any_of`` are values that count as the same one.
    """

    ignore: bool = False
    any_of: list[Any] = []


class ToolCallsGrader(Weighed):
    """Correct when the tools called, with their arguments, are those of ``target``.

    ``arguments`` holds rules by ``tool.argument`` (``*.argument`` for every tool). The score is the share of
    calls and arguments that are right; a missing call and an extra one both lower it.
    """

    kind: Literal["tool_calls"]
    arguments: dict[str, ArgumentRule] = {}
    ordered: bool = False
    allow_extra_calls: bool = False


class JudgeGrader(Weighed):
    """Another model reads the answer and grades it by a ``rubric``.

    It gives a whole number in the range ``score``, or one of ``labels`` of which ``correct`` count 1, or with
    ``pairwise`` prefers the answer or the baseline's. Above ``max_error_share`` of unusable replies nothing
    is judged. It may not be a model under test unless ``allow_self``.
    """

    kind: Literal["judge"]
    deployment: DeploymentFile
    rubric: Annotated[str, Field(min_length=1)]
    score: tuple[int, int] | None = None
    labels: list[str] = []
    correct: list[str] = []
    pairwise: bool = False
    max_error_share: Percent = Quantity(0.01, "%")
    allow_self: bool = False

    @model_validator(mode="after")
    def _asked_one_thing(self) -> "JudgeGrader":
        if (self.score is not None) + bool(self.labels) + self.pairwise != 1:
            raise ValueError(
                "a judge is asked for one thing: write score: [1, 5], or labels, or pairwise: true"
            )
        if self.score is not None and self.score[0] >= self.score[1]:
            raise ValueError(
                f"score {list(self.score)} is no range: write the worst before the best, as in [1, 5]"
            )
        if self.labels and not self.correct:
            raise ValueError("no label counts as correct: write correct: [<labels of a good answer>]")
        if unknown := [label for label in self.correct if label not in self.labels]:
            raise ValueError(f"correct names {unknown[0]!r}: write only names that stand in labels")
        return self


class SimilarityGrader(Weighed):
    """Score is the cosine between the embeddings of answer and target, negative ones counting 0.

    ``embedder`` is the import path of a function from texts to vectors, or a deployment.
    """

    kind: Literal["similarity"]
    embedder: str | DeploymentFile
    max_error_share: Percent = Quantity(0.01, "%")


GraderFile = Annotated[
    ExactGrader
    | ChoiceGrader
    | NumberGrader
    | RegexGrader
    | FunctionGrader
    | ContainsGrader
    | JsonEqualGrader
    | JsonSchemaGrader
    | ListF1Grader
    | TextF1Grader
    | ToolCallsGrader
    | JudgeGrader
    | SimilarityGrader,
    Discriminator("kind"),
]
Inference = Literal["population", "suite"]

_TRIALS_PASS = re.compile(r"\s*(?:(\d{1,4})\s+of\s+(\d{1,4})|pass\^(\d{1,4}))\s*")


def _trials_pass(value: object) -> object:
    if isinstance(value, TrialsPass):
        return value
    match = _TRIALS_PASS.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"{value!r} is not a rule for trials: write 4 of 5, or pass^3")
    right, of = (int(match[3]), None) if match[3] else (int(match[1]), int(match[2]))
    if right < 1 or (of is not None and right > of):
        raise ValueError(f"{value!r} cannot be met by some trials and missed by others: write 4 of 5")
    return TrialsPass(right, of)


TrialsPassWritten = Annotated[TrialsPass, BeforeValidator(_trials_pass, json_schema_input_type=str)]


class SuiteFile(Written):
    """Cases and how an answer is judged; nothing about how it is served.

    Exactly one of ``grader`` and ``graders`` is written; several grade by the mean of their scores.
    """

    description: str = ""
    policies: str
    cases: CasesSource = "cases.jsonl"
    graders: list[GraderFile] = []
    grader: Annotated[GraderFile | None, Field(validate_default=True)] = None
    correct_at: Annotated[float, Field(gt=0, le=1)] | None = None
    trials: Annotated[int, Field(ge=1, le=1000)] = 1
    trials_pass: TrialsPassWritten | None = None
    ordered: bool = False
    slices: list[str] = []
    inference: Inference = "population"
    cleanup_usd_per_wrong: Usd = 0.0
    requests_per_month: Annotated[int, Field(gt=0)] | None = None
    traffic: TrafficFile | None = None
    prompt_cache: CacheState | None = None
    budgets: BudgetsFile = BudgetsFile()
    waivers: list[WaiverFile] = []
    owners: list[str] = []
    texts: Literal["all", "none"] = "all"

    @field_validator("grader")
    @classmethod
    def _judged_once(cls, grader: GraderFile | None, info: ValidationInfo) -> GraderFile | None:
        several = info.data.get("graders", ())
        if grader is not None and several:
            raise ValueError("both grader and graders are there: write one of the two")
        if grader is None and not several and "graders" in info.data:
            raise PydanticKnownError("missing")
        return grader

    @model_validator(mode="after")
    def _trials_suffice(self) -> "SuiteFile":
        rule, trials = self.trials_pass, self.trials
        if rule is not None and (rule.of or trials) != trials:
            raise ValueError(
                f"trials_pass speaks of {rule.of} trials, trials of {trials}: write trials: {rule.of}"
            )
        if rule is not None and rule.right > trials:
            raise ValueError(f"trials_pass needs {rule.right} trials: write trials: {rule.right} or more")
        return self

    @property
    def every_grader(self) -> tuple[GraderFile, ...]:
        """The graders, one or several."""
        return (self.grader,) if self.grader is not None else tuple(self.graders)
