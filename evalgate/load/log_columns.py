"""Which column of a log is which part of a case or of a call, as ``--columns`` says it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evalgate.core.errors import BadInput, Problem
from evalgate.load.case_files.columns import GROUPED, converter_of
from evalgate.load.syntax.documents import read_yaml
from evalgate.load.syntax.suggest import did_you_mean

CALL_KEYS = (
    "request",
    "params",
    "response",
    "answer",
    "finish_reason",
    "status",
    "error",
    "latency_s",
    "latency_ms",
    "ttft_s",
    "started_at",
    "first_token_at",
    "ended_at",
    "input_tokens",
    "cached_input_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
    "cost_usd",
    "model_served",
)
CASE_KEYS = ("id", "input", "messages", "target", "group", "same_answer", "at", "weight", *GROUPED)
_ERROR = "metadata.error_information"
_STYLES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "openai": {
        "request": ("request", "body"),
        "response": ("response",),
        "error": ("error",),
        "status": ("status", "status_code"),
        "latency_s": ("latency_s",),
        "latency_ms": ("latency_ms",),
        "ttft_s": ("ttft_s",),
        "started_at": ("started_at", "timestamp"),
        "ended_at": ("ended_at",),
        "cost_usd": ("cost_usd",),
    },
    # The proxy keeps what was asked in proxy_server_request, where it is told to; `messages` holds it in
    # older versions only.
    "litellm": {
        "request": ("proxy_server_request",),
        "messages": ("messages",),
        "response": ("response",),
        "status": (f"{_ERROR}.error_code", "status"),
        "error": (f"{_ERROR}.error_message",),
        "started_at": ("startTime",),
        "first_token_at": ("completionStartTime",),
        "ended_at": ("endTime",),
        "input_tokens": ("prompt_tokens",),
        "output_tokens": ("completion_tokens",),
        "cost_usd": ("spend",),
        "model_served": ("model",),
    },
}
STYLES = tuple(_STYLES)
_COLUMNS = dict[str, str]


@dataclass(frozen=True, slots=True)
class LogColumns:
    """The columns of each key, the first of them that holds something counting.

    ``named`` are the keys that the user named himself: their columns must exist. ``litellm`` says that the
    log follows that proxy's habits.
    """

    of: Mapping[str, tuple[str, ...]]
    named: frozenset[str]
    litellm: bool


def read_log_columns(given: Sequence[str], start: Path) -> LogColumns:
    """Return the columns that ``--columns`` names: ``openai``, ``litellm``, ``KEY=COLUMN`` or a YAML file.

    What comes later goes over what came before.

    Raises:
        BadInput: with every unknown key and every argument that is none of them.

    """
    of: dict[str, tuple[str, ...]] = {}
    named: dict[str, None] = {}
    problems: list[Problem] = []
    for each in given:
        if each in _STYLES:
            of |= _STYLES[each]
            continue
        try:
            own = _own(each, start, problems)
        except BadInput as bad:
            problems.extend(bad.problems)
            continue
        of |= {key: (column,) for key, column in own.items()}
        named |= dict.fromkeys(own)
    if not given:
        cure = "write --columns openai, --columns litellm, or --columns input=question --columns answer=…"
        problems.append(Problem("no --columns say what the log's columns are", cure))
    if problems:
        raise BadInput(problems)
    return LogColumns(of, frozenset(named), litellm="litellm" in given)


def _own(given: str, start: Path, problems: list[Problem]) -> dict[str, str]:
    key, equals, column = given.partition("=")
    if equals:
        if not column:
            problems.append(Problem(f"--columns {given}: no column is named", f"write {key}=<column>"))
        elif not _is_known(key):
            problems.append(Problem(f"--columns {given}: unknown key {key!r}", _cure(key)))
        return {key: column}
    if not given.endswith((".yaml", ".yml")):
        cure = did_you_mean(given, STYLES)
        cure = cure if cure.startswith("did") else "write openai, litellm, KEY=COLUMN, or the path of a .yaml"
        problems.append(Problem(f"--columns {given}: this is no column map", cure))
        return {}
    document = read_yaml(start / given, _COLUMNS, given)
    problems.extend(
        document.problem((name,), "unknown key", _cure(name), at_key=True)
        for name in document.value
        if not _is_known(name)
    )
    return dict(document.value)


def _is_known(key: str) -> bool:
    return key in CALL_KEYS or converter_of(key) is not None


def _cure(key: str) -> str:
    return did_you_mean(key, (*CASE_KEYS, *CALL_KEYS), "docs/import.md lists the keys, as in")
