"""Data in the page comes out as it went in, and holds nothing that HTML would read."""

import bz2
import gzip
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalgate.report.html.blocks import (
    LETTERS,
    json_block,
    lettered,
    pack_quickly,
    pack_tightly,
    packed_block,
)

ALPHABET = bytes(LETTERS).decode()


def bytes_of(text, count):
    """The page's own decoder, in Python."""
    bits = "".join(
        f"{ALPHABET.index(first) * 91 + ALPHABET.index(second):013b}"
        for first, second in zip(text[::2], text[1::2], strict=True)
    )
    return bytes(int(bits[at : at + 8], 2) for at in range(0, 8 * count, 8))


@given(st.binary(max_size=300))
def test_letters_hold_exactly_the_bytes(content):
    text = lettered(content)
    assert set(text) <= set(ALPHABET)
    assert bytes_of(text, len(content)) == content


def test_letters_take_a_twelfth_less_than_base64():
    assert len(lettered(bytes(13_000))) == 16_000
    assert not set("<>&") & set(ALPHABET)


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.none()))
def test_a_json_block_holds_its_value_and_no_markup(value):
    block = json_block("x", value)
    inside = re.fullmatch(r'<script type="application/json" id="x">(.*)</script>', block, re.DOTALL)[1]
    assert not set("<>&\u2028\u2029") & set(inside)
    assert json.loads(inside) == value


@pytest.mark.parametrize(
    ("pack", "unpack"), [(pack_quickly, gzip.decompress), (pack_tightly, bz2.decompress)]
)
@pytest.mark.parametrize("text", ["</script><script>", "<!--<script>", "\u2028", "\ud800", "\x00"])
def test_a_packed_block_holds_hostile_text(pack, unpack, text):
    block = packed_block("x", pack([text]))
    count, inside = re.fullmatch(r'<script [^>]*data-bytes="(\d+)"[^>]*>([^<]*)</script>', block).groups()
    assert json.loads(unpack(bytes_of(inside, int(count)))) == [text]


def test_a_tight_block_says_how_many_bytes_come_out():
    packed = pack_tightly(["é" * 1000])
    assert len(bz2.decompress(packed.content)) == packed.plain == 2004
    assert 'data-plain="2004"' in packed_block("x", packed)
    assert "data-plain" not in packed_block("x", pack_quickly([]))


@pytest.mark.parametrize("pack", [pack_quickly, pack_tightly])
def test_equal_values_pack_to_equal_bytes(pack):
    assert pack({"a": ["x" * 1000]}) == pack({"a": ["x" * 1000]})
