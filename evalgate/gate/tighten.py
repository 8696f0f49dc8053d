"""Rules made stricter about what is not proven, never laxer."""

from dataclasses import replace

from evalgate.core.budgets import OnInconclusive, Rules

_STRICTNESS: tuple[OnInconclusive, ...] = ("warn", "estimate", "block")


def tightened(rules: Rules, least: OnInconclusive) -> Rules:
    """Return the rules with every limit at least as strict as ``least`` about an inconclusive check."""
    limits = tuple(
        replace(limit, on_inconclusive=max(limit.on_inconclusive, least, key=_STRICTNESS.index))
        for limit in rules.limits
    )
    return replace(rules, limits=limits)
