"""All judgements together: the one Decision that exit code, banner and every report come from."""

from collections.abc import Sequence

from evalgate.core.errors import ExitCode
from evalgate.core.verdict import Decision, Judgement, Verdict


def decide(judgements: Sequence[Judgement], notes: Sequence[str] = ()) -> Decision:
    """Return the decision over all judgements.

    Blocked by proof anywhere is exit 1; blocked without proof 3; nothing blocked 0, also when there was
    nothing to judge.
    """
    blocked = any(judgement.blocked for judgement in judgements)
    return Decision(
        verdict=_verdict(judgements),
        blocked=blocked,
        exit_code=_exit_code(judgements, blocked=blocked),
        judgements=tuple(judgements),
        notes=tuple(notes),
    )


def nothing_changed(notes: Sequence[str]) -> Decision:
    """Return the decision on a change that touches nothing which is judged: it passes."""
    return Decision("pass", blocked=False, exit_code=ExitCode.OK, judgements=(), notes=tuple(notes))


def _verdict(judgements: Sequence[Judgement]) -> Verdict:
    # A baseline without an open proposal, of which nothing is limited, is shown beside what is judged.
    judged = [each for each in judgements if each.checks or each.baseline is not None]
    verdicts = {judgement.verdict for judgement in judged or judgements}
    if "fail" in verdicts:
        return "fail"
    return "pass" if verdicts == {"pass"} else "inconclusive"


def _exit_code(judgements: Sequence[Judgement], *, blocked: bool) -> ExitCode:
    if not blocked:
        return ExitCode.OK
    proven = any(
        check.blocked and check.verdict == "fail" for judgement in judgements for check in judgement.checks
    )
    return ExitCode.BLOCKED if proven else ExitCode.BLOCKED_UNPROVEN
