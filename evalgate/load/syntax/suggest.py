"""What the writer probably meant, and how a list of names is said."""

from collections.abc import Iterable
from difflib import get_close_matches

_MANY = 16


def did_you_mean(written: str, known: Iterable[str], what: str = "known") -> str:
    """Return the cure for an unknown name: the nearest known one, or all of them."""
    names = list(known)
    near = get_close_matches(written, names, n=1, cutoff=0.6)
    if not near:
        near = [name for name in names if name.casefold() == written.casefold()]
    if near:
        return f"did you mean {near[0]!r}?"
    return f"{what}: {said(names)}" if names else ""


def said(names: Iterable[str], joint: str = "") -> str:
    """Return names as a phrase: ``a, b, c``; with ``joint`` "or": ``a, b or c``."""
    listed = list(names)
    if len(listed) > _MANY:
        return ", ".join(listed[:_MANY]) + f" and {len(listed) - _MANY} more"
    if joint and len(listed) > 1:
        return f"{', '.join(listed[:-1])} {joint} {listed[-1]}"
    return ", ".join(listed)
