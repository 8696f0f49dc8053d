"""Where the pipeline finds and keeps its files."""

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


def local_folder(root: Path, suite: Suite) -> Path:
    """Return the folder for calls that were made on this machine only."""
    return root / LOCAL / "recordings" / suite.name


def local_recordings(root: Path, suite: Suite) -> list[Path]:
    """Return the recordings made on this machine only."""
    return _recordings_in(local_folder(root, suite))


def run_file(root: Path, suite: Suite, policy: Policy) -> Path:
    """Return where the newest run of a policy on a suite is kept."""
    return root / LOCAL / "runs" / suite.name / f"{policy.name}.run.jsonl"


def _recordings_in(folder: Path) -> list[Path]:
    return sorted([*folder.glob("*.jsonl"), *folder.glob("*.jsonl.gz")])
