"""Parquet files and datasets of the hub, through the library ``datasets``, which nothing else imports.

It takes seconds to import, so that happens only where a suite needs it; it obeys HF_HUB_OFFLINE itself.
"""

import gc
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from evalgate.core.cases_file import CasesDataset
from evalgate.core.errors import BadInput, Problem
from evalgate.load.case_files.tables import Row, Table

_ROWS_AT_A_TIME = 1000
MISSING = "install the extra: uv sync --extra data"


def parquet_table(paths: Sequence[Path], written: CasesDataset, shown: str) -> Table:
    """Return the rows of Parquet files.

    With ``streaming`` they are read as they are asked for; without, ``datasets`` first writes all of them
    into its cache.

    Raises:
        BadInput: the library is missing, or a file cannot be read.

    """
    files = {"train": [str(path) for path in paths]}
    library = _library()
    settings: dict[str, Any] = {"path": "parquet", "data_files": files, "split": "train"}
    if written.streaming:
        settings |= {"streaming": True, **_in_constant_memory()}
    return _table(library, settings, written, shown)


def hub_table(written: CasesDataset) -> Table:
    """Return the rows of a dataset of the hub, at the commit that ``revision`` names.

    Raises:
        BadInput: the library is missing, or the dataset cannot be had.

    """
    settings: dict[str, Any] = {
        "path": written.dataset,
        "name": written.subset,
        "split": written.split,
        "revision": written.revision,
        "data_files": written.files or None,
        "streaming": written.streaming,
    }
    return _table(_library(), settings, written, written.dataset)


def _library() -> Any:
    try:
        import datasets  # noqa: PLC0415  an extra, and seconds of start-up
    except ImportError as error:
        message = f"this needs the library `datasets`, which cannot be imported ({error})"
        raise BadInput([Problem(message, MISSING)]) from None
    # It would tell a server of every load, also of a local file; a replay talks to nobody.
    datasets.config.HF_UPDATE_DOWNLOAD_COUNTS = False
    return datasets


def _in_constant_memory() -> dict[str, Any]:
    """Return settings without which Arrow keeps every byte of a file that it has read."""
    from pyarrow.dataset import ParquetFragmentScanOptions  # noqa: PLC0415  comes with datasets

    options = ParquetFragmentScanOptions(pre_buffer=False)
    return {"batch_size": _ROWS_AT_A_TIME, "fragment_scan_options": options}


def _table(library: Any, settings: Mapping[str, Any], written: CasesDataset, shown: str) -> Table:
    bars = library.utils.logging.is_progress_bar_enabled()
    library.disable_progress_bars()
    try:
        data = library.load_dataset(**settings)
        columns = tuple(data.column_names or next(iter(data.take(1)), {}))
    except Exception as error:  # noqa: BLE001  the library raises of everything it is built on
        raise BadInput([_cannot_load(library, error, shown)]) from None
    finally:
        if bars:
            library.enable_progress_bars()
    wanted = _wanted(written, columns)
    if 0 < len(wanted) < len(columns):
        data = data.select_columns(wanted)
    labels = {
        name: feature.names
        for name, feature in (data.features or {}).items()
        if isinstance(feature, library.ClassLabel)
    }
    return Table(shown, columns, _rows(library, data, shown), unit="row", labels=labels)


def _wanted(written: CasesDataset, columns: Sequence[str]) -> list[str]:
    """Return the columns that the map names: the others are not even read."""
    named = {each if isinstance(each, str) else each.column for each in written.columns.values()}
    return [name for name in columns if name in named]


def _rows(library: Any, data: Any, shown: str) -> Iterator[tuple[int, Row]]:
    rows = enumerate(data, start=1)
    try:
        while True:
            try:
                batch = list(islice(rows, _ROWS_AT_A_TIME))
            except Exception as error:  # noqa: BLE001  a damaged page shows only here
                raise BadInput([_cannot_load(library, error, shown)]) from None
            if not batch:
                return
            yield from batch
    finally:
        # The library leaves Arrow's readers in reference cycles. One that is still there when Python exits is
        # torn down under its running threads, and now and then aborts the process: a verdict with code 134.
        del rows, data
        gc.collect()


def _cannot_load(library: Any, error: Exception, shown: str) -> Problem:
    while error.__cause__ is not None and isinstance(error.__cause__, Exception):
        error = error.__cause__  # the library wraps what went wrong in a sentence that does not say it
    said = " ".join(str(error).split()) or type(error).__name__
    message = f"{shown} cannot be loaded: {said[:400]}"
    if isinstance(error, ConnectionError) or "offline" in said.lower():
        if library.config.HF_HUB_OFFLINE:
            cure = "HF_HUB_OFFLINE is set: unset it to load the dataset once, or name local files instead"
        else:
            cure = "check the network; or download the files and name them: {dataset: parquet, path: …}"
        return Problem(message, cure)
    return Problem(message, "")
