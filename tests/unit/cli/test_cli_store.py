"""``evalgate store``: what goes to stdout, what to stderr, and the exit codes."""

import json

import pytest

from evalgate.cli.main import main

OPTIONS = "--suite sums --columns input=q --columns answer=a --columns latency_s=s --provider gate --model m"


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / ".git").mkdir()
    (tmp_path / "suites" / "sums").mkdir(parents=True)
    (tmp_path / "evalgate.yaml").write_text(
        'providers: {gate: {kind: openai, origin: "http://127.0.0.1:9"}}\n'
    )
    suite = "policies: policies/sums\ngrader: {kind: exact}\ntrials: 2\n"
    (tmp_path / "suites/sums/suite.yaml").write_text(suite)
    rows = [{"q": "2+2?", "a": "4", "s": 0.5}, {"q": "3+3?", "a": "6", "s": 0.5}]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def store(words, *more):
    return main(["store", *words.split(), *more])


def test_the_policy_goes_to_stdout_and_talk_to_stderr(project, capsys):
    assert store(f"import log.jsonl {OPTIONS} --revision 1 --quantization q4") == 0
    out, err = capsys.readouterr()
    identity = '{"provider": "gate", "model": "m", "revision": "1", "quantization": "q4"}'
    assert out == f"deployments:\n  main: {identity}\n"
    first, *rest = err.splitlines()
    assert first.startswith("sums: 2 calls, written to suites/sums/recordings/")
    assert rest == [
        "2 new cases, 0 already in the suite",
        "2 cases without a target: not graded until the file of cases says one",
        "the suite asks each case 2 times, the log has 1: set trials",
        "the policy that replays these calls, for policies/sums/:",
    ]


def test_questions_asked_again_are_told(project, capsys):
    log = project / "log.jsonl"
    log.write_text(log.read_text() * 3)
    assert store(f"import log.jsonl {OPTIONS} --revision 1") == 0
    assert "questions asked again (up to 3 times) are kept as trials" in capsys.readouterr().err


def test_where_passes_lines_over(project, capsys):
    assert store(f"import log.jsonl {OPTIONS} --revision 1 --where", "q=2+2?") == 0
    err = capsys.readouterr().err
    assert "sums: 1 call, written" in err
    assert "passed over 1 line: other than --where asks for" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (f"import none.jsonl {OPTIONS}", "File 'none.jsonl' does not exist"),
        ("import log.jsonl --suite sums", "Missing option '--provider'"),
        (f"import log.jsonl {OPTIONS} --where q", "'q' is not COLUMN=VALUE"),
        (f"import log.jsonl {OPTIONS} --system nowhere", "'nowhere' is not one of 'policy', 'case'"),
        (f"import log.jsonl {OPTIONS}", "so a revision is needed"),
        ("verify nothing", "there is no such suite or folder"),
        ("nonsense", "No such command 'nonsense'"),
    ],
)
def test_what_is_wrong_ends_with_2(project, capsys, words, said):
    assert store(words) == 2
    out, err = capsys.readouterr()
    assert (out, said in err) == ("", True), err


def test_verify_ends_with_2_where_something_is_odd(project, capsys):
    store(f"import log.jsonl {OPTIONS} --revision 1")
    capsys.readouterr()
    assert store("verify") == 0
    good = "1 file, 1 session, 2 recordings: every line is whole and every digest is right\n"
    assert capsys.readouterr().out == good
    (file,) = (project / "suites/sums/recordings").glob("*.jsonl")
    text = file.read_text()
    file.write_text(text.replace("2+2?", "2+3?")[:-9])
    assert store("verify") == 2
    err = capsys.readouterr().err
    assert f"{file.relative_to(project)}:2: digest: the digest " in err
    assert f"{file.relative_to(project)}:3: the last line is torn" in err
    lines = [json.loads(line) for line in text.splitlines()]
    del lines[1]["request"]
    file.write_text("\n".join(map(json.dumps, lines)) + "\n")
    assert store("verify sums") == 0
    said = "every line is whole; 1 digests are right, 1 stand without a request to check them by"
    assert said in capsys.readouterr().out
    file.unlink()
    assert store("verify") == 0
    assert capsys.readouterr().out == "0 files, 0 sessions, 0 recordings: every line is whole\n"
