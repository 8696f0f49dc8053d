"""Checks that recordings are named by what was asked: a wrong name would answer another question."""

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from evalgate.store.lines import digest_of
from evalgate.store.reading import UNREADABLE, decode_leniently


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A line whose digest is not the digest of the request beside it."""

    file: str
    line: int
    digest: str
    recomputed: str


def mismatches(path: Path) -> Iterator[Mismatch]:
    """Yield the lines of a recordings file whose digest disagrees with their request.

    Lines without a request, or without a digest, have nothing to disagree with. The file is one that
    :func:`evalgate.store.recordings.read_recordings` accepts; lines that it would refuse are passed over.
    """
    with gzip.open(path) if path.name.endswith(".gz") else path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                decoded = decode_leniently(line)
                if decoded.digest is None or not bytes(decoded.request):
                    continue
                recomputed = digest_of(decoded)
            except UNREADABLE:
                continue
            if recomputed != decoded.digest:
                yield Mismatch(str(path), number, decoded.digest, recomputed)
