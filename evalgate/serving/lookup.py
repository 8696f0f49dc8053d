"""Asking the policy's cache: by the key, then by meaning, with every call that takes paid and timed."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from evalgate.core.calls import Call, Caller, Request
from evalgate.core.cases import Case, question_text
from evalgate.core.digest import canonical_json
from evalgate.core.errors import CannotJudge
from evalgate.core.messages import Message
from evalgate.core.outcome import Role, Step
from evalgate.core.policy import Deployment, EmbedFunction, Policy
from evalgate.core.policy_file import SemanticCache
from evalgate.core.vectors import listed_in, numbers_in, unpack
from evalgate.serving.ask import ask
from evalgate.serving.cache import Entry, Meaning, PolicyCache, Vector, keyed_messages
from evalgate.serving.generated import step_of
from evalgate.serving.normalize import compile_rules
from evalgate.serving.prompts import Prompt, compile_prompt

_ASK_VERIFIER = (
    Message("system", "You are given two questions. Say whether they have the same answer: yes or no."),
    Message("user", "First question: {{stored_question}}\nSecond question: {{input}}"),
)


@dataclass(slots=True)
class Looked:
    """What asking the cache gave: the entry (None for a miss), and what that took.

    ``steps`` are the calls to embedder and verifier, ``latency_s`` includes the time of these.
    """

    key: str
    latency_s: float
    entry: Entry | None = None
    similarity: float | None = None
    waited_s: float = 0.0
    meaning: Meaning | None = None
    steps: list[Step] = field(default_factory=list)

    def add(self, call: Call, role: Role, alias: str) -> Call:
        """Count one call."""
        self.steps.append(step_of(call, alias, role))
        self.latency_s += call.latency_s
        return call


class Lookup:
    """The cache of a policy with everything that its lookups share; the entries are in a PolicyCache."""

    __slots__ = ("_constants", "_embed", "_embedder", "_policy", "_prompts", "_verifier", "_verifier_prompt")

    def __init__(self, policy: Policy, prompts: Sequence[Prompt], constants: str) -> None:
        """Prepare lookups; ``prompts`` and ``constants`` are what a key of scope ``request`` covers."""
        helpers = policy.cache.helpers if isinstance(policy.cache, SemanticCache) else {}
        named: dict[str, Deployment] = {key: policy.deployments[alias] for key, alias in helpers.items()}
        self._policy = policy
        self._prompts = prompts
        self._constants = constants
        self._embed: EmbedFunction | None = policy.embed
        self._embedder = named.get("embedder")
        self._verifier = named.get("verifier")
        own = self._verifier.prompt if self._verifier is not None else ()
        self._verifier_prompt = compile_prompt(own or _ASK_VERIFIER)

    async def find(self, case: Case, at_s: float, cache: PolicyCache, caller: Caller) -> Looked:
        """Return what the cache has for ``case``. A call that fails, of either helper, makes it a miss.

        Raises:
            BadInput: the case lacks a variable of the prompt or of ``vary_by``.
            CannotJudge: the embedder's function broke.

        """
        spec = cache.spec
        looked = Looked(self._key(case, cache), spec.lookup_s)
        entry = cache.find(looked.key, at_s)
        if entry is not None and spec.in_flight != "ready" and entry.ready_at_s > at_s:
            if spec.in_flight == "ask":
                return looked
            looked.waited_s = entry.ready_at_s - at_s
            looked.latency_s += looked.waited_s
        if entry is not None or not isinstance(spec, SemanticCache):
            looked.entry = entry
            return looked
        await self._find_near(case, at_s, cache, (spec, looked, caller))
        return looked

    async def _find_near(
        self, case: Case, at_s: float, cache: PolicyCache, asking: tuple[SemanticCache, Looked, Caller]
    ) -> None:
        spec, looked, caller = asking
        question = _question(case)
        if question is None:
            return
        text = cache.normalized(question)
        vector = cache.vectors.get(text)
        if vector is None:
            vector = await self._vector(text, looked, caller)
            if vector is None:
                return
            cache.vectors[text] = vector
        looked.meaning = Meaning(self._partition(case, cache), vector)
        found = list(cache.near(looked.meaning, spec.similarity_threshold, at_s))[: spec.top_k]
        for key, entry, cosine in found:
            if self._verifier is None or await self._same_answer(case, entry, looked, caller):
                cache.served(key)
                looked.entry, looked.similarity = entry, cosine
                return

    async def _vector(self, text: str, looked: Looked, caller: Caller) -> Vector | None:
        if self._embedder is not None:
            request = self._embedder.request((Message("user", text),))
            call = await ask(self._embedder, request, self._policy.reliability, caller)
            response = looked.add(call, "embed", self._embedder.alias).response
            return None if response is None or response.vector is None else unpack(response.vector)
        assert self._embed is not None
        assert isinstance(self._policy.cache, SemanticCache)
        looked.latency_s += self._policy.cache.embed_s
        return _embedded(self._embed, text)

    async def _same_answer(self, case: Case, entry: Entry, looked: Looked, caller: Caller) -> bool:
        assert self._verifier is not None
        request = verifier_request(self._verifier, self._verifier_prompt, case, entry)
        call = await ask(self._verifier, request, self._policy.reliability, caller)
        response = looked.add(call, "verify", self._verifier.alias).response
        said = (response.text or "").split(maxsplit=1) if response is not None else []
        return bool(said) and said[0].strip(".,:;!*\"'").casefold() == "yes"

    def _key(self, case: Case, cache: PolicyCache) -> str:
        return cache.key(keyed_messages(case, cache.spec.key, self._prompts), self._constants_of(case, cache))

    def _partition(self, case: Case, cache: PolicyCache) -> str:
        """All of the key but the question itself."""
        return self._key(_without_question(case), cache)

    def _constants_of(self, case: Case, cache: PolicyCache) -> str:
        constants = self._constants if cache.spec.key == "request" else ""
        if not cache.spec.vary_by:
            return constants
        return canonical_json([constants, [case.vars.get(name) for name in cache.spec.vary_by]])


def embed_request(policy: Policy, case: Case) -> Request | None:
    """Return what the cache's embedder is asked about a case; None where nobody is asked."""
    spec = policy.cache
    question = _question(case)
    if not isinstance(spec, SemanticCache) or "embedder" not in spec.helpers or question is None:
        return None
    text = compile_rules(spec.normalize)(question)
    return policy.deployments[spec.embedder].request((Message("user", text),))


def verifier_request(verifier: Deployment, prompt: Prompt, case: Case, entry: Entry) -> Request:
    """Return what the verifier is asked about serving ``entry`` for ``case``: once, whatever the trial."""
    told = {"stored_question": entry.asked, "stored_answer": entry.response.text or ""}
    both = Case(id=case.id, input=question_text(case), vars=told)
    return verifier.request(prompt.render(both))


def _question(case: Case) -> str | None:
    """The last message, where a user says it: a tool's result is nothing to compare by its meaning."""
    if case.messages is None:
        return case.input
    return case.messages[-1].content if case.messages[-1].role == "user" else None


def _without_question(case: Case) -> Case:
    if case.messages is None:
        return case.model_copy(update={"input": ""})
    last = case.messages[-1]
    blank = Message(last.role, "", last.name, last.tool_calls, last.tool_call_id)
    return case.model_copy(update={"messages": (*case.messages[:-1], blank)})


def _embedded(embed: EmbedFunction, text: str) -> tuple[float, ...]:
    try:
        vectors: object = embed([text])
    except (Exception, SystemExit) as error:
        raise CannotJudge(
            f"the cache's embedder raised {type(error).__name__}: {error}; nothing was judged"
        ) from error
    listed = listed_in(vectors)
    numbers = numbers_in(listed[0]) if len(listed) == 1 else None
    if numbers is None:
        raise CannotJudge(
            f"the cache's embedder returned {type(vectors).__name__} and not one list of finite numbers for "
            "one text; mend it and run again: nothing was judged"
        )
    return numbers
