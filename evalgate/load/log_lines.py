"""One line of a team's own log -> the call that it tells of."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from evalgate.core.calls import Usage
from evalgate.core.digest import UNHASHED_PARAMS
from evalgate.core.messages import Message
from evalgate.load.case_files.columns import converter_of
from evalgate.load.case_files.conversations import conversation
from evalgate.load.case_files.tables import Row
from evalgate.load.log_columns import LogColumns
from evalgate.load.syntax.values import UnfitValue, as_json, as_moment, as_number, as_plain, as_text, as_valid

_FAILED = frozenset({"failure", "failed", "error"})
_FINE = frozenset({"success", "succeeded", "ok", "completed"})
_CUT = "(litellm_truncated skipped"
_CUT_CURE = "set MAX_STRING_LENGTH_PROMPT_IN_DB higher in the proxy's environment, and log anew"
_NO_TEXT = "set general_settings: {store_prompts_in_spend_logs: true} in the proxy, and log anew"
_LATENCY_CURE = "map latency_s or latency_ms, or both started_at and ended_at"


@dataclass(frozen=True, slots=True)
class LoggedCall:
    """One call as it was logged. ``reply`` is the text or the chat completion that came back.

    ``parts`` are the parts of a case that the log knows, besides the question. The call failed when
    ``error`` is there, which may be empty where the log says no more.
    """

    line: int
    messages: tuple[Message, ...]
    params: Mapping[str, object]
    parts: Mapping[str, object]
    reply: object
    error: str | None
    status: int | None
    latency_s: float
    ttft_s: float | None
    started_s: float | None
    usage: Usage | None
    cost_usd: float | None
    model_served: str | None
    finish_reason: str | None


class LogLine:
    """One line of a log, read part by part so that everything wrong with it is told."""

    def __init__(self, row: Row, columns: LogColumns) -> None:
        """Read ``row``; ``unfit`` gathers what is wrong with it, each with its key."""
        self._row = row
        self._columns = columns
        self.unfit: list[tuple[str | None, UnfitValue]] = []

    def call(self, line: int) -> LoggedCall | None:
        """Return the call, or None where ``unfit`` says what is wrong."""
        status, error = self._status()
        body = self._get("request", as_json)
        request = body if isinstance(body, Mapping) else {}
        started_s, latency_s, ttft_s = self._times()
        call = LoggedCall(
            line=line,
            messages=self._messages(request),
            params=self._params(request),
            parts=self._parts(),
            reply=None if error is not None else self._reply(),
            error=error,
            status=status,
            latency_s=latency_s,
            ttft_s=ttft_s,
            started_s=started_s,
            usage=self._usage(),
            cost_usd=self._cost(),
            model_served=self._get_text("model_served"),
            finish_reason=self._get_text("finish_reason"),
        )
        return None if self.unfit else call

    def _get(self, key: str, convert: object = None) -> object:
        for column in self._columns.of.get(key, ()):
            cell = cell_of(self._row, column)
            if cell is None or cell in ("", "{}", "[]") or cell in ({}, []):
                continue
            try:
                return convert(cell) if callable(convert) else as_plain(cell)
            except UnfitValue as unfit:
                self._wrong(unfit, f"{key} ({column})")
                return None
        return None

    def _get_text(self, key: str) -> str | None:
        found = self._get(key, as_text)
        return found if isinstance(found, str) else None

    def _get_number(self, key: str) -> float | None:
        found = self._get(key, as_number)
        return found if isinstance(found, int | float) else None

    def _get_moment(self, key: str) -> float | None:
        found = self._get(key, as_moment)
        return found if isinstance(found, int | float) else None

    def _wrong(self, unfit: UnfitValue, key: str | None = None) -> None:
        self.unfit.append((key, unfit))

    def _is_told(self, *keys: str) -> bool:
        """Tell whether something is wrong with one of ``keys`` already, so that its absence is no news."""
        return any((key or "").partition(" ")[0] in keys for key, _ in self.unfit)

    def _status(self) -> tuple[int | None, str | None]:
        """Return the HTTP status where there is one, and what the log says of the failure if it was one."""
        error = self._get("error", lambda cell: cell if isinstance(cell, str) else json.dumps(as_plain(cell)))
        said = self._get_text("status")
        status = int(said) if said is not None and said.isdecimal() else None
        word = (said or "").lower() if status is None else ""
        if word and word not in _FAILED | _FINE:
            cure = "a status is an HTTP status, or success or failure"
            self._wrong(UnfitValue(f"{said!r} is no status", cure), "status")
        if word in _FAILED or (status is not None and status >= 400) or error is not None:
            return status, str(error or "")
        return status, None

    def _messages(self, request: Mapping[str, object]) -> tuple[Message, ...]:
        question = self._get_text("input")
        if question is not None:
            found: object = (Message("user", question),)
        else:
            found = self._get("messages", conversation)
            if found is None and request.get("messages"):
                try:
                    found = conversation(request["messages"])
                except UnfitValue as unfit:
                    self._wrong(unfit, "request")
                    return ()
        if not isinstance(found, tuple):
            if not self._is_told("input", "messages", "request"):
                cure = _NO_TEXT if self._columns.litellm else "map input, messages or request"
                self._wrong(UnfitValue("the line does not say what was asked", cure))
            return ()
        if self._columns.litellm and any(_CUT in (message.content or "") for message in found):
            self._wrong(UnfitValue("the proxy cut the question before it logged it", _CUT_CURE))
        return tuple(found)

    def _reply(self) -> object:
        reply = self._get("answer", as_text)
        if reply is None:
            reply = self._get("response", _text_or_body)
        if reply is None and any(
            cell_of(self._row, each) == "" for each in self._columns.of.get("answer", ())
        ):
            return ""  # a model that says nothing has answered, and is graded by it
        if reply is None and not self._is_told("answer", "response"):
            cure = _NO_TEXT if self._columns.litellm else "map answer or response; or error, if it failed"
            self._wrong(UnfitValue("the line does not say what was answered", cure))
        if self._columns.litellm and _CUT in json.dumps(reply):
            self._wrong(UnfitValue("the proxy cut the answer before it logged it", _CUT_CURE))
        return as_valid(reply)

    def _params(self, request: Mapping[str, object]) -> Mapping[str, object]:
        own = self._get("params", as_json)
        sent = own if isinstance(own, Mapping) else request
        left_out = UNHASHED_PARAMS | {"model", "messages"}
        params = as_valid({key: each for key, each in sent.items() if key not in left_out})
        return params if isinstance(params, Mapping) else {}

    def _parts(self) -> Mapping[str, object]:
        parts: dict[str, object] = {}
        for key in self._columns.of:
            convert = converter_of(key)
            if convert is None or key in ("input", "messages"):
                continue
            value = as_valid(self._get(key, convert))
            name, dot, inner = key.partition(".")
            if value is not None and dot:
                parts[name] = {**_mapping(parts.get(name)), inner: value}
            elif value is not None:
                parts[name] = {**value, **_mapping(parts.get(name))} if isinstance(value, dict) else value
        return parts

    def _times(self) -> tuple[float | None, float, float | None]:
        started_s, ended_s = self._get_moment("started_at"), self._get_moment("ended_at")
        latency_s, milliseconds = self._get_number("latency_s"), self._get_number("latency_ms")
        if latency_s is None and milliseconds is not None:
            latency_s = milliseconds / 1000
        if latency_s is None and started_s is not None and ended_s is not None:
            latency_s = round(ended_s - started_s, 6)
        if latency_s is None or latency_s < 0:
            message = "the line does not say how long the call took"
            if latency_s is not None:
                message = f"the call took {latency_s:g} s, less than nothing"
            if not self._is_told("latency_s", "latency_ms", "started_at", "ended_at"):
                self._wrong(UnfitValue(message, _LATENCY_CURE))
            return started_s, 0.0, None
        ttft_s, first_s = self._get_number("ttft_s"), self._get_moment("first_token_at")
        if ttft_s is None and first_s is not None and started_s is not None:
            ttft_s = round(first_s - started_s, 6)
        # Without streaming, the first token is logged as having come with the last.
        return started_s, latency_s, ttft_s if ttft_s is not None and 0 <= ttft_s < latency_s else None

    def _usage(self) -> Usage | None:
        names = ("input_tokens", "cached_input_tokens", "cache_write_tokens", "output_tokens")
        counts = [self._count(name) for name in (*names, "reasoning_tokens")]
        # Loggers write 0 and 0 for a call whose tokens nobody counted.
        return Usage(*counts) if counts[0] or counts[3] else None

    def _count(self, key: str) -> int | None:
        number = self._get_number(key)
        if number is not None and (number < 0 or number != int(number)):
            self._wrong(UnfitValue(f"{number:g} is no count of tokens"), key)
            return None
        return None if number is None else int(number)

    def _cost(self) -> float | None:
        cost = self._get_number("cost_usd")
        if cost is not None and cost < 0:
            self._wrong(UnfitValue(f"{cost:g} is no cost"), "cost_usd")
            return None
        # A gateway that does not know a model's price logs 0, which is not what the call cost.
        return float(cost) if cost else None


def _text_or_body(cell: object) -> object:
    """Return a reply: a text, or a body that may be written as JSON text."""
    if isinstance(cell, str) and not cell.lstrip().startswith("{"):
        return cell
    try:
        return as_json(cell)
    except UnfitValue:
        return cell


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def cell_of(row: Row, column: str) -> object:
    """Return a cell, or what a dotted path leads to inside one; JSON text on the way is read."""
    if column in row:
        return row[column]
    value: object = row
    for name in column.split("."):
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except (ValueError, RecursionError):
                return None
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value
