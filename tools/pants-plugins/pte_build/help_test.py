from __future__ import annotations

from pants.engine.target import COMMON_TARGET_FIELDS, Field, Target

from pte_build.register import target_types


def text(of: type[Target] | type[Field]) -> str:
    return of.help if isinstance(of.help, str) else of.help()


def test_every_target_and_field_says_what_it_is() -> None:
    for kind in target_types():
        assert len(text(kind)) > 40, kind
        for field in kind.core_fields:
            if field not in COMMON_TARGET_FIELDS:
                assert len(text(field)) > 10, (kind, field)
