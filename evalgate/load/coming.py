"""What comes at a suite's policies: how many requests, when each case, and what fails meanwhile."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from evalgate.core.cases import Case
from evalgate.core.faults import Fault
from evalgate.core.load import Traffic
from evalgate.core.policy import Policy
from evalgate.core.suite import Suite
from evalgate.core.suite_file import SuiteFile
from evalgate.load.case_checks import check_clock
from evalgate.load.case_files.cases import CaseFile, capped
from evalgate.load.faults import Names, load_faults
from evalgate.load.findings import Findings
from evalgate.load.syntax.documents import Document
from evalgate.load.traffic import arrival_times, load_traffic


@dataclass(frozen=True, slots=True)
class Coming:
    """Traffic, faults, and when each case comes; ``clock`` is empty where nothing depends on it."""

    traffic: Traffic | None
    faults: tuple[Fault, ...] = ()
    clock: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a suite: its cases (None for ones with problems), and what faults may name.

    ``cools_down`` tells whether a policy leaves deployments alone after failures.
    """

    cases: CaseFile | None
    policies: Sequence[Policy]
    providers: Sequence[str]
    cools_down: bool = False


def what_comes(document: Document[SuiteFile], known: Known, findings: Findings) -> Coming:
    """Return what comes at the policies of a suite; problems are noted."""
    traffic = _traffic(document, findings)
    if known.cases is None:
        return Coming(traffic)
    cases, ordered = known.cases.cases, document.value.ordered
    written = document.value.traffic
    if not known.cools_down and (written is None or not written.faults):
        return Coming(traffic)
    if problems := list(check_clock(known.cases)):
        # Those of an ordered suite are told anyway.
        findings.problems.extend([] if ordered else capped(problems, known.cases.shown))
        return Coming(traffic)
    faults = load_faults(document, cases, Names(known.policies, known.providers), findings)
    return Coming(traffic, faults, _clock(cases, traffic, ordered=ordered))


def clock_with(suite: Suite, policies: Sequence[Policy]) -> Mapping[str, float]:
    """Return when each case of a suite comes, where that matters to it or to one of ``policies``.

    Raises:
        BadInput: the cases' own times make no clock.

    """
    if suite.clock or not any(policy.reliability.cools_down for policy in policies):
        return suite.clock
    return _clock(suite.cases, suite.traffic, ordered=suite.ordered)


def _clock(cases: Sequence[Case], traffic: Traffic | None, *, ordered: bool) -> Mapping[str, float]:
    times = arrival_times(cases, traffic, ordered=ordered)
    return {case.id: at_s for case, at_s in zip(cases, times, strict=True)}


def _traffic(document: Document[SuiteFile], findings: Findings) -> Traffic | None:
    written = document.value.traffic
    if written is None:
        return None
    read = partial(load_traffic, written, document.path.parent, findings)
    return findings.attempt_at(document, ("traffic", "trace"), read)
