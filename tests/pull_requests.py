"""Pull requests as a runner meets them, in real git repositories: a bare origin, and a checkout of it.

The repositories are made once a session by :func:`made_origin`; each test clones what it changes.
"""

import contextlib
import io
import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from evalgate.cli.main import main

ROOT = Path(__file__).parents[1]
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
owners: ["@words-team"]
"""
POLICY = """\
deployments:
  only: {provider: app, model: MODEL, revision: "1", price: {per_request: 0.001}}
"""
APP = """\
def answer(request):
    right = request.model.startswith("loud") or int(request.input[1:]) % 2
    return request.input.upper() if right else "?"
"""


def policy(model, **extra):
    lines = "".join(f"{key}: {value}\n" for key, value in extra.items())
    return POLICY.replace("MODEL", model) + lines


def cases(count=CASES, first=0):
    numbers = range(first, first + count)
    return "".join(json.dumps({"id": f"c{n}", "input": f"w{n}", "target": f"W{n}"}) + "\n" for n in numbers)


def environ():
    return {
        "PATH": os.environ["PATH"],
        "HOME": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": "user.name",
        "GIT_CONFIG_VALUE_0": "Nobody",
        "GIT_CONFIG_KEY_1": "user.email",
        "GIT_CONFIG_VALUE_1": "nobody@example.org",
    }


def git(folder, *arguments):
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=environ(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


class Tree:
    """A working tree; ``commit`` commits whatever is in it."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def read(self, name):
        return (self.folder / name).read_text()

    def edit(self, name, old, new):
        text = self.read(name)
        assert old in text
        self.write(name, text.replace(old, new))

    def remove(self, name):
        path = self.folder / name
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()

    def git(self, *arguments):
        return git(self.folder, *arguments)

    def commit(self, message="change"):
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def record(self, *arguments):
        """Record what is missing, as a developer does before pushing."""
        here = Path.cwd()
        os.chdir(self.folder)
        try:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                assert main(["record", "-q", *arguments]) == 0
        finally:
            os.chdir(here)

    @property
    def recordings(self):
        return sorted((self.folder / "suites/words/recordings").iterdir())


def write_project(tree):
    tree.write("evalgate.yaml", PROJECT)
    tree.write("suites/words/suite.yaml", SUITE)
    tree.write("suites/words/cases.jsonl", cases())
    tree.write("policies/words/production.yaml", policy("loud"))
    tree.write("policies/words/rejected/sloppy.yaml", policy("sloppy"))
    tree.write("app.py", APP)
    tree.write("README.md", "words\n")
    tree.write(".gitignore", ".evalgate/\n__pycache__/\n")


def made_origin(folder):
    """Make ``origin.git`` whose main branch holds the project, with recordings of loud and sloppy."""
    tree = Tree(folder / "work")
    tree.folder.mkdir(parents=True)
    tree.git("init", "-q", "-b", "main")
    write_project(tree)
    tree.record("--policy", "sloppy")
    tree.commit("the gate")
    git(folder, "clone", "-q", "--bare", "work", "origin.git")
    return folder


@dataclass
class Origin:
    """An origin of a test's own, and pull requests to it."""

    folder: Path
    number: int = 6

    @property
    def bare(self):
        return self.folder / "origin.git"

    @property
    def work(self):
        return Tree(self.folder / "work")

    def push_main(self, message="on main"):
        """Commit the work tree to main and push it."""
        self.work.git("checkout", "-q", "main")
        sha = self.work.commit(message)
        self.work.git("push", "-q", str(self.bare), "HEAD:refs/heads/main")
        return sha

    def open(self, change, *, fork=False, depth=2, commits=None):
        """Open a pull request with what ``change(tree)`` does; return what the runner checks out of it."""
        tree = self.work
        base = tree.git("rev-parse", "main")
        tree.git("checkout", "-q", "-b", f"topic-{self.number}", "main")
        for one in commits or [change]:
            one(tree)
            head = tree.commit()
        tree.git("checkout", "-q", "--detach", "main")
        tree.git("merge", "-q", "--no-ff", "-m", "merge", f"topic-{self.number}")
        merged = tree.git("rev-parse", "HEAD")
        ref = f"refs/pull/{self.number}/merge"
        tree.git("push", "-q", str(self.bare), f"HEAD:{ref}", f"{head}:refs/pull/{self.number}/head")
        tree.git("checkout", "-q", "main")
        payload = {
            "pull_request": {
                "number": self.number,
                "base": {"sha": base, "ref": "main", "repo": {"full_name": "owner/words"}},
                "head": {"sha": head, "repo": {"full_name": "stranger/words" if fork else "owner/words"}},
            }
        }
        self.number += 1
        return self.checkout(merged, ref, depth), payload

    def checkout(self, sha, ref, depth=2):
        """Check ``sha`` out as actions/checkout does: fetched by its ref, at a depth, detached."""
        folder = self.folder / f"checkout-{len(list(self.folder.iterdir()))}"
        folder.mkdir()
        git(folder, "init", "-q")
        shallow = [f"--depth={depth}"] if depth else []
        git(folder, "fetch", "-q", *shallow, f"file://{self.bare}", f"+{sha}:{ref}")
        git(folder, "checkout", "-q", "--detach", sha)
        return Tree(folder)


@dataclass
class Runner:
    """One job of a workflow: its files, its event, and ``evalgate ci`` run as the step would."""

    folder: Path
    monkeypatch: object

    def __post_init__(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        self.out = self.folder / "out"
        self.summary_file = self.folder / "summary"
        self.output_file = self.folder / "output"

    def event(self, name, payload):
        path = self.folder / "event.json"
        path.write_text(json.dumps(payload))
        for key, value in {
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": name,
            "GITHUB_EVENT_PATH": str(path),
            "GITHUB_REPOSITORY": "owner/words",
            "GITHUB_STEP_SUMMARY": str(self.summary_file),
            "GITHUB_OUTPUT": str(self.output_file),
            "EVALGATE_OUT": str(self.out),
        }.items():
            self.monkeypatch.setenv(key, value)
        return self

    def run(self, tree, *arguments):
        """Return the exit code of ``evalgate ci`` in this tree."""
        for file in (self.summary_file, self.output_file):
            file.unlink(missing_ok=True)
        shutil.rmtree(self.out, ignore_errors=True)
        self.monkeypatch.chdir(tree.folder if isinstance(tree, Tree) else tree)
        return main(["ci", *arguments])

    @property
    def summary(self):
        return self.summary_file.read_text() if self.summary_file.exists() else ""

    @property
    def outputs(self):
        """The outputs as the runner reads them: ``name<<END``, lines, ``END``; the last of a name wins."""
        found, lines = {}, iter(self.output_file.read_text().split("\n"))
        for line in lines:
            name, marked, end = line.partition("<<")
            if marked:
                value = []
                for each in lines:
                    if each == end:
                        break
                    value.append(each)
                found[name] = "\n".join(value)
            elif line:
                name, _, found[name] = line.partition("=")
        return found

    @property
    def result(self):
        return json.loads((self.out / "result.json").read_text())

    @property
    def pairs(self):
        return [(each["baseline"], each["candidate"]) for each in self.result["comparisons"]]
