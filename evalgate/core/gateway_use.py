"""What gateways said of a run."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GatewayUse:
    """What the gateways behind a policy said they did, in calls that they answered.

    Each is None where no call said it; ``cache_hit_share`` is of the calls that did. ``models`` counts which
    deployment behind the gateway answered.
    """

    calls: int
    cache_hit_share: float | None
    retries: int | None
    fallbacks: int | None
    models: tuple[tuple[str, int], ...]
