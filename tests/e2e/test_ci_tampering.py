"""A pull request cannot loosen the gate that judges it: one test for each way to try."""

import datetime as dt
import json

import pytest

from tests.pull_requests import PROJECT, SUITE, cases, policy

GRADED = SUITE.replace("{kind: exact}", '{kind: function, path: "graders:same"}')
GRADER = "def same(case, answer):\n    return answer.text == case.target\n"
ALWAYS = "def same(case, answer):\n    return True\n"
ROUTED = """\
deployments:
  strong: {provider: app, model: loud, revision: "1", price: {per_request: 0.001}}
  weak: {provider: app, model: sloppy, revision: "1", price: {per_request: 0.001}}
router: {kind: function, path: "need:need", range: [0, 1], threshold: 0.5, strong: strong, weak: weak}
"""


def worse(tree):
    tree.write("policies/words/production.yaml", policy("sloppy"))


def easy_cases(tree):
    kept = [line for line in cases().splitlines() if json.loads(line)["id"][-1] in "13579"]
    tree.write("suites/words/cases.jsonl", "\n".join(kept) + "\n")


def point_elsewhere(tree):
    tree.write("easy/words/suite.yaml", SUITE)
    tree.write("easy/words/cases.jsonl", cases(3, first=1))
    tree.write("evalgate.yaml", PROJECT + "suites: [easy]\n")


WAIVER = "waivers:\n  - {metric: accuracy, allowance: 100pp, reason: trust me, expiry: 2999-01-01}\n"
LOOSENED = {
    "budget": lambda tree: tree.edit("evalgate.yaml", "5pp", "100pp"),
    "budget of the suite": lambda tree: tree.write(
        "suites/words/suite.yaml", SUITE + "budgets: {accuracy: {max_drop: 100pp}}\n"
    ),
    "no budget": lambda tree: tree.write("evalgate.yaml", PROJECT.partition("budgets:")[0]),
    "strictness": lambda tree: tree.write("evalgate.yaml", PROJECT + "on_inconclusive: warn\n"),
    "significance": lambda tree: tree.write("evalgate.yaml", PROJECT + "alpha: 0.0001\n"),
    "cases deleted": easy_cases,
    "targets edited": lambda tree: tree.write(
        "suites/words/cases.jsonl", cases().replace('"target": "W', '"target": "?')
    ),
    "suite deleted": lambda tree: (
        tree.git("mv", "suites/words", "suites/other"),
        tree.write("suites/other/cases.jsonl", cases(2, first=1)),
    ),
    "grader": lambda tree: tree.edit(
        "suites/words/suite.yaml", "{kind: exact}", '{kind: regex, pattern: "."}'
    ),
    "waiver": lambda tree: tree.write("suites/words/suite.yaml", SUITE + WAIVER),
    "evalgate.yaml points elsewhere": point_elsewhere,
    "another baseline": lambda tree: (
        tree.write("policies/words/poor.yaml", policy("sloppy")),
        tree.write("evalgate.yaml", PROJECT + "baseline: poor\n"),
    ),
    "a project around the gate": lambda tree: tree.write("suites/evalgate.yaml", "suites: [nowhere]\n"),
    "pyproject": lambda tree: tree.write(
        "pyproject.toml", "[tool.evalgate]\nmode = 'live'\nbudgets = {}\n[tool.pytest.ini_options]\n"
    ),
    "settings of other tools": lambda tree: (
        tree.write(".env", "EVALGATE_ON_INCONCLUSIVE=warn\n"),
        tree.write("uv.toml", 'index-url = "https://example.invalid"\n'),
        tree.write("sitecustomize.py", "raise SystemExit(0)\n"),
        tree.write("evalgate/__init__.py", "raise SystemExit(0)\n"),
    ),
}


BY_A_FORK = ("budget", "grader", "waiver", "evalgate.yaml points elsewhere")


@pytest.mark.parametrize(
    ("way", "fork"), [*((way, False) for way in LOOSENED), *((way, True) for way in BY_A_FORK)]
)
def test_the_rules_of_the_base_judge(origin, runner, way, fork):
    def change(tree):
        worse(tree)
        LOOSENED[way](tree)
        if way == "another baseline":
            tree.write("policies/words/production.yaml", policy("loud"))

    tree, payload = origin.open(change, fork=fork)
    assert runner.event("pull_request", payload).run(tree) == (2 if way == "a project around the gate" else 1)
    if way == "a project around the gate":
        return
    judged = next(each for each in runner.result["comparisons"] if each["suite"] == "words")
    assert judged["checks"][0]["allowance"] == 0.05
    assert judged["checks"][0]["waiver"] is None
    assert judged["cases"]["total"] == 40
    assert judged["cases"]["broke"] == 20
    silent = {"suite deleted", "pyproject", "settings of other tools"}
    assert way in silent or "the ruler changed" in str(runner.result["announcements"])
    assert way in silent or "⚠" in runner.summary


def test_new_rules_are_previewed_and_say_nothing_about_the_verdict(origin, runner):
    def change(tree):
        worse(tree)
        LOOSENED["budget"](tree)

    tree, payload = origin.open(change)
    assert runner.event("pull_request", payload).run(tree) == 1
    [preview] = runner.result["previews"]
    accuracy = preview["checks"][0]
    assert (accuracy["allowance"], accuracy["verdict"]) == (1.0, "pass")
    assert "Preview by the rules of this change" in runner.summary


def test_rules_alone_are_previewed_on_what_is_there(origin, runner):
    tree, payload = origin.open(lambda tree: tree.edit("evalgate.yaml", "5pp", "1pp, min: 99%"))
    assert runner.event("pull_request", payload).run(tree) == 0
    assert runner.result["comparisons"] == []
    assert [each["verdict"] for each in runner.result["previews"]] == ["inconclusive"]
    assert "budget accuracy.max_drop 5pp (estimate) → 1pp (estimate)" in str(runner.result["announcements"])


def test_a_preview_that_fails_is_told_and_no_more(origin, runner):
    def change(tree):
        tree.write("suites/words/cases.jsonl", cases(42))
        tree.write("policies/words/production.yaml", policy("loud", response="{normalize: [strip]}"))

    tree, payload = origin.open(change)
    assert runner.event("pull_request", payload).run(tree) == 0
    assert "cannot be previewed: suite words" in str(runner.result["announcements"])


@pytest.mark.parametrize("fork", [False, True], ids=["branch", "fork"])
def test_a_tampered_grader_does_not_judge(origin, runner, tmp_path, fork):
    origin.work.write("suites/words/suite.yaml", GRADED)
    origin.work.write("graders.py", GRADER)
    origin.push_main()
    trace = tmp_path / "it-ran"

    def change(tree):
        worse(tree)
        tree.write("graders.py", f"open({str(trace)!r}, 'w')\n" + ALWAYS)

    tree, payload = origin.open(change, fork=fork)
    assert runner.event("pull_request", payload).run(tree) == 1
    assert runner.result["comparisons"][0]["cases"]["broke"] == 20
    assert "the grader's code" in str(runner.result["announcements"])
    assert trace.exists() is not fork
    assert not fork or "code of a fork is never run" in str(runner.result["announcements"])


def test_what_a_grader_imports_is_the_bases_too(origin, runner):
    origin.work.write("suites/words/suite.yaml", GRADED)
    origin.work.write(
        "graders.py", "import truth\n" + GRADER.replace("==", "in truth.of(case), answer.text ==")
    )
    origin.work.write(
        "graders.py", "import truth\ndef same(case, answer):\n    return truth.told(case, answer)\n"
    )
    origin.work.write("truth.py", "def told(case, answer):\n    return answer.text == case.target\n")
    origin.push_main()

    def change(tree):
        worse(tree)
        tree.write("truth.py", "def told(case, answer):\n    return True\n")

    tree, payload = origin.open(change)
    assert runner.event("pull_request", payload).run(tree) == 1


@pytest.mark.parametrize(
    "path", ["evil:score", "os:getpid", "need:need"], ids=["new code", "installed code", "changed code"]
)
def test_an_import_path_into_the_forks_code_runs_nothing(origin, runner, tmp_path, capsys, path):
    origin.work.write("policies/words/production.yaml", ROUTED)
    origin.work.write("need.py", "def need(case):\n    return 1.0\n")
    origin.push_main()
    trace = tmp_path / "it-ran"

    def change(tree):
        tree.write("evil.py", f"open({str(trace)!r}, 'w')\ndef score(case):\n    return 1.0\n")
        tree.write("policies/words/evil.yaml", ROUTED.replace("need:need", path))
        if path == "need:need":
            tree.write("need.py", f"open({str(trace)!r}, 'w')\ndef need(case):\n    return 0.0\n")

    tree, payload = origin.open(change, fork=True)
    assert runner.event("pull_request", payload).run(tree) == 4
    assert (
        f"{path} is code of a fork, or changed by it, and code of forks is never run"
        in capsys.readouterr().err
    )
    assert not trace.exists()


def test_the_bases_router_runs_for_a_fork_that_does_not_touch_it(origin, runner):
    origin.work.write("policies/words/production.yaml", ROUTED)
    origin.work.write("need.py", "def need(case):\n    return 1.0\n")
    origin.push_main()
    tree, payload = origin.open(
        lambda tree: tree.write("policies/words/more.yaml", ROUTED.replace("0.5", "0.6")), fork=True
    )
    assert runner.event("pull_request", payload).run(tree) == 0
    assert [candidate for _, candidate in runner.pairs] == ["more"]


def test_a_function_provider_of_a_fork_is_never_imported(origin, runner, tmp_path):
    trace = tmp_path / "it-ran"

    def change(tree):
        tree.write("app.py", f"open({str(trace)!r}, 'w')\n" + tree.read("app.py"))
        worse(tree)

    tree, payload = origin.open(change, fork=True)
    assert runner.event("pull_request", payload).run(tree) == 1
    assert not trace.exists()


def test_code_of_a_branch_sees_neither_the_runners_files_nor_its_token(origin, runner, tmp_path, monkeypatch):
    monkeypatch.setenv("EVALGATE_GITHUB_TOKEN", "")
    trace = tmp_path / "names"
    leak = f"import os\nopen({str(trace)!r}, 'w').write(' '.join(os.environ))\n"
    origin.work.write("suites/words/suite.yaml", GRADED)
    origin.work.write("graders.py", leak + GRADER)
    origin.push_main()
    tree, payload = origin.open(worse)
    assert runner.event("pull_request", payload).run(tree) == 1
    names = trace.read_text().split()
    assert "PATH" in names
    assert not [name for name in names if name.startswith(("GITHUB_", "EVALGATE_", "RUNNER_", "ACTIONS_"))]


# Prices and times


def test_a_cheaper_price_in_the_policy_does_not_count(origin, runner):
    origin.work.edit("evalgate.yaml", "max_rise: 50%", "max_rise: 5%")
    origin.push_main()

    def change(tree):
        dear = policy("loud").replace("0.001", "0.0001")
        tree.write("policies/words/production.yaml", dear + "response: {normalize: [strip]}\n")

    tree, payload = origin.open(change)
    assert runner.event("pull_request", payload).run(tree) == 0
    [cost] = [
        each for each in runner.result["comparisons"][0]["checks"] if each["metric"] == "cost_per_correct"
    ]
    assert cost["baseline"]["value"] == cost["candidate"]["value"]
    assert "states other prices or times" in str(runner.result["announcements"])


def test_a_cheaper_price_list_does_not_count(origin, runner):
    plain = policy("loud").replace(", price: {per_request: 0.001}", "")
    origin.work.write("evalgate.yaml", PROJECT + "prices: prices.yaml\n")
    origin.work.write("prices.yaml", "app/loud: {per_request: 0.001}\napp/sloppy: {per_request: 0.001}\n")
    origin.work.write("policies/words/production.yaml", plain)
    origin.push_main()

    def change(tree):
        tree.write("prices.yaml", "app/loud: {per_request: 0.001}\napp/sloppy: {per_request: 0.0000001}\n")
        tree.write("policies/words/production.yaml", plain.replace("loud", "sloppy"))

    tree, payload = origin.open(change)
    assert runner.event("pull_request", payload).run(tree) == 1
    checks = runner.result["comparisons"][0]["checks"]
    [cost] = [each for each in checks if each["metric"] == "cost_per_correct"]
    assert cost["verdict"] == "fail"
    assert "price of app/sloppy changed" in str(runner.result["announcements"])


# Recordings


def forged(tree, model, count=40):
    """Write recordings in which a model that nobody asked is always right."""
    [known] = tree.recordings
    lines = known.read_text().splitlines()
    header = json.loads(lines[0])
    session = {**header["sessions"][0], "id": "forged", "started_at": "2999-01-01T00:00:00Z"}
    made = [json.dumps({**header, "sessions": [session]})]
    calls = [json.loads(line) for line in lines[1:]]
    loud = [each for each in calls if each["request"]["model"] == "loud"][:count]
    for each in loud:
        request = {**each["request"], "model": model}
        del each["digest"]
        text = f"W{request['messages'][-1]['content'][1:]}"
        made.append(json.dumps({**each, "request": request, "session": "forged", "response": {"text": text}}))
    (known.parent / "forged.jsonl").write_text("\n".join(made) + "\n")


def test_recordings_of_the_base_are_never_replaced(origin, runner):
    def change(tree):
        worse(tree)
        forged(tree, "sloppy")

    tree, payload = origin.open(change)
    assert runner.event("pull_request", payload).run(tree) == 1
    assert runner.result["comparisons"][0]["calls"]["added"] == 0
    assert runner.result["comparisons"][0]["cases"]["broke"] == 20


def test_edited_recordings_of_the_base_do_not_count(origin, runner):
    def change(tree):
        worse(tree)
        [known] = tree.recordings
        known.write_text(known.read_text().replace('"text":"?"', '"text":"W0"'))

    tree, payload = origin.open(change)
    assert runner.event("pull_request", payload).run(tree) == 1
    assert runner.result["comparisons"][0]["cases"]["broke"] == 20


def new_model(tree):
    tree.write("policies/words/production.yaml", policy("magic"))
    forged(tree, "magic")


def test_a_fork_cannot_bring_its_own_evidence(origin, runner):
    tree, payload = origin.open(new_model, fork=True)
    assert runner.event("pull_request", payload).run(tree) == 3
    judged = runner.result["comparisons"][0]
    assert (judged["verdict"], judged["blocked"]) == ("inconclusive", True)
    assert judged["calls"]["added"] == 40
    assert "40 of 80 calls are replayed from recordings that the change itself brings" in judged["headline"]
    assert "at most 20% may be" in judged["headline"]


def test_a_branch_may_and_it_is_told(origin, runner):
    tree, payload = origin.open(new_model)
    assert runner.event("pull_request", payload).run(tree) == 0
    assert "40 of 80 calls are replayed from recordings that this change brings (50%)" in str(
        runner.result["announcements"]
    )


def test_the_base_may_be_stricter_with_branches_and_a_change_cannot_undo_it(origin, runner):
    origin.work.write("evalgate.yaml", PROJECT + "max_new_recordings: {same_repository: 30%}\n")
    origin.push_main()

    def change(tree):
        new_model(tree)
        tree.write("evalgate.yaml", PROJECT + "max_new_recordings: {forks: 100%, same_repository: 100%}\n")

    tree, payload = origin.open(change)
    assert runner.event("pull_request", payload).run(tree) == 3
    assert "at most 30% may be" in runner.summary
    assert "max_new_recordings" in str(runner.result["announcements"])


@pytest.mark.parametrize("name", [".evalgate/store.sqlite3", "teams/a/.evalgate/recordings/x.jsonl"])
def test_a_store_of_ones_own_is_refused(origin, runner, capsys, name):
    def change(tree):
        new_model(tree)
        tree.write(".gitignore", "")
        tree.write(name, "SQLite format 3")

    tree, payload = origin.open(change, fork=True)
    assert runner.event("pull_request", payload).run(tree) == 2
    assert f"{name}: what one machine keeps for itself is committed" in capsys.readouterr().err


def test_a_log_that_settles_what_the_bases_does_not_is_new_evidence(origin, runner):
    """The base recorded a call that failed at once; the change allows a retry and brings the second try."""
    [known] = origin.work.recordings
    head, *lines = known.read_text().splitlines()
    calls = [json.loads(line) for line in lines]
    for each in calls:
        if each["request"]["model"] == "loud":
            each["attempts"] = [{"latency_s": 0.1, "error": "server_error", "status": 500}]
            each.pop("response")
    known.write_text("\n".join([head, *map(json.dumps, calls)]) + "\n")
    origin.push_main()

    def change(tree):
        tree.write("policies/words/production.yaml", policy("loud", reliability="{num_retries: 1}"))
        header = json.loads(head)
        session = {**header["sessions"][0], "id": "forged"}
        made = [json.dumps({**header, "sessions": [session]})]
        for each in calls:
            if each["request"]["model"] == "loud":
                text = f"W{each['request']['messages'][-1]['content'][1:]}"
                tries = [*each["attempts"], {"latency_s": 0.1}]
                answered = {"attempts": tries, "session": "forged", "response": {"text": text}}
                made.append(json.dumps({**each, **answered}))
        tree.write("suites/words/recordings/forged.jsonl", "\n".join(made) + "\n")

    tree, payload = origin.open(change, fork=True)
    assert runner.event("pull_request", payload).run(tree) == 3
    assert runner.result["comparisons"][0]["calls"]["added"] == 40


# Files that lead elsewhere, and gates that go


@pytest.mark.parametrize(
    "name",
    [
        "suites/words/cases.jsonl",
        "policies/words/production.yaml",
        "suites/words/recordings",
        "suites",
        "note",
    ],
)
def test_a_symlink_out_of_the_repository_is_refused(origin, runner, tmp_path, capsys, name):
    secret = tmp_path / "secret"
    secret.write_text("key: sk-canary\n")

    def change(tree):
        if (tree.folder / name).exists():
            tree.remove(name)
        (tree.folder / name).symlink_to(secret)

    tree, payload = origin.open(change, fork=True)
    assert runner.event("pull_request", payload).run(tree) == 2
    told = capsys.readouterr()
    assert f"{name}: this symlink leads out of the repository" in told.err
    assert "sk-canary" not in told.err + told.out + runner.summary


def test_a_symlink_into_git_is_refused(origin, runner, capsys):
    def change(tree):
        (tree.folder / "policies/words/odd.yaml").symlink_to("../../.git/config")

    tree, payload = origin.open(change)
    assert runner.event("pull_request", payload).run(tree) == 2
    assert "leads out of the repository" in capsys.readouterr().err


def test_the_gate_cannot_be_taken_away(origin, runner, capsys):
    tree, payload = origin.open(lambda tree: tree.remove("evalgate.yaml"))
    assert runner.event("pull_request", payload).run(tree) == 2
    assert "a change must not take its own gate away" in capsys.readouterr().err


def test_strictness_of_the_workflow_only_tightens(origin, runner):
    origin.work.edit("evalgate.yaml", "max_drop: 5pp", "max_drop: 5pp, on_inconclusive: block")
    origin.push_main()

    def change(tree):
        tree.write("policies/words/production.yaml", policy("loudish"))
        [known] = tree.recordings
        wrong = known.read_text().replace('"model":"loud"', '"model":"loudish"')
        lines = [json.loads(line) for line in wrong.splitlines()[1:]]
        mine = [each for each in lines if each["request"]["model"] == "loudish"]
        for index, each in enumerate(mine):
            del each["digest"]
            if index == 0:
                each["response"] = {"text": "?"}
        head = wrong.splitlines()[0]
        (known.parent / "more.jsonl").write_text("\n".join([head, *map(json.dumps, mine)]) + "\n")

    tree, payload = origin.open(change)
    runner.event("pull_request", payload)
    assert runner.run(tree) == 3
    assert runner.run(tree, "--on-inconclusive", "warn") == 3


# Waivers


REASON = "the new labels come on Monday"


def with_waiver(tree, expiry, allowance="60pp"):
    waived = {"accuracy": allowance, "cost_per_correct": "300%"}
    lines = [
        f"  - {{metric: {metric}, allowance: {wider}, reason: {REASON}, expiry: {expiry}}}\n"
        for metric, wider in waived.items()
    ]
    tree.write("suites/words/suite.yaml", f"{SUITE}waivers:\n{''.join(lines)}")


@pytest.fixture
def today(monkeypatch):
    def be(day):
        monkeypatch.setattr("evalgate.load.waivers.today", lambda: dt.date.fromisoformat(day))

    be("2026-11-27")
    return be


def test_a_waiver_of_the_base_lets_pass_in_amber(origin, runner, today, capsys):
    with_waiver(origin.work, "2026-12-31")
    origin.push_main()
    tree, payload = origin.open(worse)
    assert runner.event("pull_request", payload).run(tree) == 0
    judged = runner.result["comparisons"][0]
    assert (judged["verdict"], judged["blocked"]) == ("fail", False)
    assert judged["checks"][0]["waiver"] == {
        "allowance": 0.6,
        "reason": REASON,
        "expiry": "2026-12-31",
    }
    shown = (runner.out / "evalgate-report.html").read_text()
    tests = (runner.out / "junit.xml").read_text()
    for text in (runner.summary, shown, capsys.readouterr().out, tests):
        assert "waived" in text
        assert REASON in text
        assert "2026-12-31" in text
    assert "⚠ evalgate: waived" in runner.summary
    assert "<skipped" in tests


def test_a_waiver_that_is_too_narrow_changes_nothing(origin, runner, today):
    with_waiver(origin.work, "2026-12-31", allowance="6pp")
    origin.push_main()
    tree, payload = origin.open(worse)
    assert runner.event("pull_request", payload).run(tree) == 1
    assert "a waiver is in force until 2026-12-31" in runner.summary


def test_an_expired_waiver_is_an_error_until_it_is_removed(origin, runner, today, capsys):
    with_waiver(origin.work, "2026-12-31")
    origin.push_main()
    today("2027-01-01")
    tree, payload = origin.open(worse)
    assert runner.event("pull_request", payload).run(tree) == 2
    assert "suites/words/suite.yaml:5:" in (told := capsys.readouterr().err)
    assert "this waiver of accuracy expired on 2026-12-31" in told

    def mend(tree):
        worse(tree)
        tree.write("suites/words/suite.yaml", SUITE)

    tree, payload = origin.open(mend)
    assert runner.event("pull_request", payload).run(tree) == 1
    assert "waivers" not in str(runner.result["announcements"])
