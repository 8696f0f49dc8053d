"""Cascades: what tells the confidence, and whether it can be told at all."""

from collections.abc import Iterator

from evalgate.core.cascade_file import (
    ANSWER,
    CascadeFile,
    ColumnConfidence,
    FunctionConfidence,
    MeanLogprob,
    SelfConsistency,
    Verifier,
    confidence_range,
)
from evalgate.core.errors import Problem
from evalgate.core.policy import Cascade, Deployment
from evalgate.core.policy_file import PolicyFile
from evalgate.load.code.functions import as_confidence
from evalgate.load.findings import Findings
from evalgate.load.policy_files.prompts import variables
from evalgate.load.syntax.documents import Document
from evalgate.load.syntax.yaml_text import KeyPath


def load_cascade(spec: CascadeFile, findings: Findings) -> Cascade:
    """Return the cascade with the user's function, where it has one.

    Raises:
        BadInput: the function cannot be imported.

    """
    if isinstance(spec.confidence, FunctionConfidence):
        return Cascade(spec, as_confidence(findings.import_function(spec.confidence.path)))
    return Cascade(spec)


def cascade_names(spec: CascadeFile) -> Iterator[tuple[KeyPath, str, bool]]:
    """Yield every key of a cascade that names a deployment, the name, and whether the key itself is it."""
    for index, alias in enumerate(spec.order):
        yield ("cascade", "order", index), alias, False
    if isinstance(spec.confidence, Verifier):
        yield ("cascade", "confidence", "deployment"), spec.confidence.deployment, False
    if isinstance(spec.confidence, ColumnConfidence) and isinstance(spec.confidence.column, dict):
        for alias in spec.confidence.column:
            yield ("cascade", "confidence", "column", alias), alias, True


def check_cascade(document: Document[PolicyFile]) -> Iterator[Problem]:
    """Yield what is wrong inside a cascade though every value is of the right kind."""
    spec = document.value.cascade
    if spec is None:
        return
    for index, alias in enumerate(spec.order):
        if alias in spec.order[:index]:
            yield document.problem(("cascade", "order", index), f"{alias!r} is listed twice", "remove one")
    low, high = confidence_range(spec.confidence)
    if low >= high:
        message = f"the lowest confidence {low:g} is not below the highest {high:g}"
        yield document.problem(("cascade", "confidence", "range"), message, "write [lowest, highest]")
    elif not low < spec.escalate_below <= high:
        message = f"{spec.escalate_below:g} is outside the confidences, above {low:g} up to {high:g}"
        cure = f"write such a number; to ask {spec.order[0]} alone, write use: {spec.order[0]}"
        yield document.problem(("cascade", "escalate_below"), message, cure)
    if spec.max_escalations is not None and spec.max_escalations >= len(spec.order):
        message = f"order has {len(spec.order)} deployments, so it can escalate {len(spec.order) - 1} times"
        yield document.problem(("cascade", "max_escalations"), message, "write less, or leave it out")
    if isinstance(spec.confidence, ColumnConfidence):
        for alias in spec.asked[:-1]:
            if spec.column_of(alias) is None:
                message = f"no column holds the confidence of {alias!r}"
                yield document.problem(
                    ("cascade", "confidence", "column"), message, f"add {alias}: its column"
                )


def check_asked(document: Document[PolicyFile], deployments: dict[str, Deployment]) -> Iterator[Problem]:
    """Yield deployments that cannot be asked for their confidence in the way that the cascade says."""
    spec = document.value.cascade
    if spec is None:
        return
    judged = [deployments[alias] for alias in spec.asked[:-1] if alias in deployments]
    match spec.confidence:
        case SelfConsistency(samples=samples):
            for each in judged:
                if each.params.get("temperature") == 0:
                    message = f"{samples} samples of {each.alias!r} at temperature 0 are one answer"
                    cure = "write params: {temperature: 0.7}, or choose another kind of confidence"
                    yield document.problem(("cascade", "confidence", "samples"), message, cure)
        case MeanLogprob():
            for each in judged:
                if each.kind == "chat" and not each.params.get("logprobs"):
                    message = f"{each.alias!r} is not asked for the probabilities of its tokens"
                    yield document.problem(
                        ("deployments", each.alias), message, "add params: {logprobs: true}", at_key=True
                    )
        case Verifier(deployment=alias) if alias in deployments:
            if ANSWER not in variables(deployments[alias].prompt):
                message = f"the prompt of the verifier {alias!r} does not show it the answer"
                cure = "give the deployment a prompt of its own with {{input}} and {{answer}} in it"
                yield document.problem(("deployments", alias), message, cure, at_key=True)
        case _:
            return
