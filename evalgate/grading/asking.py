"""The models that graders ask."""

from evalgate.core.errors import GraderCrash
from evalgate.core.policy import Deployment
from evalgate.core.suite import Grader


def deployment_of(grader: Grader) -> Deployment:
    """Return the model that ``grader`` asks; without trial, so that equal answers are judged once and alike.

    Raises:
        GraderCrash: it was not loaded.

    """
    if grader.deployment is None:
        raise GraderCrash(f"the model of the grader {grader.spec.kind!r} was not loaded; nothing was judged")
    return grader.deployment
