"""Data inside the page: inert, small, and unable to end the element it stands in."""

import gzip
import json

import msgspec
import numpy as np

from evalgate.report.html.markup import Html

_ESCAPES = str.maketrans(
    {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
)

# Two of these 91 characters hold 13 bits, where base64 holds 12: of fifteen megabytes that saves one. Missing
# are those that HTML gives a meaning to.
LETTERS = np.array([code for code in range(0x21, 0x7F) if chr(code) not in "<>&"], dtype=np.uint8)
_BITS = 13
_WEIGHTS = (1 << np.arange(_BITS - 1, -1, -1)).astype(np.int32)


def json_block(block_id: str, value: object) -> Html:
    """Return a JSON script that no parser takes for anything else."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return Html(f'<script type="application/json" id="{block_id}">{text.translate(_ESCAPES)}</script>')


def packed_block(block_id: str, packed: bytes) -> Html:
    """Return bytes as an inert script. It says how many they are, as letters may hold a few bits more."""
    opened = f'<script type="application/octet-stream" id="{block_id}" data-bytes="{len(packed)}">'
    return Html(f"{opened}{lettered(packed)}</script>")


def lettered(packed: bytes) -> str:
    """Return bytes as letters: 13 bits at a time, first bit first, as two digits to the base 91."""
    bits = np.unpackbits(np.frombuffer(packed, dtype=np.uint8))
    padded = np.zeros(-(-len(bits) // _BITS) * _BITS, dtype=np.int32)
    padded[: len(bits)] = bits
    digits = np.stack(np.divmod(padded.reshape(-1, _BITS) @ _WEIGHTS, len(LETTERS)), axis=1)
    return bytes(LETTERS[digits.ravel()]).decode("ascii")


def pack(value: object) -> bytes:
    """Return the compressed JSON of ``value``; equal values give equal bytes."""
    try:
        text = msgspec.json.encode(value)
    except UnicodeEncodeError:
        # Lone surrogates are somebody's text too: escaped, they reach the reader, who is shown them.
        text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode()
    return gzip.compress(text, 6, mtime=0)
