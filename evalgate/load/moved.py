"""Does the baseline in the working tree differ from the one where HEAD left the default branch?

What serves today is what was merged. An edited baseline is a proposal like any other, only without a file of
its own, so it is looked for at every run and must cost next to nothing where there is none.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from evalgate.core.cascade_file import FunctionConfidence
from evalgate.core.policy_file import PolicyFile, RevisionOf
from evalgate.core.router_file import ClassifierRouter, DifficultyRouter, FunctionRouter
from evalgate.load.from_git.git import Commit, differs, fork_point
from evalgate.load.places import PROJECT_FILE
from evalgate.load.policy_files.policy_documents import source_files
from evalgate.load.project import Gathered
from evalgate.load.syntax.documents import Document


def moved_since(gathered: Gathered) -> Commit | None:
    """Return where HEAD left the default branch, if a file that makes the baseline differs from there.

    None where nothing differs, and where there is no repository or no such branch. Files that are new are no
    difference: a baseline that never was elsewhere has nothing to be compared with.

    Raises:
        BadInput: git is not installed, or refuses a repository that is there.

    """
    root = gathered.findings.root
    commit = fork_point(root)
    if commit is None:
        return None
    paths = sorted({os.path.relpath(path, root) for path in _baseline_files(gathered)})
    return commit if differs(root, commit, paths) else None


def _baseline_files(gathered: Gathered) -> Iterator[Path]:
    """Yield every file that says what the baselines are and what they do."""
    root, file = gathered.findings.root, gathered.file
    assert file is not None
    yield root / PROJECT_FILE
    documents = {each.document.path.resolve(): each.document for each in gathered.shelf.loaded()}
    for suite, family in gathered.suites:
        yield suite.path
        if family is None:
            continue
        path = family.find(file.value.baseline, root) or family.folder / f"{file.value.baseline}.yaml"
        yield path
        if (document := documents.get(path.resolve())) is not None:
            yield from _referenced(document, root)


def _referenced(document: Document[PolicyFile], root: Path) -> Iterator[Path]:
    written, folder = document.value, document.path.parent
    prompts = (written.prompt, *(each.prompt for each in written.deployments.values()))
    names = [prompt for prompt in prompts if isinstance(prompt, str)]
    for each in written.deployments.values():
        if isinstance(each.revision, RevisionOf):
            names += [*each.revision.files, *each.revision.tree]
    if isinstance(written.router, ClassifierRouter | DifficultyRouter):
        names.append(written.router.model)
    yield from (folder / name for name in names)
    # The policy was read, so its config can be.
    yield from source_files(document, root)
    paths = [written.router.path] if isinstance(written.router, FunctionRouter) else []
    if written.cascade is not None and isinstance(written.cascade.confidence, FunctionConfidence):
        paths.append(written.cascade.confidence.path)
    for path in paths:
        module = path.partition(":")[0].replace(".", "/")
        yield from (path for path in (root / f"{module}.py", root / module / "__init__.py") if path.is_file())
