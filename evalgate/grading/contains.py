"""The ``contains`` grader: texts that must stand in the answer, and texts that must not."""

from collections.abc import Mapping
from dataclasses import dataclass
from unicodedata import normalize

from evalgate.core.errors import BadInput, Problem
from evalgate.core.outcome import Grade
from evalgate.core.suite_file import ContainsGrader
from evalgate.grading.excerpt import excerpt, target_text
from evalgate.grading.memo import MadeOf


@dataclass(frozen=True, slots=True)
class _Wanted:
    all: tuple[str, ...] = ()
    any: tuple[str, ...] = ()
    none: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.all or self.any or self.none)


def grade_contains(
    case_id: str, text: str, target: object, grader: ContainsGrader, correct_at: float
) -> Grade:
    """Grade the share of requirements that ``text`` meets: each of ``all`` and ``none``, and ``any`` as one.

    Raises:
        BadInput: the grader has no lists and the target is not a text, a list or a mapping of them.

    """
    wanted = _SPECS(grader) or _from_target(case_id, target)
    answer = _folded(text, ignore_case=grader.ignore_case)

    def holds(needle: str) -> bool:
        return _folded(needle, ignore_case=grader.ignore_case) in answer

    faults = [f"lacks {excerpt(each)}" for each in wanted.all if not holds(each)]
    if wanted.any and not any(holds(each) for each in wanted.any):
        faults.append(f"holds none of {len(wanted.any)} texts, such as {excerpt(wanted.any[0])}")
    faults += [f"holds {excerpt(each)}, which must not be there" for each in wanted.none if holds(each)]
    asked = len(wanted.all) + len(wanted.none) + bool(wanted.any)
    score = 1 - len(faults) / asked if asked else 1.0
    told = "; ".join(faults[:3]) if faults else f"meets {asked} of {asked} requirements"
    return Grade(score, score >= correct_at, told)


def names_what_is_wanted(grader: ContainsGrader) -> bool:
    """Tell whether the grader itself says what an answer must hold, so that no target is needed."""
    return bool(grader.all or grader.any or grader.none)


def _of_spec(grader: ContainsGrader) -> _Wanted:
    return _Wanted(tuple(grader.all), tuple(grader.any), tuple(grader.none))


_SPECS = MadeOf(_of_spec)


def _from_target(case_id: str, target: object) -> _Wanted:
    match target:
        case str() | int() | float():
            return _Wanted(all=(target_text(target),))
        case list():
            return _Wanted(all=_texts(target))
        case Mapping() if target.keys() <= {"all", "any", "none"}:
            return _Wanted(*(_texts(target.get(key, ())) for key in ("all", "any", "none")))
        case _:
            message = (
                f"case {case_id!r}: target {excerpt(str(target))} does not say what an answer must contain"
            )
            cure = 'write a text, a list of texts, or {"all": […], "any": […], "none": […]}'
            raise BadInput([Problem(message, cure, key="target")])


def _texts(written: object) -> tuple[str, ...]:
    listed = written if isinstance(written, list | tuple) else (written,)
    return tuple(target_text(each) for each in listed)


def _folded(text: str, *, ignore_case: bool) -> str:
    if not text.isascii():
        text = normalize("NFC", text)
    return text.casefold() if ignore_case else text
