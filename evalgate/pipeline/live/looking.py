"""Sequential runs: call the cases in parts, look in between, and stop calling what is decided.

What is declared before the first call is not changed by what comes: the order of the cases, the looks, and
how strict each of them is (:mod:`evalgate.scoring.methods.sequential`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise

from evalgate.core.calls import Caller
from evalgate.core.cases import Case
from evalgate.core.errors import CannotJudge
from evalgate.core.policy import Policy
from evalgate.core.policy_file import Price
from evalgate.core.progress import Progress
from evalgate.core.run import Look, Mode, Run, Session
from evalgate.core.suite import Suite
from evalgate.core.verdict import NotSpent
from evalgate.gate.looks import judge_look
from evalgate.pipeline.comparing.bench import Bench, Judged, manifest_of
from evalgate.pipeline.live.rounds import Round
from evalgate.pipeline.measuring.judging import SuiteJudge
from evalgate.pipeline.measuring.measure import keeps_order, measure
from evalgate.pipeline.measuring.walk import every_request, walk
from evalgate.pipeline.spending.spend import Usd, expected, recorded_attempts, total
from evalgate.scoring.compare import compare_look
from evalgate.scoring.methods.sequential import FRACTIONS, case_order, looks
from evalgate.store.recordings import Recordings

# The looks are declared before anything is known, so by how often answers usually flip.
EXPECTED_DISCORDANCE = 0.05


@dataclass(slots=True)
class Looking:
    """A suite that is called until it is decided; after :meth:`rounds`, ``ended`` names each proposal's look.

    Every proposal is looked at apart: one that is decided is called no more, the others go on.
    """

    suite: Suite
    prices: Mapping[str, Mapping[str, Price]]
    mode: Mode
    order: tuple[str, ...] = ()
    looks: tuple[Look, ...] = ()
    session: Session | None = None
    ended: dict[str, Look] = field(default_factory=dict)

    def rounds(self, session: Session, caller: Caller) -> Iterator[Round]:
        """Yield what to call next until every proposal is decided; ``caller`` knows the calls made so far."""
        self.session = session
        self.order = case_order({case.id: case.group for case in self.suite.cases}, session.seed or 0)
        self.looks = looks(len(self.order), self.suite.rules.alpha, EXPECTED_DISCORDANCE, self._ends())
        assert self.suite.baseline is not None
        undecided = list(self.suite.proposals)
        before = 0
        for look in self.looks:
            yield Round(frozenset(self.order[before : look.cases]), (self.suite.baseline, *undecided))
            before = look.cases
            decided = [policy for policy in undecided if look.last or self._decided(policy, look, caller)]
            self.ended |= {policy.name: look for policy in decided}
            undecided = [policy for policy in undecided if policy not in decided]
            if not undecided:
                return

    def judgements(self, bench: Bench, progress: Progress) -> list[Judged]:
        """Judge every proposal by the look at which it ended, on the cases measured until then."""
        found: dict[str, Judged] = {}
        # The baseline's run that is kept is the longest one, which holds the cases of all others.
        for policy in sorted(self.suite.proposals, key=lambda each: self.ended[each.name].cases):
            look = self.ended[policy.name]
            suite = replace(self._first(look.cases), proposals=(policy,))
            (found[policy.name],) = replace(bench, suite=suite, look=look).judgements(progress)
        return [found[policy.name] for policy in self.suite.proposals]

    def not_spent(self, recordings: Recordings) -> NotSpent:
        """Return what stopping early left undone: calls not made, and what they would have cost."""
        used = max(look.cases for look in self.ended.values())
        policies = _policies(self.suite)
        every = (request for policy in policies for _, _, request in every_request(self.suite, policy))
        pool = recorded_attempts(every, recordings)
        costs: dict[str, Usd] = {}
        for policy in policies:
            cases = self.ended[policy.name].cases if policy.name in self.ended else used
            rest = replace(self.suite, cases=self._cases(self.order[cases:]))
            walked = walk(rest, policy, recordings, succeeding=True)
            for alias, price in self.prices[policy.name].items():
                missing = {
                    digest: request
                    for digest, request in walked.missing.items()
                    if walked.deployment.get(digest) == alias
                }
                costs |= dict(zip(missing, expected(list(missing.values()), price, pool)[0], strict=True))
        return NotSpent(used, len(self.order), len(costs), total(costs.values()))

    def note(self) -> str:
        """Return how the looks were declared, in a sentence."""
        assert self.session is not None
        declared = ", ".join(f"{look.cases:,}" for look in self.looks)
        return (
            f"sequential: cases in an order drawn with seed {self.session.seed}, looks after {declared} "
            "of them; O'Brien-Fleming bounds to pass, Pocock's to fail; the intervals shown are plain ones "
            "and only describe"
        )

    def _ends(self) -> tuple[float, ...]:
        """Where the looks may stand: at the usual shares of the cases, moved on to the end of a group."""
        groups = {case.id: case.group or case.id for case in self.suite.cases}
        ends = [
            place
            for place, (this, after) in enumerate(pairwise(self.order), 1)
            if groups[this] != groups[after]
        ]
        count = len(self.order)
        declared = (next((end for end in ends if end >= share * count - 1e-9), count) for share in FRACTIONS)
        return tuple(dict.fromkeys(end / count for end in declared))

    def _decided(self, policy: Policy, look: Look, caller: Caller) -> bool:
        suite = self._first(look.cases)
        assert suite.baseline is not None
        try:
            baseline = self._run(suite, suite.baseline, caller)
            candidate = self._run(suite, policy, caller, baseline)
        except CannotJudge:
            return False  # what is wrong may be so by chance here; at the last look it is said
        return judge_look(compare_look(baseline, candidate, look), suite.rules).stop

    def _run(self, suite: Suite, policy: Policy, caller: Caller, against: Run | None = None) -> Run:
        prices = self.prices[policy.name]
        results = measure(suite, policy, prices, lambda _: caller, SuiteJudge(suite, {}, against))
        assert self.session is not None
        return Run(manifest_of(suite, policy, prices, (self.session,), mode=self.mode), results)

    def _first(self, count: int) -> Suite:
        return replace(self.suite, cases=self._cases(self.order[:count]))

    def _cases(self, ids: tuple[str, ...]) -> tuple[Case, ...]:
        wanted = set(ids)
        return tuple(case for case in self.suite.cases if case.id in wanted)


def why_not(suite: Suite, known: Recordings | None) -> str:
    """Return why looks make no sense on this suite, given what is ``known``; empty if they do."""
    if suite.ordered:
        return "--sequential is off for this suite: it is ordered, so its cases must pass in their order"
    if keeps_order(suite, _policies(suite)):
        return "--sequential is off for this suite: a policy cools down, so cases must pass in their order"
    if suite.baseline is None or not suite.proposals:
        return "--sequential is off for this suite: there is no baseline and proposal to compare"
    if known is not None and not any(_missing(suite, policy, known) for policy in _policies(suite)):
        return "--sequential saves calls, and none was missing here, so all cases were judged"
    return ""


def _policies(suite: Suite) -> list[Policy]:
    return [policy for policy in (suite.baseline, *suite.proposals) if policy is not None]


def _missing(suite: Suite, policy: Policy, known: Recordings) -> bool:
    return bool(walk(suite, policy, known, succeeding=True).missing)
