"""What machines of one's own did over a run, and what a verdict on their cost would be elsewhere."""

from dataclasses import dataclass
from typing import Literal

from evalgate.core.hosting import Goodput
from evalgate.core.hosting_file import Hosting
from evalgate.core.numbers import Measured, Unmeasured


@dataclass(frozen=True, slots=True)
class HostingUse:
    """The machines behind one deployment: what of a request's cost they are, and what they carry."""

    deployment: str
    hosting: Hosting
    goodput: Goodput
    usd_per_request: float | Unmeasured


@dataclass(frozen=True, slots=True)
class AtUtilisation:
    """A cost limit judged again with the machines ``times`` as full as stated.

    ``utilisations`` are the deployments on machines of one's own and how full they are here, of ``stated``.
    ``candidate`` and ``change`` are what the limit is judged by, with the ``verdict``.
    """

    times: float
    utilisations: tuple[tuple[str, float], ...]
    stated: tuple[tuple[str, float], ...]
    candidate: Measured
    change: Measured
    verdict: Literal["pass", "fail", "inconclusive"]
