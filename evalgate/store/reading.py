"""Reads recordings files line by line and checks what no type can say."""

import codecs
import difflib
import gzip
import json
import math
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from evalgate.core.calls import Attempt, Response
from evalgate.core.digest import valid_text
from evalgate.core.errors import Problem
from evalgate.core.run import Session
from evalgate.core.vectors import unpack
from evalgate.store.lines import (
    HEADER_KEYS,
    LINE_KEYS,
    RECORDINGS_SCHEMA,
    HeaderLine,
    RecordingLine,
    Texts,
    attempts_of,
    decode_header,
    decode_line,
    digest_of,
    response_of,
)
from evalgate.store.problems import FileProblems, check_schema, explain, is_torn

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_MEND = "mend the line; or delete it and record the call again"
_TORN_CURE = "delete this line and record the call again"


@dataclass(frozen=True, slots=True)
class Recorded:
    """The attempt log of one digest in one session.

    ``response`` is None when the call failed. With ``texts_withheld`` the recording was made without texts:
    its tokens and times are known, what was answered is not.
    """

    digest: str
    session: str
    attempts: tuple[Attempt, ...]
    response: Response | None
    texts_withheld: bool = False


class FilesReader:
    """Reads files one after the other; knows what earlier ones said of the same session or digest."""

    def __init__(self) -> None:
        """Start with no file read."""
        self.sessions: dict[str, Session] = {}
        self._problems: list[FileProblems] = []
        self._session_files: dict[str, str] = {}
        self._recorded: dict[tuple[str, str], Recorded] = {}
        # Where each of them stands, in the same order: the line, and from which one on it is which file.
        self._lines: list[int] = []
        self._files: list[tuple[int, str]] = []

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Everything that is wrong in the files read so far."""
        return tuple(problem for each in self._problems for problem in each.all())

    def recorded(self) -> Iterable[Recorded]:
        """Return what the files hold, in their order, each digest and session once."""
        return self._recorded.values()

    def read(self, path: Path) -> None:
        """Read one file."""
        problems = FileProblems(path)
        self._files.append((len(self._lines), problems.file))
        number = 0
        header: _Header | None = None
        try:
            with gzip.open(path) if path.name.endswith(".gz") else path.open("rb") as file:
                for number, line in enumerate(file, 1):
                    if header is not None:
                        if not line.isspace():
                            self._read_line(line, number, header, problems)
                    elif (header := self._read_header(line, path, problems)) is None:
                        break
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            problems.add(
                f"the compressed file is damaged: {error}",
                "compress it anew from its source, or restore it from version control",
                line=number + 1,
            )
        except OSError as error:
            problems.add(f"cannot be read: {error.strerror or error}", "check the path and its permissions")
        if number == 0 and not problems:
            problems.add("the file is empty", "delete it")
        if problems:
            self._problems.append(problems)

    def _read_header(self, line: bytes, path: Path, problems: FileProblems) -> "_Header | None":
        line = line.removeprefix(codecs.BOM_UTF8)
        if not check_schema(line, RECORDINGS_SCHEMA, problems):
            return None
        try:
            header = decode_header(line)
        except UNREADABLE as error:
            _report(error, line, 1, HEADER_KEYS, problems)
            return None
        own = {}
        for each in header.sessions:
            session = Session(each.id, each.started_at, each.interleaved, each.seed, each.origin)
            own[session.id] = session
            self._add_session(session, problems)
        # Someone's own logs name no session: the file is one, and the oldest, as it does not say when it was.
        return _Header(header, own, implied=f"file:{path.name}")

    def _add_session(self, session: Session, problems: FileProblems) -> None:
        try:
            started(session.started_at)
        except ValueError:
            problems.add(
                f"session {session.id!r} started_at {session.started_at!r} is not a time",
                "write it as 2026-11-23T09:30:00Z",
                line=1,
                key="sessions",
            )
            return
        known = self.sessions.setdefault(session.id, session)
        file = self._session_files.setdefault(session.id, problems.file)
        if known != session:
            problems.add(
                f"session {session.id!r} is described differently in {file}",
                "one session has one description: correct the wrong one, or give one session another id",
                line=1,
                key="sessions",
            )

    def _read_line(self, line: bytes, number: int, header: "_Header", problems: FileProblems) -> None:
        try:
            decoded = decode_leniently(line)
            digest = decoded.digest or _own_digest(decoded)
        except UNREADABLE as error:
            _report(error, line, number, LINE_KEYS, problems)
            return
        session = self._session_of(decoded, number, header, problems)
        wrong = log_problems(decoded, header.texts)
        for message, cure in wrong:
            problems.add(message, cure, line=number)
        if wrong or session is None:
            return
        withheld = header.texts == "none"
        response = None if decoded.response is None else response_of(decoded.response)
        attempts = attempts_of(decoded.attempts)
        if withheld and response is None and attempts[-1].error is None:
            response = Response(text=None)
        recorded = Recorded(digest, session, attempts, response, withheld)
        known = self._recorded.setdefault((digest, session), recorded)
        if known is recorded:
            self._lines.append(number)
        elif known != recorded:
            earlier = self._place_of(known) if problems.has_room else "an earlier line"
            problems.add(
                f"disagrees with {earlier}: the same call in the same session {session!r}",
                "keep one of the two lines; a second recording of a call belongs to a session of its own",
                line=number,
                key="digest",
            )

    def _place_of(self, recorded: Recorded) -> str:
        index = list(self._recorded).index((recorded.digest, recorded.session))
        file = next(file for start, file in reversed(self._files) if start <= index)
        return f"{file}:{self._lines[index]}"

    def _session_of(
        self, line: RecordingLine, number: int, header: "_Header", problems: FileProblems
    ) -> str | None:
        if line.session is None:
            self.sessions.setdefault(header.implied, Session(header.implied, started_at=""))
            return header.implied
        session = header.own.get(line.session)
        if session is None:
            near = difflib.get_close_matches(line.session, header.own, n=1)
            problems.add(
                f"unknown session {line.session!r}" + (f": did you mean {near[0]!r}?" if near else ""),
                "describe the session in the file's first line, under sessions",
                line=number,
                key="session",
            )
            return None
        return session.id


class _Header:
    __slots__ = ("implied", "own", "texts")

    def __init__(self, line: HeaderLine, own: dict[str, Session], implied: str) -> None:
        self.texts: Texts = line.texts
        self.own = own
        self.implied = implied


def started(started_at: str) -> float:
    """Return the instant as seconds since 1970, minus infinity where it is not said.

    Raises:
        ValueError: ``started_at`` is not a time.

    """
    if not started_at:
        return -math.inf
    moment = datetime.fromisoformat(started_at)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def log_problems(line: RecordingLine, texts: Texts) -> list[tuple[str, str]]:
    """Return what is wrong with a line whose every field is well-formed: messages and cures."""
    found = []
    attempts = line.attempts
    if not attempts:
        found.append(("attempts is empty: a recording is the log of at least one attempt", _MEND))
    elif attempts[-1].error is None:
        if line.response is None and texts == "all":
            found.append(("the last attempt succeeded, but there is no response", _MEND))
    elif line.response is not None:
        found.append(("there is a response, but the last attempt failed", _MEND))
    if len(attempts) > 1 and any(each.error is None for each in attempts[:-1]):
        found.append(("an attempt succeeded, but further attempts follow it", _MEND))
    response = line.response
    if response is not None and response.vector is not None and not _is_vector(response.vector):
        found.append(("the vector is not base64 of finite single floats", _MEND))
    if texts == "none" and (bytes(line.request) or (response is not None and _says_something(response))):
        found.append(
            ("holds texts, though the file's first line says texts: none", "remove them, or texts: none")
        )
    return found


def _says_something(response: msgspec.Struct) -> bool:
    # What a text was can be guessed from its embedding.
    return any(getattr(response, name) for name in ("text", "tool_calls", "logprobs", "vector"))


def _is_vector(packed: bytes) -> bool:
    try:
        unpack(packed)
    except ValueError:
        return False
    return True


def _own_digest(line: RecordingLine) -> str:
    if not bytes(line.request):
        raise msgspec.ValidationError("neither digest nor request: nothing says which call this is")
    return digest_of(line)


def decode_leniently(line: bytes) -> RecordingLine:
    try:
        return decode_line(line)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        # Python's own json writes lone surrogates, which others refuse; they are replaced as before hashing.
        try:
            text = valid_text(json.dumps(json.loads(line), ensure_ascii=False, allow_nan=False))
        except ValueError:
            text = None
        if text is None:
            raise
        return decode_line(text.encode())


def _report(
    error: Exception, line: bytes, number: int, known: frozenset[str], problems: FileProblems
) -> None:
    if is_torn(error, line):
        problems.add("the last line is torn: its end was never written", _TORN_CURE, line=number)
        return
    message, key, near = explain(error, line, known)
    unknown_cure = f"did you mean {near!r}?" if near else "remove it; or upgrade evalgate, if it is newer"
    problems.add(message, unknown_cure if "unknown key" in message else _MEND, line=number, key=key)
