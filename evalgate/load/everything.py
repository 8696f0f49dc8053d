"""Everything a person wrote, read at once: what ``evalgate check`` looks at."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from evalgate.core.errors import Problem
from evalgate.core.policy import Policy
from evalgate.core.policy_file import PolicyFile
from evalgate.core.project_file import ProjectFile
from evalgate.core.providers_file import FunctionProvider
from evalgate.core.suite import Project
from evalgate.load.code.plugins import import_function
from evalgate.load.duplicates import same_questions
from evalgate.load.places import find_project
from evalgate.load.project import Gathered, gather
from evalgate.load.suites import Selection
from evalgate.load.syntax.documents import Document
from evalgate.load.syntax.yaml_text import KeyPath
from evalgate.load.unused import unjudged_families, unused_files


@dataclass(frozen=True, slots=True)
class Everything:
    """A project with every policy of its families, also what was turned down, and what is odd about it.

    ``project`` holds the suites without a problem; each has the policies without one. ``shown`` tells how
    people are told of a path.
    """

    project: Project
    errors: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    policies: Mapping[str, Document[PolicyFile]]
    gathered: Gathered

    def shown(self, path: str | Path) -> str:
        """Return ``path``, as the program knows it, as people are told of it."""
        return self.gathered.findings.shown(self.project.root / path)

    def broken_suites(self) -> tuple[Path, ...]:
        """Return the folders of suites that were found and could not be loaded."""
        loaded = {suite.folder for suite in self.project.suites}
        found = (document.path.parent for document, _ in self.gathered.suites)
        return tuple(folder for folder in found if folder not in loaded)

    def problem_in(self, policy: Policy, key: KeyPath, message: str, cure: str) -> Problem:
        """Return a Problem at a key of a policy's file."""
        return self.policies[policy.file].problem(key, message, cure, at_key=True)


def load_everything(start: Path) -> Everything:
    """Read the project around the folder ``start``, whatever is wrong in it.

    Functions are imported, so the top level of the modules that they are in runs.

    Raises:
        BadInput: there is no project.

    """
    gathered = gather(find_project(start), (), Selection(start, rejected=True), calling=True)
    warnings = [note for each in gathered.shelf.loaded() for note in each.notes]
    if gathered.file is not None:
        warnings.extend(_unused_providers(gathered, gathered.file))
    for suite in gathered.project.suites:
        warnings.extend(same_questions(suite, gathered))
    warnings.extend(unused_files(gathered))
    warnings.extend(unjudged_families(gathered))
    policies = {
        gathered.findings.from_root(each.document.path): each.document for each in gathered.shelf.loaded()
    }
    problems = dict.fromkeys(gathered.findings.problems)
    return Everything(gathered.project, tuple(problems), tuple(dict.fromkeys(warnings)), policies, gathered)


def _unused_providers(gathered: Gathered, document: Document[ProjectFile]) -> list[Problem]:
    """Return the providers that no policy uses; functions among them are imported, as nothing else did it."""
    findings = gathered.findings
    if findings.problems:
        return []
    odd = []
    for name, provider in document.value.providers.items():
        if name in gathered.shelf.providers_used():
            continue
        key = ("providers", name)
        if isinstance(provider, FunctionProvider):
            importing = partial(import_function, provider.path, findings.root)
            findings.attempt_at(document, (*key, "path"), importing)
        odd.append(document.problem(key, f"no policy uses the provider {name!r}", "remove it", at_key=True))
    return odd
