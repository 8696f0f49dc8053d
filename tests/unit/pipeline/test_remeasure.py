"""``record`` calls the baseline anew beside a candidate that must be called, so that times can be judged."""

import json

import pytest

PROJECT = """\
suites: [suites]
providers: {here: {kind: function, path: "answers:answer"}}
budgets: {accuracy: {max_drop: 50pp}, latency_p95: {max_rise: 500%}}
"""
POLICY = """\
deployments: {only: {provider: here, model: MODEL, revision: "1", price: {per_request: 0.01}}}
"""
ANSWERS = "def answer(request):\n    return 'yes'\n"
CASES = 60


@pytest.fixture
def project(tmp_path, monkeypatch):
    for name in (".git", "suites/mail", "policies/mail"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "evalgate.yaml").write_text(PROJECT)
    (tmp_path / "answers.py").write_text(ANSWERS)
    (tmp_path / "suites/mail/suite.yaml").write_text("policies: policies/mail\ngrader: {kind: exact}\n")
    cases = [{"id": f"m{n}", "input": f"mail {n}", "target": "yes"} for n in range(CASES)]
    (tmp_path / "suites/mail/cases.jsonl").write_text("".join(json.dumps(case) + "\n" for case in cases))
    (tmp_path / "policies/mail/production.yaml").write_text(POLICY.replace("MODEL", "first"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def propose(project):
    (project / "policies/mail/other.yaml").write_text(POLICY.replace("MODEL", "second"))


def p95_check(evalgate):
    _, out, err = evalgate("run", "--format", "json")
    assert out, err
    (comparison,) = json.loads(out)["comparisons"]
    return next(check for check in comparison["checks"] if check["metric"] == "latency_p95")


def test_a_proposal_that_comes_later_is_timed_beside_the_baseline(project, evalgate):
    assert f"{CASES} made" in evalgate("record")[1]
    propose(project)
    code, out, err = evalgate("plan")
    assert f"calls both sides of {CASES} cases anew" in out, err
    code, out, _ = evalgate("record")
    assert code == 0
    assert f"{2 * CASES} made ({CASES} cases anew on all sides)" in out
    check = p95_check(evalgate)
    assert check["gated"]
    assert check["n"] == CASES
    assert "not to be trusted" not in check["reason"]


def test_a_part_is_drawn_and_gated_by(project, evalgate):
    evalgate("record")
    propose(project)
    _, out, _ = evalgate("plan", "--remeasure", "45", "--format", "json")
    (planned,) = json.loads(out)["suites"]
    assert (planned["calls"]["to_make"], planned["cases_anew"]) == (CASES + 45, 45)
    assert float(planned["expected_usd"]) == pytest.approx(0.01 * (CASES + 45))
    assert f"{CASES + 45} made" in evalgate("record", "--remeasure", "45")[1]
    check = p95_check(evalgate)
    assert check["gated"]
    assert check["n"] == 45


def test_zero_spares_the_baseline_and_leaves_times_ungated(project, evalgate):
    evalgate("record")
    propose(project)
    assert f"{CASES} made," in evalgate("record", "--remeasure", "0")[1]
    assert not p95_check(evalgate)["gated"]
    # Nothing is missing now, so nothing is called anew by itself; asked for, it is.
    assert "0 made" in evalgate("record")[1]
    assert f"{2 * CASES} made" in evalgate("record", "--remeasure", "1000")[1]
    assert p95_check(evalgate)["gated"]


def test_what_is_recorded_for_the_first_time_is_not_called_twice(project, evalgate):
    propose(project)
    _, out, _ = evalgate("record")
    assert f"{2 * CASES} made, spent" in out
    assert p95_check(evalgate)["gated"]


def test_a_stream_is_called_anew_whole_or_not_at_all(project, evalgate):
    suite = project / "suites/mail/suite.yaml"
    suite.write_text("ordered: true\n" + suite.read_text())
    cases = project / "suites/mail/cases.jsonl"
    cases.write_text(cases.read_text() + cases.read_text().replace('"id": "m', '"id": "again-m'))
    caching = "cache: {mode: exact, key: last_message, lookup_s: 0}\n" + POLICY.replace("MODEL", "second")
    evalgate("record")
    (project / "policies/mail/other.yaml").write_text(caching)
    evalgate("record", "--remeasure", f"{2 * CASES - 1}")
    assert not p95_check(evalgate)["gated"]
    _, out, _ = evalgate("record", "--remeasure", f"{2 * CASES}")
    # Every case was asked twice; each policy needs one call for both, and the cache none for the second.
    assert f"{2 * CASES} made ({2 * CASES} cases anew on all sides)" in out
    check = p95_check(evalgate)
    assert check["gated"]
    assert check["n"] == 2 * CASES
