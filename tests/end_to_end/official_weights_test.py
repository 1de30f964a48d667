"""What a team does that ships official weights: fetch, build, prove, publish, release, consume; in one piece.

Servers of this machine stand in for the hosts of the checkpoints and of the published tree.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from executorch.runtime import Runtime  # type: ignore[import-untyped]

from end_to_end.checkpoint_host import CheckpointHost, checkpoint_host
from end_to_end.ci_release import release
from end_to_end.clone import WITHOUT_OLDER, PantsOutcome, UserClone, git
from end_to_end.official_checkpoints import (
    MOBILENET,
    PE,
    YOLO,
    MadeCheckpoint,
    meta_file,
    torchvision_file,
    ultralytics_file,
)
from pte_foundry.testing import faulty_server
from pte_foundry.testing.faulty_server import FaultyServer, cut, slow, status

# What is at the addresses in the BUILD files, by model; the last part of a path is the file's name.
PATHS = {
    MOBILENET: "/models/mobilenet_v3_small-047dcff4.pth",
    YOLO: "/ultralytics/assets/releases/download/v8.3.0/yolo11n.pt",
    PE: "/facebook/PE-Core-T16-384/resolve/8b4722741a516c18e7d311f158f13c600fea6c78/PE-Core-T16-384.pt",
}
HOSTS = {
    MOBILENET: "https://download.pytorch.org",
    YOLO: "https://github.com",
    PE: "https://huggingface.co",
}
BUILDS = {
    MOBILENET: "models/mobilenet/BUILD",
    YOLO: "models/yolo/BUILD",
    PE: "models/pe_core/BUILD",
}
PROGRAMS = sorted(
    [f"models/mobilenet:{MOBILENET}_portable"]
    + [f"{build.removesuffix('/BUILD')}:{model}_xnnpack" for model, build in BUILDS.items()]
)
SENT = 3_000_000
# What the client reads at a time.
PIECE = 1 << 18
# The slow answer takes longer than the ten seconds after which the log says how far it is.
SLOW = slow(pieces=12, pause=1.0)


@pytest.fixture(scope="module")
def made(
    clone: UserClone, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, MadeCheckpoint]:
    return {
        MOBILENET: torchvision_file(),
        YOLO: ultralytics_file(clone, tmp_path_factory.mktemp("made")),
        PE: meta_file(),
    }


@pytest.fixture()
def host() -> Iterator[CheckpointHost]:
    with checkpoint_host() as running:
        yield running


@pytest.fixture()
def published() -> Iterator[FaultyServer]:
    """Where apps download from; empty until there is a release."""
    with faulty_server.serve({}) as running:
        yield running


def pin(clone: UserClone, made: Mapping[str, MadeCheckpoint], urls: Mapping[str, str]) -> None:
    """Pin the files of these addresses in the BUILD files, by hash alone for YOLO."""
    for model, build in BUILDS.items():
        content = made[model].content
        text = (clone.root / build).read_text()
        start = text.index(f'    name="{model}_weights"')
        end = text.index(")\n", start)
        target = text[start:end]
        size = "" if model == YOLO else f"    size={len(content)},\n"
        sha256 = hashlib.sha256(content).hexdigest()
        changes = {
            f'"{HOSTS[model]}{PATHS[model]}"': f'"{urls[model]}"',
            r'sha256="[0-9a-f]{64}"': f'sha256="{sha256}"',
            r"    size=\d+,\n": size,
        }
        for old, new in changes.items():
            target, count = re.subn(old, new, target)
            assert count == 1, f"{build}: {old} occurs {count} times in {model}_weights"
        (clone.root / build).write_text(text[:start] + target + text[end:])


def fetch(clone: UserClone, address: str, model: str, to: Path) -> PantsOutcome:
    """As a consumer does."""
    wanted = ("run", "tools/foundry", "--", "fetch", address, model)
    return clone.run(*wanted, "--platform=linux", "--backend=xnnpack", f"--to={to}")


def test_from_the_checkpoints_hosts_to_an_app(
    clone: UserClone,
    tmp_path: Path,
    made: Mapping[str, MadeCheckpoint],
    host: CheckpointHost,
    published: FaultyServer,
) -> None:
    # The first connection breaks, and the store is busy for a moment; one is slow; one breaks twice.
    answers = {
        MOBILENET: (cut(SENT), status(503)),
        # Of an unknown size: it is asked for first.
        YOLO: (faulty_server.behave, SLOW),
        PE: (cut(SENT), cut(SENT)),
    }
    urls = {
        model: host.hold(path, made[model].content, *answers[model])
        for model, path in PATHS.items()
    }
    folder, remote = tmp_path / "releases", tmp_path / "remote.git"
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", str(remote))
    user = replace(
        clone, environment={**clone.environment, "no_proxy": "127.0.0.1", "NO_PROXY": "127.0.0.1"}
    )
    shutil.copytree(".ci", clone.root / ".ci", dirs_exist_ok=True)
    shutil.copy2("pants.ci.toml", clone.root)
    before = {build: (clone.root / build).read_bytes() for build in BUILDS.values()}
    try:
        pin(clone, made, urls)
        clone.edit(BUILDS[YOLO], '"bus, person, person, person"', f'"{made[YOLO].seen["bus.jpg"]}"')
        clone.edit(BUILDS[MOBILENET], "Egyptian cat", made[MOBILENET].seen["chelsea.png"])
        with (
            clone.edited("BUILD", 'programs=["models::"]', f"programs={PROGRAMS}"),
            clone.edited("BUILD", *WITHOUT_OLDER),
        ):
            # The model does not see what the BUILD file says is on the other picture.
            refused = user.run("package", "//:tree")
            assert refused.exit_code == 1, refused.output
            assert "not the expected 'espresso'" in refused.output
            assert not (clone.root / "dist/tree").exists()

            clone.edit(BUILDS[MOBILENET], "espresso", made[MOBILENET].seen["coffee.png"])
            packaged = user.run("package", "//:tree")
            assert packaged.exit_code == 0, packaged.output
            # Each program once, whichever run it was.
            assert sorted(refused.exports + packaged.exports) == PROGRAMS

            # As the release does, so that both publish the same bytes under the same name.
            base = f"--index-base-url={published.url('/tree')}"
            to_folder = f"--tree-repositories=file:{folder}"
            first = user.run(base, to_folder, "publish", "//:tree")
            assert first.exit_code == 0, first.output
            second = release(
                user,
                RELEASE_BASE_URL=published.url("/tree"),
                RELEASE_REPOSITORY=f"git+file:{remote}#branch=main",
            )
            assert second.exit_code == 0, second.output
            assert first.exports == second.exports == []
    finally:
        for build, content in before.items():
            (clone.root / build).write_bytes(content)

    # Every part of every file once; the store refuses an address that was used before.
    assert host.ranges(PATHS[MOBILENET]) == [None, f"bytes={SENT}-", f"bytes={SENT}-"]
    assert host.ranges(PATHS[YOLO]) == [None, None]
    assert host.ranges(PATHS[PE]) == [None, f"bytes={SENT}-", f"bytes={2 * SENT}-"]
    said = refused.output + packaged.output
    for model, build in BUILDS.items():
        address = f"{build.removesuffix('/BUILD')}:{model}_weights"
        assert f"{address}: fetching {PATHS[model].rpartition('/')[2]}" in said
    assert re.search(r"yolo11n_weights: fetching yolo11n\.pt: \d of \d MB \(\d\d %\)", said), said

    name = git(remote, "tag")
    assert name.startswith("v1.5.1-") and (folder / "current").resolve() == folder / name
    git(tmp_path, "clone", "--quiet", "--branch", name, str(remote), "consumer")
    tree = tmp_path / "consumer"
    published.files = {
        f"/tree/{path.relative_to(tree)}": path.read_bytes()
        for path in tree.rglob("*")
        if path.is_file() and ".git" not in path.relative_to(tree).parts
    }
    (cut_off,) = (path for path in published.files if path.endswith(f"/{MOBILENET}_xnnpack.pte"))
    published.fail(cut_off, cut(SENT))
    for model, checkpoint in made.items():
        for address in (published.url("/tree"), (folder / "current").as_uri()):
            to = tmp_path / "apps" / hashlib.sha256(address.encode()).hexdigest()
            fetched = fetch(user, address, model, to)
            assert fetched.exit_code == 0, fetched.output
            assert "NOT OFFICIAL" not in fetched.output
            runs_as_the_checkpoint(to / f"{model}_xnnpack.pte", checkpoint)
    # It goes on where it was cut off, but for what was not a whole piece yet.
    whole, rest = (asked.range for asked in published.asked_for(cut_off))
    assert whole is None and rest is not None
    kept = int(rest.removeprefix("bytes=").removesuffix("-"))
    assert SENT - PIECE < kept <= SENT


def runs_as_the_checkpoint(program: Path, checkpoint: MadeCheckpoint) -> None:
    """What an app computes is what the checkpoint's eager model computes."""
    method = Runtime.get().load_program(program).load_method("forward")
    (found, *_) = method.execute([checkpoint.inputs])
    largest = float(checkpoint.expected.abs().max())
    assert float((found - checkpoint.expected).abs().max()) < 1e-3 * largest
