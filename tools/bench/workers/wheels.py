"""Bytes of the wheels in toolchains, as Pants packs them into a PEX and sends them to workers.

Measured on Linux x86-64: the sizes of the files in `toolchain.pex/.deps` of exports' sandboxes, which
`--keep-sandboxes=always` keeps. All toolchains have the same file of a wheel, so the service needs it once.
"""

from __future__ import annotations

WHEELS = {
    "attrs==26.1.0": 68_920,
    "cattrs==26.2.1": 76_775,
    "coremltools==9.0": 2_329_253,
    "executorch==1.4.1": 17_603_903,
    "executorch==1.5.1": 18_925_692,
    "filelock==4.2.11": 223_568,
    "flatbuffers==25.12.19": 27_792,
    "fsspec==2026.9.0": 223_577,
    "jinja2==3.1.6": 136_196,
    "markupsafe==3.0.4": 23_885,
    "mpmath==1.3.0": 538_273,
    "networkx==3.6.1": 2_080_182,
    "numpy==2.4.6": 16_926_931,
    "opencv-python-headless==5.0.0.93": 61_205_604,
    "packaging==26.3": 131_390,
    "pillow==13.0.0": 7_142_459,
    "protobuf==7.36.2": 344_296,
    "pyyaml==6.0.3": 807_612,
    "ruamel-yaml==0.19.1": 119_903,
    "safetensors==0.6.2": 485_615,
    "sympy==1.14.0": 6_330_617,
    "tabulate==0.10.0": 41_621,
    "timm==1.0.31": 2_802_992,
    "torch==2.13.0": 191_988_018,
    "torchao==0.18.0": 3_377_683,
    "torchvision==0.28.0": 7_672_945,
    "tqdm==4.70.1": 82_256,
    "typing-extensions==4.16.0": 46_719,
    "ultralytics==8.4.190": 1_443_771,
}
"""By name, in its normal form, and version without a local part."""

PEX = 1_131_041
"""Of PEX itself, in every toolchain. What is left of a PEX are three files of 24 KB together."""
