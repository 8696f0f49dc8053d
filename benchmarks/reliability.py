"""Retries, fallbacks, timeouts and cooldown over failures that really happened.

    python benchmarks/reliability.py

``llmperf_leaderboard`` (looked for in ``../shared/data``; skipped, saying so, where it is not) holds 150
requests to each of 19 deployments, with times and failures: one refused 130 of 150, another cut 49 short.
They become a project: request n of a deployment is recorded with row n, and its retries are the rows after
it, so that failures that came together stay together. Every policy is judged by `evalgate run`, and a script
of a few lines that shares no code with it says what success, cost and P95 must be. In the second part the
failures are faults of the traffic instead, on the cases' clock.

Each part is run three times; the best is printed beside a floor: reading the same recordings with ``json``,
and the script. Exits with 1 where a figure differs by more than 1e-9 of itself.
"""

import csv
import gzip
import io
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import chdir, redirect_stdout
from pathlib import Path

from scipy.stats.mstats import hdquantiles

from evalgate.cli.main import main as evalgate

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "llmperf_leaderboard" / "requests.csv.gz"
MODEL = "llama-2-70b-chat"
KINDS = {"429.0": "rate_limit", "-100.0": "bad_response", "-1.0": "connection"}
INPUT_USD, OUTPUT_USD = 0.5e-6, 1.5e-6
FEWEST, RETRIES = 145, 5

# First the deployment, its retries, who is asked after it, and its timeout or its cooldown.
POLICIES = {
    "production": ("lepton", 0, [], None),
    "retry-thrice": ("lepton", 3, [], None),
    "fall-back": ("lepton", 0, ["groq"], None),
    "retry-then-fall-back": ("lepton", 2, ["bedrock", "perplexity"], None),
    "short-answers": ("bedrock", 5, [], None),
    "impatient": ("replicate", 0, ["anyscale"], 8.0),
    "impatient-chain": ("bedrock", 0, ["replicate", "together"], 5.0),
    "rarely-fails": ("perplexity", 1, ["groq"], None),
}
AMID_FAULTS = {
    "production": ("lepton", 0, [], None),
    "retry": ("lepton", 2, [], None),
    "retry-often": ("lepton", 4, [], None),
    "fall-back": ("lepton", 1, ["groq"], None),
    "cool-down": ("lepton", 0, ["groq"], (3, 30.0)),
    "cool-down-soon": ("lepton", 1, ["anyscale"], (0, 5.0)),
    "cool-down-alone": ("lepton", 1, [], (2, 10.0)),
}
Rows = dict[str, list[dict]]
Cooldown = tuple[int, float] | None
Served = Iterator[tuple[bool, float, float]]
BUDGETS = (
    "{failure_rate: {max_rise: 100pp}, cost_per_correct: {max_rise: 999%}, latency_p95: {max_rise: 999%}}"
)


def main() -> int:
    """Compare every policy's figures with the script's; 1 where one differs."""
    if not DATA.is_file():
        print(f"skipped, as {DATA} is not there")
        return 0
    with gzip.open(DATA, "rt", encoding="utf-8", newline="") as file:
        rows: Rows = {}
        for row in csv.DictReader(file):
            if row["model"] == MODEL:
                rows.setdefault(row["provider"], []).append(row)
    odd = 0
    print(f"{'':24}{'success':>9}{'USD a request':>16}{'P95':>10}   of {FEWEST} requests to {MODEL}")
    odd += compared("recorded failures", rows, POLICIES, by_hand, faults=False)
    odd += compared("as faults of the traffic", rows, AMID_FAULTS, amid_faults, faults=True)
    return 1 if odd else 0


def by_hand(rows: Rows, first: str, retries: int, rest: list[str], timeout_s: float | None) -> Served:
    """The script: what each request gets, waits and costs. Ten lines, and nothing of evalgate in them."""
    for n in range(FEWEST):
        waited, usd, answered = 0.0, 0.0, False
        for provider in [first, *rest]:
            for attempt in range(retries + 1):
                row = rows[provider][(n + attempt) % FEWEST]
                late = timeout_s is not None and took(row) > timeout_s
                waited += (0.5 * 2 ** (attempt - 1) if attempt else 0.0) + (timeout_s if late else took(row))
                usd += cost(row)
                answered = not row["error_code"] and not late
                if answered:
                    break
            if answered:
                break
        yield answered, waited, usd


def amid_faults(rows: Rows, first: str, retries: int, rest: list[str], cooldown: Cooldown) -> Served:
    """The same where a failed row is an outage until the next request, and good rows are what else comes."""
    outages = {n: took(row) for n, row in enumerate(rows[first][:FEWEST]) if row["error_code"]}
    good = [row for row in rows[first][:FEWEST] if not row["error_code"]]
    fails: list[float] = []
    for n in range(FEWEST):
        now, answered, usd = float(n), False, 0.0
        if cooldown is None or not cooling(fails, now, *cooldown):
            for attempt in range(retries + 1):
                now += 0.5 * 2 ** (attempt - 1) if attempt else 0.0
                hit = outages.get(int(now))
                now += took(good[n % len(good)]) if hit is None else hit
                if hit is None:
                    answered, usd = True, cost(good[n % len(good)])
                    break
                fails.append(now)
        if not answered and rest:
            row = rows[rest[0]][n]
            answered, now, usd = True, now + took(row), cost(row)
        yield answered, now - n, usd


def cooling(fails: list[float], now: float, allowed: int, cooldown_s: float) -> bool:
    """Whether more failures than are allowed came within a minute, and not long enough ago."""
    until, recent = -1.0, []
    for at in sorted(fails):
        if until <= at <= now:
            recent = [each for each in recent if each > at - 60.0] + [at]
            if len(recent) > allowed:
                until, recent = at + cooldown_s, []
    return now < until


def took(row: dict) -> float:
    """Seconds of one row."""
    return float(row["e2e_latency_s"])


def cost(row: dict) -> float:
    """USD of one row: refused and unconnected requests are free, short answers are not."""
    free = row["error_code"] in {"429.0", "-1.0"}
    return 0.0 if free else int(row["input_tokens"]) * INPUT_USD + int(row["output_tokens"]) * OUTPUT_USD


def compared(title: str, rows: Rows, policies: dict, script: Callable[..., Served], *, faults: bool) -> int:
    """Print every policy of a part beside what the script says, and return how many figures differ."""
    print(f"\n{title}")
    odd = 0
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_project(root, rows, policies, faults=faults)
        found = judged(root)
        took_s = min(timed(lambda: judged(root)) for _ in range(3))
        floor_s = min(timed(lambda: read_once(root)) for _ in range(3))
    for name, policy in policies.items():
        served = list(script(rows, *policy))
        floor_s += timed(lambda policy=policy: list(script(rows, *policy)))
        success = sum(answered for answered, _, _ in served) / FEWEST
        usd = sum(cost_usd for _, _, cost_usd in served) / FEWEST
        p95 = float(hdquantiles([waited for _, waited, _ in served], [0.95])[0])
        differs = [
            not close(mine, theirs) for mine, theirs in zip(found[name], (success, usd, p95), strict=True)
        ]
        odd += sum(differs)
        said = f"DIFFERS from {success:.6f}, {usd:.9f}, {p95:.6f}" if any(differs) else "as the script says"
        mine = found[name]
        print(f"  {name:22}{mine[0]:9.1%}{mine[1]:16.9f}{mine[2]:8.3f} s   {said}")
    requests = FEWEST * len(policies)
    print(
        f"  {requests:,} requests loaded, replayed, compared and gated in {took_s:.2f} s; "
        f"floor {floor_s:.3f} s; ratio {took_s / floor_s:.1f}"
    )
    return odd


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that ``work`` takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def read_once(root: Path) -> None:
    """Read what is recorded, and nothing else."""
    for name in ("cases.jsonl", "recordings/all.jsonl"):
        for line in (root / "suites/llmperf" / name).read_text().splitlines():
            json.loads(line)


def close(mine: float, theirs: float) -> bool:
    """Equal to nine digits."""
    return abs(mine - theirs) <= 1e-9 * max(abs(mine), abs(theirs), 1e-12)


def judged(root: Path) -> dict[str, tuple[float, float, float]]:
    """Return success, USD a request and P95 of every policy, as `evalgate run` says."""
    shown = io.StringIO()
    with chdir(root), redirect_stdout(shown):
        evalgate(["run", "-q", "--format", "json"])
    found: dict[str, tuple[float, float, float]] = {}
    for comparison in json.loads(shown.getvalue())["comparisons"]:
        checks = {check["metric"]: check for check in comparison["checks"]}
        for side in ("baseline", "candidate"):
            usd = float(comparison["sides"][side]["cost_per_request_usd"])
            values = [checks[metric][side]["value"] for metric in ("failure_rate", "latency_p95")]
            found[comparison[side]] = 1 - values[0], usd, values[1]
    return found


def write_project(root: Path, rows: Rows, policies: dict, *, faults: bool) -> None:
    """Write suite, policies, recordings and, where there are any, faults."""
    for name in (".git", "suites/llmperf/recordings", "policies/llmperf"):
        (root / name).mkdir(parents=True)
    providers = ", ".join(f'{name}: {{kind: openai, origin: "http://127.0.0.1:9"}}' for name in rows)
    (root / "evalgate.yaml").write_text(f"providers: {{{providers}}}\nbudgets: {BUDGETS}\n")
    traffic = "traffic: {faults: outages.csv}\n" if faults else ""
    (root / "suites/llmperf/suite.yaml").write_text(
        f"policies: policies/llmperf\ngrader: {{kind: exact}}\n{traffic}"
    )
    cases = (json.dumps({"id": f"r{n:03}", "input": f"request {n}", "target": "ok"}) for n in range(FEWEST))
    (root / "suites/llmperf/cases.jsonl").write_text("\n".join(cases) + "\n")
    head = {"id": "s1", "interleaved": True, "seed": 1, "started_at": "2023-12-19T00:00:00Z"}
    lines = [{"schema": "evalgate/recordings@1", "made_by": "llmperf", "sessions": [head]}]
    lines += recordings(rows, faults=faults)
    (root / "suites/llmperf/recordings/all.jsonl").write_text(
        "".join(json.dumps(each) + "\n" for each in lines)
    )
    if faults:
        (root / "suites/llmperf/outages.csv").write_text(outages(rows["lepton"]))
    for name, policy in policies.items():
        (root / f"policies/llmperf/{name}.yaml").write_text(policy_file(rows, *policy))


def outages(rows: list[dict]) -> str:
    """The failed rows as a log of faults, each until the next request comes."""
    failed = [(n, row) for n, row in enumerate(rows[:FEWEST]) if row["error_code"]]
    logged = "".join(f"{n},{n + 1},lepton,429,{row['e2e_latency_s']}\n" for n, row in failed)
    return f"at,until,deployment,status,latency_s\n{logged}"


def recordings(rows: Rows, *, faults: bool) -> Iterator[dict]:
    """Yield a call a request and deployment: its row, and as its retries those that follow."""
    for provider, every in rows.items():
        kept = every[:FEWEST]
        if faults and provider == "lepton":
            good = [row for row in kept if not row["error_code"]]
            kept = [good[n % len(good)] for n in range(FEWEST)]
        for n in range(FEWEST):
            log = []
            for attempt in range(RETRIES + 1):
                log.append(attempt_of(kept[(n + attempt) % FEWEST]))
                if "error" not in log[-1]:
                    break
            yield call_of(provider, n, log)


def call_of(provider: str, n: int, log: list[dict]) -> dict:
    """Return one line of a recordings file."""
    request = {"provider": provider, "model": MODEL, "revision": "2023-12", "params": {}}
    request["messages"] = [{"role": "user", "content": f"request {n}"}]
    answered = {} if "error" in log[-1] else {"response": {"text": "ok"}}
    return {"kind": "chat", "request": request, "session": "s1", "attempts": log, **answered}


def attempt_of(row: dict) -> dict:
    """Return one row as an attempt."""
    used = {"input_tokens": int(row["input_tokens"]), "output_tokens": int(row["output_tokens"])}
    error = KINDS.get(row["error_code"])
    if error is None:
        return {"latency_s": took(row), "status": 200, "usage": used}
    if error == "bad_response":
        return {"latency_s": took(row), "error": error, "status": 200, "usage": used, "billing": "billed"}
    return {"latency_s": took(row), "error": error, "billing": "free"}


def policy_file(
    rows: Rows, first: str, retries: int, rest: list[str], limit: float | tuple[int, float] | None
) -> str:
    """Return a policy as a person would write it; ``limit`` is its timeout, or when it cools down."""
    price = f"{{input_per_1m: {INPUT_USD * 1e6}, output_per_1m: {OUTPUT_USD * 1e6}}}"
    deployments = "".join(
        f'  {name}: {{provider: {name}, model: {MODEL}, revision: "2023-12", price: {price}}}\n'
        for name in rows
    )
    rules = [f"num_retries: {retries}", "backoff_jitter: none"]
    rules += [f"fallbacks: {{{first}: [{', '.join(rest)}]}}"] if rest else []
    if isinstance(limit, tuple):
        rules.append(f"allowed_fails: {limit[0]}, cooldown_time_s: {limit[1]}")
    elif limit is not None:
        rules.append(f"request_timeout_s: {limit}")
    return f"deployments:\n{deployments}use: {first}\nreliability: {{{', '.join(rules)}}}\n"


if __name__ == "__main__":
    sys.exit(main())
