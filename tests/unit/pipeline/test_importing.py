"""A log becomes cases and recordings that a policy replays: what is split how, and what is refused."""

import json
from pathlib import Path

import pytest

from evalgate.core.calls import Usage
from evalgate.core.errors import BadInput
from evalgate.core.policy_file import DeploymentFile
from evalgate.load.project import load_project
from evalgate.pipeline.logs.importing import import_log
from evalgate.pipeline.project.settings import ImportSettings, RunSettings
from evalgate.pipeline.run import run
from evalgate.pipeline.verifying import verify_recordings
from evalgate.store.recordings import read_recordings, recording_files


class Silent:
    def start(self, label, total): ...
    def advance(self, n=1): ...
    def done(self): ...


def line(question="2+2?", answer="4", *, system="Add.", latency_s=0.5, **more):
    turns = question if isinstance(question, list) else [{"role": "user", "content": question}]
    if system is not None:
        turns = [{"role": "system", "content": system}, *turns]
    body = {"choices": [{"message": {"role": "assistant", "content": answer}, "finish_reason": "stop"}]}
    return {
        "request": {"model": "m", "temperature": 0, "messages": turns},
        "response": body,
        "latency_s": latency_s,
        **more,
    }


class Project:
    """A suite without a case and a family without a policy, and logs to import into it."""

    def __init__(self, root):
        self.root = root
        (root / ".git").mkdir()
        self.write("evalgate.yaml", 'providers: {gate: {kind: openai, origin: "http://127.0.0.1:9"}}\n')
        self.write("suites/sums/suite.yaml", "policies: policies/sums\ngrader: {kind: exact}\n")

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def take(self, *lines, name="log.jsonl", suite="sums", columns=("openai", "target=want"), **more):
        """Import these lines; ``want`` is a column of every log."""
        rows = [{"want": None, **each} for each in lines]
        log = self.write(name, "".join(json.dumps(row) + "\n" for row in rows))
        model = {"provider": "gate", "model": "m", "revision": "1", **more.pop("model", {})}
        settings = ImportSettings(
            start=self.root,
            log=Path(log.name),
            suite=suite,
            columns=columns,
            deployment=DeploymentFile.model_validate(model),
            where={},
            **more,
        )
        return import_log(settings)

    def refused(self, *lines, **more):
        before = self.files()
        with pytest.raises(BadInput) as caught:
            self.take(*lines, **more)
        log = self.root / more.get("name", "log.jsonl")
        assert {path: text for path, text in self.files().items() if path != log} == {
            path: text for path, text in before.items() if path != log
        }
        return str(caught.value)

    def files(self):
        return {path: path.read_bytes() for path in self.root.rglob("*") if path.is_file()}

    def cases(self):
        return load_project(self.root).suites[0].cases

    def serve(self, imported, name="production", price="price: {per_request: 0.01}"):
        text = imported.policy.replace('"revision": "1"}', f'"revision": "1", {price}}}')
        self.write(f"policies/sums/{name}.yaml", text)
        return run(RunSettings(start=self.root), Silent())

    def recorded(self):
        recordings = read_recordings(recording_files(self.root / "suites/sums/recordings"))
        lines = [
            json.loads(line)
            for file in recording_files(self.root / "suites/sums/recordings")
            for line in file.read_text().splitlines()[1:]
        ]
        return [(each["trial"], recordings.find(each["digest"])) for each in lines]


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


def test_what_was_imported_replays_by_the_policy_that_is_printed(project):
    turns = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b"},
        {"role": "user", "content": "c"},
    ]
    imported = project.take(
        line(want="4"),
        line("3+3?", "7", want="6"),
        line(turns, "d", want="d"),
        line("\ud83d {{x}}", "e", want="e"),
    )
    assert (imported.new_cases, imported.known_cases, imported.calls, imported.failed) == (4, 0, 4, 0)
    decision = project.serve(imported)
    (judgement,) = decision.judgements
    assert judgement.cases.total == 4
    assert (judgement.calls.needed, judgement.calls.made) == (4, 0)
    first, _, third, fourth = project.cases()
    assert (first.input, first.target, first.messages) == ("2+2?", "4", None)
    assert [turn.content for turn in third.messages] == ["a", "b", "c"]
    assert fourth.input == "\ufffd {{x}}"


@pytest.mark.parametrize(
    "system", ['odd: "quotes" # and: {braces}', "line\nbreaks\u2028\x85\x7f\ufeff", "no", "- 017"]
)
def test_the_printed_policy_says_any_prompt(project, system):
    imported = project.take(line(system=system, want="4"))
    project.serve(imported)
    (suite,) = load_project(project.root).suites
    assert suite.baseline.deployments["main"].prompt[0].content == system


def test_without_a_system_prompt_the_policy_has_none(project):
    imported = project.take(line(system=None, want="4"))
    assert "prompt" not in imported.policy
    project.serve(imported)


def test_a_second_log_meets_the_first_in_its_cases(project):
    project.take(line(want="4"), line("3+3?", want="6"))
    again = project.take(
        line("3+3?", "6", system="Other."),
        line("5+5?", "10", system="Other."),
        name="b.jsonl",
        model={"model": "n"},
    )
    assert (again.new_cases, again.known_cases, again.ungraded_cases) == (1, 1, 1)
    texts = (project.root / "suites/sums/cases.jsonl").read_text().splitlines()
    assert [json.loads(text)["input"] for text in texts] == ["2+2?", "3+3?", "5+5?"]


def test_ids_come_from_the_question_or_from_a_column(project):
    project.take(line(want="4"), columns=("openai",), name="a.jsonl")
    (first,) = (
        json.loads(text) for text in (project.root / "suites/sums/cases.jsonl").read_text().splitlines()
    )
    assert first["id"].startswith("log-")
    project.take(line("3+3?", rid="r-2"), columns=("openai", "id=rid"), name="b.jsonl")
    texts = (project.root / "suites/sums/cases.jsonl").read_text().splitlines()
    assert [json.loads(text)["id"] for text in texts] == [first["id"], "r-2"]
    said = project.refused(line("4+4?", rid="r-2"), columns=("openai", "id=rid"), name="c.jsonl")
    assert "c.jsonl:1: the id 'r-2' is taken by a case that asks something else" in said


def test_a_question_asked_again_is_another_trial(project):
    imported = project.take(line(answer="4", want="4"), line(answer="5"), line("3+3?", "6"))
    assert imported.trials == (1, 2)
    assert [(trial, found.response.text) for trial, found in project.recorded()] == [
        (0, "4"),
        (1, "5"),
        (0, "6"),
    ]


def test_failures_are_recorded_as_failures(project):
    imported = project.take(
        line("a", error="rate_limit"),
        line("b", error="it broke", status=500),
        line("c", error="Request timed out", latency_s=30),
        line("d", error="maximum context length is 7", status=400),
        line("e", status=401),
        line("f", error="who knows"),
        line("g", response={"choices": [{"message": {"content": ""}, "finish_reason": "content_filter"}]}),
        line("h"),
    )
    assert imported.failed == 7
    kinds = [found.attempts[0].error for _, found in project.recorded()]
    assert kinds == [
        "rate_limit",
        "server_error",
        "timeout",
        "context_window",
        "bad_request",
        "server_error",
        "content_filter",
        None,
    ]
    assert 'reliability: {"request_timeout_s": 30.0}' in imported.policy
    (judgement,) = project.serve(imported).judgements
    assert judgement.cases.failed == 7


def test_timeouts_that_no_one_policy_explains_are_left_to_the_reader(project):
    imported = project.take(line("a", error="timeout", latency_s=3), line("b", latency_s=4))
    assert "reliability" not in imported.policy


def test_tokens_of_columns_go_over_those_of_the_reply(project):
    usage = {
        "prompt_tokens": 9,
        "completion_tokens": 2,
        "prompt_tokens_details": {"cached_tokens": 4},
        "cost": 0.5,
    }
    body = {**line()["response"], "usage": usage, "model": "m-1", "system_fingerprint": "fp"}
    project.take(line(response=body, n=10), columns=("openai", "input_tokens=n"))
    ((_, found),) = project.recorded()
    (attempt,) = found.attempts
    assert attempt.usage == Usage(input_tokens=10, cached_input_tokens=4, output_tokens=2)
    assert (attempt.model_served, attempt.fingerprint, attempt.reported_cost_usd) == ("m-1", "fp", 0.5)


def test_plain_columns_are_enough(project):
    row = {"question": "2+2?", "answer": "4", "ms": 250, "why": "stop"}
    columns = ("input=question", "answer=answer", "latency_ms=ms", "finish_reason=why")
    imported = project.take(row, columns=columns)
    ((_, found),) = project.recorded()
    assert (found.response.text, found.response.finish_reason) == ("4", "stop")
    assert found.attempts[0].latency_s == 0.25
    assert imported.policy == 'deployments:\n  main: {"provider": "gate", "model": "m", "revision": "1"}\n'


def test_different_prompts_and_params_are_refused_with_their_numbers(project):
    lines = [line("a"), line("b"), line("c", system="Other."), line("d")]
    lines[3]["request"]["temperature"] = 1
    said = project.refused(*lines)
    assert "log.jsonl: the calls were sent with 2 different system prompts: " in said
    assert '[{"content":"Add.","role":"system"}] (3 of the calls, as in line 1)' in said
    assert "import each apart with --where, or leave the prompts in the cases with --system case" in said
    assert (
        '2 different params: {"temperature":0} (3 of the calls, as in line 1); {"temperature":1} (1 of the'
        in said
    )
    imported = project.take(*lines, system_in_case=True, drop_params=True)
    assert imported.policy.startswith("deployments:")
    texts = [json.loads(text) for text in (project.root / "suites/sums/cases.jsonl").read_text().splitlines()]
    assert texts[2]["messages"][0] == {"role": "system", "content": "Other."}
    project.serve(imported)


def test_a_system_prompt_that_a_policy_would_fill_in_stays_in_the_case(project):
    said = project.refused(line(system="Hi {{name}}"))
    assert "the system prompt holds {{name}}, which a policy's prompt would fill in" in said
    project.serve(project.take(line(system="Hi {{name}}", want="4"), system_in_case=True))


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (
            [line(response={"no": "choices"})],
            "log.jsonl:1: the response is no chat completion: the reply has no",
        ),
        (
            [line(want="4"), line(want="5")],
            "log.jsonl:2: target: the target '5' is not the one that case 'log-",
        ),
        ([line([])], "log.jsonl:1: messages is empty"),
    ],
)
def test_what_is_wrong_with_a_log(project, lines, said):
    assert said in project.refused(*lines)


def test_every_reply_that_cannot_be_read_is_told(project):
    said = project.refused(line("a", response={"x": 1}), line("b"), line("c", response={"x": 1}))
    assert said.count("no chat completion") == 2


def test_a_suite_that_cannot_take_cases_is_refused(project):
    assert "there is no such suite or folder" in project.refused(line(), suite="smus")
    said = project.refused(line(), model={"provider": "gat"})
    assert (
        "evalgate.yaml: --provider gat: evalgate.yaml has no such provider\n    did you mean 'gate'?" in said
    )
    said = project.refused(line(), model={"provider": "other"})
    assert 'declare it, as in providers: {other: {kind: openai, origin: "https://…"}}' in said
    assert "so a revision is needed" in project.refused(line(), model={"revision": None})
    project.write("suites/more/suite.yaml", "policies: p\ngrader: {kind: exact}\n")
    assert "--suite suites names 2 suites\n    name one of more, sums" in project.refused(
        line(), suite="suites"
    )
    suite = "policies: p\ngrader: {kind: exact}\ncases: "
    project.write("suites/sums/suite.yaml", suite + "{dataset: csv, path: c.csv}\n")
    assert "imported ones are added to a file of the suite\n    write cases: cases.jsonl" in project.refused(
        line()
    )
    project.write("suites/sums/suite.yaml", suite + "../../../c.jsonl\n")
    assert "'../../../c.jsonl' is outside the project" in project.refused(line())
    project.write("suites/sums/suite.yaml", suite + "cases.jsonl\n")
    project.write("suites/sums/cases.jsonl", '{"id": "a"}\n')
    assert "suites/sums/cases.jsonl:1:1: a case has either input or messages" in project.refused(line())


def test_a_dated_model_needs_no_revision(project):
    imported = project.take(line(), model={"model": "m-2026-08-01", "revision": None})
    assert '"model": "m-2026-08-01"}' in imported.policy


def test_verify_finds_suites_files_and_folders(project, monkeypatch):
    project.take(line())
    monkeypatch.chdir(project.root)
    (file,) = recording_files(project.root / "suites/sums/recordings")
    relative = file.relative_to(project.root)
    for places in (
        [],
        ["sums"],
        ["suites/sums"],
        [str(relative)],
        [str(relative.parent)],
        ["sums", str(relative)],
    ):
        assert verify_recordings(project.root, places).recordings == 1
    file.write_text(file.read_text().replace("2+2?", "2+3?"))
    with pytest.raises(BadInput) as caught:
        verify_recordings(project.root, [])
    assert str(caught.value).startswith(f"{relative}:2: digest: the digest ")
    with pytest.raises(BadInput, match="there is no such suite or folder"):
        verify_recordings(project.root, ["nothing"])
