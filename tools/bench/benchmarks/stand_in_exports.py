"""A launcher whose exports leave sandboxes, with an interpreter that takes pip's place, for tests of benchmarks.

An export's result is the text of its builder.
"""

from __future__ import annotations

from pathlib import Path

ADDRESS = "models/mobilenet:mobilenet_v3_small_xnnpack"
BUILDER = "src/python/pte_foundry/models/mobilenet.py"
COMMON = "src/python/pte_foundry/exporting/main.py"
OLDER_ADDRESS = "models/mobilenet:mobilenet_v3_small_mps"
FILES = {
    BUILDER: "x = 1\n",
    COMMON: "y = 1\n",
    "3rdparty/python/executorch.lock": "executorch==1.5.1 \\\n    --hash=sha256:0\n",
    "3rdparty/python/executorch_1_4.lock": "executorch==1.4.1 \\\n    --hash=sha256:1\n",
}

# Exports only texts that were not seen before, and leaves its sandbox if sandboxes are kept.
_LAUNCHER = f"""\
case "$*" in
  *dependencies*{OLDER_ADDRESS}) echo 3rdparty/python/executorch_1_4.lock:_executorch_1_4_lockfile; exit 0 ;;
  *dependencies*) echo 3rdparty/python/executorch.lock:_executorch_lockfile; echo {BUILDER}; exit 0 ;;
esac
mkdir -p dist/models/mobilenet
for argument; do
  case "$argument" in --local-execution-root-dir=*) sandbox="${{argument#*=}}/$(cksum < {COMMON} | tr ' ' -)" ;; esac
done
cat {BUILDER} {COMMON} > now
if ! cmp -s now seen; then
  mv now seen
  if [ -n "$sandbox" ]; then
    mkdir -p "$sandbox/.python" "$sandbox/$(dirname {BUILDER})"
    cp {BUILDER} "$sandbox/{BUILDER}"
    cp interpreter "$sandbox/.python/py311"
    chmod +x "$sandbox/.python/py311"
    echo '{{"model": {{"builder": "pte_foundry.models.mobilenet"}}}}' > "$sandbox/export_request.json"
    printf 'echo ours >> LOG; cp {BUILDER} program.pte; touch facts.json\\n' > "$sandbox/__run.sh"
    echo 'env -i A=1 PEX_ROOT=p PEX_EXTRA_SYS_PATH=src/python /bin/true' >> "$sandbox/__run.sh"
    echo "1 [INFO] Preserving local process execution dir $sandbox for Export {ADDRESS}"
  fi
  echo pants >> LOG
  sleep 0.1
  exported
fi
cp {BUILDER} dist/models/mobilenet/mobilenet_v3_small_xnnpack.pte
"""

# `-m venv FOLDER`, `-m pip ...` and the script's process.
INTERPRETER = f"""\
#!/bin/sh
set -e
case "$*" in
  "-m venv "*) mkdir -p "$3/bin"; cp "$0" "$3/bin/python" ;;
  "-m pip "*) echo "pip $*" >> LOG ;;
  *" stock_request.json --pte stock.pte --facts stock.json")
    echo "stock $A $PYTHONPATH$PEX_ROOT $(cat stock_request.json)" >> LOG
    cp {BUILDER} stock.pte; touch stock.json ;;
  *) echo "asked for $*"; exit 9 ;;
esac
"""


def launcher(log: Path) -> str:
    """For `stand_in_setting`. log: gets a line for each export and each call of pip."""
    return _LAUNCHER.replace("LOG", str(log))


def files(log: Path, interpreter: str = INTERPRETER) -> dict[str, str]:
    return {**FILES, "interpreter": interpreter.replace("LOG", str(log))}
