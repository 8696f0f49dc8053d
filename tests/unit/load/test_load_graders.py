"""Graders in a suite: references found, mistakes placed, the digest holds what decides a grade."""

import json

import pytest

from evalgate.core.cases import Case
from evalgate.core.outcome import Answer
from evalgate.core.suite_file import JsonSchemaGrader, JudgeGrader, SuiteFile, TrialsPass
from evalgate.load.syntax.documents import validate
from evalgate.load.syntax.yaml_text import parse_yaml

WHERE = "suites/tickets/suite.yaml"
CHOICE = "grader: {kind: choice, labels: [billing, shipping]}"
JUDGE = """\
grader:
  kind: judge
  deployment: {provider: local, model: grader-2026-01-01}
  rubric: Be right.
  labels: [good, bad]
  correct: [good]
"""
ASKED = "  labels: [good, bad]\n  correct: [good]\n"


def grader(files, text):
    files.suite(CHOICE, text.rstrip("\n"))


def test_several_graders_are_loaded_with_their_weights(files):
    files.write("own.py", "def half(case, answer):\n    return 0.5\n")
    grader(files, "graders: [{kind: exact, weight: 2}, {kind: function, path: 'own:half'}]")
    (suite,) = files.load().suites
    assert [(each.spec.kind, each.spec.weight) for each in suite.graders] == [("exact", 2), ("function", 1)]
    assert suite.graders[1].function(Case(id="a", input="x"), Answer("t")).score == 0.5
    assert (suite.grader, suite.grade_function) == (suite.graders[0].spec, None)


def test_one_grader_is_a_list_of_one(files):
    (suite,) = files.load().suites
    assert [each.spec for each in suite.graders] == [suite.grader]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "grader: {kind: exact}\ngraders: [{kind: exact}]",
            f"{WHERE}:2:9: grader: both grader and graders are there\n    write one of the two",
        ),
        ("graders: []", f"{WHERE}:1:1: 'grader' is missing"),
        (
            "graders: [{kind: exact}, {kind: exat}]",
            f"{WHERE}:2:26: graders[1]: unknown kind 'exat'\n    did you mean 'exact'?",
        ),
        ("graders: [{kind: exact, weight: 0}]", f"{WHERE}:2:33: graders[0].weight: 0 is out of range"),
        ("grader: {kind: exact, weight: 2}", f"{WHERE}:2:31: grader.weight: one grader alone has no weight"),
        (
            "graders: [{kind: exact}, {kind: regex, pattern: '('}]",
            f"{WHERE}:2:49: graders[1].pattern: not an RE2 pattern",
        ),
        (
            "grader: {kind: text_f1}",
            f"{WHERE}:2:9: grader: the grader 'text_f1' gives scores between 0 and 1, and correct_at",
        ),
        (
            "grader: {kind: contains, none: ['']}",
            f"{WHERE}:2:33: grader.none[0]: an empty text stands in every",
        ),
        (
            "grader: {kind: tool_calls, arguments: {city: {ignore: true}}}",
            f"{WHERE}:2:40: grader.arguments.city: 'city' does not say of which tool\n    write tool.city",
        ),
        (
            "grader: {kind: tool_calls, arguments: {f.city: {ignor: true}}}",
            "unknown key\n    did you mean 'ignore'?",
        ),
        (
            "grader: {kind: function, path: nothing}",
            f"{WHERE}:2:32: grader.path: 'nothing' is not an import path",
        ),
        ("graders: [{kind: function, path: nothing}]", f"{WHERE}:2:34: graders[0].path: 'nothing' is not an"),
    ],
)
def test_what_can_be_wrong_with_a_grader(files, text, said):
    grader(files, text)
    assert said in files.said()


# trials


@pytest.mark.parametrize(("written", "rule"), [("4 of 5", TrialsPass(4, 5)), ("pass^3", TrialsPass(3, None))])
def test_a_rule_for_trials_is_read_and_judges(files, written, rule):
    text = f"grader: {{kind: exact}}\ntrials: 5\ntrials_pass: {written}"
    assert validate(parse_yaml(f"policies: p\n{text}", "f"), SuiteFile, "f").trials_pass == rule
    grader(files, text)
    assert files.load().suites[0].rules.trials_pass == rule


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("trials_pass: 4 of 5", "trials_pass speaks of 5 trials, trials of 1\n    write trials: 5"),
        ("trials: 2\ntrials_pass: pass^3", "trials_pass needs 3 trials\n    write trials: 3 or more"),
        ("trials: 5\ntrials_pass: 6 of 5", "'6 of 5' cannot be met by some trials and missed by others"),
        ("trials: 5\ntrials_pass: 0 of 5", "'0 of 5' cannot be met"),
        ("trials: 5\ntrials_pass: most", "'most' is not a rule for trials\n    write 4 of 5, or pass^3"),
        ("trials: 5\ntrials_pass: 4", "4 is not a rule for trials"),
    ],
)
def test_a_rule_for_trials_that_cannot_be(files, text, said):
    grader(files, f"grader: {{kind: exact}}\n{text}")
    assert said in files.said()


# JSON Schema


def test_a_schema_is_read_from_its_file(files):
    schema = {"type": "object", "required": ["team"]}
    for name, text in (("out.json", json.dumps(schema)), ("out.yaml", "type: object\nrequired: [team]\n")):
        files.write(f"suites/tickets/{name}", text)
        files.suite(
            (files.root / WHERE).read_text().splitlines()[1], f"grader: {{kind: json_schema, schema: {name}}}"
        )
        spec = files.load().suites[0].graders[0].spec
        assert isinstance(spec, JsonSchemaGrader)
        assert spec.json_schema == schema


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ("missing.json", f"{WHERE}:2:37: grader.schema: there is no 'missing.json'"),
        ("../../../out.json", "is outside the project"),
        ("{type: strin}", f'{WHERE}:2:37: grader.schema: not a JSON Schema: "strin"'),
        ("{pattern: '(?=a)'}", "not a JSON Schema"),
        ("{$ref: 'http://127.0.0.1:9/x.json'}", "not a JSON Schema"),
        ("list.json", "list.json:1:1: expected a mapping"),
    ],
)
def test_a_schema_that_cannot_be_used(files, schema, said):
    files.write("suites/tickets/list.json", "[]")
    grader(files, f"grader: {{kind: json_schema, schema: {schema}}}")
    assert said in files.said()


# judges and embedders


def test_a_judge_is_loaded_like_a_deployment(files):
    grader(files, JUDGE)
    (loaded,) = files.load().suites[0].graders
    judge = loaded.deployment
    assert (judge.alias, judge.kind, judge.provider, judge.model) == (
        "grader",
        "chat",
        "local",
        "grader-2026-01-01",
    )
    assert judge.prompt == ()
    assert loaded.spec.rubric == "Be right."
    assert loaded.spec.max_error_share.value == 0.01


def test_a_rubric_may_be_a_file(files):
    grader(files, JUDGE.replace("Be right.", "rubric.md"))
    assert f"{WHERE}:5:11: grader.rubric: there is no 'rubric.md' in suites/tickets/" in files.said()
    files.write("suites/tickets/rubric.md", " \n")
    assert "grader.rubric: the rubric's file is empty" in files.said()
    files.write("suites/tickets/rubric.md", "Be brief.\n")
    first = files.load().suites[0]
    assert first.graders[0].spec.rubric == "Be brief.\n"
    files.write("suites/tickets/rubric.md", "Be kind.\n")
    assert files.load().suites[0].digest != first.digest


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "local",
            "lokal",
            f"{WHERE}:4:26: grader.deployment.provider: evalgate.yaml has no provider 'lokal'",
        ),
        ("local", "lokal", "did you mean 'local'?"),
        ("grader-2026-01-01", "grader", "grader.deployment.revision: the model name 'grader' does not say"),
        (
            "-01-01}",
            "-01-01, prompt: [{role: user, content: x}]}",
            "a grader's model has no prompt of its own",
        ),
        ("-01-01}", "-01-01, num_retries: 2}", "is tried is the same for all of them"),
        (
            "-01-01}",
            "-01-01, batch: {price_factor: 0.5, completion_window: 24h}}",
            "a grader's model is asked at once",
        ),
        (ASKED, "", "a judge is asked for one thing\n    write score: [1, 5]"),
        ("  correct: [good]\n", "", "no label counts as correct\n    write correct:"),
        ("correct: [good]", "correct: [fine]", "correct names 'fine'\n    write only names that stand in"),
        ("correct: [good]", "correct: [good]\n  pairwise: true", "a judge is asked for one thing"),
        (ASKED, "  score: [5, 1]\n", "score [5, 1] is no range"),
        ("correct: [good]", "correct: [good]\n  max_error_share: 0.01", "0.01 has no unit\n    write 5%"),
    ],
)
def test_what_can_be_wrong_with_a_judge(files, old, new, said):
    assert old in JUDGE
    grader(files, JUDGE.replace(old, new))
    assert said in files.said()


@pytest.mark.parametrize("asked", ["score: [1, 5]", "pairwise: true"])
def test_a_judge_on_a_scale_needs_correct_at(files, asked):
    text = JUDGE.replace("labels: [good, bad]\n  correct: [good]", asked)
    grader(files, text)
    assert "the grader 'judge' gives scores between 0 and 1, and correct_at is missing" in files.said()
    if asked != "pairwise: true":
        files.suite(asked, f"{asked}\ncorrect_at: 0.5")
        assert files.load()


def test_a_pairwise_judge_must_let_a_tie_count(files):
    pairwise = JUDGE.replace("labels: [good, bad]\n  correct: [good]", "pairwise: true")
    grader(files, pairwise + "correct_at: 0.5")
    assert files.load()
    files.suite("correct_at: 0.5", "correct_at: 0.6")
    assert "correct_at: a pairwise judge gives the baseline itself 0.5, so all of it" in files.said()


def test_a_judge_does_not_judge_itself(files):
    grader(files, JUDGE.replace("grader-2026-01-01", 'large, revision: "9"'))
    said = files.said()
    assert f"{WHERE}:4:15: grader.deployment: local/large is under test itself" in said
    assert "policies/tickets/threshold.yaml, deployment strong" in said
    files.suite("correct: [good]", "correct: [good]\n  allow_self: true")
    assert files.load()


def test_a_judge_that_is_a_function_is_imported_only_for_calling(files):
    files.edit("evalgate.yaml", "providers:\n", "providers:\n  own: {kind: function, path: 'own:model'}\n")
    files.write("own.py", "def model(request):\n    return '{}'\n")
    grader(files, JUDGE.replace("local, model: grader-2026-01-01", 'own, model: m, revision: "1"'))
    project = files.load()
    assert project.suites[0].graders[0].deployment.kind == "function"
    assert set(project.functions) == {"own"}


def test_an_embedder_is_a_function_or_a_deployment(files):
    files.write("own.py", "def embed(texts):\n    return [[1.0] for _ in texts]\n")
    grader(files, "grader: {kind: similarity, embedder: 'own:embed'}\ncorrect_at: 0.8")
    first = files.load().suites[0]
    assert first.graders[0].embed(["a", "b"]) == [[1.0], [1.0]]
    files.write("own.py", "def embed(texts):\n    return [[2.0] for _ in texts]\n")
    assert files.load().suites[0].digest != first.digest
    files.suite("'own:embed'", "{provider: local, model: vectors-2026-01-01}")
    (embedder,) = files.load().suites[0].graders
    assert (embedder.embed, embedder.deployment.kind, embedder.deployment.alias) == (None, "embed", "grader")
    files.suite("vectors-2026-01-01", "vectors")
    assert "grader.embedder.revision: the model name 'vectors' does not say which version" in files.said()


# the digest


def test_everything_that_decides_a_grade_is_in_the_suites_digest(files):
    grader(files, JUDGE)
    first = files.load().suites[0].digest
    for old, new in [
        ("Be right.", "Be brief."),
        ("correct: [good]", "correct: [good, bad]"),
        ("-01-01", "-02-02"),
        ("labels:", "allow_self: true\n  labels:"),
    ]:
        files.suite(old, new)
        assert files.load().suites[0].digest != first
        files.suite(new, old)
    files.suite("-01-01", "-01-01, price: {input_per_1m: 9}")
    assert files.load().suites[0].digest == first, "a new price changes no grade"


# targets


@pytest.mark.parametrize(
    ("kind", "target", "said"),
    [
        ("contains", [], "the target asks for no text at all"),
        ("contains", {"al": ["x"]}, "does not say what an answer must contain"),
        ("contains", {"all": "x"}, "does not say what an answer must contain"),
        ("contains", True, "does not say what an answer must contain"),
        ("contains", ["x", None], "holds something that is not text"),
        ("contains", ["x", ""], "an empty text stands in every answer"),
        ("text_f1", {"a": 1}, "is not text, and the grader is `text_f1`"),
        ("text_f1", [], "is not text"),
        ("text_f1", 42, "is not text"),
        ("similarity", ["a", " "], "is not text, and the grader is `similarity`"),
        ("tool_calls", "f", "the target is not a list of tool calls (it is no list)"),
        ("tool_calls", [{"nme": "f"}], "target.0.name: field required"),
        ("tool_calls", [{"name": "f", "arguments": 1}], "target.0.arguments: input should be"),
    ],
)
def test_targets_that_their_grader_cannot_use(files, kind, target, said):
    files.write("own.py", "def embed(texts):\n    return texts\n")
    extra = ", embedder: 'own:embed'" if kind == "similarity" else ""
    grader(files, f"graders: [{{kind: json_schema, schema: {{}}}}, {{kind: {kind}{extra}}}]\ncorrect_at: 0.8")
    files.cases({"id": "t-1", "input": "x", "target": target, "vars": {"need": 0.2}})
    (problem,) = files.problems()
    assert (problem.file, problem.line, problem.key) == ("suites/tickets/cases.jsonl", 1, "target")
    assert said in problem.message
    assert problem.cure


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        ("contains", "x"), ("contains", 4), ("contains", ["x", 4]), ("contains", {"any": ["x"]}),
        ("text_f1", "x"), ("text_f1", ["x", "y"]), ("json_equal", {"a": [1]}), ("json_equal", False),
        ("list_f1", ["a", 1]), ("list_f1", "a, b"), ("tool_calls", []), ("tool_calls", {"name": "f"}),
        ("tool_calls", [{"name": "f", "any_of": {"a": [1]}, "tolerance": {"a": {"abs_tolerance": 1}}}]),
    ],
)  # fmt: skip
def test_targets_that_their_grader_can_use(files, kind, target):
    grader(files, f"grader: {{kind: {kind}}}\ncorrect_at: 0.8")
    files.cases({"id": "t-1", "input": "x", "target": target, "vars": {"need": 0.2}})
    assert files.load().suites[0].cases[0].target == target


def test_a_contains_grader_with_its_own_texts_looks_at_no_target(files):
    grader(files, "grader: {kind: contains, any: [x]}")
    files.cases({"id": "t-1", "input": "x", "target": True, "vars": {"need": 0.2}})
    assert files.load()


def test_a_judges_model_is_what_it_says():
    written = validate(parse_yaml(f"policies: p\n{JUDGE}", "f"), SuiteFile, "f")
    assert isinstance(written.grader, JudgeGrader)
    assert written.every_grader == (written.grader,)
