"""A suite moved to machines of one's own: one proposal ships, one is blocked, and what both hang on."""

import json
import shutil
import subprocess

import pytest

from evalgate.cli.main import main
from tests.command_line import evalgate
from tests.hosted_project import write_project

PROPOSALS = ("own-machines", "idle-machines")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    root = tmp_path_factory.mktemp("hosted")
    write_project(root)
    named = [option for name in PROPOSALS for option in ("--policy", name)]
    done = evalgate(root, "record", "suites/faq", *named, "-q")
    assert done.returncode == 0, done.stderr
    return root


@pytest.fixture
def here(project, monkeypatch):
    monkeypatch.chdir(project)
    return project


def run(capsys, *arguments):
    code = main(["run", "-q", "--format", "json", *arguments])
    (found,) = json.loads(capsys.readouterr().out)["comparisons"]
    (cost,) = [check for check in found["checks"] if check["metric"] == "cost_per_correct"]
    return code, found, cost


def state(root, utilisation):
    for name in ("production", "own-machines"):
        file = root / f"policies/faq/{name}.yaml"
        text = file.read_text()
        old = next(line for line in text.split("\n") if "utilisation:" in line)
        file.write_text(text.replace(old, f"        utilisation: {utilisation}"))


def test_full_machines_ship_and_idle_ones_are_blocked_at_any_utilisation_near_the_stated(here, capsys):
    code, _, full = run(capsys)
    assert (code, full["verdict"]) == (0, "pass")
    # Half of 80 % costs as much as the API: still inside the 5 % that the cost may rise.
    assert [(each["times"], each["utilisation"]) for each in full["at_utilisation"]] == [
        (0.5, {"own": 0.4}),
        (2.0, {"own": 1.0}),
    ]
    assert [each["turns"] for each in full["at_utilisation"]] == [False, False]
    code, _, idle = run(capsys, "--policy", "idle-machines")
    assert (code, idle["verdict"]) == (1, "fail")
    assert [each["verdict"] for each in idle["at_utilisation"]] == ["fail", "fail"]


def test_costs_follow_the_utilisation_as_the_formula_says(here, capsys):
    _, _, cost = run(capsys)
    stated = float(cost["candidate"]["value"])
    half, twice = (float(each["candidate"]["value"]) for each in cost["at_utilisation"])
    assert half == pytest.approx(2 * stated)
    assert twice == pytest.approx(0.8 * stated)
    assert cost["at_utilisation"][0]["change"]["value"] == pytest.approx(
        half / float(cost["baseline"]["value"]) - 1
    )


def test_a_verdict_that_turns_says_so_everywhere_and_holds(here, capsys):
    state(here, 0.5)
    try:
        code, found, cost = run(capsys, "--report", "report.html")
        main(["run", "-q"])
        text = " ".join(capsys.readouterr().out.split())
        main(["run", "-q", "--format", "markdown"])
        markdown = capsys.readouterr().out
    finally:
        state(here, 0.8)
    assert (code, found["blocked"], cost["verdict"]) == (0, False, "pass")
    assert [(each["verdict"], each["turns"]) for each in cost["at_utilisation"]] == [
        ("fail", True),
        ("pass", False),
    ]
    for written in (text, markdown.replace("\\", ""), (here / "report.html").read_text()):
        assert "rests on machines that are full to 50%" in written
        assert "the verdict turns on the utilisation, and the one at 50% holds" in written
    assert "own's machines n/a 1 at $2.50/h, 50% full" in text


def test_a_finished_run_is_judged_again_alike(here, capsys):
    _, found, cost = run(capsys)
    runs = [f".evalgate/runs/faq/{name}.run.jsonl" for name in ("production", "own-machines")]
    assert main(["compare", *runs, "--format", "json"]) == 0
    (again,) = json.loads(capsys.readouterr().out)["comparisons"]
    assert cost in again["checks"]
    assert (
        again["sides"]["candidate"]["cost_per_request_usd"]
        == (found["sides"]["candidate"]["cost_per_request_usd"])
    )


def test_what_is_the_same_on_both_sides_rests_on_no_utilisation(here, capsys):
    main(["run", "-q", "--format", "json", "--baseline", "own-machines", "--policy", "own-machines"])
    (found,) = json.loads(capsys.readouterr().out)["comparisons"]
    assert not [check for check in found["checks"] if "at_utilisation" in check]


def test_traffic_that_cannot_fill_the_machines_as_stated_is_told(here, capsys):
    suite = here / "suites/faq/suite.yaml"
    before = suite.read_text()
    suite.write_text(f"{before}requests_per_month: 100000\n")
    try:
        _, found, _ = run(capsys)
    finally:
        suite.write_text(before)
    # 100,000 requests of about 100 tokens, of 464 a second for 730 hours: 0.8 %.
    (note,) = [note for note in found["notes"] if "as stated" in note]
    assert "100,000 requests a month fill the 1 × own of own-machines to 0.8" in note


def breakeven(capsys, *arguments):
    assert main(["breakeven", "own-machines", "-q", "--format", "json", *arguments]) == 0
    (found,) = json.loads(capsys.readouterr().out)["breakevens"]
    return found


def test_break_even_is_where_the_month_of_machines_is_the_month_of_the_api(here, capsys):
    found = breakeven(capsys, "--requests", "1000000")
    (only,) = found["crossings"]
    # One accelerator at 2.5 USD an hour and 365 USD of operations: 2,190 USD a month.
    api_usd = float(found["against"]["per_request_usd"])
    assert only["requests"] == pytest.approx(2190 / api_usd, rel=1e-4)
    assert (only["cheaper"], found["cheaper_at_least_traffic"], found["cheaper_beyond"]) == (
        "policy",
        "against",
        "policy",
    )
    assert found["wins_from"]["low"] < only["requests"] < found["wins_from"]["high"]
    assert found["wins_from"]["high"] < 1.1 * only["requests"]
    (month,) = [month for month in found["months"] if month["shown_as"] == "asked"]
    assert (month["policy"]["usd"], month["policy"]["replicas"]) == ("2190.000000", {"own": 1})
    assert float(month["against"]["usd"]) == pytest.approx(1e6 * api_usd, rel=1e-4)
    assert month["policy"]["utilisation"]["own"] == pytest.approx(0.0829, rel=0.05)


def test_replicas_rise_in_steps_and_several_break_evens_are_all_told(here, capsys):
    state(here, 0.5)
    try:
        found = breakeven(capsys)
        main(["breakeven", "own-machines", "-q", "--report", "breakeven.html"])
        text = " ".join(capsys.readouterr().out.split())
        main(["breakeven", "own-machines", "-q", "--format", "csv"])
        lines = capsys.readouterr().out.splitlines()
    finally:
        state(here, 0.8)
    assert [each["cheaper"] for each in found["crossings"]] == ["policy", "against"] * 2 + ["policy"]
    assert [each["step"] for each in found["crossings"]] == [False, True, False, True, False]
    assert found["stays_from"]["value"] == pytest.approx(found["crossings"][-1]["requests"])
    # Half as full, machines cost more than the API with every further request.
    assert [each["cheaper_beyond"] for each in found["at_utilisation"]] == ["against", "policy"]
    assert "another replica starts, which has to fill first" in text
    assert "own-machines is $1,825.00 a month for each replica of own (1 replica at least)" in text
    assert "$365.00 a month for operations" in text
    assert "at half the utilisation (own 25%): production costs less at any traffic" in text
    page = (here / "breakeven.html").read_text()
    assert "USD a month over requests a month" in page
    assert "half as full" in page
    assert len(lines) == 1 + len(found["months"])
    replicas = [int(line.split(",")[7]) for line in lines[1:]]
    assert replicas == sorted(replicas)
    assert replicas[-1] > 3


def test_wrong_answers_that_cost_something_move_the_break_even_up(here, capsys):
    without = breakeven(capsys)["wins_from"]["value"]
    suite = here / "suites/faq/suite.yaml"
    before = suite.read_text()
    suite.write_text(f"{before}cleanup_usd_per_wrong: 0.02\nrequests_per_month: 400000\n")
    try:
        found = breakeven(capsys)
    finally:
        suite.write_text(before)
    # One of 240 answers is wrong on the machines, none on the API.
    cleanup = 0.02 / 240
    assert float(found["policy"]["per_request_usd"]) == pytest.approx(cleanup, rel=1e-4)
    api_usd = float(found["against"]["per_request_usd"])
    assert found["wins_from"]["value"] == pytest.approx(2190 / (api_usd - cleanup), rel=1e-4)
    assert found["wins_from"]["value"] > without
    assert [month["requests"] for month in found["months"] if month["shown_as"] == "the suite's"] == [400000]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["production", "--against", "production"], "production has nothing to break even with"),
        (["own-machine"], "did you mean"),
        (["own-machines", "--requests", "0"], "x>=1"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_a_cure(here, capsys, arguments, said):
    assert main(["breakeven", "-q", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_two_policies_without_machines_have_no_break_even(here, capsys):
    file = here / "policies/faq/cheaper.yaml"
    text = (here / "policies/faq/production.yaml").read_text()
    file.write_text(text)
    try:
        assert main(["breakeven", "-q", "cheaper"]) == 2
    finally:
        file.unlink()
    assert "neither cheaper nor production asks machines that are paid by the hour" in capsys.readouterr().err


def test_two_fleets_of_equal_machines_differ_once_one_has_to_grow(here, capsys):
    found = breakeven(capsys, "--against", "idle-machines")
    assert (found["crossings"], found["cheaper_beyond"]) == ([], "policy")
    assert found["months"][0]["cheaper"] is None
    assert found["months"][-1]["cheaper"] == "policy"
    main(["breakeven", "own-machines", "--against", "idle-machines", "-q"])
    assert "own-machines never costs more" in capsys.readouterr().out


def test_a_proposal_cannot_state_its_machines_fuller_than_the_commit_knows(project, tmp_path):
    root = tmp_path / "repository"
    shutil.copytree(project, root, ignore=shutil.ignore_patterns(".evalgate", ".git", "__pycache__"))
    git = ["git", "-C", str(root), "-c", "user.name=x", "-c", "user.email=x@example.com"]
    for command in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "first"]):
        subprocess.run([*git, *command], check=True)
    file = root / "policies/faq/own-machines.yaml"
    file.write_text(file.read_text().replace("utilisation: 0.8", "utilisation: 1.0"))
    done = evalgate(
        root, "run", "--baseline", "git:main", "--policy", "own-machines", "--format", "json", "-q"
    )
    (found,) = json.loads(done.stdout)["comparisons"]
    (machines,) = found["sides"]["candidate"]["hosting"]
    assert machines["utilisation"] == 0.8
    assert any("states other prices" in each for each in json.loads(done.stdout)["notes"])
