"""A user's model: from a TorchScript file to tested programs and to an app, with the documented commands."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from executorch.runtime import Runtime  # type: ignore[import-untyped]
from torch import Tensor, nn

from end_to_end.clone import WITHOUT_OLDER, UserClone
from pte_foundry.client.catalogue import open_catalogue


class Sentiment(nn.Module):
    """int64 [1, length] -> a dict of float32 [1, 3] and [1, length]."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(50, 16)
        self.head = nn.Linear(16, 3)
        self.weight = nn.Linear(16, 1)

    def forward(self, tokens: Tensor) -> dict[str, Tensor]:
        words = self.words(tokens)
        shares = torch.softmax(self.weight(words)[:, :, 0], dim=-1)
        return {"scores": self.head((words * shares[:, :, None]).sum(1)), "shares": words.mean(-1)}


def test_from_a_file_to_an_app(clone: UserClone, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = Sentiment().eval()
    file = tmp_path / "my.pt"
    torch.jit.script(model).save(str(file))  # type: ignore[no-untyped-call]
    tool = ("run", "tools/foundry", "--", "new")
    refused = clone.run(*tool, "--from", str(file), "--inputs", "1,0")
    assert refused.exit_code == 2 and "positive" in refused.output, refused.output
    assert not (clone.root / "models/my").exists()

    # What is published needs a licence, whose text is in the repository.
    inputs = ("--inputs", "tokens=int64[1,length=1..12]{0..49}", "--license", "BSD-3-Clause")
    made = clone.run(*tool, "--from", str(file), *inputs, "--backends", "portable,xnnpack")
    assert made.exit_code == 0, made.output
    tested = clone.run("test", "models/my::")
    assert tested.exit_code == 0, tested.output
    for backend in ("portable", "xnnpack"):
        assert f"✓ models/my:my_{backend}_test succeeded" in tested.output, tested.output
    assert tested.exports == ["models/my:my_portable", "models/my:my_xnnpack"], tested.output

    floored = clone.run(*tool, "--floors", "my")
    assert floored.exit_code == 0 and "my_xnnpack: fp32, official weights" in floored.output
    build = (clone.root / "models/my/BUILD").read_text(encoding="utf-8")
    assert '"xnnpack": {"max_delegate_calls": ' in build and '"portable": {},' in build
    assert clone.run("package", "models/my::").exit_code == 0

    # There is nothing to seed; naming the program is an error that says so.
    seeded = clone.run("--weights-source=seeded", "package", "models/my:my_xnnpack")
    assert seeded.exit_code == 1 and "is the whole model" in seeded.output, seeded.output

    published = tmp_path / "published"
    with (
        clone.edited("BUILD", 'programs=["models::"]', 'programs=["models/my::"]'),
        clone.edited("BUILD", *WITHOUT_OLDER),
    ):
        options = (
            "--index-base-url=https://example.org/models",
            f"--tree-repositories=file:{published}",
        )
        done = clone.run(*options, "publish", "//:tree")
    assert done.exit_code == 0, done.output
    assert done.exports == [], "what was tested is what is published"
    catalogue = open_catalogue(str(published / "current"), cache=tmp_path / "cache")
    for backend in ("portable", "xnnpack"):
        program = catalogue.fetch(catalogue.best("my", "linux", backends=[backend]))
        method = Runtime.get().load_program(program).load_method("forward")
        for length in (1, 7, 12):
            tokens = torch.randint(50, (1, length), generator=torch.Generator().manual_seed(length))
            with torch.no_grad():
                expected = model(tokens)
            for ours, theirs in zip(method.execute([tokens]), expected.values(), strict=True):
                torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)


def test_int8_from_a_file_and_a_folder_of_inputs(clone: UserClone, tmp_path: Path) -> None:
    torch.manual_seed(0)
    layers = (nn.Conv2d(3, 16, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    torch.jit.script(nn.Sequential(*layers, nn.Linear(16, 8)).eval()).save(str(tmp_path / "eye.pt"))  # type: ignore[no-untyped-call]
    (tmp_path / "inputs").mkdir()
    for seed in range(5):
        image = np.random.default_rng(seed).uniform(0, 1, (1, 3, 32, 32)).astype(np.float32)
        np.save(tmp_path / f"inputs/{seed}.npy", image)
    tool = ("run", "tools/foundry", "--", "new", "--from", str(tmp_path / "eye.pt"))
    inputs = ("--inputs", "1,3,32,32", "--calibration", str(tmp_path / "inputs"))
    made = clone.run(*tool, *inputs, "--backends", "int8_xnnpack")
    assert made.exit_code == 0, made.output
    assert "calibrated on 4 samples, judged on 1 others" in made.output
    tested = clone.run("test", "models/eye::")
    assert tested.exit_code == 0, tested.output
    assert "✓ models/eye:eye_int8_xnnpack_test succeeded" in tested.output, tested.output
    # A sample that judges is an input of the test, and of nothing else.
    (judged,) = (clone.root / "models/eye/samples/judged").iterdir()
    np.save(judged, np.full((1, 3, 32, 32), np.nan, np.float32))
    broken = clone.run("test", "models/eye::")
    assert broken.exit_code == 1 and "has NaN in it" in broken.output, broken.output
    assert broken.exports == [], broken.output
