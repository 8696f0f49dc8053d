"""docs/files.md names every key that can be written, and its examples load."""

import json
import re
from pathlib import Path

import pytest

from evalgate.core import (
    batch_file,
    budgets,
    cascade_file,
    cases_file,
    hosting_file,
    policy_file,
    policy_source_file,
    project_file,
    response_file,
    router_file,
    service_time_file,
    suite_file,
    traffic_file,
)
from evalgate.core.cases import Case
from evalgate.core.labels import HumanLabel
from evalgate.core.policy_file import Price
from evalgate.core.written import Written
from evalgate.load.policy_files.routers import TextClassifierFile
from evalgate.load.syntax.documents import validate
from evalgate.load.syntax.yaml_text import Tree, parse_yaml

PAGE = (Path(__file__).parents[3] / "docs" / "files.md").read_text(encoding="utf-8")
MODELS = [
    model
    for module in (
        budgets,
        batch_file,
        cascade_file,
        cases_file,
        hosting_file,
        policy_file,
        policy_source_file,
        project_file,
        response_file,
        router_file,
        suite_file,
        service_time_file,
        traffic_file,
    )
    for model in vars(module).values()
    if isinstance(model, type) and issubclass(model, Written) and model is not Written
]


@pytest.mark.parametrize("model", [*MODELS, Case, TextClassifierFile], ids=lambda model: model.__name__)
def test_every_key_is_explained(model):
    for name, field in model.model_fields.items():
        key = field.alias or name
        assert re.search(rf"`\{{?{key}\b", PAGE), f"{model.__name__}.{key}"


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_examples_are_valid():
    kinds = (
        project_file.ProjectFile,
        dict[str, Price],
        suite_file.SuiteFile,
        suite_file.SuiteFile,
        suite_file.SuiteFile,
        suite_file.SuiteFile,
        policy_file.PolicyFile,
        policy_source_file.PolicyOverFile,
    )
    for text, kind in zip(blocks("yaml"), kinds, strict=True):
        validate(parse_yaml(text, "docs/files.md"), kind, "docs/files.md")
    for text, kind in zip(blocks("json"), (Case, HumanLabel, TextClassifierFile), strict=True):
        validate(Tree(json.loads(text), {}, {}), kind, "docs/files.md")
