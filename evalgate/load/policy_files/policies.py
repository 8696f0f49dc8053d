"""From a policy file to a Policy: references resolved, files read, everything checked that needs no case."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from evalgate.core.digest import DigestFrame
from evalgate.core.errors import BadInput, Problem
from evalgate.core.messages import Message
from evalgate.core.policy import Cascade, Deployment, EmbedFunction, Policy, Router
from evalgate.core.policy_file import DeploymentFile, PolicyFile, SemanticCache
from evalgate.core.providers_file import LitellmProvider, ProviderFile, request_kind, steers_litellm
from evalgate.load.findings import Findings
from evalgate.load.policy_files.cascades import check_asked, load_cascade
from evalgate.load.policy_files.fingerprint import with_fingerprint
from evalgate.load.policy_files.hosting import PriceSite, load_price
from evalgate.load.policy_files.policy_checks import check_policy
from evalgate.load.policy_files.policy_documents import read_policy
from evalgate.load.policy_files.prompts import load_prompt
from evalgate.load.policy_files.revisions import load_revision
from evalgate.load.policy_files.routers import load_router, source_key
from evalgate.load.policy_files.service_times import load_service_time
from evalgate.load.syntax.documents import Document
from evalgate.load.syntax.suggest import did_you_mean
from evalgate.load.syntax.yaml_text import KeyPath


@dataclass(frozen=True, slots=True)
class LoadedPolicy:
    """A policy with the file it came from, for problems that only show beside other policies or cases.

    ``notes`` say what the config that it was read from does beside what is judged.
    """

    document: Document[PolicyFile]
    policy: Policy
    notes: tuple[Problem, ...] = ()


class PolicyShelf:
    """Every policy of a project that anything asked for, read once."""

    def __init__(self, findings: Findings, providers: Mapping[str, ProviderFile] | None) -> None:
        """Read policies that may use ``providers``; None when evalgate.yaml itself could not be read."""
        self._findings = findings
        self._providers = providers
        self._loaded: dict[Path, LoadedPolicy | None] = {}
        self._asked_by_graders: set[str] = set()

    def load(self, path: Path, family: Path) -> LoadedPolicy | None:
        """Return the policy in ``path``, or None with its problems noted."""
        known = path.resolve()
        if known not in self._loaded:
            self._loaded[known] = self._load(path, family)
        return self._loaded[known]

    def loaded(self) -> tuple[LoadedPolicy, ...]:
        """Return every policy read so far that has no problem of its own."""
        return tuple(each for each in self._loaded.values() if each is not None)

    def provider(self, name: str) -> ProviderFile | None:
        """Return the provider that a grader asks for, from now on used; None where evalgate.yaml has none.

        Raises:
            BadInput: evalgate.yaml can be read and has other providers only.

        """
        self._asked_by_graders.add(name)
        if self._providers is None or name in self._providers:
            return (self._providers or {}).get(name)
        raise BadInput([Problem(*_no_provider(name, self._providers))])

    def providers_used(self) -> frozenset[str]:
        """Return the providers of every policy and grader read so far."""
        policies = (each.policy for each in self._loaded.values() if each is not None)
        used = frozenset(one.provider for policy in policies for one in policy.deployments.values())
        return used | self._asked_by_graders

    def _load(self, path: Path, family: Path) -> LoadedPolicy | None:
        findings = self._findings
        before = len(findings.problems)
        shown = findings.shown(path)
        read = findings.attempt(lambda: read_policy(path, shown, self._providers, findings))
        if read is None:
            return None
        document = read.document
        findings.problems.extend(check_policy(document))
        deployments = self._deployments(document)
        router = self._router(document)
        cascade = self._cascade(document)
        embed = self._embed_function(document)
        findings.problems.extend(check_asked(document, deployments))
        if len(findings.problems) > before:
            return None
        policy = _assemble(document, family, deployments, (router, cascade), findings)
        policy = replace(policy, embed=embed, not_judged=read.not_judged)
        return LoadedPolicy(document, with_fingerprint(policy), read.notes)

    def _embed_function(self, document: Document[PolicyFile]) -> EmbedFunction | None:
        cache = document.value.cache
        if not isinstance(cache, SemanticCache) or "embedder" in cache.helpers:
            return None
        found = self._findings.attempt_at(
            document, ("cache", "embedder"), lambda: self._findings.import_function(cache.embedder)
        )
        return cast("EmbedFunction | None", found)

    def _cascade(self, document: Document[PolicyFile]) -> Cascade | None:
        spec = document.value.cascade
        if spec is None:
            return None
        key = ("cascade", "confidence", "path")
        return self._findings.attempt_at(document, key, lambda: load_cascade(spec, self._findings))

    def _router(self, document: Document[PolicyFile]) -> Router | None:
        spec, folder = document.value.router, document.path.parent
        if spec is None:
            return None
        key = ("router", source_key(spec))
        return self._findings.attempt_at(document, key, lambda: load_router(spec, folder, self._findings))

    def _deployments(self, document: Document[PolicyFile]) -> dict[str, Deployment]:
        findings, folder, written = self._findings, document.path.parent, document.value
        shared = findings.attempt_at(
            document, ("prompt",), lambda: load_prompt(written.prompt, folder, findings)
        )
        return {alias: self._deployment(document, alias, shared or ()) for alias in written.deployments}

    def _deployment(
        self, document: Document[PolicyFile], alias: str, shared: tuple[Message, ...]
    ) -> Deployment:
        findings, folder, written = self._findings, document.path.parent, document.value
        each, key = written.deployments[alias], ("deployments", alias)
        helpers = written.cache.helpers if isinstance(written.cache, SemanticCache) else {}
        provider = self._provider(document, alias)
        revision = _attempt_revision(findings, document, alias, provider)
        own = findings.attempt_at(document, (*key, "prompt"), _prompt_loader(each, folder, findings))
        prompt = own if each.prompt is not None or alias in helpers.values() else shared
        # What the policy sends with its own questions is not for embedders and verifiers.
        params = {**({} if alias in helpers.values() else written.params), **(each.params or {})}
        findings.problems.extend(_steering(document, alias, provider))
        kind = "embed" if alias == helpers.get("embedder") else request_kind(provider)
        identity = {
            "provider": each.provider,
            "model": each.model,
            "revision": revision,
            "quantization": each.quantization,
        }
        return Deployment(
            alias=alias,
            kind=kind,
            provider=each.provider,
            model=each.model,
            revision=revision,
            quantization=each.quantization,
            prompt=prompt or (),
            params=params,
            price=load_price(each.price, PriceSite(document, (*key, "price"), folder), findings),
            frame=DigestFrame(kind, identity, params),
            limits=each.limits,
            service_time=load_service_time(document, alias, findings),
            prompt_cache=each.prompt_cache,
            batch=each.batch,
            microbatch=each.microbatch,
            num_retries=each.num_retries,
            request_timeout_s=each.request_timeout_s,
        )

    def _provider(self, document: Document[PolicyFile], alias: str) -> ProviderFile | None:
        name = document.value.deployments[alias].provider
        if self._providers is None or name in self._providers:
            return (self._providers or {}).get(name)
        message, cure = _no_provider(name, self._providers)
        self._findings.problems.append(document.problem(("deployments", alias, "provider"), message, cure))
        return None


def _no_provider(name: str, providers: Mapping[str, ProviderFile]) -> tuple[str, str]:
    cure = did_you_mean(name, providers, "evalgate.yaml has")
    if not cure:
        cure = f"declare it in evalgate.yaml, as in providers: {{{name}: {{kind: openai, origin: …}}}}"
    return f"evalgate.yaml has no provider {name!r}", cure


def _steering(document: Document[PolicyFile], alias: str, provider: ProviderFile | None) -> Iterator[Problem]:
    """Yield params that would steer litellm itself: a policy does not say where calls go."""
    if not isinstance(provider, LitellmProvider):
        return
    written = document.value
    own = written.deployments[alias].params or {}
    keys: dict[str, KeyPath] = {name: ("params", name) for name in written.params}
    keys |= {name: ("deployments", alias, "params", name) for name in own}
    for name, key in keys.items():
        if steers_litellm(name):
            cure = "remove it; what litellm needs stands in evalgate.yaml, under the provider's settings"
            yield document.problem(key, f"{name!r} would steer litellm and never reach the model", cure)


def _identity(written: DeploymentFile, revision: str | None) -> dict[str, object]:
    named: dict[str, object] = {"provider": written.provider, "model": written.model}
    return {**named, "revision": revision, "quantization": written.quantization}


def _prompt_loader(
    written: DeploymentFile, folder: Path, findings: Findings
) -> Callable[[], tuple[Message, ...]]:
    return lambda: load_prompt(written.prompt, folder, findings)


def _attempt_revision(
    findings: Findings, document: Document[PolicyFile], alias: str, provider: ProviderFile | None
) -> str | None:
    written, folder = document.value.deployments[alias], document.path.parent
    return findings.attempt_at(
        document,
        ("deployments", alias, "revision"),
        lambda: load_revision(written, provider, folder, findings),
    )


def _assemble(
    document: Document[PolicyFile],
    family: Path,
    deployments: Mapping[str, Deployment],
    chosen_by: tuple[Router | None, Cascade | None],
    findings: Findings,
) -> Policy:
    written = document.value
    router, cascade = chosen_by
    helpers = written.cache.helpers.values() if isinstance(written.cache, SemanticCache) else ()
    only = next(alias for alias in deployments if alias not in helpers)
    alone = router is None and cascade is None
    return Policy(
        name=document.path.stem,
        family=family.name,
        file=findings.from_root(document.path),
        digest="",
        deployments=deployments,
        cache=written.cache,
        router=router,
        use=only if alone and written.use is None else written.use,
        reliability=written.reliability,
        response=written.response,
        cascade=cascade,
    )
