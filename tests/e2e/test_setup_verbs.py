"""From an empty folder to a green gate, as a new user types it: init, run, check, plan, in real processes."""

import gzip
import json
import os
import pty
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def environ(home):
    return {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(ROOT), "TERM": "dumb"}


def evalgate(folder, *arguments, before=()):
    return subprocess.run(
        [*before, sys.executable, "-m", "evalgate", *arguments],
        cwd=folder,
        env=environ(folder),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def offline():
    """A way to run a command in a network namespace without interfaces."""
    before = ("unshare", "--user", "--map-root-user", "--net")
    if shutil.which("unshare") is None or subprocess.run([*before, "true"], check=False).returncode:
        pytest.skip("this machine does not allow new network namespaces")
    return before


def test_a_new_project_is_green_at_once_without_any_network(tmp_path, offline):
    made = evalgate(tmp_path, "init", "shop", before=offline)
    assert (made.returncode, made.stderr) == (0, "")
    commands = [line.strip() for line in made.stdout.split("Next in shop:\n")[1].splitlines()]
    assert commands == ["evalgate run", "evalgate check"]
    for command in commands:
        done = evalgate(tmp_path / "shop", *command.split()[1:], before=offline)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
    again = evalgate(tmp_path, "init", "shop")
    assert (again.returncode, again.stdout) == (2, "")
    assert again.stderr.startswith("error: 6 problems in 6 files")


def test_replacing_the_stand_in_is_noticed_planned_and_recorded(tmp_path):
    evalgate(tmp_path, "init")
    model = tmp_path / "example_model.py"
    model.write_text(model.read_text().replace('"booking"', '"booking", "booked", "hall", "studio"'))
    assert evalgate(tmp_path, "run").returncode == 4
    checked = evalgate(tmp_path, "check")
    assert checked.returncode == 0
    assert "60 of 60 calls on suite 'example' are not recorded" in checked.stdout
    calls = json.loads(evalgate(tmp_path, "plan", "--format", "json").stdout)["suites"][0]["calls"]
    assert calls == {"needed": 120, "reused": 0, "missing": 120, "to_make": 120}
    recorded = evalgate(tmp_path, "record")
    assert "120 calls needed, 0 already recorded, 120 made" in recorded.stdout
    assert evalgate(tmp_path, "run").returncode == 0


def test_the_plan_of_the_shipped_suites_is_what_a_run_then_does(tmp_path, offline):
    for name in ("suites", "policies"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "evalgate.yaml", tmp_path)
    for file in (tmp_path / "suites/tickets/recordings").iterdir():
        data = file.read_bytes()
        text = (gzip.decompress(data) if file.suffix == ".gz" else data).decode()
        file.unlink()
        file.with_name("part.jsonl").write_text("".join(text.splitlines(keepends=True)[:700]))
    plan = evalgate(tmp_path, "plan", "tickets", "--format", "json", before=offline)
    assert plan.returncode == 0, plan.stderr
    planned = json.loads(plan.stdout)["suites"][0]
    assert planned["calls"]["to_make"] > 0
    ran = evalgate(tmp_path, "run", "tickets", "--mode", "auto", "--format", "json")
    calls = json.loads(ran.stdout)["comparisons"][0]["calls"]
    assert {name: planned["calls"][name] for name in ("needed", "reused")} == {
        name: calls[name] for name in ("needed", "reused")
    }
    assert planned["calls"]["to_make"] == calls["made"]
    spent = float(json.loads(ran.stdout)["comparisons"][0]["spend_usd"])
    assert float(planned["expected_usd"]) == pytest.approx(spent, rel=0.2)


def test_the_shipped_files_have_no_errors():
    checked = evalgate(ROOT, "check", "--format", "json")
    assert json.loads(checked.stdout)["errors"] == []
    assert checked.returncode == 0


def typed(folder, *answers):
    """Run init on a terminal of its own, typing an answer to each question; return exit code and screen."""
    parent, child = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "evalgate", "init"],
        cwd=folder,
        env=environ(folder),
        stdin=child,
        stdout=subprocess.PIPE,
        stderr=child,
        close_fds=True,
    )
    os.close(child)
    screen, left, until = "", list(answers), time.monotonic() + 60
    while time.monotonic() < until:
        if not select.select([parent], [], [], 0.1)[0]:
            if process.poll() is not None:
                break
            continue
        try:
            shown = os.read(parent, 4096).decode()
        except OSError:  # how Linux says that the other end of a terminal was closed
            break
        screen += shown
        if left and shown.endswith("]: "):
            os.write(parent, f"{left.pop(0)}\n".encode())
    os.close(parent)
    out = process.communicate(timeout=60)[0].decode()
    return process.returncode, screen, out


def test_on_a_terminal_the_provider_is_asked_for(tmp_path):
    code, screen, out = typed(tmp_path, "openai", "http://127.0.0.1:7777", "tiny")
    assert code == 0, screen
    assert screen.count("]: ") == 3
    assert 'origin: "http://127.0.0.1:7777"' in (tmp_path / "evalgate.yaml").read_text()
    assert 'model: "tiny"' in (tmp_path / "policies/example/production.yaml").read_text()
    assert out.endswith("  evalgate plan\n  evalgate record\n")


def test_on_a_terminal_enter_takes_the_stand_in(tmp_path):
    code, screen, out = typed(tmp_path, "")
    assert code == 0, screen
    assert (tmp_path / "example_model.py").is_file()
    assert out.endswith("  evalgate run\n  evalgate check\n")
