"""Where the pipeline finds and keeps its files."""

import os
from collections.abc import Mapping
from pathlib import Path

from evalgate.core.policy import Policy
from evalgate.core.suite import Suite

LOCAL = Path(".evalgate")


def committed_recordings(suite: Suite) -> list[Path]:
    """Return the recordings that are committed with the suite."""
    return recordings_in(suite.folder)


def recordings_in(suite_folder: Path) -> list[Path]:
    """Return the recordings in a suite's folder, whatever else is wrong with the suite."""
    return _recordings_in(suite_folder / "recordings")


def store_file(root: Path, environ: Mapping[str, str] = os.environ) -> Path:
    """Return the local store: the project's own, or the file that EVALGATE_STORE names."""
    named = environ.get("EVALGATE_STORE")
    return root / named if named else root / LOCAL / "store.sqlite3"


def run_file(root: Path, suite: Suite, policy: Policy) -> Path:
    """Return where the newest run of a policy on a suite is kept."""
    return root / LOCAL / "runs" / suite.name / f"{policy.name}.run.jsonl"


def _recordings_in(folder: Path) -> list[Path]:
    return sorted([*folder.glob("*.jsonl"), *folder.glob("*.jsonl.gz")])
