"""The base of every model that a person writes: frozen, and strict about unknown keys."""

from pydantic import BaseModel, ConfigDict


class Written(BaseModel):
    """A piece of a file a person wrote. Unknown keys are refused; values are never coerced from strings."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, protected_namespaces=())
