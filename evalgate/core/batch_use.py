"""What a policy's batch APIs did over a run."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BatchUse:
    """``share`` of the requests were answered by a batch API, within ``window_s`` at most."""

    share: float
    window_s: float
