"""What is noted of every try on the wire: before it is sent, and once it ended."""

from typing import Protocol

from evalgate.core.calls import Attempt, Request


class AttemptLog(Protocol):
    """Hears of every attempt of a live call; whoever pays for attempts, or counts them, is one."""

    @property
    def session(self) -> str:
        """The id of the session that the attempts belong to."""
        ...

    async def before(self, request: Request, limit_s: float) -> int:
        """Note that an attempt of at most ``limit_s`` seconds is about to be sent; return its ticket.

        What is noted survives a crash: an attempt without an end may have been billed.

        Raises:
            SpendCapReached: its worst case does not fit under the cap.
            Interrupted: no new call is to be made.
            CannotJudge: nothing can be noted any more.

        """
        ...

    def sending(self, ticket: int) -> None:
        """Note that the attempt is sent now.

        Raises:
            Interrupted: no new call is to be made any more.

        """
        ...

    def after(self, ticket: int, attempt: Attempt | None) -> None:
        """Note how the attempt ended; None says that the provider refused it and bills nothing."""
        ...

    def never_sent(self, ticket: int) -> None:
        """Note that the attempt was given up before it was sent."""
        ...


class Unlogged:
    """Notes nothing."""

    def __init__(self, session: str) -> None:
        """Let attempts belong to ``session``."""
        self.session = session

    async def before(self, request: Request, limit_s: float) -> int:  # noqa: ARG002  the port's signature
        """Let every attempt pass."""
        return 0

    def sending(self, ticket: int) -> None:
        """Let it pass."""

    def after(self, ticket: int, attempt: Attempt | None) -> None:
        """Forget how it ended."""

    def never_sent(self, ticket: int) -> None:
        """Forget it."""
