"""What check found, in each format; annotations cannot be forged by what a file says."""

import json

from evalgate.core.errors import ExitCode, Problem
from evalgate.core.review import Review
from evalgate.report.review import render_github, render_json, render_text

REVIEW = Review(
    errors=(
        Problem(
            "unknown key 'treshold'", "did you mean 'threshold'?", "policies/a.yaml", 4, 3, "router.treshold"
        ),
    ),
    warnings=(Problem("no policy uses this file", file="policies/p.txt"), Problem("odd")),
    looked_at=("1 suite", "60 cases", "2 policies"),
)


def test_the_text():
    assert render_text(REVIEW) == (
        "1 error and 2 warnings in 1 suite, 60 cases and 2 policies\n"
        "\n"
        "errors\n"
        "  policies/a.yaml:4:3: router.treshold: unknown key 'treshold'\n"
        "      did you mean 'threshold'?\n"
        "\n"
        "warnings\n"
        "  policies/p.txt: no policy uses this file\n"
        "  odd\n"
    )


def test_the_annotations():
    assert render_github(REVIEW) == (
        "::error file=policies/a.yaml,line=4,col=3,title=evalgate%3A router.treshold"
        "::unknown key 'treshold'%0Adid you mean 'threshold'?\n"
        "::warning file=policies/p.txt,title=evalgate::no policy uses this file\n"
        "::warning title=evalgate::odd\n"
        "1 error and 2 warnings in 1 suite, 60 cases and 2 policies\n"
    )


def test_annotations_name_files_from_the_repository():
    nested = Review((Problem("odd", file="../policies/a.yaml"),), (), ())
    assert "file=teams/policies/a.yaml," in render_github(nested, "teams/suites")


def test_what_a_file_says_cannot_end_an_annotation_or_begin_another():
    hostile = Problem(
        "100%0A::error::x\n::set-env name=A::b\r\x1b[31m", "a,b:c", "a,line=9:b.yaml", 1, None, "k:,%"
    )
    (line, _verdict) = render_github(Review((hostile,), (), ())).splitlines()
    assert line == (
        "::error file=a%2Cline=9%3Ab.yaml,line=1,title=evalgate%3A k%3A%2C%25"
        "::100%250A::error::x%0A::set-env name=A::b \\x1b[31m%0Aa,b:c"
    )


def test_no_line_of_the_text_is_a_command_or_moves_the_cursor():
    text = render_text(Review((Problem("a\n::error::x\x1b[2J"),), (), ()))
    assert "\x1b" not in text
    assert not [line for line in text.splitlines() if line.lstrip().startswith("::")]


def test_the_json():
    review = json.loads(render_json(REVIEW))
    assert (review["schema"], review["exit_code"]) == ("evalgate/check@1", 2)
    assert review["errors"] == [
        {
            "file": "policies/a.yaml",
            "line": 4,
            "column": 3,
            "key": "router.treshold",
            "message": "unknown key 'treshold'",
            "cure": "did you mean 'threshold'?",
        }
    ]
    assert len(review["warnings"]) == 2


def test_warnings_alone_are_no_failure():
    assert Review((), REVIEW.warnings, ()).exit_code == ExitCode.OK
    assert REVIEW.exit_code == ExitCode.BAD_INPUT
