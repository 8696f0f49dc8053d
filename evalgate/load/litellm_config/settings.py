"""What every setting of a LiteLLM config means to a gate: read, of no bearing, told, or refused.

``READ`` settings become part of the policy. ``ASIDE`` ones change no answer, cost or time that a user sees
(logs, keys, budgets of users, the admin's pages). ``told`` ones may change something that evalgate does not
do as well, and are named. ``refused`` ones would make the gate judge something else than what serves; a
policy says that it knows by ``without``. Names follow litellm's ``Router`` and its proxy's config.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Bearing = Literal["read", "aside", "told", "refused"]


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a setting means to a gate, and why, as a sentence without its subject."""

    bearing: Bearing
    why: str = ""


_READ, _ASIDE = Meaning("read"), Meaning("aside")
UNKNOWN = Meaning("told", "is not known to evalgate and changes nothing in what is judged")


def _all(names: str, meaning: Meaning) -> dict[str, Meaning]:
    return dict.fromkeys(names.split(), meaning)


_CHOOSES = Meaning("told", "chooses among deployments while serving, which is not judged")
_BUDGET = Meaning("told", "stops serving when money is spent, which is not judged")
_CHANGES = Meaning("told", "changes what is sent; here everything in the policy's params is sent as it is")
_HOOKS = Meaning("refused", "may change or block requests and answers, and evalgate does not run it")

ROUTER: Mapping[str, Meaning] = {
    **_all(
        "model_list num_retries timeout stream_timeout default_litellm_params default_max_parallel_requests"
        " default_fallbacks fallbacks context_window_fallbacks content_policy_fallbacks max_fallbacks"
        " model_group_alias retry_after retry_policy model_group_retry_policy cache_responses cache_kwargs"
        " redis_url redis_host redis_port redis_password redis_db routing_strategy routing_strategy_args"
        " allowed_fails allowed_fails_policy cooldown_time disable_cooldowns",
        _READ,
    ),
    **_all(
        "assistants_config search_tools client_ttl polling_interval default_priority set_verbose debug_level"
        " alerting_config router_general_settings ignore_invalid_deployments fallback_access_check"
        " fallback_budget_check auto_router_capability_limit deployment_affinity_ttl_seconds"
        " background_health_check_model_groups",
        _ASIDE,
    ),
    **_all(
        "enable_pre_call_checks enable_tag_filtering tag_filtering_match_any tag_routing_prefix"
        " optional_pre_call_checks routing_groups model_group_affinity_config enable_health_check_routing"
        " health_check_staleness_threshold health_check_ignore_transient_errors enable_weighted_failover"
        " weights",
        _CHOOSES,
    ),
    "provider_budget_config": _BUDGET,
    "caching_groups": Meaning("told", "lets groups share cached answers; here a policy has one cache"),
    **_all("plugins guardrail_list", _HOOKS),
}
ROUTER_ARGUMENTS = frozenset(ROUTER)

MODULE: Mapping[str, Meaning] = {
    **_all(
        "num_retries request_timeout fallbacks default_fallbacks context_window_fallbacks"
        " content_policy_fallbacks max_fallbacks cache cache_params default_redis_ttl allowed_fails"
        " cooldown_time",
        _READ,
    ),
    **_all(
        "success_callback failure_callback service_callback service_callbacks audit_log_callbacks"
        " turn_off_message_logging redact_user_api_key_info redact_messages_in_exceptions"
        " langfuse_default_tags set_verbose json_logs force_ipv4 ssl_verify mcp_aliases telemetry"
        " disable_end_user_cost_tracking disable_end_user_cost_tracking_prometheus_only"
        " key_generation_settings default_team_settings upperbound_key_generate_params key_alias_pattern"
        " default_internal_user_params max_internal_user_budget default_max_internal_user_budget"
        " internal_user_budget_duration max_ui_session_budget budget_reset_time s3_callback_params"
        " s3_audit_callback_params store_audit_logs expose_router_debug_in_errors suppress_debug_info"
        " add_user_information_to_llm_headers model_group_settings public_model_groups"
        " disable_hf_tokenizer_download enable_key_alias_format_validation enable_redis_auth_cache"
        " custom_prometheus_metadata_labels custom_prometheus_tags prometheus_initialize_budget_metrics"
        " responses",
        _ASIDE,
    ),
    **_all("max_budget budget_duration", _BUDGET),
    "drop_params": Meaning(
        "told", "drops params that a model does not know; here the model's refusal of one counts as a failure"
    ),
    "modify_params": _CHANGES,
    **_all(
        "enable_json_schema_validation", Meaning("told", "checks replies, which evalgate does not repeat")
    ),
    "enable_caching_on_provider_specific_optional_params": _READ,
    "num_retries_per_request": Meaning("refused", "bounds retries over all fallbacks; here each has its own"),
    **_all("guardrails post_call_rules pre_call_rules custom_provider_map", _HOOKS),
    **_all(
        "global_prompt_directory global_bitbucket_config global_gitlab_config",
        Meaning("told", "holds prompts that requests may name; here the policy's own prompt is sent"),
    ),
    "priority_reservation_settings": _CHOOSES,
}

GENERAL: Mapping[str, Meaning] = {
    "store_model_in_db": Meaning("told", "adds models and settings from a database, which are not read"),
    **_all(
        "max_parallel_requests global_max_parallel_requests",
        Meaning("told", "bounds what the proxy serves at once, which is not judged"),
    ),
    "forward_client_headers_to_llm_api": _CHANGES,
}

TOP: Mapping[str, Meaning] = {
    **_all("model_list litellm_settings router_settings general_settings include callbacks", _READ),
    **_all(
        "callback_settings mcp_servers mcp_tools search_tools sandbox_tools assistant_settings"
        " assistants_config files_settings finetune_settings default_vertex_config vector_store_registry"
        " agents agent_list credential_list environment_variables guardrails",
        _ASIDE,
    ),
    "policies": _HOOKS,
    "policy_attachments": _HOOKS,
    "prompts": Meaning("told", "holds prompts that requests may name; here the policy's own prompt is sent"),
}

DEPLOYMENT: Mapping[str, Meaning] = {
    **_all(
        "model custom_llm_provider api_base base_url api_key rpm tpm max_parallel_requests timeout"
        " request_timeout stream_timeout num_retries weight order cooldown_time",
        _READ,
    ),
    **_all(
        "max_retries tags tag_regex use_in_pass_through configurable_clientside_auth_params max_file_size_mb"
        " default_api_key_tpm_limit default_api_key_rpm_limit keepalive_seconds litellm_trace_id model_info"
        " allow_client_keepalive_override provider_affinity_header use_litellm_proxy output_vector_size"
        " use_chat_completions_api fireworks_forward_user_id",
        _ASIDE,
    ),
    **_all("max_budget budget_duration", _BUDGET),
    "drop_params": MODULE["drop_params"],
    **_all(
        "additional_drop_params allowed_openai_params extra_headers headers modify_params"
        " cache_control_injection_points merge_reasoning_content_in_choices",
        _CHANGES,
    ),
    **_all("itpm otpm", Meaning("told", "bounds tokens by direction; here `limits` has tpm for both")),
    **_all(
        "timeout_by_service_tier stream_timeout_by_service_tier",
        Meaning("told", "gives tiers of service their own timeouts; here there is one"),
    ),
    "mock_response": Meaning("refused", "answers without asking any model"),
    **_all("prompt_id prompt_variables", Meaning("refused", "takes the prompt from elsewhere")),
    **_all("guardrails", _HOOKS),
}
_STRATEGY = re.compile(r"(auto|complexity|adaptive|quality)_router_.*")
_CHOOSING = Meaning("refused", "chooses the model by itself; write the choice as a router of the policy")

# Where a deployment is reached and by whom: matched with the provider in evalgate.yaml, not sent as params.
WHERE = re.compile(
    r"api_version|organization|region_name|tenant_id|client_id|client_secret|litellm_credential_name|"
    r"(vertex|aws|azure|watsonx|s3|gcs|oci|snowflake|databricks|milvus|valkey|vector_store)_.*|bedrock_tags|"
    r"anthropic_(federation|organization|service|identity|issuer|keycloak|disable)_.*|"
    r"openai_(identity|service)_.*|use_xai_oauth|bucket_name|ssl_verify"
)
SECRET = re.compile(
    r"(.*_)?(api_key|secret|password|secret_key|access_key|session_token|ad_token|master_key|license)"
    r"|(aws_.*|s3_aws_.*)(key|token|key_id)|.*_api_key|vertex_credentials|database_url|redis_url"
)
PRICE = re.compile(r".*(cost_per|_token_cost|_uplift_multiplier).*|tiered_pricing")


def meaning_of_param(name: str) -> Meaning | None:
    """Return what a key of ``litellm_params`` means; None for one that is sent to the model."""
    if name in DEPLOYMENT:
        return DEPLOYMENT[name]
    if _STRATEGY.fullmatch(name):
        return _CHOOSING
    if WHERE.fullmatch(name) or PRICE.fullmatch(name):
        return _READ
    return None


# Callbacks that only look on: any other may change what it sees.
OBSERVERS = frozenset(
    _all(
        "langfuse langfuse_otel langsmith lunary sentry posthog datadog datadog_llm_observability otel"
        " opentelemetry prometheus wandb helicone mlflow arize arize_phoenix logfire braintrust galileo"
        " greenscale literalai langtrace traceloop athina promptlayer slack s3 s3_v2 gcs_bucket gcs_pubsub"
        " azure_storage dynamodb supabase opik humanloop agentops deepeval weave_otel custom_callback_api"
        " generic_api resend smtp_email sqs langwatch argilla openmeter lago email webhook",
        _ASIDE,
    )
)
