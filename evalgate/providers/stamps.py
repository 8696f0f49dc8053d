"""Sockets that know when bytes left and when they arrived, whatever the program was doing then.

On Linux the kernel writes the time of arrival beside the bytes (``SO_TIMESTAMPNS``, socket(7)), so a busy
event loop, or a busy machine, makes no time too long. Elsewhere it is the time of reading, and the longest
that the bytes can have waited until then is kept beside it.
"""

import socket
import struct
import sys
import time
from collections.abc import Callable, Iterable
from time import perf_counter
from weakref import WeakValueDictionary

from evalgate.providers.loop import Watch

# The socket module does not name it; it has this value on every architecture that Python is built for but
# PA-RISC and SPARC, where asking for it is refused or does nothing.
_SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("@ll")
# struct tcp_info of linux/tcp.h up to tcpi_rtt, which is in microseconds.
_TCP_INFO = struct.Struct("=68xI")
_PATIENCE_S, _TRIES_TO_TELL = 0.5, 500
_ONE_MOMENT_S = 0.00005
_TRIES = 5
_CLOCKS_DIFFER_S = 0.001
_ROOM = socket.CMSG_SPACE(_TIMESPEC.size) if hasattr(socket, "CMSG_SPACE") else 0

Note = tuple[int, int, bytes]


class StampedSocket(socket.socket):
    """A socket that notes when its last question was sent and when its last byte arrived.

    ``opened_s``, ``sent_s`` and ``arrived_s`` are of perf_counter, 0 before there is one. ``waited_s`` is at
    most how much later than it arrived the last byte was read, where ``arrived_s`` is the time of reading; 0
    where it is the kernel's own. ``opening_s`` is what connecting took on the wire, round trip by round trip
    (TCP, then TLS) and without what was done in between; None where nobody can tell.
    """

    def __init__(self, family: int, kind: int, proto: int, watch: Watch, *, stamps: bool = True) -> None:
        """Open a socket, and with ``stamps`` ask the kernel for the time of what arrives."""
        super().__init__(family, kind, proto)
        self.opened_s = perf_counter()
        self.sent_s = self.last_sent_s = self.arrived_s = self.waited_s = 0.0
        self.opening_s: float | None = None
        self._shaking_hands_s = 0.0
        self._answered = True
        self._watch = watch
        self.stamps = stamps and sys.platform == "linux" and self._ask_for_stamps()

    def opened(self) -> None:
        """Note that hands were shaken, and that what is sent next is the first question."""
        if self._answered and self.sent_s:
            self._shaking_hands_s += self.arrived_s - self.sent_s
        trip_s = self._round_trip_s() if self.stamps else None
        self.opening_s = None if trip_s is None else trip_s + self._shaking_hands_s
        self._answered = True

    def send(self, data: bytes, flags: int = 0, /) -> int:  # type: ignore[override]
        """Send, and note when if it is the first of a question."""
        self._note_sending()
        return super().send(data, flags)

    def sendmsg(self, buffers: Iterable[bytes], /, *more: object) -> int:  # type: ignore[override]
        """Send, and note when if it is the first of a question."""
        self._note_sending()
        return super().sendmsg(buffers, *more)  # type: ignore[arg-type]

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        """Read, and note when it arrived."""
        if not self.stamps:
            read = super().recv(size, flags)
            self._note_arrival(())
            return read
        read, notes, _, _ = self.recvmsg(size, _ROOM, flags)
        self._note_arrival(notes)
        return read

    def recv_into(self, buffer: bytearray, size: int = 0, flags: int = 0, /) -> int:  # type: ignore[override]
        """Read, and note when it arrived."""
        if not self.stamps:
            count = super().recv_into(buffer, size, flags)
            self._note_arrival(())
            return count
        whole = memoryview(buffer)
        count, notes, _, _ = self.recvmsg_into([whole[:size] if size else whole], _ROOM, flags)
        self._note_arrival(notes)
        return count

    def _ask_for_stamps(self) -> bool:
        try:
            self.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        except OSError:
            return False
        return True

    def _note_sending(self) -> None:
        # One question at a time: what is sent first after something was read begins the next.
        if self._answered:
            if self.opening_s is None and self.sent_s:
                self._shaking_hands_s += self.arrived_s - self.sent_s
            self._answered = False
            self.sent_s = self.last_sent_s = perf_counter()
        else:
            self.last_sent_s = perf_counter()

    def _round_trip_s(self) -> float | None:
        """Return how long the other side took to accept the connection, as the kernel measured it."""
        try:
            told = self.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO.size)
        except OSError:
            return None
        return _TCP_INFO.unpack(told)[0] / 1e6 if len(told) == _TCP_INFO.size else None

    def _note_arrival(self, notes: Iterable[Note]) -> None:
        self._answered = True
        now, since_1970_ns = _both_clocks()
        for level, kind, stamp in notes:
            if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS) and len(stamp) == _TIMESPEC.size:
                seconds, nanoseconds = _TIMESPEC.unpack(stamp)
                arrived_s = now - (since_1970_ns - seconds * 1_000_000_000 - nanoseconds) / 1e9
                # Out of these bounds, somebody set the clock in between.
                if self.sent_s - _CLOCKS_DIFFER_S <= arrived_s <= now + _CLOCKS_DIFFER_S:
                    self.arrived_s, self.waited_s = min(max(arrived_s, self.sent_s), now), 0.0
                    return
        # Where the kernel tells as a rule and did not now, nobody knows how much of the time was ours.
        self.arrived_s, self.waited_s = now, now - self.sent_s if self.stamps else self._watch.waited()


def _both_clocks() -> tuple[float, int]:
    """Return the time by perf_counter and by the calendar, in nanoseconds, as of one moment."""
    before, since_1970_ns, after = perf_counter(), time.time_ns(), perf_counter()
    for _ in range(_TRIES):
        if after - before < _ONE_MOMENT_S:
            break  # else the processor was taken away in between
        before, since_1970_ns, after = perf_counter(), time.time_ns(), perf_counter()
    return after, since_1970_ns


class Sockets:
    """Opens stamped sockets, and finds the one behind a connection again."""

    def __init__(self, watch: Watch) -> None:
        """Find out whether the kernel tells when bytes arrive, and have it do so until this is closed."""
        self._watch = watch
        self._open: WeakValueDictionary[int, StampedSocket] = WeakValueDictionary()
        self._pair: tuple[socket.socket, ...] = ()
        self._stamps = self._kernel_tells()

    def close(self) -> None:
        """Let the kernel do without."""
        for each in self._pair:
            each.close()

    def open(self, address: tuple[int, int, int, str, object]) -> StampedSocket:
        """Return a new socket for an address as ``getaddrinfo`` describes it."""
        opened = StampedSocket(*address[:3], self._watch, stamps=self._stamps)
        self._open[opened.fileno()] = opened
        return opened

    def behind(self, get_extra_info: Callable[[str], object]) -> StampedSocket | None:
        """Return the socket of a transport; None if it is not one of these."""
        shown = get_extra_info("socket")
        fileno = getattr(shown, "fileno", None)
        return None if fileno is None else self._open.get(fileno())

    def _kernel_tells(self) -> bool:
        """Send bytes to ourselves until one has a stamp: that begins a moment after a first socket asked."""
        try:
            with socket.create_server(("127.0.0.1", 0)) as listener:
                ours = StampedSocket(socket.AF_INET, socket.SOCK_STREAM, 0, self._watch)
                self._pair = (ours,)
                if not ours.stamps:
                    return False
                ours.settimeout(_PATIENCE_S)
                ours.connect(listener.getsockname())
                theirs, _ = listener.accept()
                self._pair = (ours, theirs)
                return any(_is_stamped(ours, theirs) for _ in range(_TRIES_TO_TELL))
        except OSError:
            return False


def _is_stamped(ours: StampedSocket, theirs: socket.socket) -> bool:
    theirs.sendall(b"?")
    _, notes, _, _ = ours.recvmsg(1, _ROOM)
    if not notes:
        time.sleep(_PATIENCE_S / _TRIES_TO_TELL)
    return bool(notes)
