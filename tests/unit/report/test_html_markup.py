"""Markup escapes everything that is not markup by its type."""

import pytest

from evalgate.report.html.markup import Html, bdi, escape, joined, raw_element, tag


@pytest.mark.parametrize(
    ("text", "markup"),
    [
        ("a < b & c > \"d\" 'e'", "a &lt; b &amp; c &gt; &quot;d&quot; &#x27;e&#x27;"),
        ("\x00\x1b\x9b", "\ufffd\ufffd\ufffd"),
        ("tab\tline\nreturn\r", "tab\tline\nreturn\n"),
        ("\ud800", "\ufffd"),
    ],
)
def test_text_is_escaped(text, markup):
    assert escape(text) == markup


def test_children_are_escaped_unless_they_are_markup_and_none_is_left_out():
    assert tag("p", "<b>", tag("i", "x"), None) == "<p>&lt;b&gt;<i>x</i></p>"
    assert joined(["<", bdi(">")]) == "&lt;<bdi>&gt;</bdi>"


def test_attributes_are_quoted_named_and_left_out():
    made = tag("a", class_="x y", aria_label='"<', data_in=3, hidden=True, title=None, disabled=False, x=1.50)
    assert made == '<a class="x y" aria-label="&quot;&lt;" data-in="3" hidden x="1.5"></a>'


def test_void_elements_are_not_closed():
    assert tag("meta", charset="utf-8") == '<meta charset="utf-8">'


@pytest.mark.parametrize("content", ["</style>", "a</SCRIPT", "<!-- x"])
def test_raw_content_that_could_end_its_element_is_refused(content):
    with pytest.raises(ValueError, match="may hold neither"):
        raw_element("style", content)


def test_a_markup_string_that_is_cut_or_joined_is_text_again():
    assert type(Html("<b>") + "<i>") is str
    assert escape(Html("<b>")[:2]) == "&lt;b"
