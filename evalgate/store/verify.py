"""Checks that recordings are whole, and named by what was asked: a wrong name answers another question."""

import gzip
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from evalgate.core.errors import Problem
from evalgate.store.lines import digest_of
from evalgate.store.problems import FileProblems
from evalgate.store.reading import UNREADABLE, FilesReader, decode_leniently

_MISMATCH_CURE = "restore the line from version control; or delete it and record the call again"


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A line whose digest is not the digest of the request beside it."""

    file: str
    line: int
    digest: str
    recomputed: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What was looked at. Nothing says whether the digests of ``unnamed`` are right: they hold no request."""

    files: int
    sessions: int
    recordings: int
    unnamed: int
    problems: tuple[Problem, ...]


def verify(paths: Sequence[Path]) -> Verified:
    """Read every line of the files and recompute every digest."""
    reader = FilesReader()
    problems: list[Problem] = []
    unnamed = 0
    for path in paths:
        reader.read(path)
        odd = FileProblems(path)
        for number, digest, recomputed in _named_lines(path):
            unnamed += recomputed is None
            if recomputed is not None and recomputed != digest:
                message = f"the digest {digest[:12]}… is not that of the request, {recomputed[:12]}…"
                odd.add(message, _MISMATCH_CURE, line=number, key="digest")
        problems.extend(odd.all())
    problems.extend(reader.problems)
    return Verified(
        files=len(paths),
        sessions=len(reader.sessions),
        recordings=len(list(reader.recorded())),
        unnamed=unnamed,
        problems=tuple(sorted(problems, key=lambda each: (each.file or "", each.line or 0))),
    )


def mismatches(path: Path) -> Iterator[Mismatch]:
    """Yield the lines of a recordings file whose digest disagrees with their request.

    Lines without a request, or without a digest, have nothing to disagree with, and lines that cannot be
    read are passed over.
    """
    for number, digest, recomputed in _named_lines(path):
        if recomputed is not None and recomputed != digest:
            yield Mismatch(str(path), number, digest, recomputed)


def _named_lines(path: Path) -> Iterator[tuple[int, str, str | None]]:
    """Yield the number and the digest of each line that has one, and its request's, if it holds that."""
    try:
        with gzip.open(path) if path.name.endswith(".gz") else path.open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    decoded = decode_leniently(line)
                    if decoded.digest is None:
                        continue
                    recomputed = digest_of(decoded) if bytes(decoded.request) else None
                except UNREADABLE:
                    continue
                yield number, decoded.digest, recomputed
    except (EOFError, zlib.error, OSError):
        return  # a damaged or missing file, which reading it reports
