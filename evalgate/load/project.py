"""A project: ``evalgate.yaml``, and the suites and policies that a command was pointed at."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from evalgate.core.errors import Problem
from evalgate.core.policy_file import Price
from evalgate.core.project_file import ProjectFile
from evalgate.core.providers_file import FunctionProvider
from evalgate.core.suite import Project
from evalgate.core.suite_file import SuiteFile
from evalgate.load.code.plugins import import_function
from evalgate.load.findings import Findings, Importer
from evalgate.load.places import find_project, find_suites
from evalgate.load.policy_files.families import Family, check_named
from evalgate.load.policy_files.hosting import PriceSite, load_price
from evalgate.load.policy_files.policies import PolicyShelf
from evalgate.load.rules import check_budgets
from evalgate.load.suites import Selection, SuiteLoader
from evalgate.load.syntax.documents import Document, read_yaml
from evalgate.load.syntax.paths import resolve

_PRICES = dict[str, Price]
_Judged = tuple[Document[SuiteFile], Family | None]


@dataclass(frozen=True, slots=True)
class Gathered:
    """What was read of a project, with its problems; ``project`` holds the suites that have none."""

    findings: Findings
    file: Document[ProjectFile] | None
    suites: tuple[tuple[Document[SuiteFile], Family | None], ...]
    shelf: PolicyShelf
    project: Project


def load_project(
    start: Path,
    suites: Sequence[str] = (),
    policies: Sequence[str] = (),
    baseline: str | None = None,
    *,
    calling: bool = False,
) -> Project:
    """Return the project around the folder ``start`` with the suites and policies that were named.

    Without ``suites`` all of the project's are loaded; without ``policies`` every open proposal; without
    ``baseline`` the one that ``evalgate.yaml`` names. A family without that policy has no baseline, but one
    asked for by name must exist. The functions of providers are imported only for ``calling``: a replay runs
    nobody's model code.

    Raises:
        BadInput: with every problem of every file that was read.

    """
    gathered = gather(find_project(start), suites, Selection(start, policies, baseline), calling=calling)
    gathered.findings.raise_if_any()
    return gathered.project


def gather(
    file: Path,
    suites: Sequence[str],
    selection: Selection,
    *,
    calling: bool,
    importer: Importer = import_function,
) -> Gathered:
    """Read the project of the ``evalgate.yaml`` at ``file``, going on past every problem.

    ``importer`` brings in the functions of graders and routers; those of providers are always in-process.
    """
    findings = Findings(file.parent, importer)
    document: Document[ProjectFile] | None = findings.attempt(
        lambda: read_yaml(file, ProjectFile, findings.shown(file))
    )
    # With an unreadable evalgate.yaml the rest is read all the same, so that its problems are told too.
    written = document.value if document is not None else ProjectFile()
    shelf = PolicyShelf(findings, written.providers if document is not None else None)
    loader = SuiteLoader(written, findings, shelf, selection)
    prices = _settings(document, findings) if document is not None else {}
    found = (
        findings.attempt(lambda: find_suites(suites, written.suites, selection.start, findings.root)) or []
    )
    judged = [each for each in (_judged(path, findings) for path in found) if each is not None]
    _check_options(judged, selection, findings)
    loaded = [suite for suite in (loader.load(*each) for each in judged) if suite is not None]
    called = shelf.providers_used() if calling else frozenset()
    functions = _functions(document, called, findings) if document is not None else {}
    project = Project(
        root=findings.root,
        suites=tuple(loaded),
        providers=written.providers,
        functions=functions,
        price_at=written.price_at,
        prices=prices,
        allow_findings=tuple(written.allow_findings),
    )
    return Gathered(findings, document, tuple(judged), shelf, project)


def _judged(path: Path, findings: Findings) -> _Judged | None:
    document: Document[SuiteFile] | None = findings.attempt(
        lambda: read_yaml(path, SuiteFile, findings.shown(path))
    )
    if document is None:
        return None
    written = document.value.policies
    folder = findings.attempt_at(
        document, ("policies",), lambda: resolve(written, findings.root, findings.root)
    )
    if folder is not None and not folder.is_dir():
        message, cure = f"{written!r} is a file", "name the folder of policies: a family"
        findings.problems.append(document.problem(("policies",), message, cure))
        folder = None
    family = Family(folder) if folder is not None else None
    if family is not None and not family.open():
        message = f"{written!r} holds no policies"
        cure = "write the policy that serves today as production.yaml in it"
        findings.problems.append(document.problem(("policies",), message, cure))
    return document, family


def _check_options(judged: Iterable[_Judged], selection: Selection, findings: Findings) -> None:
    families = [family for _, family in judged if family is not None]
    if not families:
        return
    start, baseline = selection.start, selection.baseline
    findings.attempt(lambda: check_named(selection.policies, families, start, "--policy"))
    if baseline is not None:
        option = "--policy" if selection.training else "--baseline"
        findings.attempt(lambda: check_named([baseline], families, start, option))


def _settings(document: Document[ProjectFile], findings: Findings) -> Mapping[str, Price]:
    """Return the declared prices, with every other setting of evalgate.yaml checked on the way."""
    written = document.value
    findings.problems.extend(check_budgets(document))
    if written.price_at is not None and (problem := _price_at_problem(document, written.price_at)):
        findings.problems.append(problem)
    if written.prices is None:
        return {}
    name, root = written.prices, findings.root

    def read() -> Mapping[str, Price]:
        path = resolve(name, root, root)
        prices: Document[dict[str, Price]] = read_yaml(path, _PRICES, findings.shown(path))
        loaded = {
            name: load_price(price, PriceSite(prices, (name,), path.parent), findings)
            for name, price in prices.value.items()
        }
        return {name: price for name, price in loaded.items() if price is not None}

    return findings.attempt_at(document, ("prices",), read) or {}


def _price_at_problem(document: Document[ProjectFile], written: str) -> Problem | None:
    try:
        datetime.fromisoformat(written)
    except ValueError:
        return document.problem(("price_at",), f"{written!r} is not a date", 'write it like "2026-11-01"')
    return None


def _functions(
    document: Document[ProjectFile], used: frozenset[str], findings: Findings
) -> Mapping[str, Callable[..., object]]:
    """Import the functions of the providers that a loaded policy uses; what nothing uses is not run."""
    functions: dict[str, Callable[..., object]] = {}
    for name, provider in document.value.providers.items():
        if name in used and isinstance(provider, FunctionProvider):
            function = findings.attempt_at(
                document, ("providers", name, "path"), _importer(provider.path, findings.root)
            )
            if function is not None:
                functions[name] = function
    return functions


def _importer(path: str, root: Path) -> Callable[[], Callable[..., object]]:
    return lambda: import_function(path, root)
