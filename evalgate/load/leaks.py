"""Cases that a router was trained on prove nothing about it."""

from collections.abc import Iterator, Sequence

from evalgate.core.cases import Case
from evalgate.core.errors import Problem
from evalgate.core.routing import leaked_cases
from evalgate.load.policy_files.policies import LoadedPolicy

_SHOWN = 3


def check_leaks(suite: str, cases: Sequence[Case], policies: Sequence[LoadedPolicy]) -> Iterator[Problem]:
    """Yield, for each policy whose router has seen cases of the suite, how many and which."""
    for loaded in policies:
        router = loaded.policy.router
        if router is None or router.trained_on is None:
            continue
        leaked = leaked_cases(router.trained_on, suite, cases)
        if not leaked:
            continue
        names = ", ".join(leaked[:_SHOWN]) + (", …" if len(leaked) > _SHOWN else "")
        yield loaded.document.problem(
            ("router", "model"),
            f"this router was trained on {len(leaked)} of the {len(cases)} cases of suite {suite} ({names})",
            "judge it on cases that it has never seen, or train it on others: evalgate train-router",
        )
