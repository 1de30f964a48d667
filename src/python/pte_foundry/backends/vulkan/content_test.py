from __future__ import annotations

import pytest
import torch
from executorch.backends.vulkan.serialization.vulkan_graph_schema import (  # type: ignore[import-untyped]
    VkMemoryLayout,
)
from executorch.backends.vulkan.utils import (  # type: ignore[import-untyped]
    required_image_extents,
)

from pte_foundry.backends.lowering import LoweringRequest
from pte_foundry.backends.vulkan.content import texture_extents
from pte_foundry.backends.vulkan.lowering import lower as lower_vulkan
from pte_foundry.backends.vulkan.program import interpret
from pte_foundry.errors import PteError
from pte_foundry.inspection.payloads import delegate_payloads, named_data
from pte_foundry.quantization.recipe import QuantizationRequest
from pte_foundry.quantization.recipes.weights_only import quantize
from pte_foundry.testing.lowered import lower
from pte_foundry.testing.small_models import build, picture


def test_a_payload_describes_itself() -> None:
    content = interpret(*lower("vulkan", "block")).content()
    assert content.inputs == (((1, 3, 8, 8), "float32"),)
    assert content.outputs == (((1, 10), "float32"),)
    assert (content.convolutions, content.products) == (2, 1)
    assert list(content.float_types) == ["float16"]
    sizes = sorted(one.values.numel() for one in content.constants if one.values.numel() >= 16)
    assert sizes == [16, 8 * 16, 10 * 16, 8 * 27]


def test_textures_fit_into_the_limits_or_not() -> None:
    program = interpret(*lower("vulkan", "block"))
    assert program.broken_options({}) == program.broken_options({"texture_limits": "16"}) == ()
    (first, *_) = program.broken_options({"texture_limits": "4,16,16"})
    assert "texels, at most [4, 16, 16] are promised" in first


def test_textures_are_as_large_as_executorch_makes_them() -> None:
    for layout in VkMemoryLayout:
        for dims in ((), (7,), (9, 6), (5, 9, 6), (3, 5, 9, 6)):
            try:
                expected = required_image_extents(torch.Size(dims), layout)
            except RuntimeError:
                with pytest.raises(PteError, match="memory layout"):
                    texture_extents(dims, layout)
            else:
                assert texture_extents(dims, layout) == expected


def test_integers_are_what_they_stand_for() -> None:
    model = build("attention")
    request = QuantizationRequest(
        model="attention",
        module=model,
        inputs=(),
        example_inputs=(picture(),),
        preprocess=lambda one: (one,),
        calibration={},
        options={"operators": "linear"},
        begin=lambda stage: None,
    )
    lowering = LoweringRequest(quantize(request).exported_program, "int8", {})
    pte = bytes(lower_vulkan(lowering).program.buffer)
    (payload,) = delegate_payloads(pte)
    content = interpret(payload.payload, named_data(pte)).content()
    integers = [one for one in content.constants if one.scale is not None]
    assert len(integers) == 3
    for one, layer in zip(integers, (model.queries, model.keys, model.values)):
        assert isinstance(layer, torch.nn.Linear) and one.scale is not None
        assert one.scale.shape == (8, 1)
        assert ((one.values - layer.weight).abs() <= one.scale * 0.57).all()
