"""What ``evalgate check`` found: as text, as JSON, and as annotations of GitHub Actions.

The workflow commands and their escapes are those of https://docs.github.com/actions/reference/workflow-commands
and of ``actions/toolkit``.
"""

import json
import posixpath
from collections.abc import Sequence

from evalgate.core.errors import Problem
from evalgate.core.review import Review
from evalgate.report.layout import paint
from evalgate.report.numbers import count
from evalgate.report.safe_text import safe_line, safe_lines

SCHEMA = "evalgate/check@1"
_MOST_COLUMNS = 1000


def render_text(review: Review, *, color: bool = False) -> str:
    """Return errors, then warnings, each with place and cure, then what was looked at."""
    lines = [paint(_verdict(review), "bad" if review.errors else "good", color=color)]
    for title, problems in (("errors", review.errors), ("warnings", review.warnings)):
        if problems:
            lines += ["", paint(title, "strong", color=color)]
            lines += [f"  {line}" for problem in problems for line in safe_lines(str(problem)).split("\n")]
    return "\n".join(lines) + "\n"


def render_json(review: Review) -> str:
    """Return everything as indented JSON in pure ASCII."""
    document = {
        "schema": SCHEMA,
        "exit_code": int(review.exit_code),
        "errors": [_problem_json(problem) for problem in review.errors],
        "warnings": [_problem_json(problem) for problem in review.warnings],
        "looked_at": list(review.looked_at),
    }
    return json.dumps(document, indent=2, ensure_ascii=True, allow_nan=False) + "\n"


def render_github(review: Review, folder: str = "") -> str:
    """Return one workflow command a problem, and the verdict as a last line.

    ``folder`` leads from the root of the repository to the current directory, as annotations name files from
    the root.
    """
    lines = [workflow_command("error", problem, folder) for problem in review.errors]
    lines += [workflow_command("warning", problem, folder) for problem in review.warnings]
    return "\n".join([*lines, _verdict(review)]) + "\n"


def _verdict(review: Review) -> str:
    found = [count(len(review.errors), "error")] if review.errors else []
    found += [count(len(review.warnings), "warning")] if review.warnings else []
    said = " and ".join(found) or "nothing to complain about"
    return f"{said} in {_listed(review.looked_at)}" if review.looked_at else said


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]


def _problem_json(problem: Problem) -> dict[str, object]:
    return {
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "key": problem.key,
        "message": problem.message,
        "cure": problem.cure,
    }


def workflow_command(level: str, problem: Problem, folder: str = "") -> str:
    """Return the line by which a runner is told of an ``error``, a ``warning`` or a ``notice``."""
    where: dict[str, str] = {}
    if problem.file is not None:
        where["file"] = posixpath.normpath(posixpath.join(folder, problem.file))
        where |= {} if problem.line is None else {"line": str(problem.line)}
        where |= {} if problem.column is None else {"col": str(problem.column)}
    where["title"] = f"evalgate: {problem.key}" if problem.key else "evalgate"
    options = ",".join(f"{name}={_property(value)}" for name, value in where.items())
    said = problem.message if not problem.cure else f"{problem.message}\n{problem.cure}"
    return f"::{level} {options}::{_data(said)}"


def _data(text: str) -> str:
    """Escape a message. Each line is made printable first: only the line breaks between them are ours."""
    lines = "\n".join(safe_line(line, _MOST_COLUMNS) for line in text.split("\n"))
    return lines.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text.replace("\n", " ")).replace(":", "%3A").replace(",", "%2C")
