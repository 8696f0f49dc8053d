"""What of a prompt is read from a provider's cache and written to it, and how a text becomes blocks."""

import gzip
import json
import sys
from pathlib import Path

import pytest

from evalgate.core.calls import Request
from evalgate.core.messages import Message, ToolCall
from evalgate.core.prompt_cache_file import PromptCacheFile
from evalgate.pricing.prompt_blocks import prompt_text, sent_prompt, tokens_per_character
from evalgate.pricing.prompt_cache import CachedPrompt, PrefixCache, SentPrompt, predict

ROOT = Path(__file__).parents[3]
TRACE = ROOT.parent / "shared/data/mooncake_conversation_trace/conversation_trace.jsonl.gz"
OPENAI_LIKE = PromptCacheFile()


def prompt(*blocks, at_s=0.0, name=None, tail=0):
    tokens = 128 * len(blocks) + tail
    return SentPrompt(name or blocks, at_s, tokens, tokens, blocks)


def long(last, count=9, **more):
    """A prompt that begins as all of them do, nine blocks (1,152 tokens) long, and ends in its own way."""
    return prompt(*(f"shared {at}" for at in range(count - 1)), last, name=last, **more)


def request(*messages, **params):
    return Request("chat", "p", "m", None, None, tuple(Message(*each) for each in messages), params, "d")


def test_the_second_prompt_reads_what_the_first_one_wrote():
    assert predict(OPENAI_LIKE, [long("a"), long("b"), long("a")], warm=False) == [
        CachedPrompt(0, 1152),
        CachedPrompt(1024, 128),
        CachedPrompt(1152, 0),
    ]


def test_a_prompt_below_the_minimum_is_neither_read_nor_written():
    short = [long("a", count=7, at_s=at) for at in range(2)]
    assert predict(OPENAI_LIKE, short, warm=False) == [CachedPrompt(0, 0)] * 2
    assert predict(OPENAI_LIKE, short, warm=True) == [CachedPrompt(0, 0)] * 2


def test_less_than_the_minimum_in_common_is_not_read():
    first, second = long("a"), prompt(*(f"shared {at}" for at in range(7)), *"xyz")
    assert predict(OPENAI_LIKE, [first, second], warm=False)[1] == CachedPrompt(0, 1280)


def test_a_block_lives_as_long_as_it_is_used_again_in_time():
    times = (0.0, 299.0, 598.0, 898.0)
    found = predict(OPENAI_LIKE, [long("a", at_s=at_s) for at_s in times], warm=False)
    assert [each.read for each in found] == [0, 1152, 1152, 0]


def test_warm_has_what_two_different_prompts_begin_with_and_nothing_else():
    found = predict(OPENAI_LIKE, [long("a"), long("b"), long("b")], warm=True)
    assert [each.read for each in found] == [1024, 1024, 1152]
    assert predict(OPENAI_LIKE, [long("a"), long("a")], warm=True)[0].read == 0


def test_prompts_that_differ_in_their_last_piece_alone_share_every_whole_block():
    alike = [long("same", tail=5), SentPrompt("other", 0.0, 1157, 1157, long("same").blocks)]
    assert predict(OPENAI_LIKE, alike, warm=True)[0].read == 1152


def test_a_full_cache_loses_ends_before_beginnings_and_the_least_used_first():
    cache = PrefixCache(capacity=3)
    assert cache.send("abc", 0) == 0
    assert cache.send("ad", 1) == 1
    assert cache.send("abc", 2) == 2
    assert cache.send("ad", 3) == 1


def test_characters_stand_for_tokens_by_one_number_a_deployment():
    rules = "a rule of the house. " * 100
    texts = [prompt_text(request(("system", rules), ("user", question))) for question in ("hi", "and you?")]
    counted = [(texts[0], 530), (texts[1], 532)]
    per_character = tokens_per_character(counted)
    assert per_character == pytest.approx(0.25, rel=0.01)
    spec = PromptCacheFile(min_tokens=0)
    first, second = (sent_prompt(*each, per_character, spec, 0.0) for each in counted)
    assert len(first.blocks) == len(second.blocks) == 4
    assert first.blocks == second.blocks
    changed = prompt_text(request(("system", "!" + rules), ("user", "hi")))
    assert not set(sent_prompt(changed, 530, per_character, spec, 0.0).blocks) & set(first.blocks)


def test_only_tools_and_leading_system_messages_are_kept_up_to_system():
    asked = request(("system", "s" * 400), ("user", "u" * 4000), ("system", "late"), tools=[{"name": "t"}])
    text = prompt_text(asked)
    assert text.text.startswith('{"tools"')
    spec = PromptCacheFile(block_tokens=10, min_tokens=100, up_to="system")
    sent = sent_prompt(text, 1100, 0.25, spec, 0.0)
    assert sent.cacheable_tokens == int(len('{"tools":[{"name":"t"}]}system\n\n' + "s" * 400) * 0.25)
    assert len(sent.blocks) == sent.cacheable_tokens // 10
    assert sent_prompt(text, 1100, 0.25, PromptCacheFile(min_tokens=200, up_to="system"), 0.0).blocks == ()


def test_a_tool_call_is_part_of_the_prompt_and_no_text_is_no_prompt():
    called = Message("assistant", None, tool_calls=(ToolCall("pay", '{"usd": 1}'),))
    text = prompt_text(Request("chat", "p", "m", None, None, (called,), {}, "d"))
    assert "pay" in text.text
    assert tokens_per_character([]) == 0
    assert sent_prompt(text, 5000, 0.0, OPENAI_LIKE, 0.0).blocks == ()


@pytest.mark.skipif(not TRACE.is_file(), reason="the Mooncake trace is not there")
def test_hits_on_real_conversations_equal_an_independent_count(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import prompt_cache as benchmark

    with gzip.open(TRACE, "rt") as file:
        lines = [json.loads(next(file)) for _ in range(2000)]
    rows = [(line["timestamp"] / 1000, line["input_length"], line["hash_ids"]) for line in lines]
    for ttl_s, room in ((None, None), (60.0, None), (None, 500), (60.0, 5000)):
        found = benchmark.predicted(rows, ttl_s, room)
        assert found == benchmark.count(rows, ttl_s, room)
        assert sum(found) > 0
    sys.modules.pop("prompt_cache")
