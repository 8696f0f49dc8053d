"""What a cost verdict would be with machines emptier or fuller than stated, in words."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from evalgate.core.hosting_use import AtUtilisation
from evalgate.core.verdict import Check, Judgement
from evalgate.report.quiet import is_quiet
from evalgate.report.safe_text import safe_line
from evalgate.report.wording import check_words


class AtUtilisations(NamedTuple):
    """One limit at other utilisations, as safe text; ``turns`` where a verdict is another one there."""

    text: str
    turns: bool


def at_utilisations(judgement: Judgement) -> list[AtUtilisations]:
    """Return a sentence for each cost limit that rests on how full machines are."""
    return [_sentence(check) for check in judgement.checks if check.at_utilisation and not is_quiet(check)]


def _sentence(check: Check) -> AtUtilisations:
    words, there = check_words(check), check.at_utilisation
    turns = any(at.verdict != check.verdict for at in there)
    said = "; ".join(f"{_times(at.times)}, {_shares(at.utilisations)}: {_found(check, at)}" for at in there)
    stated = _shares(there[0].stated)
    ending = (
        f"the verdict turns on the utilisation, and the one at {stated} holds"
        if turns
        else "the verdict stays the same"
    )
    text = f"{words.subject} ({words.budget}) rests on machines that are full to {stated}; {said}; {ending}"
    return AtUtilisations(safe_line(text, 500), turns)


def _found(check: Check, at: AtUtilisation) -> str:
    words = check_words(replace(check, candidate=at.candidate, change=at.change))
    return f"{words.change}, {at.verdict}"


def _times(times: float) -> str:
    return {0.5: "half of that", 2.0: "twice that"}.get(times, f"{times:g} times that")


def _shares(utilisations: Sequence[tuple[str, float]]) -> str:
    if len({share for _, share in utilisations}) == 1:
        return f"{100 * utilisations[0][1]:.3g}%"
    return ", ".join(f"{safe_line(alias, 30)} {100 * share:.3g}%" for alias, share in utilisations)
