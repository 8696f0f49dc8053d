"""A suite moved to machines of one's own: one proposal ships, one is blocked, and what both hang on."""

import json

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
