"""Which operators the code of a TorchScript file may call: those that compute, and nothing else.

The registry of torch 2.13 has 1,730 names under `aten` alone. A public one is allowed if its arguments are
tensors, numbers, text and lists of them, and torch's dispatcher knows it. Private names, and those
that only TorchScript's interpreter knows, were read one by one; the lists below have those that compute.
"""

from __future__ import annotations

import functools
import re

import torch

_PRIVATE = frozenset(
    """
    __and__ __contains__ __derive_index __getitem__ __iand__ __ilshift__ __interpolate __ior__ __irshift__ __is__
    __isnot__ __ixor__ __lshift__ __not__ __or__ __range_length __round_to_zero_floordiv __rshift__ __upsample
    __upsample_bilinear __upsample_nearest __xor__ _adaptive_avg_pool2d _adaptive_avg_pool3d _addmm_activation
    _aminmax _batch_norm_impl_index _cast_Byte _cast_Char _cast_Double _cast_Float _cast_Half _cast_Int _cast_Long
    _cast_Short _cdist_forward _conj _convolution _convolution_mode _embedding_bag _fft_c2c _fft_c2r _fft_r2c
    _infer_size _is_all_true _is_any_true _list_to_tensor _log_softmax _masked_softmax _native_batch_norm_legit
    _native_batch_norm_legit_no_training _native_multi_head_attention _neg_view _pack_padded_sequence
    _pad_packed_sequence _prelu_kernel _reshape_alias _safe_softmax _scaled_dot_product_attention_math _set_item
    _shape_as_tensor _softmax _stack _tensor_to_list _thnn_fused_gru_cell _thnn_fused_lstm_cell _to_copy
    _transformer_encoder_layer_fwd _trilinear _unique _unique2 _unsafe_view _unwrap_optional
    _upsample_bicubic2d_aa _upsample_bilinear2d_aa _upsample_lanczos2d_aa _upsample_nearest_exact1d
    _upsample_nearest_exact2d
    _upsample_nearest_exact3d _weight_norm _weight_norm_interface
    """.split()
)
_OF_THE_INTERPRETER = frozenset(
    """
    Bool Complex ComplexImplicit Delete Float FloatImplicit Int IntImplicit ScalarImplicit Size append as_tensor bin
    broadcast_shapes capitalize center chr clear count cpu degrees device dict divmod element_size endswith
    expandtabs extend fabs factorial find floordiv format gamma get grad hash hex index insert is_autocast_enabled
    is_grad_enabled is_scripting isalnum isalpha isdecimal isdigit isidentifier islower isnumeric isprintable
    isspace istitle isupper items join keys len list ljust lower lstrip mathremainder modf oct ord partition
    percentFormat pop popitem radians remove replace reverse rfind rindex rjust rpartition rsplit rstrip setdefault
    sorted splitlines startswith str strip swapcase tensor title update upper values warn zfill
    """.split()
)
_PRIMITIVES = frozenset(
    """
    EnumName EnumValue NumToTensor RaiseException StringIndex TupleIndex TupleUnpack Uninitialized abs data device
    dtype grad index is_cpu is_cuda is_meta is_mkldnn is_mps is_nested is_quantized is_sparse is_vulkan is_xla
    itemsize layout max min name nbytes rangelist requires_grad tolist type unchecked_cast unchecked_unwrap_optional
    """.split()
)
_OF_TORCH = frozenset(
    """
    _c10d_functional _c10d_functional_autograd _dtensor _native _quantized _test c10d cuda debug_mode_ops
    debugprims export higher_order inductor inductor_prims mkl mkldnn mkldnn_prepacked onednn onnx prepacked
    prim prims profiler quantization quantized rel rngprims sparse static_runtime streams symm_mem tensorexpr
    xnnpack
    """.split()
)
"""Namespaces of torch itself beside `aten`; of these, only the primitives above. Another namespace is there
because the target's `imports` registered it."""
_OTHER_HARDWARE = re.compile(
    r"cudnn|fbgemm|miopen|mkldnn|mps|nested|quantized|sparse|vulkan|backward"
)
_PLAIN_TYPE = re.compile(
    r"(Optional\[|List\[)*(Tensor|int|float|bool|complex|number|str|Device|Generator|t|Any|AnyEnumType"
    r"|Dict\[\w+, t\])\]*"
)


def is_operator(name: str) -> bool:
    """Whether `v.name(...)` could call an operator rather than a method of the file."""
    return bool(torch._C._jit_get_schemas_for_operator(f"aten::{name}")) or bool(
        torch._C._jit_get_schemas_for_operator(f"prim::{name}")
    )


@functools.cache
def is_allowed(namespace: str, name: str) -> bool:
    """Whether a script may call `namespace::name`. An operator that does not exist is not allowed."""
    schemas = torch._C._jit_get_schemas_for_operator(f"{namespace}::{name}")
    if namespace == "prim":
        return name in _PRIMITIVES
    if namespace != "aten":
        return bool(schemas) and namespace not in _OF_TORCH and not name.startswith("_")
    if name in _PRIVATE or name in _OF_THE_INTERPRETER:
        return True
    return (
        bool(schemas)
        and not name.startswith("_")
        and not _OTHER_HARDWARE.search(name)
        and f"aten::{name}" in _dispatched()
        and all(
            _PLAIN_TYPE.fullmatch(str(argument.type)) and "file" not in argument.name
            for schema in schemas
            for argument in schema.arguments
        )
    )


@functools.cache
def _dispatched() -> frozenset[str]:
    names = torch._C._dispatch_get_all_op_names()
    return frozenset(name.partition(".")[0] for name in names)
