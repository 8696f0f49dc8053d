"""Is it a pattern that RE2 reads?"""

from functools import lru_cache

import re2


@lru_cache(maxsize=4096)
def pattern_error(pattern: str, *, ignore_case: bool = False) -> str | None:
    """Return why RE2 refuses ``pattern``, or None when it does not."""
    options = re2.Options()
    options.case_sensitive = not ignore_case
    options.log_errors = False
    try:
        re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0] if error.args else "it cannot be read"
        return reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
    return None


def group_count(pattern: str) -> int:
    """Return how many groups a valid pattern has."""
    options = re2.Options()
    options.log_errors = False
    return int(re2.compile(pattern, options).groups)
