"""The most that one case can cost: what stands between an interval and a spike that nobody has seen."""

from collections.abc import Mapping
from dataclasses import replace

from evalgate.core.cases import Case
from evalgate.core.numbers import Unmeasured
from evalgate.core.policy import Policy
from evalgate.core.policy_file import Price
from evalgate.core.run import Manifest
from evalgate.core.suite import Suite
from evalgate.pipeline.measuring.walk import every_request, walk
from evalgate.pipeline.spending.spend import Usd, total, worst
from evalgate.report.numbers import usd


def case_cap(suite: Suite, policy: Policy, prices: Mapping[str, Price]) -> Usd:
    """Return the most that a case as long as the longest one can cost under ``policy``.

    Every deployment is asked, whatever a router would choose, with every attempt billed at ``max_tokens`` of
    output; so are the further calls that the longest case comes to when all succeed, and when all fail.

    Raises:
        CannotJudge: a router's own function broke.

    """
    longest = replace(suite, cases=(max(suite.cases, key=_length),), trials=1)
    asked = {request.digest: (alias, request) for _, alias, request in every_request(longest, policy)}
    for succeeding in (True, False):
        walked = walk(longest, policy, None, succeeding=succeeding)
        for digest, request in walked.needed.items():
            if digest in walked.deployment:
                asked.setdefault(digest, (walked.deployment[digest], request))
    return total(
        worst(request, prices[alias], policy.deployments[alias].rules(policy.reliability).num_retries + 1)
        for alias, request in asked.values()
    )


def cap_note(*manifests: Manifest) -> tuple[str, ...]:
    """Return what caps the cost of a case under each policy, in a sentence; nothing where nobody asked."""
    said = []
    for manifest in manifests:
        cap = manifest.case_cap_usd
        if isinstance(cap, Unmeasured):
            said.append(f"nothing known caps it under {manifest.policy} ({cap.reason})")
        elif cap is not None:
            said.append(f"{usd(cap)} under {manifest.policy}")
    if not said:
        return ()
    capped = "the most that one case can cost, by max_tokens, prices, retries and fallbacks"
    return (f"{capped}: {'; '.join(said)}",)


def _length(case: Case) -> int:
    turns = sum(len(turn.content or "") for turn in case.messages or ())
    return len(case.input or "") + turns + sum(len(str(value)) for value in case.vars.values())
