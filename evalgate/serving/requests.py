"""From a case and a deployment to the request that goes over the wire."""

from evalgate.core.calls import Request
from evalgate.core.cases import Case
from evalgate.core.policy import Deployment
from evalgate.serving.prompts import Prompt, compile_prompt


def request_for(case: Case, deployment: Deployment, trial: int, sample: int = 0) -> Request:
    """Return the request ``deployment`` gets for this case and trial, or for one draw of several.

    Raises:
        BadInput: the prompt names a variable that the case does not have.

    """
    return fill_request(case, deployment, compile_prompt(deployment.prompt), trial, sample)


def fill_request(case: Case, deployment: Deployment, prompt: Prompt, trial: int, sample: int = 0) -> Request:
    """Do the same with the deployment's prompt already compiled, for one draw of several."""
    return deployment.request(prompt.render(case), trial, sample)
