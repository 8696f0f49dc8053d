"""What a commit already knows about a policy's parts rules both sides: prices and declared times.

Otherwise a proposal could win by declaring its model cheaper or its router faster.
"""

from collections.abc import Mapping
from dataclasses import replace

from evalgate.core.policy import Deployment, Policy, Router
from evalgate.core.policy_file import CacheFile, Price, SemanticCache
from evalgate.core.router_file import ColumnRouter
from evalgate.core.suite import Project


def as_known(policy: Policy, old: Policy) -> Policy:
    """Return ``policy`` with the prices and times that ``old`` declares for what both of them have."""
    before = {each.identity: each for each in old.deployments.values()}
    deployments = {
        alias: _as_known(each, before[each.identity]) if each.identity in before else each
        for alias, each in policy.deployments.items()
    }
    cache, router = policy.cache, policy.router
    if cache is not None and old.cache is not None:
        cache = cache.model_copy(update={"lookup_s": old.cache.lookup_s})
        if _same_embedder(cache, old.cache):
            cache = cache.model_copy(update={"embed_s": getattr(old.cache, "embed_s", 0.0)})
    if router is not None and old.router is not None and _same_score(router, old.router):
        spec = router.spec.model_copy(update={"decide_s": old.router.spec.decide_s})
        router = replace(router, spec=spec)
    cascade, asked = policy.cascade, old.cascade
    if cascade is not None and asked is not None and cascade.spec.confidence == asked.spec.confidence:
        spec_known = cascade.spec.model_copy(update={"check_s": asked.spec.check_s})
        cascade = replace(cascade, spec=spec_known)
    return replace(policy, deployments=deployments, cache=cache, router=router, cascade=cascade)


def _as_known(deployment: Deployment, old: Deployment) -> Deployment:
    """Return a deployment at the price, and with the provider's terms of caching, that are known of it.

    Whether prompts are cached, what of them and for how long is asked for by the policy; the rest is not. So
    are the use and the window of a batch API, and its discount is not.
    """
    kept, known = deployment.prompt_cache, old.prompt_cache
    if kept is not None and known is not None:
        terms = {name: getattr(known, name) for name in ("block_tokens", "min_tokens", "capacity_tokens")}
        kept = kept.model_copy(update=terms)
    batch = deployment.batch
    if batch is not None and old.batch is not None:
        batch = batch.model_copy(update={"price_factor": old.batch.price_factor})
    return replace(deployment, price=old.price, prompt_cache=kept, batch=batch)


def claimed_prices(known: Project, tree: Project) -> Mapping[str, Price]:
    """Return what only the working tree's ``prices.yaml`` says, about models that the commit does not use."""
    used = {
        name
        for suite in known.suites
        if suite.baseline is not None
        for each in suite.baseline.deployments.values()
        for name in (each.model, f"{each.provider}/{each.model}")
    }
    return {
        name: price
        for name, price in tree.prices.items()
        if name not in used and name not in known.prices and name.partition("/")[2] not in known.prices
    }


def _same_embedder(cache: CacheFile, old: CacheFile) -> bool:
    both = isinstance(cache, SemanticCache) and isinstance(old, SemanticCache)
    return both and getattr(cache, "embedder", None) == getattr(old, "embedder", None)


def _same_score(router: Router, old: Router) -> bool:
    if router.spec.kind != old.spec.kind:
        return False
    if (router.classifier, router.hard_classifier) != (old.classifier, old.hard_classifier):
        return False
    if isinstance(router.spec, ColumnRouter) and isinstance(old.spec, ColumnRouter):
        return router.spec.column == old.spec.column
    return getattr(router.spec, "path", None) == getattr(old.spec, "path", None)
