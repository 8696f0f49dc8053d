"""Hosting in a price: its benchmark report read, and everything refused that no machine can do."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evalgate.core.errors import Problem
from evalgate.core.hosting import goodput_of, hosted_price
from evalgate.core.hosting_file import Hosting, ThroughputLevel
from evalgate.core.numbers import Unmeasured
from evalgate.core.policy_file import Price
from evalgate.load.findings import Findings
from evalgate.load.policy_files.bench_reports import throughput_levels
from evalgate.load.syntax.documents import Document
from evalgate.load.syntax.yaml_text import KeyPath

_OBJECTIVE = (
    "add objective: {ttft_p95_s: 0.5}, or tpot_p95_s or latency_p95_s, with the seconds that users accept"
)


@dataclass(frozen=True, slots=True)
class PriceSite:
    """Where a price is written: ``key`` of ``document``, whose paths are seen from ``folder``."""

    document: Document[Any]
    key: KeyPath
    folder: Path

    def problem(self, key: KeyPath, message: str, cure: str) -> Problem:
        """Return a problem inside the price."""
        return self.document.problem((*self.key, *key), message, cure)


def load_price(price: Price | None, site: PriceSite, findings: Findings) -> Price | None:
    """Return ``price`` with the throughput of its hosting read in; None with its problems noted."""
    if price is None or price.hosting is None:
        return price
    before, hosting = len(findings.problems), price.hosting
    findings.problems.extend(_beside(price, site))
    levels = _throughput(hosting, site, findings)
    whole = hosting.model_copy(update={"throughput": levels or [], "report": None})
    if levels:
        findings.problems.extend(_check(whole, site))
    if len(findings.problems) > before:
        return None
    return price.model_copy(update={"hosting": whole})


def _beside(price: Price, site: PriceSite) -> Iterator[Problem]:
    hosting = price.hosting
    assert hosting is not None
    others = sorted(price.model_fields_set - {"hosting"})
    if others:
        message = (
            f"a price with hosting follows from its machines, and {', '.join(others)} would be paid twice"
        )
        yield site.problem((others[0],), message, "keep one of them")
    if hosting.replicas < hosting.min_replicas:
        message = f"{hosting.replicas} run, fewer than the {hosting.min_replicas} that always do"
        yield site.problem(("hosting", "replicas"), message, "raise replicas, or lower min_replicas")


def _throughput(hosting: Hosting, site: PriceSite, findings: Findings) -> list[ThroughputLevel] | None:
    key = ("hosting", "report")
    if hosting.report is None:
        if not hosting.throughput:
            message = "nothing says how much a replica serves"
            cure = (
                "add throughput: [{concurrency: 8, output_tokens_per_s: 400, ttft_p95_s: 0.3}], "
                "or report: with the file of GuideLLM, AIPerf or vllm bench serve"
            )
            findings.problems.append(site.problem(("hosting",), message, cure))
        return hosting.throughput
    if hosting.throughput:
        message = "throughput and report both say how much a replica serves"
        findings.problems.append(site.problem(key, message, "keep one of them"))
    report = hosting.report
    return findings.attempt_at(
        site.document, (*site.key, *key), lambda: throughput_levels(report, site.folder, findings)
    )


def _check(hosting: Hosting, site: PriceSite) -> Iterator[Problem]:
    found = [*_rates(hosting, site), *_objective(hosting, site)]
    yield from found
    if found:
        return
    if isinstance(goodput_of(hosting), Unmeasured):
        yield _none_meets(hosting, site)
    elif not _has_price(hosting):
        message = "so little is served for so much that no price follows"
        yield site.problem(("hosting",), message, "look at usd_per_hour, utilisation and throughput again")


def _has_price(hosting: Hosting) -> bool:
    try:
        hosted_price(hosting, 0.5)
    except (ZeroDivisionError, ValueError):  # pydantic's is one: the price is larger than any can be
        return False
    return True


def _rates(hosting: Hosting, site: PriceSite) -> Iterator[Problem]:
    for at, level in enumerate(hosting.throughput):
        key = ("hosting", "throughput", at)
        if level.output_tokens_per_s is None and level.requests_per_s is None:
            message = f"nothing says how much is served at concurrency {level.concurrency:g}"
            yield site.problem(key, message, "add output_tokens_per_s or requests_per_s")
        good, every = level.good_requests_per_s, level.requests_per_s
        if good is not None and every is None:
            message = f"of how many requests {good:g} a second are good is not known"
            yield site.problem(key, message, "add requests_per_s")
        elif good is not None and every is not None and good > every:
            message = f"{good:g} good requests a second are more than all, {every:g}"
            yield site.problem((*key, "good_requests_per_s"), message, "write those that met the objective")
    counted = {level.output_tokens_per_s is None for level in hosting.throughput}
    if len(counted) > 1 and any(level.requests_per_s is None for level in hosting.throughput):
        message = "some levels count output tokens and others requests, which cannot be compared"
        yield site.problem(("hosting", "throughput"), message, "count the same on every level")


def _objective(hosting: Hosting, site: PriceSite) -> Iterator[Problem]:
    if hosting.objective is None:
        if all(level.good_requests_per_s is None for level in hosting.throughput):
            message = (
                "nothing says how fast answers must be, and peak throughput is not what users can be served"
            )
            yield site.problem(("hosting",), message, _OBJECTIVE)
        return
    for name in hosting.objective.limits:
        lacking = [f"{each.concurrency:g}" for each in hosting.throughput if getattr(each, name) is None]
        if lacking:
            message = f"{name} was not measured at concurrency {', '.join(lacking)}"
            cure = (
                "measure it (vllm bench serve: --percentile-metrics ttft,tpot,e2el --metric-percentiles 95)"
            )
            yield site.problem(("hosting", "objective", name), message, cure)


def _none_meets(hosting: Hosting, site: PriceSite) -> Problem:
    if hosting.objective is None:
        message = "no request of the benchmark met its objective"
        return site.problem(("hosting",), message, "measure at a lower load")
    best = {
        name: min(getattr(level, name) for level in hosting.throughput) for name in hosting.objective.limits
    }
    said = ", ".join(f"{name} is {at:g} at best" for name, at in best.items())
    message = f"no concurrency level meets the objective: {said}"
    return site.problem(
        ("hosting", "objective"), message, "measure at a lower load, or accept slower answers"
    )
