from __future__ import annotations

import pytest

from pte_foundry.errors import PteError
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.limits import Limits


def test_limits_of_a_request() -> None:
    assert Limits.read(Fields({"seconds": 3, "memory_mb": 7}, "r")) == Limits(3, 7, None)


@pytest.mark.parametrize("wrong", [{"seconds": 0}, {"memory_mb": 0}, {"seconds": 1.5}])
def test_a_limit_that_nothing_could_keep_is_refused(wrong: dict[str, object]) -> None:
    fields = Fields({"seconds": 3, "memory_mb": 7, **wrong}, "request.json")
    with pytest.raises(PteError, match=next(iter(wrong))) as caught:
        Limits.read(fields)
    assert caught.value.kind == "bad-request"
