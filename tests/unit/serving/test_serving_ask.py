"""A micro-batching window is waited for before every attempt, whoever asks."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalgate.core.batch_file import MicrobatchFile
from evalgate.core.calls import Attempt
from evalgate.core.cascade_file import CascadeFile, SelfConsistency, Verifier
from evalgate.core.cases import Case
from evalgate.core.messages import Message
from evalgate.core.policy import Cascade
from evalgate.core.policy_file import Reliability
from evalgate.core.quantities import Quantity
from evalgate.serving.serve import Asked, serve
from tests.unit.serving.serving_fakes import ScriptedCaller, deployment, policy

BROKEN = Attempt(latency_s=0.5, error="server_error", status=503)


def collecting(alias, window_s=0.02, size=8, **more):
    written = MicrobatchFile(window=Quantity(window_s, "s"), max_size=size)
    return replace(deployment(alias, **more), microbatch=written)


def served(made, script=None):
    asked = Asked(Case(id="c", input="q"), 0, 0.0)
    return asyncio.run(serve(asked, made, ScriptedCaller(script), None))


def test_every_attempt_waits_the_window_too():
    rules = Reliability(num_retries=1, backoff_s=2, max_backoff_s=2, backoff_jitter="none")
    outcome = served(policy(collecting("weak"), reliability=rules), {"model-weak": [BROKEN]})
    (step,) = outcome.steps
    assert [attempt.wait_s for attempt in step.attempts] == [0.02, 2.02]
    assert outcome.latency_s == pytest.approx(0.5 + 2 + 0.1 + 2 * 0.02)


def test_samples_and_verifiers_are_collected_as_well():
    checker = collecting("checker", prompt=(Message("user", "{{answer}}"),))
    verified = CascadeFile(
        order=["weak", "strong"],
        confidence=Verifier(kind="verifier", deployment="checker", range=(0, 1)),
        escalate_below=-1,
    )
    made = policy(deployment("weak"), deployment("strong"), checker)
    outcome = served(replace(made, use=None, cascade=Cascade(verified)))
    assert outcome.latency_s == pytest.approx(0.1 + 0.1 + 0.02)
    voting = CascadeFile(
        order=["weak", "strong"],
        confidence=SelfConsistency(kind="self_consistency", samples=3, parallel=False),
        escalate_below=0,
    )
    made = policy(collecting("weak", params={"temperature": 1}), deployment("strong"))
    outcome = served(replace(made, use=None, cascade=Cascade(voting)))
    assert outcome.latency_s == pytest.approx(3 * (0.1 + 0.02))


@given(st.floats(0, 5), st.floats(0, 5), st.integers(2, 64))
def test_a_longer_window_never_shortens_a_wait(one_s, more_s, size):
    short, long = (served(policy(collecting("weak", window_s, size))) for window_s in (one_s, one_s + more_s))
    assert short.latency_s <= long.latency_s
    assert short.result == long.result
    assert short.steps[0].digest == long.steps[0].digest


@pytest.mark.parametrize(("window_s", "size"), [(0.0, 8), (3.0, 1)])
def test_no_window_and_no_company_change_nothing(window_s, size):
    assert served(policy(collecting("weak", window_s, size))) == served(policy(deployment("weak")))
