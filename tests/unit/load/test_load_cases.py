"""Cases: what a line may hold, and what a suite's grader, policies and clock need of it."""

import json

import pytest

from evalgate.core.errors import BadInput
from evalgate.load.case_files.cases import MOST_PROBLEMS, read_cases
from tests.unit.load.conftest import CASES

WHERE = "suites/tickets/cases.jsonl"


def test_cases_come_in_order_and_blank_lines_crlf_and_a_byte_order_mark_are_fine(tmp_path):
    path = tmp_path / "cases.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"id":"a","input":"x"}\r\n\r\n   \n{"id":"b","input":"\xc3\xa9"}')
    read = read_cases(path, "cases.jsonl")
    assert [case.id for case in read.cases] == ["a", "b"]
    assert read.lines == (1, 4)
    assert read.cases[1].input == "é"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            b"",
            (
                "c.jsonl: the file holds no cases\n"
                '    write one case a line: {"id": "t-001", "input": "…", "target": "…"}'
            ),
        ),
        (b"\n\n", "the file holds no cases"),
        (b'{"id":"a" "input":"x"}', "c.jsonl:1:11: this is not valid JSON: expecting ',' delimiter"),
        (
            b"{'id':'a'}",
            (
                "c.jsonl:1:2: this is not valid JSON: expecting property name enclosed in double quotes\n"
                "    JSON wants double quotes around keys and text"
            ),
        ),
        (
            b'{"id":"a","input":"x"}\n{"id":"a","input":"y"}',
            "c.jsonl:2: id: the id 'a' is taken by line 1\n    give every case its own id",
        ),
        (b'{"id":"a","id":"b","input":"x"}', "c.jsonl:1: 'id' is written twice\n    keep one of the two"),
        (
            b'{"id":"a"}',
            (
                "c.jsonl:1:1: a case has either input or messages\n"
                "    keep one of the two, and write it if there is none"
            ),
        ),
        (
            b'{"id":"a","input":"x","messages":[{"role":"user","content":"y"}]}',
            "c.jsonl:1:1: a case has either input or messages",
        ),
        (
            b'{"id":"a","input":"x","weight":0}',
            "c.jsonl:1:32: weight: 0 is out of range\n    write a number above 0",
        ),
        (
            b'{"id":"a","input":"x","slices":{"n":1}}',
            'c.jsonl:1:37: slices.n: expected text, found the number 1\n    put it in quotes: "1"',
        ),
        (
            b'{"id":"a","input":"gr\xf6\xdfe"}',
            "c.jsonl:1: the line is not UTF-8 text\n    save the file as UTF-8",
        ),
        (b'{"id":"a","input":"\\ud83d"}', "c.jsonl:1:1: half of a surrogate pair stands in a text"),
        (b"[1]", "c.jsonl:1:1: expected a mapping of keys to values, found a list"),
        (b'"' + b"[" * 5, "this is not valid JSON"),
        (b"[" * 100_000, "nested too deep"),
    ],
)
def test_what_is_wrong_with_a_line(tmp_path, content, said):
    path = tmp_path / "c.jsonl"
    path.write_bytes(content)
    with pytest.raises(BadInput) as caught:
        read_cases(path, "c.jsonl")
    assert said in str(caught.value)


def test_all_lines_are_told_up_to_a_limit(tmp_path):
    path = tmp_path / "c.jsonl"
    path.write_text('{"id":"a","imput":"x"}\n' * 120, encoding="utf-8")
    with pytest.raises(BadInput) as caught:
        read_cases(path, "c.jsonl")
    assert len(caught.value.problems) == MOST_PROBLEMS + 1
    assert caught.value.problems[-1].message.startswith("and ")


def test_text_that_repeats_a_keys_name_is_no_repeated_key(tmp_path):
    path = tmp_path / "c.jsonl"
    path.write_text(
        json.dumps({"id": "a", "input": 'say "id" and "input"', "vars": {"id": 1}}), encoding="utf-8"
    )
    assert read_cases(path, "c.jsonl").cases[0].vars == {"id": 1}


def test_a_target_outside_the_labels(files):
    files.edit(WHERE, '"billing"', '"biling"')
    assert files.said() == (
        f"{WHERE}:2: target: case 't-2': the target 'biling' is not among the grader's labels\n"
        "    did you mean 'billing'?"
    )


def test_a_case_without_target_is_fine(files):
    files.edit(WHERE, ', "target": "billing"', "")
    assert files.load().suites[0].cases[1].target is None


@pytest.mark.parametrize("target", ['"many"', "true", "[3]"])
def test_a_target_that_is_no_number(files, target):
    files.suite("{kind: choice, labels: [billing, shipping]}", "{kind: number}")
    files.edit(WHERE, '"shipping"', "3")
    files.edit(WHERE, '"billing"', target)
    problem = files.problems()[0]
    assert (problem.line, problem.key) == (2, "target")
    assert "is not a number, and the grader is `number`" in problem.message
    assert problem.cure == "write the target as a number, as in 12.5"


def test_a_target_that_is_no_pattern(files):
    files.suite("{kind: choice, labels: [billing, shipping]}", "{kind: regex}")
    files.edit(WHERE, '"billing"', '"(?=x)"')
    problem = files.problems()[0]
    assert problem.line == 2
    assert "the target is not an RE2 pattern: invalid perl operator: (?=" in problem.message
    assert "RE2 has no look-around" in problem.cure


def test_a_graders_own_pattern_and_labels(files):
    files.suite("{kind: choice, labels: [billing, shipping]}", "{kind: regex, pattern: '('}")
    assert "suites/tickets/suite.yaml:2:32: grader.pattern: not an RE2 pattern: missing )" in files.said()
    files.suite("{kind: regex, pattern: '('}", "{kind: choice, labels: [billing, shipping, Billing]}")
    assert "grader.labels[2]: the label 'Billing' cannot be told from 'billing'" in files.said()


def test_the_same_label_twice(files):
    files.suite("[billing, shipping]", "[billing, shipping, billing]")
    assert "grader.labels[2]: the label 'billing' cannot be told from 'billing'" in files.said()


def test_slices_that_no_case_has(files):
    files.write(
        "suites/tickets/suite.yaml",
        (files.root / "suites/tickets/suite.yaml").read_text() + "slices: [chanel]\n",
    )
    files.edit(WHERE, '"id": "t-1"', '"id": "t-1", "slices": {"channel": "email"}')
    assert files.said() == (
        "suites/tickets/suite.yaml:3:10: slices[0]: no case has the slice 'chanel'\n"
        "    did you mean 'channel'?"
    )


def test_slice_budgets_name_slices_that_cases_have(files):
    files.suite("grader:", "budgets: {slices: {by: chanel, critical: [emial]}}\ngrader:")
    files.edit(WHERE, '"id": "t-1"', '"id": "t-1", "slices": {"channel": "email"}')
    assert files.said() == (
        "suites/tickets/suite.yaml:2:24: budgets.slices.by: no case has the slice 'chanel'\n"
        "    did you mean 'channel'?"
    )
    files.suite("chanel", "channel")
    assert files.said() == (
        "suites/tickets/suite.yaml:2:44: budgets.slices.critical[0]: no case has channel: emial\n"
        "    did you mean 'email'?"
    )


def test_a_projects_slice_budget_is_a_problem_only_where_it_looks_misspelt(files):
    files.edit("evalgate.yaml", "budgets:\n", "budgets:\n  slices: {by: channel, critical: [emial]}\n")
    assert files.load().suites[0].rules.slice_by == "channel"
    files.edit(WHERE, '"id": "t-1"', '"id": "t-1", "slices": {"channel": "email"}')
    assert files.said() == (
        "suites/tickets/suite.yaml:1:1: evalgate.yaml's budgets.slices names 'emial', which no case has\n"
        "    did you mean 'email'?"
    )


def test_a_case_without_the_routers_column(files):
    files.edit(WHERE, '{"need": 0.9}', '{"needs": 0.9}')
    said = files.said()
    assert (
        f"{WHERE}:2: vars.need: case 't-2' has no 'need' in its vars, "
        "and the router of policies/tickets/production.yaml reads 'need'\n    did you mean 'needs'?"
    ) in said
    assert "policies/tickets/threshold.yaml" in said


@pytest.mark.parametrize("score", ["1.5", '"high"', "true", "null", "NaN"])
def test_a_router_column_that_is_no_score(files, score):
    files.edit(WHERE, "0.9", score)
    said = files.said()
    assert f"{WHERE}:2: vars.need: case 't-2' has" in said
    assert "which is no score for the router of policies/tickets/production.yaml" in said
    assert "write a number from 0 to 1, or widen the range in the policy" in said


def test_a_case_without_a_prompts_variable_is_told_once_with_the_number_of_such_cases(files):
    files.production("Which team? {{input}}", "{{ product }}: {{input}}")
    assert files.said() == (
        f"{WHERE}:1: vars.product: case 't-1' has no 'product' in its vars, "
        "and the prompt of policies/tickets/production.yaml needs {{product}} (2 such cases)\n"
        '    write it into the case: "vars": {"product": …}'
    )


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        (
            "5",
            "3",
            f"{WHERE}:2: at: case 't-2' is at 3.0, before line 1 above it\n    sort the cases by time",
        ),
        ("5", '"2026-11-01"', f"{WHERE}:2: at: case 't-2' has a timestamp, and line 1 has seconds"),
        ('"2026-11-01T10:00:00Z"', '"2026-11-01T10:30:00+01:00"', "before line 1 above it"),
        (
            '"2026-11-01"',
            '"soon"',
            "case 't-2': 'soon' is not a time\n    write seconds as a number, or a timestamp",
        ),
    ],
)
def test_the_clock_of_an_ordered_suite(files, first, second, said):
    files.edit("suites/tickets/suite.yaml", "grader:", "ordered: true\ngrader:")
    files.edit(WHERE, '"id": "t-1"', f'"id": "t-1", "at": {first}')
    files.edit(WHERE, '"id": "t-2"', f'"id": "t-2", "at": {second}')
    assert said in files.said()
    files.edit("suites/tickets/suite.yaml", "ordered: true\n", "")
    files.load()


def test_a_case_without_a_time_follows_the_one_before(files):
    files.edit("suites/tickets/suite.yaml", "grader:", "ordered: true\ngrader:")
    files.edit(WHERE, '"id": "t-1"', '"id": "t-1", "at": 5')
    assert files.load().suites[0].ordered


def test_a_missing_cases_file(files):
    (files.root / WHERE).unlink()
    files.write("suites/tickets/case.jsonl", "")
    assert files.said() == (
        "suites/tickets/suite.yaml:1:1: cases: there is no 'cases.jsonl' in suites/tickets/\n"
        "    did you mean 'case.jsonl'?"
    )


@pytest.mark.parametrize(
    ("near", "same", "told"),
    [
        ("t-9", None, "case 't-2' is a near-miss of 't-9', which is no case"),
        ("t-1", "parcel", "case 't-2' is a near-miss of 't-1' and may share its answer"),
    ],
)
def test_a_near_miss_is_of_another_case_that_may_not_share_its_answer(files, near, same, told):
    first, second = ({**case, "same_answer": "parcel"} for case in CASES)
    files.cases(first, {**second, "same_answer": same or "other", "near_miss_of": near})
    assert told in files.said()
