"""Which version answers: a text that the writer keeps up to date, or a hash of what answers."""

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from evalgate.core.digest import sha256_of
from evalgate.core.errors import BadInput, Problem
from evalgate.core.policy_file import DeploymentFile, RevisionOf
from evalgate.core.providers_file import FunctionProvider, HttpProvider, ProviderFile
from evalgate.load.findings import Findings
from evalgate.load.syntax.documents import read_bytes
from evalgate.load.syntax.paths import resolve

# Only a whole date counts. Shorter endings ("-0613", "-v2", "-2048") are also sizes and context lengths.
_DATED = re.compile(r"[-@_:.](?:19|20)\d\d(-?)(?:0[1-9]|1[0-2])\1(?:0[1-9]|[12]\d|3[01])")
_CURE = (
    'add revision: a text that you change whenever the answers may change, as in "2026-11", '
    "or {files: [weights.json]} to take it from the files themselves"
)
_APP_CURE = (
    "add revision: {tree: [<its folder>]}, or a text that you change with every build that is deployed"
)


def load_revision(
    written: DeploymentFile, provider: ProviderFile | None, folder: Path, findings: Findings
) -> str | None:
    """Return the revision of a deployment; ``provider`` is None when it is unknown.

    A deployment needs one, or the answers of yesterday's weights would be replayed for today's. It may leave
    it out only where the model's own name ends in a full date (``gpt-4o-2024-08-06``).

    Raises:
        BadInput: there is none, or what it should be hashed from cannot be read.

    """
    match written.revision:
        case str() as text if text.strip():
            return text
        case RevisionOf() as of:
            return _hash_of(of, folder, findings)
        case _:
            pass  # none, or a blank one
    if provider is None:
        return None
    if isinstance(provider, FunctionProvider):
        raise BadInput(
            [Problem("a function needs a revision: its name says nothing about what answers", _CURE)]
        )
    if isinstance(provider, HttpProvider):
        raise BadInput(
            [Problem("an app needs a revision: its name says nothing about what answers", _APP_CURE)]
        )
    if names_a_version(written.model):
        return None
    message = f"the model name {written.model!r} does not say which version answers, so a revision is needed"
    raise BadInput([Problem(message, _CURE)])


def names_a_version(model: str) -> bool:
    """Tell whether a model's name ends in a full date, as providers' pinned snapshots do."""
    found = _DATED.search(model)
    return found is not None and found.end() == len(model)


def _hash_of(of: RevisionOf, folder: Path, findings: Findings) -> str:
    if not of.files and not of.tree:
        raise BadInput(
            [Problem("neither files nor tree is named", "name what answers: {files: [weights.json]}")]
        )
    # Names are taken from the file or folder itself, not from the policy: a policy that moves to rejected/
    # and then writes ../weights.json still means the same weights.
    files = [_named_sha256(resolve(name, folder, findings.root), findings) for name in of.files]
    trees = [_tree(name, resolve(name, folder, findings.root), findings) for name in of.tree]
    hashes = {"files": sorted(files), "tree": sorted(trees)}
    return f"sha256:{sha256_of(hashes)}"


def _named_sha256(path: Path, findings: Findings) -> list[str]:
    return [path.name, _sha256(path, findings)]


def _tree(name: str, folder: Path, findings: Findings) -> list[list[str]]:
    if not folder.is_dir():
        raise BadInput([Problem(f"{name!r} is a file, and tree names folders", "name it under files")])
    found = [[inner, _sha256(folder / inner, findings)] for inner in sorted(_inside(folder))]
    if not found:
        raise BadInput([Problem(f"{name!r} holds no files", "name the folder that holds what answers")])
    return found


def _sha256(path: Path, findings: Findings) -> str:
    return hashlib.sha256(read_bytes(path, findings.shown(path))).hexdigest()


def _inside(folder: Path) -> Iterator[str]:
    """Yield the files below ``folder``, without what tools leave there: dotfiles and compiled Python."""
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not _is_litter(name)]
        for name in files:
            if not _is_litter(name):
                yield (Path(parent) / name).relative_to(folder).as_posix()


def _is_litter(name: str) -> bool:
    return name.startswith(".") or name == "__pycache__" or name.endswith(".pyc")
