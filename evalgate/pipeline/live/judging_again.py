"""Asking the judge about an answer once more: the same request under another number is a new call."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from evalgate.core.calls import Call, Caller, Request
from evalgate.core.cases import Case
from evalgate.core.digest import DigestFrame, sha256_of
from evalgate.core.errors import MissingRecordings
from evalgate.core.outcome import Answer, Graded, Outcome
from evalgate.core.policy_file import Reliability
from evalgate.core.run import Run
from evalgate.core.suite import Suite
from evalgate.grading.needs import JUDGE_RELIABILITY, suite_judging
from evalgate.pipeline.live.rounds import Round, Side
from evalgate.pipeline.measuring.judging import SuiteJudge
from evalgate.serving.serve import Asked
from evalgate.store.recordings import Recordings
from evalgate.store.replay import ReplayCaller

MOST_ANSWERS = 50
"""Enough to tell a judge that flickers on 2 % of answers from one on 10 %."""

MOST_TIMES = 20


@dataclass(frozen=True, slots=True)
class AskingAgain:
    """A Caller for the same requests with another ``sample`` number, under which they are recorded apart."""

    inner: Caller
    sample: int

    async def __call__(self, request: Request, rules: Reliability) -> Call:
        """Return the call as if it answered ``request`` itself."""
        call = await self.inner(_numbered(request, self.sample), rules)
        return replace(call, request=request)


@dataclass(frozen=True, slots=True)
class Answers:
    """Distinct answers to ask the judge about again, by case, in an order that only their texts decide."""

    suite: Suite
    by_case: Mapping[str, Sequence[Graded]]

    def rounds(self, times: int) -> Iterator[Round]:
        """Yield the calls that asking ``times`` more needs."""
        yield Round(frozenset(self.by_case), (), partial(self._sides, times))

    def grades(self, recordings: Recordings) -> Iterator[Graded]:
        """Yield the answers with the grades of every further time that is recorded."""
        cases = {case.id: case for case in self.suite.cases}
        replay = ReplayCaller(recordings)
        for case_id, answers in self.by_case.items():
            for graded in answers:
                yield from _again(self.suite, cases[case_id], graded, replay)

    def _sides(self, times: int, asked: Asked) -> list[Side]:
        if asked.trial:
            return []
        return [
            partial(_ask, self.suite, asked, graded.outcome, sample)
            for graded in self.by_case[asked.case.id]
            for sample in range(1, times + 1)
        ]


def answers_of(suite: Suite, runs: Sequence[Run]) -> Answers:
    """Return at most 50 distinct answers of the runs, drawn by their digests."""
    found: dict[str, Graded] = {}
    for graded in (each for run in runs for each in run.results):
        result = graded.outcome.result
        if isinstance(result, Answer) and graded.grade is not None:
            calls = [[call.name, call.arguments] for call in result.tool_calls]
            found.setdefault(sha256_of([graded.outcome.case_id, result.text, calls]), graded)
    chosen = [found[key] for key in sorted(found)[:MOST_ANSWERS]]
    by_case: dict[str, list[Graded]] = {}
    for graded in chosen:
        by_case.setdefault(graded.outcome.case_id, []).append(graded)
    return Answers(suite, by_case)


async def _ask(suite: Suite, asked: Asked, outcome: Outcome, sample: int, caller: Caller) -> None:
    for request in suite_judging(suite).requests(asked.case, outcome):
        await AskingAgain(caller, sample)(request, JUDGE_RELIABILITY)


def _again(suite: Suite, case: Case, graded: Graded, replay: Caller) -> Iterator[Graded]:
    asked = Asked(case, 0, 0.0)
    if not suite_judging(suite).requests(case, graded.outcome):
        return
    for sample in range(1, MOST_TIMES + 1):
        try:
            grade = SuiteJudge(suite, {}).grade(asked, graded.outcome, AskingAgain(replay, sample))
        except MissingRecordings:
            return
        yield replace(graded, grade=grade)


def _numbered(request: Request, sample: int) -> Request:
    identity = {
        "provider": request.provider,
        "model": request.model,
        "revision": request.revision,
        "quantization": request.quantization,
    }
    frame = DigestFrame(request.kind, identity, request.params)
    digest = frame.digest(request.messages, request.trial, sample)
    return replace(request, sample=sample, digest=digest)
