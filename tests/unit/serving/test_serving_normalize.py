import sys
import unicodedata

import pytest

from evalgate.core.errors import BadInput
from evalgate.core.policy_file import RegexRule
from evalgate.serving.normalize import DATE_MASK as D
from evalgate.serving.normalize import NUMBER_MASK as N
from evalgate.serving.normalize import STOPWORDS, compile_rules, strip_punctuation
from evalgate.serving.normalize import UUID_MASK as U

UUID = "123e4567-e89b-12d3-a456-426614174000"


@pytest.mark.parametrize(
    ("rule", "text", "expected"),
    [
        ("nfc", "cafe\u0301", "café"),
        ("nfc", "x²", "x²"),
        ("nfkc", "\uff21\ufb01x²", "Afix2"),
        ("trim", "\t a  b \u2003\n", "a  b"),
        ("collapse_whitespace", " a\t\n\u00a0b ", " a b "),
        ("casefold", "STRASSE Straße ΣΑΣ", "strasse strasse σασ"),
        ("strip_punctuation", "Where's (my) order?! -5 c# c++ $3.50 «là»", "Wheres my order 5 c c++ $350 là"),
        ("strip_punctuation", "a.b_c-d", "abcd"),
    ],
)
def test_text_rules(rule, text, expected):
    assert compile_rules([rule])(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("order 12 of 3.14 or 1,000.50", f"order {N} of {N} or {N}"),
        ("10:30, 3/4, 50% and $7.", f"{N}:{N}, {N}/{N}, {N}% and ${N}."),
        ("10-20", f"{N}-{N}"),
        ("-5 is not 5", f"-{N} is not {N}"),
        ("\u0663 \uff15", f"{N} {N}"),
        (
            "gpt-4 B2B 5kg v1.2 x² 2² id_7 COVID-19 3rd 4-day",
            "gpt-4 B2B 5kg v1.2 x² 2² id_7 COVID-19 3rd 4-day",
        ),
    ],
)
def test_mask_numbers(text, expected):
    assert compile_rules(["mask_numbers"])(text) == expected


@pytest.mark.parametrize(
    "date",
    [
        "2026-01-31", "2026-01-31T09:30:00Z", "2026-01-31 09:30", "2026-01-31T09:30:00.123+02:00",
        "2026/1/31", "1/31/2026", "31/1/26", "31.1.2026", "31 January 2026", "31st of Jan, 2026",
        "Jan. 31", "JANUARY 31, 2026",
    ],
)  # fmt: skip
def test_mask_dates_masks(date):
    assert compile_rules(["mask_dates"])(f"due {date}, ok") == f"due {D}, ok"


@pytest.mark.parametrize(
    "text",
    ["version 1.2.3", "2026", "2026-13-01", "2026-01-32", "1/2", "32/1/2026", "12026-01-01",
     "order 2026-01-01-7", "31.1.26", "555-01-02", "in May", "a1/2/2026"],
)  # fmt: skip
def test_mask_dates_leaves_what_is_no_date(text):
    assert compile_rules(["mask_dates"])(text) == text


def test_mask_uuids():
    masked = compile_rules(["mask_uuids"])
    assert masked(f"job {UUID} / {UUID.upper()}.") == f"job {U} / {U}."
    for text in (UUID[:-1], f"{UUID}0", f"x{UUID}", f"1-{UUID}", f"{UUID}-2", UUID.replace("-", "")):
        assert masked(text) == text


def test_rules_apply_in_the_order_written():
    text = f"2026-01-31 {UUID} 7"
    assert compile_rules(["mask_uuids", "mask_dates", "mask_numbers"])(text) == f"{D} {U} {N}"
    assert compile_rules(["mask_numbers", "mask_dates"])("2026-01-31 7") == f"{N}-{N}-{N} {N}"


def test_masks_survive_the_other_rules():
    every = [
        "nfkc",
        "casefold",
        "strip_punctuation",
        "drop_stopwords",
        "collapse_whitespace",
        "trim",
        "mask_numbers",
    ]
    assert compile_rules(["mask_dates", "mask_uuids", *every])(f"Is {UUID} due 2026-01-31?") == f"{U} due {D}"
    assert compile_rules(["mask_numbers", "strip_punctuation"])("5") != "number"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Please, is the order here?", "order here?"),
        ("Do NOT turn the light off", "NOT turn light off"),
        ("it isn't a bug", "it isn't bug"),
        ("can I see your profile", "can I see your profile"),
        ("a/b  f(a) x-the", "a/b  f(a) x-the"),
        ("Hello!", "Hello!"),
        ("thanks", "thanks"),
    ],
)
def test_drop_stopwords(text, expected):
    assert compile_rules(["drop_stopwords"])(text) == expected


def test_no_stopword_can_turn_an_answer_round():
    risky = {
        *(
            "no",
            "not",
            "never",
            "nor",
            "without",
            "on",
            "off",
            "in",
            "out",
            "before",
            "after",
            "under",
            "over",
            "up",
        ),
        *(
            "down",
            "least",
            "most",
            "more",
            "less",
            "first",
            "last",
            "all",
            "some",
            "any",
            "only",
            "to",
            "from",
            "by",
        ),
        *(
            "i",
            "you",
            "he",
            "she",
            "we",
            "they",
            "my",
            "your",
            "who",
            "what",
            "when",
            "why",
            "how",
            "was",
            "were",
        ),
        *("did", "can", "could", "should", "must", "will", "and", "or", "but", "if"),
    }
    assert not risky & set(STOPWORDS)


def test_regex_rules_are_re2_with_groups():
    swap = RegexRule(regex=r"(?P<a>\w+)@(\w+)(x)?", replace=r"\2 at \g<a>\3\\é")
    assert compile_rules([swap])("me@home, é") == "home at me\\é, é"
    assert compile_rules([RegexRule(regex="[0-9]+")])("a12b") == "ab"
    assert compile_rules([RegexRule(regex="a+", replace=r"<\0>")])("caat") == "c<aa>t"
    assert compile_rules([RegexRule(regex="a")])("\ud800a") == "\ufffd"


@pytest.mark.parametrize("pattern", ["(", r"(?=x)", r"(a)\1"])
def test_a_pattern_that_is_not_re2_is_bad_input(pattern, capfd):
    with pytest.raises(BadInput, match="is not a pattern") as raised:
        compile_rules([RegexRule(regex=pattern)])
    assert "RE2" in str(raised.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("replace", [r"\2", r"\g<b>", r"\n", "\\"])
def test_a_replacement_that_names_no_group_is_bad_input(replace):
    with pytest.raises(BadInput, match="names no group"):
        compile_rules([RegexRule(regex="(?P<a>x)", replace=replace)])


def test_punctuation_is_the_unicode_categories_p_for_ascii_and_beyond():
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        kept = strip_punctuation(character)
        assert (kept == "") == (unicodedata.category(character)[0] == "P"), hex(code)
