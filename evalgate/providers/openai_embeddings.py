"""Embeddings of an OpenAI-compatible server: what is sent for a text, and the vector in the reply."""

import base64
from collections.abc import Mapping
from dataclasses import replace

from evalgate.core.calls import Request, Response, Usage
from evalgate.core.messages import last_user_text
from evalgate.core.vectors import numbers_in, pack, unpack
from evalgate.providers.openai_reply import UnreadableReply, usage_of


def embedding_body(request: Request) -> dict[str, object]:
    """Return the body that asks for the embedding of the request's one text."""
    return {**request.params, "model": request.model, "input": last_user_text(request.messages)}


def embedding_of(body: object) -> Response:
    """Return the vector of a reply, which servers write as a list of numbers or as base64 of single floats.

    Raises:
        UnreadableReply: there is not exactly one vector, or it cannot be kept.

    """
    data = body.get("data") if isinstance(body, Mapping) else None
    if not isinstance(data, list) or len(data) != 1 or not isinstance(data[0], Mapping):
        raise UnreadableReply("the reply does not hold exactly one embedding")
    return Response(None, vector=_packed(data[0].get("embedding")))


def embedding_usage(body: object) -> Usage | None:
    """Return the tokens that were embedded; nothing is put out, which servers do not say."""
    usage = usage_of(body)
    return None if usage is None else replace(usage, output_tokens=usage.output_tokens or 0)


def _packed(written: object) -> bytes:
    try:
        if isinstance(written, str):
            packed = base64.b64decode(written, validate=True)
            unpack(packed)
            return packed
        return pack(numbers_in(written) or ())
    except ValueError as error:  # binascii.Error is one
        raise UnreadableReply(f"the embedding cannot be read: {error}") from None
