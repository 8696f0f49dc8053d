import os
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from evalgate.core.cases import Case
from evalgate.core.errors import BadInput
from evalgate.core.outcome import Answer, Grade
from evalgate.load.code.isolated import FunctionProcessEndedError, IsolatedFunctions
from evalgate.load.from_git import git_tree
from evalgate.load.from_git.git import differs, environment, find_commit, fork_point, open_repository
from evalgate.load.from_git.git_tree import checked_out

LONE = {"PATH": os.environ["PATH"], "HOME": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}


def git(folder, *arguments, data=None):
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=LONE, input=data, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.decode().strip()


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def commit(folder):
    git(folder, "add", "-A")
    git(folder, "-c", "user.name=N", "-c", "user.email=n@example.org", "commit", "-qm", "c")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def repo(tmp_path):
    folder = tmp_path / "repo"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    write(folder / "project/a.txt", "one\n")
    write(folder / "outside.txt", "secret\n")
    commit(folder)
    return folder


@pytest.fixture(autouse=True)
def temporary(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert not list(folder.iterdir())


def read(folder, ref="HEAD"):
    """Return the files of a commit as text, and what was withheld."""
    repository = open_repository(folder)
    with checked_out(repository, find_commit(repository, f"git:{ref}")) as out:
        assert out is not None
        paths = sorted(path for path in out.folder.rglob("*") if path.is_file())
        texts = {path.relative_to(out.folder).as_posix(): path.read_text() for path in paths}
        return texts, [str(problem) for problem in out.withheld]


def refused(action):
    with pytest.raises(BadInput) as caught:
        action()
    return str(caught.value)


def test_only_the_projects_folder_is_read_and_only_what_is_committed(repo):
    write(repo / "project/a.txt", "two\n")
    write(repo / "project/untracked.txt", "x")
    assert read(repo / "project") == ({"a.txt": "one\n"}, [])


def test_contents_are_those_of_git_whatever_attributes_say(repo):
    write(repo / "project/.gitattributes", "a.txt export-ignore filter=shout\nb.txt ident text eol=crlf\n")
    write(repo / "project/b.txt", "$Id$\n")
    commit(repo)
    git(repo, "config", "filter.shout.smudge", f"touch {repo}/ran; tr a-z A-Z")
    texts, _ = read(repo / "project")
    assert (texts["a.txt"], texts["b.txt"]) == ("one\n", "$Id$\n")
    assert not (repo / "ran").exists()


def test_nothing_that_the_repository_configures_is_run(repo):
    hook = repo / "ran.sh"
    write(hook, f"#!/bin/sh\ntouch {repo}/ran\n")
    hook.chmod(0o755)
    for key in ("core.fsmonitor", "diff.external", "core.pager"):
        git(repo, "config", key, str(hook))
    write(repo / "project/a.txt", "two\n")
    read(repo / "project")
    at = fork_point(repo / "project")
    assert at is not None
    assert differs(repo / "project", at, ["a.txt"])
    assert not (repo / "ran").exists()


def test_symlinks_lead_nowhere_but_inside_even_through_each_other(repo):
    project = repo / "project"
    for name, target in {
        "inside": "a.txt",
        "absolute": "/etc/passwd",
        "up": "../outside.txt",
        "here": ".",
        "around": "here/../outside.txt",
        "chain": "up",
        "loop": "loop",
    }.items():
        (project / name).symlink_to(target)
    (project / "sub").mkdir()
    (project / "sub/back").symlink_to("../a.txt")
    commit(repo)
    repository = open_repository(project)
    with checked_out(repository, find_commit(repository, "git:HEAD")) as out:
        assert out is not None
        assert (out.folder / "inside").read_text() == (out.folder / "sub/back").read_text() == "one\n"
        for name in ("absolute", "up", "around", "chain"):
            assert not (out.folder / name).exists()
        withheld = {problem.file.partition(":")[2] for problem in out.withheld}
        assert {"absolute", "up", "around"} <= withheld <= {"absolute", "up", "around", "chain"}


def test_submodules_are_left_out(repo):
    head = git(repo, "rev-parse", "HEAD")
    git(repo, "update-index", "--add", "--cacheinfo", f"160000,{head},project/module")
    git(repo, "-c", "user.name=N", "-c", "user.email=n@example.org", "commit", "-qm", "c")
    assert read(repo / "project")[0] == {"a.txt": "one\n"}


def test_names_that_no_git_client_writes_are_refused(repo):
    blob = git(repo, "hash-object", "-w", "--stdin", data=b"x")
    tree = f"100644 blob {blob}\t..\n"
    hostile = git(repo, "mktree", data=tree.encode())
    bad = git(repo, "-c", "user.name=N", "-c", "user.email=n@example.org", "commit-tree", hostile, "-m", "c")
    assert "it holds a file '..'" in refused(lambda: read(repo, bad))


@pytest.mark.parametrize(("limit", "value"), [("MOST_FILES", 0), ("MOST_BYTES", 3)])
def test_too_much_is_refused_before_it_is_read(repo, monkeypatch, limit, value):
    monkeypatch.setattr(git_tree, limit, value)
    said = refused(lambda: read(repo / "project"))
    assert "which is too much" in said
    assert "keep evalgate.yaml in a folder with what it needs" in said


def test_a_folder_that_the_commit_does_not_have(repo):
    write(repo / "new/evalgate.yaml", "")
    repository = open_repository(repo / "new")
    with checked_out(repository, find_commit(repository, "git:HEAD")) as out:
        assert out is None


def test_a_partial_clone_is_not_completed_behind_our_back(repo, tmp_path):
    git(repo, "config", "uploadpack.allowFilter", "true")
    write(repo / "project/a.txt", "two\n")
    commit(repo)
    git(tmp_path, "clone", "-q", "--filter=blob:none", f"file://{repo}", "clone")
    said = refused(lambda: read(tmp_path / "clone/project", "HEAD~1"))
    assert "clone without --filter" in said


def test_a_replaced_object_is_read_as_it_was(repo):
    old = git(repo, "rev-parse", "HEAD")
    write(repo / "project/a.txt", "two\n")
    new = commit(repo)
    git(repo, "replace", old, new)
    assert read(repo / "project", old)[0] == {"a.txt": "one\n"}


def test_the_folder_is_gone_when_the_work_in_it_fails(repo, temporary):
    repository = open_repository(repo)
    head = find_commit(repository, "git:HEAD")

    def work():
        with checked_out(repository, head) as out:
            assert out is not None
            assert out.folder.is_relative_to(temporary.resolve())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()


@pytest.mark.parametrize("ref", ["", "-x", "--help", "a b", "HEAD:x", "a\nb"])
def test_what_cannot_be_a_ref_never_reaches_git(repo, ref):
    repository = open_repository(repo)
    assert "names no commit" in refused(lambda: find_commit(repository, f"git:{ref}"))


def test_a_blob_is_no_commit(repo):
    blob = git(repo, "rev-parse", "HEAD:outside.txt")
    repository = open_repository(repo)
    assert "there is no commit" in refused(lambda: find_commit(repository, f"git:{blob}"))


def test_histories_without_a_common_commit(repo):
    git(repo, "checkout", "-q", "--orphan", "other")
    write(repo / "project/a.txt", "another history\n")
    commit(repo)
    repository = open_repository(repo)
    said = refused(lambda: find_commit(repository, "git:merge-base"))
    assert "no commit in common" in said
    assert fork_point(repo) is None


def test_the_default_branch_is_origins_before_ours(repo):
    first = git(repo, "rev-parse", "HEAD")
    git(repo, "update-ref", "refs/remotes/origin/trunk", first)
    git(repo, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/trunk")
    write(repo / "project/a.txt", "two\n")
    commit(repo)
    at = fork_point(repo)
    assert at is not None
    assert at.sha == first
    git(repo, "branch", "-q", "-m", "main", "mine")
    git(repo, "symbolic-ref", "--delete", "refs/remotes/origin/HEAD")
    assert fork_point(repo) is None
    assert "name it, as in git:merge-base:develop" in refused(
        lambda: find_commit(open_repository(repo), "git:merge-base")
    )


def test_a_file_that_is_new_is_no_difference(repo):
    git(repo, "checkout", "-q", "-b", "work")
    write(repo / "project/b.txt", "new\n")
    commit(repo)
    at = fork_point(repo)
    assert at is not None
    assert not differs(repo / "project", at, ["a.txt", "b.txt", "c.txt"])
    (repo / "project/a.txt").unlink()
    assert differs(repo / "project", at, ["a.txt"])


def test_without_a_repository_git_is_not_even_started(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert fork_point(tmp_path) is None
    (tmp_path / ".git").mkdir()
    assert "git is not installed" in refused(lambda: fork_point(tmp_path))


def test_gits_own_variables_are_not_handed_on(monkeypatch):
    monkeypatch.setenv("GIT_DIR", "/elsewhere")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    given = environment()
    assert "GIT_DIR" not in given
    assert "GIT_CONFIG_COUNT" not in given
    assert given["LC_ALL"] == "C"


# Functions in a process of their own

CASE = Case(id="c", input="é", target={"a": [1, None]}, vars={"x": 1.5}, slices={"s": "t"})


def functions(folder, text):
    write(folder / "theirs.py", text)
    return IsolatedFunctions(folder)


@pytest.mark.parametrize(
    ("body", "returned"),
    [
        ("case.target['a'] == [1, None] and answer.tool_calls == ()", True),
        ("0.25", 0.25),
        ("(0.5, 'why')", [0.5, "why"]),
        ("Grade(1.0, True, 'r', 'l')", Grade(1.0, True, "r", "l")),
        ("__import__('numpy').float32(0.5)", 0.5),
        ("__import__('numpy').eye(2)", [[1.0, 0.0], [0.0, 1.0]]),
        ("case.input + answer.text", "é\ud800"),
    ],
)
def test_values_go_there_and_back(tmp_path, body, returned):
    text = f"from evalgate.core.outcome import Grade\ndef f(case, answer):\n    return {body}\n"
    with functions(tmp_path, text) as there:
        function = there.import_function("theirs:f", tmp_path)
        assert function(CASE, Answer("\ud800")) == returned


def test_two_projects_with_modules_of_one_name(tmp_path):
    for name in ("one", "two"):
        write(tmp_path / name / "theirs.py", f"import os\ndef f():\n    return ['{name}', os.getcwd()]\n")
    with IsolatedFunctions(tmp_path / "one") as one, IsolatedFunctions(tmp_path / "two") as two:
        found = [
            each.import_function("theirs:f", tmp_path / name)() for each, name in ((one, "one"), (two, "two"))
        ]
    assert found == [["one", str(tmp_path / "one")], ["two", str(tmp_path / "two")]]


def test_what_a_function_prints_and_reads_is_not_the_conversation(tmp_path, capfd):
    text = "import os, sys\nprint('at import')\ndef f():\n    print('called'); os.write(1, b'raw')\n"
    with functions(tmp_path, text + "    return sys.stdin.read()\n") as there:
        assert there.import_function("theirs:f", tmp_path)() == ""
    captured = capfd.readouterr()
    assert captured.out == ""
    assert "raw" in captured.err


@pytest.mark.parametrize(
    ("body", "words"),
    [("raise KeyError('k')", "'k'"), ("raise SystemExit(0)", "0"), ("return Grade(1, 1, object())", "JSON")],
)
def test_what_a_function_raises_is_raised_here(tmp_path, body, words):
    text = f"from evalgate.core.outcome import Grade\ndef f():\n    {body}\n"
    with functions(tmp_path, text) as there:
        function = there.import_function("theirs:f", tmp_path)
        with pytest.raises(Exception, match=words):
            function()


def test_a_process_that_ends_is_told_and_stays_ended(tmp_path):
    with functions(tmp_path, "import os\ndef f():\n    os._exit(3)\n") as there:
        function = there.import_function("theirs:f", tmp_path)
        for _ in range(2):
            with pytest.raises(FunctionProcessEndedError, match="exit code 3"):
                function()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import os; os._exit(0)", "ended with exit code 0 while importing it"),
        ("1/0", "ZeroDivisionError"),
        ("x = 1", "has no 'f'"),
    ],
)
def test_a_function_that_cannot_be_imported(tmp_path, text, words):
    with functions(tmp_path, text) as there:
        assert words in refused(lambda: there.import_function("theirs:f", tmp_path))


def running(pid):
    try:
        return "Z (zombie)" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_at_the_end_nothing_of_it_runs_on(tmp_path):
    text = (
        "import os, subprocess, threading, time\nchild = subprocess.Popen(['sleep', '60'])\n"
        "threading.Thread(target=time.sleep, args=(60,)).start()\n"
        "def f():\n    return [os.getpid(), child.pid]\n"
    )
    with functions(tmp_path, text) as there:
        pids = there.import_function("theirs:f", tmp_path)()
        assert all(map(running, pids)) or not Path("/proc").exists()
    until = time.monotonic() + 5
    while any(map(running, pids)) and time.monotonic() < until:
        time.sleep(0.01)
    assert not any(map(running, pids))


def test_without_functions_no_process_is_started(tmp_path, monkeypatch):
    monkeypatch.setattr(subprocess, "Popen", None)
    with IsolatedFunctions(tmp_path):
        pass
