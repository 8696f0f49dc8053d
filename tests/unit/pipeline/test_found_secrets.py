import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalgate.core.found_secrets import _SHAPES, secret_in

KEYS = ("configured-key-value",)


@pytest.mark.parametrize(
    "secret",
    [
        "sk-ant-api03-abcdefghij0123456789",
        "sk-proj-abcdefghij0123456789",
        "github_pat_11ABCDEFG0abcdefghijkl",
        "gho_" + "a1" * 18,
        "ASIA" + "A1B2" * 4,
        "xoxb-1234567890-abcdef",
        "AIza" + "a1B2c" * 7,
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcdefgh12345678",
        "-----BEGIN RSA PRIVATE KEY-----",
    ],
)
def test_keys_are_known_by_their_shape(secret):
    found = secret_in(f"before {secret} after", ())
    assert found is not None
    assert secret.startswith(found.secret)
    assert secret not in repr(found)
    assert secret_in(f"before {secret} after", (), {found.id}) is None


def test_the_value_of_a_configured_key_is_found_whatever_its_shape():
    found = secret_in("it is configured-key-value!", KEYS)
    assert found.kind == "the value of a configured key"
    # Nobody can declare a key that is in use to be none.
    assert secret_in("configured-key-value", KEYS, {found.id}) is not None


@pytest.mark.parametrize(
    "text",
    [
        "the task-management-system-of-2024 is down",
        "ask-me-anything-about-order-123456",
        "sk-learn is a library",
        "a risk-averse-customer-1234567890 writes",
        "eyJ is how such tokens begin",
        "-----BEGIN CERTIFICATE-----",
        "",
    ],
)
def test_ordinary_texts_hold_none(text):
    assert secret_in(text, ("short",)) is None


@given(st.sampled_from(sorted(_SHAPES)).flatmap(lambda kind: st.from_regex(_SHAPES[kind], fullmatch=True)))
def test_whatever_has_the_shape_of_a_secret_is_found(secret):
    assert secret_in(f"before {secret} after", ()) is not None
