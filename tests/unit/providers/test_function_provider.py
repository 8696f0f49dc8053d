import asyncio
import time
from concurrent.futures import CancelledError
from dataclasses import FrozenInstanceError

import pytest

from evalgate.core.calls import Usage
from evalgate.core.errors import ProviderRefused
from evalgate.core.functions import FunctionReply, FunctionRequest
from evalgate.core.messages import Message, ToolCall
from evalgate.core.policy_file import Reliability
from tests.unit.providers.asking import ask_function


def test_a_function_is_asked_and_its_text_is_the_answer():
    seen = []

    def answer(asked):
        seen.append(asked)
        return "billing"

    call = ask_function(answer, params={"temperature": 0})
    messages = (Message("system", "Be brief."), Message("user", "Where is my parcel?"))
    assert seen == [FunctionRequest("m-1", messages, {"temperature": 0}, "Where is my parcel?")]
    assert call.response.text == "billing"
    (attempt,) = call.attempts
    assert (attempt.error, attempt.usage, attempt.reported_cost_usd) == (None, None, None)
    assert attempt.billing == "billed"
    assert attempt.at == "2026-11-01T12:00:00.005Z"
    with pytest.raises(FrozenInstanceError):
        seen[0].model = "other"


def test_an_async_function():
    async def answer(asked):
        await asyncio.sleep(0.02)
        return asked.input.upper()

    call = ask_function(answer)
    assert call.response.text == "WHERE IS MY PARCEL?"
    assert 0.02 <= call.attempts[0].latency_s < 1


def test_an_object_with_an_async_call_method():
    class App:
        async def __call__(self, asked):
            return "shipping"

    assert ask_function(App()).response.text == "shipping"


@pytest.mark.parametrize(
    ("messages", "text"),
    [
        ((Message("user", "a"), Message("assistant", "b"), Message("user", "c"), Message("tool", "d")), "c"),
        ((Message("system", "only"),), ""),
        ((Message("user", "a"), Message("user")), ""),
    ],
)
def test_input_is_the_last_user_message(messages, text):
    assert ask_function(lambda asked: f"<{asked.input}>", messages=messages).response.text == f"<{text}>"


def test_everything_a_reply_says_is_recorded():
    reply = FunctionReply("x", (ToolCall("refund", "{}"),), Usage(7, None, None, 2), 0.003, "tool_calls")
    call = ask_function(lambda _: reply)
    assert call.response.tool_calls == (ToolCall("refund", "{}"),)
    assert call.response.finish_reason == "tool_calls"
    assert call.attempts[0].usage == Usage(7, None, None, 2)
    assert call.attempts[0].reported_cost_usd == 0.003


def test_text_becomes_valid_unicode():
    assert ask_function(lambda _: "a\ud800").response.text == "a\ufffd"


def test_the_time_is_the_functions_own():
    def answer(_):
        time.sleep(0.05)
        return "billing"

    assert 0.05 <= ask_function(answer).attempts[0].latency_s < 0.5


def test_a_function_runs_on_the_thread_of_its_caller():
    import threading

    seen = []
    ask_function(lambda _: seen.append(threading.current_thread()) or "x")
    assert seen == [threading.main_thread()]


def test_params_are_the_functions_own_copy():
    params = {"stop": ["a"]}
    ask_function(lambda asked: asked.params["stop"].append("b") or "x", params=params)
    assert params == {"stop": ["a"]}


def test_a_function_that_raises_is_a_failed_attempt_and_is_told_once(caplog):
    def answer(_):
        raise KeyError("no such\x1b[31m customer")

    rules = Reliability(num_retries=2, backoff_s=0)
    call = ask_function(answer, rules)
    assert call.response is None
    assert [attempt.error for attempt in call.attempts] == ["server_error"] * 3
    assert {attempt.billing for attempt in call.attempts} == {"possible"}
    (record,) = caplog.records
    assert "KeyError" in record.getMessage()
    assert "no such" in record.getMessage()
    assert "\x1b" not in record.getMessage()


@pytest.mark.parametrize("error", [TimeoutError("upstream"), CancelledError()])
def test_a_functions_own_timeout_is_its_failure_not_the_policys_limit(error):
    async def answer(_):
        raise error

    (attempt,) = ask_function(answer, Reliability(request_timeout_s=20)).attempts
    assert attempt.error == "server_error"


def test_an_async_function_is_stopped_at_the_limit(caplog):
    stopped = []

    async def answer(_):
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            stopped.append(True)
            raise

    (attempt,) = ask_function(answer, Reliability(request_timeout_s=0.05)).attempts
    assert (attempt.error, attempt.latency_s, attempt.billing) == ("timeout", 0.05, "possible")
    assert stopped == [True]
    assert "no whole answer within 0.05 s" in caplog.text


def test_a_plain_function_over_the_limit_is_a_timeout_afterwards():
    def answer(_):
        time.sleep(0.06)
        return FunctionReply("billing", usage=Usage(5, None, None, 1))

    call = ask_function(answer, Reliability(request_timeout_s=0.02))
    assert call.response is None
    (attempt,) = call.attempts
    assert (attempt.error, attempt.latency_s, attempt.billing) == ("timeout", 0.02, "possible")
    assert attempt.usage == Usage(5, None, None, 1)


def test_a_crash_over_the_limit_is_a_timeout_too():
    def answer(_):
        time.sleep(0.06)
        raise ValueError

    assert ask_function(answer, Reliability(request_timeout_s=0.02)).attempts[0].error == "timeout"


@pytest.mark.parametrize(
    ("returned", "says"),
    [
        (None, "returned NoneType"),
        (7, "returned int"),
        ({"text": "x"}, "returned dict"),
        (b"x", "returned bytes"),
        (FunctionReply(), "neither text nor tool_calls"),
        (FunctionReply(7), "text is int"),
        (FunctionReply("x", tool_calls=[ToolCall("a", "{}")]), "tuple of ToolCall"),
        (FunctionReply("x", tool_calls=("a",)), "tuple of ToolCall"),
        (FunctionReply("x", usage={"input_tokens": 1}), "usage is dict"),
        (FunctionReply("x", cost_usd=-1), "cost_usd is -1"),
        (FunctionReply("x", cost_usd=float("nan")), "cost_usd is nan"),
        (FunctionReply("x", cost_usd="0.1"), "cost_usd is '0.1'"),
        (FunctionReply("x", finish_reason=1), "finish_reason is int"),
    ],
)
def test_something_that_is_no_answer_is_refused_in_words(returned, says):
    with pytest.raises(ProviderRefused, match="function of provider 'app'") as refused:
        ask_function(lambda _: returned, Reliability(num_retries=5))
    assert says in str(refused.value)


def test_a_function_may_say_itself_that_it_cannot_be_used():
    def answer(_):
        raise ProviderRefused("the weights are not downloaded")

    with pytest.raises(ProviderRefused, match="weights"):
        ask_function(answer, Reliability(num_retries=5))


@pytest.mark.parametrize("awaited", [False, True])
def test_what_a_function_does_itself_is_no_lag(awaited):
    def answer(_):
        time.sleep(0.1)
        return "billing"

    async def answer_later(_):
        return answer(_)

    attempt = ask_function(answer_later if awaited else answer).attempts[0]
    assert attempt.latency_s >= 0.1
    assert (attempt.lag_s or 0.0) < 0.05


def test_what_an_awaited_function_may_have_waited_for_is_lag():
    async def answer(_):
        asyncio.get_running_loop().call_later(0.01, time.sleep, 0.2)
        await asyncio.sleep(0.05)
        await asyncio.sleep(0.01)
        return "billing"

    attempt = ask_function(answer).attempts[0]
    assert 0.19 < attempt.lag_s <= attempt.latency_s
