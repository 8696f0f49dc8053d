"""What becomes of a judge whose reply cannot be used: never a wrong answer, and not too often."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from evalgate.core.calls import Call, Request, Response
from evalgate.core.errors import CannotJudge, MissingRecordings
from evalgate.core.outcome import Grade
from evalgate.core.suite import Grader
from evalgate.core.suite_file import JudgeGrader, SimilarityGrader


@dataclass(frozen=True, slots=True)
class JudgeError:
    """Why an answer has no grade though it should have one: the judge or the embedder failed."""

    case_id: str
    trial: int
    reason: str


def check_judge_errors(results: Iterable[Grade | JudgeError | None], graders: Sequence[Grader]) -> None:
    """Refuse to judge when more replies were unusable than the graders' ``max_error_share`` allows.

    Raises:
        CannotJudge: says how many of how many, the limit, and the first of them.

    """
    due = [result for result in results if result is not None]
    errors = [result for result in due if isinstance(result, JudgeError)]
    specs = [each.spec for each in graders]
    limits = [
        spec.max_error_share.value for spec in specs if isinstance(spec, JudgeGrader | SimilarityGrader)
    ]
    limit = min(limits, default=0.0)
    if not errors or len(errors) <= limit * len(due):
        return
    first = errors[0]
    raise CannotJudge(
        f"{len(errors)} of {len(due)} answers could not be graded because the judge failed "
        f"({len(errors) / len(due):.1%}, max_error_share allows {limit:.1%}).\n"
        f"    The first: case {first.case_id!r}, trial {first.trial}: {first.reason}\n"
        "    Mend the rubric or the judge's params (a response format helps), then record its calls again."
    )


def response_to(request: Request, calls: Mapping[str, Call]) -> Response | None:
    """Return what was replied to ``request``; None when its call failed.

    Raises:
        MissingRecordings: the call is not among ``calls``.

    """
    call = calls.get(request.digest)
    if call is None:
        raise MissingRecordings(
            f"a call that grading needs was not made: {request.provider}/{request.model}, "
            f"digest {request.digest[:12]}"
        )
    return call.response


def why_failed(request: Request, calls: Mapping[str, Call]) -> str:
    """Return why a call has no reply."""
    call = calls[request.digest]
    if call.response is not None:
        return f"{request.model} replied without {'a vector' if request.kind == 'embed' else 'text'}"
    error = call.attempts[-1].error if call.attempts else None
    return f"{request.model} did not reply: {error or 'no attempt was made'}"
