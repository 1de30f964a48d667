"""A stand-in for the library, in plain Python, that takes the plugin's command lines: for tests without torch.

A builder is a module with `CONTENT`, or with `FAILURE` to refuse the export. An int8 program's bytes contain its
recipe's name and the content of its calibration pictures. A program's bytes decide the rest: `undelegated` leaves
operators undelegated, `wrong` fails the validation.
"""

from __future__ import annotations

ROOT = "src/python/pte_foundry"

_EXPORT = """
import hashlib, importlib, json, os, sys, time

request_file, _, pte_file, _, facts_file = sys.argv[1:]
request = json.load(open(request_file))
key = hashlib.sha256(open(request_file, "rb").read()).hexdigest()
stages = open(f"{os.environ['PTE_PROGRESS']}/{key}-{os.getppid()}", "w")
print(time.time(), "loading the model", file=stages, flush=True)
builder = importlib.import_module(request["model"]["builder"])
lowering = importlib.import_module(request["lowering"])
if hasattr(builder, "FAILURE"):
    print("Traceback or warnings come first", file=sys.stderr)
    sys.exit(f"pte-foundry: {builder.FAILURE}")
weights = request["model"]["weights"]
values = open(weights["file"], "rb").read() if "file" in weights else b"seeded"
rewrites = [importlib.import_module(name).NAME for name in request["rewrites"]]
content = [builder.CONTENT, lowering.NAME, hashlib.sha256(values).hexdigest(), rewrites, request["precision"]]
quantization = request.get("quantization")
if quantization is not None:
    recipe = importlib.import_module(quantization["recipe"])
    content += [recipe.NAME, quantization["options"], [open(path).read() for path in quantization["calibration"]]]
pte = json.dumps(content).encode()
described = b"something else" if request["options"].get("poison") else pte
sdk = os.environ.get("QNN_SDK_ROOT")
facts = {
    "request": request,
    "versions": {"qnn_sdk": open(f"{sdk}/sdk.yaml").read().split()[-1]} if sdk else {},
    "pte": {"sha256": hashlib.sha256(described).hexdigest(), "size": len(described)},
    "undelegated_total": pte.count(b"undelegated"),
}
print(time.time(), "", file=stages, flush=True)
open(pte_file, "wb").write(pte)
json.dump(facts, open(facts_file, "w"))
"""

_REPORT = """
import json, sys

declared_file, facts_file, _, report_file = sys.argv[1:]
declared, facts = json.load(open(declared_file)), json.load(open(facts_file))
most = declared["floor"]["max_undelegated_operators"]
if most is not None and facts["undelegated_total"] > most:
    sys.exit(f"pte-foundry: delegation: {declared['address']} leaves operators undelegated")
floor = declared["quantization_floor"]
if floor is not None and floor["min_quantized_weights"] > 0.9:
    sys.exit(f"pte-foundry: quantization: {declared['address']} is quantized in part")
json.dump({"declared": declared, "facts": facts}, open(report_file, "w"))
"""

_VALIDATION = """
import hashlib, importlib, json, os, sys

request_file, _, result_file, _, junit_file = sys.argv[1:]
request = json.load(open(request_file))
pte = open(request["pte"], "rb").read()
failed = b"wrong" in pte
source = request["model"]["weights"]["source"]
cases = [{"name": "parity", "status": "failed" if failed else "passed", "message": "cosine 0.1"}]
if source == "seeded":
    cases.append({"name": "task", "status": "skipped", "message": "seeded weights"})
export = request["quantized_export"]
calibration = []
if export is not None:
    for name in (*export["rewrites"], export["quantization"]["recipe"]):
        importlib.import_module(name)
    calibration = export["quantization"]["calibration"]
interpreter = request["interpreter"]
result = {
    "verdict": "failed" if failed else "passed",
    "evidence": importlib.import_module(interpreter).EVIDENCE if interpreter else "executed",
    "pte_sha256": hashlib.sha256(pte).hexdigest(),
    "cases": cases,
    "request": request,
    "photographs": {path: open(path).read() for path in request["photographs"]},
    "calibration": {path: open(path).read() for path in calibration},
    "samples": {path: open(path).read() for path in request.get("samples", ())},
    "labels": request["labels"] and open(request["labels"]).read(),
    "report": json.load(open(request["report"])),
    "sdk": os.environ.get("QNN_SDK_ROOT") and sorted(os.listdir(os.environ["LD_LIBRARY_PATH"])),
}
json.dump(result, open(result_file, "w"))
open(junit_file, "w").write("<testsuites/>")
for case in cases:
    print(case["status"], case["name"], case["message"])
sys.exit(failed)
"""

_BUNDLING = """
import hashlib, json, sys

request_file, _, bundle_file, _, description_file = sys.argv[1:]
request = json.load(open(request_file))
pte = open(request["pte"], "rb").read()
if b"wrong" in pte:
    sys.exit("pte-foundry: mismatch: the runtime does not reproduce the expected outputs")
pictures = [open(path).read() for path in sorted(request["photographs"])]
json.dump([json.loads(pte), pictures], open(bundle_file, "w"))
json.dump({"program": hashlib.sha256(pte).hexdigest()}, open(description_file, "w"))
"""

_PHOTOGRAPHS = """
import json, os, sys

files, _, folder = sys.argv[1:]
os.makedirs(folder, exist_ok=True)
for path, sha256 in json.load(open(files)).items():
    if sha256 == "missing":
        sys.exit(f"pte-foundry: bad-photograph: {path} is not in the package")
    open(f"{folder}/{os.path.basename(path)}", "w").write(f"{path} {sha256}")
"""

_FETCH = """
import hashlib, json, sys, urllib.request

request_file, _, _, _, checkpoint, _, outcome_file = sys.argv[1:]
request = json.load(open(request_file))
reasons, fetched = [], False
for url in request["urls"]:
    try:
        content = urllib.request.urlopen(url).read()
    except OSError as error:
        reasons.append(f"{url}: {error}")
        continue
    fetched = hashlib.sha256(content).hexdigest() == request["sha256"]
    if fetched:
        open(checkpoint, "wb").write(content)
        break
    reasons.append(f"{url}: has sha256 {hashlib.sha256(content).hexdigest()}")
json.dump({"fetched": fetched, "reasons": reasons}, open(outcome_file, "w"))
"""

_INDEX = """
import json, sys

request_file, _, index_file = sys.argv[1:]
request = json.load(open(request_file))
for artifact in request["artifacts"]:
    artifact["report"] = json.load(open(artifact["report"]))
# Programs of a toolchain of an older version lie in a folder of its name.
older = all("/older_" in artifact["path"] for artifact in request["artifacts"])
json.dump({"version": "1.3.0" if older else "1.4.1", "request": request}, open(index_file, "w"))
"""

_TREE = """
import json, os, sys

request = json.load(open(sys.argv[1]))
for index in request["indexes"]:
    json.load(open(index))
for name in ("versions.json", "README.md", "index.schema.json", "bom.cdx.json"):
    open(name, "w").write(name)
open("index.html", "w").write(json.dumps(request["programs"]))
for folder, suffix in (("models", "html"), ("measured", "svg")):
    os.makedirs(folder, exist_ok=True)
    for program in request["programs"]:
        validation = json.load(open(program["validation"]))
        open(f"{folder}/{program['model']}.{suffix}", "w").write(validation["verdict"])
for path in request["latencies"]:
    content = open("latencies/" + path).read()
    if not content.startswith("{"):
        sys.exit(f"pte-foundry: bad-latencies: {path} is not JSON")
    open("README.md", "a").write(f" {path}: {content}")
for path in request["device_results"]:
    content = open("device_results/" + path).read()
    open("README.md", "a").write(f" {path}: {content}")
json.dump(request["origin"], open("provenance.intoto.json", "w"))
for locks in request["origin"]["locks"].values():
    [open(path).close() for path in locks]
with open("SHA256SUMS", "w") as sums:
    for file in request["files"]:
        print(file["sha256"], "", file["path"], file=sums)
"""

_COMPARE = """
import sys

built, *names = sys.argv[1:]
stale = [name for name in names if open(name).read() != open(f"{built}/{name}").read()]
print("is stale" if stale else "is current")
sys.exit(bool(stale))
"""

_PUBLISHING = """
import json, os, sys

request = json.load(open(sys.argv[1]))
tree = sorted(os.path.join(folder, file) for folder, _, files in os.walk(request["folder"]) for file in files)
in_toolchain = "pex_root" in sys.prefix
received = {"request": request, "environment": dict(os.environ), "tree": tree, "in_toolchain": in_toolchain}
json.dump(received, open(os.path.join(request["build_root"], "received.json"), "w"))
if "file:refused" in request["repositories"]:
    sys.exit("pte-foundry: refused: file:refused does not take it")
"""

_MODULES = {
    "exporting/main.py": _EXPORT,
    "records/report_main.py": _REPORT,
    "validation/main.py": _VALIDATION,
    "bundling/main.py": _BUNDLING,
    "fetching/main.py": _FETCH,
    "photographs/main.py": _PHOTOGRAPHS,
    "index/main.py": _INDEX,
    "index/compare_main.py": _COMPARE,
    "tree/tree_main.py": _TREE,
    "publishing/main.py": _PUBLISHING,
    "models/shared.py": "UNIT = 'alpha'\n",
    "models/alpha.py": "from pte_foundry.models.shared import UNIT\nCONTENT = UNIT\n",
    "models/beta.py": "CONTENT = 'beta'\n",
    "models/left_over.py": "CONTENT = 'undelegated undelegated'\n",
    "models/wrong.py": "CONTENT = 'wrong'\n",
    "models/refusing.py": "FAILURE = 'bad-input-shape: image is float32[1,4]: give it 3 channels'\n",
    "backends/fast.py": "NAME = 'fast'\n",
    "backends/slow.py": "NAME = 'slow'\n",
    "interpretation/slow.py": "EVIDENCE = 'interpreted'\n",
    "rewrites/plain.py": "NAME = 'plain'\n",
    "rewrites/special.py": "NAME = 'special'\n",
    "quantization/recipes/rounding.py": "from pte_foundry.quantization.ranges import NAME\n",
    "quantization/ranges.py": "NAME = 'rounding'\n",
}


def library_files() -> dict[str, str]:
    """Path to text of every file of the library, including BUILD files."""
    files = {f"{ROOT}/{path}": text for path, text in _MODULES.items()}
    folders = {path.rpartition("/")[0] for path in files} | {ROOT}
    files.update({f"{folder}/__init__.py": "" for folder in folders})
    files.update({f"{folder}/BUILD": "python_sources()\n" for folder in folders})
    return files
