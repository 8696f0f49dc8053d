"""The other end of :mod:`evalgate.load.code.isolated`: a process in which one project's own functions run.

It reads one JSON object a line from stdin and answers each with one on stdout. What the functions themselves
print goes to stderr, and what they read from stdin is empty.
"""

import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from evalgate.core.cases import Case
from evalgate.core.errors import BadInput
from evalgate.core.messages import ToolCall
from evalgate.core.outcome import Answer, Grade
from evalgate.load.code.functions import source_sha256
from evalgate.load.code.plugins import import_function

Functions = list[Callable[..., object]]


def main(root: str) -> None:
    """Serve the functions of the project at ``root`` until whoever asks goes away."""
    questions, answers = _private_streams()
    sys.dont_write_bytecode = True
    functions: Functions = []
    for line in questions:
        answers.write(_reply(json.loads(line), Path(root), functions).encode() + b"\n")
        answers.flush()


def _private_streams() -> tuple[IO[bytes], IO[bytes]]:
    """Return our stdin and stdout, with nothing and stderr in their places."""
    questions, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return questions, answers


def _reply(asked: Mapping[str, Any], root: Path, functions: Functions) -> str:
    try:
        if "import" in asked:
            return json.dumps(_imported(asked["import"], root, functions))
        arguments = [_argument(each) for each in asked["arguments"]]
        return json.dumps(_returned(functions[asked["call"]](*arguments)))
    except (Exception, SystemExit) as error:  # noqa: BLE001  whatever the user's code raises is told
        told = " ".join("".join(traceback.format_exception_only(error)).split())
        return json.dumps({"raised": type(error).__name__, "told": told.partition(": ")[2]})


def _imported(path: str, root: Path, functions: Functions) -> Mapping[str, object]:
    try:
        function = import_function(path, root)
    except BadInput as bad:
        return {"problems": [asdict(problem) for problem in bad.problems]}
    functions.append(function)
    return {"imported": len(functions) - 1, "source_sha256": source_sha256(function)}


def _argument(written: Mapping[str, Any]) -> object:
    match written:
        case {"case": case}:
            return Case.model_validate_json(case)
        case {"answer": answer}:
            calls = tuple(ToolCall(**call) for call in answer["tool_calls"])
            return Answer(answer["text"], calls, answer["finish_reason"])
        case _:
            return written["value"]


def _returned(value: object) -> Mapping[str, object]:
    match value:
        case Grade():
            return {"grade": asdict(value)}
        case _ if hasattr(value, "tolist"):  # arrays and numbers of numpy and its kin
            return {"value": value.tolist()}
        case _:
            return {"value": value} if _is_plain(value) else {"odd": type(value).__name__}


def _is_plain(value: object) -> bool:
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, bool | int | float | str)
