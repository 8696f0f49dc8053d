"""The command line as a process of its own: an empty home, and of the environment nothing but the path."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def evalgate(root: Path, *arguments: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    """Run ``evalgate`` in ``root``, with ``environ`` beside what it needs."""
    home = {"PATH": os.environ["PATH"], "HOME": str(root), "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "evalgate", *arguments],
        cwd=root,
        env=home | environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
