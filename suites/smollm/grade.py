"""The suite's grader: small models answer in sentences, so the answer has to be in there, and no other."""

import re

from evalgate.core.cases import Case
from evalgate.core.outcome import Answer, Grade

_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def says_it(case: Case, answer: Answer) -> Grade:
    """Return right when the last number is the target, or the target is named and no other option is.

    Words are whole words, in any case. ``vars.options`` holds the words that the task chose from: an answer
    that names none of them, or several, cannot be read, and neither can one without the number asked for.
    """
    target = str(case.target)
    if _NUMBER.fullmatch(target):
        numbers = _NUMBER.findall(answer.text)
        last = numbers[-1] if numbers else None
        right = last is not None and float(last) == float(target)
        said = f"the last number is {last or 'none'}, expected {target}"
        return Grade(float(right), right, said, readable=last is not None)
    others = [word for word in case.vars.get("options", ()) if word != target and _names(answer, word)]
    right = _names(answer, target) and not others
    said = f"names {', '.join(others)} too" if others and _names(answer, target) else f"expected {target}"
    readable = len(others) + _names(answer, target) == 1 if case.vars.get("options") else None
    return Grade(float(right), right, "" if right else said, readable=readable)


def _names(answer: Answer, word: str) -> bool:
    return re.search(rf"\b{re.escape(word)}\b", answer.text, re.IGNORECASE) is not None
