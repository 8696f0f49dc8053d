"""How large the HTML report of many cases is, how long it takes to make, and how it feels in a browser.

    python benchmarks/report.py [CASES [MEGABYTES]]          (default: 10000 30)

Writes a project of that many recorded cases whose prompts and answers are pieces of what the standard
library says of itself, runs the gate with ``--report``, and opens the file in headless Chromium (from
``EVALGATE_CHROMIUM``, else /usr/bin/chromium; without it or playwright only the first figures are printed).
Times in the browser are the median of five, and the best of them; processor seconds are those of all threads.
On a machine that is busy otherwise the best and the processor's are the ones to look at.
"""

import ast
import importlib.util
import json
import os
import random
import statistics
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

CHROMIUM = os.environ.get("EVALGATE_CHROMIUM", "/usr/bin/chromium")
POLICY = """
prompt:
  - {role: system, content: "Answer the customer. Be brief, be right, and end with `answer:` and one word."}
  - {role: user, content: "{{input}}"}
deployments:
  weak:   {provider: gateway, model: small, revision: "1", price: {input_per_1m: 0.15, output_per_1m: 0.6}}
  strong: {provider: gateway, model: large, revision: "1", price: {input_per_1m: 2.5, output_per_1m: 10}}
"""
PROJECT = """
providers: {gateway: {kind: openai, origin: "http://127.0.0.1:9"}}
budgets:
  accuracy: {max_drop: 2pp}
  cost_per_correct: {max_rise: 5%}
  latency_p95: {max_rise: 10%, on_inconclusive: warn}
  slices: {by: topic, accuracy: {max_drop: 8pp}}
"""
SUITE = """
policies: policies/orders
grader: {kind: regex}
slices: [topic, channel]
requests_per_month: 2000000
"""


class Words:
    """Pieces of real prose of a wanted length, from docstrings and comments of the standard library."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        texts = []
        for path in sorted(Path(sysconfig.get_path("stdlib")).rglob("*.py")):
            if "site-packages" in path.parts or "test" in path.parts or "idlelib" in path.parts:
                continue
            try:
                tree = ast.parse(path.read_text("utf-8"))
            except (SyntaxError, UnicodeDecodeError, ValueError):
                continue
            kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
            found = [ast.get_docstring(node) for node in ast.walk(tree) if isinstance(node, kinds)]
            texts += [text for text in found if text and len(text) > 60]
        self.prose = "\n\n".join(texts)

    def piece(self, length: int) -> str:
        start = self.rng.randrange(len(self.prose) - length)
        return self.prose[start : start + length]


def write_project(root: Path, count: int, megabytes: float) -> None:
    """Write a project whose candidate serves the weak model, with one recording a case and deployment."""
    suite, family = root / "suites" / "orders", root / "policies" / "orders"
    (suite / "recordings").mkdir(parents=True)
    family.mkdir(parents=True)
    (root / "evalgate.yaml").write_text(PROJECT)
    (suite / "suite.yaml").write_text(SUITE)
    for name, use in (("production", "strong"), ("weak-for-all", "weak")):
        (family / f"{name}.yaml").write_text(f"{POLICY}use: {use}\n")
    words = Words(7)
    length = int(megabytes * 1e6 / count / 3)
    with (suite / "cases.jsonl").open("w") as file:
        for number in range(count):
            case = {
                "id": f"c-{number:06d}",
                "input": f"Order {number}. {words.piece(length)}",
                "target": f"answer: {words.rng.choice(['yes', 'no', 'later'])}",
                "slices": {
                    "topic": words.rng.choice(["returns", "delivery", "payment", "account", "quality"]),
                    "channel": words.rng.choice(["email", "chat", "voice"]),
                },
            }
            file.write(json.dumps(case) + "\n")
    record(root, words, length)


def record(root: Path, words: Words, length: int) -> None:
    """Write what ``evalgate record`` would have."""
    from evalgate.core.messages import message_json
    from evalgate.load.project import load_project
    from evalgate.serving.requests import request_for

    suite = load_project(root).suites[0]
    session = {"id": "s1", "interleaved": True, "started_at": "2026-11-01T00:00:00+00:00"}
    header = {"schema": "evalgate/recordings@1", "made_by": "benchmarks/report.py", "sessions": [session]}
    rng = words.rng
    with (suite.folder / "recordings" / "made.jsonl").open("w") as file:
        file.write(json.dumps(header) + "\n")
        for case in suite.cases:
            for alias, right in (("weak", 0.88), ("strong", 0.9)):
                request = request_for(case, suite.baseline.deployments[alias], 0)
                said = case.target if rng.random() < right else "answer: perhaps"
                line = {
                    "digest": request.digest,
                    "kind": request.kind,
                    "request": {
                        "provider": request.provider,
                        "model": request.model,
                        "revision": request.revision,
                        "quantization": None,
                        "messages": [message_json(message) for message in request.messages],
                        "params": dict(request.params),
                    },
                    "session": "s1",
                    "attempts": [
                        {
                            "at": "2026-11-01T00:00:01.000Z",
                            "latency_s": round(rng.lognormvariate(-0.7 if alias == "weak" else 0.2, 0.4), 4),
                            "ttft_s": round(rng.uniform(0.05, 0.2), 4),
                            "status": 200,
                            "usage": {"input_tokens": length // 4, "output_tokens": rng.randint(150, 400)},
                            "billing": "billed",
                        }
                    ],
                    "response": {"text": f"{words.piece(length)}\n{said}", "finish_reason": "stop"},
                }
                file.write(json.dumps(line) + "\n")


def generate(root: Path, path: Path) -> dict[str, float]:
    """Gate the project, make the report, and return how long what took."""
    from evalgate.cli.progress import Silent
    from evalgate.pipeline.project.settings import RunSettings
    from evalgate.pipeline.reporting import gathered
    from evalgate.pipeline.run import run_for_report
    from evalgate.report.html.page import render

    started = time.perf_counter()
    ran = run_for_report(RunSettings(start=root), Silent(), texts=True)
    judged = time.perf_counter()
    busy = time.process_time()
    data = gathered(ran, "all")
    have = time.perf_counter()
    content = render(data).encode()
    done = time.perf_counter()
    worked = time.process_time() - busy
    path.write_bytes(content)
    again = render(data).encode() == content
    return {
        "gate and read texts, s": judged - started,
        "gather, s": have - judged,
        "render, s": done - have,
        "gather and render, s": done - judged,
        "gather and render, cpu s": worked,
        "file, MB": len(content) / 1e6,
        "identical when made again": float(again),
    }


def browse(path: Path) -> dict[str, float]:
    """Open the report in Chromium and return how it behaves."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        loads, readies = [], []
        for _ in range(5):
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            asked: list[str] = []
            page.on("request", lambda request, asked=asked: asked.append(request.url))
            page.goto(path.as_uri())
            page.wait_for_function("document.documentElement.dataset.ready")
            loads.append(page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd"))
            readies.append(page.evaluate("Number(document.documentElement.dataset.ready)"))
        found = {
            "load event, s": statistics.median(loads) / 1e3,
            "ready, s": statistics.median(readies) / 1e3,
            "ready at best, s": min(readies) / 1e3,
            "elements": float(page.evaluate("document.querySelectorAll('*').length")),
            "requests beyond the file": float(len([url for url in asked if url != path.as_uri()])),
        }
        strokes = [page.evaluate(STROKE, text) for text in ("r", "re", "retu", "return", "c-00")]
        page.evaluate(STROKE, "")
        opens = [page.evaluate(OPEN, number) for number in (0, 12, 37, 58, 99)]
        for what, times in (("filter stroke", strokes), ("case opens", opens)):
            found |= {f"{what}, ms": statistics.median(times), f"{what} at best, ms": min(times)}
        browser.close()
    return found


# Until the next frame is drawn, layout included.
STROKE = """text => new Promise(done => {
  const search = document.getElementById('search'), start = performance.now();
  search.value = text;
  search.dispatchEvent(new Event('input'));
  requestAnimationFrame(() => setTimeout(() => done(performance.now() - start)));
})"""
OPEN = """number => new Promise(done => {
  document.getElementById('case').close();
  delete document.documentElement.dataset.case;
  const link = document.querySelectorAll('#case-rows a')[number], start = performance.now();
  new MutationObserver((_, all) => { if (document.documentElement.dataset.case) {
    all.disconnect();
    requestAnimationFrame(() => setTimeout(() => done(performance.now() - start)));
  } }).observe(document.documentElement, {attributes: true});
  link.click();
})"""


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    megabytes = float(sys.argv[2]) if len(sys.argv) > 2 else 30.0
    with tempfile.TemporaryDirectory() as folder:
        root, path = Path(folder).resolve(), Path(folder).resolve() / "report.html"
        write_project(root, count, megabytes)
        print(f"{count:,} cases, {megabytes:g} MB of text")
        figures = generate(root, path)
        if Path(CHROMIUM).exists() and importlib.util.find_spec("playwright"):
            figures |= browse(path)
        else:
            print("no Chromium or no playwright here: nothing is measured in a browser")
        for name, value in figures.items():
            print(f"  {name:28} {value:10.3f}" if value < 100 else f"  {name:28} {value:10,.0f}")


if __name__ == "__main__":
    main()
