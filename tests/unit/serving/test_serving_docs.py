import json
import re
from pathlib import Path

import pytest
import yaml

from evalgate.core.policy_file import NormalizeName, PolicyFile
from evalgate.core.traffic_file import TrafficFile
from evalgate.serving.normalize import compile_rules
from evalgate.serving.response import compile_response

LEVERS = Path(__file__).parents[3] / "docs" / "levers"
PAGES = ["cache", "router", "cascade", "reliability", "response"]
EXAMPLES = [
    (page, block)
    for page in PAGES
    for block in re.findall(
        r"^```yaml\n(.*?)^```", (LEVERS / f"{page}.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
]


@pytest.mark.parametrize(("page", "block"), EXAMPLES)
def test_every_example_is_a_valid_piece_of_a_policy(page, block):
    written = yaml.safe_load(block)
    if list(written) == ["traffic"]:
        assert TrafficFile.model_validate_json(json.dumps(written["traffic"])).faults
        return
    assert list(written) == [page]
    whole = {"deployments": {"weak": {"provider": "local", "model": "m"}}, **written}
    made = PolicyFile.model_validate_json(json.dumps(whole))
    compile_response(made.response.normalize)
    compile_rules(made.cache.normalize if made.cache else [])


def test_every_page_has_examples():
    assert {page for page, _ in EXAMPLES} == set(PAGES)


def test_every_normalization_rule_is_explained():
    text = (LEVERS / "cache.md").read_text("utf-8")
    assert [name for name in NormalizeName.__args__ if f"| `{name}` |" not in text] == []
