"""Environment variables for git: by default, an interactive process gets none."""

from __future__ import annotations

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
