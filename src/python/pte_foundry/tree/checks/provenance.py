"""The provenance statement and the bill of materials of a tree: their schemas, and what they say about the files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from google.protobuf.json_format import ParseDict, ParseError
from in_toto_attestation.predicates.provenance.v1 import provenance_pb2  # type: ignore[import-untyped]
from in_toto_attestation.v1.statement import Statement  # type: ignore[import-untyped]

from pte_foundry.client.content import Content
from pte_foundry.errors import PteError
from pte_foundry.records.json_fields import Fields
from pte_foundry.tree.checks.files import Defect, read_document
from pte_foundry.tree.provenance.statement import PREDICATE_TYPE
from pte_foundry.tree.tree_files import BILL_OF_MATERIALS, PROVENANCE, SIGNATURE

_LONGEST_MESSAGE = 300


def statement_defects(root: Path, files: Mapping[str, Content]) -> Iterator[Defect]:
    """What is wrong with the provenance statement, and where its subjects differ from the tree's files."""
    if PROVENANCE not in files:
        yield Defect(PROVENANCE, "missing", "the tree does not say what it was built from")
        return
    try:
        document = read_document(root, files, PROVENANCE)
        statement = Statement([], "", {})
        ParseDict(document, statement.pb)
        statement.validate()
        fields = Fields(document, PROVENANCE)
        ParseDict(dict(fields.nested("predicate").values), provenance_pb2.Provenance())
        subjects = _subjects(fields)
    except (ParseError, ValueError, PteError) as error:
        yield Defect(PROVENANCE, "schema", " ".join(str(error).split())[:_LONGEST_MESSAGE])
        return
    if statement.pb.predicate_type != PREDICATE_TYPE:
        what = f"its predicate is a {statement.pb.predicate_type!r}, not {PREDICATE_TYPE!r}"
        yield Defect(PROVENANCE, "schema", what)
    vouched = set(files) - {PROVENANCE, SIGNATURE}
    for path in vouched - set(subjects):
        yield Defect(path, "subject", f"{PROVENANCE} does not vouch for it")
    for path, sha256 in subjects.items():
        if path not in vouched:
            yield Defect(path, "subject", f"{PROVENANCE} vouches for it, but it is not in the tree")
        elif files[path].sha256 != sha256:
            what = f"has SHA-256 {files[path].sha256}; {PROVENANCE} vouches for {sha256}"
            yield Defect(path, "subject", what)


def _subjects(statement: Fields) -> dict[str, str]:
    return {
        subject.text("name"): subject.nested("digest").sha256("sha256")
        for subject in statement.objects("subject")
    }


def bill_of_materials_defects(root: Path, files: Mapping[str, Content]) -> Iterator[Defect]:
    """What is wrong with the bill of materials, and which programs it lists with another hash or not at all."""
    if BILL_OF_MATERIALS not in files:
        yield Defect(BILL_OF_MATERIALS, "missing", "the tree does not list its parts")
        return
    try:
        document = read_document(root, files, BILL_OF_MATERIALS)
    except PteError as error:
        yield Defect(BILL_OF_MATERIALS, "schema", error.message)
        return
    broken = JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(document))
    if broken is not None:
        yield Defect(BILL_OF_MATERIALS, "schema", " ".join(str(broken).split())[:_LONGEST_MESSAGE])
        return
    listed = {
        component["bom-ref"]: component.get("hashes", [])
        for component in document.get("components", ())  # type: ignore[attr-defined]
        if "bom-ref" in component
    }
    for path, file in files.items():
        if not path.endswith(".pte"):
            continue
        if path not in listed:
            yield Defect(path, "part", f"{BILL_OF_MATERIALS} does not list it")
        elif {"alg": "SHA-256", "content": file.sha256} not in listed[path]:
            yield Defect(path, "part", f"{BILL_OF_MATERIALS} lists it with another hash")
