"""A policy with some of its numbers turned to other values."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from evalgate.core.errors import BadInput, Problem
from evalgate.core.policy import Policy
from evalgate.core.written import Written
from evalgate.load.syntax.suggest import did_you_mean

_BLOCKS = ("router", "cascade", "cache", "reliability")


@dataclass(frozen=True, slots=True)
class Knob:
    """A number of a policy, named as in its file (``router.threshold``), and where the policy has it."""

    key: str
    block: str
    name: str
    value: float
    whole: bool


def knob(policy: Policy, key: str) -> Knob:
    """Return the number that ``key`` names.

    Raises:
        BadInput: the policy has no such number; says which it has.

    """
    found = {each.key: each for each in _knobs(policy)}
    if key in found:
        return found[key]
    cure = did_you_mean(key, found, "its numbers are") or f"its numbers are {', '.join(found)}"
    raise BadInput([Problem(f"policy {policy.name} has no number {key!r}", cure, file=policy.file)])


def turned(policy: Policy, values: Mapping[Knob, float]) -> Policy:
    """Return the policy with each number at another value.

    Raises:
        BadInput: a value is none that the policy's file could hold.

    """
    for each, value in values.items():
        block = getattr(policy, each.block)
        spec = _spec(block)
        whole = int(value) if each.whole else value
        try:
            # Only what was written: a key that is there without the one it belongs to is refused.
            new = type(spec).model_validate({**spec.model_dump(exclude_unset=True), each.name: whole})
        except ValidationError as error:
            said = error.errors()[0]["msg"].removeprefix("Value error, ")
            message = f"{each.key} cannot be {whole:g}: {said}"
            raise BadInput([Problem(message, "sweep over values that a policy may hold")]) from error
        changed: dict[str, Any] = {each.block: new if block is spec else replace(block, spec=new)}
        policy = replace(policy, **changed)
    return policy


def _knobs(policy: Policy) -> list[Knob]:
    knobs = []
    for block in _BLOCKS:
        held = getattr(policy, block, None)
        if held is None:
            continue
        for name, value in _spec(held).model_dump().items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                knobs.append(Knob(f"{block}.{name}", block, name, float(value), isinstance(value, int)))
    return knobs


def _spec(block: Any) -> Written:
    spec = getattr(block, "spec", block)
    assert isinstance(spec, Written)
    return spec
