from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest

from pte_foundry.errors import PteError
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.tree_request import Listed
from pte_foundry.testing.sample_device_results import sample_device_result
from pte_foundry.testing.sample_latencies import sample_results
from pte_foundry.testing.sample_tree import sample_pages, sample_parts, write_sample_tree
from pte_foundry.tree.pages.languages import LANGUAGES
from pte_foundry.tree.pages.pages import catalogue_pages

HOSTILE = "<script>alert(1)</script>\"'&{{ 7*7 }}"
VOID = {"meta", "link", "input", "br", "hr", "img"}


@dataclass
class Page(HTMLParser):
    """The elements of a page, with their text; unbalanced tags are an error."""

    elements: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, f"</{tag}> at {self.getpos()}"

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def parse(text: str) -> Page:
    page = Page()
    page.feed(text)
    page.close()
    assert page.open == [], "elements that nothing closes"
    return page


def html_of(pages: dict[str, str]) -> dict[str, Page]:
    return {path: parse(text) for path, text in pages.items() if path.endswith(".html")}


def test_every_program_has_a_row_with_its_file_and_hash() -> None:
    index, _, _ = sample_parts()
    page = html_of(sample_pages())["index.html"]
    rows = [each for each in page.all("tr") if "data-backend" in each]
    assert Counter(each["data-backend"] for each in rows) == Counter(
        model["backend"] for model in index["models"]
    )
    downloads = {unquote(each["href"]) for each in page.all("a") if "download" in each}
    assert downloads == {model["remoteUrl"] for model in index["models"]}
    for model in index["models"]:
        assert model["hash"] in page.words
    assert "no QNN SDK is set" in page.text


def test_every_relative_link_of_a_real_tree_leads_to_a_file(tmp_path: Path) -> None:
    tree = write_sample_tree(tmp_path / "tree")
    paths = [tree / "index.html", *(tree / "models").glob("*.html")]
    assert len(paths) == 2
    links = 0
    for path in paths:
        page = parse(path.read_text(encoding="utf-8"))
        targets = [each["href"] for each in page.all("a")] + [
            each["src"] for each in page.all("img")
        ]
        for target in targets:
            if not target.startswith("https://"):
                assert (path.parent / unquote(target)).resolve().is_file(), target
                links += 1
    assert links > 20


def test_nothing_is_loaded_from_elsewhere() -> None:
    for path, page in html_of(sample_pages()).items():
        for tag, attributes in page.elements:
            for name, value in attributes.items():
                if name in ("src", "srcset", "data", "action", "poster", "background"):
                    assert not re.match(r"[a-z]+:|//", value), f"{path}: {tag} {name}={value}"
                assert not name.startswith("on"), f"{path}: {tag} {name}"
                assert name != "style", f"{path}: {tag} has a style of its own"
            if tag not in ("a",):
                assert "href" not in attributes, f"{path}: {tag}"
        assert not re.search(r"@import|url\(", "".join(page.words))


def test_the_policy_of_a_page_names_its_own_script_and_style() -> None:
    for text in sample_pages().values():
        if not text.startswith("<!doctype html>"):
            continue
        policy = next(each["content"] for each in parse(text).all("meta") if "http-equiv" in each)
        assert policy.startswith("default-src 'none'; ")
        for tag in ("script", "style"):
            (content,) = re.findall(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
            digest = hashlib.sha256(content.encode()).digest()
            assert f"{tag}-src 'sha256-{base64.b64encode(digest).decode()}'" in policy


def test_hostile_words_are_words() -> None:
    def spoil(index: Any, listed: Any, validations: Any) -> None:
        for model in index["models"]:
            model["license"] = model["precision"] = model["backend"] = HOSTILE
            model["outputs"][0]["description"] = model["outputs"][0]["name"] = HOSTILE
            model["inputs"][0]["name"] = model["inputs"][0]["layout"] = HOSTILE
            model["weights"]["file"] = HOSTILE
            model["weights"]["source_page"] = "javascript:alert(1)"
            model["name"] = model["modelName"] = HOSTILE
            model["delegation"]["undelegated"] = {HOSTILE: 1}
            model["delegation"]["delegates"] = {HOSTILE: 1}
            model["validation"]["evidence"] = HOSTILE
        index["unavailable"][0]["reason"] = index["unavailable"][0]["address"] = HOSTILE
        index["backends"] = {HOSTILE: {"description": HOSTILE}}
        for each in listed:
            each["task"] = HOSTILE
        for each in validations.values():
            for case in each["cases"]:
                case["name"] = f"parity:{HOSTILE}"

    plain, spoilt = sample_pages(), sample_pages(spoil)
    assert plain.keys() == spoilt.keys()
    for path, page in html_of(spoilt).items():
        assert len(page.all("script")) == 1, path
        assert HOSTILE in " ".join(page.words) or HOSTILE in page.text, path
        assert "7*7" in page.text and not any("javascript" in a["href"] for a in page.all("a"))
    for path, text in spoilt.items():
        if path.endswith(".svg"):
            tags = {
                element.tag.rpartition("}")[2] for element in ElementTree.fromstring(text).iter()
            }
            assert tags <= {"svg", "title", "style", "text", "rect", "circle", "line"}


def test_filters_have_what_the_programs_have() -> None:
    page = html_of(sample_pages())["index.html"]
    names = [each["name"] for each in page.all("select")]
    assert names == ["platform", "backend", "task"]
    values = [each["value"] for each in page.all("option") if "value" in each]
    assert "android" in values and "image classification" in values or "ios" in values
    row = next(each for each in page.all("tr") if each.get("data-backend") == "xnnpack")
    assert row["data-platform"].split("\n") == sorted(row["data-platform"].split("\n"))
    assert row["data-task"] == "image classification"
    # Without JavaScript nothing is hidden but what needs it.
    assert "hidden" in page.all("form")[0]
    assert not any("hidden" in each for each in page.all("tr"))


def test_pages_of_models_show_contract_delegation_and_errors() -> None:
    pages = sample_pages()
    text = html_of(pages)["models/mobilenet_v3_small.html"].text
    assert "float32[1, 3, 224, 224]" in text and "class scores" in text
    assert "52 in portable kernels: 52 convolution" in text
    assert "1 call of XnnpackBackend; nothing in portable kernels" in text
    assert "max_planned_memory_ratio" in text
    picture = pages["measured/mobilenet_v3_small.svg"]
    assert "xnnpack fp32, fixed-0, logits: 2e-05" in picture
    assert (
        "portable fp32: at most" not in picture and "nothing on the machine could run it" in picture
    )


def test_code_says_how_it_was_checked() -> None:
    def add_code(index: Any, listed: Any, validations: Any) -> None:
        for model in index["models"]:
            model["inputs"][0]["normalisation"] = {
                "colour": "RGB",
                "mean": [0.5, 0.5, 0.5],
                "resize": "to 224x224 whatever the aspect ratio, bilinear with antialiasing",
                "scale": "1/255",
                "std": [0.25, 0.25, 0.25],
            }

    text = html_of(sample_pages(add_code))["models/mobilenet_v3_small.html"].text
    for language in LANGUAGES:
        assert f"{language.name} {language.checked} Copy" in text


def test_pages_of_models_show_latencies_and_where_they_were_measured() -> None:
    results = sample_results()
    plain, timed = sample_pages(), sample_pages(results=results)
    # Nothing else depends on how long anything takes.
    path = "models/mobilenet_v3_small.html"
    assert {**timed, path: ""} == {**plain, path: ""}
    text = parse(timed[path]).text
    assert (
        "mobilenet_v3_small: milliseconds of one call" in text
        and "Not measured: portable fp32." in text
    )
    assert (
        "docs/bench/results/latency.json : measured on Linux x86_64, Sample CPU, 2 CPUs, 25.3 GB; load in the minute "
        "before: 0.25 (about 0 on a quiet machine). Programs of commit 0123456789ab ."
    ) in text
    assert "xnnpack fp32 2 1.25 eager torch 3.75 0.333 30" in text
    assert "xnnpack fp32 1 2.00 ONNX Runtime 1.31.1 2.00 1.000 30" in text
    assert "int8" not in text, "of a program that the tree does not have"
    assert "Not measured: the results that" in parse(plain[path]).text
    assert "milliseconds of one call" not in plain[path]
    results["modified"] = True
    assert "0123456789ab with changes." in parse(sample_pages(results=results)[path]).text


def test_hostile_words_of_results_are_words() -> None:
    results = sample_results()
    results["commit"] = results["machine"]["cpu"] = results["machine"]["system"] = HOSTILE
    for row in results["measurements"]:
        if "versions" in row["details"]:
            row["details"]["versions"]["openvino"] = HOSTILE
    page = parse(sample_pages(results=results)["models/mobilenet_v3_small.html"])
    assert len(page.all("script")) == 1 and f"OpenVINO {HOSTILE}" in page.words


def measured(**changes: Any) -> dict[str, Any]:
    """A result of the sample tree's XNNPACK program."""
    index, _, _ = sample_parts()
    program = next(each for each in index["models"] if each["backend"] == "xnnpack")
    identity = {"name": program["name"], "sha256": program["hash"]}
    return sample_device_result(**{"program": identity, **changes})


def test_pages_of_models_show_what_devices_measured_with_its_source() -> None:
    path = "models/mobilenet_v3_small.html"
    plain, shown = sample_pages(), sample_pages(device_results=[measured()])
    # Nothing else depends on what anybody measured.
    assert {**shown, path: ""} == {**plain, path: ""}
    text = parse(shown[path]).text
    assert (
        "On devices Measured by those whom the last column names, with these very files. This repository has no device "
        "and has checked none of it."
    ) in text
    assert (
        "xnnpack fp32 Sample Phone 8, Sample G3 Android 15, ExecuTorch 1.5.1 2 of 2 inputs agree, largest difference "
        "2e-05 top-1 70.0 % (eager fp32 80.0 %), top-5 90.0 %; 10 pictures of ten pets 2.12 100 runs, 4 threads: "
        "forward of one picture, after 10 runs to warm up 12.5 41.9 A. Tester, "
        "2026-11-30: "
        "release build of a sample app, screen on, not charging"
    ) in text
    assert "On devices" not in parse(plain[path]).text


def test_pages_of_models_say_what_is_known_of_browsers() -> None:
    pages = sample_pages()
    text = parse(pages["models/mobilenet_v3_small.html"]).text
    assert "portable fp32, xnnpack fp32: list web , because" in text
    assert "No browser has run a program here" in text


def test_results_of_other_bytes_are_not_shown() -> None:
    identity = measured()["program"]
    for other in (
        {**identity, "sha256": "0b" * 32},
        {**identity, "name": "mobilenet_v3_small_portable.pte"},
    ):
        assert sample_pages(device_results=[measured(program=other)]) == sample_pages()


def test_hostile_words_of_device_results_are_words() -> None:
    words = {"name": HOSTILE, "version": HOSTILE}
    hostile = measured(
        device={"model": HOSTILE, "chip": HOSTILE},
        os=words,
        runtime=words,
        parity=[{"case": HOSTILE, "passed": False}],
        latency_ms={"median": 1, "runs": 1, "what": HOSTILE},
        source={"who": HOSTILE, "date": "2026-11-30", "how": HOSTILE},
    )
    page = parse(sample_pages(device_results=[hostile])["models/mobilenet_v3_small.html"])
    assert len(page.all("script")) == 1
    assert page.text.count(HOSTILE) == 10


def test_a_model_whose_weights_are_not_official_says_so() -> None:
    def seed(index: Any, listed: Any, validations: Any) -> None:
        index["models"][0]["weights"]["source"] = "seeded"

    for page in html_of(sample_pages(seed)).values():
        assert "The weights of 1 of 2 programs are seeded" in page.text
    for page in html_of(sample_pages()).values():
        assert "The weights of" not in page.text


def test_the_same_bytes_whatever_the_order_of_keys() -> None:
    def turn(index: Any, listed: Any, validations: Any) -> None:
        for model in index["models"]:
            for name, value in list(model.items()):
                if isinstance(value, dict):
                    model[name] = dict(reversed(value.items()))
        listed.reverse()

    assert sample_pages(turn) == sample_pages()


@pytest.mark.parametrize(
    ("field_name", "value", "reason"),
    [
        ("address", "models/a:other", "different programs"),
        ("task", "something else", "different tasks: image classification, something else"),
        ("model", "mobilenet_V3_small", "would have one page"),
    ],
)
def test_what_does_not_match_the_index_is_refused(field_name: str, value: str, reason: str) -> None:
    def change(index: Any, listed: Any, validations: Any) -> None:
        listed[0][field_name] = value

    with pytest.raises(PteError, match=reason):
        sample_pages(change)


@pytest.mark.parametrize("model", ["../x", "a/b", ".x", "a b"])
def test_a_model_that_is_not_a_file_name_is_refused(model: str) -> None:
    _, listed, _ = sample_parts()
    with pytest.raises(PteError, match="bad-path|bad-request"):
        Listed.read(Fields({**listed[0], "model": model}, "tree_request.json"))


def test_an_impossible_measurement_is_refused() -> None:
    index, listed, validations = sample_parts()
    cases = validations[listed[0]["address"]]["cases"]
    cases[0]["measured"]["logits"]["mean_abs"] = 1.0
    with pytest.raises(PteError, match="`max_abs` is 2e-05 and `mean_abs` is 1.0"):
        catalogue_pages(
            Fields(index, "index.json"),
            [Listed.read(Fields(each, "listed")) for each in listed],
            {address: Fields(each, address) for address, each in validations.items()},
            {},
        )
