"""The job summary: small, safe, complete."""

import html
import re

import decisions
import pytest

from evalgate.report import markdown
from evalgate.report.markdown_escape import code, fence, prose

CODE = re.compile(r"`[^`]*`|<code>[^<]*</code>|(?s:\n```+text\n.*?\n```+\n)")


def outside_code(text):
    return CODE.sub("", text)


def test_the_heading_says_the_verdict_and_the_table_has_one_row_per_limit():
    rendered = markdown.render(decisions.proven_fail())
    assert rendered.startswith("## ✗ evalgate: blocked\n\naccuracy fell by at least 4.1 points, budget 1.0\n")
    assert "| accuracy | 91.0% | 84.0% | -7.0 pp (-10.0 to -4.1) | drop ≤ 1 pp | ✗ fail |" in rendered
    assert "| accuracy in `billing` |" in rendered


def test_flips_are_folded_and_at_most_fifty_of_each_kind():
    rendered = markdown.render(decisions.ten_thousand_flips())
    assert "<details><summary>Cases that broke (6,000)</summary>" in rendered
    assert len(re.findall(r"^\| `t-", rendered, re.MULTILINE)) == 100
    assert "and 5,950 more" in rendered
    assert len(rendered.encode()) < 100_000


@pytest.mark.parametrize("number", [600, 3000])
def test_no_summary_is_larger_than_its_cap_and_what_is_missing_is_counted(number):
    rendered = markdown.render(decisions.many_suites(number))
    assert len(rendered.encode()) <= markdown.MOST_BYTES
    assert "left out to stay below the size of a job summary" in rendered
    assert rendered.rstrip().endswith("exit code 1: blocked, a budget is exceeded (proven)")
    assert rendered.count("<details>") == rendered.count("</details>")
    assert ("<details>" in rendered) == (number == 600)


def test_where_not_all_comparisons_fit_those_that_block_are_shown():
    rendered = markdown.render(decisions.many_suites(3000))
    headings = [line for line in rendered.split("\n") if line.startswith("### ")]
    assert 500 < len(headings) < 3000
    assert all(heading.startswith("### ✗ ") for heading in headings)


def test_hostile_decisions_stay_below_the_cap():
    hostile = decisions.hostile().judgements[0]
    big = decisions.judgement_of(
        decisions.hostile(), flips=hostile.flips * 50, notes=(decisions.HOSTILE,) * 99
    )
    rendered = markdown.render(decisions.decision(*([big] * 100)))
    assert len(rendered.encode()) <= markdown.MOST_BYTES


def test_hostile_text_makes_no_markup_mention_link_or_command():
    rendered = markdown.render(decisions.hostile())
    rendered.encode()
    bare = outside_code(rendered)
    assert "@" not in html.unescape(bare)
    assert "http" not in bare
    assert "www." not in bare
    assert "![" not in bare
    assert set(re.findall(r"<[^>]*>", bare)) == {"<details>", "</details>", "<summary>", "</summary>"}
    assert not [line for line in rendered.split("\n") if line.lstrip().startswith("::") or "##[" in line]
    assert rendered.count("<details>") == bare.count("</details>")


def test_hostile_text_adds_no_cell_to_a_table():
    rows = [line for line in markdown.render(decisions.hostile()).split("\n") if line.startswith("|")]
    tables = {}
    for row in rows:
        tables.setdefault(row.count("|"), []).append(row)
    # limits (6 cells), money (3 cells), flips (4 cells), confusions (5 cells)
    assert set(tables) == {7, 4, 5, 6}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("billing", "`billing`"),
        ("a b-c.d/e", "`a b-c.d/e`"),
        ("a|b", "<code>a&#124;b</code>"),
        ("a`b", "<code>a&#96;b</code>"),
        ("a\\|b", "<code>a&#92;&#124;b</code>"),
        ("<img src=x>", "<code>&#60;img src=x&#62;</code>"),
        ("@octocat", "<code>&#64;octocat</code>"),
        ("::error::x", "<code>&#58;&#58;error&#58;&#58;x</code>"),
        ("*_~", "<code>&#42;&#95;&#126;</code>"),
        ("&#64;", "<code>&#38;&#35;64;</code>"),
        ("a\nb", "`a b`"),
        ("", "_(empty)_"),
    ],
)
def test_code_shows_exactly_the_text(text, shown):
    assert code(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("accuracy fell: 4.1 points", "accuracy fell: 4.1 points"),
        ("by @octocat, see #12", "by <code>&#64;octocat,</code> see <code>&#35;12</code>"),
        ("see http://evil.example", "see <code>http&#58;//evil.example</code>"),
        ("[x](y) *b* _i_ <b>", "&#91;x&#93;(y) &#42;b&#42; &#95;i&#95; &#60;b&#62;"),
        ("- item", "&#45; item"),
        ("1. item", "&#49;. item"),
        (":tada:", "&#58;tada:"),
    ],
)
def test_prose_reads_as_written(text, shown):
    assert prose(text) == shown


def test_a_fence_outlasts_the_backticks_inside():
    assert fence(["a ```` b"]) == ["`````text", "a ```` b", "`````"]
