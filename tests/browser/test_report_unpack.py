"""The page unpacks what Python packed as bzip2, whatever it holds."""

import bz2
import random
from base64 import b64encode
from hashlib import sha256
from importlib.resources import files

import pytest

UNPACK = """async ([source, packed, size]) => {
  const bunzip = new Function(`${source}; return bunzip;`)();
  const found = bunzip(Uint8Array.from(atob(packed), letter => letter.charCodeAt(0)), size);
  const digest = await crypto.subtle.digest('SHA-256', found);
  return Array.from(new Uint8Array(digest), byte => byte.toString(16).padStart(2, '0')).join('');
}"""
WORDS = [
    "the",
    "parcel",
    "of",
    "a",
    "customer",
    "is",
    "late",
    "and",
    "nobody",
    "knows",
    "why",
    "ünï",
    "界",
    "👩",
]


def prose(length):
    rng = random.Random(3)
    return " ".join(rng.choices(WORDS, k=length)).encode()


CONTENTS = {
    "nothing": b"",
    "one byte": b"a",
    "runs around the lengths that are coded apart": b"".join(
        bytes([65 + n % 26]) * n for n in (1, 3, 4, 5, 8, 255, 258, 259, 260, 263, 264, 1000)
    ),
    "every byte": bytes(range(256)) * 9,
    "noise": random.Random(1).randbytes(50_000),
    "two letters": b"ab" * 9_000,
    "prose": prose(40_000),
    "more than a block": prose(200_000),
}


@pytest.fixture(scope="module")
def page(chromium, tmp_path_factory):
    # Digests are given to files and https only, not to about:blank.
    file = tmp_path_factory.mktemp("empty") / "empty.html"
    file.write_text("<!doctype html>")
    page = chromium.new_page()
    page.goto(file.as_uri())
    return page


@pytest.mark.parametrize("name", CONTENTS)
def test_what_was_packed_comes_out(page, name):
    content = CONTENTS[name]
    source = files("evalgate.report.html").joinpath("assets", "bunzip.js").read_text("utf-8")
    packed = b64encode(bz2.compress(content)).decode()
    assert page.evaluate(UNPACK, [source, packed, len(content)]) == sha256(content).hexdigest()
