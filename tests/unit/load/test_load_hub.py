"""A dataset of the hub, through the real library, from a server on this machine that speaks its protocol."""

import hashlib
import io
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
COMMIT = "a" * 40
NAME = "somebody/things"
LOAD = """
from pathlib import Path
from evalgate.core.errors import BadInput
from evalgate.load.project import load_project
try:
    print([(case.id, case.input, case.target) for case in load_project(Path.cwd()).suites[0].cases])
except BadInput as bad:
    print(bad)
"""


class Hub(BaseHTTPRequestHandler):
    """Serves the files of one commit of one dataset: what it is, what it holds, and pieces of each file."""

    protocol_version = "HTTP/1.1"
    files: dict[str, bytes] = {}
    asked: list[str] = []

    def log_message(self, *arguments):
        pass

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        path = self.path.partition("?")[0]
        self.asked.append(path)
        about, content = f"/api/datasets/{NAME}", f"/datasets/{NAME}/resolve/{COMMIT}/"
        listed = [{"type": "file", "path": name, "size": len(data)} for name, data in self.files.items()]
        if path == f"{about}/revision/{COMMIT}":
            siblings = [{"rfilename": name} for name in self.files]
            self.reply(json.dumps({"id": NAME, "sha": COMMIT, "siblings": siblings}).encode())
        elif path == f"{about}/tree/{COMMIT}":
            self.reply(json.dumps([{**each, "oid": "0" * 40} for each in listed]).encode())
        elif path.startswith(content) and path.removeprefix(content) in self.files:
            self.reply_file(self.files[path.removeprefix(content)])
        else:
            self.reply(b'{"error": "not found"}', 404, {"X-Error-Code": "EntryNotFound"})

    def reply_file(self, data):
        tag = hashlib.sha1(data).hexdigest()
        headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{tag}"', "Accept-Ranges": "bytes"}
        wanted = self.headers.get("Range")
        if wanted is None:
            self.reply(data, 200, headers)
            return
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        begin, end = int(first), min(int(last or len(data) - 1), len(data) - 1)
        self.reply(
            data[begin : end + 1], 206, {**headers, "Content-Range": f"bytes {begin}-{end}/{len(data)}"}
        )

    def reply(self, body, status=200, headers=None):
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


@pytest.fixture
def hub():
    import pyarrow as pa
    import pyarrow.parquet as pq

    held = io.BytesIO()
    pq.write_table(pa.table({"text": ["a", "b"], "label": ["x", "y"]}), held)
    Hub.files = {"test.parquet": held.getvalue(), "README.md": b"# Things\n"}
    Hub.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def load(files, hub):
    """Loads a suite whose cases come from the hub, in a process of its own."""
    files.write(
        "policies/tickets/production.yaml", 'deployments: {w: {provider: local, model: s, revision: "1"}}\n'
    )
    (files.root / "policies/tickets/threshold.yaml").unlink()

    def load(more="", split="test", **environ):
        columns = "{input: text, target: label}"
        source = f"{{dataset: {NAME}, revision: {COMMIT}, split: {split}, columns: {columns}{more}}}"
        files.write(
            "suites/tickets/suite.yaml",
            f"policies: policies/tickets\ngrader: {{kind: exact}}\ncases: {source}\n",
        )
        given = {
            "PATH": os.environ["PATH"],
            "HOME": str(files.root),
            "HF_HOME": str(files.root / "hub"),
            "HF_ENDPOINT": hub,
            "HF_HUB_DISABLE_XET": "1",
            "PYTHONPATH": str(ROOT),
            **environ,
        }
        command = [sys.executable, "-c", LOAD]
        done = subprocess.run(
            command, cwd=files.root, env=given, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return load


ROWS = "[('row-1', 'a', 'x'), ('row-2', 'b', 'y')]"


def test_the_commit_that_was_named_is_read_and_then_found_offline(load):
    assert load() == ROWS
    assert f"/datasets/{NAME}/resolve/{COMMIT}/test.parquet" in Hub.asked
    Hub.asked.clear()
    assert load(HF_HUB_OFFLINE="1") == ROWS
    assert Hub.asked == []


def test_a_stream_reads_pieces_and_keeps_nothing(load):
    assert load(", streaming: true, limit: 1") == "[('row-1', 'a', 'x')]"


def test_a_split_that_is_not_there_is_told_with_those_that_are(load):
    said = load(split="tset", more=", streaming: true")
    assert "cases.dataset: somebody/things cannot be loaded: " in said
    assert "tset" in said
    assert "test" in said.replace("tset", "")


def test_a_dataset_without_files_is_told(load):
    Hub.files.pop("test.parquet")
    assert "cases.dataset: somebody/things cannot be loaded: " in load()
