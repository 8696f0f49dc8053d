"""A policy of one call a case is walked without serving it; whichever way, the calls are the same."""

import pytest

from evalgate.load.project import load_project
from evalgate.pipeline.measuring import walk as walking
from evalgate.pipeline.measuring.recorded import committed
from evalgate.store.recordings import Recordings

PLAIN = """
prompt: [{role: user, content: "{{input}}"}]
deployments:
  only: {provider: far, model: small, revision: "1", params: {max_tokens: 10}, price: {per_request: 0.1}MORE}
"""
NOTHING = Recordings({}, ())


def both_ways(suite, policy, recordings, monkeypatch, *, succeeding):
    quick = walking.walk(suite, policy, recordings, succeeding=succeeding)
    with monkeypatch.context() as patched:
        patched.setattr(walking, "asks_one_alone", lambda _: False)
        served = walking.walk(suite, policy, recordings, succeeding=succeeding)
    return quick, served


@pytest.fixture
def plain(mail):
    def load(more=""):
        mail.write("policies/mail/plain.yaml", PLAIN.replace("MORE", more))
        (suite,) = load_project(mail.root).suites
        return suite, next(each for each in suite.proposals if each.name.endswith("plain"))

    return load


@pytest.mark.parametrize("succeeding", [True, False])
@pytest.mark.parametrize("more", ["", ", num_retries: 3", ", request_timeout_s: 0.001"])
def test_a_plain_policy_needs_the_same_calls_either_way(plain, monkeypatch, more, succeeding):
    suite, policy = plain(more)
    assert walking.asks_one_alone(policy)
    for recordings in (committed(suite), NOTHING, None):
        quick, served = both_ways(suite, policy, recordings, monkeypatch, succeeding=succeeding)
        assert quick == served
        assert len(quick.by_case) == len(suite.cases)


def test_whatever_asks_more_than_once_is_served(mail):
    (suite,) = load_project(mail.root).suites
    assert [walking.asks_one_alone(policy) for policy in (suite.baseline, *suite.proposals)] == [
        False for _ in range(1 + len(suite.proposals))
    ]
