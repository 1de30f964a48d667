"""A stand-in for buildbox-worker, which no package has: takes leases of BuildGrid, and lets a buildbox-casd run them.

    python bot.py SCHEDULER CASD NAME

Runs with the packages of `3rdparty/python/buildgrid.lock`. SCHEDULER and CASD are addresses like 127.0.0.1:8981. CASD
executes, with the content store and the action cache of SCHEDULER behind it. One lease at a time, until it is killed.
"""

from __future__ import annotations

import hashlib
import sys
import time
from contextlib import suppress
from importlib import import_module
from threading import Event, Thread
from typing import Any

import grpc


def _module(name: str) -> Any:
    return import_module(f"buildgrid._protos.{name}")


messages = _module("build.bazel.remote.execution.v2.remote_execution_pb2")
services = _module("build.bazel.remote.execution.v2.remote_execution_pb2_grpc")
bots = _module("google.devtools.remoteworkers.v1test2.bots_pb2")
bot_services = _module("google.devtools.remoteworkers.v1test2.bots_pb2_grpc")
operations = _module("google.longrunning.operations_pb2")
operation_services = _module("google.longrunning.operations_pb2_grpc")
codes = _module("google.rpc.code_pb2")

_PROPERTIES = {"ISA": "x86-64", "OSFamily": "linux"}
# How long an idle bot's call waits for a lease, and how often one at work shows that it lives.
_IDLE_SECONDS = 30.0
# Too little to wait for a lease with the answer to the first call.
_FIRST_SECONDS = 3.0
_BUSY_SECONDS = 1.0


class Run:
    """A lease that is being run."""

    def __init__(self, casd: grpc.Channel, lease: Any, name: str, ended: Event) -> None:
        self.result = messages.ActionResult()
        self.code: int | None = None
        self.message = ""
        self._name = name
        self._ended = ended
        self._casd = casd
        self._operation = ""
        self._thread = Thread(target=self._run, args=(lease.payload.value,), daemon=True)
        self._thread.start()

    def cancel(self) -> None:
        """End its processes."""
        request = operations.CancelOperationRequest(name=self._operation)
        with suppress(grpc.RpcError):
            operation_services.OperationsStub(self._casd).CancelOperation(request)
        self._thread.join()

    def _run(self, action: bytes) -> None:
        try:
            response = self._execute(action)
            self.result, self.message = response.result, response.status.message
            self.result.execution_metadata.worker = self._name
            self.code = response.status.code
        except grpc.RpcError as error:
            self.code, self.message = codes.UNAVAILABLE, f"{self._name}: {error.details()}"
        self._ended.set()

    def _execute(self, action: bytes) -> Any:
        digest = messages.Digest(hash=hashlib.sha256(action).hexdigest(), size_bytes=len(action))
        request = messages.ExecuteRequest(action_digest=digest, skip_cache_lookup=True)
        response = messages.ExecuteResponse()
        for operation in services.ExecutionStub(self._casd).Execute(request):
            self._operation = operation.name
            if operation.done:
                operation.response.Unpack(response)
        return response


class Bot:
    def __init__(self, scheduler: str, casd: str, name: str) -> None:
        self._stub = bot_services.BotsStub(grpc.insecure_channel(scheduler))
        self._casd = grpc.insecure_channel(casd)
        self._name = name
        self._ended = Event()
        self._runs: dict[str, Run] = {}

    def serve(self) -> None:
        """One session; ends with grpc.RpcError if the scheduler does not know it any more, or cannot be reached."""
        session = self._create_session()
        try:
            while True:
                self._report(session)
                session = self._stub.UpdateBotSession(
                    bots.UpdateBotSessionRequest(name=session.name, bot_session=session),
                    timeout=_IDLE_SECONDS,
                )
                self._follow(session)
                if self._runs:
                    self._ended.wait(_BUSY_SECONDS)
        finally:
            for run in self._runs.values():
                run.cancel()
            self._runs.clear()

    def _create_session(self) -> Any:
        session = bots.BotSession(bot_id=self._name, status=bots.OK)
        device = session.worker.devices.add(handle=self._name)
        for key, value in _PROPERTIES.items():
            device.properties.add(key=key, value=value)
        request = bots.CreateBotSessionRequest(bot_session=session)
        created = self._stub.CreateBotSession(request, timeout=_FIRST_SECONDS)
        self._say(f"session {created.name}")
        self._follow(created)
        return created

    def _report(self, session: Any) -> None:
        """Put what has ended into the session."""
        self._ended.clear()
        for lease in session.leases:
            run = self._runs[lease.id]
            if run.code is not None:
                lease.state = bots.COMPLETED
                lease.status.code, lease.status.message = run.code, run.message
                lease.result.Pack(run.result)
                self._say(f"ended {lease.id}: code {run.code} {run.message}")

    def _follow(self, session: Any) -> None:
        """Start what is new in the session, and end what is not in it any more: it was completed or cancelled."""
        present = {lease.id: lease for lease in session.leases}
        for lease_id in self._runs.keys() - present.keys():
            run = self._runs.pop(lease_id)
            if run.code is None:
                self._say(f"cancelled {lease_id}")
                run.cancel()
        for lease_id in present.keys() - self._runs.keys():
            self._say(f"took {lease_id}")
            self._runs[lease_id] = Run(self._casd, present[lease_id], self._name, self._ended)

    def _say(self, text: str) -> None:
        print(f"{self._name}: {text}", flush=True)


def main(scheduler: str, casd: str, name: str) -> None:
    bot = Bot(scheduler, casd, name)
    while True:
        try:
            bot.serve()
        except grpc.RpcError as error:
            print(f"{name}: {error.code().name} {error.details()}; a new session", flush=True)
            time.sleep(1.0)


if __name__ == "__main__":
    main(*sys.argv[1:])
