"""A fitted router as the JSON that people commit and :mod:`evalgate.load.policy_files.routers` reads."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence

from evalgate.core.routing import RoutingCase, question_digest
from evalgate.training.text_classifier import NGRAMS, Fitted

_DIGITS = 6


def router_json(fitted: Fitted, split: Mapping[str, object], provenance: Mapping[str, object]) -> str:
    """Return the file of a weak-or-strong router (one head) or a difficulty router (two)."""
    numbers = [fitted.idf, *(head.coefficients for head in fitted.heads)]
    terms = {
        str(term): [round(float(column[at]), _DIGITS) for column in numbers]
        for at, term in enumerate(fitted.terms)
    }
    intercepts = [round(head.intercept, _DIGITS) for head in fitted.heads]
    own: dict[str, object] = (
        {"format": "evalgate/text-classifier@1", "intercept": intercepts[0]}
        if len(intercepts) == 1
        else {"format": "evalgate/difficulty-classifier@1", "intercepts": intercepts}
    )
    document = {
        **own,
        "ngrams": list(NGRAMS),
        "sublinear_tf": True,
        "provenance": provenance,
        "split": split,
        "terms": terms,
    }
    lines = (f"{json.dumps(key)}: {_value(key, value)}" for key, value in document.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


def split_json(cases: Sequence[RoutingCase], share: float, seed: int) -> dict[str, object]:
    """Return which cases a router has seen, as they stand in its file."""
    seen: dict[str, dict[str, str]] = defaultdict(dict)
    groups: dict[str, set[str]] = defaultdict(set)
    for each in cases:
        seen[each.suite][each.case.id] = question_digest(each.case)
        if each.case.group is not None:
            groups[each.suite].add(each.case.group)
    return {
        "seed": seed,
        "share": share,
        "cases": seen,
        "groups": {suite: sorted(names) for suite, names in sorted(groups.items())},
    }


def _value(key: str, value: object) -> str:
    """A line a term, so that a diff of two routers can be read."""
    if key != "terms" or not isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    rows = (f"{json.dumps(term, ensure_ascii=False)}: {json.dumps(row)}" for term, row in value.items())
    return "{\n" + ",\n".join(rows) + "\n}"
