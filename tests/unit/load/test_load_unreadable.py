"""Files that are there and cannot be read: told like any other problem, with the file."""

from pathlib import Path

import pytest

REAL_OPEN, REAL_READ = Path.open, Path.read_bytes


@pytest.fixture
def locked(monkeypatch):
    """Nobody may read the files of these names, as root could."""

    def lock(*names):
        def refuse(path, real, *arguments, **named):
            if path.name in names:
                raise PermissionError(13, "Permission denied")
            return real(path, *arguments, **named)

        monkeypatch.setattr(Path, "open", lambda path, *a, **k: refuse(path, REAL_OPEN, *a, **k))
        monkeypatch.setattr(Path, "read_bytes", lambda path: refuse(path, REAL_READ))

    return lock


@pytest.mark.parametrize("name", ["suites/tickets/suite.yaml", "policies/tickets/production.yaml"])
def test_a_file_that_nobody_may_read(files, locked, name):
    locked(Path(name).name)
    assert f"{name}: cannot be read: Permission denied" in files.said()


def test_a_pinned_file_that_nobody_may_read(files, locked, tmp_path_factory):
    outside = tmp_path_factory.mktemp("elsewhere") / "pinned.jsonl"
    outside.write_text('{"id": "a", "input": "?", "target": "billing"}\n')
    suite = files.root / "suites/tickets/suite.yaml"
    suite.write_text(f"cases: {{path: {outside}, sha256: {'f' * 64}}}\n{suite.read_text()}")
    locked("pinned.jsonl")
    assert "cannot be read: Permission denied" in files.said()


def test_a_label_of_nothing_is_no_label(files):
    files.suite("labels: [", 'labels: ["  ", ')
    assert "the label is empty" in files.said()
