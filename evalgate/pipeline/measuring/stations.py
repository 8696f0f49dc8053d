"""What each deployment of a policy can do at most, as traffic meets it."""

from evalgate.core.load import Collector, LoadLevel, Station, StepTime
from evalgate.core.numbers import Unmeasured
from evalgate.core.policy import Deployment, Policy
from evalgate.core.service_time_file import FittedStepTimeFile, ServiceTime


def stations_of(policy: Policy) -> tuple[Station, ...]:
    """Return one station a deployment, in the policy's order."""
    return tuple(_station(alias, each) for alias, each in policy.deployments.items())


def _station(alias: str, deployment: Deployment) -> Station:
    limits = deployment.limits
    engine = None if deployment.service_time is None else step_time(deployment.service_time)
    collects = _collector(deployment)
    if limits is None:
        return Station(alias, engine=engine, collects=collects)
    return Station(
        name=alias,
        requests_per_s=None if limits.rpm is None else limits.rpm / 60,
        tokens_per_s=None if limits.tpm is None else limits.tpm / 60,
        slots=limits.max_concurrency if engine is None else None,
        engine=engine,
        collects=collects,
    )


def _collector(deployment: Deployment) -> Collector | None:
    written = deployment.microbatch
    return Collector(written.window_s, written.max_size) if written is not None and written.window_s else None


def step_time(written: ServiceTime) -> StepTime:
    """Return the step time of an engine, fitted where it was measured at several levels."""
    if not isinstance(written, FittedStepTimeFile):
        return StepTime(
            written.step_s, written.per_running_s, written.per_prefill_token_s, written.max_running
        )
    levels = [
        LoadLevel(each.concurrency, each.ttft_s, each.tpot_s, each.input_tokens, each.output_tokens)
        for each in written.levels
    ]
    from evalgate.scoring.load.fit import fit_step_time  # noqa: PLC0415  numpy

    fit = fit_step_time(levels, written.max_running)
    # The loader has refused levels that do not differ.
    assert not isinstance(fit, Unmeasured)
    return fit.step
