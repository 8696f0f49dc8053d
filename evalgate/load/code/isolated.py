"""The user's own functions in a process of their own, so that two versions of one module never mix.

A grader that belongs to a commit is read from that commit's files. In one process Python would keep only one
``graders`` module, and the working tree's could reach into the gate that judges it.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import evalgate
from evalgate.core.cases import Case
from evalgate.core.errors import BadInput, Problem
from evalgate.core.outcome import Answer, Grade

# The folder of evalgate goes last on the path, so that it hides nothing of the project's.
_START = (
    "import sys; sys.path.append(sys.argv[1]); "
    "from evalgate.load.code.function_worker import main; main(sys.argv[2])"
)


# A grader has no use for git's variables, nor for the files and tokens by which a step speaks to its runner.
_KEPT_FROM_IT = ("GIT_", "GITHUB_", "RUNNER_", "ACTIONS_", "INPUT_", "EVALGATE_")


class IsolatedFunctions:
    """Imports functions of the project at ``root`` in a process that is started for the first of them.

    It ends with the ``with`` block, whatever the functions are doing then.
    """

    def __init__(self, root: Path) -> None:
        """Prepare; nothing runs before something is imported."""
        self._root = root
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the process and whatever it started."""
        process = self._process
        if process is None:
            return
        assert process.stdin is not None
        assert process.stdout is not None
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        # What a process that ended never read is no error now.
        with suppress(BrokenPipeError):
            process.stdin.close()
        process.stdout.close()

    def import_function(self, path: str, root: Path) -> "IsolatedFunction":
        """Return the function that ``path`` (``module:function``) names.

        Raises:
            BadInput: it cannot be imported, as :func:`evalgate.load.code.plugins.import_function` says.

        """
        assert root == self._root
        try:
            reply = self.ask({"import": path})
        except FunctionProcessEndedError as ended:
            message = f"{path!r}: {ended} while importing it"
            raise BadInput([Problem(message, "mend the module; importing it must not fail")]) from None
        if "problems" in reply:
            raise BadInput([Problem(**problem) for problem in reply["problems"]])
        return IsolatedFunction(self, reply["imported"], reply["source_sha256"])

    def ask(self, question: Mapping[str, object]) -> Mapping[str, Any]:
        """Return the process's answer.

        Raises:
            FunctionProcessEndedError: it ended instead of answering.

        """
        process = self._process or self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        line = b""
        with suppress(BrokenPipeError):
            process.stdin.write(json.dumps(question).encode() + b"\n")
            process.stdin.flush()
            line = process.stdout.readline()
        if not line.endswith(b"\n"):
            raise FunctionProcessEndedError(f"its process ended with exit code {process.wait()}")
        answer: Mapping[str, Any] = json.loads(line)
        return answer

    def _start(self) -> subprocess.Popen[bytes]:
        package = Path(evalgate.__file__).parents[1]
        self._process = subprocess.Popen(  # noqa: S603  no shell; our own interpreter, our own module
            [sys.executable, "-P", "-B", "-c", _START, str(package), str(self._root)],
            cwd=self._root,
            env={name: value for name, value in os.environ.items() if not name.startswith(_KEPT_FROM_IT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # An interruption is ours to handle: it ends the process with the block.
            start_new_session=True,
        )
        return self._process


class IsolatedFunction:
    """A function that runs in another process; what it raises is raised here under the same name.

    Arguments are Cases, Answers and JSON values; it returns a Grade or a JSON value (arrays as lists).
    """

    __slots__ = ("_id", "_process", "source_sha256")

    def __init__(self, process: IsolatedFunctions, number: int, source_sha256: str | None) -> None:
        """Stand for the function that the process knows by ``number``."""
        self._process = process
        self._id = number
        self.source_sha256 = source_sha256

    def __call__(self, *arguments: object) -> object:
        """Call it.

        Raises:
            FunctionProcessEndedError: the function ended its process.

        """
        reply = self._process.ask({"call": self._id, "arguments": [_written(each) for each in arguments]})
        match reply:
            case {"grade": grade}:
                return Grade(**grade)
            case {"odd": str(name)}:
                # Whoever uses it refuses it by the name of its type.
                return type(name, (), {})()
            case {"raised": str(name), "told": told}:
                raise _error(name)(told)
            case _:
                return reply["value"]


class FunctionProcessEndedError(Exception):
    """The process of a function ended in the middle of a question."""


def _written(argument: object) -> Mapping[str, object]:
    match argument:
        case Case():
            return {"case": argument.model_dump_json()}
        case Answer():
            return {"answer": asdict(argument)}
        case _:
            return {"value": argument}


def _error(name: str) -> Callable[[str], Exception]:
    # In builtins, or its name would be told with this module's before it.
    return type(name, (Exception,), {"__module__": "builtins"})
