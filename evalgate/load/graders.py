"""From the graders of a suite file to graders that are ready: files read, functions and models found."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from evalgate.core.calls import RequestKind
from evalgate.core.digest import DigestFrame
from evalgate.core.errors import BadInput, Problem
from evalgate.core.policy import Deployment, EmbedFunction, Policy
from evalgate.core.policy_file import DeploymentFile
from evalgate.core.providers_file import FunctionProvider, ProviderFile, is_local
from evalgate.core.suite import Grader
from evalgate.core.suite_file import (
    FunctionGrader,
    GraderFile,
    JsonSchemaGrader,
    JudgeGrader,
    SimilarityGrader,
    SuiteFile,
)
from evalgate.load.code.functions import as_grader, source_sha256
from evalgate.load.findings import Findings
from evalgate.load.grader_checks import grader_keys
from evalgate.load.policy_files.hosting import PriceSite, load_price
from evalgate.load.policy_files.policies import PolicyShelf
from evalgate.load.policy_files.revisions import load_revision
from evalgate.load.syntax.documents import Document, read_json, read_text, read_yaml
from evalgate.load.syntax.paths import resolve
from evalgate.load.syntax.yaml_text import KeyPath

_RUBRIC_FILES = (".md", ".txt")
_SCHEMA = dict[str, Any]
_SCHEMA_CURE = (
    "drafts 4 to 2020-12 are read; $ref may point inside the schema only, and patterns have no look-around"
)

_TRIED_ALIKE = "how often and how long a grader's model is tried is the same for all of them"
_AT_ONCE = "a grader's model is asked at once, one answer at a time"
_OF_POLICIES: Mapping[str, str] = {
    "num_retries": _TRIED_ALIKE,
    "request_timeout_s": _TRIED_ALIKE,
    "batch": _AT_ONCE,
    "microbatch": _AT_ONCE,
}


@dataclass(frozen=True, slots=True)
class LoadedGrader:
    """A grader with the key it was written under and the hash of its code, where it has any."""

    key: KeyPath
    grader: Grader
    source: str | None = None


@dataclass(frozen=True, slots=True)
class GraderLoader:
    """Everything that loading the graders of one suite needs."""

    document: Document[SuiteFile]
    shelf: PolicyShelf
    findings: Findings

    def load(self) -> tuple[LoadedGrader, ...]:
        """Return the graders that have no problem; the problems of the others are noted."""
        loaded = (self._load(key, spec) for key, spec in grader_keys(self.document.value))
        return tuple(each for each in loaded if each is not None)

    def _load(self, key: KeyPath, spec: GraderFile) -> LoadedGrader | None:
        match spec:
            case FunctionGrader():
                return self._function(key, spec)
            case JsonSchemaGrader():
                return self._json_schema(key, spec)
            case JudgeGrader():
                return self._judge(key, spec)
            case SimilarityGrader():
                return self._similarity(key, spec)
            case _:
                return LoadedGrader(key, Grader(spec))

    def _function(self, key: KeyPath, spec: FunctionGrader) -> LoadedGrader | None:
        function = self._attempt((*key, "path"), lambda: self.findings.import_function(spec.path))
        if function is None:
            return None
        grader = Grader(spec, function=as_grader(function, self.document.value.correct_at or 1.0))
        return LoadedGrader(key, grader, source_sha256(function))

    def _judge(self, key: KeyPath, spec: JudgeGrader) -> LoadedGrader | None:
        rubric = self._attempt((*key, "rubric"), lambda: self._rubric(spec.rubric))
        deployment = self._deployment((*key, "deployment"), spec.deployment, "chat")
        if rubric is None or deployment is None:
            return None
        resolved = spec.model_copy(update={"rubric": rubric})
        return LoadedGrader(key, Grader(resolved, deployment=deployment))

    def _similarity(self, key: KeyPath, spec: SimilarityGrader) -> LoadedGrader | None:
        written = spec.embedder
        if isinstance(written, DeploymentFile):
            deployment = self._deployment((*key, "embedder"), written, "embed")
            return None if deployment is None else LoadedGrader(key, Grader(spec, deployment=deployment))
        embed = self._attempt((*key, "embedder"), lambda: self.findings.import_function(written))
        if embed is None:
            return None
        grader = Grader(spec, embed=cast("EmbedFunction", embed))
        return LoadedGrader(key, grader, source_sha256(embed))

    def _json_schema(self, key: KeyPath, spec: JsonSchemaGrader) -> LoadedGrader | None:
        schema = self._attempt((*key, "schema"), lambda: self._schema(spec.json_schema))
        if schema is None:
            return None
        return LoadedGrader(key, Grader(spec.model_copy(update={"json_schema": schema})))

    def _rubric(self, written: str) -> str:
        if "\n" in written or not written.endswith(_RUBRIC_FILES):
            return written
        path = self._resolve(written)
        text = read_text(path, self.findings.shown(path))
        if not text.strip():
            raise BadInput([Problem("the rubric's file is empty", "write in it what a good answer is")])
        return text

    def _schema(self, written: dict[str, Any] | str) -> dict[str, Any]:
        schema: dict[str, Any]
        if isinstance(written, str):
            path = self._resolve(written)
            shown = self.findings.shown(path)
            is_yaml = path.suffix in {".yaml", ".yml"}
            schema = read_yaml(path, _SCHEMA, shown).value if is_yaml else read_json(path, _SCHEMA, shown)
        else:
            schema = written
        if error := schema_error(schema):
            raise BadInput([Problem(f"not a JSON Schema: {error}", _SCHEMA_CURE)])
        return schema

    def _resolve(self, written: str) -> Path:
        return resolve(written, self.document.path.parent, self.findings.root)

    def _deployment(self, key: KeyPath, written: DeploymentFile, kind: RequestKind) -> Deployment | None:
        before = len(self.findings.problems)
        provider = self._attempt((*key, "provider"), lambda: self.shelf.provider(written.provider))
        if written.prompt is not None:
            message = "a grader's model has no prompt of its own: it is told what to do by the grader"
            cure = "remove it; what a judge should look at stands in rubric"
            self.findings.problems.append(self.document.problem((*key, "prompt"), message, cure))
        for name, message in _OF_POLICIES.items():
            if getattr(written, name) is not None:
                self.findings.problems.append(self.document.problem((*key, name), message, "remove it"))
        folder = self.document.path.parent
        price = load_price(written.price, PriceSite(self.document, (*key, "price"), folder), self.findings)
        revision = self._attempt(
            (*key, "revision"), lambda: load_revision(written, provider, folder, self.findings)
        )
        if len(self.findings.problems) > before:
            return None
        in_process = isinstance(provider, FunctionProvider)
        asked: RequestKind = "function" if in_process and kind == "chat" else kind
        identity = {
            "provider": written.provider,
            "model": written.model,
            "revision": revision,
            "quantization": written.quantization,
        }
        params = written.params or {}
        return Deployment(
            alias=".".join(map(str, key[:-1])),
            kind=asked,
            provider=written.provider,
            model=written.model,
            revision=revision,
            quantization=written.quantization,
            prompt=(),
            params=params,
            price=price,
            frame=DigestFrame(asked, identity, params),
            limits=written.limits,
        )

    def _attempt(self, key: KeyPath, load: Callable[[], Any]) -> Any:
        return self.findings.attempt_at(self.document, key, load)


def check_judges(
    document: Document[SuiteFile], graders: Iterable[LoadedGrader], policies: Sequence[Policy]
) -> Iterator[Problem]:
    """Yield each judge that would grade its own answers: models prefer what they wrote themselves."""
    tested = {
        (deployment.provider, deployment.model): f"{policy.file}, deployment {deployment.alias}"
        for policy in policies
        for deployment in policy.deployments.values()
    }
    for each in graders:
        spec, judge = each.grader.spec, each.grader.deployment
        if not isinstance(spec, JudgeGrader) or judge is None or spec.allow_self:
            continue
        if where := tested.get((judge.provider, judge.model)):
            message = f"{judge.provider}/{judge.model} is under test itself ({where})"
            cure = "choose another model as judge, or write allow_self: true and know that it favours itself"
            yield document.problem((*each.key, "deployment"), message, cure)


def grader_json(loaded: LoadedGrader) -> dict[str, object]:
    """Return what of a grader decides a grade: not the price of its model."""
    spec = loaded.grader.spec.model_dump(mode="json")
    for key in ("deployment", "embedder"):
        if isinstance(spec.get(key), dict):
            spec[key] = {name: value for name, value in spec[key].items() if name != "price"}
    deployment = loaded.grader.deployment
    revision = None if deployment is None else deployment.revision
    return {**spec, "source": loaded.source, "resolved_revision": revision}


def schema_error(schema: dict[str, Any]) -> str | None:
    """Return why ``schema`` cannot be used as a JSON Schema, or None when it can."""
    # 40 ms to import, which only suites with this grader pay.
    import jsonschema_rs  # noqa: PLC0415

    try:
        linear = jsonschema_rs.RegexOptions()
        jsonschema_rs.validator_for(schema, pattern_options=linear, offline=True)
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        return str(error).partition("\n")[0][:200]
    return None


def check_texts(
    document: Document[SuiteFile], graders: Sequence[LoadedGrader], providers: Mapping[str, ProviderFile]
) -> Iterator[Problem]:
    """Yield each judge or embedder that a suite without kept texts would send its texts to."""
    if document.value.texts == "all":
        return
    for each in graders:
        model = each.grader.deployment
        if model is not None and not is_local(providers.get(model.provider)):
            message = f"texts: none keeps texts on this machine, and provider {model.provider!r} is not on it"
            cure = "name a model at 127.0.0.1 or a function of yours, or grade without asking a model"
            yield document.problem(each.key, message, cure)
