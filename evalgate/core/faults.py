"""Outages, refusals and slow spells of deployments: what stands in for recordings while it lasts."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from evalgate.core.calls import Attempt
from evalgate.core.policy import Deployment
from evalgate.core.policy_file import Reliability
from evalgate.core.retry import DEFAULT_TIMEOUT_S, timed_out

Identity = tuple[str, str, str | None, str | None]


@dataclass(frozen=True, slots=True)
class Fault:
    """What attempts meet that are sent in ``[from_s, until_s)`` of the cases' clock.

    It befalls one ``deployment`` (its alias) or all of a ``provider``. ``error`` is a kind of
    :mod:`evalgate.core.retry`, or None where an answer comes, but takes ``latency_s`` at least. An attempt
    that fails takes ``latency_s``; a timeout takes as long as the policy waits. Of a fault with a ``share``
    below 1 that part of the attempts is hit. ``billed`` says that an attempt is charged for the tokens of the
    answer that did not come.
    """

    from_s: float
    until_s: float
    deployment: str | None = None
    provider: str | None = None
    error: str | None = None
    status: int | None = None
    latency_s: float = 0.0
    retry_after_s: float | None = None
    billed: bool = False
    share: float = 1.0

    @property
    def answers(self) -> bool:
        """Whether the recorded attempt happens all the same, only slower."""
        return self.error is None

    def hits(self, at_s: float, drawn_by: str) -> bool:
        """Tell whether an attempt at ``at_s`` meets it; a part of them is drawn by what names the attempt."""
        if not self.from_s <= at_s < self.until_s:
            return False
        if self.share >= 1:
            return True
        seed = hashlib.sha256(f"{self.from_s!r}:{drawn_by}".encode()).digest()
        return int.from_bytes(seed[:8], "big") / 2**64 < self.share


Befalling = Mapping[Identity, tuple[Fault, ...]]


def befalling(
    faults: Sequence[Fault], deployments: Iterable[Deployment], baseline: Mapping[str, Deployment]
) -> Befalling:
    """Return the faults that each of a policy's ``deployments`` meets, the first written first.

    A name means what it means in the policy, and the same model under another name as well: what is down
    under the baseline is down for who renames it.
    """
    found: dict[Identity, tuple[Fault, ...]] = {}
    for deployment in deployments:
        own = tuple(fault for fault in faults if _befalls(fault, deployment, baseline))
        if own:
            known = found.get(deployment.identity, ())
            found[deployment.identity] = tuple(each for each in faults if each in known or each in own)
    return found


def _befalls(fault: Fault, deployment: Deployment, baseline: Mapping[str, Deployment]) -> bool:
    if fault.provider is not None:
        return fault.provider == deployment.provider
    if fault.deployment == deployment.alias:
        return True
    known = baseline.get(fault.deployment or "")
    return known is not None and known.identity == deployment.identity


def failed_attempt(fault: Fault, at_s: float, rules: Reliability, recorded: Attempt | None) -> Attempt:
    """Return the attempt that meets a fault which lets no answer through.

    ``recorded`` is what would have happened; a fault that is billed is charged for its tokens.
    """
    patience_s = rules.request_timeout_s or DEFAULT_TIMEOUT_S
    late = fault.error == "timeout" or fault.latency_s > patience_s
    return Attempt(
        latency_s=patience_s if late else fault.latency_s,
        error="timeout" if late else fault.error,
        status=None if late else fault.status,
        retry_after_s=None if late else fault.retry_after_s,
        usage=recorded.usage if fault.billed and recorded is not None else None,
        billing="billed" if fault.billed else "free",
        fault_at_s=at_s,
    )


def slowed_attempt(fault: Fault, at_s: float, rules: Reliability, recorded: Attempt) -> Attempt:
    """Return the recorded attempt as it went while answers were slow; past the policy's timeout it timed out.

    All that comes on top passes before the first token.
    """
    more_s = fault.latency_s - recorded.latency_s
    if more_s <= 0:
        return recorded
    patience_s = rules.request_timeout_s or DEFAULT_TIMEOUT_S
    if fault.latency_s > patience_s:
        return replace(timed_out(recorded, patience_s), fault_at_s=at_s)
    ttft_s = None if recorded.ttft_s is None else recorded.ttft_s + more_s
    return replace(recorded, latency_s=fault.latency_s, ttft_s=ttft_s, fault_at_s=at_s)
