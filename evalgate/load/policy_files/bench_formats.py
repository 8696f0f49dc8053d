"""What benchmark tools write: GuideLLM, AIPerf and vLLM's ``bench serve``, each as concurrency levels.

The keys are those of GuideLLM 0.5 (``benchmarks.json``), AIPerf 0.14 (``profile_export_aiperf.json`` and
``.csv``) and vLLM 0.11 (``--save-result``, ``--append-result``). Times become seconds. What a report does not
hold stays None; zero, which these tools write for what they did not measure, counts as that.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evalgate.core.errors import BadInput, Problem

_PERCENTILES = (95, 99, 99.9)
"""Of these the first that a report holds stands for the 95th: a higher one is never more favourable."""
_SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "sec": 1.0, "seconds": 1.0}
_CSV_NAME = re.compile(r"(.+?)(?: \(([^()]+)\))?")
_GUIDELLM_PERCENTILES = {95: "p95", 99: "p99", 99.9: "p999"}


@dataclass(frozen=True, slots=True)
class BenchLevel:
    """What a benchmark measured at one level of load; rates are a second's, times are seconds.

    ``concurrency`` is the mean number of requests that ran. Times without ``p95`` are means over requests.
    """

    concurrency: float
    requests_per_s: float
    output_tokens_per_s: float | None
    good_requests_per_s: float | None
    ttft_s: float | None
    tpot_s: float | None
    ttft_p95_s: float | None
    tpot_p95_s: float | None
    latency_p95_s: float | None
    input_tokens: float | None
    output_tokens: float | None


class _Lacks(Exception):
    """A key that a report of this format must hold."""


def bench_levels(report: Any, shown: str) -> Iterator[BenchLevel]:
    """Yield the levels of one JSON document.

    Raises:
        BadInput: it is none of the formats, or lacks what one of them always holds.

    """
    held = report if isinstance(report, dict) else {}
    try:
        match held:
            case {"benchmarks": list() as benchmarks}:
                yield from (_guidellm(each, at) for at, each in enumerate(benchmarks))
            case {"request_throughput": dict()}:
                yield _aiperf(held)
            case {"request_throughput": float() | int()}:
                yield _vllm(held)
            case _:
                raise unknown(shown)
    except _Lacks as lacks:
        raise BadInput([Problem(f"the report has no {lacks}", _CURE, shown)]) from None


def aiperf_csv(text: str, shown: str) -> BenchLevel:
    """Return the level of AIPerf's CSV: sections of ``Metric,avg,…`` and ``Metric,Value``.

    Raises:
        BadInput: it is no such file.

    """
    metrics: dict[str, dict[str, object]] = {}
    stats: Sequence[str] = ()
    for row in csv.reader(io.StringIO(text, newline="")):
        if row[:1] == ["Metric"]:
            stats = ["avg" if name == "Value" else name for name in row[1:]]
        elif len(row) < 2:
            stats = ()
        elif stats and (named := _CSV_NAME.fullmatch(row[0])):
            values = {name: _plain_number(text) for name, text in zip(stats, row[1:], strict=False)}
            metrics[named[1].lower().replace(" ", "_")] = {"unit": named[2] or "", **values}
    if "request_throughput" not in metrics:
        raise unknown(shown)
    try:
        return _aiperf(metrics)
    except _Lacks as lacks:
        raise BadInput([Problem(f"the report has no {lacks}", _CURE, shown)]) from None


def unknown(shown: str) -> BadInput:
    """Return the refusal of a file that no tool known here wrote, with what was looked for."""
    message = "this is no benchmark report that evalgate can read"
    cure = (
        "looked for: benchmarks: [{metrics: …}] (GuideLLM), request_throughput: {avg: …} (AIPerf, also CSV), "
        "or request_throughput: and duration: as numbers (vllm bench serve --save-result)"
    )
    return BadInput([Problem(message, cure, shown)])


_CURE = "give the file as the tool wrote it (GuideLLM, AIPerf or vllm bench serve --save-result)"


def _guidellm(benchmark: Any, at: int) -> BenchLevel:
    metrics = benchmark.get("metrics") if isinstance(benchmark, dict) else None
    if not isinstance(metrics, dict):
        raise _Lacks(f"benchmarks[{at}].metrics")

    def of(name: str, scale: float = 1.0) -> tuple[float | None, float | None]:
        found = metrics.get(name)
        held = found.get("successful") if isinstance(found, dict) else None
        if not isinstance(held, dict):
            return None, None
        percentiles = held.get("percentiles")
        known = percentiles if isinstance(percentiles, dict) else {}
        tail = _first(known.get(_GUIDELLM_PERCENTILES[each]) for each in _PERCENTILES)
        return _scaled(held.get("mean"), scale), _scaled(tail, scale)

    requests_per_s, concurrency = of("requests_per_second")[0], of("request_concurrency")[0]
    if requests_per_s is None or concurrency is None:
        lacking = "requests_per_second" if requests_per_s is None else "request_concurrency"
        raise _Lacks(f"benchmarks[{at}].metrics.{lacking}.successful.mean above 0")
    ttft, tpot = of("time_to_first_token_ms", 1e-3), of("inter_token_latency_ms", 1e-3)
    return BenchLevel(
        concurrency=concurrency,
        requests_per_s=requests_per_s,
        output_tokens_per_s=of("output_tokens_per_second")[0],
        good_requests_per_s=None,
        ttft_s=ttft[0],
        tpot_s=tpot[0],
        ttft_p95_s=ttft[1],
        tpot_p95_s=tpot[1],
        latency_p95_s=of("request_latency")[1],
        input_tokens=of("prompt_token_count")[0],
        output_tokens=of("output_token_count")[0],
    )


def _aiperf(metrics: Mapping[str, Any]) -> BenchLevel:
    def of(name: str) -> tuple[float | None, float | None]:
        held = metrics.get(name)
        if not isinstance(held, dict):
            return None, None
        scale = _SECONDS.get(str(held.get("unit", "")).lower(), 1.0)
        tail = _first(held.get(f"p{each:g}") for each in _PERCENTILES)
        return _scaled(held.get("avg"), scale), _scaled(tail, scale)

    requests_per_s, latency = of("request_throughput")[0], of("request_latency")
    if requests_per_s is None or latency[0] is None:
        raise _Lacks("request_throughput.avg" if requests_per_s is None else "request_latency.avg")
    ttft, tpot = of("time_to_first_token"), of("inter_token_latency")
    good = metrics.get("goodput")
    return BenchLevel(
        # Little's law: how many run is how many come times how long each stays.
        concurrency=requests_per_s * latency[0],
        requests_per_s=requests_per_s,
        output_tokens_per_s=of("output_token_throughput")[0],
        good_requests_per_s=_number(good.get("avg")) if isinstance(good, dict) else None,
        ttft_s=ttft[0],
        tpot_s=tpot[0],
        ttft_p95_s=ttft[1],
        tpot_p95_s=tpot[1],
        latency_p95_s=latency[1],
        input_tokens=of("input_sequence_length")[0],
        output_tokens=of("output_sequence_length")[0],
    )


def _vllm(result: Mapping[str, Any]) -> BenchLevel:
    def of(name: str) -> tuple[float | None, float | None]:
        tail = _first(result.get(f"p{each:g}_{name}_ms") for each in _PERCENTILES)
        return _scaled(result.get(f"mean_{name}_ms"), 1e-3), _scaled(tail, 1e-3)

    requests_per_s, completed = _scaled(result.get("request_throughput")), _scaled(result.get("completed"))
    if requests_per_s is None or completed is None:
        raise _Lacks(f"{'request_throughput' if requests_per_s is None else 'completed'} above 0")
    inputs, outputs = (_scaled(result.get(f"total_{side}_tokens")) for side in ("input", "output"))
    ttft, tpot, whole = of("ttft"), of("tpot"), of("e2el")
    mean_s = whole[0]
    if mean_s is None and ttft[0] is not None and outputs is not None:
        mean_s = ttft[0] + (tpot[0] or 0.0) * max(outputs / completed - 1, 0.0)
    concurrency = _scaled(result.get("max_concurrency")) if mean_s is None else requests_per_s * mean_s
    if concurrency is None:
        raise _Lacks("mean_e2el_ms, mean_ttft_ms or max_concurrency")
    # A release line of vLLM wrote this key with a colon in it.
    good = _first(result.get(key) for key in ("request_goodput", "request_goodput:"))
    return BenchLevel(
        concurrency=concurrency,
        requests_per_s=requests_per_s,
        output_tokens_per_s=_scaled(result.get("output_throughput")),
        good_requests_per_s=_number(good),
        ttft_s=ttft[0],
        tpot_s=tpot[0],
        ttft_p95_s=ttft[1],
        tpot_p95_s=tpot[1],
        latency_p95_s=whole[1],
        input_tokens=None if inputs is None else inputs / completed,
        output_tokens=None if outputs is None else outputs / completed,
    )


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < float("inf") else None


def _scaled(value: object, scale: float = 1.0) -> float | None:
    number = _number(value)
    return number * scale if number else None


def _first(values: Iterator[object]) -> object:
    return next((value for value in values if value is not None), None)


def _plain_number(text: str) -> float | None:
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return None
