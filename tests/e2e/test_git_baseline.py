"""The baseline from git, from the command line to the exit code, in repositories made here."""

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from evalgate.cli.main import main

ROOT = Path(__file__).parents[2]
CASES = 40

PROJECT = """\
providers:
  app: {kind: function, path: "app:answer"}
budgets:
  accuracy: {max_drop: 5pp}
  cost_per_correct: {max_rise: 50%}
"""
SUITE = """\
policies: policies/words
grader: {kind: exact}
"""
BY_FUNCTION = '{kind: function, path: "graders:same"}'
POLICY = """\
deployments:
  only: {provider: app, model: MODEL, revision: "1", price: {per_request: 0.001}}
"""
GRADERS = """\
from words import shouted

def same(case, answer):
    return answer.text == shouted(case)
"""
WORDS = "def shouted(case):\n    return case.target.upper()\n"
APP = """\
def answer(request):
    right = request.model == "loud" or int(request.input[1:]) % 2
    return request.input.upper() if right else "?"
"""


def policy(model):
    return POLICY.replace("MODEL", model)


def cases(count=CASES):
    return "".join(
        json.dumps({"id": f"c{n}", "input": f"w{n}", "target": f"W{n}"}) + "\n" for n in range(count)
    )


class Repository:
    """A project in a git repository, and evalgate run in it."""

    def __init__(self, folder, project=None):
        self.folder = folder
        self.project = project or folder

    def write(self, name, text):
        path = self.project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def edit(self, name, old, new):
        text = (self.project / name).read_text()
        assert old in text
        self.write(name, text.replace(old, new))

    def git(self, *arguments):
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.folder,
            env=environ(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def commit(self, message="change"):
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)
        return self.git("rev-parse", "HEAD")

    def run(self, *arguments, verb="run"):
        os.chdir(self.project)
        return main([verb, *arguments])


def environ():
    return {
        "PATH": os.environ["PATH"],
        "HOME": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "PYTHONPATH": str(ROOT),
    }


def made(folder, project=None):
    repository = Repository(folder, project)
    repository.git("init", "-q", "-b", "main")
    for key, value in (("user.name", "Nobody"), ("user.email", "nobody@example.org")):
        repository.git("config", key, value)
    repository.write("evalgate.yaml", PROJECT)
    repository.write("suites/words/suite.yaml", SUITE)
    repository.write("suites/words/cases.jsonl", cases())
    repository.write("policies/words/production.yaml", policy("loud"))
    repository.write("policies/words/rejected/sloppy.yaml", policy("sloppy"))
    repository.write("app.py", APP)
    repository.write(".gitignore", ".evalgate/\n__pycache__/\n")
    with contextlib.redirect_stdout(io.StringIO()):
        assert repository.run("--policy", "sloppy", verb="record") == 0
    repository.commit("the gate")
    return repository


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    here = Path.cwd()
    repository = made(tmp_path_factory.mktemp("template"))
    os.chdir(here)
    return repository.folder


@pytest.fixture
def repository(template, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    shutil.copytree(template, tmp_path / "project")
    return Repository(tmp_path / "project")


@pytest.fixture(autouse=True)
def temporary(tmp_path_factory, monkeypatch):
    """A temporary folder of its own, empty again after every test."""
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert not list(folder.iterdir())


@pytest.fixture
def result(capsys):
    def read():
        return json.loads(capsys.readouterr().out)

    return read


@pytest.fixture
def said(capsys):
    return lambda: capsys.readouterr().err


@pytest.fixture
def graded(repository):
    """The same, judged by a function of the project that imports another one."""
    repository.edit("suites/words/suite.yaml", "{kind: exact}", BY_FUNCTION)
    repository.write("graders.py", GRADERS)
    repository.write("words.py", WORDS)
    repository.commit("a grader")
    return repository


JSON = ("--format", "json")


def pairs(found):
    return [(each["baseline"], each["candidate"]) for each in found["comparisons"]]


def test_an_edited_production_is_a_candidate_against_the_commit(repository, result):
    short = repository.git("rev-parse", "HEAD")[:7]
    repository.write("policies/words/production.yaml", policy("sloppy"))
    assert repository.run("--baseline", "git:HEAD", *JSON) == 1
    found = result()
    assert pairs(found) == [(f"production@{short}", "production (working tree)")]
    assert found["comparisons"][0]["cases"]["broke"] == CASES / 2
    assert any(
        note.startswith("judged against commit " + repository.git("rev-parse", "HEAD"))
        for note in found["notes"]
    )
    assert "ruler" not in str(found["notes"])


def test_an_unchanged_tree_is_the_baseline_alone(repository, result):
    assert repository.run("--baseline", "git:HEAD", *JSON) == 0
    [only] = result()["comparisons"]
    assert only["baseline"] is None
    assert only["candidate"].startswith("production@")


def test_proposals_of_the_working_tree_are_judged(repository, result):
    repository.write("policies/words/sloppier.yaml", policy("sloppy"))
    assert repository.run("--baseline", "git:main", "suites/", *JSON) == 1
    [(baseline, candidate)] = pairs(result())
    assert (baseline.partition("@")[0], candidate) == ("production", "sloppier")


def test_loosened_budgets_do_not_count_and_are_named(repository, result):
    repository.edit("evalgate.yaml", "max_drop: 5pp", "max_drop: 100pp, on_inconclusive: warn")
    repository.write("policies/words/production.yaml", policy("sloppy"))
    assert repository.run("--baseline", "git:HEAD", *JSON) == 1
    found = result()
    assert found["comparisons"][0]["checks"][0]["allowance"] == 0.05
    [note] = [note for note in found["notes"] if "ruler changed" in note]
    assert "budget accuracy.max_drop 5pp (estimate) → 100pp (warn)" in note


def test_deleted_and_changed_cases_still_count_and_are_counted(repository, result):
    easy = [line for line in cases().splitlines() if json.loads(line)["id"][-1] in "13579"]
    easy[0] = easy[0].replace('"input": "w1"', '"input": "w3"')
    extra = json.dumps({"id": "new", "input": "w1", "target": "W1"})
    repository.write("suites/words/cases.jsonl", "\n".join([*easy, extra]))
    repository.write("policies/words/production.yaml", policy("sloppy"))
    assert repository.run("--baseline", "git:HEAD", *JSON) == 1
    found = result()
    assert found["comparisons"][0]["cases"]["total"] == CASES
    [note] = [note for note in found["notes"] if "ruler changed" in note]
    assert "cases 1 added, 20 removed, 1 changed" in note


@pytest.mark.parametrize("name", ["graders.py", "words.py"])
def test_the_grader_and_what_it_imports_are_the_commits(graded, result, name):
    graded.write("graders.py", GRADERS + "\nprint('a line on stdout')\n")
    graded.commit()
    always = (
        "def same(case, answer):\n    return True\n"
        if name == "graders.py"
        else (
            "class Yes(str):\n    __eq__ = lambda self, other: True\n    __hash__ = str.__hash__\n"
            "def shouted(case):\n    return Yes()\n"
        )
    )
    graded.write(name, always)
    graded.write("policies/words/production.yaml", policy("sloppy"))
    assert graded.run("--baseline", "git:HEAD", *JSON) == 1
    found = result()
    assert found["comparisons"][0]["cases"]["broke"] == CASES / 2
    if name == "graders.py":
        assert "the grader's code" in str(found["notes"])
    # By its own rules the working tree would pass.
    assert graded.run("--baseline", "production", "--policy", "sloppy", *JSON) == 0


def test_code_of_the_working_tree_cannot_reach_into_the_gate(graded, result):
    reach = "import os, evalgate.gate.judge\nevalgate.gate.judge.judge = None\nos.environ['REACHED'] = '1'\n"
    graded.write("graders.py", reach + GRADERS)
    graded.write("policies/words/production.yaml", policy("sloppy"))
    assert graded.run("--baseline", "git:HEAD", *JSON) == 1
    assert "REACHED" not in os.environ


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("raise ValueError('boom')", "raised ValueError: boom on case 'c0'"),
        ("import os; os._exit(7)", "its process ended with exit code 7"),
        ("return object()", "returned object, not"),
        ("raise SystemExit(0)", "raised SystemExit"),
    ],
)
def test_a_grader_that_breaks_is_no_verdict(graded, said, body, words):
    graded.write("graders.py", f"def same(case, answer):\n    {body}\n")
    graded.commit()
    assert graded.run("--baseline", "git:HEAD") == 4
    assert words in said()


def test_a_grader_that_cannot_be_imported_names_the_commit(graded, said):
    graded.write("graders.py", "import nowhere_to_be_found\n")
    short = graded.commit()[:7]
    graded.write("graders.py", GRADERS)
    assert graded.run("--baseline", "git:HEAD") == 2
    told = said()
    assert f"{short}:suites/words/suite.yaml:2:" in told
    assert "nowhere_to_be_found" in told
    assert "evalgate-baseline-" not in told


def test_a_router_function_is_the_commits_for_the_baseline_and_ours_for_the_proposal(repository, result):
    deployments = (
        "deployments:\n"
        '  strong: {provider: app, model: loud, revision: "1", price: {per_request: 0.001}}\n'
        '  weak: {provider: app, model: sloppy, revision: "1", price: {per_request: 0.001}}\n'
    )
    scored = 'kind: function, path: "need:need", range: [0, 1], threshold: 0.5'
    router = f"router: {{{scored}, strong: strong, weak: weak}}\n"
    repository.write("policies/words/production.yaml", deployments + router)
    repository.write("need.py", "def need(case):\n    return 1.0\n")
    repository.commit()
    on_a_branch(repository)
    assert repository.run(*JSON) == 0
    result()
    repository.write("need.py", "def need(case):\n    return 0.0\n")
    assert repository.run(*JSON) == 1
    found = result()["comparisons"][0]
    assert (found["baseline"].partition("@")[0], found["candidate"]) == (
        "production",
        "production (working tree)",
    )
    assert [found["sides"][side]["strong_share"] for side in ("baseline", "candidate")] == [1.0, 0.0]
    repository.write("need.py", "raise OSError('gone')\n")
    assert repository.run("--baseline", "git:main") == 2


def test_recordings_of_the_commit_win_and_new_ones_are_added(repository, result):
    recordings = repository.project / "suites/words/recordings"
    [file] = recordings.iterdir()
    forged = file.read_text().replace('"text":"?"', '"text":"W0"')
    for n in range(0, CASES, 2):
        forged = forged.replace('"text":"W0"', f'"text":"W{n}"', 1)
    assert forged != file.read_text()
    file.write_text(forged)
    repository.write("policies/words/production.yaml", policy("sloppy"))
    assert repository.run("--baseline", "git:HEAD", *JSON) == 1
    assert result()["comparisons"][0]["cases"]["broke"] == CASES / 2
    file.write_text("")
    file.unlink()
    repository.edit("policies/words/production.yaml", '"1"', '"2"')
    assert repository.run("--baseline", "git:HEAD") == 4
    assert repository.run("--baseline", "git:HEAD", "-q", verb="record") == 0
    assert repository.run("--baseline", "git:HEAD") == 1


def test_what_is_missing_names_the_command_that_records_it(repository, said, capsys):
    repository.edit("policies/words/production.yaml", '"1"', '"2"')
    repository.write("app.py", "# another one\n" + APP)
    assert repository.run("--baseline", "git:HEAD") == 4
    assert "evalgate record suites/words --policy production --baseline git:HEAD" in said()
    assert repository.run("--baseline", "git:HEAD", "--mode", "live") == 4
    assert "cannot be called anew" in said()
    assert repository.run("--baseline", "git:HEAD", "--mode", "auto", *JSON) == 0
    capsys.readouterr()
    assert repository.run("--baseline", "git:HEAD", verb="plan") == 0
    assert "production@" in capsys.readouterr().out


def test_a_baseline_that_only_the_commit_has(repository, result):
    (repository.project / "policies/words/production.yaml").unlink()
    repository.write("policies/words/other.yaml", policy("sloppy"))
    assert repository.run("--baseline", "git:HEAD", *JSON) == 1
    found = result()
    assert pairs(found)[0][1] == "other"
    assert "the working tree has no baseline any more" in str(found["notes"])


def test_a_renamed_baseline_is_compared_with_the_one_it_was(repository, result):
    (repository.project / "policies/words/production.yaml").rename(
        repository.project / "policies/words/live.yaml"
    )
    repository.write("evalgate.yaml", PROJECT + "baseline: live\n")
    assert repository.run("--baseline", "git:HEAD", *JSON) == 0
    assert result()["comparisons"][0]["baseline"] is None
    repository.write("policies/words/live.yaml", policy("sloppy"))
    assert repository.run("--baseline", "git:HEAD", *JSON) == 1
    found = result()
    assert pairs(found)[0][1] == "live (working tree)"
    assert "baseline production → live" in str(found["notes"])


@pytest.mark.parametrize(
    ("asked", "suites"), [((), 2), (("suites/",), 2), (("suites/words",), 1), (("words",), 1)]
)
def test_a_deleted_suite_still_judges(repository, result, asked, suites):
    (repository.project / "suites/words").rename(repository.project / "suites/other")
    repository.write("policies/words/production.yaml", policy("sloppy"))
    assert repository.run("--baseline", "git:HEAD", *asked, *JSON) == 1
    found = result()
    assert [each["suite"] for each in found["comparisons"]] == ["words", "other"][:suites]
    assert "words is not in the working tree any more" in str(found["notes"])
    assert ("other is not in commit" in str(found["notes"])) == (suites == 2)


def test_a_new_suite_is_judged_by_its_own_rules(repository, result):
    shutil.copytree(repository.project / "suites/words", repository.project / "suites/more")
    assert repository.run("--baseline", "git:HEAD", "suites/more", *JSON) == 0
    found = result()
    assert [each["suite"] for each in found["comparisons"]] == ["more"]
    assert "suite more is not in commit" in str(found["notes"])


def test_a_commit_without_a_gate_has_nothing_to_compare_with(repository, result):
    repository.git("checkout", "-q", "--orphan", "first")
    repository.git("rm", "-rq", "--cached", ".")
    (repository.project / "README").write_text("first\n")
    repository.git("add", "README")
    repository.git("commit", "-q", "-m", "first")
    assert repository.run("--baseline", "git:HEAD", *JSON) == 0
    assert "nothing to compare with yet" in str(result()["notes"])


def test_a_price_that_only_the_proposal_claims_counts_for_new_models_alone(repository, result):
    cheaper = policy("loud").replace("0.001", "0.0001") + "params: {temperature: 0}\n"
    repository.write(
        "policies/words/production.yaml", cheaper.replace("params", "response: {normalize: [strip]}\n#")
    )
    assert repository.run("--baseline", "git:HEAD", *JSON) == 0
    found = result()
    [cost] = [each for each in found["comparisons"][0]["checks"] if each["metric"] == "cost_per_correct"]
    assert cost["baseline"]["value"] == cost["candidate"]["value"]
    assert "states other prices or times" in str(found["notes"])


# Where git stands


def test_a_detached_head_a_tag_and_an_old_commit(repository, result):
    first = repository.git("rev-parse", "HEAD")
    repository.git("tag", "v1")
    repository.write("policies/words/production.yaml", policy("sloppy"))
    repository.commit()
    repository.git("checkout", "-q", "--detach")
    for ref in ("v1", "HEAD~1", first, first[:10], "HEAD^", "merge-base:v1", "v1^{commit}"):
        assert repository.run("--baseline", f"git:{ref}", *JSON) == 1, ref
        assert pairs(result())[0][0] == f"production@{first[:7]}"


def test_a_worktree(repository, tmp_path, result):
    repository.git("worktree", "add", "-q", "-b", "work", str(tmp_path / "work"))
    there = Repository(tmp_path / "work")
    there.write("policies/words/production.yaml", policy("sloppy"))
    there.commit()
    assert there.run("--baseline", "git:main", *JSON) == 1
    assert pairs(result())[0][1] == "production (working tree)"


def test_a_project_below_the_top_of_its_repository(tmp_path, monkeypatch, result):
    monkeypatch.chdir(tmp_path)
    project = tmp_path / "repo" / "services" / "gate"
    project.mkdir(parents=True)
    repository = made(tmp_path / "repo", project)
    repository.write("policies/words/production.yaml", policy("sloppy"))
    assert repository.run("--baseline", "git:HEAD", *JSON) == 1
    result()
    monkeypatch.chdir(project / "suites")
    assert main(["run", "words", "--baseline", "git:HEAD"]) == 1


def test_a_shallow_clone_says_what_to_do(repository, tmp_path, said):
    repository.write("policies/words/production.yaml", policy("sloppy"))
    repository.commit()
    repository.git("clone", "-q", "--bare", ".", str(tmp_path / "origin.git"))
    repository.git("clone", "-q", "--depth", "1", f"file://{tmp_path}/origin.git", str(tmp_path / "clone"))
    clone = Repository(tmp_path / "clone")
    for ref in ("git:HEAD~1", "git:v1", "git:" + repository.git("rev-parse", "HEAD~1")):
        assert clone.run("--baseline", ref) == 2
        told = said()
        assert "shallow" in told
        assert "git fetch --unshallow" in told
        assert "fetch-depth: 0" in told
    clone.git("fetch", "-q", "--unshallow")
    assert clone.run("--baseline", "git:HEAD~1") == 1


@pytest.mark.parametrize(
    ("ref", "words"),
    [
        ("git:mian", "did you mean 'main'"),
        ("git:", "names no commit"),
        ("git:--output=/tmp/x", "names no commit"),
        ("git:HEAD:evalgate.yaml", "names no commit"),
        ("git:main..HEAD", "there is no commit"),
        ("git:work", "git:origin/work"),
    ],
)
def test_a_ref_that_is_none(repository, said, ref, words):
    repository.git("update-ref", "refs/remotes/origin/work", "HEAD")
    assert repository.run("--baseline", ref) == 2
    assert words in said()


def test_no_repository(repository, said):
    shutil.rmtree(repository.folder / ".git")
    assert repository.run("--baseline", "git:HEAD") == 2
    assert "not in a git repository" in said()
    assert repository.run() == 0


def test_a_repository_of_somebody_else(repository, said, monkeypatch):
    # What git says when it does not trust the owner, without needing another user to test it.
    monkeypatch.setenv("PATH", f"{repository.folder}/bin{os.pathsep}{os.environ['PATH']}")
    repository.write(
        "bin/git",
        "#!/bin/sh\necho \"fatal: detected dubious ownership in repository at '/x'\" >&2\nexit 128\n",
    )
    (repository.folder / "bin/git").chmod(0o755)
    assert repository.run("--baseline", "git:HEAD") == 2
    assert f"git config --global --add safe.directory {repository.folder}" in said()
    assert repository.run(*JSON) == 0


# What a commit may hold


def test_a_symlink_out_of_the_repository_is_refused_when_it_is_read(repository, tmp_path, said):
    (tmp_path / "secrets").write_text("key\n")
    (repository.project / "notes").symlink_to(tmp_path / "secrets")
    repository.commit()
    assert repository.run("--baseline", "git:HEAD") == 0
    (repository.project / "suites/words/cases.jsonl").unlink()
    (repository.project / "suites/words/cases.jsonl").symlink_to(tmp_path / "secrets")
    repository.commit()
    (repository.project / "suites/words/cases.jsonl").unlink()
    repository.write("suites/words/cases.jsonl", cases())
    said()
    assert repository.run("--baseline", "git:HEAD") == 2
    assert "suites/words/cases.jsonl: is a symlink that leads out of the project" in said()


def test_a_symlink_inside_the_project_is_followed(repository):
    folder = repository.project / "suites/words"
    (folder / "cases.jsonl").rename(repository.project / "shared.jsonl")
    (folder / "cases.jsonl").symlink_to("../../shared.jsonl")
    repository.commit()
    assert repository.run("--baseline", "git:HEAD") == 0


def test_a_large_file_pointer_is_told_when_it_is_read(repository, said):
    real = cases().encode()
    from hashlib import sha256

    oid = sha256(real).hexdigest()
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(real)}\n"
    repository.write("suites/words/cases.jsonl", pointer)
    repository.commit()
    repository.write("suites/words/cases.jsonl", cases())
    assert repository.run("--baseline", "git:HEAD") == 2
    told = said()
    assert "suites/words/cases.jsonl: is a Git LFS pointer whose content is not here" in told
    assert "git lfs fetch origin" in told
    stored = repository.folder / ".git/lfs/objects" / oid[:2] / oid[2:4] / oid
    stored.parent.mkdir(parents=True)
    stored.write_bytes(b"something else")
    assert repository.run("--baseline", "git:HEAD") == 2
    stored.write_bytes(real)
    assert repository.run("--baseline", "git:HEAD") == 0


# Without --baseline


def on_a_branch(repository):
    repository.git("checkout", "-q", "-b", "work")
    return repository.git("rev-parse", "main")[:7]


@pytest.mark.parametrize("committed", [True, False])
def test_an_edited_production_is_noticed_by_itself(repository, result, committed):
    short = on_a_branch(repository)
    repository.write("policies/words/production.yaml", policy("sloppy"))
    if committed:
        repository.commit()
    assert repository.run(*JSON) == 1
    found = result()
    assert pairs(found) == [(f"production@{short}", "production (working tree)")]
    assert "git:merge-base" in str(found["notes"])
    # Whoever names a baseline gets that one.
    assert repository.run("--baseline", "production", *JSON) == 0


def test_an_edited_file_that_production_names_is_noticed_too(repository, said):
    asked = '- {role: user, content: "{{input}}"}\n'
    repository.write("policies/words/prompts/ask.yaml", asked)
    repository.edit(
        "policies/words/production.yaml", "deployments:", "prompt: prompts/ask.yaml\ndeployments:"
    )
    repository.commit()
    on_a_branch(repository)
    assert repository.run() == 0
    repository.write("policies/words/prompts/ask.yaml", asked.replace("{{input}}", "Say {{input}}"))
    said()
    assert repository.run() == 4
    assert "policy production (working tree): 40 of 40 answers need calls" in said()


def test_nothing_is_noticed_where_production_only_reads_differently(repository, capsys):
    on_a_branch(repository)
    repository.write("policies/words/production.yaml", "# a remark\n" + policy("loud"))
    repository.edit("evalgate.yaml", "max_drop: 5pp", "max_drop: 6pp")
    assert repository.run(*JSON) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["comparisons"][0]["candidate"] == "production"
    assert found["notes"] == []


def test_the_merge_base_decides_and_not_the_tip_of_the_default_branch(repository, result):
    short = on_a_branch(repository)
    repository.git("checkout", "-q", "main")
    repository.edit("evalgate.yaml", "max_drop: 5pp", "max_drop: 9pp")
    repository.commit()
    repository.git("checkout", "-q", "work")
    repository.write("policies/words/production.yaml", policy("sloppy"))
    for arguments in ((), ("--baseline", "git:merge-base"), ("--baseline", "git:merge-base:main")):
        assert repository.run(*arguments, *JSON) == 1
        found = result()
        assert pairs(found)[0][0] == f"production@{short}"
        assert found["comparisons"][0]["checks"][0]["allowance"] == 0.05


def test_a_new_family_has_nothing_at_the_merge_base(repository, result):
    on_a_branch(repository)
    shutil.copytree(repository.project / "suites/words", repository.project / "suites/new")
    repository.edit("suites/new/suite.yaml", "policies/words", "policies/new")
    repository.write("policies/new/production.yaml", policy("loud"))
    repository.write("policies/new/worse.yaml", policy("sloppy"))
    assert repository.run("suites/new", *JSON) == 1
    assert pairs(result()) == [("production", "worse")]


def test_a_fork_point_of_nobody_knows_what_is_told(repository, said):
    repository.git("branch", "-m", "main", "trunk")
    assert repository.run("--baseline", "git:merge-base") == 2
    assert "the default branch is not known: neither origin's, nor main, nor master is here" in said()


def test_no_default_branch_is_no_error(repository, result):
    repository.git("branch", "-m", "main", "trunk")
    repository.write("policies/words/production.yaml", policy("sloppy"))
    assert repository.run(*JSON) == 0
    assert result()["comparisons"][0]["baseline"] is None


def test_interrupted_in_the_middle_nothing_is_left(repository, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("evalgate.pipeline.run.decide", lambda *_: None)
    monkeypatch.setattr("evalgate.pipeline.comparing.judgement.judge_alone", interrupt)
    assert repository.run("--baseline", "git:HEAD") == 130


def test_the_variables_of_a_hook_do_not_lead_astray(repository, result, tmp_path, monkeypatch):
    repository.write("policies/words/production.yaml", policy("sloppy"))
    short = repository.git("rev-parse", "HEAD")[:7]
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "nowhere"))
    assert repository.run("--baseline", "git:main", *JSON) == 1
    assert pairs(result())[0][0] == f"production@{short}"


def test_two_runs_from_a_shell_are_byte_identical(repository):
    repository.write("policies/words/production.yaml", policy("sloppy"))
    command = [sys.executable, "-m", "evalgate", "run", "--baseline", "git:HEAD", *JSON]
    done = [
        subprocess.run(
            command, cwd=repository.project, env=environ(), capture_output=True, text=True, check=False
        )
        for _ in range(2)
    ]
    assert done[0].returncode == 1, done[0].stderr
    assert done[0].stdout == done[1].stdout
    assert sorted(path.name for path in (repository.project / ".evalgate/runs/words").iterdir()) == [
        "production (working tree).run.jsonl",
        f"production@{repository.git('rev-parse', 'HEAD')[:7]}.run.jsonl",
    ]


def test_what_is_recorded_without_a_baseline_is_for_the_suites_as_they_will_be(repository, capsys):
    on_a_branch(repository)
    repository.write("policies/words/production.yaml", policy("sloppy"))
    repository.write("suites/words/cases.jsonl", cases(CASES + 2))
    assert repository.run(verb="record") == 0
    assert f"{CASES + 2} calls needed, {CASES} already recorded, 2 made" in capsys.readouterr().out
    assert repository.run("--baseline", "git:main", "--mode", "live", *JSON) == 1
    capsys.readouterr()
    assert repository.run("--baseline", "git:main", verb="record") == 0
    assert f"{2 * CASES} calls needed, {2 * CASES} already recorded" in capsys.readouterr().out
