"""Benchmark reports as GuideLLM, AIPerf and vLLM write them, of one engine at three loads."""

import json

LEVELS = (
    # concurrency, requests/s, TTFT, TPOT, and their 95th percentiles, in seconds; 500 tokens in, 120 out.
    (1.0, 0.64, 0.035, 0.0128, 0.045, 0.0140),
    (8.0, 3.87, 0.049, 0.0170, 0.070, 0.0190),
    (32.0, 8.80, 0.080, 0.0300, 0.160, 0.0340),
)
PROMPT, OUTPUT = 500, 120
LATENCY = [ttft + tpot * (OUTPUT - 1) for _, _, ttft, tpot, _, _ in LEVELS]


def guidellm() -> str:
    """A ``benchmarks.json``: every level in one file, rates and counts by status."""
    return json.dumps({"args": {}, "benchmarks": [_guidellm(at) for at in range(len(LEVELS))]})


def _guidellm(at: int) -> dict[str, object]:
    concurrency, rate, ttft, tpot, ttft_p95, tpot_p95 = LEVELS[at]

    def spread(mean: float, p95: float) -> dict[str, object]:
        percentiles = {"p50": mean, "p90": p95, "p95": p95, "p99": p95 * 1.2, "p999": p95 * 1.3}
        nothing = {"mean": 0.0, "percentiles": dict.fromkeys(percentiles, 0.0)}
        return {"successful": {"mean": mean, "percentiles": percentiles}, "errored": nothing}

    return {
        "type_": "generative_benchmark",
        "config": {"strategy": {"type_": "concurrent", "streams": int(concurrency)}},
        "metrics": {
            "request_totals": {"successful": 300, "incomplete": 0, "errored": 0, "total": 300},
            "requests_per_second": spread(rate, rate),
            "request_concurrency": spread(concurrency, concurrency),
            "request_latency": spread(LATENCY[at], LATENCY[at] * 1.1),
            "prompt_token_count": spread(PROMPT, PROMPT),
            "output_token_count": spread(OUTPUT, OUTPUT),
            "time_to_first_token_ms": spread(ttft * 1e3, ttft_p95 * 1e3),
            "time_per_output_token_ms": spread(tpot * 1e3, tpot_p95 * 1e3),
            "inter_token_latency_ms": spread(tpot * 1e3, tpot_p95 * 1e3),
            "output_tokens_per_second": spread(rate * OUTPUT, rate * OUTPUT),
        },
    }


def vllm(at: int, **changed: object) -> str:
    """What ``vllm bench serve --save-result --metric-percentiles 95,99`` writes of one load."""
    concurrency, rate, ttft, tpot, ttft_p95, tpot_p95 = LEVELS[at]
    result: dict[str, object] = {
        "date": "20261101-120000",
        "backend": "vllm",
        "model_id": "llama",
        "num_prompts": 300,
        "request_rate": "inf",
        "max_concurrency": int(concurrency),
        "duration": 300 / rate,
        "completed": 300,
        "total_input_tokens": 300 * PROMPT,
        "total_output_tokens": 300 * OUTPUT,
        "request_throughput": rate,
        "request_goodput": None,
        "output_throughput": rate * OUTPUT,
        "total_token_throughput": rate * (PROMPT + OUTPUT),
    }
    for name, mean, p95 in (
        ("ttft", ttft, ttft_p95),
        ("tpot", tpot, tpot_p95),
        ("e2el", LATENCY[at], LATENCY[at] * 1.1),
    ):
        result |= {f"mean_{name}_ms": mean * 1e3, f"p95_{name}_ms": p95 * 1e3, f"p99_{name}_ms": p95 * 1.2e3}
    return json.dumps({**result, **changed})


def aiperf(at: int, **changed: object) -> str:
    """A ``profile_export_aiperf.json``."""
    return json.dumps({"schema_version": "1.0", "aiperf_version": "0.14.0", **_aiperf(at), **changed})


def aiperf_csv(at: int) -> str:
    """A ``profile_export_aiperf.csv``: what has percentiles first, then single values."""
    titles = {
        "time_to_first_token": "Time to First Token (ms)",
        "inter_token_latency": "Inter Token Latency (ms)",
        "request_latency": "Request Latency (ms)",
        "input_sequence_length": "Input Sequence Length (tokens)",
        "output_sequence_length": "Output Sequence Length (tokens)",
        "output_token_throughput": "Output Token Throughput (tokens/sec)",
        "request_throughput": "Request Throughput (requests/sec)",
    }
    lines, values = ["Metric,avg,min,max,p50,p90,p95,p99,std"], ["", "Metric,Value"]
    for tag, held in _aiperf(at).items():
        if "p95" in held:
            lines.append(f"{titles[tag]},{held['avg']},,,,,{held['p95']},{held['p99']},0.00")
        else:
            values.append(f"{titles[tag]},{held['avg']}")
    gpu = ["", "", "Endpoint,GPU_Index,GPU_Name,GPU_UUID,Metric,avg", "localhost,0,H100,x,GPU Power (W),400"]
    return "\r\n".join([*lines, *values, *gpu]) + "\r\n"


def _aiperf(at: int) -> dict[str, dict[str, object]]:
    _, rate, ttft, tpot, ttft_p95, tpot_p95 = LEVELS[at]

    def spread(unit: str, mean: float, p95: float) -> dict[str, object]:
        return {"unit": unit, "avg": mean, "p95": p95, "p99": p95 * 1.2}

    return {
        "time_to_first_token": spread("ms", ttft * 1e3, ttft_p95 * 1e3),
        "inter_token_latency": spread("ms", tpot * 1e3, tpot_p95 * 1e3),
        "request_latency": spread("ms", LATENCY[at] * 1e3, LATENCY[at] * 1.1e3),
        "input_sequence_length": spread("tokens", PROMPT, PROMPT),
        "output_sequence_length": spread("tokens", OUTPUT, OUTPUT),
        "output_token_throughput": {"unit": "tokens/sec", "avg": rate * OUTPUT},
        "request_throughput": {"unit": "requests/sec", "avg": rate},
    }
