"""For tests of the command: a repository whose `./pants` builds stand-ins, and whose library needs no torch."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from pte_foundry.records.declared import Declared
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.report import build_report
from pte_foundry.testing.reports import NO_FLOOR, sample_declared, sample_facts

FOLDER = "models/pets"
LABELS = ("cat", "dog", "bird")

# Answers `peek` and `package` as Pants does. Everything that it was asked is appended to the file `asked`. A build into
# another dist/ is one of a sandbox.
_LAUNCHER = f"""\
#!{sys.executable} -S
import json, os, pathlib, shutil, sys, tempfile
options = {{word.split("=")[0]: word.partition("=")[2] for word in sys.argv if word[0] == "-"}}
goal, *addresses = [word for word in sys.argv[1:] if word[0] != "-"]
with open("asked", "a") as asked:
    asked.write(json.dumps([goal, *addresses]) + "\\n")
if goal == "peek":
    print(pathlib.Path("peeked.json").read_text())
    sys.exit()
dist = pathlib.Path(options.get("--pants-distdir", "dist"))
for address in addresses:
    name = address.replace(":", "/")
    (dist / name).parent.mkdir(parents=True, exist_ok=True)
    for suffix in (".pte", ".json"):
        shutil.copyfile("built/" + name + suffix, str(dist / name) + suffix)
    if "--local-execution-root-dir" in options:
        sandbox = tempfile.mkdtemp(dir=options["--local-execution-root-dir"])
        shutil.copytree("kept", sandbox, dirs_exist_ok=True, symlinks=True)
        shutil.copyfile("built/" + name + ".pte", sandbox + "/program.pte")
        print(f"1 [INFO] Preserving local process execution dir {{sandbox}} for Export {{address}}")
"""
_TOOLCHAIN = """\
import os, runpy, sys
sys.path[:0] = os.environ.pop("PEX_EXTRA_SYS_PATH").split(":")
sys.argv = sys.argv[2:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""
# Right about every picture, but for int8, which takes all birds for dogs. It stops after `limit` pictures; a program
# that `crashes` names is killed after two.
_MAIN = """\
import json, os, pathlib, signal, sys
request = json.loads(pathlib.Path(sys.argv[1]).read_text())
pte = request["pte"]
program = "eager" if pte is None else pathlib.Path(pte).read_text()
if "mps" in program:
    print(json.dumps({"refused": "the runtime on this machine has no MPSBackend"}))
    sys.exit()
print(json.dumps({"runs": "eager" if pte is None else "interpreted" if request["interpreter"] else "executed"}))
limit = pathlib.Path(sys.path[0], "limit")
for number, (digest, path) in enumerate(request["pictures"].items()):
    if limit.exists() and number == int(limit.read_text()):
        sys.exit("out of patience")
    crashes = pathlib.Path(sys.path[0], "crashes")
    if crashes.exists() and number == 2 and crashes.read_text() in program:
        os.kill(os.getpid(), signal.SIGSEGV)
    right = ["cat", "dog", "bird"].index(pathlib.Path(path).parent.name)
    first = 1 if "int8" in program and right == 2 else right
    print(json.dumps({"picture": digest, "answer": [first, 0, 1]}), flush=True)
with open(pathlib.Path(sys.path[0], "ran"), "a") as ran:
    ran.write(f"{program} {len(request['pictures'])}\\n")
"""


def make_repository(root: Path, source: str = "substitute") -> Path:
    """Programs of a classifier in `FOLDER`, `pets_...`: portable, coreml, int8_xnnpack, mps, unavailable qnn."""
    library = root / "src/python/pte_foundry"
    for file, text in {
        "pants": _LAUNCHER,
        "pants.toml": "",
        ".gitignore": "/dist\n/asked\n",
        f"{FOLDER}/labels.txt": "".join(f"{label}\n" for label in LABELS),
        "src/python/pte_foundry/models/pets.py": "",
        "kept/toolchain.pex": _TOOLCHAIN,
        "kept/facts.json": "{}",
        "kept/__run.sh": "env -i PEX_EXTRA_SYS_PATH=src/python .python/py311 toolchain.pex -m x export_request.json\n",
        "kept/export_request.json": json.dumps(_EXPORT),
        "src/python/pte_foundry/evaluation/main.py": _MAIN,
        "peeked.json": json.dumps(
            [
                *_BACKENDS,
                _program("coreml", "coreml"),
                _program("int8_xnnpack", "xnnpack"),
                _program("mps", "mps"),
                _program("portable", "portable"),
                {**_program("qnn", "portable"), "unavailable": "there is no SDK"},
                {"address": f"{FOLDER}:other_portable", **_OTHER},
                {"address": f"{FOLDER}:weights", "target_type": "model_weights"},
            ]
        ),
    }.items():
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(text)
    (root / "pants").chmod(0o755)
    (root / "kept/.python").mkdir()
    (root / "kept/.python/py311").symlink_to(sys.executable)
    (library / "__init__.py").touch()
    (library / "evaluation/__init__.py").touch()
    for name in ("pets_coreml", "pets_int8_xnnpack", "pets_mps", "pets_portable"):
        write_program(root, name, f"{name}, first build", source)
    git = ["git", "-c", "user.name=Test", "-c", "user.email=test@example.invalid"]
    for arguments in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "-m", "One"]):
        subprocess.run([*git, *arguments], cwd=root, check=True)
    return root


def write_program(root: Path, name: str, content: str, source: str = "substitute") -> None:
    """What `package` gives for it."""
    pte = root / "built" / FOLDER / f"{name}.pte"
    pte.parent.mkdir(parents=True, exist_ok=True)
    pte.write_text(content)
    seeded = source == "seeded"
    weights: Any = sample_declared()["weights"]
    declared = Declared.read(
        Fields(
            sample_declared(
                address=f"{FOLDER}:{name}",
                model="pets",
                family="pets",
                backend=name.rpartition("_")[2],
                delegate=None,
                floor=NO_FLOOR,
                weights={**weights, "source": source, **({"sha256": None} if seeded else {})},
            ),
            "declared",
        )
    )
    normalisation = {"resize": "shorter side to 8"}
    facts = sample_facts(
        model="pets",
        inputs=[{"name": "image", "shape": [1, 3, 8, 8], "dtype": "float32", "normalisation": normalisation}],
        outputs=[{"name": "logits", "shape": [1, len(LABELS)], "dtype": "float32"}],
        pte={"sha256": hashlib.sha256(content.encode()).hexdigest(), "size": len(content)},
        delegation=_NOTHING_DELEGATED,
    )  # fmt: skip
    report = build_report(declared, Fields(facts, "facts"))
    pte.with_suffix(".json").write_text(json.dumps(report.to_json()))


def _program(key: str, backend: str) -> dict[str, Any]:
    return {
        "address": f"{FOLDER}:pets_{key}",
        "target_type": "pte_program",
        "model": "pets",
        "backend": [f"//toolchains:{backend}"],
        "builder": ["src/python/pte_foundry/models/pets.py"],
        "labels_raw": "labels.txt",
    }


_NOTHING_DELEGATED: dict[str, Any] = {
    "delegates": {},
    "calls": 0,
    "undelegated": {},
    "undelegated_total": 0,
    "operators_before_lowering": 9,
    "delegated_fraction": 0.0,
}
_BACKENDS: list[dict[str, Any]] = [
    {"address": "toolchains:portable", "target_type": "pte_backend", "resolve": "executorch"},
    {"address": "toolchains:xnnpack", "target_type": "pte_backend", "resolve": "executorch"},
    {
        "address": "toolchains:coreml",
        "target_type": "pte_backend",
        "resolve": "coreml",
        "interpreter": ["src/python/pte_foundry/backends/coreml/program.py"],
    },
    {"address": "toolchains:mps", "target_type": "pte_backend", "resolve": "executorch_1_4"},
]
_OTHER = {
    "target_type": "pte_program",
    "model": "other",
    "backend": ["//toolchains:portable"],
    "builder": ["src/python/pte_foundry/models/pets.py"],
}
_EXPORT = {
    "model": {
        "name": "pets",
        "builder": "pte_foundry.models.pets",
        "inputs": {"image": "float32[1,3,8,8]"},
        "weights": {"source": "seeded"},
    },
    "backend": "portable",
    "lowering": "pte_foundry.backends.portable.lowering",
    "precision": "fp32",
    "options": {},
    "rewrites": [],
}
