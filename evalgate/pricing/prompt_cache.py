"""A provider's prompt cache: how many tokens of a prompt it has kept from earlier ones.

A prompt is a chain of blocks, each named by itself and all before it. What is read is the longest beginning
of whole blocks that are still kept; what is written is the rest of them.
"""

from collections import Counter, OrderedDict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from math import inf

from evalgate.core.prompt_cache_file import PromptCacheFile

Blocks = Sequence[Hashable]


class PrefixCache:
    """The blocks that are kept, those used least recently first.

    A block is kept for ``ttl_s`` after its last use (None: for ever), and of more than ``capacity`` blocks
    those go that were used least recently. A prompt uses its blocks from the last to the first, so a chain
    loses its end before its beginning.
    """

    __slots__ = ("_capacity", "_ttl_s", "_used_s")

    def __init__(self, ttl_s: float | None = None, capacity: int | None = None) -> None:
        """Start empty."""
        self._ttl_s = inf if ttl_s is None else ttl_s
        self._capacity = capacity
        # Where nothing is ever put out, the order of use is no matter, and a plain dict twice as fast.
        self._used_s: dict[Hashable, float] = {} if capacity is None else OrderedDict()

    def send(self, blocks: Blocks, at_s: float) -> int:
        """Return how many of the leading ``blocks`` are kept at ``at_s``; from then on, all of them are."""
        used_s, since_s, found = self._used_s, at_s - self._ttl_s, 0
        for block in blocks:
            if used_s.get(block, -inf) <= since_s:
                break
            found += 1
        if isinstance(used_s, OrderedDict):
            self._use_in_order(used_s, blocks, at_s)
        else:
            used_s.update(dict.fromkeys(blocks, at_s))
        return found

    def _use_in_order(self, used_s: "OrderedDict[Hashable, float]", blocks: Blocks, at_s: float) -> None:
        for block in reversed(blocks):
            used_s[block] = at_s
            used_s.move_to_end(block)
        while len(used_s) > (self._capacity or 0):
            used_s.popitem(last=False)


@dataclass(frozen=True, slots=True)
class SentPrompt:
    """A prompt on its way: its input ``tokens``, and the whole blocks of what of it may be kept.

    ``cacheable_tokens`` is the length of that part, with what fills no whole block. ``name`` is equal for
    equal prompts alone.
    """

    name: Hashable
    at_s: float
    tokens: int
    cacheable_tokens: int
    blocks: tuple[Hashable, ...]


@dataclass(frozen=True, slots=True)
class CachedPrompt:
    """How many input tokens of a prompt are read from the cache, and how many written to it."""

    read: int
    written: int


_NOTHING = CachedPrompt(0, 0)


def predict(spec: PromptCacheFile, prompts: Sequence[SentPrompt], *, warm: bool) -> list[CachedPrompt]:
    """Return what becomes of each prompt of a stream that passes one cache in order.

    ``warm``, the cache holds from the start every block that two different prompts of the stream begin with;
    else it is empty. The tokens read and written never exceed those of the prompt.
    """
    capacity = None if spec.capacity_tokens is None else spec.capacity_tokens // spec.block_tokens
    cache = PrefixCache(spec.ttl_s, capacity)
    if warm and prompts:
        for blocks in shared_beginnings(each for each in prompts if _is_kept(spec, each)):
            cache.send(blocks, prompts[0].at_s)
    return [_predicted(spec, cache, prompt) for prompt in prompts]


def shared_beginnings(prompts: Iterable[SentPrompt]) -> list[Blocks]:
    """Return of each distinct prompt the blocks that another one begins with too, the first prompt's last."""
    distinct = {each.name: each.blocks for each in prompts}
    count = Counter(block for blocks in distinct.values() for block in blocks)
    shared = [tuple(block for block in blocks if count[block] > 1) for blocks in distinct.values()]
    # What the stream needs first is used last, and so put out last.
    return [blocks for blocks in reversed(shared) if blocks]


def _is_kept(spec: PromptCacheFile, prompt: SentPrompt) -> bool:
    return prompt.cacheable_tokens >= spec.min_tokens


def _predicted(spec: PromptCacheFile, cache: PrefixCache, prompt: SentPrompt) -> CachedPrompt:
    if not _is_kept(spec, prompt):
        return _NOTHING
    read = cache.send(prompt.blocks, prompt.at_s) * spec.block_tokens
    if read < spec.min_tokens:
        read = 0
    return CachedPrompt(read, len(prompt.blocks) * spec.block_tokens - read)
