"""The step's summary of a run that came to no decision; that of a decision is plain Markdown."""

from evalgate.core.errors import BadInput, EvalgateError, ExitCode, SpendCapReached
from evalgate.report.markdown_escape import fence
from evalgate.report.safe_text import safe_lines

_MOST_LINES = 200
_MOST_COLUMNS = 400


def error_title(error: BaseException) -> str:
    """Return what kind of end it was, in a few words."""
    match error:
        case BadInput():
            return "a file or an option is wrong"
        case SpendCapReached():
            return "spend cap reached"
        case EvalgateError():
            return "could not judge"
        case KeyboardInterrupt():
            return "interrupted"
        case _:
            return "a bug in evalgate"


def error_summary(error: BaseException, code: ExitCode) -> str:
    """Return why there is no verdict; a bug's own words stay in the log."""
    said = str(error) if isinstance(error, EvalgateError) else type(error).__name__
    lines = safe_lines(said, _MOST_COLUMNS).split("\n")
    shown = lines[:_MOST_LINES]
    left = [f"and {len(lines) - len(shown):,} more lines, all in the log"] if len(lines) > len(shown) else []
    head = [f"## ✗ evalgate: {error_title(error)}", ""]
    foot = ["", f"This is no verdict on the change. Exit code {int(code)}.", ""]
    return "\n".join([*head, *fence(shown), *left, *foot])
