"""Running what never waits."""

from collections.abc import Coroutine
from typing import Any, TypeVar

from evalgate.core.errors import CannotJudge

T = TypeVar("T")


def run_now(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never waits, without an event loop: a replay opens nothing, not even a loop.

    Raises:
        CannotJudge: the coroutine waited for something after all.

    """
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    coroutine.close()
    raise CannotJudge("a replay waited for something; only recorded calls can be replayed")
