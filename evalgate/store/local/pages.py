"""Reads rows out of the raw pages of a SQLite file, for when SQLite itself no longer can.

The format is that of https://sqlite.org/fileformat2.html: leaf pages of tables (type 13) hold cells, a cell
is a record, and what does not fit hangs on a chain of overflow pages. Whatever is damaged gives no row or a
wrong one; whoever asks tells them apart by the hashes inside.
"""

import mmap
import re
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path

from evalgate.store.local.schema import PAGE_BYTES

Value = int | float | bytes | None
Row = tuple[int, tuple[Value, ...]]

_LEAF = 13
_WAL_HEADER, _FRAME_HEADER = 32, 24
_FIXED = {0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8, 7: 8, 8: 0, 9: 0}
_LINE = re.compile(rb'(\{"digest":"[^\n]{0,4096}\n)(.{32})', re.DOTALL)
_MOST_OVERFLOW_PAGES = 65_536


def rows_in(database: Path | None, wal: Path) -> Iterator[Row]:
    """Yield the row id and the values of every row in either file, also of rows that were since deleted."""
    whole = _Pages(b"" if database is None else _mapped(database), {})
    logged = _Pages(whole.file, _frames(_mapped(wal)))
    for number in range(1, len(whole.file) // PAGE_BYTES + 1):
        yield from whole.rows(whole.page(number), 100 if number == 1 else 0)
    for number, versions in logged.frames.items():
        for page in versions:
            yield from logged.rows(page, 100 if number == 1 else 0)


def lines_in(file: Path) -> Iterator[tuple[bytes, bytes]]:
    """Yield what looks like a call's line that lies in one page, and the 32 bytes after it, its hash."""
    raw = _mapped(file)
    for found in re.finditer(_LINE, raw):
        yield bytes(found[1]), bytes(found[2])


class _Pages:
    """The pages of a database file, or those of its log before them."""

    def __init__(self, file: bytes | mmap.mmap, frames: Mapping[int, list[bytes]]) -> None:
        self.file = file
        self.frames = frames

    def page(self, number: int) -> bytes:
        if number in self.frames:
            return self.frames[number][-1]
        return bytes(self.file[(number - 1) * PAGE_BYTES : number * PAGE_BYTES])

    def rows(self, page: bytes, start: int) -> Iterator[Row]:
        if len(page) < PAGE_BYTES or page[start] != _LEAF:
            return
        cells = int.from_bytes(page[start + 3 : start + 5])
        for place in range(start + 8, min(start + 8 + 2 * cells, PAGE_BYTES - 1), 2):
            try:
                yield self._cell(page, int.from_bytes(page[place : place + 2]))
            except (IndexError, ValueError, struct.error):
                continue  # damaged: no row

    def _cell(self, page: bytes, at: int) -> Row:
        size, at = _varint(page, at)
        row_id, at = _varint(page, at)
        most = PAGE_BYTES - 35
        if size <= most:
            return row_id, _record(page[at : at + size])
        least = (PAGE_BYTES - 12) * 32 // 255 - 23
        local = least + (size - least) % (PAGE_BYTES - 4)
        local = local if local <= most else least
        following = int.from_bytes(page[at + local : at + local + 4])
        return row_id, _record(page[at : at + local] + self._overflow(following, size - local))

    def _overflow(self, number: int, size: int) -> bytes:
        pieces: list[bytes] = []
        while size > 0:
            page = self.page(number) if number > 0 and len(pieces) < _MOST_OVERFLOW_PAGES else b""
            if len(page) < PAGE_BYTES:
                raise ValueError("the chain of overflow pages is broken")
            piece = page[4 : 4 + min(size, PAGE_BYTES - 4)]
            pieces.append(piece)
            size -= len(piece)
            number = int.from_bytes(page[:4])
        return b"".join(pieces)


def _frames(wal: bytes | mmap.mmap) -> Mapping[int, list[bytes]]:
    """Return every version of every page in the log's present generation, oldest first."""
    frames: dict[int, list[bytes]] = {}
    salt = bytes(wal[16:24])
    step = _FRAME_HEADER + PAGE_BYTES
    for start in range(_WAL_HEADER, len(wal) - step + 1, step):
        if bytes(wal[start + 8 : start + 16]) == salt:
            number = int.from_bytes(wal[start : start + 4])
            frames.setdefault(number, []).append(bytes(wal[start + _FRAME_HEADER : start + step]))
    return frames


def _record(payload: bytes) -> tuple[Value, ...]:
    header_size, at = _varint(payload, 0)
    body = header_size
    values: list[Value] = []
    while at < header_size:
        kind, at = _varint(payload, at)
        size = _FIXED[kind] if kind in _FIXED else (kind - 12 - kind % 2) // 2
        if size < 0 or body + size > len(payload):
            raise ValueError("a value reaches beyond its record")
        values.append(_value(kind, payload[body : body + size]))
        body += size
    return tuple(values)


def _value(kind: int, raw: bytes) -> Value:
    if kind >= 12:
        return raw
    if kind == 7:
        real: float = struct.unpack(">d", raw)[0]
        return real
    if kind in (8, 9):
        return kind - 8
    return int.from_bytes(raw, signed=True) if raw else None


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place in range(8):
        byte = data[at + place]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + place + 1
    return value << 8 | data[at + 8], at + 9


def _mapped(path: Path) -> bytes | mmap.mmap:
    try:
        with path.open("rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (FileNotFoundError, ValueError):
        return b""  # ValueError: an empty file cannot be mapped
