"""The local store, opened, shared, damaged, full, deleted and old."""

import asyncio
import json
import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from benchmarks.faults_worker import SESSION, digest_of, line_of
from evalgate.core.errors import BadInput, CannotJudge, SpendCapReached
from evalgate.store.encode import session_bytes
from evalgate.store.local import claims, ledger, opening, place, schema
from evalgate.store.local.store import LocalStore
from evalgate.store.local.stored import StoredCalls
from evalgate.store.local.thread import Kind, WriterThread

GOLDEN = Path(__file__).with_name("golden")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "deep" / "store.sqlite3"


def keep(path, *names, size=300):
    with LocalStore(path) as store:
        store.keep_session(SESSION.id, session_bytes(SESSION, "all"), "test")
        for name in names:
            store.keep_call(digest_of(name), SESSION.id, line_of(digest_of(name), size=size))


def held(path):
    return set(StoredCalls(path))


def digests(*names):
    return {digest_of(name) for name in names}


def test_what_is_kept_is_there_for_others_once_it_is_flushed(path):
    with LocalStore(path) as store:
        store.keep_session(SESSION.id, session_bytes(SESSION, "all"), "test")
        store.keep_call(digest_of("a"), SESSION.id, line_of(digest_of("a")))
        store.flush()
        assert held(path) == digests("a")
    found = StoredCalls(path)
    assert found.sessions == {SESSION.id: SESSION}
    (recorded,) = found[digest_of("a")]
    assert recorded.response.text == line_of(digest_of("a")).decode().split('"text":"')[1][:300]


def test_one_session_says_one_thing_of_a_call(path):
    keep(path, "a")
    with LocalStore(path) as store:
        store.keep_call(digest_of("a"), SESSION.id, line_of(digest_of("a"), size=7))
    assert [line for _, line in StoredCalls(path).lines(digest_of("a"))] == [line_of(digest_of("a"))]


def test_a_clean_end_leaves_one_file_and_is_not_checked_again(path, monkeypatch):
    keep(path, "a")
    assert sorted(each.name for each in path.parent.iterdir() if each.is_file()) == [
        "store.sqlite3",
        "store.sqlite3.clean",
        "store.sqlite3.lock",
    ]
    monkeypatch.setattr(opening, "is_sound", lambda _: pytest.fail("it was checked"))
    assert held(path) == digests("a")
    keep(path, "b")
    assert held(path) == digests("a", "b")


def test_a_flipped_bit_after_a_clean_end_is_noticed(path, caplog):
    keep(path, *map(str, range(20)))
    content = bytearray(path.read_bytes())
    content[100] = 99  # the kind of the first page
    path.write_bytes(content)
    assert held(path) == digests(*map(str, range(20)))
    assert "20 calls saved, none lost" in caplog.text
    assert [each.name.split("-")[0] for each in path.parent.glob("*.corrupt-*")] == ["store.sqlite3.corrupt"]


@pytest.mark.parametrize("clean", [True, False])
@pytest.mark.parametrize("reading", [True, False])
@pytest.mark.parametrize(
    ("word", "damaged"),
    [
        (b"line BLOB", b"mine BLOB"),
        (b"CREATE TABLE calls", b"CREATE TABLF calls"),
        (b"tablecallscalls", b"table\xeeallscalls"),
        (b"CREATE TABLE claims", b"CREATE TABLE\xeeclaims"),
    ],
)
def test_a_damaged_word_of_what_declares_a_table_is_noticed(path, caplog, word, damaged, reading, clean):
    keep(path, *map(str, range(5)))
    content = path.read_bytes()
    assert content.count(word) == 1
    path.write_bytes(content.replace(word, damaged))
    if not clean:
        path.with_name("store.sqlite3.clean").unlink()
    if not reading:
        keep(path, "new")
    assert held(path) >= digests(*map(str, range(5)))
    assert (digest_of("new") in held(path)) != reading
    assert "5 calls saved, none lost" in caplog.text


def test_a_row_that_does_not_verify_is_not_served_and_the_others_are(path, caplog):
    keep(path, "a", "b")
    content = path.read_bytes()
    at = content.index(digest_of("a").encode() * 2)
    path.write_bytes(content[:at] + b"f00" + content[at + 3 :])
    assert held(path) >= digests("b")
    stored = StoredCalls(path)
    assert digest_of("a") not in stored
    assert digest_of("b") in stored
    assert "counts as not recorded" in caplog.text


def test_what_the_log_holds_is_saved_though_the_log_is_torn(path):
    with LocalStore(path) as store:
        store.keep_session(SESSION.id, session_bytes(SESSION, "all"), "test")
        for number in range(30):
            store.keep_call(digest_of(f"{number}"), SESSION.id, line_of(digest_of(f"{number}"), size=9_000))
            store.flush()
        wal = path.with_name("store.sqlite3-wal").read_bytes()
        early = path.read_bytes()
    for ending in ("", "-wal", "-shm", ".clean"):
        path.with_name(f"store.sqlite3{ending}").unlink(missing_ok=True)
    path.write_bytes(early)
    # SQLite itself would stop at the first frame whose checksum is wrong.
    torn = bytearray(wal)
    torn[len(wal) // 2] ^= 1
    path.with_name("store.sqlite3-wal").write_bytes(torn)
    found = held(path)
    assert len(found) >= 29


@pytest.mark.parametrize("content", [b"", b"not a database at all" * 300])
def test_a_file_that_is_no_store_is_moved_aside(path, content):
    keep(path, "a")
    path.write_bytes(content)
    assert held(path) == set()
    keep(path, "b")
    assert held(path) == digests("b")
    assert len(list(path.parent.glob("*.corrupt-*"))) == bool(content)


def test_a_newer_store_is_refused_and_left_alone(path):
    keep(path, "a")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE meta SET value = 7 WHERE name = 'schema'")
        connection.execute("PRAGMA user_version = 7")
        connection.commit()
    before = path.read_bytes()
    with pytest.raises(BadInput, match=r"newer evalgate \(version 7"), LocalStore(path):
        pass
    with pytest.raises(BadInput, match="EVALGATE_STORE"):
        StoredCalls(path)
    assert path.read_bytes() == before


def test_every_released_version_opens(path):
    for old in GOLDEN.iterdir():
        path.parent.mkdir(exist_ok=True)
        shutil.copy(old, path)
        keep(path, "new")
        assert held(path) == digests("golden 0", "golden 1", "golden 2", "new")


def test_a_golden_store_for_every_version():
    assert sorted(each.name for each in GOLDEN.iterdir()) == [
        f"store-{version}.sqlite3" for version in range(1, len(schema.MIGRATIONS) + 1)
    ]


def test_migrations_go_forward_all_or_nothing(path):
    keep(path, "a")
    broken = (*schema.MIGRATIONS, "CREATE TABLE more (x);\nCREATE TABLE more (x);\n")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        with pytest.raises(sqlite3.OperationalError):
            schema.migrate(connection, broken)
        assert schema.version_of(connection) == 1
        schema.migrate(connection, (*schema.MIGRATIONS, "CREATE TABLE more (x);\n"))
        assert schema.version_of(connection) == 2
        assert schema.is_sound(connection)
        schema.migrate(connection)
        assert schema.version_of(connection) == 2


def delete_while_writing(path):
    with LocalStore(path) as store:
        store.keep_session(SESSION.id, session_bytes(SESSION, "all"), "test")
        store.keep_call(digest_of("a"), SESSION.id, line_of(digest_of("a")))
        store.flush()
        shutil.rmtree(path.parent)
        store.flush()


def test_a_store_that_is_deleted_while_it_is_used_is_written_anew(path):
    with pytest.raises(CannotJudge, match="deleted while it was in use; it was written anew"):
        delete_while_writing(path)
    assert held(path) == digests("a")


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="cannot be written"), LocalStore(tmp_path / "file" / "store.sqlite3"):
        pass


def test_a_store_in_a_folder_that_cannot_be_written_is_read(path, monkeypatch):
    keep(path, "a")
    before = sorted(each.name for each in path.parent.iterdir())
    monkeypatch.setattr("os.access", lambda *_: False)
    assert held(path) == digests("a")
    assert sorted(each.name for each in path.parent.iterdir()) == before


def test_a_network_file_system_is_refused(path, monkeypatch):
    monkeypatch.setattr(place, "file_system_of", lambda _: "nfs4")
    with pytest.raises(BadInput, match=r"network file system \(nfs4\)"), LocalStore(path):
        pass


def test_the_file_system_is_that_of_the_nearest_mount(tmp_path):
    mounts = tmp_path / "mounts"
    points = {"/": "ext4", f"{tmp_path}": "nfs4", f"{tmp_path}/deep": "tmpfs"}
    mounts.write_text("".join(f"from {point} {kind} rw 0 0\n" for point, kind in points.items()))
    assert place.file_system_of(tmp_path / "near", mounts) == "nfs4"
    assert place.file_system_of(tmp_path / "deep" / "er", mounts) == "tmpfs"
    assert place.file_system_of(Path("/"), mounts) == "ext4"
    assert place.file_system_of(Path("/"), tmp_path / "missing") == ""


# Spending and claims, on a connection alone


@pytest.fixture
def books(path):
    keep(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


def sending(owner, worst, name="a", sitting=2):
    return ledger.Sending(owner, sitting, "s", bytes.fromhex(digest_of(name)), "p", "m", "2026-11-01", worst)


def ended(spent):
    return ledger.Ended("billed", spent, b"{}")


def note(books, *sendings, cap=100):
    """Note attempts together; return each noting with its ticket, None or refusal."""
    notings = [ledger.Noting(each, cap) for each in sendings]
    return list(zip(notings, ledger.note(books, notings), strict=True))


def refused(found):
    return [isinstance(result, SpendCapReached) for _, result in found]


def test_a_worst_case_is_set_aside_until_the_cost_is_known(books):
    owner, _, _ = ledger.register(books, "one", [])
    ((first, ticket),) = note(books, sending(owner, 60))
    assert ticket == first.ticket is not None
    assert note(books, sending(owner, 60))[0][1] is None
    ledger.settle(books, [(first, ended(10))])
    ((second, _),) = note(books, sending(owner, 60))
    ledger.settle(books, [(second, ended(60))])
    ((_, error),) = note(books, sending(owner, 60))
    assert "are spent or set aside" in str(error)
    assert note(books, sending(owner, 30))[0][1] is not None
    assert note(books, sending(owner, 10**9), cap=None)[0][1] is not None


def test_those_who_work_at_once_share_what_is_spent_and_later_ones_begin_anew(books):
    one, _, _ = ledger.register(books, "one", [])
    two, _, _ = ledger.register(books, "two", ["one"])
    ledger.settle(books, [(note(books, sending(one, 60))[0][0], ended(60))])
    assert refused(note(books, sending(two, 60))) == [True]
    ledger.leave(books, one)
    ledger.leave(books, two)
    three, sitting, _ = ledger.register(books, "three", [])
    assert note(books, sending(three, 60, sitting=sitting))[0][1] is not None


def test_of_those_that_do_not_fit_together_as_many_are_noted_as_fit(books):
    owner, _, _ = ledger.register(books, "one", [])
    found = note(books, *(sending(owner, 30, name) for name in "abcd"), sending(owner, 10, "e"))
    assert [result is not None for _, result in found] == [True, True, True, False, True]
    assert refused(note(books, sending(owner, 101))) == [True]


def rows_of(books):
    query = "SELECT digest, state, spent_nusd, outcome FROM attempts ORDER BY id"
    return [(digest.hex(), *rest) for digest, *rest in books.execute(query)]


@pytest.mark.parametrize("count", [1, 4, 63, 64, 151])
def test_what_is_noted_and_settled_together_is_as_if_one_by_one(books, count):
    owner, _, _ = ledger.register(books, "one", [])
    found = note(books, *(sending(owner, 10 + n, f"{n}") for n in range(count)), cap=None)
    tickets = [ticket for _, ticket in found]
    assert tickets == sorted(set(tickets))
    ends = [(noting, ledger.Ended("billed", n, b"%d" % n)) for n, (noting, _) in enumerate(found)]
    never_noted = (ledger.Noting(sending(owner, 5), None), ended(5))
    ledger.settle(books, [*reversed(ends), never_noted])
    assert rows_of(books) == [(digest_of(f"{n}"), "billed", n, b"%d" % n) for n in range(count)]
    sums = books.execute("SELECT reserved_nusd, spent_nusd FROM sittings WHERE id = 2").fetchone()
    assert sums == (0, sum(range(count)))


def test_what_the_dead_had_in_flight_counts_as_spent_and_is_told_once(books):
    dead, _, _ = ledger.register(books, "dead", [])
    note(books, sending(dead, 70))
    note(books, sending(dead, None, "b"))
    alive, _, left = ledger.register(books, "alive", ["dead"])
    assert left == ledger.NOTHING_LEFT
    assert ledger.bury(books, ["alive"]) == ledger.LeftOpen(attempts=2, worst_nusd=70, unpriced=1)
    assert ledger.bury(books, ["alive"]) == ledger.NOTHING_LEFT
    assert refused(note(books, sending(alive, 40))) == [True]


def claim(books, owner, now_s, until_s, *names):
    return claims.claim(
        books, [claims.Claiming(bytes.fromhex(digest_of(n)), owner, now_s, until_s) for n in names or ("a",)]
    )


def test_a_claim_is_ours_until_it_is_given_back_or_its_lease_ends(books):
    one, _, _ = ledger.register(books, "one", [])
    two, _, _ = ledger.register(books, "two", ["one"])
    digest = bytes.fromhex(digest_of("a"))
    assert claim(books, one, 0.0, 10.0) == ["ours"]
    assert claim(books, one, 1.0, 11.0) == ["ours"]
    assert claim(books, two, 5.0, 15.0) == ["taken"]
    claims.renew(books, digest, one, 30.0)
    assert claim(books, two, 20.0, 25.0) == ["taken"]
    assert claim(books, two, 31.0, 41.0) == ["ours"]
    claims.release(books, [(one, digest)])
    assert claim(books, one, 32.0, 42.0) == ["taken"]
    ledger.bury(books, ["one"])
    assert claim(books, one, 33.0, 43.0) == ["ours"]


def test_many_claims_are_made_and_given_back_at_once(books):
    one, _, _ = ledger.register(books, "one", [])
    two, _, _ = ledger.register(books, "two", ["one"])
    names = [f"{n}" for n in range(90)]
    assert claim(books, one, 0.0, 10.0, *names[::2]) == ["ours"] * 45
    assert claim(books, two, 0.0, 10.0, *names) == ["taken", "ours"] * 45
    claims.release(books, [(two, bytes.fromhex(digest_of(name))) for name in names])
    assert claim(books, one, 1.0, 11.0, *names) == ["ours"] * 90


# The thread that writes


class Slow:
    """Kinds of work that note the order in which they are done, the first of which takes a while."""

    def __init__(self, path):
        self.done, self.begun = [], threading.Event()
        self.go_on = threading.Event()
        self.thread = WriterThread(
            sqlite3.connect(path, isolation_level=None, check_same_thread=False), path, lambda _: None
        )
        self.first, self.second = Kind(1, self._noting("first")), Kind(2, self._noting("second"))

    def hold(self):
        """Keep the thread busy, so that what is asked next is done together."""
        self.thread.ask(lambda _: (self.begun.set(), self.go_on.wait(10)))
        assert self.begun.wait(10)

    def by_itself(self, _):
        self.done.append(["by itself"])

    def _noting(self, name):
        def do(_, items):
            self.done.append([name, *items])
            return [ValueError(item) if item == "bad" else item.upper() for item in items]

        return do


@pytest.fixture
def slow(path):
    keep(path)
    found = Slow(path)
    yield found
    found.thread.stop()


def test_work_of_one_kind_is_done_together_but_never_before_what_was_asked_earlier_of_it(slow):
    slow.hold()
    tell = slow.thread.tell
    tell(slow.second, "b of x", b"x")
    tell(slow.first, "a of y", b"y")
    tell(slow.second, "b of y", b"y")
    tell(slow.first, "a of x", b"x")
    slow.thread.ask(slow.by_itself)
    tell(slow.first, "a of z", b"z")
    slow.go_on.set()
    slow.thread.ask(lambda _: None).result(10)
    assert slow.done == [
        ["first", "a of y"],
        ["second", "b of x", "b of y"],
        ["first", "a of x"],
        ["by itself"],
        ["first", "a of z"],
    ]


def test_everyone_on_the_loop_gets_their_own_result_or_refusal(slow):
    async def go():
        slow.hold()
        asked = [slow.thread.ask_of(slow.first, item, item.encode()) for item in ("a", "bad", "c", "d")]
        asked[3].cancel()
        slow.go_on.set()
        return await asyncio.gather(*asked, return_exceptions=True)

    one, refusal, three, cancelled = asyncio.run(go())
    assert (one, three) == ("A", "C")
    assert isinstance(refusal, ValueError)
    assert isinstance(cancelled, asyncio.CancelledError)
    assert slow.done == [["first", "a", "bad", "c", "d"]]


def test_two_stores_make_a_call_once(path):
    order = []

    async def make(store, name):
        async with store.making(digest_of("a")):
            if digest_of("a") in StoredCalls(path):
                order.append(f"{name} found it")
                return
            order.append(f"{name} makes it")
            await asyncio.sleep(0.15)
            store.keep_call(digest_of("a"), SESSION.id, line_of(digest_of("a")))

    async def go(one, two):
        await asyncio.gather(make(one, "one"), make(two, "two"))

    with LocalStore(path) as one, LocalStore(path) as two:
        assert (one.alone, two.alone) == (True, False)
        asyncio.run(go(one, two))
    assert [each.split(" ", 1)[1] for each in order] == ["makes it", "found it"]


def test_what_a_dead_process_left_open_is_told_by_the_next(path, caplog):
    keep(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        owner, _, _ = ledger.register(connection, "dead", [])
        ledger.note(connection, [ledger.Noting(sending(owner, 2_500_000), None)])
    keep(path)
    assert "1 attempt of a run that was killed may have been billed, at most 0.002500 USD" in caplog.text
    caplog.clear()
    keep(path)
    assert caplog.text == ""


def test_lines_are_recordings_lines(path):
    keep(path, "a")
    ((session, line),) = StoredCalls(path).lines(digest_of("a"))
    assert session == SESSION.id
    assert json.loads(line)["digest"] == digest_of("a")
    assert StoredCalls(path).lines("not hex") == []
