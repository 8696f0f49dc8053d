import pytest

from evalgate.core.errors import BadInput
from evalgate.core.response_file import ExtractJson, ExtractRegex
from evalgate.serving.response import compile_response


def apply(text, *rules):
    return compile_response(rules)(text)


def test_no_rules_leave_the_answer():
    assert apply(" a\n") == " a\n"
    assert apply("a\ud800") == "a\ufffd"


def test_strip():
    assert apply(" \n a b\u2003", "strip") == "a b"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("```json\n{}\n```", "{}"),
        ("\n```\na\n\nb\n```\n", "a\n\nb"),
        ("```\n```", ""),
        ("```\n\n```", ""),
        ("~~~~ text\na\n```\n~~~~", "a\n```"),
        ("```billing```", "billing"),
        ("here:\n```\na\n```", "here:\n```\na\n```"),
        ("```\na\n```\nand\n```\nb\n```", "```\na\n```\nand\n```\nb\n```"),
        ("```\na", "```\na"),
        ("```", "```"),
        ("a", "a"),
    ],
)
def test_strip_code_fences(text, expected):
    assert apply(text, "strip_code_fences") == expected


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        (r"label: (\w+)", "the label: billing.", "billing"),
        (r"[0-9]+", "is 42 or 43", "42"),
        (r"(a)|(b)", "xb", "b"),
        (r"x(y)?", "x", "x"),
        (r"é+", "caféé!", "éé"),
        (r"(\w*):", ":", ""),
        (r"z", "no match", "no match"),
    ],
)
def test_extract_regex(pattern, text, expected):
    assert apply(text, ExtractRegex(extract_regex=pattern)) == expected


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("label", '{"label": "billing"}', "billing"),
        ("label", 'Sure! {"label": "billing"} done', "billing"),
        ("a.1.b", '{"a": [0, {"b": 2.50}]}', "2.5"),
        ("a[1].b", '{"a": [0, {"b": true}]}', "true"),
        ("a", '[note] {"a": null}', "null"),
        ("a", '{"a": {"z": 1, "b": [1, 2]}}', '{"b":[1,2],"z":1}'),
        ("a", '{"a": 9007199254740993}', "9007199254740993"),
        ("", '"text"', "text"),
        ("", "x [1, 2] y", "[1,2]"),
        ("a", '{"a": "\\ud800"}', "\ufffd"),
        ("a", '{"b": 1} {"a": 2}', '{"b": 1} {"a": 2}'),
        ("a.2", '{"a": [1]}', '{"a": [1]}'),
        ("a.b", '{"a": "b"}', '{"a": "b"}'),
        ("a", "no json", "no json"),
        ("a", '{"a": NaN}', '{"a": NaN}'),
        ("a", '{"a": 1e999}', '{"a": 1e999}'),
        ("a", '{"a": 1', '{"a": 1'),
        ("", "[" * 5000 + "]" * 5000, "[" * 5000 + "]" * 5000),
        ("", "[" * 700 + "]" * 700, "[" * 700 + "]" * 700),
    ],
)
def test_extract_json(path, text, expected):
    assert apply(text, ExtractJson(extract_json=path)) == expected


def test_rules_apply_in_order():
    text = '```json\n{"label": " billing "}\n```'
    assert apply(text, "strip_code_fences", ExtractJson(extract_json="label"), "strip") == "billing"


def test_a_bad_pattern_is_bad_input():
    with pytest.raises(BadInput, match="is not a pattern"):
        apply("", ExtractRegex(extract_regex="("))


@pytest.mark.parametrize(
    "text",
    [
        "[" * 900 + "1," * 100_000,
        "[1," * 50_000,
        '{"a":' * 50_000,
        "[ " * 100_000,
        '["x' * 50_000,
        "```\n" * 50_000,
    ],
)
def test_hostile_answers_end(text):
    """What is quadratic in such a text would take minutes here, and the run's watchdog would show where."""
    rules = ("strip_code_fences", ExtractJson(extract_json="a"), ExtractRegex(extract_regex="(x+x+)+y"))
    assert isinstance(apply(text, *rules), str)
