"""The action, this repository's workflows and every workflow that a page shows are valid and safe."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BIN = Path(sys.executable).parent


def blocks(text):
    return re.findall(r"^```ya?ml\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def shown(kind):
    """Yield the YAML of that kind in all pages, with where it stands."""
    for page in PAGES:
        for number, text in enumerate(blocks(page.read_text(encoding="utf-8"))):
            is_workflow = "\njobs:" in text
            is_gitlab = "\n  script:" in text
            if {"workflow": is_workflow, "gitlab": is_gitlab}[kind]:
                yield f"{page.stem}-{number}.yml", text


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The workflows of the pages, where a repository has its own."""
    folder = tmp_path_factory.mktemp("pages") / ".github/workflows"
    folder.mkdir(parents=True)
    for name, text in shown("workflow"):
        (folder / name).write_text(text)
    return folder


def run(*arguments):
    return subprocess.run(
        [str(BIN / arguments[0]), *map(str, arguments[1:])], capture_output=True, text=True, check=False
    )


def test_zizmor_finds_nothing(written):
    done = run("zizmor", "--offline", "--no-progress", ROOT / "action.yml", *WORKFLOWS, written)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No findings to report" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("schema", "of"),
    [
        ("vendor.github-actions", lambda _: [ROOT / "action.yml"]),
        ("vendor.github-workflows", lambda written: [*WORKFLOWS, *sorted(written.iterdir())]),
    ],
    ids=["action", "workflows"],
)
def test_the_vendored_schemas_hold(written, schema, of):
    done = run("check-jsonschema", "--builtin-schema", schema, *of(written))
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_gitlab_job_is_valid(tmp_path):
    [(name, text)] = shown("gitlab")
    (tmp_path / name).write_text(text)
    done = run(
        "check-jsonschema",
        "--builtin-schema",
        "vendor.gitlab-ci",
        "--data-transform",
        "gitlab-ci",
        tmp_path / name,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_pages_show_workflows(written):
    assert {path.name.partition("-")[0] for path in written.iterdir()} >= {"github"}
    assert len(list(written.iterdir())) >= 2


def uses():
    for path in (ROOT / "action.yml", *WORKFLOWS):
        yield from re.findall(r"uses: (\S+)(.*)", path.read_text())
    for page in PAGES:
        yield from re.findall(r"uses: (\S+)(.*)", "\n".join(blocks(page.read_text(encoding="utf-8"))))


@pytest.mark.parametrize(("used", "comment"), sorted(set(uses())))
def test_every_action_is_pinned_by_its_hash_and_named_by_its_version(used, comment):
    if used == "./":
        return
    assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", used)
    own = used.startswith("OWNER/")
    assert own or re.match(r" # v\d+\.\d+\.\d+$", comment)


def test_one_action_has_one_hash_everywhere():
    found = {}
    for used, _ in uses():
        name, _, sha = used.partition("@")
        found.setdefault(name, set()).add(sha)
    assert not {name for name, hashes in found.items() if len(hashes) > 1}


def test_nobody_is_shown_a_workflow_with_secrets_beside_a_strangers_files(written):
    for path in (*WORKFLOWS, *written.iterdir()):
        text = path.read_text()
        assert "pull_request_target" not in text
        assert "workflow_run" not in text
        assert "allow-unsafe-pr-checkout" not in text


def test_every_workflow_begins_without_rights(written):
    for path in (*WORKFLOWS, *written.iterdir()):
        assert yaml.safe_load(path.read_text())["permissions"] == {}


def test_the_release_stays_off():
    release = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())
    assert [job["if"] for job in release["jobs"].values()] == [False, False]
    assert list(release[True]) == ["workflow_dispatch"]
