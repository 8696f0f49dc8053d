from evalgate.core.cases import Case
from evalgate.core.digest import sha256_of
from evalgate.core.messages import Message, message_json
from evalgate.serving.requests import request_for
from tests.unit.serving.serving_fakes import deployment


def test_the_digest_is_that_of_what_is_sent():
    served = deployment("weak", params={"temperature": 0, "user": "u-1"}, revision="r1", quantization="q4")
    request = request_for(Case(id="c", input="a\ud800"), served, 2)
    assert request.messages == (Message("system", "Classify."), Message("user", "a\ufffd"))
    assert request.params == {"temperature": 0, "user": "u-1"}
    assert (request.kind, request.trial, request.sample) == ("chat", 2, 0)
    assert request.digest == sha256_of(
        {
            "v": 1,
            "kind": "chat",
            "provider": "local",
            "model": "model-weak",
            "revision": "r1",
            "quantization": "q4",
            "messages": [message_json(message) for message in request.messages],
            "params": {"temperature": 0},
            "trial": 2,
            "sample": 0,
        }
    )
