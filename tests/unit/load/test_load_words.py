"""Wrong values and keys, in plain words."""

import json

import pytest

from evalgate.core.cases import Case
from evalgate.core.errors import BadInput
from evalgate.core.policy_file import PolicyFile
from evalgate.core.project_file import ProjectFile
from evalgate.core.suite_file import SuiteFile
from evalgate.load.syntax.documents import parse_json, validate
from evalgate.load.syntax.yaml_text import parse_yaml

POLICY = "deployments: {a: {provider: p, model: m}}\n"


def refused(kind: type, text: str) -> str:
    with pytest.raises(BadInput) as caught:
        validate(parse_yaml(text, "f.yaml"), kind, "f.yaml")
    return str(caught.value)


def test_one_misspelt_key_is_one_problem_though_the_right_one_is_missing_then():
    text = POLICY + "router: {kind: column, column: c, treshold: 1, strong: a, weak: a}\n"
    assert (
        refused(PolicyFile, text)
        == "f.yaml:2:35: router.treshold: unknown key\n    did you mean 'threshold'?"
    )


def test_a_key_like_no_other_gets_the_list_of_known_ones():
    said = refused(PolicyFile, "deployments: {a: {provider: p, model: m, price: {x: 1}}}\n")
    assert said.startswith(
        "f.yaml:1:50: deployments.a.price.x: unknown key\n"
        "    known here: input_per_1m, output_per_1m, cached_input_per_1m, cache_write_per_1m, per_request"
    )


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        (
            SuiteFile,
            "policies: p\ngrader: {kind: exact}\nordered: yes\n",
            "f.yaml:3:10: ordered: expected true or false, found the text 'yes'\n    write true",
        ),
        (
            SuiteFile,
            "policies: p\ngrader: {kind: exact}\ntrials: 1.5\n",
            "f.yaml:3:9: trials: expected a whole number, found the number 1.5",
        ),
        (
            SuiteFile,
            "policies: p\ngrader: {kind: exact}\ntrials: 0\n",
            "f.yaml:3:9: trials: 0 is out of range\n    write a number of at least 1",
        ),
        (
            SuiteFile,
            "policies: p\ngrader: {kind: exact}\ncases:\n",
            (
                "f.yaml:3:7: cases: expected text or a mapping, found nothing\n"
                "    write a value after the colon, or remove the key"
            ),
        ),
        (
            SuiteFile,
            "grader: {kind: exact}\n",
            "f.yaml:1:1: 'policies' is missing\n    add policies: policies/<family>",
        ),
        (
            SuiteFile,
            "",
            (
                "f.yaml:1:1: 'policies' is missing\n"
                "    add policies: policies/<family>\nf.yaml:1:1: 'grader' is missing\n"
                "    add grader: {kind: exact}; docs/graders.md lists the kinds"
            ),
        ),
        (
            SuiteFile,
            "policies: p\ngrader: {kind: chioce}\n",
            (
                "f.yaml:2:9: grader: unknown kind 'chioce'\n"
                "    did you mean 'choice'? known kinds: exact, choice, number, regex, function, "
                "contains, json_equal, json_schema, list_f1, text_f1, tool_calls, judge, similarity"
            ),
        ),
        (
            SuiteFile,
            "policies: p\ngrader: {labels: [a, b]}\n",
            "f.yaml:2:9: grader: 'kind' is missing\n    add kind: …, which says what this is",
        ),
        (
            SuiteFile,
            "policies: p\ngrader: {kind: choice, labels: [a]}\n",
            "f.yaml:2:32: grader.labels: too few items: 1\n    write at least 2",
        ),
        (
            ProjectFile,
            "suites: suites\n",
            "f.yaml:1:9: suites: expected a list, found the text 'suites'\n    write [suites]",
        ),
        (ProjectFile, "alpha: 5\n", "f.yaml:1:8: alpha: 5 is out of range\n    write a number below 0.5"),
        (
            ProjectFile,
            "on_inconclusive: blok\n",
            "f.yaml:1:18: on_inconclusive: unknown value 'blok'\n    did you mean 'block'?",
        ),
        (
            ProjectFile,
            "providers: {a: {kind: openai, origin: localhost}}\n",
            (
                "f.yaml:1:39: providers.a.origin: 'localhost' is not an origin\n"
                "    write it like http://127.0.0.1:8080 or https://example.org/v1"
            ),
        ),
        (ProjectFile, "- a\n", "f.yaml:1:1: expected a mapping of keys to values, found a list"),
        (PolicyFile, "deployments: {}\n", "f.yaml:1:14: deployments: it is empty\n    write at least 1"),
        (
            PolicyFile,
            "deployments: {a: {provider: p, model: 7}}\n",
            'f.yaml:1:39: deployments.a.model: expected text, found the number 7\n    put it in quotes: "7"',
        ),
        (
            PolicyFile,
            "deployments: {a: {provider: p, model: m, revision: 12}}\n",
            (
                "f.yaml:1:52: deployments.a.revision: expected text or a mapping, found the number 12\n"
                '    put it in quotes: "12"'
            ),
        ),
        (
            PolicyFile,
            "deployments: {a: {provider: p, model: m, revision: {file: [w]}}}\n",
            "f.yaml:1:53: deployments.a.revision.file: unknown key\n    did you mean 'files'?",
        ),
        (
            PolicyFile,
            "deployments: {a: {provider: p, model: m}}\nprompt: 5\n",
            'f.yaml:2:9: prompt: expected a list or text, found the number 5\n    put it in quotes: "5"',
        ),
        (
            PolicyFile,
            "deployments: {a: {provider: p, model: m}}\nprompt: [{role: user, conten: x}]\n",
            "f.yaml:2:23: prompt[0].conten: unknown key\n    did you mean 'content'?",
        ),
        (
            PolicyFile,
            "deployments: {a: {provider: p, model: m}}\nresponse: {normalize: [{extract_regexp: x}]}\n",
            (
                "f.yaml:2:25: response.normalize[0].extract_regexp: unknown key\n"
                "    did you mean 'extract_regex'?"
            ),
        ),
        (
            PolicyFile,
            'deployments: {a: {provider: p, model: m}}\nreliability: {request_timeout_s: "3"}\n',
            (
                "f.yaml:2:34: reliability.request_timeout_s: expected a number, found the text '3'\n"
                "    remove the quotes: 3"
            ),
        ),
        (
            PolicyFile,
            "deployments: {a: {provider: p, model: m}}\nreliability: {hedge_after_s: 800ms}\n",
            (
                "f.yaml:2:30: reliability.hedge_after_s: expected a number, found the text '800ms'\n"
                "    write seconds without a unit: 0.8"
            ),
        ),
        (
            PolicyFile,
            "deployments: {a: {provider: p, model: m, price: {input_per_1m: 1.0e+300}}}\n",
            (
                "f.yaml:1:64: deployments.a.price.input_per_1m: 1e+300 is out of range\n"
                "    write a number of at most 1000000000000000"
            ),
        ),
    ],
)
def test_plain_words(kind, text, said):
    assert refused(kind, text) == said


@pytest.mark.parametrize(
    ("budget", "said"),
    [
        ("accuracy: {max_drop: 1}", "f.yaml:1:32: budgets.accuracy.max_drop: 1 has no unit\n    write 1pp"),
        ("accuracy: {min: 85}", "f.yaml:1:27: budgets.accuracy.min: 85 has no unit\n    write 5%"),
        (
            "cost_per_correct: {max: 0.01}",
            "f.yaml:1:35: budgets.cost_per_correct.max: 0.01 has no unit\n    write 0.01usd",
        ),
        (
            "latency_p95: {max: 2}",
            "f.yaml:1:30: budgets.latency_p95.max: 2 has no unit\n    write 2.5s or 250ms",
        ),
        (
            "accuracy: {max_drop: 1%}",
            "f.yaml:1:32: budgets.accuracy.max_drop: '1%' is not a quantity of this budget\n    write 1pp",
        ),
    ],
)
def test_a_budget_without_its_unit_names_the_ways_to_write_it(budget, said):
    assert refused(ProjectFile, f"budgets: {{{budget}}}\n") == said


def test_a_kind_that_is_also_a_key_is_found_as_the_key():
    text = POLICY + "router: {kind: column, column: 4, threshold: x, strong: a, weak: a}\n"
    assert refused(PolicyFile, text) == (
        'f.yaml:2:32: router.column: expected text, found the number 4\n    put it in quotes: "4"\n'
        "f.yaml:2:46: router.threshold: expected a number, found the text 'x'"
    )


def test_a_provider_may_be_called_like_its_kind():
    text = "providers: {openai: {kind: openai, origin: x}}\n"
    assert "f.yaml:1:44: providers.openai.origin: 'x' is not an origin" in refused(ProjectFile, text)


def test_json_lines_get_line_and_column():
    text = json.dumps({"id": 5, "input": "x", "taget": "y"})
    with pytest.raises(BadInput) as caught:
        validate(parse_json(text, "c.jsonl", 7), Case, "c.jsonl")
    assert str(caught.value) == (
        'c.jsonl:7:8: id: expected text, found the number 5\n    put it in quotes: "5"\n'
        "c.jsonl:7:25: taget: unknown key\n    did you mean 'target'?"
    )


def test_an_unknown_key_named_like_the_kind_beside_it_is_a_key():
    text = "policies: p\ngrader: {kind: exact, exact: 1}\nkind: odd\nodd: 1\n"
    said = refused(SuiteFile, text)
    assert "f.yaml:2:23: grader.exact: unknown key" in said
    assert "f.yaml:4:1: odd: unknown key" in said


@pytest.mark.parametrize(
    ("provider", "words"),
    [
        ('{kind: openai, origin: "x.example"}', "'x.example' is not an origin"),
        ('{kind: openai, origin: "http://h", path: "v1"}', "'v1' is not a path"),
        ('{kind: openai, origin: "http://h", key_header: "a b"}', "'a b' is not the name of a header"),
        (
            '{kind: openai, origin: "http://h", gateway: {cost_usd: "a b"}}',
            "'a b' is not the name of a header",
        ),
        ('{kind: http, origin: "http://h", answer: text}', "'text' is not a JSON pointer"),
        ('{kind: http, origin: "http://h", usage: {input_tokens: in}}', "'in' is not a JSON pointer"),
        ('{kind: litellm, vendor: "a/"}', "'a/' is not a prefix of litellm"),
    ],
)
def test_what_does_not_fit_is_named_for_what_it_should_be(files, provider, words):
    files.edit("evalgate.yaml", '{kind: openai, origin: "http://127.0.0.1:8080"}', provider)
    assert words in files.said()
