"""A repository of stand-in programs: BUILD files for the stand-in library."""

from __future__ import annotations

import hashlib

from pte_build.stand_in_library import library_files

# Large enough for the store to keep it in a file of its own, which a test can remove.
CHECKPOINT = b"the values of alpha" * 50_000
CHECKPOINT_SHA256 = hashlib.sha256(CHECKPOINT).hexdigest()

_TOOLCHAINS = """
pte_backend(
    name="fast",
    resolve="engine",
    lowering=["src/python/pte_foundry/backends/fast.py"],
    delegate="FastBackend",
    precisions=["fp32", "int8"],
    options={"level": "1", "mode": "plain"},
    rewrites=["src/python/pte_foundry/rewrites/plain.py"],
    platforms=["linux", "web"],
    summary="Fast.",
)
pte_backend(
    name="slow",
    resolve="engine",
    lowering=["src/python/pte_foundry/backends/slow.py"],
    interpreter=["src/python/pte_foundry/interpretation/slow.py"],
    platforms=["linux"],
    summary="Slow.",
)
pte_backend(
    name="chip",
    resolve="engine",
    lowering=["src/python/pte_foundry/backends/slow.py"],
    sdk="qnn",
    sdk_version="2.37",
    platforms=["linux"],
    summary="Needs an SDK.",
)
photograph_set(
    name="photographs",
    resolve="extra",
    files={"pictures/cat.png": "0" * 64, "pictures/cup.png": "1" * 64},
)
calibration_set(
    name="calibration",
    photographs=[":photographs"],
    sources=["own/*.jpg"],
)
remote_environment(
    name="workers",
    extra_platform_properties=["ISA=x86-64", "OSFamily=linux"],
    fallback_environment="__local__",
)
"""

_ALPHA_WEIGHTS = f"""
model_weights(
    name="alpha_weights",
    file="alpha.pth",
    sha256="{CHECKPOINT_SHA256}",
    size={len(CHECKPOINT)},
    license="MIT",
    source_page="https://example.org/alpha",
)
"""

_BETA_WEIGHTS = """
model_weights(name="beta_weights", file="beta.pth", license="MIT")
"""


def program_text(name: str, **fields: object) -> str:
    """A `pte_program` for a BUILD file, of the model `alpha` unless `fields` say otherwise."""
    defaults: dict[str, object] = {
        "model": "alpha",
        "weights": ["models/alpha:alpha_weights"],
        "builder": ["src/python/pte_foundry/models/alpha.py"],
        "builder_resolve": "extra",
        "inputs": {"image": "float32[1,3,8,8]"},
        "backend": ["toolchains:fast"],
    }
    return target_text("pte_program", name, **{**defaults, **fields})


def target_text(alias: str, name: str, **fields: object) -> str:
    """A target for a BUILD file."""
    return f"{alias}(**{dict(name=name, **fields)!r})\n"


def quantized_text(name: str, **fields: object) -> str:
    """An int8 program with a recipe and pictures, unless `fields` say otherwise, and its test."""
    defaults: dict[str, object] = {
        "precision": "int8",
        "quantization": ["src/python/pte_foundry/quantization/recipes/rounding.py"],
        "calibration": ["toolchains:calibration"],
        "min_quantized_weights": 0.9,
    }
    program = program_text(name, **{**defaults, **fields})
    return program + target_text(
        "pte_test",
        f"{name}_test",
        program=[f":{name}"],
        photographs=["toolchains:photographs"],
    )


def chip_text() -> str:
    """The program `gamma_chip`, which needs an SDK, and its test."""
    program = program_text("gamma_chip", backend=["toolchains:chip"])
    return program + target_text("pte_test", "gamma_chip_test", program=[":gamma_chip"])


def repository_files() -> dict[str, str]:
    """Two families: `alpha` with two programs, and `beta` with one, whose checkpoint is not pinned."""
    alpha = (
        _ALPHA_WEIGHTS
        + program_text("alpha_fast", labels="labels.txt", max_undelegated_operators=0)
        + target_text(
            "pte_test",
            "alpha_fast_test",
            program=[":alpha_fast"],
            photographs=["toolchains:photographs"],
            expected_labels={"cat.png": "cat"},
        )
        + program_text("alpha_slow", labels="labels.txt", backend=["toolchains:slow"])
        + target_text("pte_test", "alpha_slow_test", program=[":alpha_slow"])
    )
    beta = (
        _BETA_WEIGHTS
        + program_text(
            "beta_slow",
            model="beta",
            task="cup detection",
            weights=[":beta_weights"],
            builder=["src/python/pte_foundry/models/beta.py"],
            backend=["toolchains:slow"],
        )
        + target_text("pte_test", "beta_slow_test", program=[":beta_slow"])
    )
    return {
        **library_files(),
        "locks/dev.lock": "",
        "locks/engine.lock": "",
        "locks/extra.lock": "",
        "locks/hugging_face.lock": "",
        "locks/provenance.lock": "",
        "toolchains/BUILD": _TOOLCHAINS,
        "toolchains/own/dog.jpg": "a dog",
        "models/alpha/BUILD": alpha,
        "models/alpha/labels.txt": "cat\ncup",
        "models/beta/BUILD": beta,
        "models/alpha/README.md": "what alpha is for",
        "models/beta/README.md": "what beta is for",
        "LICENSE": "the text of the MIT licence",
        "BUILD": target_text("model_index", "index", programs=["models::"])
        + target_text(
            "model_tree",
            "tree",
            index=[":index"],
            licenses={"MIT": "LICENSE"},
            model_cards=["models/*/README.md"],
        )
        + target_text("model_index_test", "index_test", index=[":index"]),
    }
