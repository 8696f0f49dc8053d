"""Recorded calls in memory: which sessions there are, and what each of them knows of a digest."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from evalgate.core.errors import BadInput
from evalgate.core.run import Session
from evalgate.store.reading import FilesReader, Recorded, started

__all__ = ["Recorded", "Recordings", "newest_first", "read_recordings", "recording_files"]

Layer = Mapping[str, tuple[Recorded, ...]]


class Recordings:
    """Recorded calls by digest, newest session first.

    Sessions that started at the same instant are in the order of their ids. The layers are looked through
    in order: what one holds of a digest hides what later ones hold of it.
    """

    __slots__ = ("_layers", "_sessions")

    def __init__(self, sessions: Mapping[str, Session], layers: Sequence[Layer]) -> None:
        """Hold layers whose every recording names a session in ``sessions``; see :meth:`of`."""
        self._sessions = MappingProxyType(dict(sessions))
        self._layers = tuple(layers)

    @classmethod
    def of(cls, sessions: Mapping[str, Session], recorded: Iterable[Recorded]) -> "Recordings":
        """Return the index of ``recorded``."""
        index: dict[str, tuple[Recorded, ...]] = {}
        several: set[str] = set()
        for each in recorded:
            known = index.get(each.digest)
            if known is None:
                index[each.digest] = (each,)
            else:
                index[each.digest] = (*known, each)
                several.add(each.digest)
        rank = {session.id: place for place, session in enumerate(newest_first(sessions.values()))}
        for digest in several:
            index[digest] = tuple(sorted(index[digest], key=lambda each: rank[each.session]))
        return cls(sessions, (index,))

    @classmethod
    def union(cls, primary: "Recordings", secondary: "Recordings") -> "Recordings":
        """Return ``primary`` with ``secondary`` behind it, for digests that ``primary`` lacks entirely.

        What is left on one machine must not change a verdict that the committed recordings give everywhere.
        Only :meth:`logs_of` goes on to ``secondary`` for a digest that ``primary`` holds.
        """
        return cls(
            {**secondary._sessions, **primary._sessions},  # noqa: SLF001  two of our own kind
            (*primary._layers, *secondary._layers),  # noqa: SLF001
        )

    @property
    def sessions(self) -> Mapping[str, Session]:
        """Every session by its id, also those without a recording."""
        return self._sessions

    def marked(self, no_longer: Mapping[str, str]) -> "Recordings":
        """Return the same recordings, those sessions told to hold no longer for the reasons given."""
        sessions = {
            name: replace(session, drifted=no_longer[name]) if name in no_longer else session
            for name, session in self._sessions.items()
        }
        return Recordings(sessions, self._layers)

    def remembered(self) -> "Recordings":
        """Return the same as it is now, for whoever looks for each digest several times."""
        layers = [each if isinstance(each, dict) else _Remembered(each) for each in self._layers]
        return Recordings(self._sessions, layers)

    def __len__(self) -> int:
        """Return how many recordings can be found: one per digest and session."""
        visible: dict[str, tuple[Recorded, ...]] = {}
        for layer in reversed(self._layers):
            visible.update(layer)
        return sum(map(len, visible.values()))

    def find(self, digest: str, prefer: str | None = None) -> Recorded | None:
        """Return the recording of ``digest`` from the session ``prefer``, or from its newest session."""
        found = self._found(digest)
        if prefer is not None:
            for each in found:
                if each.session == prefer:
                    return each
        return found[0] if found else None

    def is_behind(self, digest: str, session: str | None = None) -> bool:
        """Tell whether ``digest`` (as ``session`` recorded it) is recorded, but not in the first layer."""
        first = self._layers[0].get(digest, ())
        if any(session is None or each.session == session for each in first):
            return False
        return any(layer.get(digest) is not None for layer in self._layers[1:])

    def sessions_of(self, digest: str) -> tuple[str, ...]:
        """Return the ids of the sessions that hold ``digest``, newest first."""
        return tuple([each.session for each in self._found(digest)])

    def logs_of(self, digest: str, prefer: str | None = None) -> tuple[Recorded, ...]:
        """Return every log of ``digest``, best first: layer by layer, in each ``prefer``, then the newest."""
        logs: tuple[Recorded, ...] = ()
        for layer in self._layers:
            found = layer.get(digest, ())
            if prefer is not None and len(found) > 1:
                found = tuple(sorted(found, key=lambda each: each.session != prefer))
            logs += found
        return logs

    def _found(self, digest: str) -> tuple[Recorded, ...]:
        for layer in self._layers:
            found = layer.get(digest)
            if found is not None:
                return found
        return ()


class _Remembered(Mapping[str, tuple[Recorded, ...]]):
    """A layer in which nothing is looked for twice."""

    def __init__(self, layer: Layer) -> None:
        self._layer = layer
        self._known: dict[str, tuple[Recorded, ...] | None] = {}

    def __getitem__(self, digest: str) -> tuple[Recorded, ...]:
        if digest not in self._known:
            self._known[digest] = self._layer.get(digest)
        found = self._known[digest]
        if found is None:
            raise KeyError(digest)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._layer)

    def __len__(self) -> int:
        return len(self._layer)


def read_recordings(paths: Sequence[Path]) -> Recordings:
    """Return the recordings of the files at ``paths``, ``.jsonl`` or ``.jsonl.gz``.

    Raises:
        BadInput: with every problem of every file.

    """
    reader = FilesReader()
    for path in paths:
        reader.read(path)
    if reader.problems:
        raise BadInput(reader.problems)
    return Recordings.of(reader.sessions, reader.recorded())


def recording_files(folder: Path) -> tuple[Path, ...]:
    """Return the recordings files in ``folder`` by name."""
    if not folder.is_dir():
        return ()
    return tuple(sorted(path for path in folder.iterdir() if path.name.endswith((".jsonl", ".jsonl.gz"))))


def newest_first(sessions: Iterable[Session]) -> list[Session]:
    """Return the sessions, the latest start first; one that does not say when it was is the oldest."""
    return sorted(sessions, key=lambda session: (-started(session.started_at), session.id))
