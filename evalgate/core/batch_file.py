"""Calls that are sent together, as a person writes it into a deployment."""

from typing import Annotated

from pydantic import Field

from evalgate.core.quantities import Quantity, quantity
from evalgate.core.written import Written


class BatchFile(Written):
    """A provider's batch API: cheaper answers within ``completion_window``, for which nobody waits.

    All of a call costs ``price_factor`` times what it costs at once. A request that is not answered within
    the window expires, and its case has failed.
    """

    price_factor: Annotated[float, Field(gt=0, le=1)]
    completion_window: Annotated[Quantity, quantity("min", "h", of="of a window", above_zero=True)]

    @property
    def window_s(self) -> float:
        """The window in seconds."""
        return self.completion_window.value


class MicrobatchFile(Written):
    """Requests that a client collects for up to ``window`` and sends as one call, of ``max_size`` at most.

    The first of them opens the window; a call that is full goes at once.
    """

    window: Annotated[Quantity, quantity("ms", "s", of="of a window")]
    max_size: Annotated[int, Field(ge=1)]

    @property
    def window_s(self) -> float:
        """The longest wait in seconds: none where a call has room for one request only."""
        return 0.0 if self.max_size == 1 else self.window.value
