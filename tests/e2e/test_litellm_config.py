"""The config that really ships: proposals that are LiteLLM configs, and policies beside such a config."""

import json
import subprocess

import pytest
import yaml

from tests.command_line import evalgate
from tests.loopback import Loopback, answer, status

CASES = 120
KEY = "sk-loopback-canary-0123456789"
PROJECT = """
providers: {gateway: {kind: openai, origin: "ORIGIN", key_env: MAIL_KEY}}
budgets: {accuracy: {max_drop: 5pp}, cost_per_correct: {max_rise: 10%}}
"""
SUITE = """
policies: policies/mail
grader: {kind: choice, labels: [billing, shipping]}
"""
POLICY = """
from: {kind: litellm, file: ../../litellm/NAME.yaml}
use: support
prompt: [{role: system, content: "One of: billing, shipping."}, {role: user, content: "{{input}}"}]
params: {temperature: 0, max_tokens: 4}
reliability: {backoff_s: 0.001}
"""
AS_JSON = ("check", "production", "--against", "litellm/no-fallback.yaml", "--format", "json")
AGAINST = """\
1 difference between policies/mail/production.yaml and litellm/no-fallback.yaml

  reliability.fallbacks.support
    policy  [spare]  (policies/mail/production.yaml:2:1)
    config  says nothing  (litellm/no-fallback.yaml:19:3)

"""
MODELS = {"good": 10, "backup": 20, "cheap": 2}


def config(origin, model="good", **router):
    def entry(name, model):
        where = {"api_base": f"{origin}/v1", "api_key": "os.environ/MAIL_KEY"}
        price = {"input_cost_per_token": MODELS[model] / 1e6, "output_cost_per_token": MODELS[model] / 1e6}
        return {
            "model_name": name,
            "litellm_params": {"model": f"openai/{model}-2026-01-01", **where, **price},
        }

    settings = {"num_retries": 1, "timeout": 10, "fallbacks": [{"support": ["spare"]}], **router}
    return {"model_list": [entry("support", model), entry("spare", "backup")], "router_settings": settings}


def write(root, name, found):
    (root / "litellm").mkdir(exist_ok=True)
    (root / f"litellm/{name}.yaml").write_text(yaml.safe_dump(found, sort_keys=False))
    (root / f"policies/mail/{name}.yaml").write_text(POLICY.replace("NAME", name))


def serves(received):
    """Answer right; a fifth of the mails finds every model but the backup broken."""
    asked = received.json
    broken = int(asked["messages"][-1]["content"].split()[1]) % 5 == 0
    if broken and not asked["model"].startswith("backup"):
        return status(503)
    return answer("billing")


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A project whose calls were recorded while the server was there."""
    root = tmp_path_factory.mktemp("mail")
    for name in ("suites/mail", "policies/mail"):
        (root / name).mkdir(parents=True)
    (root / "suites/mail/suite.yaml").write_text(SUITE)
    cases = [{"id": f"m{n}", "input": f"mail {n}", "target": "billing"} for n in range(CASES)]
    (root / "suites/mail/cases.jsonl").write_text("".join(json.dumps(case) + "\n" for case in cases))
    git(root, "init", "-q", "-b", "main")
    with Loopback(serves) as server:
        (root / "evalgate.yaml").write_text(PROJECT.replace("ORIGIN", server.origin))
        write(root, "production", config(server.origin))
        write(root, "cheaper", config(server.origin, model="cheap"))
        write(root, "no-fallback", config(server.origin, fallbacks=[]))
        write(root, "resting", config(server.origin, allowed_fails=1, cooldown_time=4))
        write(root, "patient", config(server.origin, allowed_fails=4))
        done = evalgate(root, "record", "suites/mail", "--seed", "3", MAIL_KEY=KEY)
        assert done.returncode == 0, done.stderr
    (root / "origin").write_text(server.origin)
    git(root, "add", "evalgate.yaml", "suites", "policies/mail/production.yaml", "litellm/production.yaml")
    git(root, "commit", "-q", "-m", "What serves")
    return root


def git(folder, *arguments):
    named = ["-c", "user.name=Nobody", "-c", "user.email=nobody@example.org"]
    done = subprocess.run(
        ["git", *named, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def judged(root, *arguments):
    done = evalgate(root, "run", "--format", "json", *arguments)
    (comparison,) = json.loads(done.stdout)["comparisons"]
    found = {(each["metric"], each["limit"]): each["verdict"] for each in comparison["checks"]}
    return done, comparison, found


def test_a_config_with_a_cheaper_model_ships(recorded):
    done, comparison, found = judged(recorded, "--policy", "cheaper")
    assert done.returncode == 0, done.stderr
    assert found == {("accuracy", "max_drop"): "pass", ("cost_per_correct", "max_rise"): "pass"}
    assert comparison["calls"]["made"] == 0
    assert KEY not in done.stdout + done.stderr


def test_a_config_without_its_fallback_is_blocked_by_the_mails_that_nobody_answers(recorded):
    done, comparison, found = judged(recorded, "--policy", "no-fallback")
    assert done.returncode == 1, done.stderr
    assert found["accuracy", "max_drop"] == "fail"
    assert comparison["cases"]["failed"] == CASES // 5


def test_a_config_that_rests_the_cheap_model_after_every_failure_is_blocked_by_its_cost(recorded):
    # A fifth of the mails fails twice, and the mails of the next four seconds go to the spare.
    done, comparison, found = judged(recorded, "--policy", "resting")
    assert done.returncode == 1, done.stderr
    assert found == {("accuracy", "max_drop"): "pass", ("cost_per_correct", "max_rise"): "fail"}
    assert any("allowed_fails" in str(line) for line in comparison["policy_diff"])
    # Four failures in LiteLLM's five seconds are two such mails: nothing ever rests.
    done, comparison, found = judged(recorded, "--policy", "patient")
    assert done.returncode == 0, done.stderr
    assert found == {("accuracy", "max_drop"): "pass", ("cost_per_correct", "max_rise"): "pass"}
    assert any("allowed_fails" in str(line) for line in comparison["policy_diff"])


def test_a_change_of_the_config_alone_is_a_proposal(recorded):
    file = recorded / "litellm/production.yaml"
    before = file.read_text()
    try:
        file.write_text(before.replace("fallbacks:\n  - support:\n    - spare\n", "fallbacks: []\n"))
        assert file.read_text() != before
        done, comparison, found = judged(recorded, "--baseline", "git:HEAD", "--policy", "production")
        assert done.returncode == 1, done.stderr
        assert found["accuracy", "max_drop"] == "fail"
        assert comparison["candidate"].startswith("production")
        assert any("fallbacks" in str(line) for line in comparison["policy_diff"])
        git(recorded, "checkout", "-q", "-b", "fewer")
        _, comparison, found = judged(recorded, "--policy", "production")
        # Nobody named a baseline: what was merged is it.
        assert "@" in comparison["baseline"]
        assert found["accuracy", "max_drop"] == "fail"
        git(recorded, "commit", "-q", "-am", "Fewer fallbacks")
        done = evalgate(recorded, "ci", "--baseline", "git:HEAD~1")
        assert done.returncode == 1, done.stdout + done.stderr
    finally:
        file.write_text(before)
        git(recorded, "checkout", "-q", "-f", "main")


def test_every_difference_between_a_policy_and_the_config_is_named(recorded):
    same = evalgate(recorded, "check", "--against", "litellm/production.yaml")
    said = "policies/mail/production.yaml says what litellm/production.yaml says\n"
    assert (same.returncode, same.stdout, same.stderr) == (0, said, "")
    done = evalgate(recorded, "check", "--against", "litellm/no-fallback.yaml", "production", "cheaper")
    assert done.returncode == 1
    assert done.stdout.startswith(AGAINST)
    found = json.loads(evalgate(recorded, *AS_JSON).stdout)
    assert (found["schema"], found["exit_code"]) == ("evalgate/check-against@1", 1)
    (policy,) = found["policies"]
    assert [each["key"] for each in policy["differences"]] == ["reliability.fallbacks.support"]
    (line, *_) = evalgate(recorded, *AS_JSON[:-1], "github").stdout.split("\n")
    assert line.startswith(
        "::error file=policies/mail/production.yaml,line=2,col=1,title=evalgate%3A reliability"
    )


def test_what_cannot_be_compared_is_bad_input(recorded):
    done = evalgate(recorded, "check", "--against", "evalgate.yaml")
    assert done.returncode == 2
    assert "this is no LiteLLM config: it has no model_list" in done.stderr
    done = evalgate(recorded, "check", "--against", "litellm/production.yaml", "produktion")
    assert (done.returncode, "did you mean 'production'?" in done.stderr) == (2, True)
    done = evalgate(recorded, "check", "production")
    assert (done.returncode, "POLICY goes with --against" in done.stderr) == (2, True)


def test_a_config_that_is_not_there_is_told_with_what_is_wanted(tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / "evalgate.yaml").write_text("")
    done = evalgate(tmp_path, "check", "--against", "missing.yaml")
    assert done.returncode == 2
    assert "missing.yaml: no such file\n    name a LiteLLM proxy's config" in done.stderr
