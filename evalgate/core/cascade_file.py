"""A cascade as a person writes it: deployments asked in turn, until one seems sure enough of its answer."""

from typing import Annotated, Literal

from pydantic import Discriminator, Field

from evalgate.core.written import Written

Range = tuple[float, float]

ANSWER = "answer"
"""The variable by which a verifier's prompt sees the answer."""


class SelfConsistency(Written):
    """Ask ``samples`` times; the share of samples that agree with the commonest answer, which is served.

    With ``parallel`` the user waits for the slowest sample, else for all of them in turn.
    """

    kind: Literal["self_consistency"]
    samples: Annotated[int, Field(ge=2, le=100)] = 5
    parallel: bool = True


class MeanLogprob(Written):
    """How probable the model found its own words: ``exp`` of the mean log probability of the tokens."""

    kind: Literal["mean_logprob"]


class Verifier(Written):
    """Another deployment reads question and answer and says how good it is: a number in ``range``."""

    kind: Literal["verifier"]
    deployment: str
    range: Range = (0.0, 1.0)


class FunctionConfidence(Written):
    """The user's own function of case and answer, named by import path."""

    kind: Literal["function"]
    path: str
    range: Range = (0.0, 1.0)


class ColumnConfidence(Written):
    """A column of the case's ``vars``; one a deployment where several can escalate."""

    kind: Literal["column"]
    column: str | dict[str, str]
    range: Range = (0.0, 1.0)


ConfidenceFile = Annotated[
    SelfConsistency | MeanLogprob | Verifier | FunctionConfidence | ColumnConfidence, Discriminator("kind")
]


class CascadeFile(Written):
    """Ask the deployments of ``order`` in turn; go on while the confidence is below ``escalate_below``.

    ``check_s`` is what judging the confidence takes beside its calls. The last deployment asked is not
    judged, because nothing could follow from it.
    """

    order: Annotated[list[str], Field(min_length=2)]
    confidence: ConfidenceFile
    escalate_below: Annotated[float, Field(allow_inf_nan=False)]
    max_escalations: Annotated[int, Field(ge=1)] | None = None
    check_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0

    @property
    def asked(self) -> tuple[str, ...]:
        """The deployments that can be asked, those of escalations beyond ``max_escalations`` left out."""
        return tuple(
            self.order[: len(self.order) if self.max_escalations is None else self.max_escalations + 1]
        )

    def column_of(self, alias: str) -> str | None:
        """Return the column with the confidence of a deployment; None where another kind tells."""
        if not isinstance(self.confidence, ColumnConfidence):
            return None
        column = self.confidence.column
        return column if isinstance(column, str) else column.get(alias)


def confidence_range(spec: ConfidenceFile) -> Range:
    """Return the lowest and the highest confidence there can be."""
    return (0.0, 1.0) if isinstance(spec, SelfConsistency | MeanLogprob) else spec.range
