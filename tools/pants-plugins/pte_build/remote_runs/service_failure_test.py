from __future__ import annotations

import pytest

from pte_build.remote_runs.service_failure import describe_service_failure

ADDRESS = "grpc://192.0.2.1:1"


@pytest.mark.parametrize(
    ("said", "meaning"),
    [
        (
            'Unavailable: "error trying to connect: tcp connect error: Connection refused (os error 111)"',
            "cannot be reached",
        ),
        ('Unknown: "transport error"', "cannot be reached"),
        ('Unimplemented: "Method not found"', "foundry cache-server --execute"),
        ('Unauthenticated: "the token is wrong"', "PANTS_REMOTE_OAUTH_BEARER_TOKEN_PATH"),
        ("remote execution timed out after 3600s", "whether workers are connected"),
        (
            "Too many failures from server. The last event was the server disconnecting with no error given.",
            "ended in the middle",
        ),
        (
            "Too many failures from server. The last error was: write: No space left on device",
            "no room left",
        ),
        ('Error from remote execution: InvalidArgument: "x"', "see what it logs"),
    ],
)
def test_what_it_means_and_what_to_do(said: str, meaning: str) -> None:
    message = describe_service_failure(ADDRESS, said)
    assert message.startswith(f"the remote execution service {ADDRESS}: ")
    assert meaning in message
    # What always works, and what was said.
    assert "--no-remote-execution" in message
    assert message.endswith(said)
