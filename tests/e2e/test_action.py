"""``action.yml`` as a runner carries it out: inputs to environment, scripts in bash, outputs to steps."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.pull_requests import environ, policy

ROOT = Path(__file__).parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
STEPS = ACTION["runs"]["steps"]
RUNS = [step for step in STEPS if "run" in step]
EXPRESSION = re.compile(r"\$\{\{ *(.*?) *\}\}")
# Stands in for uv: checks how it was called, and runs this checkout's code.
UV = """\
#!/bin/sh
[ "$1 $2 $4 $5 $6 $7" = "run --project --locked --no-dev evalgate ci" ] || exit 99
[ -f "$3/action.yml" ] || exit 98
PYTHONPATH="$3" exec "{python}" -P -m evalgate ci
"""


class Job:
    """The steps of one job. ``steps`` holds the outputs of those that ran."""

    def __init__(self, folder, workspace, event, payload):
        self.folder = folder
        self.workspace = workspace
        self.steps = {}
        self.uploaded = []
        self.said = ""
        folder.mkdir()
        (folder / "event.json").write_text(json.dumps(payload))
        binary = folder / "bin"
        binary.mkdir()
        (binary / "uv").write_text(UV.format(python=sys.executable))
        (binary / "uv").chmod(0o755)
        self.environ = {
            **environ(),
            "PATH": f"{binary}{os.pathsep}{os.environ['PATH']}",
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_EVENT_NAME": event,
            "GITHUB_EVENT_PATH": str(folder / "event.json"),
            "GITHUB_REPOSITORY": "owner/words",
            "GITHUB_API_URL": "http://127.0.0.1:9",
            "GITHUB_STEP_SUMMARY": str(folder / "summary"),
        }

    def run(self, inputs, uv=None):
        """Return the exit code of the last step, the one that decides."""
        if uv is not None:
            (self.folder / "bin/uv").write_text(uv)
        known = {name: each.get("default", "") for name, each in ACTION["inputs"].items()}
        assert inputs.keys() <= known.keys()
        self.inputs = {**known, "github-token": "", **inputs}
        code = None
        for number, step in enumerate(STEPS):
            if "if" in step and not self.holds(step["if"]):
                continue
            if "uses" in step:
                if "upload-artifact" in step["uses"]:
                    self.uploaded.append(self.filled(step["with"]["path"]))
                continue
            code = self.bash(step, self.folder / f"output-{number}")
        return code

    def bash(self, step, output):
        output.touch()
        env = {name: self.filled(value) for name, value in step.get("env", {}).items()}
        folder = self.workspace / self.filled(step.get("working-directory", "."))
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]],
            cwd=folder,
            env={**self.environ, "GITHUB_OUTPUT": str(output), **env},
            capture_output=True,
            text=True,
            check=False,
        )
        self.said += done.stdout + done.stderr
        if "id" in step:
            self.steps[step["id"]] = read_outputs(output)
        return done.returncode

    def holds(self, condition):
        inner = EXPRESSION.fullmatch(condition)[1]
        parts = inner.split(" && ")
        assert parts[0] == "always()"
        return all(self.value(part.removesuffix(" != ''")) != "" for part in parts[1:])

    def filled(self, text):
        return EXPRESSION.sub(lambda found: self.value(found[1]), str(text))

    def value(self, name):
        kind, _, rest = name.partition(".")
        match kind:
            case "inputs":
                return self.inputs[rest]
            case "runner":
                return {"temp": str(self.folder / "temp")}[rest]
            case "steps":
                step, _, output = rest.partition(".outputs.")
                return self.steps.get(step, {}).get(output, "")
            case _:
                raise AssertionError(name)

    @property
    def outputs(self):
        return {name: self.filled(each["value"]) for name, each in ACTION["outputs"].items()}


def read_outputs(path):
    found, lines = {}, iter(path.read_text().split("\n"))
    for line in lines:
        name, marked, end = line.partition("<<")
        if marked:
            found[name] = "\n".join(iter(lambda: next(lines), end))
        elif line:
            name, _, found[name] = line.partition("=")
    return found


@pytest.fixture
def job(origin, tmp_path):
    def start(change, event="pull_request", **how):
        tree, payload = origin.open(change, **how)
        return Job(tmp_path / "job", tree.folder, event, payload)

    return start


def worse(tree):
    tree.write("policies/words/production.yaml", policy("sloppy"))


def test_a_block_ends_the_job_with_the_gates_code(job):
    made = job(worse)
    assert made.run({}) == 1
    outputs = made.outputs
    assert (outputs["verdict"], outputs["blocked"], outputs["exit-code"]) == ("fail", "true", "1")
    assert (outputs["accuracy-change"], outputs["fixed"], outputs["broke"]) == ("-0.5", "0", "20")
    assert (outputs["cost-per-correct-change"], outputs["spend-usd"]) == ("1", "0.000000")
    assert made.uploaded == [outputs["report"]]
    assert Path(outputs["report"]).name == "evalgate-report.html"
    assert json.loads(Path(outputs["results"]).read_text())["blocked"] is True
    assert "blocked" in (made.folder / "summary").read_text()


def test_a_pass_ends_it_well_and_uploads_nothing_without_a_comparison(job):
    made = job(lambda tree: tree.write("README.md", "more\n"))
    assert made.run({}) == 0
    assert made.outputs["verdict"] == "pass"
    assert made.uploaded == []


def test_every_input_arrives(job):
    made = job(lambda tree: (worse(tree), tree.write("policies/words/more.yaml", policy("sloppy"))))
    given = {
        "suites": "suites/words",
        "policy": "more",
        "baseline": "git:HEAD^1",
        "on-inconclusive": "block",
        "comment": "never",
        "config": "evalgate.yaml",
        "report-name": "words.html",
    }
    assert made.run(given) == 1
    result = json.loads(Path(made.outputs["results"]).read_text())
    assert [each["candidate"] for each in result["comparisons"]] == ["more"]
    assert {each["on_inconclusive"] for each in result["comparisons"][0]["checks"]} == {"block"}
    assert made.uploaded[0].endswith("/words.html")


def test_a_working_directory(job):
    def move(tree):
        worse(tree)

    made = job(move)
    assert made.run({"working-directory": "policies"}) == 1


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"mode": "sometimes"}, "'sometimes' is not one of"),
        ({"on-inconclusive": "never"}, "is not one of"),
        ({"config": "nowhere.yaml"}, "nowhere.yaml is no evalgate.yaml of this repository"),
        ({"config": "../../etc/evalgate.yaml"}, "outside the repository"),
        ({"suites": "$(touch pwned) `touch pwned`"}, "there is no such suite"),
        ({"policy": "'; touch pwned; '"}, "there is no such policy"),
    ],
)
def test_a_wrong_input_is_an_error_and_never_a_script(job, given, words):
    made = job(worse)
    assert made.run(given) == 2
    assert not list(made.workspace.rglob("pwned"))
    assert words in made.said


def test_a_step_that_could_not_say_anything_does_not_pass(job):
    made = job(worse)
    assert made.run({}, uv="#!/bin/sh\nkill -9 $PPID\n") == 4
    assert made.outputs["verdict"] == ""
    assert made.run({}, uv="#!/bin/sh\nexit 127\n") == 127


def test_a_fork_is_judged_without_a_comment(job):
    made = job(worse, fork=True)
    assert made.run({"github-token": "read-only"}) == 1
    assert made.outputs["comment-url"] == ""


def test_a_comment_that_cannot_be_written_changes_nothing(job):
    made = job(worse)
    # Nobody listens there.
    assert made.run({"github-token": "token"}) == 1
    assert made.outputs["exit-code"] == "1"


def test_no_input_is_part_of_a_script():
    assert RUNS
    assert not [step for step in RUNS if "${{" in step["run"]]
    passed = {value for step in RUNS for value in step.get("env", {}).values()}
    named = {f"${{{{ inputs.{name} }}}}" for name in ACTION["inputs"] if name != "working-directory"}
    assert named <= passed


def test_every_output_is_one_that_is_written(job):
    made = job(worse)
    made.run({})
    written = set(made.steps["run"]) | {"comment-url"}
    assert {each["value"] for each in ACTION["outputs"].values()} == {
        f"${{{{ steps.run.outputs.{name} }}}}" for name in ACTION["outputs"]
    }
    assert set(ACTION["outputs"]) == written


def test_the_shell_recipe_of_other_systems_works(origin, tmp_path):
    page = (ROOT / "docs/other-ci.md").read_text()
    recipe = re.search(r"```bash\n(.*?)```", page, re.DOTALL)[1]
    tree, _ = origin.open(worse, depth=0)
    tree.git("remote", "add", "origin", f"file://{origin.bare}")
    binary = tmp_path / "bin"
    binary.mkdir()
    (binary / "evalgate").write_text(
        f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -P -m evalgate "$@"\n'
    )
    (binary / "evalgate").chmod(0o755)

    def run():
        shutil.rmtree(tree.folder / "evalgate-out", ignore_errors=True)
        env = {**environ(), "PATH": f"{binary}{os.pathsep}{os.environ['PATH']}", "BASE_BRANCH": "main"}
        return subprocess.run(
            ["sh", "-e", "-c", recipe], cwd=tree.folder, env=env, capture_output=True, text=True, check=False
        )

    done = run()
    assert done.returncode == 1, done.stderr
    left = {path.name for path in (tree.folder / "evalgate-out").iterdir()}
    assert left == {"junit.xml", "summary.md", "result.json", "evalgate-report.html"}
    assert all(name in page for name in left)
    tree.write("policies/words/production.yaml", "deploymnts: {}\n")
    assert run().returncode == 2
    left = {path.name for path in (tree.folder / "evalgate-out").iterdir()}
    assert left == {"junit.xml", "summary.md"}
    assert "::error" not in run().stdout
