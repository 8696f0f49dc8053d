import contextlib
import string

from hypothesis import given
from hypothesis import strategies as st

from evalgate.providers.openai_errors import complaint_about, meaning
from evalgate.providers.openai_reply import (
    FilteredReply,
    UnreadableReply,
    reported_cost_usd,
    response_of,
    text_field,
    usage_of,
)
from evalgate.providers.openai_stream import StreamedReply
from evalgate.providers.tried import one_line
from tests.loopback import DONE, delta

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["choices", "message", "content", "error", "code", "usage", "tool_calls", "function", "x"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=25,
)


@given(json_values, st.integers(100, 599))
def test_no_json_a_server_may_send_is_a_bug_of_ours(body, status):
    usage_of(body)
    reported_cost_usd(body)
    text_field(body, "model")
    meaning(status, complaint_about(body))
    with contextlib.suppress(UnreadableReply, FilteredReply):
        response_of(body)


@given(st.lists(st.text(max_size=8), max_size=6), st.data())
def test_a_stream_means_the_same_however_the_network_cuts_it(texts, data):
    wire = b"".join(delta(content=text) for text in texts) + delta("stop") + DONE
    cuts = sorted(data.draw(st.sets(st.integers(0, len(wire)), max_size=12)))
    reply = StreamedReply()
    for start, end in zip([0, *cuts], [*cuts, len(wire)], strict=True):
        reply.feed(wire[start:end])
    assert reply.done
    assert response_of(reply.body()).text == "".join(texts)


@given(
    st.text(string.ascii_letters + string.digits + "-", min_size=8, max_size=40),
    st.lists(st.text(max_size=30), max_size=4),
)
def test_a_key_is_never_shown_and_nothing_steers_the_terminal(key, around):
    shown = one_line(key.join(["", *around, ""]), key)
    assert key not in shown
    assert shown.isprintable()
