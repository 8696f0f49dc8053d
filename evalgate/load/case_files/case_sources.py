"""The cases of a suite, wherever ``suite.yaml`` says they come from."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

from evalgate.core.cases import Case
from evalgate.core.cases_file import LOCAL_FORMATS, CasesDataset, CasesFile
from evalgate.core.errors import BadInput, Problem
from evalgate.core.suite_file import SuiteFile
from evalgate.load.case_files.cases import CaseFile, capped, read_cases, repeated_ids
from evalgate.load.case_files.columns import compile_columns, read_rows
from evalgate.load.case_files.datasets_library import hub_table, parquet_table
from evalgate.load.case_files.tables import Table, read_csv, read_json_rows
from evalgate.load.findings import Findings
from evalgate.load.syntax.documents import Document
from evalgate.load.syntax.paths import resolve
from evalgate.load.syntax.suggest import did_you_mean

_COMMIT = re.compile(r"[0-9a-f]{40}")
_KEY = ("cases",)


def load_cases(document: Document[SuiteFile], findings: Findings) -> CaseFile | None:
    """Return the cases of the suite that ``document`` describes, or None with its problems noted."""
    match document.value.cases:
        case str() as path:
            return findings.attempt_at(document, _KEY, lambda: _plain_file(path, document, findings))
        case CasesFile() as file:
            key = (*_KEY, "path")
            return findings.attempt_at(document, key, lambda: _pinned_file(file, document, findings))
        case CasesDataset() as dataset:
            return _from_dataset(document, dataset, findings)


def _plain_file(written: str, document: Document[SuiteFile], findings: Findings) -> CaseFile:
    folder = document.path.parent
    if _is_outside(written, folder, findings.root):
        message = f"{written!r} is outside the project"
        raise BadInput([Problem(message, f"pin it by its hash: cases: {{path: {written}, sha256: …}}")])
    path = resolve(written, folder, findings.root)
    return read_cases(path, findings.shown(path))


def _pinned_file(written: CasesFile, document: Document[SuiteFile], findings: Findings) -> CaseFile:
    path = _pinned_path(written.path, written.sha256, document, findings)
    return read_cases(path, findings.shown(path))


def _from_dataset(
    document: Document[SuiteFile], written: CasesDataset, findings: Findings
) -> CaseFile | None:
    before = len(findings.problems)
    findings.problems.extend(_misfits(document, written))
    if len(findings.problems) > before:
        return None
    key = (*_KEY, "path" if written.path is not None else "files" if written.files else "dataset")
    table = findings.attempt_at(document, key, lambda: open_table(document, findings))
    if table is None:
        return None
    return findings.attempt_at(document, (*_KEY, "dataset"), lambda: all_cases(document, table))


def all_cases(document: Document[SuiteFile], table: Table) -> CaseFile:
    """Return every case of a table.

    Raises:
        BadInput: with the problems of all rows, or of the column map.

    """
    problems: list[Problem] = []
    lines: list[int] = []
    cases: list[Case] = []
    for line, case in cases_in(document, table, problems):
        lines.append(line)
        cases.append(case)
    problems.extend(repeated_ids(cases, lines, table.shown, table.unit))
    if not cases and not problems:
        problems.append(Problem("there are no rows", "name a file or a split that holds some", table.shown))
    if problems:
        raise BadInput(capped(problems, table.shown))
    return CaseFile(table.shown, tuple(cases), tuple(lines), table.unit)


def cases_in(
    document: Document[SuiteFile], table: Table, problems: list[Problem]
) -> Iterator[tuple[int, Case]]:
    """Yield the cases of a table with their places, one at a time, up to the ``limit`` that is written.

    Raises:
        BadInput: the column map does not fit the table.

    """
    written = document.value.cases
    assert isinstance(written, CasesDataset)
    parts = compile_columns(document, table)
    if written.limit is not None:
        table = replace(table, rows=islice(table.rows, written.limit))
    return read_rows(table, parts, problems)


def open_table(document: Document[SuiteFile], findings: Findings) -> Table:
    """Return the rows that ``cases: {dataset: …}`` names, not yet read where they stream.

    Raises:
        BadInput: a file or the dataset cannot be read.

    """
    written = document.value.cases
    assert isinstance(written, CasesDataset)
    if written.dataset not in LOCAL_FORMATS:
        return hub_table(written)
    if written.path is not None:
        paths = [_pinned_path(written.path, written.sha256, document, findings)]
    else:
        folder = document.path.parent
        paths = [resolve(name, folder, findings.root) for name in written.files]
    shown = findings.shown(paths[0])
    if written.dataset == "parquet":
        return parquet_table(paths, written, shown)
    return read_csv(paths[0], shown) if written.dataset == "csv" else read_json_rows(paths[0], shown)


def _misfits(document: Document[SuiteFile], written: CasesDataset) -> Iterator[Problem]:
    """Yield keys that do not go with the kind of dataset; a key passed over would be a rule not obeyed."""
    if written.dataset in LOCAL_FORMATS:
        yield from _local_misfits(document, written)
        return
    if "/" not in written.dataset:
        near = did_you_mean(written.dataset, LOCAL_FORMATS)
        cure = near if near.startswith("did") else "write csv, json, parquet, or a hub id: owner/name"
        message = f"{written.dataset!r} is no format, and no dataset of the hub"
        yield document.problem((*_KEY, "dataset"), message, cure)
        return
    for key in ("path", "sha256"):
        if getattr(written, key) is not None:
            message = f"a dataset of the hub has no {key}"
            cure = "name its files under files, or write dataset: csv, json or parquet for a local file"
            yield document.problem((*_KEY, key), message, cure, at_key=True)
    if written.revision is None or not _COMMIT.fullmatch(written.revision):
        what = "a branch moves" if written.revision is not None else "without a revision the rows may change"
        cure = "add revision: <the 40 hex digits of the commit, from the dataset's page under Files>"
        yield document.problem((*_KEY, "revision"), f"{what}, and so would the verdict", cure)
    if written.split is None:
        yield document.problem(_KEY, "a dataset of the hub needs a split", "add split: test")


def _local_misfits(document: Document[SuiteFile], written: CasesDataset) -> Iterator[Problem]:
    for key in ("split", "revision", "subset"):
        if getattr(written, key) is not None:
            message = f"{key} belongs to datasets of the hub, and {written.dataset} is read from files"
            yield document.problem((*_KEY, key), message, "name the file itself under path", at_key=True)
    if written.streaming and written.dataset != "parquet":
        message = f"{written.dataset} does not stream"
        cure = "remove streaming, or save the rows as Parquet"
        yield document.problem((*_KEY, "streaming"), message, cure, at_key=True)
    if (written.path is None) == (not written.files):
        message = "path and files are both there" if written.files else "no file is named"
        yield document.problem(_KEY, message, f"write path: cases.{written.dataset}")
    elif written.files and written.sha256 is not None:
        yield document.problem((*_KEY, "sha256"), "sha256 pins one file", "name it under path", at_key=True)
    elif len(written.files) > 1 and written.dataset != "parquet":
        message = f"{written.dataset} is read from one file"
        yield document.problem((*_KEY, "files"), message, "join the files, or save the rows as Parquet")


def _is_outside(written: str, folder: Path, root: Path) -> bool:
    return not (folder / Path(written).expanduser()).resolve().is_relative_to(root.resolve())


def _pinned_path(written: str, sha256: str | None, document: Document[SuiteFile], findings: Findings) -> Path:
    """Return the file that ``written`` names; outside the project only with the hash that it really has."""
    folder = document.path.parent
    outside = _is_outside(written, folder, findings.root)
    path = folder / Path(written).expanduser() if outside else resolve(written, folder, findings.root)
    if outside and not path.is_file():
        raise BadInput([Problem(f"there is no file {written!r}", "fetch it, or correct the path")])
    if sha256 is None and not outside:
        return path
    found = _sha256(path)
    if sha256 == found:
        return path
    if sha256 is None:
        message = f"{written!r} is outside the project, so it needs a hash"
        raise BadInput([Problem(message, f'if this is the file you mean, add sha256: "{found}"')])
    place = document.problem((*_KEY, "sha256"), "")
    message = f"{written!r} has another SHA-256: {found}"
    cure = "restore the file; or, if the new one is meant, write the new hash"
    raise BadInput([Problem(message, cure, place.file, place.line, place.column, place.key)])


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BadInput([Problem(f"cannot be read: {error.strerror or error}")]) from None
