"""Which commit judges, and which policies it judges, for every event and every state of a clone."""

import sys

import pytest

from tests.pull_requests import PROJECT, Tree, cases, policy


def sloppy_production(tree):
    tree.write("policies/words/production.yaml", policy("sloppy"))


def test_an_edited_production_is_judged_by_the_base_it_had(origin, runner):
    base = origin.work.git("rev-parse", "main")
    tree, payload = origin.open(sloppy_production)
    assert runner.event("pull_request", payload).run(tree) == 1
    assert runner.pairs == [(f"production@{base[:7]}", "production (working tree)")]
    assert runner.outputs["verdict"] == "fail"
    assert runner.outputs["blocked"] == "true"
    assert runner.outputs["exit-code"] == "1"
    assert runner.outputs["accuracy-change"] == "-0.5"
    assert runner.outputs["broke"] == "20"
    assert "blocked" in runner.summary
    assert (runner.out / "evalgate-report.html").stat().st_size > 10_000


def test_a_new_proposal_is_judged_against_production_and_old_ones_are_not(origin, runner, capsys):
    origin.work.write("policies/words/older.yaml", policy("sloppy"))
    base = origin.push_main()
    tree, payload = origin.open(lambda tree: tree.write("policies/words/newer.yaml", policy("loud")))
    assert runner.event("pull_request", payload).run(tree) == 0
    assert runner.pairs == [(f"production@{base[:7]}", "newer")]


def test_an_edited_proposal_is_judged_against_production_not_against_its_older_self(origin, runner):
    origin.work.write("policies/words/older.yaml", policy("sloppy"))
    base = origin.push_main()
    edit = "response: {normalize: [strip]}\n"
    tree, payload = origin.open(lambda tree: tree.write("policies/words/older.yaml", policy("sloppy") + edit))
    assert runner.event("pull_request", payload).run(tree) == 1
    assert runner.pairs == [(f"production@{base[:7]}", "older")]


@pytest.mark.parametrize(
    "change",
    [
        lambda tree: tree.write("README.md", "more words\n"),
        lambda tree: tree.write("app.py", tree.read("app.py") + "# a remark\n"),
        lambda tree: tree.write("policies/words/production.yaml", "# a remark\n" + policy("loud")),
        lambda tree: tree.write("policies/words/rejected/worse.yaml", policy("worse")),
        lambda tree: tree.remove("policies/words/rejected/sloppy.yaml"),
    ],
    ids=["readme", "model code", "comment", "rejected", "deleted"],
)
def test_what_changes_nothing_passes_and_says_so(origin, runner, change):
    tree, payload = origin.open(change)
    assert runner.event("pull_request", payload).run(tree) == 0
    assert runner.result["comparisons"] == []
    assert runner.outputs["verdict"] == "pass"
    assert "report" not in runner.outputs
    assert "nothing that is judged changed" in runner.summary
    assert "has changed" in str(runner.result["notes"])


def test_nothing_is_read_of_the_base_when_no_file_matters(origin, runner, monkeypatch):
    tree, payload = origin.open(lambda tree: tree.write("README.md", "more words\n"))
    monkeypatch.setitem(sys.modules, "evalgate.pipeline.ci.measuring", None)
    assert runner.event("pull_request", payload).run(tree) == 0
    assert "no file that a policy or a suite uses has changed" in str(runner.result["notes"])


def test_a_file_that_a_policy_names_changes_the_policy(origin, runner):
    asks = "prompt: ../../shared/ask.txt\n"
    origin.work.write("shared/ask.txt", "{{input}}\n")
    origin.work.write("policies/words/production.yaml", policy("loud") + asks)
    origin.work.record()
    origin.push_main()
    tree, payload = origin.open(lambda tree: tree.write("shared/ask.txt", "Say {{input}}\n"))
    assert runner.event("pull_request", payload).run(tree) == 4
    assert "evalgate record suites/words --policy production --baseline git:" in runner.summary
    assert runner.outputs["verdict"] == "error"
    assert runner.outputs["exit-code"] == "4"


def test_the_merge_queue(origin, runner):
    tree, payload = origin.open(sloppy_production)
    group = {"merge_group": {"base_sha": payload["pull_request"]["base"]["sha"], "head_sha": "x"}}
    assert runner.event("merge_group", group).run(tree) == 1


def test_a_queue_of_several_needs_more_of_the_history(origin, runner, capsys):
    tree, _ = origin.open(sloppy_production)
    group = {"merge_group": {"base_sha": "f" * 40, "head_sha": "x"}}
    assert runner.event("merge_group", group).run(tree) == 2
    assert "fetch-depth: 0" in capsys.readouterr().err


def test_a_push_is_judged_by_what_was_there_before(origin, runner):
    before = origin.work.git("rev-parse", "main")
    sloppy_production(origin.work)
    after = origin.push_main()
    tree = origin.checkout(after, "refs/heads/main")
    assert runner.event("push", {"before": before, "after": after}).run(tree) == 1
    assert runner.event("push", {"before": "0" * 40, "after": after}).run(tree) == 1
    assert runner.event("push", {"before": "e" * 40, "after": after}).run(tree) == 2


def test_the_first_commit_has_nothing_before_it(origin, runner):
    first = origin.work.git("rev-parse", "main")
    tree = origin.checkout(first, "refs/heads/main")
    assert runner.event("push", {"before": "0" * 40, "after": first}).run(tree) == 0
    assert runner.pairs == [(None, "production")]
    assert "first commit" in str(runner.result["announcements"])


@pytest.mark.parametrize("event", ["schedule", "workflow_dispatch"])
def test_on_a_schedule_everything_is_judged(origin, runner, event):
    origin.work.write("policies/words/older.yaml", policy("sloppy"))
    sha = origin.push_main()
    tree = origin.checkout(sha, "refs/heads/main", depth=1)
    assert runner.event(event, {}).run(tree) == 1
    assert runner.pairs == [(f"production@{sha[:7]}", "older")]


@pytest.mark.parametrize("event", ["pull_request_target", "workflow_run", "issue_comment", "release"])
def test_events_with_secrets_beside_a_strangers_files_are_refused(origin, runner, capsys, event):
    tree, payload = origin.open(sloppy_production, fork=True)
    assert runner.event(event, payload).run(tree) == 2
    assert "run the gate on: pull_request" in capsys.readouterr().err


def test_depth_one_says_what_to_do(origin, runner, capsys):
    tree, payload = origin.open(sloppy_production, depth=1)
    assert runner.event("pull_request", payload).run(tree) == 2
    told = capsys.readouterr()
    assert "this clone is shallow and does not hold the tip of the base branch" in told.err
    assert "fetch-depth: 2" in told.err
    assert told.out.startswith("::error title=evalgate::this clone is shallow")
    assert "fetch-depth: 2" in runner.summary
    assert runner.outputs == {
        "verdict": "error",
        "blocked": "true",
        "exit-code": "2",
        "junit": str(runner.out / "junit.xml"),
    }


def test_a_head_that_is_checked_out_itself_is_not_judged_by_its_own_first_commit(origin, runner, capsys):
    """Two commits, the first of which loosens the budget: the second's parent must not judge."""
    loosen = lambda tree: tree.edit("evalgate.yaml", "5pp", "100pp")  # noqa: E731
    _, payload = origin.open(None, commits=[loosen, sloppy_production])
    head = payload["pull_request"]["head"]["sha"]
    whole = origin.checkout(head, "refs/pull/6/head", depth=0)
    assert runner.event("pull_request", payload).run(whole) == 1
    shallow = origin.checkout(head, "refs/pull/6/head", depth=2)
    assert runner.event("pull_request", payload).run(shallow) == 2
    assert "leave `ref` of actions/checkout out" in capsys.readouterr().err


def test_a_stale_base_in_the_event_does_not_matter(origin, runner):
    tree, payload = origin.open(sloppy_production)
    payload["pull_request"]["base"]["sha"] = "d" * 40
    assert runner.event("pull_request", payload).run(tree) == 1


def test_a_fork_that_was_deleted_is_a_fork(origin, runner, capsys):
    tree, payload = origin.open(sloppy_production)
    payload["pull_request"]["head"]["repo"] = None
    assert runner.event("pull_request", payload).run(tree, "--mode", "auto") == 4
    assert "refused for a fork" in capsys.readouterr().err


def test_an_event_file_that_is_none(origin, runner, capsys):
    tree, _ = origin.open(sloppy_production)
    assert runner.event("pull_request", {"zen": 1}).run(tree) == 2
    assert "the event file is not one of pull_request" in capsys.readouterr().err
    runner.event("pull_request", [])
    assert runner.run(tree) == 2


def test_a_renamed_proposal_is_a_new_one(origin, runner):
    origin.work.write("policies/words/older.yaml", policy("sloppy"))
    origin.push_main()
    rename = lambda tree: tree.git("mv", "policies/words/older.yaml", "policies/words/other.yaml")  # noqa: E731
    tree, payload = origin.open(rename)
    assert runner.event("pull_request", payload).run(tree) == 1
    assert [candidate for _, candidate in runner.pairs] == ["other"]


def test_a_baseline_cannot_just_go(origin, runner, capsys):
    move = lambda tree: tree.git("mv", "policies/words/production.yaml", "policies/words/live.yaml")  # noqa: E731
    tree, payload = origin.open(move)
    assert runner.event("pull_request", payload).run(tree) == 2
    assert "the baseline 'production' is gone, and suite words is still there" in capsys.readouterr().err


def test_a_renamed_baseline_is_judged_by_what_it_was(origin, runner):
    def rename(tree):
        tree.git("mv", "policies/words/production.yaml", "policies/words/live.yaml")
        tree.write("policies/words/live.yaml", policy("sloppy"))
        tree.write("evalgate.yaml", PROJECT + "baseline: live\n")

    tree, payload = origin.open(rename)
    assert runner.event("pull_request", payload).run(tree) == 1
    assert runner.pairs[0][1] == "live (working tree)"
    assert "baseline production → live" in str(runner.result["announcements"])


def test_a_suite_and_its_policies_may_go_together(origin, runner):
    def remove(tree):
        tree.remove("suites/words")
        tree.remove("policies")
        tree.write("suites/other/suite.yaml", "policies: policies/other\ngrader: {kind: exact}\n")
        tree.write("suites/other/cases.jsonl", cases())
        tree.write("policies/other/production.yaml", policy("loud"))
        tree.record()

    tree, payload = origin.open(remove)
    assert runner.event("pull_request", payload).run(tree) == 0
    assert "words is not in the working tree any more" in str(runner.result["announcements"])


def test_the_pull_request_that_adopts_the_gate_is_judged_by_absolute_limits(origin, runner, tmp_path):
    work = origin.work
    work.git("checkout", "-q", "--orphan", "fresh")
    work.git("rm", "-rq", "--cached", ".")
    work.git("add", "README.md")
    work.git("commit", "-q", "-m", "first")
    work.git("branch", "-q", "-M", "fresh", "main")
    work.git("clean", "-qfd", "-e", "app.py")

    def adopt(floor):
        def change(tree):
            tree.git("checkout", "-q", "origin-main", "--", ".")
            tree.edit("evalgate.yaml", "max_drop: 5pp", f"max_drop: 5pp, min: {floor}")
            tree.write("policies/words/sloppy.yaml", policy("sloppy"))

        return change

    work.git("fetch", "-q", str(origin.bare), "main:origin-main")
    tree, payload = origin.open(adopt("40%"))
    assert runner.event("pull_request", payload).run(tree) == 0
    assert {candidate for _, candidate in runner.pairs} == {"production", "sloppy"}
    assert all(baseline is None for baseline, _ in runner.pairs)
    assert [each["verdict"] for each in runner.result["previews"]] == ["fail"]
    assert "nothing to compare with yet" in str(runner.result["announcements"])
    tree, payload = origin.open(adopt("90%"))
    assert runner.event("pull_request", payload).run(tree) == 1


def test_outside_of_github_the_fork_point_judges(origin, runner, monkeypatch, tmp_path):
    tree = origin.work
    tree.git("checkout", "-q", "-b", "topic")
    sloppy_production(tree)
    assert runner.run(tree, "--out", str(runner.out)) == 1
    assert runner.pairs[0][1] == "production (working tree)"
    assert not runner.summary
    assert runner.run(tree, "--out", str(runner.out), "--baseline", "git:HEAD") == 1


def test_no_repository_is_told(runner, tmp_path, capsys, monkeypatch):
    (tmp_path / "empty").mkdir()
    assert runner.run(Tree(tmp_path / "empty"), "--out", str(tmp_path / "out")) == 2
    assert "not in a git repository" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["../report.html", "a/b.html", ""])
def test_a_report_name_that_is_a_path_is_refused(origin, runner, capsys, name):
    tree, payload = origin.open(sloppy_production)
    assert runner.event("pull_request", payload).run(tree, "--report-name", name) == 2
    assert "is no file name" in capsys.readouterr().err


def test_a_bug_is_told_everywhere_and_is_no_verdict(origin, runner, capsys, monkeypatch):
    def bug(*_):
        raise RuntimeError("sk-canary")

    tree, payload = origin.open(sloppy_production)
    monkeypatch.setattr("evalgate.pipeline.ci.judging.projects_reached", bug)
    assert runner.event("pull_request", payload).run(tree) == 70
    assert runner.outputs["exit-code"] == "70"
    assert "a bug in evalgate" in runner.summary
    assert "sk-canary" not in runner.summary + capsys.readouterr().out


def test_a_report_that_fails_leaves_the_verdict_readable(origin, runner, monkeypatch):
    def bug(*_):
        raise RuntimeError

    tree, payload = origin.open(sloppy_production)
    monkeypatch.setattr("evalgate.pipeline.ci.publish._report", bug)
    assert runner.event("pull_request", payload).run(tree) == 70
    assert "blocked" in runner.summary
    assert runner.outputs["verdict"] == "fail"
