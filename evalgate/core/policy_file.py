"""A policy as a person writes it: ``policies/<family>/<name>.yaml``.

Paths in it are relative to the policy file. :mod:`evalgate.core.policy` is what it becomes when loaded.
"""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from evalgate.core.batch_file import BatchFile, MicrobatchFile
from evalgate.core.cascade_file import CascadeFile
from evalgate.core.hosting_file import Hosting
from evalgate.core.messages import Message
from evalgate.core.prompt_cache_file import PromptCacheFile
from evalgate.core.response_file import ResponseFile, rule_tag
from evalgate.core.router_file import RouterFile
from evalgate.core.service_time_file import ServiceTimeFile
from evalgate.core.written import Written

Share = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
# Beyond any price that is meant; without a bound, a sum of what calls cost could be more than a float holds.
Usd = Annotated[float, Field(ge=0, le=1e15, allow_inf_nan=False)]


class PriceTier(Written):
    """Unit prices of a whole request, input and output, once its input exceeds ``above_input_tokens``."""

    above_input_tokens: Annotated[int, Field(ge=0)]
    input_per_1m: Usd
    output_per_1m: Usd
    cached_input_per_1m: Usd | None = None
    cache_write_per_1m: Usd | None = None


class Price(Written):
    """Declared unit prices in USD; what is None is not charged apart (cached tokens at the input price).

    A request is charged by the ``tiers`` entry with the highest bound that its input tokens exceed.
    ``reported``: a call costs what its gateway or app says, and these unit prices only where that is silent.
    ``hosting`` is instead of unit prices: the machines that serve it, from which they follow.
    """

    input_per_1m: Usd = 0.0
    output_per_1m: Usd = 0.0
    cached_input_per_1m: Usd | None = None
    cache_write_per_1m: Usd | None = None
    per_request: Usd = 0.0
    tiers: list[PriceTier] = []
    reported: bool = False
    hosting: Hosting | None = None


class RevisionOf(Written):
    """A revision that is the hash of the named files or of a git-tracked folder, taken at load."""

    files: list[str] = []
    tree: list[str] = []


class Limits(Written):
    """What a deployment may be asked for: requests and tokens a minute, and calls at once.

    They hold back calls, change no answer and are part of no digest.
    """

    rpm: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    tpm: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    max_concurrency: Annotated[int, Field(gt=0)] | None = None


Retries = Annotated[int, Field(ge=0, le=5)]
TimeoutSeconds = Annotated[float, Field(gt=0)]


class DeploymentParts(Written):
    """What a deployment has beside its provider and model."""

    revision: str | RevisionOf | None = None
    quantization: str | None = None
    price: Price | None = None
    limits: Limits | None = None
    service_time: ServiceTimeFile | None = None
    prompt_cache: PromptCacheFile | None = None
    batch: BatchFile | None = None
    microbatch: MicrobatchFile | None = None
    prompt: list[Message] | str | None = None
    params: dict[str, Any] | None = None
    num_retries: Retries | None = None
    request_timeout_s: TimeoutSeconds | None = None


class DeploymentFile(DeploymentParts):
    """One served model; ``prompt``, ``params``, ``num_retries``, ``request_timeout_s`` override the policy's.

    ``service_time`` says how an engine of one's own slows down as it fills; it is used for traffic alone.
    ``prompt_cache`` says how the provider keeps the beginnings of prompts, by which their price is predicted.
    ``batch`` says that it is asked through the provider's batch API, ``microbatch`` that requests which come
    shortly after one another are sent together.
    """

    provider: str
    model: str


class RegexRule(Written):
    """Replace every match of an RE2 pattern."""

    regex: str
    replace: str = ""


NormalizeName = Literal[
    "nfc",
    "nfkc",
    "trim",
    "collapse_whitespace",
    "casefold",
    "strip_punctuation",
    "mask_numbers",
    "mask_dates",
    "mask_uuids",
    "drop_stopwords",
]
CacheScope = Literal["last_message", "conversation", "request"]


NormalizeRule = Annotated[
    Annotated[NormalizeName, Tag("name")] | Annotated[RegexRule, Tag("rule")], Discriminator(rule_tag)
]


InFlight = Literal["ready", "ask", "wait"]


class CacheRules(Written):
    """What every cache has: what makes a key, how long an answer lives, and what a lookup takes.

    ``key`` is what of the question makes the key: its last message, the conversation without system
    messages, or the whole rendered request with its params. Questions that differ in one of the ``vars``
    named by ``vary_by`` never share an answer. ``lookup_s`` is paid by hits and misses. ``in_flight`` says
    what an identical question does that comes before the first one is answered: it finds the answer
    ``ready`` (the time that answering takes is not looked at), asks too (``ask``), or waits for it and is
    not billed (``wait``).
    """

    normalize: list[NormalizeRule] = ["nfc", "trim"]
    key: CacheScope = "last_message"
    vary_by: list[str] = []
    ttl_s: Annotated[float, Field(gt=0)] | None = None
    max_entries: Annotated[int, Field(gt=0)] | None = None
    lookup_s: Seconds = 0.0
    in_flight: InFlight = "ready"


class ExactCache(CacheRules):
    """Serve a stored answer when the normalized key is equal."""

    mode: Literal["exact"]


class SemanticCache(CacheRules):
    """Where no key is equal, serve the answer to the nearest question that is near enough.

    ``embedder`` is a deployment of the policy or the import path of a function from texts to vectors, which
    takes ``embed_s``. Of the ``top_k`` nearest questions with a cosine of ``similarity_threshold`` or more
    the first one is served; with a ``verifier`` (a deployment), the first one of which it says that both
    questions have the same answer. Only the last message is compared by its meaning: all that stands before
    it and belongs to the key must be equal.
    """

    mode: Literal["exact_then_semantic"]
    embedder: str
    similarity_threshold: Annotated[float, Field(ge=-1, le=1)]
    top_k: Annotated[int, Field(ge=1, le=100)] = 1
    verifier: str | None = None
    embed_s: Seconds = 0.0

    @property
    def helpers(self) -> dict[str, str]:
        """The deployments that the cache asks for itself, by the key that names them."""
        named = {"embedder": self.embedder, "verifier": self.verifier}
        return {key: name for key, name in named.items() if name is not None and ":" not in name}


CacheFile = Annotated[ExactCache | SemanticCache, Discriminator("mode")]


# The second draw of a hedge, far beyond those of a cascade that asks a deployment several times.
HEDGE_SAMPLE = 1000


class Reliability(Written):
    """What happens when an attempt fails: retries with backoff, a timeout per attempt, then fallbacks.

    A deployment that failed more than ``allowed_fails`` times within ``fails_window_s`` is left alone for
    ``cooldown_time_s``. A call that has no answer after ``hedge_after_s`` gets a second one beside it, on the
    ``same`` deployment or on the ``next`` of its fallbacks; the first good answer is served.
    """

    num_retries: Retries = 0
    request_timeout_s: TimeoutSeconds | None = None
    backoff_s: Seconds = 0.5
    max_backoff_s: Seconds = 8.0
    backoff_jitter: Literal["full", "none"] = "full"
    max_retry_after_s: Seconds = 120.0
    fallbacks: dict[str, list[str]] = {}
    allowed_fails: Annotated[int, Field(ge=0)] | None = None
    fails_window_s: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 60.0
    cooldown_time_s: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 30.0
    hedge_after_s: Seconds | None = None
    hedge_on: Literal["same", "next"] = "same"

    @model_validator(mode="after")
    def _levers_are_on(self) -> "Reliability":
        written = self.model_fields_set
        if self.allowed_fails is None and (idle := sorted(written & {"fails_window_s", "cooldown_time_s"})):
            raise ValueError(f"{idle[0]} does nothing without allowed_fails: write allowed_fails: 3")
        if self.hedge_after_s is None and "hedge_on" in written:
            raise ValueError("hedge_on does nothing without hedge_after_s: write hedge_after_s: 0.8")
        return self

    @property
    def cools_down(self) -> bool:
        """Whether a deployment that fails is left alone for a while."""
        return self.allowed_fails is not None

    @property
    def hedges(self) -> bool:
        """Whether a slow call gets a second one beside it."""
        return self.hedge_after_s is not None

    @property
    def hedges_same(self) -> bool:
        """Whether that second call is another draw from the same deployment."""
        return self.hedges and self.hedge_on == "same"

    def active(self) -> dict[str, Any]:
        """Return the rules as JSON, without those of levers that are off."""
        off = set() if self.cools_down else {"allowed_fails", "fails_window_s", "cooldown_time_s"}
        off |= set() if self.hedges else {"hedge_after_s", "hedge_on"}
        return self.model_dump(mode="json", exclude=off)


class PolicyParts(Written):
    """What a policy always says itself, wherever its deployments come from."""

    description: str = ""
    prompt: list[Message] | str | None = None
    params: dict[str, Any] = {}
    router: RouterFile | None = None
    cascade: CascadeFile | None = None
    use: str | None = None
    response: ResponseFile = ResponseFile()


class PolicyFile(PolicyParts):
    """Everything production does to turn a question into an answer."""

    deployments: Annotated[dict[str, DeploymentFile], Field(min_length=1)]
    cache: CacheFile | None = None
    reliability: Reliability = Reliability()
