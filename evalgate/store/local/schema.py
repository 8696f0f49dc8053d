"""The tables of the local store, and how a store of an older version becomes one of this.

A call is kept as the very line that a recordings file would hold, beside the SHA-256 of its bytes: export is
a copy, and whatever damages a file, no row is served whose hash does not verify.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import closing

PAGE_BYTES = 4096

# Amounts are whole nano-dollars: sums of them are exact, so a cap is held to the last cent.
_VERSION_1 = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO meta VALUES ('schema', 1), ('removed', 0);
CREATE TABLE sessions (
    id TEXT PRIMARY KEY, described BLOB NOT NULL, sha256 BLOB NOT NULL,
    purpose TEXT NOT NULL, finished INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE calls (
    id INTEGER PRIMARY KEY, digest BLOB NOT NULL, session TEXT NOT NULL,
    line BLOB NOT NULL, sha256 BLOB NOT NULL
);
CREATE UNIQUE INDEX calls_by_digest ON calls (digest, session);
CREATE TABLE sittings (
    id INTEGER PRIMARY KEY, reserved_nusd INTEGER NOT NULL DEFAULT 0, spent_nusd INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE owners (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, sitting INTEGER NOT NULL);
CREATE TABLE attempts (
    id INTEGER PRIMARY KEY, owner INTEGER NOT NULL, session TEXT NOT NULL, digest BLOB NOT NULL,
    provider TEXT NOT NULL, model TEXT NOT NULL, began_at TEXT NOT NULL,
    worst_nusd INTEGER, state TEXT NOT NULL DEFAULT 'sent', spent_nusd INTEGER, outcome BLOB
);
CREATE INDEX attempts_open ON attempts (owner) WHERE state = 'sent';
CREATE TABLE claims (digest BLOB PRIMARY KEY, owner INTEGER NOT NULL, until_s REAL NOT NULL) WITHOUT ROWID;
"""

# What leads from each version to the next; a released one is never edited.
MIGRATIONS: tuple[str, ...] = (_VERSION_1,)


def version_of(connection: sqlite3.Connection) -> int:
    """Return the version that the file says it has; 0 for an empty file."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def migrate(connection: sqlite3.Connection, migrations: Sequence[str] = MIGRATIONS) -> None:
    """Bring an older store to the newest version, in one transaction: all of it or nothing.

    Raises:
        sqlite3.Error: a step failed; the store is as it was.

    """
    version = version_of(connection)
    if version >= len(migrations):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for step in migrations[version:]:
            for statement in step.split(";\n"):
                connection.execute(statement)
        connection.execute("UPDATE meta SET value = ? WHERE name = 'schema'", [len(migrations)])
        connection.execute(f"PRAGMA user_version = {len(migrations)}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def is_sound(connection: sqlite3.Connection) -> bool:
    """Tell whether the file is whole: by SQLite's own account, by both version numbers, and as declared.

    Raises:
        sqlite3.DatabaseError: it is not even that.

    """
    version = version_of(connection)
    if version and not says_so_twice(connection, version):
        return False
    if connection.execute("PRAGMA encoding").fetchone()[0] != "UTF-8":
        return False
    if version <= len(MIGRATIONS) and not is_as_declared(connection):
        return False
    # Not quick_check alone: that does not see an index which lost a row, and a row that is not found is paid
    # for again.
    return bool(connection.execute("PRAGMA integrity_check(1)").fetchone()[0] == "ok")


def is_as_declared(connection: sqlite3.Connection) -> bool:
    """Tell whether the tables are those of a new store of the same version.

    To SQLite, what declares a table is text like any other: with one letter damaged, a column is called
    otherwise, and the file is sound all the same.

    Raises:
        sqlite3.DatabaseError: the file cannot be read.

    """
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as new:
        migrate(new, MIGRATIONS[: version_of(connection)])
        return _declared(new) == _declared(connection)


def _declared(connection: sqlite3.Connection) -> set[tuple[str, ...]]:
    return set(connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master"))


def says_so_twice(connection: sqlite3.Connection, version: int) -> bool:
    """Tell whether the table ``meta``, which every version has, names the version of the file's header too.

    One byte of the header is easily damaged, and a store must not be taken for a newer one's by that.

    Raises:
        sqlite3.DatabaseError: there is no such table.

    """
    noted = connection.execute("SELECT value FROM meta WHERE name = 'schema'").fetchone()
    return noted is not None and int(noted[0]) == version
