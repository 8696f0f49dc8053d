"""A suite on the bench: its policies replayed from recordings, the runs written, compared and judged."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from types import MappingProxyType

from evalgate.core.policy import Policy
from evalgate.core.policy_file import Price
from evalgate.core.progress import Progress
from evalgate.core.run import Look, Manifest, Mode, Run, Session
from evalgate.core.suite import Project, Suite
from evalgate.core.verdict import Judgement
from evalgate.pipeline.judgement import judge_alone, judge_pair
from evalgate.pipeline.measure import CallerOf, Replayed, measure
from evalgate.pipeline.places import run_file
from evalgate.pipeline.sessions import CaseTrial, preferred_sessions
from evalgate.store.recordings import Recordings
from evalgate.store.replay import ReplayCaller
from evalgate.store.runs import RunWriter

Judged = tuple[Judgement, tuple[Run, ...]]
"""A judgement and the runs it rests on, the baseline's first where there is one."""


@dataclass(frozen=True, slots=True)
class Bench:
    """A suite with everything needed to replay policies on it; ``keep`` writes the runs to disk."""

    project: Project
    suite: Suite
    prices: Mapping[str, Mapping[str, Price]]
    recordings: Recordings
    mode: Mode
    keep: bool
    look: Look | None = None
    replayed: Replayed = field(default_factory=Replayed)
    writer: RunWriter = field(default_factory=RunWriter)

    def judgements(self, progress: Progress) -> list[Judged]:
        """Judge every proposal against the baseline, or every policy alone where there is nothing to compare.

        Raises:
            CannotJudge: recordings are missing, a grader crashed.

        """
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

    def _paired(self, baseline: Run, policy: Policy) -> tuple[Run, Run]:
        candidate = self.measured(policy)
        preferred = preferred_sessions(self.recordings, baseline.results, candidate.results)
        if not preferred:
            return baseline, candidate
        assert self.suite.baseline is not None
        return self.measured(self.suite.baseline, preferred), self.measured(policy, preferred)

    def measured(self, policy: Policy, preferred: Mapping[CaseTrial, str] = MappingProxyType({})) -> Run:
        """Return the run of one policy, some cases replayed from the session that is ``preferred`` for them.

        Raises:
            CannotJudge: recordings are missing, a grader crashed.

        """
        prices = self.prices[policy.name]
        results = measure(
            self.suite,
            policy,
            prices,
            self._caller_of(preferred),
            None if preferred else self.replayed,
        )
        sessions = tuple(self.recordings.sessions[name] for name in sorted(self.recordings.sessions))
        look = None if policy is self.suite.baseline else self.look
        run = Run(manifest_of(self.suite, policy, prices, sessions, mode=self.mode, look=look), results)
        if self.keep:
            self.writer.write(run, run_file(self.project.root, self.suite, policy))
        return run

    def _caller_of(self, preferred: Mapping[CaseTrial, str]) -> CallerOf:
        newest = ReplayCaller(self.recordings)
        if not preferred:
            return lambda _: newest
        by_session = {session: ReplayCaller(self.recordings, session) for session in set(preferred.values())}
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
    return Manifest(
        suite=suite.name,
        policy=policy.name,
        policy_digest=policy.digest,
        suite_digest=suite.digest,
        mode=mode,
        trials=suite.trials,
        ordered=suite.ordered,
        labels=tuple(getattr(suite.grader, "labels", ())),
        rules=suite.rules,
        prices=prices,
        sessions=sessions,
        policy_summary=policy.summary,
        requests_per_month=suite.requests_per_month,
        evalgate_version=version("evalgate-harness"),
        look=look,
    )
