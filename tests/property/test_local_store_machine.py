"""The local store against a dict: whatever is done to it, it holds what was kept, and never anything else."""

import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, precondition, rule

from benchmarks.faults_worker import SESSION, digest_of, line_of
from evalgate.store.encode import session_bytes
from evalgate.store.local.schema import MIGRATIONS, version_of
from evalgate.store.local.store import LocalStore
from evalgate.store.local.stored import StoredCalls

sizes = st.sampled_from([0, 200, 5_000, 20_000])


class StoreMachine(RuleBasedStateMachine):
    """Two writers that come and go, a disk that flips bits, and a copy of the folder in place of a kill."""

    names = Bundle("names")

    @initialize()
    def begin(self):
        self.folder = Path(tempfile.mkdtemp(prefix="machine-"))
        self.path = self.folder / "store.sqlite3"
        self.writers = []
        self.model = {}
        self.damaged = 0

    def teardown(self):
        for writer in getattr(self, "writers", []):
            writer.__exit__(None, None, None)
        shutil.rmtree(self.folder, ignore_errors=True)

    @precondition(lambda self: len(self.writers) < 2)
    @rule()
    def open(self):
        self.writers.append(LocalStore(self.path).__enter__())

    @precondition(lambda self: self.writers)
    @rule(which=st.integers(0, 1))
    def close(self, which):
        self.writers.pop(which % len(self.writers)).__exit__(None, None, None)

    @precondition(lambda self: self.writers)
    @rule(target=names, name=st.integers(0, 10**6).map(str), size=sizes, which=st.integers(0, 1))
    def put(self, name, size, which):
        writer = self.writers[which % len(self.writers)]
        writer.keep_session(SESSION.id, session_bytes(SESSION, "all"), "machine")
        digest = digest_of(name)
        writer.keep_call(digest, SESSION.id, line_of(digest, size=size))
        writer.flush()
        # The first that a session says of a call is what it says.
        self.model.setdefault(digest, line_of(digest, size=size))
        return name

    @precondition(lambda self: self.model)
    @rule(name=names)
    def get(self, name):
        if self.writers or self.path.exists():
            lines = [line for _, line in StoredCalls(self.path).lines(digest_of(name))]
            assert lines in ([self.model[digest_of(name)]], [] if self.damaged else None)

    @precondition(lambda self: self.writers)
    @rule()
    def kill(self):
        """What a killed process leaves is what is in its files just then: a copy is opened in their place."""
        copy = Path(tempfile.mkdtemp(prefix="machine-"))
        for file in self.folder.glob("store.sqlite3*"):
            if file.is_file():
                shutil.copy(file, copy / file.name)
        for writer in self.writers:
            writer.__exit__(None, None, None)
        self.writers = []
        shutil.rmtree(self.folder)
        self.folder, self.path = copy, copy / "store.sqlite3"

    @precondition(lambda self: not self.writers and self.path.exists() and not self.damaged)
    @rule(where=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
    def corrupt(self, where, bit):
        content = bytearray(self.path.read_bytes())
        content[int(where * len(content))] ^= 1 << bit
        self.path.write_bytes(content)
        self.damaged += 1

    @precondition(lambda self: not self.writers and self.path.exists() and self.path.stat().st_size)
    @rule()
    def migrate(self):
        StoredCalls(self.path)
        with closing(sqlite3.connect(self.path)) as connection:
            assert version_of(connection) == len(MIGRATIONS)

    @invariant()
    def holds_what_was_kept(self):
        if not hasattr(self, "path") or not self.path.exists():
            return
        stored = StoredCalls(self.path)
        missing = 0
        for digest, line in self.model.items():
            found = [each for _, each in stored.lines(digest)]
            assert found in ([line], [])
            missing += not found
        # One flipped bit hits one call, at most.
        assert missing <= self.damaged


StoreMachine.TestCase.settings = settings(
    max_examples=15,
    stateful_step_count=12,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestLocalStore = StoreMachine.TestCase
