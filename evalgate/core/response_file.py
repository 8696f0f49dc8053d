"""What is done to answers before they are served, as a person writes it: ``response`` of a policy."""

from typing import Annotated, Literal

from pydantic import Discriminator, Tag

from evalgate.core.written import Written


def rule_tag(value: object) -> str:
    """Tell a rule by its name from one that is written out."""
    return "name" if isinstance(value, str) else "rule"


class ExtractRegex(Written):
    """Keep the first group (or the whole match) of an RE2 pattern; an answer without a match stays whole."""

    extract_regex: str


class ExtractJson(Written):
    """Keep the value at a dotted path of the first JSON value in the answer."""

    extract_json: str


ResponseName = Literal["strip", "strip_code_fences"]
ResponseRule = Annotated[
    Annotated[ResponseName, Tag("name")] | Annotated[ExtractRegex | ExtractJson, Tag("rule")],
    Discriminator(rule_tag),
]


class ResponseFile(Written):
    """Rules applied in order to every answer, cached ones too, before it is served."""

    normalize: list[ResponseRule] = []
