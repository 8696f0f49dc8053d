"""Everything that scripts show: a small head, the columns of the case tables, the cases in chunks."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from evalgate.core.report_data import ReportData
from evalgate.core.run import Run
from evalgate.report.html.blocks import json_block, pack_quickly, pack_tightly, packed_block
from evalgate.report.html.case_chunks import Packing, RunSides, chunks
from evalgate.report.html.case_index import comparison_columns, suite_columns
from evalgate.report.html.cases import PairedCase, paired_cases, sides
from evalgate.report.html.markup import Html

# Compressing is most of the work, and it runs beside Python.
_THREADS = 2

Cases = Sequence[PairedCase]


def payload(data: ReportData) -> Iterator[Html]:
    """Yield the page's data as inert scripts; only the head is unpacked when the page opens."""
    cases = [paired_cases(each) for each in data.comparisons]
    # Comparisons of one suite share its cases, unless one of them stopped early.
    parts = [
        (each.judgement.suite, tuple(case.case_id for case in paired))
        for each, paired in zip(data.comparisons, cases, strict=True)
    ]
    suites = list(dict.fromkeys(parts))
    comparisons = list(_comparisons(data, [suites.index(part) for part in parts]))
    heads: list[dict[str, object]] = []
    with ThreadPoolExecutor(_THREADS) as pool:
        columns = pool.map(
            lambda each: pack_quickly(comparison_columns(each, texts=data.texts != "none")), cases
        )
        for index, packed in enumerate(columns):
            yield packed_block(f"eg-i{index}", packed)
        for number, (suite, case_ids) in enumerate(suites):
            at = [index for index, part in enumerate(parts) if part == (suite, case_ids)]
            yield packed_block(f"eg-s{number}", pack_quickly(suite_columns(data, suite, cases[at[0]])))
            starts = [0]
            made = list(chunks(case_ids, _packing(data, at, cases)))
            for chunk, packed in enumerate(pool.map(pack_tightly, (content for _, content in made))):
                yield packed_block(f"eg-s{number}-c{chunk}", packed)
                starts.append(starts[-1] + made[chunk][0])
            heads.append({"name": suite, "starts": starts[:-1]})
    yield json_block("eg-head", {"texts": data.texts, "comparisons": comparisons, "suites": heads})


def _comparisons(data: ReportData, suites: Sequence[int]) -> Iterator[dict[str, object]]:
    numbers = _run_numbers(data)
    for each, suite in zip(data.comparisons, suites, strict=True):
        yield {
            "suite": suite,
            "baseline": None if each.baseline is None else each.judgement.baseline,
            "candidate": each.judgement.candidate,
            "before": None if each.baseline is None else numbers[id(each.baseline)],
            "after": numbers[id(each.candidate)],
        }


def _run_numbers(data: ReportData) -> Mapping[int, int]:
    """One number for each run of the page, however many comparisons it takes part in."""
    runs = [run for each in data.comparisons for run in (each.baseline, each.candidate) if run is not None]
    return {run: number for number, run in enumerate(dict.fromkeys(map(id, runs)))}


def _packing(data: ReportData, at: Sequence[int], cases: Sequence[Cases]) -> Packing:
    runs: dict[int, Run] = {}
    for each in (data.comparisons[index] for index in at):
        runs |= {id(run): run for run in (each.baseline, each.candidate) if run is not None}
    numbers = _run_numbers(data)
    return Packing(
        runs=[
            RunSides(
                numbers[key],
                run.manifest.prices,
                sides(run),
                frozenset(run.manifest.prompt_caches),
                run.manifest.quantizations,
            )
            for key, run in runs.items()
        ],
        calls=data.calls,
        asked=data.inputs.get(data.comparisons[at[0]].judgement.suite, {}),
        told=_told(data, [case for index in at for case in cases[index]]),
    )


def _told(data: ReportData, cases: Cases) -> frozenset[str]:
    """The cases whose texts may stand in the page."""
    match data.texts:
        case "all":
            return frozenset(case.case_id for case in cases)
        case "changed":
            return frozenset(case.case_id for case in cases if case.changed)
        case "none":
            return frozenset()
