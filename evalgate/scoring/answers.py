"""The answers of a run as columns: which of them nothing can read, and how long they are."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evalgate.core.outcome import Answer, Graded, Outcome
from evalgate.scoring.methods.arrays import Bools, Floats, Ints

_ANSWERING = frozenset({"generate", "fallback", "escalate"})


@dataclass(frozen=True, slots=True)
class Answers:
    """One row a case and one column a trial.

    ``unreadable`` marks answers that nothing can be made of. ``characters`` and ``tokens`` are their lengths:
    0 where a call failed, ``tokens`` NaN where nobody counted those of the answer that was served.
    """

    unreadable: Bools
    characters: Floats
    tokens: Floats

    def take(self, rows: Ints | Bools) -> "Answers":
        """Return the answers to some cases only."""
        return Answers(self.unreadable[rows], self.characters[rows], self.tokens[rows])

    def mixed(self, sent: Bools, there: "Answers") -> "Answers":
        """Return the answers of requests answered ``there`` where ``sent``, and else here.

        Lengths have one unit whatever is mixed: tokens are forgotten where one side does not know them all.
        """
        counted = bool(np.isfinite(self.tokens).all() and np.isfinite(there.tokens).all())
        return Answers(
            np.where(sent, there.unreadable, self.unreadable),
            np.where(sent, there.characters, self.characters),
            np.where(sent, there.tokens, self.tokens) if counted else np.full_like(self.tokens, np.nan),
        )


def answers_of(results: Sequence[Graded], where: tuple[Ints, Ints], shape: tuple[int, int]) -> Answers:
    """Return the answers of a run whose outcomes go to rows and columns ``where`` of a table of ``shape``."""
    unreadable = np.zeros(shape, dtype=np.bool_)
    characters, tokens = np.zeros(shape), np.zeros(shape)
    lengths = [_lengths(graded.outcome) for graded in results]
    unreadable[where] = [graded.unreadable for graded in results]
    characters[where] = [length for length, _ in lengths]
    tokens[where] = [counted for _, counted in lengths]
    return Answers(unreadable, characters, tokens)


def _lengths(outcome: Outcome) -> tuple[float, float]:
    answer = outcome.result
    if not isinstance(answer, Answer):
        return 0.0, 0.0
    called = sum(len(call.name) + len(call.arguments) for call in answer.tool_calls)
    return float(len(answer.text) + called), _tokens(outcome)


def _tokens(outcome: Outcome) -> float:
    """The output tokens of the call whose answer was served, with those that the model only thought.

    A cache hit made no call, and of several samples any may have been served.
    """
    if any(step.role == "sample" for step in outcome.steps):
        return math.nan
    for step in reversed(outcome.steps):
        if step.role in _ANSWERING and step.deployment == outcome.deployment and step.attempts:
            usage = step.attempts[-1].usage
            return math.nan if usage is None or usage.output_tokens is None else float(usage.output_tokens)
    return math.nan
