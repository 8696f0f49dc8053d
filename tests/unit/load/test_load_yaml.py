"""Strict YAML: what is read, what is refused, and where."""

import pytest

from evalgate.core.errors import BadInput
from evalgate.load.syntax import yaml_text
from evalgate.load.syntax.documents import read_yaml
from evalgate.load.syntax.yaml_text import Place, parse_yaml, show_key


def refused(text: str) -> str:
    with pytest.raises(BadInput) as caught:
        parse_yaml(text, "f.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("no", "no"),
        ("Yes", "Yes"),
        ("on", "on"),
        ("off", "off"),
        ("n", "n"),
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("12", 12),
        ("-3", -3),
        ("+4", 4),
        ("0", 0),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("0x1F", 31),
        ("0o17", 15),
        ("2026-11-01", "2026-11-01"),
        ("12:30:45", "12:30:45"),
        ("1_000", "1_000"),
        ("0b11", "0b11"),
        ('"12"', "12"),
        ("'true'", "true"),
        ("=", "="),
    ],
)
def test_scalars_follow_the_core_schema_of_yaml_1_2(written, value):
    read = parse_yaml(f"a: {written}\n", "f.yaml").value["a"]
    assert (type(read), read) == (type(value), value)


def test_places_count_from_one_and_name_keys_and_values():
    tree = parse_yaml("a: 1\nb:\n  - x\n  - {c: é, d: 2}\n", "f.yaml")
    assert tree.keys[("b",)] == Place(2, 1)
    assert tree.values[("b", 0)] == Place(3, 5)
    assert tree.keys[("b", 1, "d")] == Place(4, 12)
    assert tree.values[("b", 1, "d")] == Place(4, 15)
    assert show_key(("b", 1, "d")) == "b[1].d"
    assert show_key(()) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "a: 1\nb: {c: 1, c: 2}\na: 3\n",
            (
                "f.yaml:2:11: b.c: 'c' is written twice (first in line 2)\n    keep one of the two\n"
                "f.yaml:3:1: a: 'a' is written twice (first in line 1)\n    keep one of the two"
            ),
        ),
        (
            "a: &x 1\nb: *x\n",
            (
                "f.yaml:1:4: anchor &x is not allowed\n    write the value out where it is needed\n"
                "f.yaml:2:4: alias *x is not allowed\n    write the value out where it is needed"
            ),
        ),
        (
            "a: {<<: 1}\n",
            "f.yaml:1:5: merge key << is not allowed\n    write the keys out where they are needed",
        ),
        ("a: !!str 5\n", "f.yaml:1:4: tag !!str is not allowed\n    remove it; quotes make a value text"),
        (
            "a: !!python/object:os.system x\n",
            (
                "f.yaml:1:4: tag !!python/object:os.system is not allowed\n"
                "    remove it; quotes make a value text"
            ),
        ),
        (
            "a: 1\n---\nb: 1\n",
            "f.yaml:2:1: a second YAML document starts here\n    keep one document per file",
        ),
        ("1: x\n", 'f.yaml:1:1: the key 1 is not text\n    put it in quotes: "1"'),
        ("true: x\n", 'f.yaml:1:1: the key true is not text\n    put it in quotes: "true"'),
        (
            "a: 017\n",
            (
                "f.yaml:1:4: 017 starts with a zero, which some parsers read as octal\n"
                '    write 17 for the number, or "017" for the text'
            ),
        ),
        (
            "a: .inf\nb: 12e4567\n",
            (
                "f.yaml:1:4: .inf is not a finite number\n"
                "    write a finite number; if it is meant as text, put it in quotes\n"
                "f.yaml:2:4: 12e4567 is not a finite number\n"
                "    write a finite number; if it is meant as text, put it in quotes"
            ),
        ),
        (
            "prompt: {{input}}\n",
            (
                "f.yaml:1:10: a list or mapping cannot be a key\n"
                '    text that starts with { or [ needs quotes, as in "{{input}}"'
            ),
        ),
        (
            "a: b: c\n",
            (
                "f.yaml:1:5: this is not valid YAML: mapping values are not allowed in this context\n"
                '    text that holds ": " needs quotes; else check the indentation'
            ),
        ),
        (
            "a:\n\tb: 1\n",
            (
                "f.yaml:2:1: this is not valid YAML: found character that cannot start any token\n"
                "    indent with spaces, not tabs; text that starts with @, ` or % needs quotes"
            ),
        ),
        ("[" * 100, "f.yaml:1:65: nested more than 64 levels deep\n    flatten it"),
        ("a: x\nb: \x01\n", "f.yaml:2:4: the character U+0001 is not allowed in YAML\n    remove it"),
        (
            f"a: {'9' * 400}\n",
            "f.yaml:1:4: a number of more than 300 digits\n    if it is meant as text, put it in quotes",
        ),
    ],
)
def test_refusals_say_place_and_cure(text, said):
    assert refused(text) == said


def test_a_key_that_is_text_in_yaml_1_2_stays_a_key():
    assert parse_yaml("on: 1\nno: 2\ny: 3\n", "f.yaml").value == {"on": 1, "no": 2, "y": 3}


def test_an_alias_as_a_key_does_not_confuse_what_follows():
    assert refused("*a : 1\nb: 2\nb: 3\n").count("\n    ") == 2


def test_problems_inside_a_refused_key_or_value_are_still_told_once():
    said = refused("? [a, {b: 1}]\n: {q: 1, q: 2}\nz: 1\n")
    assert "cannot be a key" in said
    assert "'q' is written twice" in said
    assert yaml_text._UNUSABLE not in said


def test_a_byte_order_mark_and_crlf_are_accepted(tmp_path):
    path = tmp_path / "f.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: one\r\nb: two\r\n")
    assert read_yaml(path, dict[str, str], "f.yaml").value == {"a": "one", "b": "two"}


def test_what_is_not_utf_8_is_told_with_its_line(tmp_path):
    path = tmp_path / "f.yaml"
    path.write_bytes("a: one\nb: größe\n".encode("latin-1"))
    with pytest.raises(BadInput, match=r"f\.yaml:2: the file is not UTF-8 text\n    save it as UTF-8"):
        read_yaml(path, dict[str, str], "f.yaml")
