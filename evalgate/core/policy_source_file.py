"""A policy of which a part is read from the config that really serves, as a person writes it."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator

from evalgate.core.policy_file import DeploymentParts, PolicyParts, Reliability
from evalgate.core.written import Written


class LitellmSource(Written):
    """Where deployments, retries, fallbacks and cache are read from: a LiteLLM proxy's or Router's config.

    ``file`` is seen from the policy. ``without`` names settings of the config that the policy knowingly
    leaves out, because no policy can say them.
    """

    kind: Literal["litellm"]
    file: str
    without: list[str] = []


class DeploymentOverFile(DeploymentParts):
    """What a policy says of a deployment over what is read of it; or a deployment of its own."""

    provider: str | None = None
    model: str | None = None


class ReliabilityOverFile(Reliability):
    """Rules for failures that go over those that are read, so that one may need what only stands there."""

    @model_validator(mode="after")
    def _levers_are_on(self) -> "ReliabilityOverFile":
        return self


class PolicyOverFile(PolicyParts):
    """A policy that reads ``from`` elsewhere what it does not say itself."""

    model_config = ConfigDict(populate_by_name=True)

    from_: Annotated[LitellmSource, Field(alias="from")]
    deployments: dict[str, DeploymentOverFile] = {}
    cache: dict[str, Any] | None = None
    reliability: ReliabilityOverFile = ReliabilityOverFile()
