"""Text of others on a terminal and in a log."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalgate.report.layout import wrap
from evalgate.report.safe_text import columns, cut, no_command, safe_line, safe_lines

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=200)
UNSAFE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("billing", "billing"),
        ("a\nb\r\n\tc\u2028d\u00a0e", "a b c d e"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\x9b2J", "\\x9b2J"),
        ("a\u202eb\u200bc", "a\\u202eb\\u200bc"),
        ("tag\U000e0041", "tag\\U000e0041"),
        ("\ud800", "\\ud800"),
        ("e\u0301\u0301\u0301\u0301", "e\u0301\u0301"),
        ("⚠\ufe0f", "⚠"),
        ("Ünïcödé 界", "Ünïcödé 界"),
    ],
)
def test_what_cannot_be_seen_is_shown(text, shown):
    assert safe_line(text) == shown


@given(ANY_TEXT, st.integers(4, 60))
def test_any_text_becomes_one_safe_line_within_its_limit(text, limit):
    line = safe_line(text, limit)
    assert columns(line) <= limit
    assert {unicodedata.category(char) for char in line}.isdisjoint(UNSAFE)
    line.encode()


@given(ANY_TEXT)
def test_lines_stay_lines(text):
    assert len(safe_lines(text).split("\n")) == len(text.split("\n"))


@given(st.text(alphabet="ab 界\u0301:", max_size=120), st.integers(10, 40))
def test_wrapping_loses_nothing_and_never_overflows(text, width):
    lines = wrap(text, width, first="- ")
    assert all(columns(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "-" + "".join(text.split())


@pytest.mark.parametrize("line", ["::error::x", "   ::set-env name=A::b", "x ##[group]y"])
def test_a_runner_s_command_is_none_any_more(line):
    safe = no_command(line)
    assert not safe.lstrip().startswith("::")
    assert "##[" not in safe
    assert columns(safe) == columns(line)


def test_an_innocent_line_is_untouched():
    assert no_command("  a :: b # [x]") == "  a :: b # [x]"


def test_a_cut_is_marked():
    assert cut("abcdef", 4) == "abc…"
    assert cut("界界界", 4) == "界…"
