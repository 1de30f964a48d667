from __future__ import annotations

import pytest

from pte_foundry.errors import PteError
from pte_foundry.index.schema_version import SCHEMA_VERSION, check_schema_version
from pte_foundry.records.json_fields import Fields


def test_our_own_version_is_read() -> None:
    check_schema_version(Fields({"schemaVersion": SCHEMA_VERSION}, "index.json"))


def test_a_newer_one_is_refused_with_what_to_do() -> None:
    newer = {"schemaVersion": SCHEMA_VERSION + 1}
    with pytest.raises(PteError, match="index.json has the schema version 2.*Upgrade") as caught:
        check_schema_version(Fields(newer, "index.json"))
    assert caught.value.kind == "newer-schema"


@pytest.mark.parametrize("index", [{}, {"schemaVersion": "1"}, {"schemaVersion": 0}])
def test_an_index_that_does_not_say_it_is_refused(index: dict[str, object]) -> None:
    with pytest.raises(PteError, match="schemaVersion"):
        check_schema_version(Fields(index, "index.json"))
