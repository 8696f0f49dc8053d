"""The comment of a pull request, from ``evalgate ci`` to a GitHub API on loopback."""

import pytest

from tests.github_api import FakeGitHub
from tests.pull_requests import policy

MARKER = "<!-- evalgate:v1 evalgate-report.html -->"


@pytest.fixture
def github(runner, monkeypatch):
    with FakeGitHub() as server:
        monkeypatch.setattr("evalgate.github.api.time.sleep", lambda _: None)

        def again():
            for name, value in server.environ().items():
                monkeypatch.setenv(name, value)
            return server

        server.again = again
        again()
        yield server


def worse(tree):
    tree.write("policies/words/production.yaml", policy("sloppy"))


def harmless(tree):
    tree.write("README.md", "more\n")


def test_a_block_is_commented_and_kept_up_to_date(origin, runner, github):
    tree, payload = origin.open(worse)
    assert runner.event("pull_request", payload).run(tree) == 1
    [comment] = github.comments
    body = comment["body"]
    assert body.startswith(f"{MARKER}\n### ✗ evalgate: blocked: accuracy fell by at least 37.4 points")
    assert "production (working tree)" in body
    assert "<code>&#64;words-team</code>" in body
    assert "[Summary and full report](https://github.example/owner/words/actions/runs/77)" in body
    assert runner.outputs["comment-url"] == f"{github.origin}/comment/1000"
    assert len(body) < 3000
    # Neither a question nor an answer stands in it.
    assert "W0" not in body
    fixed, _ = origin.open(harmless)
    github.again()
    assert runner.run(fixed) == 0
    assert len(github.comments) == 1
    assert "### ✓ evalgate: pass" in github.comments[0]["body"]


def test_an_error_does_not_leave_an_older_verdict_standing(origin, runner, github):
    tree, payload = origin.open(worse)
    runner.event("pull_request", payload).run(tree)
    broken, _ = origin.open(lambda tree: tree.write("evalgate.yaml", "suits: [x]\n"))
    github.again()
    assert runner.run(broken) == 2
    [comment] = github.comments
    assert "### ✗ evalgate: a file or an option is wrong" in comment["body"]
    assert "no verdict on the change" in comment["body"]


def test_an_error_alone_is_no_comment(origin, runner, github):
    tree, payload = origin.open(lambda tree: tree.write("evalgate.yaml", "suits: [x]\n"))
    assert runner.event("pull_request", payload).run(tree) == 2
    assert github.comments == []


@pytest.mark.parametrize(("wanted", "comments"), [("auto", 0), ("always", 1), ("never", 0)])
def test_what_changes_nothing_is_not_worth_a_comment(origin, runner, github, wanted, comments):
    tree, payload = origin.open(lambda tree: tree.write("policies/words/more.yaml", policy("loud")))
    assert runner.event("pull_request", payload).run(tree, "--comment", wanted) == 0
    assert len(github.comments) == comments


def test_a_change_beyond_noise_is_worth_one_though_it_passes(origin, runner, github):
    better = policy("loud").replace("0.001", "0.001") + "response: {normalize: [strip]}\n"
    origin.work.write("policies/words/production.yaml", policy("sloppy"))
    origin.push_main()
    tree, payload = origin.open(lambda tree: tree.write("policies/words/production.yaml", better))
    assert runner.event("pull_request", payload).run(tree) == 0
    assert len(github.comments) == 1
    assert "### ✓ evalgate: pass" in github.comments[0]["body"]


@pytest.mark.parametrize("status", [403, 422, 500])
def test_a_refused_comment_never_changes_the_verdict(origin, runner, github, capsys, status):
    github.failures += [("POST", status)] * 3
    tree, payload = origin.open(worse)
    assert runner.event("pull_request", payload).run(tree) == 1
    assert "comment-url" not in runner.outputs
    assert (
        f"::notice title=evalgate::the comment could not be written ({status}: no POST)"
        in capsys.readouterr().out
    )
    assert "blocked" in runner.summary


def test_a_fork_gets_no_comment_and_one_quiet_line(origin, runner, github, capsys):
    tree, payload = origin.open(worse, fork=True)
    assert runner.event("pull_request", payload).run(tree) == 1
    assert github.asked == []
    assert capsys.readouterr().out.count("::notice") == 1


def test_the_queue_has_no_pull_request_to_comment_on(origin, runner, github):
    tree, payload = origin.open(worse)
    group = {"merge_group": {"base_sha": payload["pull_request"]["base"]["sha"], "head_sha": "x"}}
    assert runner.event("merge_group", group).run(tree) == 1
    assert github.asked == []


def test_without_a_token_it_is_said(origin, runner, github, capsys, monkeypatch):
    monkeypatch.setenv("EVALGATE_GITHUB_TOKEN", "")
    tree, payload = origin.open(worse)
    assert runner.event("pull_request", payload).run(tree) == 1
    assert "no token was given" in capsys.readouterr().out


def test_names_in_a_comment_are_names_and_no_more(origin, runner, github):
    bad = "sl|oppy`@octocat <img src=x>"

    def change(tree):
        tree.write(f"policies/words/{bad.replace('/', '')}.yaml", policy("sloppy"))

    tree, payload = origin.open(change)
    assert runner.event("pull_request", payload).run(tree) == 1
    body = github.comments[0]["body"]
    assert "@octocat" not in body
    assert "<img" not in body
