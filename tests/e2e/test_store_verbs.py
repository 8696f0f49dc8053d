"""Looking after the local store, as a user types it."""

import json

import pytest

from tests.command_line import evalgate
from tests.loopback import Loopback, answer, delayed

POLICY = """
prompt: [{role: system, content: "One of: billing, shipping."}, {role: user, content: "{{input}}"}]
params: {temperature: 0, max_tokens: MOST}
deployments:
  only: {provider: server, model: m, revision: "1", price: {input_per_1m: 1000, output_per_1m: 2000}}
use: only
"""


@pytest.fixture
def project(tmp_path):
    def write(origin, cases=4):
        for name in ("suites/mail", "policies/mail", ".git"):
            (tmp_path / name).mkdir(parents=True, exist_ok=True)
        (tmp_path / "evalgate.yaml").write_text(
            f'providers: {{server: {{kind: openai, origin: "{origin}"}}}}\n'
            "budgets: {accuracy: {min: 1%}}\n"
        )
        (tmp_path / "suites/mail/suite.yaml").write_text(
            "policies: policies/mail\ngrader: {kind: choice, labels: [billing, shipping]}\n"
        )
        lines = [{"id": f"m{n}", "input": f"mail {n}", "target": "billing"} for n in range(cases)]
        (tmp_path / "suites/mail/cases.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        (tmp_path / "policies/mail/production.yaml").write_text(POLICY.replace("MOST", "4"))
        return tmp_path

    return write


def test_what_was_called_is_counted_exported_brought_back_and_removed_once_it_is_recorded(project):
    with Loopback([answer("billing")]) as server:
        root = project(server.origin)
        assert "there is no local store here yet" in evalgate(root, "store", "stats").stderr
        assert evalgate(root, "run", "--mode", "auto").returncode == 0
        assert len(server.received) == 4
        stats = evalgate(root, "store", "stats").stdout
        assert stats.startswith(".evalgate/store.sqlite3: 4 calls in 1 session, ")
        assert "4 attempts billed\nspent $0.0720\n" in stats
        assert evalgate(root, "store", "gc").stdout == "0 calls removed, 0.0 kB freed\n"
        assert evalgate(root, "store", "export", "all.jsonl").stdout == "4 calls written to all.jsonl\n"
        (root / ".evalgate/store.sqlite3").unlink()
        assert (
            evalgate(root, "store", "import", "all.jsonl").stdout
            == "4 calls read, 4 of them new to the local store\n"
        )
        recorded = evalgate(root, "record", "suites/mail").stdout
        assert "4 calls needed, 4 already recorded, 0 made, written to" in recorded
        assert len(server.received) == 4
    assert "4 calls would be removed" in evalgate(root, "store", "gc", "--dry-run").stdout
    assert evalgate(root, "store", "gc").stdout.startswith("4 calls removed, ")
    verified = evalgate(root, "store", "verify").stdout
    assert "every digest is right" in verified
    assert "the local store: 0 calls" in verified
    assert evalgate(root, "run").returncode == 0


def test_a_missing_call_is_explained_by_the_nearest_that_is_recorded(project):
    with Loopback([answer("billing")]) as server:
        root = project(server.origin)
        evalgate(root, "record")
    (root / "policies/mail/production.yaml").write_text(POLICY.replace("MOST", "5"))
    missing = evalgate(root, "run").stderr
    digest = missing.split("call ")[1][:12]
    explained = evalgate(root, "store", "explain-miss", digest).stdout
    assert "is not recorded; the nearest that is" in explained
    assert explained.endswith("  params.max_tokens\n    asked:    5\n    recorded: 4\n")
    assert evalgate(root, "store", "explain-miss", "ffff").returncode == 2


def test_the_cap_keeps_what_is_finished_and_the_same_command_goes_on(project):
    with Loopback([answer("billing")]) as server:
        root = project(server.origin, cases=6)
        # An answer costs 0.018; at worst, with a token for each byte and 4 out, 0.136.
        capped = evalgate(root, "record", "--max-spend", "0.2", "--concurrency", "1")
        assert capped.returncode == 5, capped.stderr
        assert "spend cap reached" in capped.stderr
        first = len(server.received)
        assert 0 < first < 6
        assert f"{first} made, spent" in capped.stdout
        assert evalgate(root, "record", "--max-spend", "5").returncode == 0
        assert len(server.received) == 6
    assert evalgate(root, "run").returncode == 0


def test_in_ci_calls_that_cost_need_a_cap_and_without_a_bound_a_cap_is_refused(project):
    with Loopback([answer("billing")]) as server:
        root = project(server.origin)
        refused = evalgate(root, "record", CI="true")
        assert (refused.returncode, server.received) == (2, [])
        assert "in CI, calls need a cap: mail: 4 calls to make" in refused.stderr
        assert evalgate(root, "record", "--max-spend", "5", CI="true").returncode == 0
        assert evalgate(root, "run", "--mode", "auto", CI="true").returncode == 0, "nothing is to be called"
        (root / "policies/mail/production.yaml").write_text(POLICY.replace(", max_tokens: MOST", ""))
        unbounded = evalgate(root, "record", "--max-spend", "5")
        assert unbounded.returncode == 2
        assert "--max-spend cannot be held" in unbounded.stderr


def test_a_live_run_that_was_capped_goes_on_and_says_so(project):
    with Loopback([delayed(0.01, answer("billing"))]) as server:
        root = project(server.origin, cases=6)
        live = ("run", "--mode", "live", "--concurrency", "1", "--max-spend")
        assert evalgate(root, *live, "0.2").returncode == 5
        first = len(server.received)
        done = evalgate(root, *live, "5", "--format", "json")
        assert done.returncode == 0, done.stderr
        assert len(server.received) == 6 > first > 0
        (judged,) = json.loads(done.stdout)["comparisons"]
        assert any("went on with the live run" in note for note in judged["notes"])
        evalgate(root, *live, "5")
        assert len(server.received) == 12
