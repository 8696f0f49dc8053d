"""Logs of other software: which column is what, and what is wrong with a line."""

import json

import pytest

from evalgate.core.calls import Usage
from evalgate.core.errors import BadInput
from evalgate.load.log_columns import read_log_columns
from evalgate.load.logs import read_log

CALL = {
    "q": "2+2?",
    "a": "4",
    "s": 0.5,
    "meta": {"tokens": '{"in": 7, "out": 1}', "label": "four"},
}
MAP = ("input=q", "answer=a", "latency_s=s")
ASKED = [{"role": "system", "content": "Add."}, {"role": "user", "content": "2+2?"}]
BODY = {"choices": [{"message": {"role": "assistant", "content": "4"}, "finish_reason": "stop"}]}
SPENT = {
    "call_type": "acompletion",
    "cache_hit": "False",
    "status": "success",
    "startTime": "2026-10-01T09:00:00",
    "endTime": "2026-10-01T09:00:01.500",
    "messages": "{}",
    "proxy_server_request": {"model": "m", "messages": ASKED, "temperature": 0, "user": "u"},
    "response": BODY,
}


@pytest.fixture
def log(tmp_path):
    """Reads a log of these rows by this map."""

    def read(*rows, columns=MAP, where=None, name="log.jsonl"):
        text = rows[0] if isinstance(rows[0], str) else "".join(json.dumps(row) + "\n" for row in rows)
        (tmp_path / name).write_text(text, encoding="utf-8")
        return read_log(tmp_path / name, name, read_log_columns(columns, tmp_path), where or {})

    read.folder = tmp_path
    return read


@pytest.fixture
def said(log):
    def read(*rows, **named):
        with pytest.raises(BadInput) as caught:
            log(*rows, **named)
        return str(caught.value)

    return read


def test_a_call_says_only_what_the_log_says(log):
    (call,) = log(CALL).calls
    assert [message.content for message in call.messages] == ["2+2?"]
    assert (call.reply, call.latency_s, call.error) == ("4", 0.5, None)
    assert (call.usage, call.cost_usd, call.ttft_s, call.started_s, call.parts) == (None,) * 4 + ({},)


def test_dotted_paths_lead_into_json_and_json_text(log):
    columns = (*MAP, "input_tokens=meta.tokens.in", "output_tokens=meta.tokens.out", "target=meta.label")
    (call,) = log(CALL, columns=columns).calls
    assert call.usage == Usage(input_tokens=7, output_tokens=1)
    assert call.parts == {"target": "four"}


def test_a_column_whose_name_has_a_dot_is_found(log):
    (call,) = log({**CALL, "a.b": "x"}, columns=(*MAP, "slices.team=a.b", "vars.n=s", "id=q")).calls
    assert call.parts == {"slices": {"team": "x"}, "vars": {"n": 0.5}, "id": "2+2?"}


def test_csv_is_a_log_too(log):
    text = "q,a,ms,n,empty\n2+2?,4,1500,7,\n3+3?,,250,0,\n"
    columns = ("input=q", "answer=a", "latency_ms=ms", "input_tokens=n", "target=empty")
    first, second = log(text, columns=columns, name="log.csv").calls
    assert (first.latency_s, first.usage, first.parts) == (1.5, Usage(input_tokens=7), {})
    assert (second.reply, second.usage) == ("", None)  # an empty answer is an answer, to be graded


def test_the_map_may_be_a_file_and_the_last_one_wins(log):
    (log.folder / "map.yaml").write_text("input: nothing\nanswer: a\nlatency_s: s\n")
    (call,) = log(CALL, columns=("map.yaml", "input=q")).calls
    assert call.messages[0].content == "2+2?"


def test_only_lines_with_the_value_are_taken(log, said):
    read = log(CALL, {**CALL, "s": 2}, {**CALL, "s": None}, where={"s": "0.5"})
    assert (len(read.calls), read.skipped) == (1, {"other than --where asks for": 2})
    read = log(CALL, where={"meta.label": "four"})
    assert len(read.calls) == 1
    assert said(CALL, where={"s": "9"}) == (
        "log.jsonl: the log holds no call to import (1 of its lines: other than --where asks for)\n"
        "    check --where"
    )
    assert "--where x=…: the log has no column 'x'\n    its columns are: q, a, s, meta" in said(
        CALL, where={"x": "9"}
    )


def test_chat_completions(log):
    line = {
        "body": {"model": "m", "messages": ASKED, "temperature": 0, "stream": True, "user": "u", "top_p": 1},
        "response": BODY,
        "timestamp": 1_790_000_000_000,
        "latency_ms": 40,
        "ttft_s": 0.01,
    }
    (call,) = log(line, columns=["openai"]).calls
    assert [message.role for message in call.messages] == ["system", "user"]
    assert call.params == {"temperature": 0, "top_p": 1}
    assert call.reply == BODY
    assert (call.latency_s, call.ttft_s, call.started_s) == (0.04, 0.01, 1_790_000_000)


def test_params_may_stand_apart(log):
    line = {**CALL, "p": '{"temperature": 1, "metadata": {}}'}
    (call,) = log(line, columns=(*MAP, "params=p")).calls
    assert call.params == {"temperature": 1}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ({"error": "boom"}, ("boom", None)),
        ({"error": {"message": "x"}}, ('{"message": "x"}', None)),
        ({"status": 503}, ("", 503)),
        ({"status": "429"}, ("", 429)),
        ({"status": "failure"}, ("", None)),
        ({"status": "Success"}, (None, None)),
        ({"status": 200, "error": ""}, (None, 200)),
        ({"error": {}}, (None, None)),
    ],
)
def test_which_calls_failed(log, line, expected):
    (call,) = log({**CALL, **line}, columns=(*MAP, *(f"{key}={key}" for key in line))).calls
    assert (call.error, call.status) == expected
    assert (call.reply is None) == (call.error is not None)


def test_spend_logs(log):
    (call,) = log(
        {**SPENT, "spend": 0.01, "prompt_tokens": 5, "completion_tokens": 2}, columns=["litellm"]
    ).calls
    assert [message.content for message in call.messages] == ["Add.", "2+2?"]
    assert (call.params, call.latency_s, call.cost_usd) == ({"temperature": 0}, 1.5, 0.01)
    assert call.usage == Usage(input_tokens=5, output_tokens=2)
    (call,) = log(
        {**SPENT, "spend": 0.0, "prompt_tokens": 0, "completion_tokens": 0}, columns=["litellm"]
    ).calls
    assert (call.cost_usd, call.usage) == (None, None)
    older = {**SPENT, "messages": ASKED, "proxy_server_request": None}
    assert len(log(older, columns=["litellm"]).calls[0].messages) == 2


def test_spend_logs_as_csv_hold_json_as_text(log):
    import csv
    import io

    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(SPENT)
    writer.writerow([value if isinstance(value, str) else json.dumps(value) for value in SPENT.values()])
    (call,) = log(text.getvalue(), columns=["litellm"], name="log.csv").calls
    assert (call.messages[1].content, call.reply) == ("2+2?", BODY)


def test_rows_that_are_no_calls_to_a_chat_model_are_passed_over(log):
    rows = [SPENT, {**SPENT, "cache_hit": "True"}, {**SPENT, "call_type": "aembedding"}]
    read = log(*rows, columns=["litellm"])
    assert len(read.calls) == 1
    assert read.skipped == {
        "answered by the proxy's own cache, without a model": 1,
        "no chat completion": 1,
    }


def test_times_to_the_first_token_only_where_there_was_a_stream(log):
    streamed = {**SPENT, "completionStartTime": "2026-10-01T09:00:00.250"}
    whole = {**SPENT, "completionStartTime": SPENT["endTime"]}
    first, second = log(streamed, whole, columns=["litellm"]).calls
    assert (first.ttft_s, second.ttft_s) == (0.25, None)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            {"proxy_server_request": "{}"},
            "the line does not say what was asked\n    set general_settings: {store",
        ),
        (
            {"response": {}},
            "the line does not say what was answered\n    set general_settings: {store_prompts",
        ),
        (
            {"response": "abc... (litellm_truncated skipped 9 chars) ...xyz"},
            "the proxy cut the answer before it logged it\n    set MAX_STRING_LENGTH_PROMPT_IN_DB higher",
        ),
        (
            {"messages": [{"role": "user", "content": "a (litellm_truncated skipped 9 chars)"}]},
            "the proxy cut the question before it logged it",
        ),
    ],
)
def test_spend_logs_without_texts_are_refused(said, line, message):
    assert f"log.jsonl:1: {message}" in said({**SPENT, **line}, columns=["litellm"])


@pytest.mark.parametrize(
    ("line", "more", "message"),
    [
        ({"q": None}, (), "log.jsonl:1: the line does not say what was asked\n    map input, messages or"),
        ({"q": ["x"]}, (), "log.jsonl:1: input (q): expected text, found a list"),
        ({"a": None}, (), "the line does not say what was answered\n    map answer or response; or error"),
        ({"s": None}, (), "the line does not say how long the call took\n    map latency_s or latency_ms"),
        ({"s": -1}, (), "the call took -1 s, less than nothing"),
        ({"s": "fast"}, (), "latency_s (s): expected a number, found 'fast'"),
        (
            {"x": "soon"},
            ("started_at=x",),
            "started_at (x): expected a time, found 'soon'\n    write it like",
        ),
        (
            {"x": "odd"},
            ("status=x",),
            "status: 'odd' is no status\n    a status is an HTTP status, or success",
        ),
        ({"x": -2}, ("input_tokens=x",), "input_tokens: -2 is no count of tokens"),
        ({"x": 1.5}, ("output_tokens=x",), "output_tokens: 1.5 is no count of tokens"),
        ({"x": -0.1}, ("cost_usd=x",), "cost_usd: -0.1 is no cost"),
        ({"x": 7}, ("slices=x",), "slices (x): expected a mapping of names to values"),
        ({"x": "{"}, ("params=x",), "params (x): the text is not JSON"),
        (
            {"x": [{"role": "user", "content": [{"type": "image_url"}]}], "q": None},
            ("messages=x",),
            "turn 0 holds",
        ),
        ({"x": {"messages": "hi"}, "q": None}, ("request=x",), "request: the text is not JSON"),
    ],
)
def test_what_is_wrong_with_a_line(said, line, more, message):
    assert message in said({**CALL, **line}, columns=(*MAP, *more))


def test_everything_wrong_with_every_line_is_told_at_once(said):
    found = said({"q": "x", "s": None}, CALL, {"q": None, "a": "y", "s": "z"})
    assert [line for line in found.split("\n") if not line.startswith(" ")] == [
        "log.jsonl:1: the line does not say how long the call took",
        "log.jsonl:1: the line does not say what was answered",
        "log.jsonl:3: latency_s (s): expected a number, found 'z'",
        "log.jsonl:3: the line does not say what was asked",
    ]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ((), "no --columns say what the log's columns are\n    write --columns openai"),
        (("opnai",), "--columns opnai: this is no column map\n    did you mean 'openai'?"),
        (
            ("zzz",),
            "--columns zzz: this is no column map\n    write openai, litellm, KEY=COLUMN, or the path",
        ),
        (("inptu=q",), "--columns inptu=q: unknown key 'inptu'\n    did you mean 'input'?"),
        (("latency=q",), "unknown key 'latency'\n    did you mean 'latency_s'?"),
        (("input=",), "--columns input=: no column is named\n    write input=<column>"),
        (("no.yaml",), "no.yaml: no such file"),
        (("map.yaml",), "map.yaml:2:1: anwser: unknown key\n    did you mean 'answer'?"),
        (("input=qq",), "log.jsonl: --columns input: the log has no column 'qq'\n    did you mean 'q'?"),
    ],
)
def test_what_is_wrong_with_a_map(log, said, columns, message):
    (log.folder / "map.yaml").write_text("input: q\nanwser: a\n")
    assert message in said(CALL, columns=columns)


def test_all_that_is_wrong_with_a_map_is_told_at_once(said):
    found = said(CALL, columns=("inptu=q", "zzz", "none.yaml"))
    assert [word in found for word in ("inptu", "zzz", "none.yaml")] == [True] * 3
