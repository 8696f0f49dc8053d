"""The verb ``export``: finished runs as tables."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from evalgate.core.errors import BadInput, Problem
from evalgate.gate.decide import decide
from evalgate.pipeline.comparing.pairing import judge_runs, paired
from evalgate.report.frames import checks_frame, outcomes_frame
from evalgate.store.runs import read_run

Table = Literal["outcomes", "checks"]


def exported(paths: Sequence[Path], table: Table, ending: str) -> tuple[int, bytes]:
    """Return how many rows the table of the runs at ``paths`` has, and the bytes of its file.

    Raises:
        BadInput: a file is not a run, or pandas is not installed.
        RunsNotComparable: ``checks`` of runs that do not cover the same cases.

    """
    runs = [read_run(path) for path in paths]
    file = io.BytesIO()
    try:
        if table == "outcomes":
            frame = outcomes_frame(runs)
        else:
            frame = checks_frame(decide([judge_runs(pair) for pair in paired(runs)]))
        if ending == ".parquet":
            frame.to_parquet(file, index=False)
        else:
            file.write(frame.to_csv(index=False, lineterminator="\n").encode("utf-8", "replace"))
    except ImportError as error:
        cure = "install evalgate with its extra `data`, which brings pandas and pyarrow"
        raise BadInput([Problem(f"tables need a package that is missing: {error.name}", cure)]) from error
    return len(frame), file.getvalue()
