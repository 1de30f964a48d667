"""All pages of a catalogue. They depend on the index, on measured latencies and on what devices measured; the pictures
of measured errors, which no hash covers, on validations."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from pte_foundry.records.device_result import DeviceResult
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.tree_request import Listed
from pte_foundry.tree.pages.contract import ContractTensor
from pte_foundry.tree.pages.detection import detection_code
from pte_foundry.tree.pages.languages import Code
from pte_foundry.tree.pages.latencies import Latency
from pte_foundry.tree.pages.on_devices import on_devices
from pte_foundry.tree.pages.pictures import (
    delegation_picture,
    error_picture,
    latency_picture,
    most_first,
    read_differences,
    short,
    size_picture,
)
from pte_foundry.tree.pages.preparation import preparation_code
from pte_foundry.tree.pages.programs import (
    ListedProgram,
    Model,
    group_models,
    read_programs,
)
from pte_foundry.tree.plots.svg import style_sheet
from pte_foundry.tree.tree_files import CATALOGUE, page_path, picture_path

PLATFORMS = {
    "android": "Android",
    "ios": "iOS",
    "macos": "macOS",
    "linux": "Linux",
    "windows": "Windows",
    "web": "Web",
}

EVIDENCE = {
    "executed": "the program ran, and its outputs were compared with those of the eager model",
    "interpreted": "an interpreter ran what the program hands to its delegate, and the outputs were compared with "
    "those of the eager model",
    "structural": "the file was inspected but not run",
}

WEIGHTS = {
    "official": "the publisher's checkpoint",
    "substitute": "a checkpoint that stands in for the publisher's",
    "seeded": "a deterministic initialisation without any training: good for trying the build, not for predictions",
}


def catalogue_pages(
    index: Fields,
    listed: Sequence[Listed],
    validations: Mapping[str, Fields],
    latencies: Mapping[str, Sequence[Latency]],
    device_results: Sequence[DeviceResult] = (),
) -> dict[str, str]:
    """Path in the tree -> content.

    Args:
        index: the tree's indexes as one, see `merged_index`.
        listed: one for each program of the index.
        validations: the content of each program's validation.json, by the program's address.
        latencies: measured ones, by the program's address; those of programs outside the tree are ignored.
        device_results: measured on devices; those of other bytes than the programs in the tree are ignored.

    Raises:
        PteError: `bad-request`, `duplicate` or `bad-latencies`, see `read_programs`, `group_models` and
            `latency_picture`.
    """
    programs = read_programs(index, listed)
    models = group_models(programs)
    differences = {
        program.address: read_differences(validations[program.address]) for program in programs
    }
    templates = environment()
    pages = {CATALOGUE: _index_page(templates, index, programs, models)}
    for model in models:
        pages[page_path(model.name)] = _model_page(
            templates, index, model, latencies, device_results
        )
        pages[picture_path(model.name)] = error_picture(model, differences).as_file()
    return pages


def environment() -> Environment:
    """Every value in HTML is escaped; a name that a template misspells is an error.

    Programs (`*.py`, `*.kt`, …) are not escaped here: they contain only numbers, and are escaped as a whole where a
    page shows them.
    """
    return Environment(
        loader=PackageLoader("pte_foundry.tree.pages"),
        autoescape=select_autoescape(enabled_extensions=("html",), default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _index_page(
    templates: Environment,
    index: Fields,
    programs: Sequence[ListedProgram],
    models: Sequence[Model],
) -> str:
    return _render(
        templates,
        "index.html",
        root="",
        index=index.values,
        models=models,
        count=len(programs),
        backends=sorted({program.backend for program in programs}),
        platforms=[
            name for name in PLATFORMS if any(name in program.platforms for program in programs)
        ],
        tasks=sorted({model.task for model in models if model.task}),
        unavailable=[each.values for each in index.objects("unavailable")],
        licenses=sorted({program.license for program in programs}),
        sources=_unofficial(programs),
    )


def _model_page(
    templates: Environment,
    index: Fields,
    model: Model,
    latencies: Mapping[str, Sequence[Latency]],
    device_results: Sequence[DeviceResult],
) -> str:
    decoders: list[tuple[ContractTensor, tuple[Code, ...]]] = [
        (tensor, detection_code(templates, tensor.detection))
        for contract, _ in model.contracts
        for tensor in contract.outputs
        if tensor.detection is not None
    ]
    codes: list[tuple[ContractTensor, tuple[Code, ...]]] = [
        (tensor, tensor.preparation and preparation_code(templates, tensor.preparation) or ())
        for contract, _ in model.contracts
        for tensor in contract.pictures
    ]
    timed = [(each, one) for each in model.programs for one in latencies.get(each.address, ())]
    latency = latency_picture(model, latencies)
    return _render(
        templates,
        "model.html",
        root="../",
        index=index.values,
        model=model,
        codes=list(dict.fromkeys(codes)),
        decoders=list(dict.fromkeys(decoders)),
        size=Markup(size_picture(model).in_page()),
        latency=None if latency is None else Markup(latency.in_page()),
        timed=timed,
        untimed=[each for each in model.programs if not latencies.get(each.address)],
        timed_on=list(dict.fromkeys(one.measured for _, one in timed)),
        on_devices=on_devices(model.programs, device_results),
        in_browsers=[each for each in model.programs if "web" in each.platforms],
        delegation=Markup(delegation_picture(model).in_page()),
        measured=picture_path(model.name),
        sources=_unofficial(model.programs),
        undelegated=[
            (program, most_first(program.undelegated))
            for program in model.programs
            if program.undelegated
        ],
    )


def _render(templates: Environment, name: str, **values: object) -> str:
    style = templates.get_template("style.css").render() + style_sheet(".plot")
    script = templates.get_template("script.js").render()
    return templates.get_template(name).render(
        style=Markup(style),
        script=Markup(script),
        style_hash=_source_hash(style),
        script_hash=_source_hash(script),
        page_path=page_path,
        short=short,
        platform_names=PLATFORMS,
        evidence=EVIDENCE,
        weights=WEIGHTS,
        **values,
    )


def _source_hash(text: str) -> str:
    """How a Content-Security-Policy names a script or style (https://www.w3.org/TR/CSP3/#grammardef-hash-source)."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _unofficial(programs: Sequence[ListedProgram]) -> dict[str, int]:
    """Source of weights that are not the publisher's -> how many programs have it."""
    found = Counter(str(program.weights["source"]) for program in programs)
    return {source: found[source] for source in sorted(found) if source != "official"}
