"""Inert stand-ins for the classes that a pickle names: they keep attributes, and have no behaviour."""

from __future__ import annotations

from collections.abc import Callable


class InertRecord:
    """Attributes of a pickled object whose class is not run."""

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, dict) or not all(isinstance(key, str) for key in state):
            raise TypeError(
                f"the state of a pickled {type(self).__name__} is no dict of attributes"
            )
        self.__dict__.update(state)


def record_class(module: str, name: str) -> Callable[..., object]:
    """A class of records that a pickle finds as `module.name`; it takes no arguments."""
    return type(name, (InertRecord,), {"__module__": module, "__qualname__": name})
