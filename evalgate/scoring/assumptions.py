"""What a result takes for granted, in sentences that are printed beside it."""

from evalgate.core.suite_file import Inference
from evalgate.scoring.units import Units


def shared_calls(n: int, affected: int) -> tuple[str, ...]:
    """Return what reusing one recorded outcome for both sides assumes; nothing when nothing is shared."""
    same = n - affected
    if same == 0:
        return ()
    return (
        f"{same} of {n} cases are served alike by both policies, so their difference is exactly zero",
        "the provider still serves the models as they were when recorded",
        "the recorded answers are one draw of each model",
    )


def sampling(units: Units) -> tuple[str, ...]:
    """Return what the weights and groups of the cases mean for the interval."""
    notes = []
    if not units.single:
        notes.append(f"cases of one group are dependent: {units.count} independent groups decide")
    if units.weighted:
        notes.append("cases count by their weight")
    return tuple(notes)


def inference(about: Inference) -> tuple[str, ...]:
    """Return what the interval of a share is about, where that is not traffic like the suite."""
    if about == "population":
        return ()
    return ("this is about these very cases (inference: suite), not about traffic like them",)
