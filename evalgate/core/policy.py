"""A policy as it is served: files read, references resolved, ready to answer without touching the disk."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from evalgate.core.batch_file import BatchFile, MicrobatchFile
from evalgate.core.calls import Request, RequestKind
from evalgate.core.cascade_file import CascadeFile, Verifier
from evalgate.core.cases import Case
from evalgate.core.digest import DigestFrame
from evalgate.core.messages import Message
from evalgate.core.outcome import Answer
from evalgate.core.policy_file import CacheFile, Limits, Price, Reliability, SemanticCache
from evalgate.core.prompt_cache_file import PromptCacheFile
from evalgate.core.response_file import ResponseFile
from evalgate.core.router_file import RouterFile
from evalgate.core.routing import TrainedOn
from evalgate.core.service_time_file import ServiceTime

ScoreFunction = Callable[[Case], float]
ConfidenceFunction = Callable[[Case, Answer], float]
EmbedFunction = Callable[[list[str]], Sequence[Sequence[float]]]


@dataclass(frozen=True, slots=True)
class Deployment:
    """One served model with its own prompt and params, and the kind of provider that answers for it."""

    alias: str
    kind: RequestKind
    provider: str
    model: str
    revision: str | None
    quantization: str | None
    prompt: tuple[Message, ...]
    params: Mapping[str, object]
    price: Price | None
    frame: DigestFrame = field(compare=False, repr=False)
    limits: Limits | None = field(default=None, compare=False)
    service_time: ServiceTime | None = field(default=None, compare=False)
    prompt_cache: PromptCacheFile | None = None
    batch: BatchFile | None = None
    microbatch: MicrobatchFile | None = None
    num_retries: int | None = None
    request_timeout_s: float | None = None

    @property
    def own_rules(self) -> dict[str, float]:
        """What of the retry rules it says itself."""
        own = {"num_retries": self.num_retries, "request_timeout_s": self.request_timeout_s}
        return {name: value for name, value in own.items() if value is not None}

    def rules(self, shared: Reliability) -> Reliability:
        """Return the retry rules of its calls: its own numbers over what the policy has for all."""
        if self.num_retries is None and self.request_timeout_s is None:
            return shared
        return shared.model_copy(update=self.own_rules)

    @property
    def identity(self) -> tuple[str, str, str | None, str | None]:
        """What decides who answers: provider, model, revision, quantization."""
        return (self.provider, self.model, self.revision, self.quantization)

    def request(self, messages: tuple[Message, ...], trial: int = 0, sample: int = 0) -> Request:
        """Return the request that puts ``messages`` to this model; to an embedder, one text."""
        return Request(
            self.kind,
            self.provider,
            self.model,
            self.revision,
            self.quantization,
            messages,
            self.params,
            self.frame.digest(messages, trial, sample),
            trial,
            sample,
            self.batch is not None,
        )


@dataclass(frozen=True, slots=True)
class TextClassifier:
    """TF-IDF and logistic regression as numbers; ``score`` is the probability of needing ``strong``.

    ``weights`` maps a term to its idf times its coefficient's parts: ``(idf, coefficient)``. Terms are
    lower-cased word n-grams of the lengths in ``word_ngrams``; vectors are L2-normalised tf * idf.
    ``provenance`` is whatever the trainer recorded: data, split, date, scores.
    """

    weights: Mapping[str, tuple[float, float]]
    intercept: float
    word_ngrams: tuple[int, int]
    sublinear_tf: bool
    provenance: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Router:
    """A router with its score's source: the classifier, the user's function, or (neither) a column.

    A difficulty router has two classifiers: ``classifier`` scores the need for more than the easy
    deployment, ``hard_classifier`` the need for the hard one. ``trained_on`` is what a classifier has seen;
    None where its file does not say.
    """

    spec: RouterFile
    classifier: TextClassifier | None = None
    function: ScoreFunction | None = None
    hard_classifier: TextClassifier | None = None
    trained_on: TrainedOn | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Cascade:
    """A cascade with the user's function that tells its confidence, where it has one."""

    spec: CascadeFile
    function: ConfidenceFunction | None = None

    @property
    def verifier(self) -> str | None:
        """The deployment that judges answers, which is not asked the case itself."""
        return self.spec.confidence.deployment if isinstance(self.spec.confidence, Verifier) else None

    def always_escalating(self) -> "Cascade":
        """Return the cascade that asks everybody: its calls are all that any ``escalate_below`` needs."""
        return replace(self, spec=self.spec.model_copy(update={"escalate_below": float("inf")}))


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy ready to serve. Exactly one of ``router``, ``cascade`` and ``use`` is set.

    ``digest`` covers everything that can change an answer, a cost or a time, and nothing else (not the
    description, not the file's name). ``summary`` holds the lines of the policy for diffs, ``key: value``.
    ``embed`` is the function that a semantic cache compares questions by, where it is not a deployment.
    ``not_judged`` are the settings of the config it was read from that no policy can say.
    """

    name: str
    family: str
    file: str
    digest: str
    deployments: Mapping[str, Deployment]
    cache: CacheFile | None
    router: Router | None
    use: str | None
    reliability: Reliability
    response: ResponseFile
    summary: tuple[str, ...] = ()
    cascade: Cascade | None = None
    embed: EmbedFunction | None = field(default=None, compare=False)
    not_judged: tuple[str, ...] = field(default=(), compare=False)

    @property
    def answering(self) -> Mapping[str, Deployment]:
        """The deployments that may answer a user: not those that cache and cascade ask for themselves."""
        helpers = set(self.cache.helpers.values()) if isinstance(self.cache, SemanticCache) else set()
        if self.cascade is not None and self.cascade.verifier is not None:
            helpers.add(self.cascade.verifier)
        return {alias: each for alias, each in self.deployments.items() if alias not in helpers}
