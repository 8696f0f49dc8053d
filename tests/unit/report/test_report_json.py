"""The JSON contract."""

import json as standard_json
import re
from math import inf, nan
from pathlib import Path

import decisions
import pytest
from draft07 import violations

import evalgate.report
from evalgate.report import json, json_numbers

SCHEMA = standard_json.loads((Path(evalgate.report.__path__[0]) / "result.schema.json").read_text("utf-8"))
ALL = [*decisions.EXAMPLES.values(), decisions.ten_thousand_flips]


def document(decision):
    return standard_json.loads(json.render(decision))


@pytest.mark.parametrize("example", ALL)
def test_every_result_follows_the_schema(example):
    assert list(violations(document(example()), SCHEMA)) == []


def test_the_schema_names_every_field_that_is_written():
    def closed(schema):
        for part in schema.values():
            if isinstance(part, dict):
                closed(part)
        if "properties" in schema and "type" in schema:
            schema.setdefault("additionalProperties", False)
        return schema

    strict = closed(standard_json.loads(standard_json.dumps(SCHEMA)))
    for example in ALL:
        assert list(violations(document(example()), strict)) == []


def test_the_example_in_the_documentation_is_a_result():
    page = (Path(__file__).parents[3] / "docs" / "result-json.md").read_text("utf-8")
    example = standard_json.loads(page.split("```json")[1].split("```")[0])
    assert list(violations(example, SCHEMA)) == []


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        ({"schema": "evalgate/result@2"}, "$.schema"),
        ({"verdict": "maybe"}, "$.verdict"),
        ({"exit_code": True}, "$.exit_code"),
        ({"comparisons": [{}]}, "no suite"),
    ],
)
def test_the_schema_refuses_what_is_no_result(broken, why):
    found = list(violations(document(decisions.nothing()) | broken, SCHEMA))
    assert why in " ".join(found)


def test_the_top_and_the_check_hold_the_contract_s_fields_in_its_order():
    result = document(decisions.proven_fail())
    assert list(result)[:5] == ["schema", "verdict", "blocked", "exit_code", "comparisons"]
    comparison = result["comparisons"][0]
    assert " ".join(list(comparison)[:11]) == (
        "suite baseline candidate verdict blocked headline checks cases shares calls spend_usd"
    )
    assert " ".join(comparison["checks"][0]) == (
        "metric slice limit allowance unit scale verdict blocked gated on_inconclusive reason baseline "
        "candidate change method level n clusters trials affected losses gains cases_needed assumptions "
        "waiver"
    )
    assert result["exit_code"] == 1
    assert comparison["checks"][0]["change"] == {"value": -0.07, "low": -0.10, "high": -0.041}
    assert comparison["shares"] == {"strong": 0.5925, "cache_hits": None}


def test_money_is_decimal_strings_and_ratios_of_money_are_numbers():
    relative = document(decisions.pass_with_gain())["comparisons"][0]["checks"][1]
    assert relative["baseline"]["value"] == "0.004120"
    assert relative["allowance"] == 0.05
    assert relative["change"]["low"] == -0.331
    absolute = document(decisions.no_baseline())["comparisons"][0]["checks"][1]
    assert absolute["allowance"] == "0.010000"


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0.0, "0.000000"),
        (-0.0, "0.000000"),
        (0.1 + 0.2, "0.300000"),
        (1e-9, "0.000000001"),
        (1.23456789e-7, "0.000000123456789"),
        (1234567.5, "1234567.500000"),
        (1e15, "1000000000000000.000000"),
        (-2.5, "-2.500000"),
    ],
)
def test_usd_has_at_least_six_decimals_and_no_exponent(amount, text):
    assert json_numbers.usd_text(amount) == text
    assert re.fullmatch(r"-?[0-9]+\.[0-9]{6,}", text)


def test_an_unbounded_side_is_null():
    check = decisions.latency_check(change=decisions.estimate(0.14, -inf, inf))
    change = document(decisions.decision(decisions.judgement(checks=(check,))))["comparisons"][0]["checks"][
        0
    ]["change"]
    assert change == {"value": 0.14, "low": None, "high": None}


def test_nan_is_never_written():
    check = decisions.check(change=decisions.estimate(nan, 0, 0))
    with pytest.raises(ValueError, match="NaN"):
        json.render(decisions.decision(decisions.judgement(checks=(check,))))


def test_a_missing_number_is_its_reason():
    check = document(decisions.unmeasured())["comparisons"][0]["checks"][0]
    assert check["change"] == {"unmeasured": "no case was answered correctly"}


def test_without_baseline_it_is_null():
    comparison = document(decisions.no_baseline())["comparisons"][0]
    assert comparison["baseline"] is None
    assert comparison["sides"]["baseline"] is None


def test_all_flips_are_there():
    assert len(document(decisions.ten_thousand_flips())["comparisons"][0]["flips"]) == 10_000


def test_the_bytes_are_the_same_each_time_ascii_and_end_in_a_newline():
    first, second = json.render(decisions.hostile()), json.render(decisions.hostile())
    assert first == second
    assert first.isascii()
    assert first.endswith("}\n")
    assert not [line for line in first.splitlines() if line.lstrip().startswith("::")]
    assert "\\ud800" not in first
