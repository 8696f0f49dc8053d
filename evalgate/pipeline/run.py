"""The verb ``run``: measure every candidate and its baseline, compare them, decide."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from itertools import chain

from evalgate.core.errors import BadInput, ExitCode, Problem
from evalgate.core.numbers import Unmeasured
from evalgate.core.policy import Policy
from evalgate.core.policy_file import Price
from evalgate.core.progress import Progress
from evalgate.core.run import Manifest, Run
from evalgate.core.suite import Project, Suite
from evalgate.core.verdict import CallCounts, Decision, Judgement
from evalgate.gate.decide import decide
from evalgate.pipeline.judgement import judge_alone, judge_pair
from evalgate.pipeline.loading import loaded, policies_to_call
from evalgate.pipeline.measure import CallerOf, Replayed, measure
from evalgate.pipeline.places import local_folder, run_file
from evalgate.pipeline.recorded import committed_and_local
from evalgate.pipeline.sessions import CaseTrial, preferred_sessions
from evalgate.pipeline.settings import RunSettings
from evalgate.pipeline.texts import NO_TEXTS, Texts, texts_of
from evalgate.pricing.prices import resolve_prices
from evalgate.store.recordings import Recordings, read_recordings
from evalgate.store.replay import ReplayCaller
from evalgate.store.runs import RunWriter


def run(settings: RunSettings, progress: Progress) -> Decision:
    """Gate every proposal of each suite's family against its baseline.

    Raises:
        BadInput: something a person wrote is wrong; every problem is listed.
        CannotJudge: recordings are missing, a provider refuses, a grader crashed.

    """
    return run_for_report(settings, progress).decision


@dataclass(frozen=True, slots=True)
class Ran:
    """A Decision with what it rests on: each judgement's runs, the baseline's first where there is one."""

    decision: Decision
    runs: tuple[tuple[Run, ...], ...]
    texts: Texts


def run_for_report(settings: RunSettings, progress: Progress, *, texts: bool = False) -> Ran:
    """Do what :func:`run` does and keep the runs, with ``texts`` also what was asked and said in them."""
    with loaded(settings, calling=settings.mode != "replay") as found:
        project = found.project
        judged = [
            each
            for suite in _narrowed(project.suites, settings)
            for each in _judge_suite(project, suite, settings, progress)
        ]
        # A commit's files are gone after this.
        every = (run for _, runs in judged for run in runs)
        kept = texts_of(project, every) if texts else NO_TEXTS
    decision = decide([judgement for judgement, _ in judged], (*_notes(settings), *found.notes))
    if not settings.gates:
        decision = _shown_only(decision)
    return Ran(decision, tuple(runs for _, runs in judged), kept)


def _judge_suite(
    project: Project, suite: Suite, settings: RunSettings, progress: Progress
) -> list[tuple[Judgement, tuple[Run, ...]]]:
    policies = [policy for policy in (suite.baseline, *suite.proposals) if policy is not None]
    prices = {
        policy.name: resolve_prices(policy.deployments.values(), project.prices, project.price_at)
        for policy in policies
    }
    made: frozenset[str] = frozenset()
    spend_usd: float | Unmeasured = 0.0
    if settings.mode == "replay":
        recordings = committed_and_local(project, suite)
    else:
        from evalgate.pipeline.calling import Calling, make_calls  # noqa: PLC0415  asyncio only when calling

        calling = Calling(
            project,
            suite,
            policies_to_call(suite, anew=settings.mode == "live"),
            prices,
            folder=local_folder(project.root, suite),
            known=committed_and_local(project, suite) if settings.mode == "auto" else None,
        )
        calls = make_calls(calling, progress)
        made, spend_usd = calls.digests, calls.spend_usd
        recordings = committed_and_local(project, suite)
        if settings.mode == "live" and calls.file is not None:
            recordings = read_recordings([calls.file])
    bench = _Bench(project, suite, prices, recordings, settings)
    progress.start(f"{suite.name}: replaying", len(policies))
    judged = [
        (replace(judgement, calls=_counts(runs, made), spend_usd=spend_usd), runs)
        for judgement, runs in bench.judgements(progress)
    ]
    progress.done()
    return judged


@dataclass(frozen=True, slots=True)
class _Bench:
    """A suite with everything needed to replay policies on it."""

    project: Project
    suite: Suite
    prices: Mapping[str, Mapping[str, Price]]
    recordings: Recordings
    settings: RunSettings
    replayed: Replayed = field(default_factory=Replayed)
    writer: RunWriter = field(default_factory=RunWriter)

    def judgements(self, progress: Progress) -> list[tuple[Judgement, tuple[Run, ...]]]:
        if self.suite.baseline is None:
            alone = [self._measured(policy, {}) for policy in self.suite.proposals]
            progress.advance(len(alone))
            return [(judge_alone(run), (run,)) for run in alone]
        baseline = self._measured(self.suite.baseline, {})
        progress.advance()
        if not self.suite.proposals:
            return [(judge_alone(baseline), (baseline,))]
        judged: list[tuple[Judgement, tuple[Run, ...]]] = []
        for policy in self.suite.proposals:
            pair = self._paired(baseline, policy)
            judged.append((judge_pair(*pair), pair))
            progress.advance()
        return judged

    def _paired(self, baseline: Run, policy: Policy) -> tuple[Run, Run]:
        candidate = self._measured(policy, {})
        preferred = preferred_sessions(self.recordings, baseline.results, candidate.results)
        if not preferred:
            return baseline, candidate
        assert self.suite.baseline is not None
        return self._measured(self.suite.baseline, preferred), self._measured(policy, preferred)

    def _measured(self, policy: Policy, preferred: Mapping[CaseTrial, str]) -> Run:
        prices = self.prices[policy.name]
        results = measure(
            self.suite,
            policy,
            prices,
            self._caller_of(preferred),
            None if preferred else self.replayed,
        )
        run = Run(_manifest(self.suite, policy, prices, self.recordings, self.settings), results)
        if self.settings.gates:
            self.writer.write(run, run_file(self.project.root, self.suite, policy))
        return run

    def _caller_of(self, preferred: Mapping[CaseTrial, str]) -> CallerOf:
        newest = ReplayCaller(self.recordings)
        if not preferred:
            return lambda _: newest
        by_session = {session: ReplayCaller(self.recordings, session) for session in set(preferred.values())}
        return lambda asked: by_session.get(preferred.get((asked.case.id, asked.trial), ""), newest)


def _manifest(
    suite: Suite,
    policy: Policy,
    prices: Mapping[str, Price],
    recordings: Recordings,
    settings: RunSettings,
) -> Manifest:
    return Manifest(
        suite=suite.name,
        policy=policy.name,
        policy_digest=policy.digest,
        suite_digest=suite.digest,
        mode=settings.mode,
        trials=suite.trials,
        ordered=suite.ordered,
        labels=tuple(getattr(suite.grader, "labels", ())),
        rules=suite.rules,
        prices=prices,
        sessions=tuple(recordings.sessions[name] for name in sorted(recordings.sessions)),
        policy_summary=policy.summary,
        requests_per_month=suite.requests_per_month,
        evalgate_version=version("evalgate-harness"),
    )


def _counts(runs: tuple[Run, ...], made: frozenset[str]) -> CallCounts:
    results = chain.from_iterable(run.results for run in runs)
    needed = {step.digest for graded in results for step in graded.outcome.steps}
    return CallCounts(needed=len(needed), reused=len(needed - made), made=len(needed & made))


def _narrowed(suites: Sequence[Suite], settings: RunSettings) -> list[Suite]:
    wanted = set(settings.cases)
    unknown = wanted - {case.id for suite in suites for case in suite.cases}
    if unknown:
        example = suites[0].cases[0].id
        raise BadInput(
            [
                Problem(
                    f"no case {name!r} in these suites", f"cases are named like {example!r}", key="--case"
                )
                for name in sorted(unknown)
            ]
        )
    kept = [
        replace(suite, cases=tuple(c for c in suite.cases if not wanted or c.id in wanted)[: settings.limit])
        for suite in suites
    ]
    return [suite for suite in kept if suite.cases]


def _shown_only(decision: Decision) -> Decision:
    """Return the decision with nothing blocked: part of a suite proves nothing about the whole."""
    judgements = tuple(
        replace(each, blocked=False, checks=tuple(replace(check, blocked=False) for check in each.checks))
        for each in decision.judgements
    )
    return replace(decision, blocked=False, exit_code=ExitCode.OK, judgements=judgements)


def _notes(settings: RunSettings) -> tuple[str, ...]:
    if settings.gates:
        return ()
    return ("--case and --limit show a part of the suite; nothing was gated and the exit code is 0.",)
