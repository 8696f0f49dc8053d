"""A suite on the bench: its policies replayed from recordings, the runs written, compared and judged."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from types import MappingProxyType

from evalgate.core.calls import Call
from evalgate.core.policy import Policy
from evalgate.core.policy_file import Price
from evalgate.core.progress import Progress
from evalgate.core.run import Look, Manifest, Mode, Run, Session
from evalgate.core.suite import Project, Suite
from evalgate.core.suite_file import ChoiceGrader
from evalgate.core.verdict import Judgement, JudgeUse
from evalgate.grading.needs import has_judge
from evalgate.pipeline.measuring.judging import SuiteJudge, judge_use
from evalgate.pipeline.measuring.measure import CallerOf, Replayed, measure
from evalgate.pipeline.measuring.prompt_caching import prompt_caches
from evalgate.pipeline.measuring.sessions import CaseTrial, preferred_sessions
from evalgate.pipeline.measuring.stations import stations_of
from evalgate.pipeline.project.places import run_file
from evalgate.pipeline.project.privacy import Privacy
from evalgate.pipeline.spending.case_cap import case_cap
from evalgate.pricing.batch import served_prices
from evalgate.store.recordings import Recordings
from evalgate.store.replay import ReplayCaller
from evalgate.store.runs import RunWriter

Judged = tuple[Judgement, tuple[Run, ...]]
"""A judgement and the runs it rests on, the baseline's first where there is one."""


@dataclass(frozen=True, slots=True)
class Bench:
    """A suite with everything needed to replay policies on it; ``keep`` writes the runs to disk.

    ``asked`` holds the calls of its judges.
    """

    project: Project
    suite: Suite
    prices: Mapping[str, Mapping[str, Price]]
    recordings: Recordings
    mode: Mode
    keep: bool
    look: Look | None = None
    replayed: Replayed = field(default_factory=Replayed)
    asked: dict[str, Call] = field(default_factory=dict)
    writer: RunWriter = field(default_factory=RunWriter)

    @property
    def privacy(self) -> Privacy:
        """What of the suite may be written and shown."""
        return Privacy.of(self.project, self.suite, os.environ)

    def judgements(self, progress: Progress) -> list[Judged]:
        """Judge every proposal against the baseline, or every policy alone where there is nothing to compare.

        Raises:
            CannotJudge: recordings are missing, a grader crashed.

        """
        # numpy, and all that judges: a live run imports it while it waits for answers.
        from evalgate.pipeline.comparing.judgement import judge_alone, judge_pair  # noqa: PLC0415

        if self.suite.baseline is None:
            alone = [self.measured(policy) for policy in self.suite.proposals]
            progress.advance(len(alone))
            return [(judge_alone(run), (run,)) for run in alone]
        baseline = self.measured(self.suite.baseline)
        progress.advance()
        if not self.suite.proposals:
            return [(judge_alone(baseline), (baseline,))]
        judged: list[Judged] = []
        for policy in self.suite.proposals:
            pair = self._paired(baseline, policy)
            judged.append((judge_pair(*pair), pair))
            progress.advance()
        return judged

    def judging(self, runs: Sequence[Run]) -> JudgeUse | None:
        """Return what grading ``runs``, which were measured here, took of models."""
        return judge_use(self.project, self.suite, runs, self.asked)

    def _paired(self, baseline: Run, policy: Policy) -> tuple[Run, Run]:
        candidate = self.measured(policy, against=baseline)
        preferred = preferred_sessions(self.recordings, baseline.results, candidate.results)
        if not preferred:
            return baseline, candidate
        assert self.suite.baseline is not None
        again = self.measured(self.suite.baseline, preferred)
        return again, self.measured(policy, preferred, again)

    def measured(
        self,
        policy: Policy,
        preferred: Mapping[CaseTrial, str] = MappingProxyType({}),
        against: Run | None = None,
    ) -> Run:
        """Return the run of one policy, some cases replayed from the session that is ``preferred`` for them.

        ``against`` is the baseline's run, which a pairwise judge compares it with.

        Raises:
            CannotJudge: recordings are missing, a grader crashed.

        """
        prices = self.prices[policy.name]
        judge = SuiteJudge(self.suite, self.asked, against)
        results = measure(
            self.suite,
            policy,
            prices,
            self._caller_of(preferred),
            judge,
            None if preferred else self.replayed,
        )
        used = {step.session for graded in results for step in graded.outcome.steps}
        known = self.recordings.sessions
        sessions = tuple(known[name] for name in sorted(used & known.keys()))
        look = None if policy is self.suite.baseline else self.look
        manifest = manifest_of(self.suite, policy, prices, sessions, mode=self.mode, look=look)
        run = self.privacy.scrubbed(Run(replace(manifest, judged_against=judge.against), results))
        if self.keep:
            self.writer.write(run, run_file(self.project.root, self.suite, policy))
        return run

    def _caller_of(self, preferred: Mapping[CaseTrial, str]) -> CallerOf:
        keyed = self.privacy.keyed
        newest = keyed(ReplayCaller(self.recordings))
        if not preferred:
            return lambda _: newest
        sessions = set(preferred.values())
        by_session = {session: keyed(ReplayCaller(self.recordings, session)) for session in sessions}
        return lambda asked: by_session.get(preferred.get((asked.case.id, asked.trial), ""), newest)


def manifest_of(
    suite: Suite,
    policy: Policy,
    prices: Mapping[str, Price],
    sessions: tuple[Session, ...],
    *,
    mode: Mode,
    look: Look | None = None,
) -> Manifest:
    """Return what stands over a run of ``policy`` on ``suite``."""
    prices = served_prices(policy.deployments, prices)
    return Manifest(
        suite=suite.name,
        policy=policy.name,
        policy_digest=policy.digest,
        suite_digest=suite.digest,
        mode=mode,
        trials=suite.trials,
        ordered=suite.ordered,
        labels=tuple(suite.grader.labels) if isinstance(suite.grader, ChoiceGrader) else (),
        rules=suite.rules,
        prices=prices,
        sessions=sessions,
        policy_summary=policy.summary,
        requests_per_month=suite.requests_per_month,
        evalgate_version=version("evalgate-harness"),
        human=suite.labels if has_judge(suite) else None,
        case_cap_usd=case_cap(suite, policy, prices),
        look=look,
        traffic=suite.traffic,
        stations=stations_of(policy),
        prompt_caches=prompt_caches(policy),
        faults=len(suite.faults),
    )
