"""``record --refresh`` calls a share again: recordings that no longer hold are marked, and judge nothing."""

import json

import pytest

from evalgate.scoring.drift import drift_p
from tests.loopback import Loopback, answer

PROJECT = """\
suites: [suites]
providers: {here: {kind: function, path: "answers:answer"}}
budgets: {accuracy: {max_drop: 50pp, min: 1%}}
"""
POLICY = """\
deployments: {only: {provider: here, model: MODEL, revision: "1", price: {per_request: 0.01}}}
"""
ANSWERS = '''
from pathlib import Path

def answer(request):
    """Right, unless the provider has moved on."""
    return "no" if Path("moved-on").exists() else "yes"
'''
CASES = 40


@pytest.fixture
def project(tmp_path, monkeypatch, evalgate):
    for name in (".git", "suites/mail", "policies/mail"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "evalgate.yaml").write_text(PROJECT)
    (tmp_path / "answers.py").write_text(ANSWERS)
    (tmp_path / "suites/mail/suite.yaml").write_text("policies: policies/mail\ngrader: {kind: exact}\n")
    cases = [{"id": f"m{n}", "input": f"mail {n}", "target": "yes"} for n in range(CASES)]
    (tmp_path / "suites/mail/cases.jsonl").write_text("".join(json.dumps(case) + "\n" for case in cases))
    for name, model in (("production", "first"), ("other", "second")):
        (tmp_path / f"policies/mail/{name}.yaml").write_text(POLICY.replace("MODEL", model))
    monkeypatch.chdir(tmp_path)
    assert evalgate("record")[0] == 0
    return tmp_path


def checks(evalgate):
    _, out, err = evalgate("run", "--format", "json")
    assert out, err
    (comparison,) = json.loads(out)["comparisons"]
    return comparison["checks"]


def mark(project):
    return project / "suites/mail/recordings/drift.json"


def test_what_holds_is_told_and_leaves_no_mark(project, evalgate):
    code, out, err = evalgate("record", "--refresh", "25%")
    assert code == 0, err
    assert "20 made (10 cases anew on all sides)" in out
    assert (
        "production: 0 of 10 answers judged otherwise than recorded, 5.0% from trial to trial assumed" in out
    )
    assert "the recordings hold" in out
    assert not mark(project).exists()
    assert {check["verdict"] for check in checks(evalgate)} == {"pass"}


def test_what_no_longer_holds_is_inconclusive_until_it_is_recorded_again(project, evalgate):
    (project / "moved-on").touch()
    code, out, _ = evalgate("record", "--refresh", "0.25")
    assert code == 4
    assert "production: 10 of 10 answers judged otherwise than recorded" in out
    assert "1 session no longer hold" in out
    (why,) = json.loads(mark(project).read_text())["no_longer"].values()
    assert "10 of 10 answers" in why

    found = checks(evalgate)
    assert {check["verdict"] for check in found} == {"inconclusive"}
    assert all("the recordings no longer hold" in check["reason"] for check in found)

    # A later look that sees nothing does not take the mark off: what it stands for is still used.
    (project / "moved-on").unlink()
    evalgate("record", "--refresh", "5%")
    assert mark(project).exists()

    code, out, err = evalgate("record", "--refresh", "100%")
    assert code == 0, out + err
    assert not mark(project).exists()
    assert {check["verdict"] for check in checks(evalgate)} == {"pass"}


def test_one_bad_share_is_exit_2(project, evalgate):
    for share in ("0%", "120%", "some"):
        assert evalgate("record", "--refresh", share)[0] == 2


def test_a_mark_that_nobody_can_read_is_exit_2(project, evalgate):
    mark(project).write_text("{}")
    code, _, err = evalgate("run")
    assert code == 2
    assert "this is no mark of drift" in err


def test_so_many_flips_are_as_likely_as_the_binomial_says():
    assert drift_p(0, 20, 0.05) == 1
    assert drift_p(1, 20, 0.05) == pytest.approx(1 - 0.95**20)
    assert drift_p(20, 20, 0.05) == pytest.approx(0.05**20, rel=1e-6, abs=1e-15)


def test_a_stream_is_refreshed_whole_or_not_at_all(project, evalgate):
    suite = project / "suites/mail/suite.yaml"
    suite.write_text("ordered: true\n" + suite.read_text())
    code, out, _ = evalgate("record", "--refresh", "25%")
    assert code == 0
    assert "0 made" in out
    assert "the cases of a stream depend on each other; --refresh 100% calls all of them" in out
    (project / "moved-on").touch()
    code, out, _ = evalgate("record", "--refresh", "100%")
    # Nothing is replayed from the old calls any more, so what no longer holds judges nothing.
    assert code == 0
    assert f"{2 * CASES} made ({CASES} cases anew on all sides)" in out
    assert f"production: {CASES} of {CASES} answers judged otherwise than recorded" in out


def test_another_served_model_and_fingerprint_are_told_and_decide_nothing(project, evalgate):
    config = project / "evalgate.yaml"
    with Loopback(lambda _: answer("yes", **said)) as server:
        far = f"here: {{kind: openai, origin: '{server.origin}'}}"
        config.write_text(config.read_text().replace('here: {kind: function, path: "answers:answer"}', far))
        (project / "suites/mail/recordings").rename(project / "earlier")
        (project / ".evalgate").rename(project / "earlier-store")
        (project / "policies/mail/other.yaml").unlink()
        said = {"model": "served-one", "system_fingerprint": "fp_1"}
        assert evalgate("record")[0] == 0
        code, out, _ = evalgate("record", "--refresh", "25%")
        assert code == 0
        assert "served model" not in out
        said = {"model": "served-\x1b[2Jtwo", "system_fingerprint": "fp_2"}
        code, out, _ = evalgate("record", "--refresh", "25%")
    assert code == 0, out
    assert "only: fingerprint fp_1 → fp_2 on 10 of the calls made anew" in out
    assert "two on 10 of the calls made anew" in out
    assert "\x1b" not in out
    assert "the recordings hold" in out
    assert not mark(project).exists()
