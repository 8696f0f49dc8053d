"""Every format of every example, byte for byte.

After a wanted change, write the files anew and read the difference as a reader of the report would:
``EVALGATE_WRITE_SNAPSHOTS=1 python -m pytest tests/unit/report/test_report_snapshots.py``.
"""

import os
from pathlib import Path

import decisions
import pytest

from evalgate.report import json, markdown, text

SNAPSHOTS = Path(__file__).parent / "snapshots"
FORMATS = {
    "txt": text.render,
    "60.txt": lambda decision: text.render(decision, width=60),
    "ansi": lambda decision: text.render(decision, color=True),
    "json": json.render,
    "md": markdown.render,
}
# Colour and narrowness change the layout, not the words; a few examples show them.
FEW = {"60.txt": {"fail", "hostile"}, "ansi": {"fail", "pass"}}
WANTED = [
    (name, ending)
    for name in decisions.EXAMPLES
    for ending in FORMATS
    if ending not in FEW or name in FEW[ending]
]


@pytest.mark.parametrize(("name", "ending"), WANTED)
def test_the_report_reads_as_its_snapshot(name, ending):
    file = SNAPSHOTS / f"{name}.{ending}"
    rendered = FORMATS[ending](decisions.EXAMPLES[name]())
    if os.environ.get("EVALGATE_WRITE_SNAPSHOTS"):
        file.write_bytes(rendered.encode())
    assert rendered.encode() == file.read_bytes()


def test_no_snapshot_is_left_over():
    assert {file.name for file in SNAPSHOTS.iterdir()} == {f"{name}.{ending}" for name, ending in WANTED}
