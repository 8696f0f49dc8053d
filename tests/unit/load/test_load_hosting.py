"""Hosting as people write it, and the benchmark reports that it names."""

import json

import pytest

from evalgate.core.hosting import goodput_of
from evalgate.core.service_time_file import FittedStepTimeFile
from evalgate.load.changed import Changed
from tests import bench_reports

WEAK = 'weak:   {provider: local, model: small, revision: "1"}'
HOSTING = "usd_per_hour: 2.5, utilisation: 0.4"
OBJECTIVE = "objective: {ttft_p95_s: 0.1}"
LEVEL = "throughput: [{concurrency: 8, output_tokens_per_s: 460, ttft_p95_s: 0.07}]"


@pytest.fixture
def hosted(files):
    """Return a function that gives the weak deployment hosting and loads the project."""

    def load(written, key="price: {hosting: {%s}}"):
        for name in ("production", "threshold"):
            files.edit(f"policies/tickets/{name}.yaml", WEAK, f"{WEAK[:-1]}, {key % written}}}")
        return files

    return load


def hosting_of(files):
    (suite,) = files.load().suites
    return suite.baseline.deployments["weak"].price.hosting


def reports(files, tool):
    """Write the three levels as ``tool`` does; return what to put after ``report:``."""
    match tool:
        case "guidellm":
            files.write("policies/tickets/benchmarks.json", bench_reports.guidellm())
            return "benchmarks.json"
        case "vllm appended":
            lines = [bench_reports.vllm(at) for at in range(3)]
            files.write("policies/tickets/all.json", "\n".join(lines) + "\n")
            return "all.json"
        case _:
            suffix = "csv" if tool == "aiperf_csv" else "json"
            for at in range(3):
                files.write(f"policies/tickets/b{at}.{suffix}", getattr(bench_reports, tool)(at))
            return f"[b0.{suffix}, b1.{suffix}, b2.{suffix}]"


TOOLS = ["guidellm", "vllm", "vllm appended", "aiperf", "aiperf_csv"]


@pytest.mark.parametrize("tool", TOOLS)
def test_the_best_level_within_the_objective_is_the_goodput_of_every_tool_s_report(hosted, files, tool):
    named = reports(files, tool)
    hosting = hosting_of(hosted(f"{HOSTING}, {OBJECTIVE}, report: {named}"))
    good = goodput_of(hosting)
    # Level 32 serves more, and its first tokens come too late.
    assert (good.per_s, good.counted) == (pytest.approx(3.87 * 120), "output tokens")
    assert good.concurrency == pytest.approx(8, rel=0.02)
    assert [level.tpot_p95_s for level in hosting.throughput] == pytest.approx([0.014, 0.019, 0.034])


@pytest.mark.parametrize("tool", TOOLS)
def test_a_report_tells_how_an_engine_slows_down(hosted, files, tool):
    named = reports(files, tool)
    hosted(f"report: {named}, max_running: 64", key="service_time: {%s}")
    time = files.load().suites[0].baseline.deployments["weak"].service_time
    assert isinstance(time, FittedStepTimeFile)
    assert [level.tpot_s for level in time.levels] == pytest.approx([0.0128, 0.0170, 0.0300])
    assert [level.input_tokens for level in time.levels] == pytest.approx([500] * 3)
    assert time.levels[0].concurrency >= 1


def test_a_higher_percentile_stands_in_for_the_95th_and_a_lower_one_never(hosted, files):
    only_p99 = json.loads(bench_reports.vllm(1))
    del only_p99["p95_ttft_ms"]
    files.write("policies/tickets/a.json", json.dumps(only_p99))
    assert hosting_of(hosted(f"{HOSTING}, {OBJECTIVE}, report: a.json")).throughput[0].ttft_p95_s == (
        pytest.approx(0.084)
    )
    only_p99["p90_ttft_ms"] = only_p99.pop("p99_ttft_ms")
    files.write("policies/tickets/a.json", json.dumps(only_p99))
    said = files.said()
    assert "objective.ttft_p95_s: ttft_p95_s was not measured at concurrency 8" in said
    assert "--metric-percentiles 95" in said


@pytest.mark.parametrize("key", ["request_goodput", "request_goodput:"])
def test_requests_that_a_benchmark_itself_found_good_need_no_objective(hosted, files, key):
    files.write("policies/tickets/a.json", bench_reports.vllm(2, **{"request_goodput": None, key: 2.2}))
    good = goodput_of(hosting_of(hosted(f"{HOSTING}, report: a.json")))
    assert good.per_s == pytest.approx(2.2 * 120)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"requests": 3}', "this is no benchmark report that evalgate can read"),
        ("TTFT 12 ms", "looked for: benchmarks: [{metrics: …}] (GuideLLM)"),
        ('{"request_throughput": {"avg": 2}}', "the report has no request_latency.avg"),
        ('{"request_throughput": 2}', "the report has no completed above 0"),
        ('{"benchmarks": [{}]}', "the report has no benchmarks[0].metrics"),
        ('{"benchmarks": [{"metrics": {}}]}', "metrics.requests_per_second.successful.mean"),
        ("[" * 100_000, "this is no benchmark report"),
    ],
)
def test_what_no_known_tool_wrote_is_refused_with_what_was_looked_for(hosted, files, text, said):
    files.write("policies/tickets/odd.json", text)
    found = hosted(f"{HOSTING}, {OBJECTIVE}, report: odd.json").said()
    assert "policies/tickets/odd.json" in found
    assert said in found


def test_a_csv_of_something_else_is_refused(hosted, files):
    files.write("policies/tickets/odd.csv", "Metric,avg\nSpeed,3\n")
    assert "this is no benchmark report" in hosted(f"{HOSTING}, {OBJECTIVE}, report: odd.csv").said()


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (f"usd_per_hour: 2.5, utilisation: 1.2, {OBJECTIVE}, {LEVEL}", "hosting.utilisation"),
        (f"usd_per_hour: 0, utilisation: 0.4, {OBJECTIVE}, {LEVEL}", "hosting.usd_per_hour"),
        (f"{HOSTING}, replicas: 1, min_replicas: 3, {OBJECTIVE}, {LEVEL}", "fewer than the 3 that always do"),
        (f"{HOSTING}, {OBJECTIVE}", "nothing says how much a replica serves"),
        (f"{HOSTING}, {LEVEL}", "peak throughput is not what users can be served"),
        (f"{HOSTING}, objective: {{}}, {LEVEL}", "no latency is named"),
        (f"{HOSTING}, objective: {{tpot_p95_s: 1}}, {LEVEL}", "tpot_p95_s was not measured at concurrency 8"),
        (f"{HOSTING}, objective: {{ttft_p95_s: 0.05}}, {LEVEL}", "ttft_p95_s is 0.07 at best"),
        (
            f"{HOSTING}, {OBJECTIVE}, throughput: [{{concurrency: 8, ttft_p95_s: 0.05}}]",
            "add output_tokens_per_s",
        ),
        (f"{HOSTING}, {OBJECTIVE}, {LEVEL}, report: x.json", "keep one of them"),
        (f"{HOSTING}, {OBJECTIVE}, report: x.json", "there is no 'x.json'"),
        (
            f"{HOSTING}, throughput: [{{concurrency: 8, requests_per_s: 2, good_requests_per_s: 3}}]",
            "3 good requests a second are more than all, 2",
        ),
        (
            f"usd_per_hour: 1e300, utilisation: 1e-300, {OBJECTIVE}, "
            "throughput: [{concurrency: 8, output_tokens_per_s: 1e-300, ttft_p95_s: 0.05}]",
            "no price follows",
        ),
        (f"{HOSTING}, {OBJECTIVE}, {LEVEL}, utilization: 0.4", "did you mean"),
    ],
)
def test_what_no_machine_can_do_is_refused_at_its_place(hosted, written, said):
    found = hosted(written).said()
    assert said in found
    assert "policies/tickets/production.yaml:6" in found
    assert "deployments.weak.price" in found


def test_hosting_and_a_price_for_tokens_are_one_too_many(hosted):
    found = hosted(f"{HOSTING}, {OBJECTIVE}, {LEVEL}", key="price: {input_per_1m: 1, hosting: {%s}}").said()
    assert "input_per_1m would be paid twice" in found


def test_prices_yaml_may_hold_hosting_with_a_report_beside_it(files):
    files.write("prices/bench.json", bench_reports.guidellm())
    files.write(
        "prices/prices.yaml", f"local/small: {{hosting: {{{HOSTING}, {OBJECTIVE}, report: bench.json}}}}\n"
    )
    files.edit("evalgate.yaml", "suites: [suites]", "suites: [suites]\nprices: prices/prices.yaml")
    hosting = files.load().prices["local/small"].hosting
    assert len(hosting.throughput) == 3
    files.write("prices/bench.json", "{}")
    assert "this is no benchmark report" in files.said()


def test_a_benchmark_that_prices_are_read_from_reaches_every_suite(files):
    written = f"local/small: {{hosting: {{{HOSTING}, {OBJECTIVE}, report: bench.json}}}}\n"
    files.write("prices/prices.yaml", written)
    files.edit("evalgate.yaml", "suites: [suites]", "suites: [suites]\nprices: prices/prices.yaml")
    file = files.root / "evalgate.yaml"
    assert Changed(files.root, ["prices/bench.json"]).reaches(file)
    assert not Changed(files.root, ["prices/other.json"]).reaches(file)
