from __future__ import annotations

from pathlib import Path

from bench.benchmarks import validation
from bench.benchmarks.measurement import Measurement
from bench.benchmarks.stand_in_repository import stand_in_setting

EXPORT = "src/python/pte_foundry/exporting/main.py"
VALIDATION = "src/python/pte_foundry/validation/main.py"
ADDRESS = "models/mobilenet:mobilenet_v3_small_xnnpack"
# Exports, or validates, a text that was not seen before; validating takes longer.
LAUNCHER = f"""\
case "$*" in
  *peek*) printf '[\n{{"address": "{ADDRESS}"}}\n]\n' ;;
  *package*) if ! cmp -s {EXPORT} exported; then cp {EXPORT} exported; sleep 0.1; exported; fi ;;
  *test*) if ! cmp -s {VALIDATION} validated; then
    cp {VALIDATION} validated; sleep 0.4; echo '01:02:03.04 [INFO] Completed: Validate {ADDRESS}'; fi ;;
esac
"""


def run(folder: Path, launcher: str) -> tuple[Measurement, ...]:
    files = {EXPORT: "x = 1\n", VALIDATION: "y = 1\n"}
    return validation.run(stand_in_setting(folder, launcher, files))


def test_validating_is_compared_with_building_and_with_doing_it_again(tmp_path: Path) -> None:
    ratio, again = run(tmp_path, LAUNCHER)
    assert ratio.value > 1 and not ratio.met
    assert again.value == 0 and again.met


def test_validations_that_do_not_stay_in_the_cache_are_counted(tmp_path: Path) -> None:
    _, again = run(tmp_path, LAUNCHER.replace("    cp ", "    : "))
    assert again.value == 1 and not again.met
