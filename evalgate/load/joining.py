"""One project out of two: the working tree's proposals, and everything that judges them from a commit."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from pathlib import Path

from evalgate.core.errors import BadInput, Problem
from evalgate.core.policy import Policy
from evalgate.core.project_file import NewRecordings
from evalgate.core.router_file import FunctionRouter
from evalgate.core.suite import BaseCommit, Project, Suite, alone_of
from evalgate.core.suite_file import SuiteFile
from evalgate.load.case_files.labels import new_labels
from evalgate.load.changed import Changed
from evalgate.load.coming import clock_with
from evalgate.load.foreign import has_foreign_functions
from evalgate.load.from_git.git_tree import CheckedOut
from evalgate.load.known import as_known, claimed_prices
from evalgate.load.leaks import check_leaks
from evalgate.load.policy_files.families import Family, check_identities
from evalgate.load.policy_files.policies import LoadedPolicy
from evalgate.load.project import Gathered
from evalgate.load.ruler import project_changes, suite_changes
from evalgate.load.suites import Selection, SuiteLoader
from evalgate.load.syntax.documents import Document


@dataclass(frozen=True, slots=True)
class Against:
    """A project whose proposals are the working tree's and whose everything else is a commit's.

    ``moved`` tells whether any baseline of the commit is another policy in the working tree, or gone.
    ``announced`` is what a reviewer must not miss. ``preview`` holds the suites that the working tree judges
    differently, by its rules; nothing may follow from them. ``new_recordings`` is None where no commit says
    how many of them are too many.
    """

    project: Project
    notes: tuple[str, ...]
    moved: bool
    announced: tuple[str, ...] = ()
    preview: Project | None = None
    new_recordings: NewRecordings | None = None

    @property
    def told(self) -> tuple[str, ...]:
        """Everything that a reader of the result must know."""
        return (*self.notes, *self.announced)


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
    """Both projects, without problems; ``base`` is None when the commit has none of the suites.

    With ``changed`` only what it touches is judged. ``refused`` names functions of the working tree that are
    not run.
    """

    base: Gathered | None
    tree: Gathered
    out: CheckedOut
    selection: Selection
    changed: Changed | None = None
    refused: AbstractSet[str] = frozenset()

    def joined(self) -> Against:
        """Return the project to judge.

        Raises:
            BadInput: a proposal cannot be told from the baseline, its router has seen the cases, or
                nothing would serve.

        """
        commit, tree = self.out.commit, self.tree.project
        told = _Told([f"judged against commit {commit.sha} ({commit.asked}), by the rules of that commit."])
        suites, previews, moved = self._old_suites(told)
        new = self._new_suites(told)
        if self.changed is not None:
            previews += [each for each in new if each.baseline is not None and each.proposals]
            new = [alone_of(each) for each in new]
        known = self.base.project if self.base is not None else tree
        project = replace(
            tree,
            suites=(*suites, *new),
            providers={**tree.providers, **known.providers},
            price_at=known.price_at or tree.price_at,
            prices={**claimed_prices(known, tree), **known.prices},
            allow_findings=known.allow_findings,
        )
        preview = replace(tree, suites=tuple(previews)) if previews else None
        written = self.base.file if self.base is not None else None
        cap = written.value.max_new_recordings if written is not None else None
        return Against(project, tuple(told.notes), moved, tuple(told.announced), preview, cap)

    def _old_suites(self, told: "_Told") -> tuple[list[Suite], list[Suite], bool]:
        """Return the commit's suites with what is proposed to them, and those that are judged differently."""
        suites: list[Suite] = []
        previews: list[Suite] = []
        moved = False
        if self.base is None:
            return suites, previews, moved
        of_project = project_changes(self.base, self.tree)
        told.announced += self._ruler("the project", of_project)
        told.announced += self._not_run()
        for suite, (document, _) in zip(self.base.project.suites, self.base.suites, strict=True):
            proposed = self._proposed(suite, document)
            joined = self._suite(suite, proposed)
            of_suite = self._changes(suite, document)
            told.announced += self._ruler(f"suite {suite.name}", of_suite)
            self._say(suite, proposed, told)
            moved = moved or proposed.moved
            if self.changed is None or proposed.candidates:
                suites.append(joined)
            if self.changed is not None and (of_suite or of_project):
                previews += self._preview(joined, suite, proposed)
        return suites, previews, moved

    def _new_suites(self, told: "_Told") -> list[Suite]:
        commit = self.out.commit
        old_names = {each.name for each in self.base.project.suites} if self.base is not None else set()
        new = [suite for suite in self.tree.project.suites if suite.name not in old_names]
        told.announced += [
            f"suite {suite.name} is not in commit {commit.short}: its own rules and baseline judged it."
            for suite in new
        ]
        return new

    def _preview(self, joined: Suite, suite: Suite, proposed: _Proposed) -> list[Suite]:
        """Return the suite as the working tree would judge the same proposals, if it still has it."""
        ours = self._ours(suite)
        if ours is None:
            return []
        proposals = proposed.policies() or ours.proposals
        preview = replace(ours, baseline=joined.baseline, proposals=proposals, base=joined.base)
        return [preview if proposals and joined.baseline is not None else alone_of(ours)]

    def _not_run(self) -> list[str]:
        if not self.refused:
            return []
        names = ", ".join(sorted(self.refused))
        return [f"code of a fork is never run, so {names} of this change was not; the commit's own code was."]

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
        self._refuse_an_end(suite, production)
        if not self.selection.policies:
            candidates = [each for each in candidates if not _is(each, old)]
            if production is not None and (edited or self._runs_changed_code(production)):
                candidates.insert(0, production)
        candidates = [
            each for each in candidates if self._is_touched(each) or (each is production and edited)
        ]
        problems = [
            *check_identities([*self._theirs(old), *candidates]),
            *check_leaks(suite.name, suite.cases, candidates),
        ]
        if problems:
            raise BadInput(problems)
        return _Proposed(production, tuple(candidates), moved)

    def _is_touched(self, loaded: LoadedPolicy) -> bool:
        return self.changed is None or self.changed.touches_policy(loaded.document)

    def _runs_changed_code(self, production: LoadedPolicy) -> bool:
        return (
            self.changed is not None
            and self.changed.code
            and isinstance(production.document.value.router, FunctionRouter)
        )

    def _refuse_an_end(self, suite: Suite, production: LoadedPolicy | None) -> None:
        """Refuse a change after which the suite has nothing to compare with: the next one would be free."""
        ours = self._ours(suite)
        if self.changed is None or suite.baseline is None or production is not None or ours is None:
            return
        message = f"the baseline {suite.baseline.name!r} is gone, and suite {suite.name} is still there"
        cure = (
            "keep the file; one that was renamed is named by `baseline` in evalgate.yaml; "
            "where nothing serves any more, remove the suite too"
        )
        raise BadInput([Problem(message, cure, ours.file)])

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
            labels=(*suite.labels, *new_labels(suite, ours)),
            clock=clock_with(suite, candidates),
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

    def _changes(self, suite: Suite, document: Document[SuiteFile]) -> list[str]:
        """Return what of the suite's rules is another in the working tree; nothing for one that is gone."""
        ours = self._ours(suite)
        if ours is None:
            return []
        written = next(each for each, _ in self.tree.suites if each.path.parent.name == suite.name)
        return suite_changes(suite, document.value, ours, written.value)

    def _say(self, suite: Suite, proposed: _Proposed, told: "_Told") -> None:
        subject, known_by, old = f"suite {suite.name}", self.out.commit.short, suite.baseline
        if self._ours(suite) is None:
            said = "is not in the working tree any more: the old one still judged the proposals."
            told.announced.append(f"{subject} {said}")
        if added := new_labels(suite, self._ours(suite)):
            told.announced.append(f"{subject}: {len(added)} labels that {known_by} lacks count too.")
        if old is None:
            told.notes.append(
                f"{subject}: commit {known_by} has no baseline; only absolute limits were judged."
            )
            return
        if proposed.production is None:
            told.announced.append(
                f"{subject}: the working tree has no baseline any more; the commit's was kept."
            )
        for each in proposed.policies():
            if as_known(each, old) != each:
                said = "states other prices or times for what commit"
                told.announced.append(
                    f"{subject}: {each.name} {said} {known_by} knows; the commit's counted."
                )

    def _ruler(self, subject: str, changes: Sequence[str]) -> list[str]:
        since = f"the ruler changed since {self.out.commit.short}, and the old one decided"
        return [f"{since}. {subject}: {'; '.join(changes)}."] if changes else []


@dataclass(slots=True)
class _Told:
    """What the reader of the result is told, gathered on the way."""

    notes: list[str]
    announced: list[str] = field(default_factory=list)


def _is(loaded: LoadedPolicy, old: Policy | None) -> bool:
    """Tell the commit's own baseline, left in place, from a proposal."""
    return old is not None and (loaded.policy.name, loaded.policy.digest) == (old.name, old.digest)
