from __future__ import annotations

import sys
from pathlib import Path

import pytest
from messages import NoSpaceError, PreparationError
from pip_command import clean_environment, explain_failure, run_pip, run_step

# Each line is what pip 23 prints.
_OUTPUTS = {
    "wrong hash": "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.\n"
    "    six==1.17.0 from https://index/six.whl:\n        Expected sha256 aaa\n             Got        bbb",
    "cannot be reached": "WARNING: Retrying after connection broken by 'NewConnectionError(...)'\n"
    "ERROR: No matching distribution found for six==1.17.0",
    "no package source has": "ERROR: No matching distribution found for six==1.17.0",
    "no disk space": "ERROR: Could not install packages due to an OSError: "
    "[Errno 28] No space left on device",
}


@pytest.mark.parametrize("cause", sorted(_OUTPUTS))
def test_each_cause_has_its_sentence(tmp_path: Path, cause: str) -> None:
    text = str(explain_failure("installing six", _OUTPUTS[cause], tmp_path))
    assert text.startswith("installing six failed")
    assert [name for name in _OUTPUTS if name in text] == [cause]


def test_a_wrong_hash_shows_expected_and_got(tmp_path: Path) -> None:
    text = str(explain_failure("x", _OUTPUTS["wrong hash"], tmp_path))
    assert "Expected sha256 aaa" in text
    assert "bbb" in text


def test_an_unknown_cause_shows_the_last_lines(tmp_path: Path) -> None:
    assert "something odd" in str(explain_failure("x", "one\nsomething odd\n", tmp_path))


def test_a_full_disk_names_the_folder_and_the_variable(tmp_path: Path) -> None:
    error = explain_failure("x", "OSError: [Errno 28] No space left on device", tmp_path)
    assert isinstance(error, NoSpaceError)
    assert str(tmp_path) in str(error)
    assert "PTE_FOUNDRY_CACHE" in str(error)


def test_children_do_not_see_python_or_pex_settings() -> None:
    dirty = {"PYTHONPATH": "x", "PEX_ROOT": "x", "SOURCE_DATE_EPOCH": "1", "PIP_TARGET": "x"}
    assert clean_environment({**dirty, "PIP_INDEX_URL": "u", "HOME": "/h"}) == {
        "PIP_INDEX_URL": "u",
        "HOME": "/h",
    }


def test_a_step_works_and_makes_temporary_files_in_its_scratch_folder(tmp_path: Path) -> None:
    program = "import os, tempfile; print(os.getcwd()); print(tempfile.gettempdir())"
    output = run_step([sys.executable, "-c", program], tmp_path, {}, "x")
    assert output.split() == [str(tmp_path.resolve()), str(tmp_path)]


def test_a_failing_pip_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "pip.py").write_text("import sys; sys.exit('No space left on device')")
    with pytest.raises(NoSpaceError):
        run_step([sys.executable, str(tmp_path / "pip.py")], tmp_path, {}, "x")
    with pytest.raises(PreparationError, match="asking failed"):
        run_pip(Path(sys.executable), ["no-such-command"], tmp_path, {}, "asking")
