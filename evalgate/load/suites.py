"""From a suite's folder to a Suite: cases, grader, limits, and the policies it judges."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evalgate.core.digest import canonical_json
from evalgate.core.policy import Policy
from evalgate.core.project_file import ProjectFile
from evalgate.core.suite import GradeFunction, Suite
from evalgate.core.suite_file import FunctionGrader, SuiteFile
from evalgate.load.case_checks import check_clock, check_columns, check_slices
from evalgate.load.cases import CaseFile, capped, read_cases
from evalgate.load.documents import Document
from evalgate.load.families import Family, check_identities
from evalgate.load.findings import Findings
from evalgate.load.functions import as_grader, source_sha256
from evalgate.load.paths import resolve
from evalgate.load.plugins import import_function
from evalgate.load.policies import LoadedPolicy, PolicyShelf
from evalgate.load.rules import build_rules, check_budgets
from evalgate.load.targets import check_grader, check_targets


@dataclass(frozen=True, slots=True)
class Selection:
    """Which policies of each family are judged.

    ``policies`` and ``baseline`` are what the caller named (names, or paths from ``start``); without them the
    proposals are all open ones and the baseline is the project's.
    """

    start: Path
    policies: Sequence[str] = ()
    baseline: str | None = None


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
        findings.problems.extend(check_grader(document))
        findings.problems.extend(check_budgets(document))
        cases = self._cases(document)
        grade_function, source = self._grade_function(document)
        baseline, proposals = self._policies(family)
        if cases is not None:
            self._check(document, cases, [each for each in (baseline, *proposals) if each is not None])
        if cases is None or len(findings.problems) > before:
            return None
        written = document.value
        return Suite(
            name=document.path.parent.name,
            folder=document.path.parent,
            file=findings.from_root(document.path),
            digest=suite_digest(written, cases, source),
            cases=cases.cases,
            grader=written.grader,
            grade_function=grade_function,
            correct_at=_correct_at(written),
            trials=written.trials,
            ordered=written.ordered,
            rules=build_rules(written, self.project),
            requests_per_month=written.requests_per_month,
            owners=tuple(written.owners),
            baseline=baseline.policy if baseline is not None else None,
            proposals=_loaded(proposals),
        )

    def _cases(self, document: Document[SuiteFile]) -> CaseFile | None:
        findings, folder = self.findings, document.path.parent
        written = document.value.cases

        def read() -> CaseFile:
            path = resolve(written, folder, findings.root)
            return read_cases(path, findings.shown(path))

        return findings.attempt_at(document, ("cases",), read)

    def _grade_function(self, document: Document[SuiteFile]) -> tuple[GradeFunction | None, str | None]:
        grader = document.value.grader
        if not isinstance(grader, FunctionGrader):
            return None, None
        root = self.findings.root
        key = ("grader", "path")
        function = self.findings.attempt_at(document, key, lambda: import_function(grader.path, root))
        if function is None:
            return None, None
        return as_grader(function, _correct_at(document.value)), source_sha256(function)

    def _policies(self, family: Family | None) -> tuple[LoadedPolicy | None, list[LoadedPolicy | None]]:
        if family is None:
            return None, []
        wanted = self.selection.baseline or self.project.baseline
        baseline = family.find(wanted, self.selection.start)
        if self.selection.policies:
            found = (family.find(each, self.selection.start) for each in self.selection.policies)
            chosen = list(dict.fromkeys(path for path in found if path is not None))
        else:
            same = baseline.resolve() if baseline is not None else None
            chosen = [path for path in family.open().values() if path.resolve() != same]
        shelf, folder = self.shelf, family.folder
        loaded = shelf.load(baseline, folder) if baseline is not None else None
        return loaded, [shelf.load(path, folder) for path in chosen]

    def _check(self, document: Document[SuiteFile], cases: CaseFile, policies: list[LoadedPolicy]) -> None:
        problems = [*check_targets(cases, document.value.grader), *check_columns(cases, policies)]
        if document.value.ordered:
            problems.extend(check_clock(cases))
        self.findings.problems.extend(capped(problems, cases.shown))
        self.findings.problems.extend(check_slices(document, cases, self.project.budgets.slices))
        self.findings.problems.extend(check_identities(policies))


def suite_digest(written: SuiteFile, cases: CaseFile, grader_source: str | None) -> str:
    """Return the hash of everything that decides a grade: cases, grader, its code, and how often it is asked.

    Two runs are comparable only when their suites' digests are equal.
    """
    rules = {
        "grader": written.grader.model_dump(mode="json"),
        "grader_source": grader_source,
        "correct_at": _correct_at(written),
        "trials": written.trials,
        "ordered": written.ordered,
    }
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
