"""What a team does that ships official weights: fetch, build, prove, publish, consume; in one piece.

A server of this machine stands in for the checkpoint's host and for the store that it redirects to.
"""

from __future__ import annotations

import hashlib
import io
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from executorch.runtime import Runtime  # type: ignore[import-untyped]
from skimage import data
from torch import Tensor

from end_to_end.clone import WITHOUT_OLDER, UserClone
from pte_foundry.models import mobilenet
from pte_foundry.models.checkpoints.seeded import initialise
from pte_foundry.models.fixed_inputs import fixed_inputs
from pte_foundry.records.tensor_spec import TensorSpec
from pte_foundry.testing import faulty_server
from pte_foundry.testing.faulty_server import FaultyServer, cut, status

MODEL = "mobilenet_v3_small"
FILE = "mobilenet_v3_small-047dcff4.pth"
BUILD = "models/mobilenet/BUILD"
PROGRAMS = [f"models/mobilenet:{MODEL}_{backend}" for backend in ("portable", "xnnpack")]
ADDRESS = f"/models/{FILE}"
STORED = "/bucket/4f3a"
SENT = 3_000_000
BASE_URL = "--index-base-url=https://example.org/models"


@dataclass(frozen=True)
class MadeCheckpoint:
    """A file in torchvision's form, and the class that its model sees in each picture."""

    content: bytes
    seen: dict[str, str]
    cat: Tensor
    expected: Tensor


@pytest.fixture(scope="module")
def checkpoint() -> MadeCheckpoint:
    definition = mobilenet.build(MODEL)
    # Those that the thresholds are made for, except for one value that is another one each time: what is in the store
    # already would not be fetched.
    (inputs,) = fixed_inputs([TensorSpec("image", "float32", (1, 3, 224, 224))], 1)
    initialise(definition.module, inputs, seed=MODEL)
    with torch.no_grad():
        definition.module.get_parameter("classifier.3.bias")[0] += random.random() / 1000
    buffer = io.BytesIO()
    torch.save(definition.module.state_dict(), buffer)
    labels = Path("models/mobilenet/labels.txt").read_text().splitlines()
    pictures = {name: torch.from_numpy(getattr(data, name)()) for name in ("chelsea", "coffee")}
    seen = {}
    with torch.no_grad():
        for name, picture in pictures.items():
            logits = definition.module(*definition.preprocess(picture))
            seen[f"{name}.png"] = labels[int(logits.argmax())]
        (cat,) = definition.preprocess(pictures["chelsea"])
        expected = definition.module(cat)
    return MadeCheckpoint(buffer.getvalue(), seen, cat, expected)


@pytest.fixture()
def store(checkpoint: MadeCheckpoint) -> Iterator[FaultyServer]:
    with faulty_server.serve({STORED: checkpoint.content}) as running:
        yield running


@pytest.fixture()
def host(store: FaultyServer) -> Iterator[FaultyServer]:
    """Redirects to the store, each time with another signature that is good for once."""
    with faulty_server.serve({}) as running:
        running.fail(
            ADDRESS,
            *(
                status(302, Location=store.url(f"{STORED}?X-Expires=60&signature={number}"))
                for number in range(9)
            ),
        )
        yield running


def test_from_the_checkpoints_host_to_an_app(
    clone: UserClone,
    tmp_path: Path,
    checkpoint: MadeCheckpoint,
    host: FaultyServer,
    store: FaultyServer,
) -> None:
    # The connection breaks, and the store is busy for a moment.
    store.fail(STORED, cut(SENT), status(503))
    releases = tmp_path / "releases"
    sha256 = hashlib.sha256(checkpoint.content).hexdigest()
    user = replace(clone, environment={**clone.environment, "no_proxy": "127.0.0.1"})
    before = (clone.root / BUILD).read_bytes()
    try:
        clone.edit(BUILD, f"https://download.pytorch.org{ADDRESS}", host.url(ADDRESS))
        clone.edit(
            BUILD, "047dcff4addef86ea5bc2eff13c9614dc11f47ab1160d0a71a25e7db994f4e1f", sha256
        )
        clone.edit(BUILD, "size=10306551", f"size={len(checkpoint.content)}")
        clone.edit(BUILD, "Egyptian cat", checkpoint.seen["chelsea.png"])
        clone.edit(BUILD, "espresso", checkpoint.seen["coffee.png"])
        with (
            clone.edited("BUILD", 'programs=["models::"]', f"programs={PROGRAMS}"),
            clone.edited("BUILD", *WITHOUT_OLDER),
            clone.edited(
                "BUILD", 'name="tree",', f'name="tree", repositories=["file:{releases}"],'
            ),
        ):
            published = user.run(BASE_URL, "publish", "//:tree")
            assert published.exit_code == 0, published.output
    finally:
        (clone.root / BUILD).write_bytes(before)

    assert f"mobilenet:{MODEL}_weights: fetching {FILE} (" in published.output
    assert [asked.range for asked in store.asked] == [None, f"bytes={SENT}-", f"bytes={SENT}-"]
    assert len({asked.path for asked in store.asked}) == 3
    assert published.exports == PROGRAMS, published.output

    wanted = ("run", "tools/foundry", "--", "fetch", (releases / "current").as_uri(), MODEL)
    options = ("--platform=linux", "--backend=xnnpack", f"--to={tmp_path / 'app'}")
    fetched = user.run(*wanted, *options)
    assert fetched.exit_code == 0, fetched.output
    assert "NOT OFFICIAL" not in fetched.output
    program = Runtime.get().load_program(tmp_path / "app" / f"{MODEL}_xnnpack.pte")
    (logits,) = program.load_method("forward").execute([checkpoint.cat])
    assert (logits - checkpoint.expected).abs().max() < 1e-2
    assert int(logits.argmax()) == int(checkpoint.expected.argmax())
