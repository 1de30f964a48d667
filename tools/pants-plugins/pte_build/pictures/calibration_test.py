"""Calibration sets: which pictures an export gets, and how mistakes in a set are reported."""

from __future__ import annotations

import pytest
from pants.engine.addresses import Address
from pants.engine.fs import Digest, DigestContents
from pants.engine.rules import QueryRule
from pants.engine.target import TransitiveTargets, TransitiveTargetsRequest
from pants.testutil.rule_runner import RuleRunner

from pte_build.pictures.calibration import Calibration, CalibrationRequest
from pte_build.stand_in_repository import quantized_text, target_text
from pte_build.test_support import QUANTIZED, failure, make_runner, refusal

SHIPPED = ["toolchains:photographs"]


@pytest.fixture(scope="module")
def runner() -> RuleRunner:
    return make_runner(
        queries=(
            QueryRule(Calibration, (CalibrationRequest,)),
            QueryRule(DigestContents, (Digest,)),
            QueryRule(TransitiveTargets, (TransitiveTargetsRequest,)),
        )
    )


def declare(runner: RuleRunner, *files: str, **fields: object) -> CalibrationRequest:
    """The request for a set with these fields, beside these files, whose content is their path."""
    runner.write_files(
        {
            "mine/BUILD": target_text("calibration_set", "set", **fields),
            **{f"mine/{file}": file for file in files},
        }
    )
    return CalibrationRequest(Address("mine", target_name="set"), QUANTIZED)


def pictures(runner: RuleRunner, request: CalibrationRequest) -> dict[str, str]:
    calibration = runner.request(Calibration, [request])
    contents = runner.request(DigestContents, [calibration.digest])
    assert list(calibration.paths) == sorted(content.path for content in contents)
    return {content.path: content.content.decode() for content in contents}


def test_photographs_and_own_pictures_lie_in_one_folder(runner: RuleRunner) -> None:
    globs = ["a/*.jpg", "b/**/*.PNG"]
    request = declare(runner, "a/z.jpg", "b/deep/C.PNG", photographs=SHIPPED, sources=globs)
    assert pictures(runner, request) == {
        "calibration/C.PNG": "b/deep/C.PNG",
        "calibration/cat.png": f"pictures/cat.png {'0' * 64}",
        "calibration/cup.png": f"pictures/cup.png {'1' * 64}",
        "calibration/z.jpg": "a/z.jpg",
    }


def test_only_own_pictures(runner: RuleRunner) -> None:
    request = declare(runner, "own/one.jpg", "own/two.jpg", sources=["own/*.jpg"])
    assert [*pictures(runner, request)] == ["calibration/one.jpg", "calibration/two.jpg"]


def test_several_photograph_sets(runner: RuleRunner) -> None:
    more = target_text("photograph_set", "more", resolve="extra", files={"p/dog.png": "2" * 64})
    runner.write_files({"more/BUILD": more})
    request = declare(runner, photographs=[*SHIPPED, "more"])
    assert [path.rpartition("/")[2] for path in pictures(runner, request)] == [
        "cat.png", "cup.png", "dog.png",
    ]  # fmt: skip


@pytest.mark.parametrize("fields", [{}, {"photographs": []}, {"sources": []}])
def test_an_empty_set(runner: RuleRunner, fields: dict[str, object]) -> None:
    message = refusal(runner, Calibration, declare(runner, **fields))
    assert message.startswith("mine:set: it has no pictures. Name `photograph_set` targets in ")


def test_a_glob_that_matches_nothing(runner: RuleRunner) -> None:
    """Even with photographs: whoever names a folder wants its pictures."""
    request = declare(runner, photographs=SHIPPED, sources=["nonesuch/*.jpg"])
    message = refusal(runner, Calibration, request)
    assert message.startswith("mine:set: no file matches its `sources`, nonesuch/*.jpg. Put ")


@pytest.mark.parametrize(
    ("files", "fields", "paths"),
    [
        (
            ["x/cat.png"],
            {"photographs": SHIPPED, "sources": ["x/*.png"]},
            "mine/x/cat.png and toolchains:photographs photographs/cat.png",
        ),
        (["x/1.jpg", "y/1.jpg"], {"sources": ["?/1.jpg"]}, "mine/x/1.jpg and mine/y/1.jpg"),
        (["x/I.jpg", "y/i.JPG"], {"sources": ["?/[iI].*"]}, "mine/x/I.jpg and mine/y/i.JPG"),
    ],
    ids=["photograph", "folders", "case"],
)
def test_two_pictures_with_the_same_name(
    runner: RuleRunner, files: list[str], fields: dict[str, object], paths: str
) -> None:
    message = refusal(runner, Calibration, declare(runner, *files, **fields))
    assert message.startswith(f"mine:set: {paths} have the same file name. Rename one of them")


def sample_set(*sources: str, name: str = "samples") -> str:
    return target_text("sample_set", name, sources=list(sources))


def test_samples_in_the_place_of_pictures(runner: RuleRunner) -> None:
    runner.write_files({"inputs/BUILD": sample_set("a/*.npz") + sample_set("b/*", name="more")})
    files = ["a/2.npz", "a/1.npz", "b/0.npy", "b/3.safetensors"]
    runner.write_files({f"inputs/{file}": file for file in files})
    request = declare(runner, samples=["inputs:samples", "inputs:more"])
    assert pictures(runner, request) == {
        "calibration/0.npy": "b/0.npy",
        "calibration/1.npz": "a/1.npz",
        "calibration/2.npz": "a/2.npz",
        "calibration/3.safetensors": "b/3.safetensors",
    }


def test_samples_and_pictures(runner: RuleRunner) -> None:
    runner.write_files({"inputs/BUILD": sample_set("1.npy"), "inputs/1.npy": "1"})
    request = declare(runner, "a.jpg", samples=["inputs:samples"], sources=["a.jpg"])
    message = refusal(runner, Calibration, request)
    assert message.startswith("mine:set: it has pictures and `samples`. A model is calibrated on")


def test_a_folder_without_samples(runner: RuleRunner) -> None:
    runner.write_files({"nothing/BUILD": sample_set("samples/*")})
    message = refusal(runner, Calibration, declare(runner, samples=["nothing:samples"]))
    assert message.startswith("nothing:samples: no file matches its `sources`, samples/*. Put ")


def test_two_samples_with_the_same_name(runner: RuleRunner) -> None:
    runner.write_files({"twice/BUILD": sample_set("*/1.npy")})
    runner.write_files({f"twice/{folder}/1.npy": folder for folder in "ab"})
    message = refusal(runner, Calibration, declare(runner, samples=["twice:samples"]))
    assert message.startswith("mine:set: twice/a/1.npy and twice/b/1.npy have the same file name.")
    assert "samples are used in the order of their names" in message


def test_a_file_that_is_not_named_like_a_sample(runner: RuleRunner) -> None:
    runner.write_files({"odd/BUILD": sample_set("*.pkl"), "odd/1.pkl": "1"})
    message = str(failure(runner, Calibration, declare(runner, samples=["odd:samples"])))
    assert "odd:samples" in message and "1.pkl" in message and ".npz" in message


def test_a_file_that_is_not_named_like_a_picture(runner: RuleRunner) -> None:
    request = declare(runner, "notes/readme.txt", sources=["notes/*"])
    message = str(failure(runner, Calibration, request))
    assert "mine:set" in message and "readme.txt" in message and ".jpg" in message


def test_a_set_that_is_another_target_type(runner: RuleRunner) -> None:
    request = CalibrationRequest(Address("toolchains", target_name="photographs"), QUANTIZED)
    assert refusal(runner, Calibration, request) == (
        f"{QUANTIZED}: `calibration` names toolchains:photographs, which is a `photograph_set`, "
        "not a `calibration_set`."
    )


def test_a_photograph_that_the_package_lacks(runner: RuleRunner) -> None:
    text = target_text("photograph_set", "gone", resolve="extra", files={"p/x.png": "missing"})
    runner.write_files({"gone/BUILD": text})
    message = refusal(runner, Calibration, declare(runner, photographs=["gone"]))
    assert message.startswith("gone:gone: not extracted: bad-photograph: p/x.png is not in the")


def test_changed_since_sees_every_picture(runner: RuleRunner) -> None:
    runner.write_files({"models/delta/BUILD": quantized_text(QUANTIZED.target_name)})
    request = TransitiveTargetsRequest([QUANTIZED], include_special_cased_deps=True)
    found = {each.address.spec for each in runner.request(TransitiveTargets, [request]).closure}
    library = "src/python/pte_foundry"
    assert found >= {
        "toolchains:calibration",
        "toolchains:photographs",
        "locks/extra.lock:_extra_lockfile",
        f"{library}/photographs/main.py",
        f"{library}/quantization/recipes/rounding.py",
        f"{library}/quantization/ranges.py",
    }
