"""A backend label is a promise about delegation: what it says, and whether a program keeps it."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from pte_foundry.records.delegation import Delegation, listed
from pte_foundry.records.json_fields import Fields


@dataclass(frozen=True)
class Floor:
    """How much of the graph has to reach the delegate. None sets no bound.

    Attributes:
        max_delegate_calls: a graph that is cut into many pieces pays for every call.
        max_undelegated_operators: calls to portable kernels, counted as the program executes them.
        min_delegated_fraction: in [0, 1]; see `delegated_fraction`.
    """

    max_delegate_calls: int | None
    max_undelegated_operators: int | None
    min_delegated_fraction: float | None

    @staticmethod
    def read(fields: Fields) -> Floor:
        """Raises PteError `bad-request` for a missing or ill-typed field."""
        fraction = fields.optional_number("min_delegated_fraction")
        if fraction is not None and not 0.0 <= fraction <= 1.0:
            raise fields.error("min_delegated_fraction", f"is {fraction}, not between 0 and 1")
        return Floor(
            fields.optional_count("max_delegate_calls"),
            fields.optional_count("max_undelegated_operators"),
            fraction,
        )

    def to_json(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True)
class Promise:
    """What the backend's name promises of a program.

    Attributes:
        delegate: id of the one delegate that is called, e.g. `XnnpackBackend`; None promises that
            no delegate is called at all.
        floor: bounds on what the delegate leaves.
    """

    delegate: str | None
    floor: Floor

    @staticmethod
    def read(fields: Fields) -> Promise:
        """Read `delegate` and `floor`; raises PteError `bad-request`."""
        return Promise(fields.optional_text("delegate"), Floor.read(fields.nested("floor")))

    def to_json(self) -> dict[str, object]:
        return {"delegate": self.delegate, "floor": self.floor.to_json()}


def broken_promises(promise: Promise, delegation: Delegation) -> tuple[str, ...]:
    """One sentence for each way in which the program breaks the promise; empty if it keeps it.

    Another delegate is a breach even when it is listed and never called: a runtime that lacks it
    may refuse to load the program.
    """
    wrong: list[str] = []
    if promise.delegate is not None and not delegation.delegates.get(promise.delegate):
        wrong.append(f"it never calls the delegate {promise.delegate}")
    others = {
        name: calls for name, calls in delegation.delegates.items() if name != promise.delegate
    }
    if others:
        expected = promise.delegate or "no delegate"
        wrong.append(f"it names {listed(others)} where {expected} is promised")
    floor = promise.floor
    if floor.max_delegate_calls is not None and delegation.calls > floor.max_delegate_calls:
        wrong.append(
            f"it calls delegates {delegation.calls} times, but at most {floor.max_delegate_calls} is "
            "declared"
        )
    if (
        floor.max_undelegated_operators is not None
        and delegation.undelegated_total > floor.max_undelegated_operators
    ):
        wrong.append(
            f"{delegation.undelegated_total} operators are left to the portable kernels, but at most "
            f"{floor.max_undelegated_operators} is declared"
        )
    if (
        floor.min_delegated_fraction is not None
        and delegation.delegated_fraction < floor.min_delegated_fraction
    ):
        wrong.append(
            f"the delegated fraction is {delegation.delegated_fraction}, but at least "
            f"{floor.min_delegated_fraction} is declared"
        )
    return tuple(wrong)


def explanation(broken: tuple[str, ...], delegation: Delegation) -> str:
    """The sentences of `broken_promises` with the undelegated operators and what to do about them."""
    return (
        f"{'; '.join(broken)}. Undelegated operators: {listed(delegation.undelegated)}. Add a rewrite "
        "that lets the delegate take them, or declare the floor in the BUILD file and say why"
    )
