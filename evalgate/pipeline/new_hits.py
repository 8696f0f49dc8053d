"""The verb ``hits``: which pairs of questions a cache rule newly merges, and whether it should."""

import random
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from evalgate.core.calls import Caller
from evalgate.core.cases import Case, question_text
from evalgate.core.errors import BadInput, GraderCrash, MissingRecordings
from evalgate.core.hit_pairs import HitPair, NewHits, PairVerdict
from evalgate.core.outcome import Answer, Grade, Graded, Hit, Outcome
from evalgate.core.policy import Policy
from evalgate.core.progress import Progress
from evalgate.core.suite import Project, Suite
from evalgate.pipeline.measuring.judging import SuiteJudge
from evalgate.pipeline.measuring.measure import Pass, measure
from evalgate.pipeline.measuring.recorded import committed_and_local
from evalgate.pipeline.measuring.replaying import run_now
from evalgate.pipeline.project.loading import loaded
from evalgate.pipeline.project.settings import HitsSettings, RunSettings
from evalgate.pricing.prices import resolve_prices
from evalgate.serving.serve import Asked
from evalgate.store.replay import ReplayCaller

_ORDER: Mapping[PairVerdict, int] = {"false": 0, "unsure": 1, "right": 2}
_TOLD: Mapping[str, tuple[PairVerdict, str]] = {
    "right": ("right", "they may share an answer"),
    "neutral": ("right", "wrong, as a fresh answer is"),
    "merged": ("false", "their same_answer differs"),
    "stale": ("false", "the answer was right when it was stored"),
    "wrong": ("false", "the answer grades wrong"),
}


def new_hits(settings: HitsSettings, progress: Progress) -> tuple[NewHits, ...]:
    """Return the new hit pairs of every proposal; everything comes from recordings, and nothing is gated.

    Raises:
        BadInput: something a person wrote is wrong.
        CannotJudge: recordings are missing, a grader crashed.

    """
    run_settings = RunSettings(settings.start, settings.suites, settings.policies, settings.baseline)
    found: list[NewHits] = []
    with loaded(run_settings, calling=False) as ready:
        for suite in ready.project.suites:
            progress.start(f"{suite.name}: replaying", len(suite.proposals) + 1)
            found.extend(_of_suite(ready.project, suite, settings, progress))
            progress.done()
    return tuple(found)


def _of_suite(
    project: Project, suite: Suite, settings: HitsSettings, progress: Progress
) -> Iterable[NewHits]:
    policies = [policy for policy in (suite.baseline, *suite.proposals) if policy is not None]
    prices = {
        policy.name: resolve_prices(policy.deployments.values(), project.prices, project.price_at)
        for policy in policies
    }
    caller = ReplayCaller(committed_and_local(project, suite))
    judge, cases = _Lenient(suite, {}), {case.id: case for case in suite.cases}

    def replayed(policy: Policy) -> tuple[Graded, ...]:
        return measure(suite, policy, prices[policy.name], lambda _: caller, judge)

    known = set() if suite.baseline is None else set(_first_hits(replayed(suite.baseline)))
    progress.advance()
    for policy in suite.proposals:
        results = replayed(policy)
        firsts = _first_hits(results)
        counts = Counter(each.hit.pair for each in results if each.hit is not None)
        look = _Look(suite, policy, caller, judge, cases, counts)
        pairs = [look.pair(graded, hit) for pair, (graded, hit) in firsts.items() if pair not in known]
        pairs.sort(key=lambda each: (_ORDER[each.verdict], -each.hits))
        unsure = [each for each in pairs if each.verdict == "unsure"]
        rng = random.Random(settings.seed)  # noqa: S311  a sample for people, not a secret
        progress.advance()
        yield NewHits(
            suite=suite.name,
            baseline=None if suite.baseline is None else suite.baseline.name,
            candidate=policy.name,
            pairs=tuple(pairs),
            sample=tuple(rng.sample(unsure, min(settings.sample, len(unsure)))),
            gone=len(known - set(firsts)),
        )


class _Lenient(SuiteJudge):
    """The graders of a suite, where a verdict that is not recorded leaves a case ungraded."""

    def grade(self, asked: Asked, outcome: Outcome, caller: Caller) -> Grade | None:
        try:
            return super().grade(asked, outcome, caller)
        except MissingRecordings:
            return None


def _first_hits(results: Iterable[Graded]) -> dict[tuple[str, str], tuple[Graded, Hit]]:
    """The first hit on each pair, a false one before others: a pair is as bad as its worst hit."""
    found: dict[tuple[str, str], tuple[Graded, Hit]] = {}
    for graded in results:
        hit = graded.hit
        if hit is not None and (hit.pair not in found or (hit.false and not found[hit.pair][1].false)):
            found[hit.pair] = graded, hit
    return found


@dataclass(frozen=True, slots=True)
class _Look:
    """Everything that judging the pairs of one policy needs."""

    suite: Suite
    policy: Policy
    caller: Caller
    judge: SuiteJudge
    cases: Mapping[str, Case]
    counts: Mapping[tuple[str, str], int]

    def pair(self, graded: Graded, hit: Hit) -> HitPair:
        """Judge one pair by its labels, or else by what a call would have answered."""
        outcome, trace = graded.outcome, graded.outcome.cache
        assert trace is not None
        assert trace.source is not None
        case, source = self.cases[outcome.case_id], self.cases[trace.source]
        fresh: str | None = None
        if hit.kind in _TOLD:
            verdict, why = _TOLD[hit.kind]
        else:
            fresh, verdict, why = self._against_fresh(case, graded)
        return HitPair(
            stored_case=source.id,
            stored_question=question_text(source),
            case=case.id,
            question=question_text(case),
            served=_said(graded),
            fresh=fresh,
            hits=self.counts[hit.pair],
            similarity=trace.similarity,
            verdict=verdict,
            why=why,
        )

    def _against_fresh(self, case: Case, graded: Graded) -> tuple[str | None, PairVerdict, str]:
        """Grade the served answer as if the fresh one were the target."""
        asked = Asked(case, graded.outcome.trial, 0.0)
        try:
            fresh = run_now(Pass(self.suite, self.policy).fresh(asked, self.caller)).result
        except MissingRecordings:
            return None, "unsure", "no fresh answer is recorded (record --cover deployments)"
        if not isinstance(fresh, Answer):
            return None, "unsure", "the recorded call failed"
        if fresh == graded.outcome.result:
            return fresh.text, "right", "the fresh answer is the same"
        return fresh.text, *self._graded(asked, fresh.text, graded)

    def _graded(self, asked: Asked, fresh: str, graded: Graded) -> tuple[PairVerdict, str]:
        wanted = Asked(asked.case.model_copy(update={"target": fresh}), asked.trial, 0.0)
        try:
            grade = self.judge.grade(wanted, graded.outcome, self.caller)
        except (BadInput, GraderCrash):
            return "unsure", "the grader cannot compare it with the fresh answer"
        if grade is None:
            return "unsure", "no usable verdict of the judge is recorded"
        told: PairVerdict = "right" if grade.correct else "false"
        return told, f"by the grader, against the fresh answer: {grade.reason or told}"


def _said(graded: Graded) -> str:
    result = graded.outcome.result
    return result.text if isinstance(result, Answer) else result.reason
