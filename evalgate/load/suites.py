"""From a suite's folder to a Suite: cases, grader, limits, and the policies it judges."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from evalgate.core.digest import canonical_json
from evalgate.core.errors import Problem
from evalgate.core.labels import HumanLabel
from evalgate.core.policy import Policy
from evalgate.core.project_file import ProjectFile
from evalgate.core.suite import Suite
from evalgate.core.suite_file import SuiteFile
from evalgate.load.case_checks import check_clock, check_columns, check_near_misses, check_slices
from evalgate.load.case_files.case_sources import load_cases
from evalgate.load.case_files.cases import CaseFile, capped
from evalgate.load.case_files.labels import LABELS, read_labels
from evalgate.load.case_files.targets import check_targets
from evalgate.load.coming import Coming, Known, what_comes
from evalgate.load.findings import Findings
from evalgate.load.grader_checks import check_grader
from evalgate.load.graders import GraderLoader, LoadedGrader, check_judges, check_texts, grader_json
from evalgate.load.leaks import check_leaks
from evalgate.load.policy_files.families import Family, check_identities
from evalgate.load.policy_files.policies import LoadedPolicy, PolicyShelf
from evalgate.load.rules import build_rules, check_budgets
from evalgate.load.syntax.documents import Document
from evalgate.load.waivers import check_expiry, load_waivers


@dataclass(frozen=True, slots=True)
class Selection:
    """Which policies of each family are judged.

    ``policies`` and ``baseline`` are what the caller named (names, or paths from ``start``); without them the
    proposals are all open ones and the baseline is the project's. With ``rejected`` what was turned down is
    a proposal too; without ``proposals`` nothing is that was not named. With ``training`` nothing is gated,
    and routers may have seen the cases. Of ``past`` files, those of a commit, waivers that expired since are
    left out instead of refused: nobody can mend them there.
    """

    start: Path
    policies: Sequence[str] = ()
    baseline: str | None = None
    rejected: bool = False
    proposals: bool = True
    training: bool = False
    past: bool = False


@dataclass(frozen=True, slots=True)
class SuiteLoader:
    """Everything that loading one suite needs from its project."""

    project: ProjectFile
    findings: Findings
    shelf: PolicyShelf
    selection: Selection

    def load(self, document: Document[SuiteFile], family: Family | None) -> Suite | None:
        """Return the suite that ``document`` describes, or None with its problems noted."""
        findings = self.findings
        before = len(findings.problems)
        findings.problems.extend(self._odd_rules(document))
        cases = load_cases(document, findings)
        labels = self._labels(document, cases)
        graders = GraderLoader(document, self.shelf, findings).load()
        baseline, proposals = self.policies_of(family)
        tested = _loaded([baseline, *proposals])
        coming = self._coming(document, cases, tested)
        findings.problems.extend(check_judges(document, graders, tested))
        findings.problems.extend(check_texts(document, graders, self.project.providers))
        if cases is not None:
            self._check(document, cases, [each for each in (baseline, *proposals) if each is not None])
        written = document.value
        if cases is None or len(findings.problems) > before:
            return None
        return Suite(
            name=document.path.parent.name,
            folder=document.path.parent,
            file=findings.from_root(document.path),
            digest=suite_digest(written, cases, graders, coming),
            cases=cases.cases,
            grader=graders[0].grader.spec,
            grade_function=graders[0].grader.function,
            correct_at=_correct_at(written),
            trials=written.trials,
            ordered=written.ordered,
            rules=build_rules(written, self.project, load_waivers(document)),
            requests_per_month=written.requests_per_month,
            owners=tuple(written.owners),
            baseline=baseline.policy if baseline is not None else None,
            proposals=_loaded(proposals),
            graders=tuple(each.grader for each in graders),
            labels=labels,
            traffic=coming.traffic,
            texts=written.texts,
            faults=coming.faults,
            clock=coming.clock,
        )

    def _odd_rules(self, document: Document[SuiteFile]) -> Iterator[Problem]:
        yield from check_grader(document)
        yield from check_budgets(document)
        if not self.selection.past:
            yield from check_expiry(document)

    def _labels(self, document: Document[SuiteFile], cases: CaseFile | None) -> tuple[HumanLabel, ...]:
        if cases is None:
            return ()
        file, ids = document.path.parent / LABELS, {case.id for case in cases.cases}
        return self.findings.attempt(lambda: read_labels(file, self.findings.shown(file), ids)) or ()

    def _coming(
        self, document: Document[SuiteFile], cases: CaseFile | None, tested: tuple[Policy, ...]
    ) -> Coming:
        # Where only some policies were asked for, a fault may name a deployment of another one.
        named = () if self.selection.policies or self.selection.past else tested
        cools = any(policy.reliability.cools_down for policy in tested)
        known = Known(cases, named, tuple(self.project.providers), cools_down=cools)
        return what_comes(document, known, self.findings)

    def policies_of(self, family: Family | None) -> tuple[LoadedPolicy | None, list[LoadedPolicy | None]]:
        """Return the selected baseline and proposals of a family; None for one with problems."""
        if family is None:
            return None, []
        wanted = self.selection.baseline or self.project.baseline
        baseline = family.find(wanted, self.selection.start)
        if self.selection.policies:
            found = (family.find(each, self.selection.start) for each in self.selection.policies)
            chosen = list(dict.fromkeys(path for path in found if path is not None))
        else:
            same = baseline.resolve() if baseline is not None else None
            rejected = family.rejected() if self.selection.rejected else {}
            known = [*family.open().values(), *rejected.values()]
            chosen = [path for path in known if path.resolve() != same and self.selection.proposals]
        shelf, folder = self.shelf, family.folder
        loaded = shelf.load(baseline, folder) if baseline is not None else None
        return loaded, [shelf.load(path, folder) for path in chosen]

    def _check(self, document: Document[SuiteFile], cases: CaseFile, policies: list[LoadedPolicy]) -> None:
        problems = [*check_targets(cases, document.value.every_grader), *check_columns(cases, policies)]
        problems += check_near_misses(cases)
        if not self.selection.training:
            self.findings.problems.extend(check_leaks(document.path.parent.name, cases.cases, policies))
        if document.value.ordered:
            problems.extend(check_clock(cases))
        self.findings.problems.extend(capped(problems, cases.shown))
        self.findings.problems.extend(check_slices(document, cases, self.project.budgets.slices))
        self.findings.problems.extend(check_identities(policies))


def suite_digest(
    written: SuiteFile,
    cases: CaseFile,
    graders: Sequence[LoadedGrader],
    coming: Coming,
) -> str:
    """Return the hash of everything that decides a grade: cases, grader, its code, and how often it is asked.

    So does what fails while the cases come. Runs are comparable only when their suites' digests are equal.
    """
    rules = {
        "graders": [grader_json(each) for each in graders],
        "correct_at": _correct_at(written),
        "trials": written.trials,
        "trials_pass": written.trials_pass,
        "ordered": written.ordered,
    }
    if coming.faults:
        faults = [asdict(fault) for fault in coming.faults]
        rules |= {"faults": faults, "clock": list(coming.clock.values())}
    digest = hashlib.sha256(canonical_json(rules).encode())
    serialize = type(cases.cases[0]).__pydantic_serializer__.to_json
    for case in cases.cases:
        digest.update(b"\n")
        digest.update(serialize(case))
    return digest.hexdigest()


def _correct_at(written: SuiteFile) -> float:
    return 1.0 if written.correct_at is None else written.correct_at


def _loaded(policies: Sequence[LoadedPolicy | None]) -> tuple[Policy, ...]:
    return tuple(each.policy for each in policies if each is not None)
