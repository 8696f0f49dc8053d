"""Every way to end has its exit code and its text; the table of docs/cli.md in one place."""

import re
from pathlib import Path

import click
import pytest

from evalgate.cli.main import main
from evalgate.core.errors import (
    BadInput,
    CannotJudge,
    ExitCode,
    GraderCrash,
    Interrupted,
    MissingRecordings,
    Problem,
    ProviderRefused,
    RunsNotComparable,
    SpendCapReached,
)

PROBLEMS = BadInput(
    [
        Problem("unknown key 'treshold'", "did you mean 'threshold'?", "a.yaml", 4, 3, "router"),
        Problem("no such file", file="a.yaml", line=9),
        Problem("duplicate id 't-1'", "give each case its own id", "cases.jsonl", 7),
    ]
)
TABLE = [
    (MissingRecordings("12 calls were never recorded"), 4, "could not judge: 12 calls were never recorded"),
    (ProviderRefused("no key"), 4, "could not judge: no key"),
    (GraderCrash("graders:same raised"), 4, "could not judge: graders:same raised"),
    (RunsNotComparable("other cases"), 4, "could not judge: other cases"),
    (CannotJudge("reasons"), 4, "no budget was found exceeded"),
    (PROBLEMS, 2, "error: 3 problems in 2 files"),
    (SpendCapReached("$5 of $5"), 5, "the same command continues"),
    (KeyboardInterrupt(), 130, "interrupted: finished work is kept"),
    (click.Abort(), 130, "interrupted: finished work is kept"),
    (Interrupted("nothing was called"), 130, "interrupted: nothing was called; finished work is kept, and"),
    (ZeroDivisionError("division by zero"), 70, "internal error: ZeroDivisionError: division by zero"),
    (SystemExit(1), 70, "internal error: SystemExit: 1"),
    (BrokenPipeError("a provider hung up"), 70, "internal error: BrokenPipeError: a provider hung up"),
    (OSError(28, "No space left on device"), 70, "internal error: OSError: [Errno 28] No space left"),
    (EOFError("torn"), 70, "internal error: EOFError: torn"),
    (MemoryError(), 70, "internal error: MemoryError"),
    (AssertionError(), 70, "internal error: AssertionError ("),
    (BaseExceptionGroup("group", [KeyboardInterrupt(), ValueError()]), 130, "interrupted"),
    (ExceptionGroup("group", [ProviderRefused("no key"), ProviderRefused("no host")]), 4, "no host"),
    (ExceptionGroup("group", [ProviderRefused("no key"), KeyError("x")]), 70, "internal error: KeyError"),
]


def test_the_documented_table_of_exit_codes_is_complete():
    page = (Path(__file__).parents[3] / "docs" / "cli.md").read_text("utf-8")
    documented = {int(code) for code in re.findall(r"^\| ([0-9]+) \|", page, re.MULTILINE)}
    shown = {0, 1, 3} | {code for _, code, _ in TABLE}
    assert documented == {int(code) for code in ExitCode} == shown


@pytest.mark.parametrize("exit_code", [ExitCode.OK, ExitCode.BLOCKED, ExitCode.BLOCKED_UNPROVEN])
def test_a_decision_brings_its_own_exit_code(pipeline, decided, exit_code, capsys):
    pipeline.answer = decided(exit_code)
    assert main(["run"]) == exit_code
    assert f"exit code {int(exit_code)}: " in capsys.readouterr().out


@pytest.mark.parametrize(("error", "code", "said"), TABLE, ids=lambda value: type(value).__name__)
def test_every_error_has_its_code_and_text_and_leaves_stdout_empty(pipeline, capsys, error, code, said):
    pipeline.answer = error
    assert main(["run"]) == code
    out, err = capsys.readouterr()
    assert said in err
    assert out == ""
    assert "Traceback" not in err


def test_bad_input_lists_every_problem_with_place_and_cure(pipeline, capsys):
    pipeline.answer = PROBLEMS
    main(["run"])
    assert capsys.readouterr().err == (
        "error: 3 problems in 2 files\n"
        "\n"
        "a.yaml:4:3: router: unknown key 'treshold'\n"
        "    did you mean 'threshold'?\n"
        "a.yaml:9: no such file\n"
        "cases.jsonl:7: duplicate id 't-1'\n"
        "    give each case its own id\n"
    )


@pytest.mark.parametrize(
    ("problems", "counted"),
    [
        ([Problem("x", file="a")], "error: 1 problem in 1 file\n"),
        ([Problem("x"), Problem("y")], "error: 2 problems\n"),
    ],
)
def test_problems_are_counted(pipeline, capsys, problems, counted):
    pipeline.answer = BadInput(problems)
    main(["run"])
    assert capsys.readouterr().err.startswith(counted)


def test_a_bug_names_its_place_and_how_to_see_more(pipeline, capsys):
    pipeline.answer = None  # not a Decision, so that our own code trips over it
    assert main(["run"]) == 70
    err = capsys.readouterr().err
    assert "(evalgate/report/" in err
    assert "EVALGATE_TRACEBACK=1" in err
    assert "This is a bug in evalgate and no verdict on the change." in err


def test_the_traceback_is_shown_when_asked_for(pipeline, capsys, monkeypatch):
    monkeypatch.setenv("EVALGATE_TRACEBACK", "1")
    pipeline.answer = ZeroDivisionError("division by zero")
    assert main(["run"]) == 70
    err = capsys.readouterr().err
    assert "Traceback (most recent call last)" in err
    assert "in reply" in err


@pytest.mark.parametrize("value", ["", "0"])
def test_the_traceback_is_not_shown_when_it_is_switched_off(pipeline, capsys, monkeypatch, value):
    monkeypatch.setenv("EVALGATE_TRACEBACK", value)
    pipeline.answer = ZeroDivisionError()
    assert main(["run"]) == 70
    assert "Traceback" not in capsys.readouterr().err


def test_an_error_cannot_command_the_terminal_or_the_ci_runner(pipeline, capsys):
    pipeline.answer = BadInput([Problem("key '\x1b]0;x\x07\u202e'\n::error::pwned")])
    main(["run"])
    err = capsys.readouterr().err
    assert "\x1b" not in err
    assert "\u202e" not in err
    assert not [line for line in err.splitlines() if line.lstrip().startswith("::")]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rn"], "Did you mean 'run'?"),
        (["zzzzz"], "The verbs are init, check, plan, "),
        (["run", "--mod", "live"], "--mode"),
        (["run", "--mode", "fast"], "'fast' is not one of 'replay', 'auto', 'live'"),
        (["run", "--limit", "0"], "--limit"),
        (["run", "--format", "xml"], "'xml' is not one of"),
        (["record", "--cover", "all"], "--cover"),
        (["compare", "only-one.run"], "BASE.run"),
        (["compare", "no.run", "no.run"], "does not exist"),
        ([], "Commands:"),
    ],
)
def test_a_wrong_command_line_is_exit_2_with_a_hint_on_stderr(capsys, arguments, said):
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert said in err
    assert out == ""
