"""What each verb hands to the pipeline, and where its result goes."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from evalgate.cli.main import main
from evalgate.cli.streams import wants_color
from evalgate.core.errors import ExitCode, SpendCapReached
from evalgate.core.spend import Spend
from evalgate.pipeline.project.settings import RecordSettings, RunSettings


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self):
        return True


def test_run_without_options_replays_everything(pipeline, capsys):
    assert main(["run"]) == 0
    settings, _ = pipeline.asked[0]
    assert settings == RunSettings(start=Path.cwd())
    assert settings.mode == "replay"


def test_run_hands_every_option_on(pipeline, capsys):
    options = "a b --policy p --policy q --baseline main --mode auto --case c1 --case c2 --limit 7"
    assert main(["run", *options.split()]) == 0
    settings, _ = pipeline.asked[0]
    assert settings == RunSettings(
        start=Path.cwd(),
        suites=("a", "b"),
        policies=("p", "q"),
        baseline="main",
        mode="auto",
        cases=("c1", "c2"),
        limit=7,
    )


def test_a_partial_look_shows_the_decision_s_note_and_exits_0(pipeline, decided, capsys):
    pipeline.answer = decided(notes=("a part of the suite: nothing was gated",))
    assert main(["run", "--limit", "1"]) == 0
    assert "a part of the suite: nothing was gated" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("format_name", "begins"), [("text", "✓ PASS"), ("json", "{"), ("markdown", "## ✓ evalgate: pass")]
)
def test_the_result_goes_to_stdout_and_nothing_else_does(pipeline, capsys, format_name, begins):
    assert main(["run", "--format", format_name]) == 0
    out, err = capsys.readouterr()
    assert out.startswith(begins)
    assert err == ""


def test_json_on_stdout_is_json(pipeline, capsys):
    main(["run", "--format", "json"])
    assert json.loads(capsys.readouterr().out)["schema"] == "evalgate/result@1"


@pytest.mark.parametrize("exit_code", [ExitCode.OK, ExitCode.BLOCKED])
def test_output_writes_the_file_instead_and_keeps_the_exit_code(
    pipeline, decided, capsys, tmp_path, exit_code
):
    pipeline.answer = decided(exit_code)
    file = tmp_path / "result.json"
    file.write_text("old", "utf-8")
    assert main(["run", "--format", "json", "--output", str(file)]) == exit_code
    out, err = capsys.readouterr()
    assert out == ""
    assert f"wrote {file}" in err
    assert json.loads(file.read_text("utf-8"))["exit_code"] == exit_code
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]


@pytest.mark.parametrize("place", ["missing/result.json", "."])
def test_output_that_cannot_be_written_stops_before_any_work(pipeline, capsys, tmp_path, place):
    assert main(["run", "--output", str(tmp_path / place)]) == 2
    assert pipeline.asked == []


def test_a_file_is_never_coloured(pipeline, monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("FORCE_COLOR", "1")
    main(["run", "--output", str(tmp_path / "result.txt")])
    assert "\x1b" not in (tmp_path / "result.txt").read_text("utf-8")


@pytest.mark.parametrize(
    ("stream", "environ", "wanted"),
    [
        (io.StringIO(), {}, False),
        (Terminal(), {}, True),
        (Terminal(), {"TERM": "dumb"}, False),
        (Terminal(), {"NO_COLOR": "1"}, False),
        (Terminal(), {"NO_COLOR": ""}, True),
        (io.StringIO(), {"FORCE_COLOR": "1"}, True),
        (io.StringIO(), {"FORCE_COLOR": "0"}, False),
        (io.StringIO(), {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
)
def test_no_color_wins_over_force_color_wins_over_the_terminal(stream, environ, wanted):
    assert wants_color(stream, environ) is wanted


def test_forced_colour_reaches_the_report(pipeline, monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    main(["run"])
    assert "\x1b[32m✓ PASS\x1b[0m" in capsys.readouterr().out


def test_json_is_never_coloured(pipeline, monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    main(["run", "--format", "json"])
    assert "\x1b" not in capsys.readouterr().out


def test_a_stream_without_our_marks_gets_plain_ones(pipeline, monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    assert main(["run"]) == 0
    sys.stdout.flush()
    assert raw.getvalue().startswith(b"+ PASS")


def test_a_reader_that_went_away_does_not_change_the_exit_code(pipeline, decided, monkeypatch, capsys):
    class Closed(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    pipeline.answer = decided(ExitCode.BLOCKED)
    monkeypatch.setattr(sys, "stdout", Closed())
    assert main(["run"]) == 1
    assert capsys.readouterr().err == ""


PIPED = """
import sys
sys.path.insert(0, {folder!r})
import conftest
sys.modules["evalgate.pipeline.run"] = conftest.module("x", run=lambda *_: conftest.decision(1))
from evalgate.core.errors import ExitCode, SpendCapReached
from evalgate.cli.main import main
sys.stdin.read()
sys.exit(main(["run"]))
"""


def test_a_closed_pipe_is_quiet_in_a_real_process():
    program = PIPED.format(folder=str(Path(__file__).parent))
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    with process:
        process.stdout.close()
        process.stdin.close()
        said = process.stderr.read()
    assert (process.returncode, said) == (1, b"")


def test_compare_hands_both_files_on(pipeline, capsys, tmp_path):
    base, candidate = tmp_path / "base.run.jsonl", tmp_path / "cand.run.jsonl"
    base.touch()
    candidate.touch()
    assert main(["compare", str(base), str(candidate), "--format", "json"]) == 0
    assert pipeline.asked == [(base, candidate)]
    assert json.loads(capsys.readouterr().out)["verdict"] == "pass"


def test_record_hands_every_option_on_and_tells_what_it_did(pipeline, recording, capsys):
    pipeline.answer = recording({})
    options = "tickets --policy p --baseline b --cover deployments --batch --seed 7"
    assert main(["record", *options.split()]) == 0
    settings, _ = pipeline.asked[0]
    assert settings == RecordSettings(
        start=Path.cwd(),
        suites=("tickets",),
        policies=("p",),
        baseline="b",
        cover_deployments=True,
        batch=True,
        seed=7,
    )
    assert capsys.readouterr().out == (
        "tickets: 10 calls needed, 4 already recorded, 6 made, spent $0.0213, "
        "written to suites/tickets/recordings/a.jsonl\n"
    )


def test_a_recording_that_was_broken_off_tells_what_it_did_and_why(pipeline, recording, capsys):
    pipeline.answer = recording({}, broken_off=SpendCapReached("0.30 USD of 0.30 USD are spent"))
    assert main(["record", "--max-spend", "0.3"]) == 5
    assert pipeline.asked[0][0].spending.cap_usd == 0.3
    out, err = capsys.readouterr()
    assert "6 made, spent $0.0213" in out
    assert err == (
        "spend cap reached: 0.30 USD of 0.30 USD are spent\n"
        "Finished work is kept; the same command continues.\n"
    )


def test_spend_that_nobody_can_bound_is_said(pipeline, recording, capsys):
    pipeline.answer = recording({"spend": Spend(0.5, 0, 1, "'m' has no price")})
    main(["record"])
    assert "spent $0.500 and what 1 attempt may have cost ('m' has no price)" in capsys.readouterr().out


@pytest.mark.parametrize("amount", ["0", "-1", "nan", "inf", "much"])
def test_a_cap_is_an_amount(pipeline, amount, capsys):
    assert main(["run", "--max-spend", amount]) == 2
    assert "--max-spend" in capsys.readouterr().err


def test_record_with_nothing_missing_names_no_file(pipeline, recording, capsys):
    pipeline.answer = recording({"already": 10, "made": 0, "file": None})
    assert main(["record"]) == 0
    assert capsys.readouterr().out == "tickets: 10 calls needed, 10 already recorded, 0 made\n"


@pytest.mark.parametrize(("failed", "code"), [(2, 0), (6, 4)])
def test_record_counts_failures_and_fails_only_when_every_call_did(pipeline, recording, capsys, failed, code):
    pipeline.answer = recording({"failed": failed, "spend": Spend(0.5, 0.25, 3)})
    assert main(["record"]) == code
    out, err = capsys.readouterr()
    assert f"{failed} of them failed, spent $0.500 and at most $0.250 for 3 attempts that may have" in out
    assert "failed" in err
