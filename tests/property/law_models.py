"""An in-process model for laws: what it does with a text is decided by the text alone."""

from evalgate.core.calls import Usage
from evalgate.core.functions import FunctionReply, FunctionRequest


def answer(request: FunctionRequest) -> FunctionReply:
    """Fail on texts that say so for this model; else answer yes or no by the text's length and the model."""
    if f"break {request.model}" in request.input:
        raise RuntimeError("asked to")
    said = "yes" if len(request.input + request.model) % 2 else "no"
    return FunctionReply(said, usage=Usage(input_tokens=len(request.input), output_tokens=1))
