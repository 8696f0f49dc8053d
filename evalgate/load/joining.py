"""One project out of two: the working tree's proposals, and everything that judges them from a commit."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from evalgate.core.errors import BadInput
from evalgate.core.policy import Policy
from evalgate.core.suite import BaseCommit, Project, Suite
from evalgate.core.suite_file import SuiteFile
from evalgate.load.documents import Document
from evalgate.load.families import Family, check_identities
from evalgate.load.foreign import has_foreign_functions
from evalgate.load.git_tree import CheckedOut
from evalgate.load.known import as_known, claimed_prices
from evalgate.load.policies import LoadedPolicy
from evalgate.load.project import Gathered
from evalgate.load.ruler import project_changes, suite_changes
from evalgate.load.suites import Selection, SuiteLoader


@dataclass(frozen=True, slots=True)
class Against:
    """A project whose proposals are the working tree's and whose everything else is a commit's.

    ``moved`` tells whether any baseline of the commit is another policy in the working tree, or gone.
    """

    project: Project
    notes: tuple[str, ...]
    moved: bool


@dataclass(frozen=True, slots=True)
class _Proposed:
    """What the working tree proposes to a suite: its edited baseline, and the other policies."""

    production: LoadedPolicy | None
    candidates: tuple[LoadedPolicy, ...]
    moved: bool

    def policies(self) -> tuple[Policy, ...]:
        """Return the candidates; the edited baseline is told from the commit's by its name."""
        return tuple(
            replace(each.policy, name=f"{each.policy.name} (working tree)")
            if each is self.production
            else each.policy
            for each in self.candidates
        )


@dataclass(frozen=True, slots=True)
class Joining:
    """Both projects, without problems; ``base`` is None when the commit has none of the suites."""

    base: Gathered | None
    tree: Gathered
    out: CheckedOut
    selection: Selection

    def joined(self) -> Against:
        """Return the project to judge.

        Raises:
            BadInput: a proposal cannot be told from the commit's baseline.

        """
        commit, tree, base = self.out.commit, self.tree.project, self.base
        notes = [f"judged against commit {commit.sha} ({commit.asked}), by the rules of that commit."]
        suites: list[Suite] = []
        moved = False
        if base is not None:
            notes += self._ruler("the project", project_changes(base, self.tree))
            for suite, (document, _) in zip(base.project.suites, base.suites, strict=True):
                proposed = self._proposed(suite, document)
                suites.append(self._suite(suite, proposed))
                notes += self._said(suite, document, proposed)
                moved = moved or proposed.moved
        old_names = {suite.name for suite in suites}
        new = [suite for suite in tree.suites if suite.name not in old_names]
        notes += [
            f"suite {suite.name} is not in commit {commit.short}: its own rules and baseline judged it."
            for suite in new
        ]
        known = base.project if base is not None else tree
        project = Project(
            root=tree.root,
            suites=(*suites, *new),
            providers={**tree.providers, **known.providers},
            functions=tree.functions,
            price_at=known.price_at or tree.price_at,
            prices={**claimed_prices(known, tree), **known.prices},
        )
        return Against(project, tuple(notes), moved)

    def _ours(self, suite: Suite) -> Suite | None:
        return next((each for each in self.tree.project.suites if each.name == suite.name), None)

    def _proposed(self, suite: Suite, document: Document[SuiteFile]) -> _Proposed:
        findings, written = self.tree.findings, self.tree.file
        assert written is not None
        loader = SuiteLoader(written.value, findings, self.tree.shelf, self.selection)
        production, others = loader.policies_of(self._family(document))
        findings.raise_if_any()
        candidates = [each for each in others if each is not None]
        old = suite.baseline
        if old is None:
            moved = False
            edited = production is not None
        else:
            moved = edited = production is None or production.policy.digest != old.digest
        if not self.selection.policies:
            candidates = [each for each in candidates if not _is(each, old)]
            if production is not None and edited:
                candidates.insert(0, production)
        problems = list(check_identities([*self._theirs(old), *candidates]))
        if problems:
            raise BadInput(problems)
        return _Proposed(production, tuple(candidates), moved)

    def _family(self, document: Document[SuiteFile]) -> Family | None:
        """Return the family that the commit's suite judges; where it was moved, the one it is now."""
        folder = self.tree.project.root / document.value.policies
        if folder.is_dir():
            return Family(folder)
        name = document.path.parent.name
        return next((family for ours, family in self.tree.suites if ours.path.parent.name == name), None)

    def _suite(self, suite: Suite, proposed: _Proposed) -> Suite:
        commit, ours, old = self.out.commit, self._ours(suite), suite.baseline
        production = (proposed.production.policy,) if proposed.production is not None else ()
        candidates = proposed.policies()
        return replace(
            suite,
            folder=ours.folder if ours is not None else self.tree.project.root / Path(suite.file).parent,
            file=ours.file if ours is not None else suite.file,
            baseline=replace(old, name=f"{old.name}@{commit.short}") if old is not None else None,
            proposals=tuple(as_known(each, old) for each in candidates) if old is not None else candidates,
            base=BaseCommit(
                sha=commit.sha,
                asked=commit.asked,
                recordings=suite.folder / "recordings",
                replay_only=self._is_replay_only(old, (*production, *candidates)),
            ),
        )

    def _theirs(self, old: Policy | None) -> list[LoadedPolicy]:
        """Return the commit's baseline with its file."""
        loaded = self.base.shelf.loaded() if self.base is not None else ()
        return [each for each in loaded if each.policy is old]

    def _is_replay_only(self, old: Policy | None, ours: Sequence[Policy]) -> bool:
        assert self.base is not None
        base, tree = self.base, self.tree
        return any(has_foreign_functions(each, base, tree, ours) for each in self._theirs(old))

    def _said(self, suite: Suite, document: Document[SuiteFile], proposed: _Proposed) -> Iterator[str]:
        ours, old = self._ours(suite), suite.baseline
        subject, known_by = f"suite {suite.name}", self.out.commit.short
        if ours is None:
            yield f"{subject} is not in the working tree any more: the old one still judged the proposals."
        else:
            written = next(each for each, _ in self.tree.suites if each.path.parent.name == suite.name)
            yield from self._ruler(subject, suite_changes(suite, document.value, ours, written.value))
        if old is None:
            yield f"{subject}: commit {known_by} has no baseline; only absolute limits were judged."
            return
        if proposed.production is None:
            yield f"{subject}: the working tree has no baseline any more; the commit's was kept."
        for each in proposed.policies():
            if as_known(each, old) != each:
                said = "states other prices or times for what commit"
                yield f"{subject}: {each.name} {said} {known_by} knows; the commit's counted."

    def _ruler(self, subject: str, changes: Sequence[str]) -> list[str]:
        if not changes:
            return []
        short = self.out.commit.short
        return [f"the ruler changed since {short}, and the old one decided. {subject}: {'; '.join(changes)}."]


def _is(loaded: LoadedPolicy, old: Policy | None) -> bool:
    """Tell the commit's own baseline, left in place, from a proposal."""
    return old is not None and (loaded.policy.name, loaded.policy.digest) == (old.name, old.digest)
