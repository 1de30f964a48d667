"""Environment variables for the publisher: by default, an interactive process gets none."""

from __future__ import annotations

from collections.abc import Iterable

from pte_foundry.records.publish_request import GITHUB, HUGGING_FACE

PASSED_ON = (
    # Programs, configuration, messages.
    "HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "TERM", "TMPDIR", "USER", "XDG_CACHE_HOME", "XDG_CONFIG_HOME",
    # ssh, and what it may ask for a passphrase.
    "DISPLAY", "SSH_AGENT_PID", "SSH_ASKPASS", "SSH_ASKPASS_REQUIRE", "SSH_AUTH_SOCK",
    # The connection to the host.
    "ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "all_proxy", "http_proxy", "https_proxy", "no_proxy",
    "CURL_CA_BUNDLE", "SSL_CERT_DIR", "SSL_CERT_FILE",
    # Git's own.
    "GIT_ASKPASS", "GIT_AUTHOR_DATE", "GIT_AUTHOR_EMAIL", "GIT_AUTHOR_NAME", "GIT_COMMITTER_DATE",
    "GIT_COMMITTER_EMAIL", "GIT_COMMITTER_NAME", "GIT_CONFIG_COUNT", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM",
    "GIT_CONFIG_SYSTEM", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSH_VARIANT", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH",
    "GIT_SSL_CERT", "GIT_SSL_KEY", "GIT_TERMINAL_PROMPT", "GNUPGHOME", "GPG_TTY",
    *(f"GIT_CONFIG_{part}_{number}" for number in range(10) for part in ("KEY", "VALUE")),
)  # fmt: skip

_OF_GITHUB = ("GITHUB_API_URL", "GITHUB_TOKEN")
# Where the library of the Hub finds it, a token and the place of the files with tokens, and how it uploads.
_OF_HUGGING_FACE = (
    "HF_ENDPOINT", "HF_HOME", "HF_HUB_DISABLE_XET", "HF_OIDC_RESOURCE", "HF_TOKEN", "HF_TOKEN_PATH",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL",
)  # fmt: skip


def passed_on(repositories: Iterable[str]) -> tuple[str, ...]:
    """The names of the variables. Only who publishes to a host hands over the token for it."""
    schemes = {repository.partition(":")[0] for repository in repositories}
    return (
        *PASSED_ON,
        *(_OF_GITHUB if GITHUB in schemes else ()),
        *(_OF_HUGGING_FACE if HUGGING_FACE in schemes else ()),
    )
