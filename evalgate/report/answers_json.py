"""What became of the answers, as the result's JSON has it."""

from evalgate.core.answers import AnswerChanges, Move, Recovery
from evalgate.report.json_numbers import measured_json, text_json


def answers_json(found: AnswerChanges) -> dict[str, object]:
    """Return every number with its interval, all slices included."""
    return {
        "changed": measured_json(found.changed),
        "flip_rate": _move(found.flips),
        "format_failure_rate": _move(found.format_failures),
        "answer_length": {**_move(found.length), "unit": found.length_unit},
        "requantized": found.requantized,
        "recovery": [_recovery(each) for each in (found.overall, *found.slices)],
        "recovery_left_out": [text_json(key) for key in found.left_out],
    }


def _move(move: Move) -> dict[str, object]:
    return {
        "baseline": measured_json(move.baseline),
        "candidate": measured_json(move.candidate),
        "change": measured_json(move.change),
    }


def _recovery(each: Recovery) -> dict[str, object]:
    return {
        "key": None if each.key is None else text_json(each.key),
        "slice": None if each.slice is None else text_json(each.slice),
        "n": each.n,
        "baseline": measured_json(each.baseline),
        "candidate": measured_json(each.candidate),
        "recovery": measured_json(each.recovery),
    }
