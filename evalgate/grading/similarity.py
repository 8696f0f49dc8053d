"""The ``similarity`` grader: how near is the meaning of the answer to that of the target?"""

from collections.abc import Mapping, Sequence
from functools import lru_cache

from evalgate.core.calls import Call, Request
from evalgate.core.cases import Case
from evalgate.core.errors import GraderCrash
from evalgate.core.messages import Message
from evalgate.core.outcome import Answer, Grade, Outcome
from evalgate.core.policy import EmbedFunction
from evalgate.core.suite import Grader
from evalgate.core.vectors import cosine, listed_in, numbers_in, unpack
from evalgate.grading.asking import deployment_of
from evalgate.grading.excerpt import canonical, excerpt, target_text
from evalgate.grading.judge_error import JudgeError, response_to, why_failed


def similarity_requests(case: Case, answer: Answer, grader: Grader) -> tuple[Request, ...]:
    """Return one embedding call per text, the answer's first; none for a function or where none is needed."""
    if grader.embed is not None or _plain(case, answer) is not None:
        return ()
    deployment = deployment_of(grader)
    texts = (answer.text, *_references(case))
    return tuple(deployment.request((Message("user", text),)) for text in texts)


def grade_similarity(
    case: Case, outcome: Outcome, answer: Answer, grader: Grader, calls: Mapping[str, Call]
) -> Grade | JudgeError:
    """Return the cosine with the nearest target as score; ``correct`` is left to the suite's ``correct_at``.

    Raises:
        MissingRecordings: a call is not among ``calls``.
        GraderCrash: the embedder is a function and failed.

    """
    plain = _plain(case, answer)
    if plain is not None:
        return plain
    references = _references(case)
    if grader.embed is not None:
        cosines = [_function_cosine(grader.embed, answer.text, each) for each in references]
        return _nearest(cosines, references)
    vectors: list[tuple[float, ...]] = []
    for request in similarity_requests(case, answer, grader):
        response = response_to(request, calls)
        if response is None or response.vector is None:
            return JudgeError(case.id, outcome.trial, why_failed(request, calls))
        vectors.append(unpack(response.vector))
    if len(lengths := {len(each) for each in vectors}) > 1:
        told = f"{request.model} replied vectors of {' and '.join(map(str, sorted(lengths)))} numbers"
        return JudgeError(case.id, outcome.trial, told)
    return _nearest([cosine(vectors[0], each) for each in vectors[1:]], references)


def _plain(case: Case, answer: Answer) -> Grade | None:
    if not answer.text.strip():
        return Grade(0.0, correct=False, reason="the answer is empty")
    said = canonical(answer.text, ignore_case=False)
    if any(said == canonical(each, ignore_case=False) for each in _references(case)):
        return Grade(1.0, correct=False, reason="equals the target")
    return None


def _references(case: Case) -> list[str]:
    targets = case.target if isinstance(case.target, list) else [case.target]
    return [target_text(each) for each in targets]


def _nearest(cosines: Sequence[float], references: Sequence[str]) -> Grade:
    best = max(range(len(cosines)), key=cosines.__getitem__)
    told = f"cosine {cosines[best]:.3f} with {excerpt(references[best])}"
    return Grade(max(0.0, cosines[best]), correct=False, reason=told)


# Policies and trials share most answers, and embedding one may take a second.
@lru_cache(maxsize=65536)
def _function_cosine(embed: EmbedFunction, answer: str, reference: str) -> float:
    try:
        vectors: object = embed([answer, reference])
    except (Exception, SystemExit) as error:
        raise GraderCrash(
            f"the embedder raised {type(error).__name__}: {error}; nothing was judged"
        ) from error
    pair = [numbers_in(each) for each in listed_in(vectors)]
    ours, theirs = pair if len(pair) == 2 else (None, None)
    if ours is None or theirs is None or len(ours) != len(theirs):
        raise GraderCrash(
            f"the embedder returned {type(vectors).__name__} and not two lists of numbers of one length for "
            "two texts; mend it and run again: nothing was judged"
        )
    return cosine(ours, theirs)
