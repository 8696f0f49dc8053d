import json
from dataclasses import replace

import pytest

from evalgate.core.budgets import Limit, Rules
from evalgate.core.calls import Attempt, Usage
from evalgate.core.errors import BadInput
from evalgate.core.messages import ToolCall
from evalgate.core.numbers import Unmeasured
from evalgate.core.outcome import (
    Answer,
    CacheTrace,
    Cost,
    Failure,
    Grade,
    Graded,
    Outcome,
    RouteTrace,
    Step,
)
from evalgate.core.policy_file import Price
from evalgate.core.run import Manifest, Run, Session
from evalgate.core.trials import TrialsPass
from evalgate.store.runs import read_run, write_run

MANIFEST = Manifest(
    suite="tickets",
    policy="production",
    policy_digest="p" * 64,
    suite_digest="s" * 64,
    mode="replay",
    trials=1,
    ordered=False,
    labels=("billing", "shipping"),
    rules=Rules(
        (Limit("accuracy", "max_drop", 0.01, "share", "absolute", "estimate", slice="vip", critical=True),),
        slice_by="intent",
        trials_pass=TrialsPass(1, None),
    ),
    prices={"weak": Price(input_per_1m=1.25, cached_input_per_1m=0.1), "strong": Price(per_request=1.0)},
    sessions=(Session("s1", "2026-11-01T00:00:00Z", interleaved=True, seed=7),),
    policy_summary=("use: strong",),
    requests_per_month=None,
    evalgate_version="0.1.0",
)
ATTEMPT = Attempt(0.1 + 0.2, usage=Usage(10, output_tokens=2), billing="billed", wait_s=0.5)
SERVED = Graded(
    Outcome(
        "t-1",
        0,
        Answer("billing 😀\r\n", (ToolCall("f", "{}"),), "stop"),
        "weak",
        1.5,
        (Step("generate", "weak", "d" * 64, "s1", (Attempt(1.0, "timeout"), ATTEMPT)),),
        CacheTrace("key", hit=False),
        RouteTrace(0.25, strong=False, deployment="weak"),
    ),
    Cost(1e-7, 0.5),
    Grade(1.0, correct=True, label="billing"),
    {"intent": "billing", "channel": "email"},
    "customer-1",
    2.0,
    "billing",
)
FAILED = Graded(
    Outcome("t-2", 0, Failure("timeout", "gave up"), None, 20.0, ()),
    Unmeasured("no usage"),
    None,
    {},
)
RUN = Run(MANIFEST, (SERVED, FAILED))


def problems_of(path):
    with pytest.raises(BadInput) as caught:
        read_run(path)
    return caught.value.problems


def edited(tmp_path, change, line):
    path = tmp_path / "x.run.jsonl"
    write_run(RUN, path)
    lines = path.read_text().splitlines()
    body = json.loads(lines[line - 1])
    change(body)
    lines[line - 1] = json.dumps(body)
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_run_is_read_back_equal(tmp_path):
    path = tmp_path / "deep" / "er" / "x.run.jsonl"
    write_run(RUN, path)
    assert read_run(path) == RUN
    assert [each.name for each in path.parent.iterdir()] == ["x.run.jsonl"]


def test_equal_runs_are_equal_files(tmp_path):
    write_run(RUN, tmp_path / "a.run.jsonl")
    write_run(Run(replace(MANIFEST), (replace(SERVED), FAILED)), tmp_path / "b.run.jsonl")
    write_run(read_run(tmp_path / "a.run.jsonl"), tmp_path / "c.run.jsonl")
    first = (tmp_path / "a.run.jsonl").read_bytes()
    assert first == (tmp_path / "b.run.jsonl").read_bytes() == (tmp_path / "c.run.jsonl").read_bytes()
    assert first.count(b"\n") == 3


def test_an_empty_answer_is_an_answer(tmp_path):
    empty = replace(SERVED, outcome=replace(SERVED.outcome, result=Answer("")))
    write_run(Run(MANIFEST, (empty,)), tmp_path / "x.run.jsonl")
    assert read_run(tmp_path / "x.run.jsonl").results == (empty,)


@pytest.mark.parametrize("number", [float("inf"), float("nan")])
@pytest.mark.parametrize(
    "change",
    [
        lambda graded, number: replace(graded, weight=number),
        lambda graded, number: replace(graded, cost=Cost(number)),
        lambda graded, number: replace(graded, grade=Grade(number, correct=True)),
        lambda graded, number: replace(graded, outcome=replace(graded.outcome, latency_s=number)),
        lambda graded, number: replace(
            graded, outcome=replace(graded.outcome, route=RouteTrace(number, strong=True, deployment="weak"))
        ),
        *(
            lambda graded, number, name=name: replace(
                graded,
                outcome=replace(
                    graded.outcome,
                    steps=(replace(graded.outcome.steps[0], attempts=(replace(ATTEMPT, **{name: number}),)),),
                ),
            )
            for name in ("latency_s", "wait_s", "ttft_s", "retry_after_s", "reported_cost_usd")
        ),
    ],
)
def test_a_number_that_is_not_finite_never_reaches_a_file(tmp_path, change, number):
    path = tmp_path / "x.run.jsonl"
    write_run(RUN, path)
    with pytest.raises(ValueError, match="t-1"):
        write_run(Run(MANIFEST, (change(SERVED, number),)), path)
    assert read_run(path) == RUN


def test_a_lone_surrogate_costs_no_file(tmp_path):
    odd = replace(SERVED, outcome=replace(SERVED.outcome, result=Answer("x\ud83dy")))
    write_run(Run(MANIFEST, (odd,)), tmp_path / "x.run.jsonl")
    (back,) = read_run(tmp_path / "x.run.jsonl").results
    assert back == replace(odd, outcome=replace(odd.outcome, result=Answer("x\ufffdy")))


def test_a_run_that_cannot_be_written_leaves_the_old_one(tmp_path):
    (tmp_path / "x.run.jsonl").mkdir()
    with pytest.raises(BadInput, match="cannot be written"):
        write_run(RUN, tmp_path / "x.run.jsonl")
    assert [each.name for each in tmp_path.iterdir()] == ["x.run.jsonl"]


# What may be wrong


def test_no_file_and_an_empty_file(tmp_path):
    assert "No such file" in problems_of(tmp_path / "gone.run.jsonl")[0].message
    (tmp_path / "x.run.jsonl").touch()
    assert "first line" in problems_of(tmp_path / "x.run.jsonl")[0].message


@pytest.mark.parametrize(
    ("schema", "said"), [("evalgate/run@2", "newer evalgate"), ("evalgate/recordings@1", "unknown schema")]
)
def test_another_schema(tmp_path, schema, said):
    path = edited(tmp_path, lambda body: body.update(schema=schema), 1)
    (problem,) = problems_of(path)
    assert (problem.file, problem.line) == (str(path), 1)
    assert said in problem.message


@pytest.mark.parametrize(
    ("line", "change", "said", "key"),
    [
        (1, lambda body: body["manifest"].pop("suite"), "suite", "manifest"),
        (1, lambda body: body["manifest"].update(mode="guess"), "guess", "manifest.mode"),
        (1, lambda body: body.update(extra=1), "unknown key", "extra"),
        (1, lambda body: body["manifest"]["prices"]["weak"].update(input_per_1m=-1), "input_per_1m", None),
        (1, lambda body: body.update(outcomes=3), "has 2 outcomes, but was written with 3", None),
        (2, lambda body: body["outcome"].update(latency_s="1"), "Expected `float`", "outcome.latency_s"),
        (2, lambda body: body["outcome"].update(result={}), "text or a kind", "outcome.result"),
        (2, lambda body: body.update(cost={}), "total_usd or a reason", "cost"),
        (2, lambda body: body.update(wait=1), "unknown key", "wait"),
        (3, lambda body: body["outcome"].update(case_id="t-1"), "line 2 already", None),
    ],
)
def test_a_bad_line(tmp_path, line, change, said, key):
    path = edited(tmp_path, change, line)
    (problem,) = problems_of(path)
    assert (problem.file, problem.line) == (str(path), line)
    assert said in problem.message
    if key is not None:
        assert problem.key == key


def test_a_file_cut_anywhere_is_refused(tmp_path):
    path = tmp_path / "x.run.jsonl"
    write_run(RUN, path)
    content = path.read_bytes()
    for end in range(len(content) - 1):
        path.write_bytes(content[:end])
        assert problems_of(path)
    path.write_bytes(content[:-1])
    assert read_run(path) == RUN


def test_all_problems_at_once(tmp_path):
    path = tmp_path / "x.run.jsonl"
    write_run(RUN, path)
    head = path.read_text().splitlines()[0]
    path.write_text(f"{head}\nx\n{{}}\n")
    assert [problem.line for problem in problems_of(path)] == [2, 3]
