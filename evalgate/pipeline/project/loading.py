"""The project that a command was pointed at, by the rules of the baseline that it names."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from evalgate.core.errors import BadInput, Problem, ProviderRefused
from evalgate.core.policy import Policy
from evalgate.core.suite import Project, Suite
from evalgate.load.against import Asked, load_against
from evalgate.load.from_git.git import Commit, names_a_commit
from evalgate.load.joining import Against
from evalgate.load.moved import moved_since
from evalgate.load.places import find_project
from evalgate.load.project import gather, load_project
from evalgate.load.suites import Selection
from evalgate.pipeline.project.settings import PlanSettings, RecordSettings, RunSettings


@dataclass(frozen=True, slots=True)
class Loaded:
    """A project, and what a reader of its result must know about where its rules came from."""

    project: Project
    notes: tuple[str, ...] = ()


@contextmanager
def loaded(settings: RunSettings | RecordSettings | PlanSettings, *, calling: bool) -> Iterator[Loaded]:
    """Yield the project; with ``--baseline git:REF`` its rules and its baseline are those of that commit.

    Without ``--baseline`` that is so too when the baseline was edited since HEAD left the default branch;
    but what is recorded then is for the suites as they will be. What a commit brings (files, processes of
    graders) is gone after the ``with`` block.

    Raises:
        BadInput: something a person wrote is wrong; every problem is listed.

    """
    start, suites, policies, baseline = (
        settings.start,
        settings.suites,
        settings.policies,
        settings.baseline,
    )
    recording = isinstance(settings, RecordSettings) or getattr(settings, "recording", False)
    if not names_a_commit(baseline) and (baseline is not None or recording):
        yield Loaded(load_project(start, suites, policies, baseline, calling=calling))
        return
    asked = Asked(start, suites, policies, baseline or "", calling)
    if baseline is not None:
        with load_against(asked) as against:
            yield Loaded(against.project, against.told)
        return
    gathered = gather(find_project(start), suites, Selection(start, policies), calling=calling)
    gathered.findings.raise_if_any()
    try:
        moved = moved_since(gathered)
    except BadInput as bad:
        yield Loaded(gathered.project, (_not_looked(bad),))
        return
    with ExitStack() as stack:
        against_moved = _entered(stack, asked, moved) if moved is not None else None
        if against_moved is not None and against_moved.moved:
            yield Loaded(against_moved.project, against_moved.told)
        else:
            yield Loaded(gathered.project)


def policies_to_call(suite: Suite, *, anew: bool) -> list[Policy]:
    """Return the policies whose calls can be made; ``anew`` says that all of them must be.

    Raises:
        ProviderRefused: the baseline of a commit cannot be called anew, as its functions are not here.

    """
    policies = [policy for policy in (suite.baseline, *suite.proposals) if policy is not None]
    if suite.base is None or suite.baseline is None or not suite.base.replay_only:
        return policies
    if anew:
        raise ProviderRefused(
            f"suite {suite.name}: {suite.baseline.name} is served by a function of another revision than any "
            "in the working tree, so it cannot be called anew.\n    Replay it, or use --mode auto."
        )
    return [policy for policy in policies if policy is not suite.baseline]


def _entered(stack: ExitStack, asked: Asked, commit: Commit) -> Against:
    try:
        return stack.enter_context(load_against(replace(asked, baseline=commit.asked)))
    except BadInput as bad:
        why = f"the baseline was edited since {commit.short}, where HEAD left the default branch"
        cure = "name a policy to judge without that commit, as in --baseline production"
        raise BadInput([*bad.problems, Problem(why, cure)]) from None


def _not_looked(bad: BadInput) -> str:
    problem = bad.problems[0]
    return f"whether the baseline was edited is not known: {problem.message} ({problem.cure})."
