"""The same hostile texts through every way in which a result leaves evalgate."""

import re

import pytest

from evalgate.report import json, junit, markdown, text
from evalgate.report.html.page import render as html
from evalgate.report.safe_text import safe_lines
from tests.synthetic_reports import HOSTILE, hostile_data

DATA = hostile_data()
SINKS = {
    "terminal": lambda: text.render(DATA.decision),
    "colour": lambda: text.render(DATA.decision, color=True),
    "markdown": lambda: markdown.render(DATA.decision),
    "json": lambda: json.render(DATA.decision),
    "junit": lambda: junit.render(DATA.decision),
    "html": lambda: html(DATA),
    "log": lambda: safe_lines("\n".join(HOSTILE)),
}
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066-\u2069\ufeff\U000e0041]")


@pytest.mark.parametrize("sink", SINKS)
def test_nothing_crashes_and_nothing_a_terminal_obeys_comes_out(sink):
    shown = SINKS[sink]()
    assert shown.encode()
    if sink == "colour":
        shown = re.sub(r"\x1b\[\d*m", "", shown)
    assert not CONTROLS.search(shown)


@pytest.mark.parametrize("sink", ["terminal", "markdown", "junit", "log"])
def test_no_line_is_a_command_to_a_ci_runner(sink):
    lines = [line.lstrip() for line in SINKS[sink]().split("\n")]
    assert not [line for line in lines if line.startswith("::")]
    assert not [line for line in lines if "##[group]" in line]


@pytest.mark.parametrize("sink", ["terminal", "markdown", "junit"])
def test_every_hostile_slice_is_named(sink):
    shown = SINKS[sink]()
    for fragment in ("onmouseover", "window.pwned", "HYPERLINK", "עברית"):
        assert fragment in shown
