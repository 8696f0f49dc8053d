"""Can the working tree's functions answer for a commit's baseline?"""

from collections.abc import Sequence
from pathlib import Path

from evalgate.core.errors import BadInput
from evalgate.core.policy import Deployment, Policy
from evalgate.core.providers_file import FunctionProvider
from evalgate.load.findings import Findings
from evalgate.load.policy_files.policies import LoadedPolicy
from evalgate.load.policy_files.revisions import load_revision
from evalgate.load.project import Gathered


def has_foreign_functions(old: LoadedPolicy, base: Gathered, tree: Gathered, ours: Sequence[Policy]) -> bool:
    """Tell whether some function that answers for ``old`` is not the one that the working tree has.

    It is the same where the working tree's policies ``ours`` use it under the same revision, or where its
    module and the files that make its revision are the same in both.
    """
    here = {each.identity for policy in ours for each in policy.deployments.values()}
    return any(
        each.kind == "function" and each.identity not in here and not _is_unchanged(each, old, base, tree)
        for each in old.policy.deployments.values()
    )


def _is_unchanged(deployment: Deployment, old: LoadedPolicy, base: Gathered, tree: Gathered) -> bool:
    theirs = base.project.providers.get(deployment.provider)
    ours = tree.project.providers.get(deployment.provider)
    if not isinstance(theirs, FunctionProvider) or theirs != ours:
        return False
    if _module(theirs, base.project.root) != _module(theirs, tree.project.root):
        return False
    written = old.document.value.deployments[deployment.alias]
    folder = tree.project.root / old.document.path.parent.relative_to(base.project.root)
    try:
        revision = load_revision(written, ours, folder, Findings(tree.project.root))
    except BadInput:
        return False
    return revision == deployment.revision


def _module(provider: FunctionProvider, root: Path) -> bytes | None:
    """Return the source of a function's module; None for one that is installed, and so the same for both."""
    name = provider.path.partition(":")[0].replace(".", "/")
    files = (root / f"{name}.py", root / name / "__init__.py")
    return next((file.read_bytes() for file in files if file.is_file()), None)
