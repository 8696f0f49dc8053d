"""Cases from CSV, JSON, Parquet and the hub, and files pinned by their hash."""

import hashlib
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
POLICY = """\
deployments: {weak: {provider: local, model: small, revision: "1"}}
"""
SUITE = """\
policies: policies/tickets
grader: {kind: exact}
cases: """
CSV = "text,label,chan,need\nWhere is it?,shipping,email,0.25\nI paid twice,billing,chat,0.9\n"
COLUMNS = "{input: text, target: label}"


@pytest.fixture
def data(files, monkeypatch):
    """A project of one policy that needs no columns; ``data.source(text)`` says where its cases are."""
    monkeypatch.setenv("HF_HOME", str(files.root / "hub"))
    files.write("policies/tickets/production.yaml", POLICY)
    (files.root / "policies/tickets/threshold.yaml").unlink()
    files.write("suites/tickets/c.csv", CSV)
    files.source = lambda text: files.write("suites/tickets/suite.yaml", SUITE + text + "\n")
    files.read = lambda text: files.source(text) and files.load().suites[0].cases
    files.refused = lambda text: files.source(text) and files.said()
    return files


def parquet(path, table):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(table if isinstance(table, pa.Table) else pa.table(table), path)
    return path


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


# A file of cases, pinned


def test_a_file_outside_the_project_is_read_by_its_hash(data, tmp_path_factory, monkeypatch):
    outside = tmp_path_factory.mktemp("home") / "golden.jsonl"
    outside.write_text('{"id": "a", "input": "x", "target": "y"}\n')
    (case,) = data.read(f"{{path: {outside}, sha256: {sha256(outside)}}}")
    assert case.id == "a"
    relative = os.path.relpath(outside, data.root / "suites/tickets")
    assert data.read(f"{{path: {relative}, sha256: {sha256(outside)}}}") == (case,)
    monkeypatch.setenv("HOME", str(outside.parent))
    assert data.read(f"{{path: ~/golden.jsonl, sha256: {sha256(outside)}}}") == (case,)


def test_another_hash_is_refused_with_the_one_found(data, tmp_path_factory):
    outside = tmp_path_factory.mktemp("home") / "golden.jsonl"
    outside.write_text('{"id": "a", "input": "x"}\n')
    assert data.refused(f"{{path: {outside}, sha256: {'f' * 64}}}") == (
        f"suites/tickets/suite.yaml:3:{len(str(outside)) + 25}: cases.sha256: "
        f"'{outside}' has another SHA-256: {sha256(outside)}\n"
        "    restore the file; or, if the new one is meant, write the new hash"
    )
    assert data.refused(f"{{path: {outside}}}") == (
        "suites/tickets/suite.yaml:3:15: cases.path: "
        f"'{outside}' is outside the project, so it needs a hash\n"
        f'    if this is the file you mean, add sha256: "{sha256(outside)}"'
    )
    assert "sha256: 'abc' is not a SHA-256\n    write its 64 hex digits" in data.refused(
        "{path: c, sha256: abc}"
    )


def test_a_file_inside_may_be_pinned_too(data):
    data.cases({"id": "a", "input": "x"})
    pinned = sha256(data.root / "suites/tickets/cases.jsonl")
    assert len(data.read(f"{{path: cases.jsonl, sha256: {pinned}}}")) == 1
    assert len(data.read("{path: cases.jsonl}")) == 1
    data.cases({"id": "a", "input": "changed"})
    assert "has another SHA-256" in data.refused(f"{{path: cases.jsonl, sha256: {pinned}}}")


def test_outside_files_that_cannot_be_had(data, tmp_path):
    missing = tmp_path.parent / "nothing-here.jsonl"
    said = data.refused(f"{{path: {missing}, sha256: {'f' * 64}}}")
    assert said.endswith(f"there is no file '{missing}'\n    fetch it, or correct the path")
    said = data.refused(str(missing))
    assert f"'{missing}' is outside the project\n    pin it by its hash: cases: {{path: {missing}" in said


def test_a_link_that_leads_out_is_outside(data, tmp_path_factory):
    outside = tmp_path_factory.mktemp("home") / "golden.jsonl"
    outside.write_text('{"id": "a", "input": "x"}\n')
    (data.root / "suites/tickets/link.jsonl").symlink_to(outside)
    assert "is outside the project" in data.refused("link.jsonl")


# CSV


def test_csv_columns_become_cases_with_ids_from_row_numbers(data):
    first, second = data.read(
        "{dataset: csv, path: c.csv, columns: {input: text, target: label, slices.channel: chan, "
        "vars.need: {column: need, type: number}, vars.as_written: need}}"
    )
    assert (first.id, first.input, first.target) == ("row-1", "Where is it?", "shipping")
    assert (first.slices, first.vars) == ({"channel": "email"}, {"need": 0.25, "as_written": "0.25"})
    assert second.id == "row-2"


def test_csv_without_a_map_uses_columns_named_like_parts_of_a_case(data):
    data.write(
        "suites/tickets/d.csv",
        "\ufeffid,input,target,slices.channel,vars.need,weight,at,group,other\r\n"
        'a,"one, ""two""\r\nthree",x,email,7,2.5,10,g,ignored\r\n\r\n'
        "b,four,,,,,2026-11-01T09:00:00Z,,\r\n",
    )
    first, second = data.read("{dataset: csv, path: d.csv}")
    assert first.input == 'one, "two"\r\nthree'
    assert (first.weight, first.at, first.group, first.vars) == (2.5, 10, "g", {"need": "7"})
    assert (second.target, second.slices, second.at) == (None, {}, "2026-11-01T09:00:00Z")


def test_csv_cells_may_hold_conversations_as_json(data):
    turns = json.dumps([{"role": "user", "content": "hi"}]).replace('"', '""')
    data.write("suites/tickets/d.csv", f'chat,want\n"{turns}",2\n')
    (case,) = data.read(
        "{dataset: csv, path: d.csv, columns: {messages: chat, target: {column: want, type: json}}}"
    )
    assert (case.messages[0].content, case.target) == ("hi", 2)


def test_limit_takes_the_first_rows(data):
    assert len(data.read(f"{{dataset: csv, path: c.csv, limit: 1, columns: {COLUMNS}}}")) == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "c.csv: the file holds no rows\n    write a header line and one case a line"),
        ("text,label\n", "the file holds no rows"),
        ("text,label\na\nb,c,d\n", "c.csv:2: the line has 1 cells, and the header 2\n    put cells"),
        ("text,label\na\nb,c,d\n", "c.csv:3: the line has 3 cells, and the header 2"),
        ("text,label,text\na,b,c\n", "c.csv:1: the column 'text' is there twice\n    rename one of the two"),
        ('text,label\n"a,b\n', "this is not CSV: unexpected end of data"),
        ('text,label\n"a"x,b\n', "c.csv:2: this is not CSV: ',' expected after '\"'"),
        (b"text,label\n\xff,b\n", "c.csv:2: the file is not UTF-8 text"),
        ('text,label\n"a\nb",c\n,d\n', "c.csv:4: the row has no question\n    fill the column"),
    ],
)
def test_what_is_wrong_with_csv(data, content, said):
    data.write("suites/tickets/c.csv", content)
    assert said in data.refused(f"{{dataset: csv, path: c.csv, columns: {COLUMNS}}}")


def test_every_row_that_is_wrong_is_told_at_once(data):
    data.write("suites/tickets/d.csv", "id,q,w,n\na,x,1,1\na,y,heavy,\n,,1,z\nb,u,-1,3\n")
    said = data.refused(
        "{dataset: csv, path: d.csv, columns: "
        "{id: id, input: q, weight: w, vars.n: {column: n, type: number}, target: {column: q, type: json}}}"
    )
    assert "d.csv:3: weight (w): expected a number, found 'heavy'" in said
    assert "d.csv:4: vars.n (n): expected a number, found 'z'" in said
    assert "d.csv:5: target (q): the text is not JSON: Expecting value" in said
    said = data.refused("{dataset: csv, path: d.csv, columns: {id: id, input: q}}")
    assert said == (
        "suites/tickets/d.csv:3: id: the id 'a' is taken by line 2\n    give every case its own id\n"
        "suites/tickets/d.csv:4: the row has no question\n"
        "    fill the column that is the input, or drop the row"
    )
    data.write("suites/tickets/d.csv", "q,w\nx,-1\n")
    said = data.refused("{dataset: csv, path: d.csv, columns: {input: q, weight: w}}")
    assert said == "suites/tickets/d.csv:2: weight: -1 is out of range\n    write a number above 0"


def test_later_checks_name_the_line_too(data):
    data.write("suites/tickets/suite.yaml", SUITE.replace("{kind: exact}", "{kind: choice, labels: [a, b]}"))
    suite = (data.root / "suites/tickets/suite.yaml").read_text()
    data.write("suites/tickets/suite.yaml", suite + f"{{dataset: csv, path: c.csv, columns: {COLUMNS}}}\n")
    assert "c.csv:2: target: case 'row-1': the target 'shipping' is not among" in data.said()


# The column map


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ("{input: txt}", "columns.input: suites/tickets/c.csv has no column 'txt'\n    did you mean 'text'?"),
        (
            "{input: question}",
            "suites/tickets/c.csv has no column 'question'\n    its columns are: text, label, chan, need",
        ),
        (
            "{input: text, targt: label}",
            "targt: a case has no such part\n    did you mean 'target'?",
        ),
        ("{input: text, slice.x: chan}", "slice.x: a case has no such part\n    did you mean 'slices.x'?"),
        ("{input: text, foo: chan}", "foo: a case has no such part\n    the parts are id, input, messages"),
        ("{target: label}", "cases.columns: no column is the question\n    write columns: {input: <column>}"),
        ("{input: text, messages: text}", "cases.columns: a case has either input or messages"),
        ("{input: {column: text}}", "'type' is missing"),
        ("{input: {column: text, type: txt}}", "unknown value 'txt'\n    did you mean 'text'?"),
        ("[a]", "expected a mapping of keys to values, found a list"),
    ],
)
def test_what_is_wrong_with_a_column_map(data, columns, said):
    found = data.refused(f"{{dataset: csv, path: c.csv, columns: {columns}}}")
    assert said in found
    assert found.startswith("suites/tickets/suite.yaml:3:")


def test_all_mistakes_of_a_map_are_told_at_once(data):
    said = data.refused("{dataset: csv, path: c.csv, columns: {input: txt, targt: label, vars.n: ned}}")
    assert said.count("suite.yaml:3:") == 3


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{dataset: csv, columns: {input: text}}", "no file is named\n    write path: cases.csv"),
        ("{dataset: csv, path: c.csv, files: [c.csv]}", "path and files are both there"),
        ("{dataset: csv, files: [c.csv, c.csv]}", "cases.files: csv is read from one file"),
        ("{dataset: csv, files: [c.csv], sha256: " + "f" * 64 + "}", "cases.sha256: sha256 pins one file"),
        ("{dataset: csv, path: c.csv, split: test}", "cases.split: split belongs to datasets of the hub"),
        ("{dataset: json, path: c.csv, revision: a}", "cases.revision: revision belongs to datasets of the"),
        ("{dataset: csv, path: c.csv, subset: en}", "cases.subset: subset belongs to datasets of the hub"),
        ("{dataset: csv, path: c.csv, streaming: true}", "cases.streaming: csv does not stream"),
        ("{dataset: csv, path: d.csv}", "there is no 'd.csv' in suites/tickets/\n    did you mean 'c.csv'?"),
        ("{dataset: csv, path: c.csv, limit: 0}", "cases.limit: 0 is out of range"),
        (
            "{dataset: parket, path: c.csv}",
            "'parket' is no format, and no dataset of the hub\n    did you mean",
        ),
        ("{dataset: things, split: test}", "write csv, json, parquet, or a hub id: owner/name"),
        ("{datset: csv, path: c.csv}", "unknown key\n    did you mean 'dataset'?"),
        ("{path: c.csv, sha265: x}", "cases.sha265: unknown key\n    did you mean 'sha256'?"),
        ("{sha256: " + "f" * 64 + "}", "'path' is missing"),
        ("{dataset: a/b, split: test}", "without a revision the rows may change, and so would the verdict\n"),
        ("{dataset: a/b, split: test}", "    add revision: <the 40 hex digits of the commit"),
        ("{dataset: a/b, split: test, revision: main}", "cases.revision: a branch moves, and so would the"),
        ("{dataset: a/b, revision: " + "a" * 40 + "}", "cases: a dataset of the hub needs a split"),
        ("{dataset: a/b, path: x}", "cases.path: a dataset of the hub has no path"),
        ("[c.csv]", "expected"),
        ("7", "expected"),
    ],
)
def test_what_is_wrong_with_a_source(data, source, said):
    assert said in data.refused(source)


def test_a_dataset_outside_the_project_is_pinned_by_its_hash(data, tmp_path_factory):
    outside = tmp_path_factory.mktemp("home") / "c.csv"
    outside.write_text(CSV)
    source = f"{{dataset: csv, path: {outside}, sha256: {sha256(outside)}, columns: {COLUMNS}}}"
    assert len(data.read(source)) == 2
    outside.write_text(CSV + "one,more,row,1\n")
    assert f"has another SHA-256: {sha256(outside)}" in data.refused(source)


# JSON


@pytest.mark.parametrize(
    "text",
    [
        '[\n{"q": "a", "n": 1, "x": null},\n\n{"q": "b", "n": true}\n]\n',
        '\ufeff{"q": "a", "n": 1, "x": null}\r\n\r\n{"q": "b", "n": true}',
    ],
    ids=["array", "lines"],
)
def test_json_is_an_array_or_lines(data, text):
    data.write("suites/tickets/c.json", text)
    cases = data.read("{dataset: json, path: c.json, columns: {input: q, target: n, slices.n: n, vars.x: x}}")
    assert [(case.input, case.target, case.slices, case.vars) for case in cases] == [
        ("a", 1, {"n": "1"}, {}),
        ("b", True, {"n": "true"}, {}),
    ]


def test_json_rows_that_are_cases_need_no_map(data):
    rows = [
        {"id": "a", "input": "x", "slices": {"n": 1}, "vars": {"v": [1]}, "target": {"k": 2}},
        {"id": "b", "messages": [{"role": "user", "content": "hi", "name": None, "tool_calls": None}]},
    ]
    data.write("suites/tickets/c.json", json.dumps(rows))
    said = data.refused("{dataset: json, path: c.json}")
    assert "a case has either input or messages" in said
    data.write("suites/tickets/c.json", json.dumps(rows[:1]))
    (case,) = data.read("{dataset: json, path: c.json}")
    assert (case.slices, case.vars, case.target) == ({"n": "1"}, {"v": [1]}, {"k": 2})


def test_conversations_are_read_as_chat_completions_write_them(data):
    call = {"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"q": 1}'}}
    turns = [
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        {"role": "assistant", "content": None, "tool_calls": [call], "audio": None},
        {"role": "assistant", "tool_calls": [{"name": "find", "arguments": {"b": 1, "a": 2}}]},
        {"role": "tool", "content": "7", "tool_call_id": "c1"},
    ]
    data.write("suites/tickets/c.json", json.dumps([{"chat": turns}]))
    (case,) = data.read("{dataset: json, path: c.json, columns: {messages: chat}}")
    first, second, third, fourth = case.messages
    assert first.content == "ab"
    assert (second.tool_calls[0].name, second.tool_calls[0].id) == ("find", "c1")
    assert third.tool_calls[0].arguments == '{"a":2,"b":1}'
    assert fourth.tool_call_id == "c1"


@pytest.mark.parametrize(
    ("chat", "said"),
    [
        ([], "messages (chat): the conversation is empty"),
        ({"role": "user"}, "messages (chat): expected a list of turns\n    a turn is written like"),
        ([{"content": "x"}], "turn 0 has no role"),
        (["hi"], "turn 0 has no role"),
        ([{"role": "user", "content": 7}], "the content of turn 0 is not text"),
        ([{"role": "user", "content": [{"type": "image_url"}]}], "turn 0 holds more than text"),
        ([{"role": "assistant", "tool_calls": [{}]}], "a tool call of turn 0 has no name"),
        ([{"role": "assistant", "tool_calls": {"a": 1}}], "tool_calls of turn 0 is not a list"),
        ("[", "the text is not JSON"),
    ],
)
def test_what_is_wrong_with_a_conversation(data, chat, said):
    data.write("suites/tickets/c.json", json.dumps([{"chat": chat}]))
    assert said in data.refused("{dataset: json, path: c.json, columns: {messages: chat}}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "c.json: the file holds no rows\n    write an array of objects, or one a line"),
        ("[]", "the file holds no rows"),
        ('[{"q": "a"},\n{"q": }]', "c.json:2:7: this is not valid JSON: expecting value"),
        ('[{"q": "a"}\n{"q": "b"}]', "c.json:2: a comma or ] is missing here\n    mend the array"),
        ('[{"q": "a"},\n', "c.json:2: the array has no end\n    add ]"),
        ('[{"q": "a"}]\n[]', "the array ends here, and more follows"),
        ('[\n1,\n"a", [], null]', "c.json:2: expected an object, found 1\n    write each row as an object"),
        ('[\n1,\n"a", [], null]', "c.json:3: expected an object, found a text"),
        ('{"q": "a"}\n{"q": }\nx\n', "c.json:2:7: this is not valid JSON: expecting value"),
        ('{"q": "a"}\n{"q": }\nx\n', "c.json:3:1: this is not valid JSON: expecting value"),
        ('{"q": "a", "q": "b"}', "c.json:1: 'q' is written twice"),
        ('[{"q": NaN}]', "c.json:1: NaN is not a JSON number"),
        ("[" * 100_000, "nested too deep"),
        ('{"q": ["a"]}', "c.json:1: input (q): expected text, found a list"),
        ('{"q": "a", "s": 7}', "c.json:1: slices (s): expected a mapping of names to values"),
        ('{"q": "a", "v": 7}', "c.json:1: vars (v): expected a mapping of names to values"),
    ],
)
def test_what_is_wrong_with_json(data, text, said):
    data.write("suites/tickets/c.json", text)
    columns = "{input: q" + (", slices: s" if '"s"' in text else "") + (", vars: v" if '"v"' in text else "")
    assert said in data.refused(f"{{dataset: json, path: c.json, columns: {columns}}}}}")


# Parquet, through the real library


@pytest.mark.parametrize("streaming", ["true", "false"])
def test_parquet_is_read_with_types(data, streaming):
    import pyarrow as pa

    table = pa.table(
        {
            "text": ["a", "b"],
            "n": [1, None],
            "x": pa.array([float("nan"), 0.5]),
            "when": [datetime(2026, 11, 1, 9, 30, tzinfo=UTC), None],
            "chat": [[{"role": "user", "content": "hi", "name": None}], None],
            "info": [{"lang": "en", "size": 3}, {"lang": "de", "size": None}],
            "unused": [b"\xff", b"\xfe"],
        }
    )
    parquet(data.root / "suites/tickets/c.parquet", table)
    first, second = data.read(
        f"{{dataset: parquet, path: c.parquet, streaming: {streaming}, columns: {{input: text, target: n, "
        "vars.x: x, vars.chat: chat, at: when, slices: info}}"
    )
    assert (first.input, first.target, first.at) == ("a", 1, "2026-11-01T09:30:00+00:00")
    assert first.vars == {"chat": [{"role": "user", "content": "hi", "name": None}]}
    assert (first.slices, second.slices) == ({"lang": "en", "size": "3"}, {"lang": "de"})
    assert (second.target, second.vars, second.at) == (None, {"x": 0.5}, None)


def test_several_parquet_files_are_one_table(data):
    for name in ("a", "b"):
        parquet(data.root / f"suites/tickets/{name}.parquet", {"input": [name]})
    cases = data.read("{dataset: parquet, files: [a.parquet, b.parquet], streaming: true}")
    assert [(case.id, case.input) for case in cases] == [("row-1", "a"), ("row-2", "b")]


def test_classes_stored_as_numbers_get_their_names(data):
    import datasets

    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["neg", "pos"])}
    )
    rows = datasets.Dataset.from_dict({"text": ["a", "b", "c"], "label": [1, 0, -1]}, features=features)
    rows.to_parquet(str(data.root / "suites/tickets/c.parquet"))
    source = "{dataset: parquet, path: c.parquet, streaming: true, columns: {input: text, target: "
    assert [case.target for case in data.read(source + "label}}")] == ["pos", "neg", None]
    raw = data.read(source + "{column: label, type: number}}}")
    assert [case.target for case in raw] == [1, 0, -1]


def test_what_is_wrong_with_parquet(data):
    data.write("suites/tickets/c.parquet", "hello")
    said = data.refused("{dataset: parquet, path: c.parquet, columns: {input: text}}")
    assert said.startswith("suites/tickets/suite.yaml:3:")
    assert "cases.path: suites/tickets/c.parquet cannot be loaded: " in said
    parquet(data.root / "suites/tickets/c.parquet", {"text": ["a", "b"], "bytes": [b"a", None]})
    said = data.refused(
        "{dataset: parquet, path: c.parquet, streaming: true, columns: {input: text, target: bytes}}"
    )
    assert said == (
        "suites/tickets/c.parquet: target (bytes): row 1: bytes has no place in a case\n"
        "    choose another column, or leave this one out"
    )
    said = data.refused("{dataset: parquet, path: c.parquet, streaming: true, columns: {input: txt}}")
    assert "c.parquet has no column 'txt'\n    did you mean 'text'?" in said
    parquet(data.root / "suites/tickets/c.parquet", {"id": ["a", "a"], "input": ["x", "y"]})
    said = data.refused("{dataset: parquet, path: c.parquet, streaming: true}")
    assert "c.parquet: id: row 2: the id 'a' is taken by row 1" in said
    parquet(data.root / "suites/tickets/c.parquet", {"input": [float("inf")]})
    assert "an infinity has no place in a case" in data.refused(
        "{dataset: parquet, path: c.parquet, streaming: true}"
    )


def test_a_split_without_rows_is_refused(data, refusal):
    from evalgate.core.suite_file import SuiteFile
    from evalgate.load.case_files.case_sources import all_cases
    from evalgate.load.case_files.tables import Table
    from evalgate.load.syntax.documents import read_yaml

    path = data.source("{dataset: a/b, columns: {input: text}}")
    document = read_yaml(path, SuiteFile, "suite.yaml")
    said = refusal(lambda: all_cases(document, Table("a/b", ("text",), [], "row")))
    assert said == "a/b: there are no rows\n    name a file or a split that holds some"


def test_what_the_library_met_is_told(data):
    import pyarrow as pa

    parquet(data.root / "suites/tickets/c.parquet", pa.table({"input": pa.array([], pa.string())}))
    said = data.refused("{dataset: parquet, path: c.parquet, streaming: true}")
    assert "c.parquet: there are no rows" in said
    said = data.refused("{dataset: parquet, path: c.parquet}")
    assert "c.parquet cannot be loaded: " in said or "c.parquet: there are no rows" in said
    assert "while generating" not in said  # the sentence behind which the library hides it


def test_a_stream_damaged_half_way_is_told(data):
    path = parquet(data.root / "suites/tickets/c.parquet", {"input": [f"{n}" * 50 for n in range(5000)]})
    content = bytearray(path.read_bytes())
    content[2000:4000] = os.urandom(2000)
    path.write_bytes(content)
    assert "c.parquet cannot be loaded: " in data.refused(
        "{dataset: parquet, path: c.parquet, streaming: true}"
    )


@pytest.mark.parametrize("module", ["datasets"])
def test_a_missing_extra_names_the_one_command(data, monkeypatch, module):
    monkeypatch.setitem(sys.modules, module, None)
    data.write("suites/tickets/c.parquet", "x")
    said = data.refused("{dataset: parquet, path: c.parquet, columns: {input: text}}")
    assert "this needs the library `datasets`, which cannot be imported" in said
    assert said.endswith("install the extra: uv sync --extra data")
    assert len(data.read(f"{{dataset: csv, path: c.csv, columns: {COLUMNS}}}")) == 2


LOADS = """
import socket, sys
def refuse(*arguments, **named):
    print("NETWORK", arguments, file=sys.stderr)
    raise OSError("no network")
socket.socket.connect = socket.getaddrinfo = refuse
from pathlib import Path
from evalgate.core.errors import BadInput
from evalgate.load.project import load_project
try:
    print(len(load_project(Path.cwd()).suites[0].cases))
except BadInput as bad:
    print(bad)
"""


def loaded_elsewhere(data, **environ):
    """Load in a process of its own: the library reads its environment once, when it is imported."""
    kept = {name: os.environ[name] for name in ("PATH", "HF_HOME")}
    done = subprocess.run(
        [sys.executable, "-c", LOADS],
        cwd=data.root,
        env={**kept, "HOME": str(data.root), "PYTHONPATH": str(ROOT), **environ},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout, done.stderr


def test_a_local_file_needs_no_network_and_tells_nobody(data):
    parquet(data.root / "suites/tickets/c.parquet", {"input": ["a", "b"]})
    data.source("{dataset: parquet, path: c.parquet, streaming: true}")
    out, err = loaded_elsewhere(data)
    assert (out, "NETWORK" in err) == ("2\n", False)


def test_the_hub_is_not_asked_offline(data):
    data.source(f"{{dataset: somebody/things, split: test, revision: {'a' * 40}, columns: {{input: text}}}}")
    out, err = loaded_elsewhere(data, HF_HUB_OFFLINE="1")
    assert "cases.dataset: somebody/things cannot be loaded: " in out
    assert "HF_HUB_OFFLINE is set: unset it to load the dataset once" in out
    assert "NETWORK" not in err
