"""What a `.pte` hands to its delegates."""

from __future__ import annotations

from dataclasses import dataclass

from executorch.exir._serialize._program import (  # type: ignore[import-untyped]
    PTEFile,
    deserialize_pte_binary,
)


@dataclass(frozen=True)
class DelegatePayload:
    """The bytes that one delegate of the method `forward` is initialised with.

    Attributes:
        delegate: the delegate's id, e.g. `CoreMLBackend`.
        options: compile specs, key to value, as the runtime passes them on.
    """

    delegate: str
    payload: bytes
    options: dict[str, bytes]


def delegate_payloads(pte: bytes) -> tuple[DelegatePayload, ...]:
    """The payloads in the order of the program's delegate table.

    Call `pte_foundry.inspection.delegation.inspect_program` first: bytes that are not a program make
    the deserializer raise whatever its parsers raise.
    """
    return payloads_in(deserialize_pte_binary(pte))


def payloads_in(file: PTEFile) -> tuple[DelegatePayload, ...]:
    """Like `delegate_payloads`, for a file that is already deserialized, which copies all its bytes."""
    program = file.program
    return tuple(
        DelegatePayload(
            delegate.id,
            # The deserializer has put segments back inline.
            bytes(program.backend_delegate_data[delegate.processed.index].data),
            {spec.key: bytes(spec.value) for spec in delegate.compile_specs},
        )
        for delegate in program.execution_plan[0].delegates
    )


def named_data(pte: bytes) -> dict[str, bytes]:
    """What delegates keep in the program outside of their payloads, by key.

    Call `inspect_program` first, as for `delegate_payloads`.
    """
    return named_data_in(deserialize_pte_binary(pte))


def named_data_in(file: PTEFile) -> dict[str, bytes]:
    """Like `named_data`, for a file that is already deserialized."""
    store = file.named_data
    if store is None:
        return {}
    return {key: bytes(store.buffers[entry.buffer_index]) for key, entry in store.pte_data.items()}
