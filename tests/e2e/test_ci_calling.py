"""Calls on a pull request: only with a cap, never for a fork, and never in a preview."""

from tests.pull_requests import PROJECT, cases, policy


def another_model(tree):
    tree.write("policies/words/production.yaml", policy("louder"))


def test_calls_need_a_cap(origin, runner, capsys):
    tree, payload = origin.open(another_model)
    runner.event("pull_request", payload)
    assert runner.run(tree, "--mode", "auto") == 2
    assert "as in --max-spend 2.50" in capsys.readouterr().err
    assert runner.run(tree) == 4
    assert runner.run(tree, "--mode", "auto", "--max-spend", "1") == 0
    judged = runner.result["comparisons"][0]
    assert (judged["calls"]["made"], judged["calls"]["added"]) == (40, 0)
    assert runner.outputs["spend-usd"] == "0.040000"


def test_the_cap_ends_it_with_a_code_of_its_own(origin, runner):
    tree, payload = origin.open(another_model)
    assert runner.event("pull_request", payload).run(tree, "--mode", "live", "--max-spend", "0.005") == 5
    assert runner.outputs["verdict"] == "error"
    assert "spend cap reached" in runner.summary


def test_a_fork_calls_nobody_whatever_the_workflow_says(origin, runner, monkeypatch, capsys):
    monkeypatch.setenv("EVALGATE_MODE", "live")
    monkeypatch.setenv("EVALGATE_MAX_SPEND", "100")
    tree, payload = origin.open(another_model, fork=True)
    assert runner.event("pull_request", payload).run(tree) == 4
    assert "refused for a fork" in capsys.readouterr().err


def test_a_preview_makes_no_call(origin, runner):
    def change(tree):
        tree.write("evalgate.yaml", PROJECT.replace("5pp", "6pp"))
        tree.write("suites/words/cases.jsonl", cases(60))
        tree.write("policies/words/production.yaml", policy("loud", response="{normalize: [strip]}"))

    tree, payload = origin.open(change)
    runner.event("pull_request", payload)
    assert runner.run(tree, "--mode", "auto", "--max-spend", "1") == 0
    assert runner.result["comparisons"][0]["calls"]["made"] == 0
    assert "cannot be previewed" in str(runner.result["announcements"])
