from __future__ import annotations

from workspace.pants_run import PantsRun

LOG = """\
05:09:49.48 [INFO] Preserving local process execution dir /tmp/pants-sandbox-a for Link the interpreter
05:09:49.51 [INFO] Starting: Export models/mobilenet:two_xnnpack
05:09:49.51 [INFO] Preserving local process execution dir /tmp/pants-sandbox-b for Export models/mobilenet:two_xnnpack
05:09:50.10 [INFO] models/mobilenet:two_xnnpack: started on a worker
05:10:07.18 [INFO] Completed: Export models/mobilenet:two_xnnpack
05:10:07.18 [INFO] Completed: Export models/mobilenet:one_portable
05:10:08.18 [INFO] Completed: Validate models/mobilenet:one_portable
05:10:09.18 [INFO] Completed: Look up: Export models/mobilenet:three
05:10:09.18 [INFO] Completed: Validate 3 requirements
05:10:09.18 [INFO] Canceled: Export models/mobilenet:four
05:10:09.19 [INFO] Wrote dist/models/mobilenet/two_xnnpack.pte
"""
RUN = PantsRun(("package", "::"), 0, LOG, 1.0)


def test_only_completed_exports_count() -> None:
    assert RUN.exports == ("models/mobilenet:one_portable", "models/mobilenet:two_xnnpack")
    assert RUN.validations == ("models/mobilenet:one_portable",)


def test_the_sandbox_of_one_process() -> None:
    assert RUN.sandboxes("Export models/mobilenet:two_xnnpack") == ("/tmp/pants-sandbox-b",)
    assert RUN.sandboxes("Export models/mobilenet:two") == ()


def test_what_a_worker_ran() -> None:
    assert RUN.on_workers == ("models/mobilenet:two_xnnpack",)
