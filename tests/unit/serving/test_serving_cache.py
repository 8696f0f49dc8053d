import pytest

from evalgate.core.calls import Response
from evalgate.core.cases import Case
from evalgate.core.errors import BadInput
from evalgate.core.messages import Message, ToolCall
from evalgate.core.policy_file import ExactCache, RegexRule
from evalgate.serving.cache import Entry, PolicyCache, keyed_messages
from evalgate.serving.prompts import compile_prompt

TALK = (Message("user", "Hi"), Message("assistant", "Yes?"), Message("user", "Where is it?"))


def cache(**fields):
    return PolicyCache(ExactCache(mode="exact", **fields))


def entry(source, at_s=0.0):
    return Entry(Response(text=source), source, "weak", at_s)


def key(case, scope, *prompts, **fields):
    return cache(key=scope, **fields).key(keyed_messages(case, scope, [compile_prompt(p) for p in prompts]))


def test_the_key_is_normalized_text():
    exact = cache(normalize=["trim", "casefold"])
    assert exact.key([Message("user", " A ")]) == exact.key([Message("user", "a")])
    assert exact.key([Message("user", "a")]) != exact.key([Message("user", "b")])
    assert len(exact.key([Message("user", "a")])) == 64


def test_the_key_tells_messages_apart_that_normalization_does_not_touch():
    exact = cache(normalize=["casefold"])
    different = [
        [Message("user", "a")],
        [Message("assistant", "a")],
        [Message("user", None)],
        [Message("user", "")],
        [Message("user", "a", name="bob")],
        [Message("user", "a", tool_call_id="1")],
        [Message("user", "a", tool_calls=(ToolCall("f", "{}", "1"),))],
        [Message("user", "a", tool_calls=(ToolCall("f", "[]", "1"),))],
        [Message("user", "a"), Message("user", "a")],
        [Message("user", "auser")],
    ]
    assert len({exact.key(messages) for messages in different}) == len(different)
    assert exact.key([Message("user", "a")], "x") != exact.key([Message("user", "a")])


def test_last_message_sees_only_the_last_message():
    other = Case(id="2", messages=(Message("system", "S"), Message("user", "Where is it?")))
    assert key(Case(id="1", messages=TALK), "last_message") == key(other, "last_message")
    assert key(Case(id="3", input="Where is it?", vars={"a": 1}), "last_message") == key(
        other, "last_message"
    )


def test_conversation_sees_every_turn_but_system_messages():
    plain = Case(id="1", messages=TALK)
    assert key(plain, "conversation") == key(
        Case(id="2", messages=(Message("system", "S"), *TALK)), "conversation"
    )
    assert key(plain, "conversation") != key(Case(id="3", messages=TALK[2:]), "conversation")
    assert key(Case(id="4", input="Where is it?"), "conversation") == key(
        Case(id="5", messages=TALK[2:]), "conversation"
    )


def test_request_sees_what_every_first_deployment_would_be_sent():
    weak = (Message("system", "For {{plan}}."), Message("user", "{{input}}"))
    strong = (Message("system", "In {{tongue}}."), Message("user", "{{input}}"))
    gold = Case(id="1", input="q", vars={"plan": "gold", "tongue": "en"})
    free = Case(id="2", input="q", vars={"plan": "free", "tongue": "en"})
    french = Case(id="3", input="q", vars={"plan": "gold", "tongue": "fr"})
    assert key(gold, "conversation") == key(free, "conversation")
    assert key(gold, "request", weak) != key(free, "request", weak)
    assert key(gold, "request", weak) == key(french, "request", weak)
    assert key(gold, "request", weak, strong) != key(french, "request", weak, strong)


def test_an_entry_is_served_while_younger_than_the_ttl():
    exact = cache(ttl_s=10)
    exact.store("k", entry("a", at_s=5.0))
    assert exact.find("k", 14.999) == entry("a", at_s=5.0)
    assert exact.find("k", 15.0) is None
    assert len(exact) == 0


def test_being_served_does_not_make_an_entry_younger():
    exact = cache(ttl_s=10)
    exact.store("k", entry("a"))
    assert exact.find("k", 9.0)
    assert exact.find("k", 10.0) is None
    exact.store("k", entry("b", at_s=10.0))
    assert exact.find("k", 19.0) == entry("b", at_s=10.0)


def test_without_ttl_entries_stay():
    exact = cache()
    exact.store("k", entry("a"))
    assert exact.find("k", 1e12) == entry("a")
    assert exact.find("other", 0.0) is None


def test_the_least_recently_used_entry_goes_first():
    exact = cache(max_entries=2)
    exact.store("a", entry("a"))
    exact.store("b", entry("b"))
    assert exact.find("a", 0.0)
    exact.store("c", entry("c"))
    assert [exact.find(name, 0.0) is not None for name in "abc"] == [True, False, True]
    exact.store("a", entry("again"))
    exact.store("d", entry("d"))
    assert [exact.find(name, 0.0) is not None for name in "abcd"] == [True, False, False, True]


def test_a_bad_rule_is_bad_input_before_any_case():
    with pytest.raises(BadInput, match="is not a pattern"):
        cache(normalize=[RegexRule(regex="(")])
