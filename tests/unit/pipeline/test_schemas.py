"""The JSON Schemas for editors: current, draft-07 in fact, and true of the files we ship."""

import json
from pathlib import Path

import pytest

from evalgate.cli.schema import FILES
from evalgate.load.syntax.yaml_text import parse_yaml
from evalgate.pipeline.schemas import DRAFT, NAMES, schema_text
from tests.draft07 import faults

ROOT = Path(__file__).parents[3]
SCHEMAS = {name: json.loads(schema_text(name)) for name in NAMES}
SHIPPED = [
    ("project", ROOT / "evalgate.yaml"),
    *(("suite", path) for path in sorted(ROOT.glob("suites/*/suite.yaml"))),
    *(("policy", path) for path in sorted(ROOT.glob("policies/*/*.yaml"))),
    *(("policy", path) for path in sorted(ROOT.glob("policies/*/rejected/*.yaml"))),
]


def tree(text):
    return parse_yaml(text, "a test").value


def keys(node):
    """Every keyword of a schema, wherever it stands; names of properties are none."""
    for key, value in node.items():
        yield key
        if key in ("properties", "definitions"):
            children = list(value.values())
        elif key in ("default", "examples", "enum", "const", "required"):
            continue
        else:
            children = value if isinstance(value, list) else [value]
        for child in children:
            if isinstance(child, dict):
                yield from keys(child)


@pytest.mark.parametrize("name", NAMES)
def test_the_committed_schemas_are_current(name):
    committed = (ROOT / "docs" / "schemas" / f"{name}.schema.json").read_text("utf-8")
    again = f"evalgate schema {name} > docs/schemas/{name}.schema.json"
    assert committed == schema_text(name), f"write it anew: {again}"


def test_the_command_line_knows_every_schema(evalgate):
    assert FILES == NAMES
    assert evalgate("schema", "suite") == (0, schema_text("suite"), "")
    code, out, err = evalgate("schema", "suit")
    assert (code, out) == (2, "")
    assert "'suit' is not one of" in err


@pytest.mark.parametrize("name", NAMES)
def test_they_hold_nothing_but_draft_07(name):
    schema = SCHEMAS[name]
    assert schema["$schema"] == DRAFT
    later = {"$defs", "prefixItems", "discriminator", "dependentRequired", "unevaluatedProperties"}
    assert not later.intersection(keys(schema))


@pytest.mark.parametrize(("name", "path"), SHIPPED, ids=lambda value: str(value).removeprefix(f"{ROOT}/"))
def test_the_shipped_files_validate(name, path):
    assert faults(tree(path.read_text("utf-8")), SCHEMAS[name]) == []


def test_the_shipped_cases_validate():
    for path in ROOT.glob("suites/*/cases.jsonl"):
        for line in path.read_text("utf-8").splitlines():
            assert faults(json.loads(line), SCHEMAS["case"]) == []


def test_the_examples_of_the_documentation_validate():
    page = (ROOT / "docs" / "files.md").read_text("utf-8")
    blocks = [part.split("```", 1)[0] for part in page.split("```yaml\n")[1:]]
    by_key = {"suites:": "project", "description: Route": "suite", "description: What serves": "policy"}
    checked = [
        (name, faults(tree(block), SCHEMAS[name]))
        for block in blocks
        for begins, name in by_key.items()
        if block.startswith(begins)
    ]
    assert checked == [("project", []), ("suite", []), ("policy", [])]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("project", "budgets: {accuracy: {max_drop: 1}}"),
        ("project", "budgets: {accuracy: {max_drop: 1%}}"),
        ("project", "budgets: {accuracy: {min: 85pp}}"),
        ("project", "budgets: {cost_per_correct: {max: 1}}"),
        ("project", "budgets: {latency_p95: {max: 2.5}}"),
        ("project", "providers: {local: {kind: opnai, origin: x}}"),
        ("project", "sutes: [suites]"),
        ("suite", "policies: p\ngrader: {kind: choice}"),
        ("suite", "grader: {kind: exact}"),
        ("policy", "deployments: {}"),
        ("policy", "deployments: {a: {provider: p}}"),
        ("policy", "deployments: {a: {provider: p, model: m}}\nreliability: {num_retries: 6}"),
        (
            "policy",
            "deployments: {a: {provider: p, model: m}}\n"
            "router: {kind: column, column: c, threshold: 1, strong: a, weak: a, range: [0, 1, 2]}",
        ),
        ("case", '{"id": "", "input": "x"}'),
        ("case", '{"id": "a", "input": "x", "weight": 0}'),
    ],
)
def test_what_the_loader_refuses_the_schema_refuses(name, text):
    assert faults(tree(text), SCHEMAS[name])


@pytest.mark.parametrize("written", ["1pp", " 1.5 pp ", ".5PP"])
def test_quantities_are_read_as_the_loader_reads_them(written):
    assert faults({"budgets": {"accuracy": {"max_drop": written}}}, SCHEMAS["project"]) == []


def test_quantities_have_examples_and_types_have_descriptions():
    share = SCHEMAS["suite"]["definitions"]["ShareBudget"]
    quantity = share["properties"]["max_drop"]["anyOf"][0]
    assert (quantity["type"], quantity["examples"]) == ("string", ["1pp"])
    assert share["description"].startswith("Limits on a metric")
    assert "``" not in schema_text("suite")
