"""A command that is killed between the retries of a call: the next one goes on with the call where it was."""

import json
import signal
import time

import pytest

from benchmarks.faults_calls import start
from tests.command_line import evalgate
from tests.loopback import Loopback, answer, delayed, status
from tests.mail_project import write_mail

RELIABILITY = "reliability: {num_retries: 3, backoff_s: 0.001, max_backoff_s: 0.001}\n"
SUITE = "policies: policies/mail\ngrader: {kind: exact}\n"
CASES = [{"id": "m0", "input": "mail 0", "target": "yes"}, {"id": "m1", "input": "mail 1", "target": "yes"}]


class Provider:
    """Answers the first mail; the second with an outage, twice, then with nothing until it is told to."""

    def __init__(self):
        self.then = delayed(600, answer("yes"))
        self.asked = []

    def __call__(self, received):
        text = received.json["messages"][-1]["content"]
        self.asked.append(text)
        if text == "mail 0":
            return answer("yes")
        return status(503) if self.asked.count(text) <= 2 else self.then


@pytest.fixture
def provider():
    return Provider()


@pytest.fixture
def project(tmp_path, provider):
    with Loopback(provider) as server:
        write_mail(tmp_path, "{accuracy: {min: 1%}}", SUITE, "", CASES, {"production": "m"})
        config = tmp_path / "evalgate.yaml"
        lines = [line for line in config.read_text().splitlines() if not line.startswith("providers")]
        lines.append(f"providers: {{here: {{kind: openai, origin: '{server.origin}'}}}}\n")
        config.write_text("\n".join(lines))
        policy = tmp_path / "policies/mail/production.yaml"
        policy.write_text(policy.read_text() + RELIABILITY)
        yield tmp_path


def kill_while_it_waits(project, provider, *arguments):
    process = start(project, *arguments)
    deadline = time.monotonic() + 120
    while provider.asked.count("mail 1") < 3 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    # What the third attempt waits for, the first two and the other call have time to be written meanwhile.
    time.sleep(0.5)
    process.send_signal(signal.SIGKILL)
    process.communicate()


def recorded(project):
    (file,) = (project / "suites/mail/recordings").glob("*.jsonl")
    lines = [json.loads(line) for line in file.read_text().splitlines()[1:]]
    return next(line for line in lines if line["request"]["messages"][-1]["content"] == "mail 1")


@pytest.mark.parametrize("arguments", [("record",), ("run", "--mode", "live")])
def test_attempts_before_a_kill_count(project, provider, arguments):
    kill_while_it_waits(project, provider, *arguments)
    assert provider.asked.count("mail 1") == 3
    provider.then = answer("yes")
    done = evalgate(project, *arguments)
    assert done.returncode == 0, done.stderr
    assert "1 attempt of a run that was killed may have been billed" in done.stderr
    assert (provider.asked.count("mail 0"), provider.asked.count("mail 1")) == (1, 4)
    if arguments == ("record",):
        kinds = [each.get("error") for each in recorded(project)["attempts"]]
        assert kinds == ["server_error", "server_error", None]


def test_they_are_not_tried_more_often_than_the_policy_allows(project, provider):
    kill_while_it_waits(project, provider, "record")
    provider.then = status(503)
    assert "every call failed" in evalgate(project, "record").stderr
    # Two before the kill, one that nobody knows the end of, and the two that were left.
    assert provider.asked.count("mail 1") == 5
    assert len(recorded(project)["attempts"]) == 4


def test_what_had_been_tried_often_enough_is_not_tried_again(project, provider):
    kill_while_it_waits(project, provider, "record")
    policy = project / "policies/mail/production.yaml"
    policy.write_text(policy.read_text().replace("num_retries: 3", "num_retries: 1"))
    provider.then = answer("yes")
    assert "1 call to make" in evalgate(project, "record").stderr
    assert provider.asked.count("mail 1") == 3
    assert [each["error"] for each in recorded(project)["attempts"]] == ["server_error"] * 2
