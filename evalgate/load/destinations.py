"""Where imported calls go: a suite, which need not be runnable yet, and the model they are said to be of."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evalgate.core.calls import RequestKind
from evalgate.core.cases import Case
from evalgate.core.errors import Problem
from evalgate.core.policy_file import DeploymentFile
from evalgate.core.project_file import ProjectFile
from evalgate.core.providers_file import ProviderFile, request_kind
from evalgate.core.suite_file import SuiteFile
from evalgate.load.case_files.cases import read_cases
from evalgate.load.findings import Findings
from evalgate.load.places import find_project, find_suites
from evalgate.load.policy_files.revisions import load_revision
from evalgate.load.syntax.documents import Document, read_yaml
from evalgate.load.syntax.suggest import did_you_mean


@dataclass(frozen=True, slots=True)
class Destination:
    """A suite's folder and case file, the cases that are there, and how calls to the model are named."""

    suite: str
    folder: Path
    cases_path: Path
    cases: tuple[Case, ...]
    kind: RequestKind
    deployment: DeploymentFile
    revision: str | None
    policies: str
    trials: int


def find_destination(start: Path, suite: str, deployment: DeploymentFile) -> Destination:
    """Return where calls to ``deployment`` go in the suite of that name.

    Only ``suite.yaml`` and the cases are read: a suite may get its cases before its first policy.

    Raises:
        BadInput: with every problem on the way.

    """
    file = find_project(start)
    findings = Findings(file.parent)
    project: Document[ProjectFile] | None = findings.attempt(
        lambda: read_yaml(file, ProjectFile, findings.shown(file))
    )
    written = project.value if project is not None else ProjectFile()
    provider = _provider(deployment, project, findings) if project is not None else None
    revision = findings.attempt(lambda: _revision(deployment, provider, findings))
    found = findings.attempt(lambda: find_suites([suite], written.suites, start, findings.root)) or []
    document = _only_document(suite, found, findings)
    path = _cases_path(document, findings) if document is not None else None
    cases = _cases_at(path, findings)
    findings.raise_if_any()
    assert document is not None
    assert path is not None
    return Destination(
        suite=document.path.parent.name,
        folder=document.path.parent,
        cases_path=path,
        cases=cases,
        kind=request_kind(provider),
        deployment=deployment,
        revision=revision,
        policies=document.value.policies,
        trials=document.value.trials,
    )


def recordings_folders(start: Path, suites: Sequence[str]) -> list[Path]:
    """Return the folders in which the named suites (all, without names) keep their recordings.

    Raises:
        BadInput: there is no project, or no such suite.

    """
    file = find_project(start)
    findings = Findings(file.parent)
    project: Document[ProjectFile] = read_yaml(file, ProjectFile, findings.shown(file))
    found = find_suites(suites, project.value.suites, start, findings.root)
    return [path.parent / "recordings" for path in found]


def _provider(
    deployment: DeploymentFile, project: Document[ProjectFile], findings: Findings
) -> ProviderFile | None:
    providers = project.value.providers
    name = deployment.provider
    if name in providers:
        return providers[name]
    cure = did_you_mean(name, providers, "evalgate.yaml has")
    if not cure.startswith("did you mean"):
        cure = f'declare it, as in providers: {{{name}: {{kind: openai, origin: "https://…"}}}}'
    message = f"--provider {name}: evalgate.yaml has no such provider"
    findings.problems.append(Problem(message, cure, project.shown))
    return None


def _revision(deployment: DeploymentFile, provider: ProviderFile | None, findings: Findings) -> str | None:
    return load_revision(deployment, provider, findings.root, findings)


def _only_document(suite: str, found: Sequence[Path], findings: Findings) -> Document[SuiteFile] | None:
    """Return the one suite that was named; None where there is none, which is told already, or several."""
    if len(found) > 1:
        message = f"--suite {suite} names {len(found)} suites"
        findings.problems.append(Problem(message, f"name one of {', '.join(_names(found))}"))
    if len(found) != 1:
        return None
    return findings.attempt(lambda: read_yaml(found[0], SuiteFile, findings.shown(found[0])))


def _cases_at(path: Path | None, findings: Findings) -> tuple[Case, ...]:
    """Return the cases that are there; a suite may get its first ones now."""
    if path is None or not path.exists():
        return ()
    read = findings.attempt(lambda: read_cases(path, findings.shown(path)))
    return read.cases if read is not None else ()


def _cases_path(document: Document[SuiteFile], findings: Findings) -> Path | None:
    written, folder = document.value.cases, document.path.parent
    if not isinstance(written, str):
        message = "the suite's cases come from elsewhere, and imported ones are added to a file of the suite"
        findings.problems.append(document.problem(("cases",), message, "write cases: cases.jsonl"))
        return None
    path = (folder / written).resolve()
    if not path.is_relative_to(findings.root.resolve()):
        message = f"{written!r} is outside the project"
        findings.problems.append(document.problem(("cases",), message, "write cases: cases.jsonl"))
        return None
    return path


def _names(found: Sequence[Path]) -> list[str]:
    return [path.parent.name for path in found]
