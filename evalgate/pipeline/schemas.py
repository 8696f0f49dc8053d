"""JSON Schemas of the files people write, for editors: pydantic's, in the words of draft-07.

Most editors read draft-07 (https://json-schema.org/draft-07), and pydantic writes 2020-12.
"""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from evalgate.core.cases import Case
from evalgate.core.labels import HumanLabel
from evalgate.core.policy_file import PolicyFile
from evalgate.core.policy_source_file import PolicyOverFile
from evalgate.core.project_file import ProjectFile
from evalgate.core.suite_file import SuiteFile

DRAFT = "http://json-schema.org/draft-07/schema#"
_FILES: Mapping[str, tuple[Any, str]] = {
    "project": (ProjectFile, "evalgate.yaml"),
    "suite": (SuiteFile, "suite.yaml of evalgate"),
    "policy": (PolicyFile | PolicyOverFile, "a policy of evalgate"),
    "case": (Case, "one line of a suite's cases.jsonl"),
    "label": (HumanLabel, "one line of a suite's labels.jsonl"),
}
NAMES = tuple(_FILES)
# What keeps a mapping from names of ours to schemas, and what is data rather than a schema.
_NAMED = frozenset({"properties", "$defs"})
_DATA = frozenset({"const", "enum", "examples", "required"})


def schema_text(name: str) -> str:
    """Return the schema of one kind of file as indented JSON with a final newline."""
    model, title = _FILES[name]
    schema = _draft07(TypeAdapter(model).json_schema())
    document = {"$schema": DRAFT, "title": title, **schema}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _draft07(node: Mapping[str, Any]) -> dict[str, Any]:
    adapted: dict[str, Any] = {}
    for key, value in node.items():
        if key in _NAMED:
            named = {name: _draft07(inner) for name, inner in value.items()}
            adapted["definitions" if key == "$defs" else key] = named
        elif key == "prefixItems":
            adapted["items"] = [_draft07(inner) for inner in value]
            adapted["additionalItems"] = False
        elif key == "$ref":
            adapted[key] = value.replace("#/$defs/", "#/definitions/")
        elif key == "description":
            adapted[key] = value.replace("``", "`")
        elif key in {"title", "discriminator"} or (key == "default" and _says_nothing(value)):
            continue
        else:
            adapted[key] = value if key in _DATA or key == "default" else _inner(value)
    return _with_plain_reference(adapted)


def _inner(value: Any) -> Any:
    match value:
        case dict():
            return _draft07(value)
        case list():
            return [_draft07(each) if isinstance(each, dict) else each for each in value]
        case _:
            return value


def _says_nothing(default: object) -> bool:
    """Tell defaults that are only "absent": an editor would write them out."""
    return default is None or isinstance(default, dict) or default in ([], "")


def _with_plain_reference(node: dict[str, Any]) -> dict[str, Any]:
    """Wrap a reference that stands beside other keys: draft-07 ignores whatever stands beside one."""
    if "$ref" not in node or len(node) == 1:
        return node
    return {"allOf": [{"$ref": node["$ref"]}], **{key: value for key, value in node.items() if key != "$ref"}}
