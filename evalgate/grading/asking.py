"""The requests of graders that ask a model."""

from evalgate.core.calls import Request
from evalgate.core.errors import GraderCrash
from evalgate.core.messages import Message
from evalgate.core.policy import Deployment
from evalgate.core.suite import Grader


def request_to(deployment: Deployment, messages: tuple[Message, ...]) -> Request:
    """Return the request that puts ``messages`` to ``deployment``.

    It carries no trial: equal answers are judged once, and alike.
    """
    return Request(
        deployment.kind,
        deployment.provider,
        deployment.model,
        deployment.revision,
        deployment.quantization,
        messages,
        deployment.params,
        deployment.frame.digest(messages),
    )


def deployment_of(grader: Grader) -> Deployment:
    """Return the model that ``grader`` asks.

    Raises:
        GraderCrash: it was not loaded.

    """
    if grader.deployment is None:
        raise GraderCrash(f"the model of the grader {grader.spec.kind!r} was not loaded; nothing was judged")
    return grader.deployment
