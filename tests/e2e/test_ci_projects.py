"""A repository with several projects: one run, one decision, and only what the change can reach."""

import pytest

from tests.github_api import FakeGitHub
from tests.pull_requests import PROJECT, SUITE, Tree, cases, policy, write_project


@pytest.fixture
def monorepo(origin):
    """Two teams beside the project at the top; each has a suite that is called words."""
    for team in ("search", "billing"):
        tree = Tree(origin.work.folder / "teams" / team)
        tree.folder.mkdir(parents=True)
        write_project(tree)
        (tree.folder / ".gitignore").unlink()
        tree.write("suites/words/suite.yaml", SUITE.replace("words-team", f"{team}-team"))
        tree.record("--policy", "sloppy")
    origin.push_main()
    return origin


def worse(tree, team):
    tree.write(f"teams/{team}/policies/words/production.yaml", policy("sloppy"))


def test_only_the_projects_that_the_change_reaches_are_looked_at(monorepo, runner):
    tree, payload = monorepo.open(lambda tree: worse(tree, "search"))
    assert runner.event("pull_request", payload).run(tree) == 1
    [only] = runner.result["comparisons"]
    assert only["suite"] == "teams/search/words"
    assert only["file"] == "teams/search/policies/words/production.yaml"
    assert only["owners"] == ["@search-team"]
    assert all("teams/search: " in note for note in runner.result["notes"])


def test_one_decision_and_one_comment_with_a_row_for_each_team(monorepo, runner, monkeypatch, capsys):
    def change(tree):
        worse(tree, "search")
        harmless = policy("loud", response="{normalize: [strip]}")
        tree.write("teams/billing/policies/words/production.yaml", harmless)

    tree, payload = monorepo.open(change)
    with FakeGitHub() as github:
        for name, value in github.environ().items():
            monkeypatch.setenv(name, value)
        assert runner.event("pull_request", payload).run(tree) == 1
    assert runner.outputs["verdict"] == "fail"
    assert {each["suite"]: each["blocked"] for each in runner.result["comparisons"]} == {
        "teams/billing/words": False,
        "teams/search/words": True,
    }
    [comment] = github.comments
    rows = [line for line in comment["body"].split("\n") if line.startswith("| `teams/")]
    assert [row.split("`")[1] for row in rows] == ["teams/search/words", "teams/billing/words"]
    assert "&#64;search-team" in rows[0]
    assert "&#64;billing-team" in rows[1]
    assert "file=teams/search/policies/words/production.yaml,line=2" in capsys.readouterr().out
    page = (runner.out / "evalgate-report.html").read_text()
    assert "teams/billing/words" in page
    assert "teams/search/words" in page


def test_config_judges_one_project(monorepo, runner):
    tree, payload = monorepo.open(lambda tree: (worse(tree, "search"), worse(tree, "billing")))
    runner.event("pull_request", payload)
    assert runner.run(tree, "--config", "teams/billing/evalgate.yaml") == 1
    assert [each["suite"] for each in runner.result["comparisons"]] == ["words"]
    assert runner.run(tree.folder / "teams/search") == 1
    assert [each["file"] for each in runner.result["comparisons"]] == [
        "teams/search/policies/words/production.yaml"
    ]


def test_a_team_that_adopts_the_gate_is_judged_by_absolute_limits(monorepo, runner):
    def adopt(tree):
        new = Tree(tree.folder / "teams/new")
        write_project(new)
        (new.folder / ".gitignore").unlink()
        new.write("policies/words/poor.yaml", policy("sloppy"))
        new.record()
        worse(tree, "search")

    tree, payload = monorepo.open(adopt)
    assert runner.event("pull_request", payload).run(tree) == 1
    blocked = {each["suite"]: each["blocked"] for each in runner.result["comparisons"]}
    assert blocked["teams/search/words"] is True
    assert blocked["teams/new/words"] is False
    assert [each["suite"] for each in runner.result["previews"]] == ["teams/new/words"]


def test_a_team_cannot_take_its_gate_away(monorepo, runner, capsys):
    tree, payload = monorepo.open(lambda tree: tree.remove("teams/search/evalgate.yaml"))
    assert runner.event("pull_request", payload).run(tree) == 2
    assert "teams/search/evalgate.yaml: it is in commit" in capsys.readouterr().err


def test_the_cap_is_one_over_all_projects(monorepo, runner):
    def change(tree):
        for team in ("billing", "search"):
            tree.write(f"teams/{team}/policies/words/production.yaml", policy("louder"))

    tree, payload = monorepo.open(change)
    runner.event("pull_request", payload)
    assert runner.run(tree, "--mode", "auto", "--max-spend", "0.06") == 5
    assert "spend cap reached" in runner.summary


def test_two_suites_of_one_project_over_one_family(origin, runner):
    origin.work.write("suites/more/suite.yaml", SUITE)
    origin.work.write("suites/more/cases.jsonl", cases(30))
    origin.work.write("evalgate.yaml", PROJECT)
    origin.work.record()
    origin.push_main()
    tree, payload = origin.open(
        lambda tree: tree.write(
            "policies/words/production.yaml", policy("loud", response="{normalize: [strip]}")
        )
    )
    assert runner.event("pull_request", payload).run(tree) == 0
    assert [each["suite"] for each in runner.result["comparisons"]] == ["more", "words"]
