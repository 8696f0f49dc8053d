"""What passes by while calls are made: every call, and what to tell of them meanwhile."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from evalgate.core.calls import Call, Caller, Request
from evalgate.core.policy_file import Reliability
from evalgate.core.progress import CallsSoFar, Progress
from evalgate.core.run import Session
from evalgate.store.local.log import Tally
from evalgate.store.recordings import Recorded, Recordings

_TELL_EVERY_S = 0.25


@dataclass(slots=True)
class Ledger:
    """A Caller that notes every call that passes through it, made or replayed."""

    inner: Caller
    calls: dict[str, Call] = field(default_factory=dict)
    found: set[tuple[str, str]] = field(default_factory=set)
    count_made: int = 0

    async def __call__(self, request: Request, rules: Reliability) -> Call:
        call = await self.inner(request, rules)
        self.found.add((request.digest, call.session))
        noted = self.calls.get(request.digest)
        if noted is None or noted.replayed:
            self.calls[request.digest] = call
            self.count_made += not call.replayed
        return call

    @property
    def made(self) -> dict[str, Call]:
        """The calls that were not replayed."""
        return {digest: call for digest, call in self.calls.items() if not call.replayed}


async def tell(tally: Tally, ledgers: tuple[Ledger, ...], progress: Progress) -> None:
    """Tell now and then what the calls came to, until cancelled."""
    noted = {id(ledger.calls): ledger.calls for ledger in ledgers}
    while True:
        await asyncio.sleep(_TELL_EVERY_S)
        needed = sum(map(len, noted.values()))
        made = sum(ledger.count_made for ledger in ledgers)
        spent = tally.spend()
        usd = spent.billed_usd + spent.possible_usd
        progress.calls(CallsSoFar(made, needed - made, tally.in_flight, tally.failed, usd))


def unwritten(session: Session, calls: Mapping[str, Call]) -> Recordings:
    """Return calls that are in no file, and no store, as recordings of this process."""
    every = calls.values()
    sessions = {call.session: replace(session, id=call.session) for call in every}
    recorded = [Recorded(call.request.digest, call.session, call.attempts, call.response) for call in every]
    return Recordings.of(sessions, recorded)
