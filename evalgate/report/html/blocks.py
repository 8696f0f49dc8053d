"""Data inside the page: inert, small, and unable to end the element it stands in."""

import bz2
import gzip
import json
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Packed:
    """Compressed bytes; ``plain`` is how many come out of bzip2, 0 where they are gzip."""

    content: bytes
    plain: int = 0


def json_block(block_id: str, value: object) -> Html:
    """Return a JSON script that no parser takes for anything else."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return Html(f'<script type="application/json" id="{block_id}">{text.translate(_ESCAPES)}</script>')


def packed_block(block_id: str, packed: Packed) -> Html:
    """Return packed JSON as an inert script.

    It says how many bytes are packed, as letters may hold a few bits more, and of bzip2 how many come out.
    """
    plain = f' data-plain="{packed.plain}"' if packed.plain else ""
    opened = (
        f'<script type="application/octet-stream" id="{block_id}" data-bytes="{len(packed.content)}"{plain}>'
    )
    return Html(f"{opened}{lettered(packed.content)}</script>")


def lettered(packed: bytes) -> str:
    """Return bytes as letters: 13 bits at a time, first bit first, as two digits to the base 91."""
    bits = np.unpackbits(np.frombuffer(packed, dtype=np.uint8))
    padded = np.zeros(-(-len(bits) // _BITS) * _BITS, dtype=np.int32)
    padded[: len(bits)] = bits
    digits = np.stack(np.divmod(padded.reshape(-1, _BITS) @ _WEIGHTS, len(LETTERS)), axis=1)
    return bytes(LETTERS[digits.ravel()]).decode("ascii")


def pack_quickly(value: object) -> Packed:
    """Return the JSON of ``value`` as gzip, which browsers unpack at once; equal values give equal bytes."""
    return Packed(gzip.compress(_json(value), 6, mtime=0))


def pack_tightly(value: object) -> Packed:
    """Return the JSON of ``value`` as bzip2, a fifth smaller on prose; the page's script unpacks it."""
    text = _json(value)
    return Packed(bz2.compress(text), len(text))


def _json(value: object) -> bytes:
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        # Lone surrogates are somebody's text too: escaped, they reach the reader, who is shown them.
        return json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode()
