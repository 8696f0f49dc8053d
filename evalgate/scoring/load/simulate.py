"""Requests through limiters, queues and server slots: a trace-driven simulation.

Deployments are first come, first served. A request's visits follow one another (a retry, a fallback, an
escalation comes back as a new arrival, so that it adds to the load that caused it).
"""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf, nan

import numpy as np

from evalgate.core.load import Collector, Station
from evalgate.scoring.load.collect import collected
from evalgate.scoring.load.demand import Demand
from evalgate.scoring.load.engine import Engine
from evalgate.scoring.load.limiter import BURST_S, admitted
from evalgate.scoring.load.queue import starts, starts_with_patience
from evalgate.scoring.methods.arrays import Bools, Floats, Ints


@dataclass(frozen=True, slots=True)
class Visits:
    """All visits to one deployment, in the order in which they came: seconds, and whether each stayed.

    Where requests are collected a visit is a call; ``carried`` counts the requests of all of them.
    """

    asked: Floats
    begun: Floats
    ended: Floats
    tokens: Floats
    stayed: Bools
    carried: int


@dataclass(frozen=True, slots=True)
class Requests:
    """Who comes: case ``cases[i]`` at ``arrivals[i]`` (ascending seconds).

    ``sizes`` are the tokens in and out of each request, where not those of its case. A request that would
    wait longer than ``patience_s`` for one deployment gives up.
    """

    arrivals: Floats
    cases: Ints
    sizes: Ints | None = None
    patience_s: float = inf


@dataclass(frozen=True, slots=True)
class Timeline:
    """What became of each request, in the order of arrival.

    ``latency_s`` is seconds to its answer, NaN where nobody waits for it; ``running_s`` is, per deployment,
    requests in service times seconds.
    """

    arrived: Floats
    latency_s: Floats
    rejected: Bools
    visits: tuple[Visits, ...]
    running_s: tuple[float, ...]


def simulate(demand: Demand, asked: Requests, stations: Sequence[Station]) -> Timeline:
    """Send the requests ``asked`` through ``stations``.

    Who gives up counts as rejected; its place in a quota is used all the same.
    """
    alone = demand.visits.max(initial=0) <= 1 and all(each.engine is None for each in stations)
    return (_at_once if alone else _in_sequence)(demand, asked, stations)


def _at_once(demand: Demand, who: Requests, stations: Sequence[Station]) -> Timeline:
    """No request visits twice, so each deployment is one sorted queue."""
    arrivals, cases, patience_s = who.arrivals, who.cases, who.patience_s
    latency = demand.tail_s[cases].copy()
    rejected = np.zeros(len(cases), dtype=bool)
    visit = demand.first[cases]
    visits_any = demand.visits[cases] > 0
    seen = []
    for number, station in enumerate(stations):
        mine = np.flatnonzero(visits_any)
        mine = mine[demand.station[visit[mine]] == number]
        row = visit[mine]
        asked = arrivals[mine] + demand.pause_s[row]
        order = np.argsort(asked, kind="stable")
        mine, row, asked = mine[order], row[order], asked[order]
        service = demand.service_s[row]
        tokens = demand.tokens[row] if who.sizes is None else who.sizes[mine].sum(axis=1).astype(np.float64)
        call_of = np.arange(len(mine))
        if station.collects is not None:
            calls = collected(asked, station.collects)
            call_of, asked = calls.call_of, calls.sent
            service, tokens = calls.largest(service), calls.total(tokens)
        visits = _through(station, asked, (service, tokens), patience_s, len(mine))
        latency[mine] = visits.ended[call_of] - arrivals[mine]
        rejected[mine] = ~visits.stayed[call_of]
        seen.append(visits)
    return Timeline(arrivals, latency, rejected, tuple(seen), tuple(_running(each) for each in seen))


def _through(
    station: Station, asked: Floats, takes: tuple[Floats, Floats], patience_s: float, carried: int
) -> Visits:
    """Send calls through a deployment's limiter and slots; each ``takes`` seconds of service, and tokens."""
    service, tokens = takes
    ready = admitted(asked, np.ones(len(asked)), station.requests_per_s)
    ready = np.maximum.accumulate(np.maximum(ready, admitted(asked, tokens, station.tokens_per_s)))
    if patience_s < inf:
        begun, stayed = starts_with_patience(asked, ready, service, station.slots, patience_s)
    else:
        begun = ready if station.slots is None else starts(ready, service, station.slots)
        stayed = np.ones(len(asked), dtype=bool)
    return Visits(asked, begun, begun + service, tokens, stayed, carried)


def _running(visits: Visits) -> float:
    return float((visits.ended - visits.begun)[visits.stayed].sum())


def _in_sequence(demand: Demand, who: Requests, stations: Sequence[Station]) -> Timeline:
    run = _Run(demand, who, stations)
    run.play()
    seen = tuple(place.visits() for place in run.places)
    rejected = np.isnan(run.finished) & ~np.isnan(demand.tail_s[who.cases])
    latency = np.where(rejected, 0.0, run.finished - who.arrivals)
    busy = tuple(
        place.engine.busy_s if place.engine is not None else _running(each)
        for place, each in zip(run.places, seen, strict=True)
    )
    return Timeline(who.arrivals, latency, rejected, seen, busy)


class _Place:
    """One deployment while the simulation runs."""

    def __init__(self, station: Station) -> None:
        self.station = station
        self.engine = Engine(station.engine) if station.engine is not None else None
        self.free = [] if station.slots is None else [-inf] * station.slots
        self.requests_due = self.tokens_due = self.last = -inf
        self.rows: list[tuple[float, float, float, float, bool]] = []
        self.open: dict[int, int] = {}
        # Requests that wait for their call to go, and which call that is.
        self.collected: list[tuple[int, int]] = []
        self.calls = self.carried = 0

    def ready(self, asked: float, tokens: float) -> float:
        """When the limiter lets a request through: the recursion whose closed form is in ``limiter``."""
        at = max(asked, self.requests_due - BURST_S, self.tokens_due - BURST_S, self.last)
        if self.station.requests_per_s is not None:
            self.requests_due = max(self.requests_due, asked) + 1 / self.station.requests_per_s
        if self.station.tokens_per_s is not None:
            self.tokens_due = max(self.tokens_due, asked) + tokens / self.station.tokens_per_s
        self.last = at
        return at

    def serve(self, ready: float, service_s: float) -> float:
        if not self.free:
            return ready
        begun = max(self.free[0], ready)
        heapq.heapreplace(self.free, begun + service_s)
        return begun

    def wait_s(self, asked: float, ready: float) -> float:
        """What a request that came at ``asked`` would wait; of an engine, only what its limiter holds it."""
        return max(ready, self.free[0] if self.free else -inf) - asked

    def visits(self) -> Visits:
        table = np.array(self.rows, dtype=np.float64).reshape(-1, 5)
        table = table[np.argsort(table[:, 0], kind="stable")]
        carried = self.carried or len(table)
        return Visits(table[:, 0], table[:, 1], table[:, 2], table[:, 3], table[:, 4] > 0, carried)


class _Run:
    """One simulation in the order of time."""

    def __init__(self, demand: Demand, who: Requests, stations: Sequence[Station]) -> None:
        cases = who.cases
        self.patience_s = who.patience_s
        self.first = demand.first[cases].tolist()
        self.last = demand.first[cases + 1].tolist()
        self.tail_s = demand.tail_s[cases].tolist()
        self.arrivals = who.arrivals.tolist()
        self.sizes: list[list[int]] | None = None if who.sizes is None else who.sizes.tolist()
        self.station, self.service_s = demand.station.tolist(), demand.service_s.tolist()
        self.pause_s, self.tokens = demand.pause_s.tolist(), demand.tokens.tolist()
        self.prompt, self.output = demand.prompt_tokens.tolist(), demand.output_tokens.tolist()
        self.places = [_Place(station) for station in stations]
        self.engines = [place for place in self.places if place.engine is not None]
        self.finished = np.full(len(cases), nan)
        self.events: list[tuple[float, int, int]] = []
        self.row_of = [0] * len(cases)

    def play(self) -> None:
        for request in range(len(self.arrivals)):
            self._next(self.arrivals[request], request, self.first[request])
        heapq.heapify(self.events)
        while self.events or any(not place.engine.idle for place in self._with_engines()):
            upto = self.events[0][0] if self.events else inf
            if not self._engines_first(upto):
                at, request, visit = heapq.heappop(self.events)
                if request >= 0:
                    self._visit(at, request, visit)
                elif self.places[-1 - request].calls == visit:
                    self._send(at, self.places[-1 - request])

    def _with_engines(self) -> Iterator["_EngineAt"]:
        return (_EngineAt(place, place.engine) for place in self.engines if place.engine is not None)

    def _engines_first(self, upto: float) -> bool:
        """Move the engine that lags behind most, up to the next event; tell whether there was one."""
        working = (each for each in self._with_engines() if not each.engine.idle)
        behind = [each for each in working if each.engine.clock_s < upto]
        if not behind:
            return False
        each = min(behind, key=lambda one: one.engine.clock_s)
        done = each.engine.advance(upto)
        for request, begun in each.engine.begun():
            asked, _, _, tokens, _ = each.place.rows[self.row_of[request]]
            each.place.rows[self.row_of[request]] = (asked, begun, begun, tokens, True)
        for request in done:
            row = self.row_of[request]
            asked, begun, _, tokens, _ = each.place.rows[row]
            each.place.rows[row] = (asked, begun, each.engine.clock_s, tokens, True)
            self._next(each.engine.clock_s, request, each.place.open.pop(request) + 1)
        return True

    def _next(self, at: float, request: int, visit: int) -> None:
        if visit == self.last[request]:
            self.finished[request] = at + self.tail_s[request]
        else:
            heapq.heappush(self.events, (at + self.pause_s[visit], request, visit))

    def _size(self, request: int, visit: int) -> tuple[int, int, float]:
        if self.sizes is None:
            return self.prompt[visit], self.output[visit], self.tokens[visit]
        prompt, output = self.sizes[request]
        return prompt, output, float(prompt + output)

    def _collect(self, asked: float, request: int, visit: int, by: Collector) -> None:
        """Let a request wait for others; at one moment the end of a window comes before who comes then."""
        number = self.station[visit]
        place = self.places[number]
        if not place.collected:
            heapq.heappush(self.events, (asked + by.window_s, -1 - number, place.calls))
        place.collected.append((request, visit))
        if len(place.collected) == by.max_size:
            self._send(asked, place)

    def _send(self, at: float, place: _Place) -> None:
        """Send what is collected as one call, which takes as long as the slowest of it."""
        members, place.collected = place.collected, []
        place.calls += 1
        place.carried += len(members)
        tokens = sum(self._size(*member)[2] for member in members)
        ready = place.ready(at, tokens)
        if place.wait_s(at, ready) > self.patience_s:
            place.rows.append((at, at, at, tokens, False))
            return
        service_s = max(self.service_s[visit] for _, visit in members)
        begun = place.serve(ready, service_s)
        place.rows.append((at, begun, begun + service_s, tokens, True))
        for request, visit in members:
            self._next(begun + service_s, request, visit + 1)

    def _visit(self, asked: float, request: int, visit: int) -> None:
        place = self.places[self.station[visit]]
        if place.station.collects is not None:
            self._collect(asked, request, visit, place.station.collects)
            return
        prompt, output, tokens = self._size(request, visit)
        ready = place.ready(asked, tokens)
        if place.wait_s(asked, ready) > self.patience_s:
            place.rows.append((asked, asked, asked, tokens, False))
            return
        if place.engine is not None:
            self.row_of[request] = len(place.rows)
            place.open[request] = visit
            place.rows.append((asked, asked, asked, tokens, True))
            place.engine.arrive(ready, request, prompt, output)
            return
        begun = place.serve(ready, self.service_s[visit])
        ended = begun + self.service_s[visit]
        place.rows.append((asked, begun, ended, tokens, True))
        self._next(ended, request, visit + 1)


@dataclass(frozen=True, slots=True)
class _EngineAt:
    place: _Place
    engine: Engine
