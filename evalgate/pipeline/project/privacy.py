"""What of a suite's calls may be kept: no secrets anywhere, and of some suites no texts at all."""

import hashlib
import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Literal

from evalgate.core.calls import Call, Caller, Request
from evalgate.core.errors import BadInput, CannotJudge, Problem
from evalgate.core.found_secrets import FoundSecret, secret_in
from evalgate.core.outcome import Answer, Graded
from evalgate.core.policy_file import Reliability
from evalgate.core.report_data import CallText
from evalgate.core.run import Run
from evalgate.core.suite import Project, Suite
from evalgate.pipeline.project.texts import Texts

DIGEST_KEY = "EVALGATE_DIGEST_KEY"
_SHORTEST_KEY = 16


@dataclass(frozen=True, slots=True, repr=False)
class Privacy:
    """The rules of one suite. ``digest_key`` is set exactly when ``texts`` is none."""

    suite: Suite
    root: Path
    texts: Literal["all", "none"]
    digest_key: bytes | None
    keys: tuple[str, ...]
    allowed: frozenset[str]

    @classmethod
    def of(cls, project: Project, suite: Suite, environ: Mapping[str, str]) -> "Privacy":
        """Return the rules of ``suite``.

        Raises:
            BadInput: no text may be kept, and there is no key to make digests with.

        """
        names = (getattr(provider, "key_env", None) for provider in project.providers.values())
        keys = (environ.get(name, "").strip() for name in names if name is not None)
        return cls(
            suite=suite,
            root=project.root,
            texts=suite.texts,
            digest_key=_digest_key(suite, environ) if suite.texts == "none" else None,
            keys=tuple(key for key in keys if key),
            allowed=frozenset(project.allow_findings),
        )

    def keyed(self, caller: Caller) -> Caller:
        """Return a caller for which digests tell nothing to who lacks the key: short texts can be guessed."""
        return caller if self.digest_key is None else _Keyed(caller, self.digest_key)

    def guarded(self, caller: Caller) -> Caller:
        """Return a caller that refuses to hand on a call in which a secret would be kept."""
        return caller if self.texts == "none" else _Guarded(caller, self)

    def scrubbed(self, run: Run) -> Run:
        """Return the run as it may be written and shown: without texts where none may be kept."""
        if self.texts == "all":
            return run
        manifest = replace(run.manifest, labels=())
        return replace(run, manifest=manifest, results=tuple(map(_without_texts, run.results)))

    def refuse(self, found: FoundSecret, where: str) -> None:
        """Refuse to keep ``found``.

        Raises:
            CannotJudge: always.

        """
        place = _place_of(found.secret, self.suite, self.root)
        raise CannotJudge(
            f"{place or where}: holds {found.kind}, and nothing that holds one is written\n"
            f"    remove it{'' if place else ' from what is asked or answered'}; if it is no secret, "
            f"write allow_findings: [{found.id}] in evalgate.yaml"
        )


def refuse_secrets(project: Project, texts: Texts, environ: Mapping[str, str]) -> None:
    """Refuse to show texts that hold a secret.

    Raises:
        CannotJudge: one of them does; says in which file and line, as far as it stands in one.

    """
    for suite in project.suites:
        if suite.texts == "none":
            continue
        privacy = Privacy.of(project, suite, environ)
        asked = texts.inputs.get(suite.name, {})
        said = (text for call in texts.calls.values() for text in _kept_texts(call))
        shown = [(f"suite {suite.name}, case {name}", text) for name, text in asked.items()]
        for where, text in chain(shown, ((f"suite {suite.name}, a recorded call", text) for text in said)):
            if (found := secret_in(text, privacy.keys, privacy.allowed)) is not None:
                privacy.refuse(found, where)


@dataclass(frozen=True, slots=True, repr=False)
class _Keyed:
    inner: Caller
    key: bytes

    async def __call__(self, request: Request, rules: Reliability) -> Call:
        digest = hmac.new(self.key, request.digest.encode(), hashlib.sha256).hexdigest()
        return await self.inner(replace(request, digest=digest), rules)


@dataclass(frozen=True, slots=True, repr=False)
class _Guarded:
    inner: Caller
    privacy: Privacy

    async def __call__(self, request: Request, rules: Reliability) -> Call:
        privacy = self.privacy
        which = f"suite {privacy.suite.name}, call {request.digest[:12]}"
        # Before it is sent: what must not be kept should not be paid for either.
        for text in _asked(request):
            if (found := secret_in(text, privacy.keys, privacy.allowed)) is not None:
                privacy.refuse(found, f"{which}: what is asked")
        call = await self.inner(request, rules)
        for text in _answered(call):
            if (found := secret_in(text, privacy.keys, privacy.allowed)) is not None:
                privacy.refuse(found, f"{which}: the answer")
        return call


def _kept_texts(call: CallText) -> Iterator[str]:
    yield call.answer or ""
    yield from (message.content for message in call.messages if message.content)


def _asked(request: Request) -> Iterator[str]:
    for message in request.messages:
        if message.content:
            yield message.content
        yield from (call.arguments for call in message.tool_calls)


def _answered(call: Call) -> Iterator[str]:
    response = call.response
    if response is not None:
        if response.text:
            yield response.text
        yield from (each.arguments for each in response.tool_calls)


def _without_texts(graded: Graded) -> Graded:
    result, grade = graded.outcome.result, graded.grade
    if isinstance(result, Answer):
        result = Answer("", finish_reason=result.finish_reason)
    return replace(
        graded,
        outcome=replace(graded.outcome, result=result),
        grade=None if grade is None else replace(grade, reason="", label=None),
        target=None,
    )


def _digest_key(suite: Suite, environ: Mapping[str, str]) -> bytes:
    key = environ.get(DIGEST_KEY, "")
    if len(key) < _SHORTEST_KEY:
        said = "is not set" if not key else f"is shorter than {_SHORTEST_KEY} characters"
        cure = "set it to a random secret that your team shares, as from: openssl rand -hex 32"
        message = f"no text may be kept, so digests need a key, and {DIGEST_KEY} {said}"
        raise BadInput([Problem(message, cure, suite.file, key="texts")])
    return key.encode()


def _place_of(secret: str, suite: Suite, root: Path) -> str | None:
    """Return file and line of a secret that stands in the suite's own files or beside its policies."""
    policies = [policy for policy in (suite.baseline, *suite.proposals) if policy is not None]
    folders = [
        suite.folder,
        suite.folder / "recordings",
        *dict.fromkeys((root / policy.file).parent for policy in policies),
    ]
    for folder in folders:
        for path in sorted(folder.glob("*.*")):
            if path.suffix in {".jsonl", ".json", ".yaml", ".yml", ".txt", ".md", ".csv"}:
                for number, line in enumerate(path.read_bytes().splitlines(), 1):
                    if secret.encode(errors="replace") in line:
                        return f"{path.relative_to(root) if path.is_relative_to(root) else path}:{number}"
    return None
