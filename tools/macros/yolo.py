"""The BUILD macros of YOLO models, with and without key points: their programs, and what their tests expect."""


def yolo_test(seen):
    """The test of the float programs.

    seen: what is on `bus.jpg`. Every program with trained weights must find it, whatever its precision. If the eager
        model does too, pictures are prepared as in training.
    """
    # A float program finds exactly what fp32 finds.
    return {
        # Boxes are pixels of the 640x640 input. Two float32 computations of the same model differ by up to 0.01 pixels
        # (the eager model from its float64 version by 0.003), most for large boxes; 0.05 pixels are far below what
        # anyone can see, and far below the effect of any structural mistake.
        "min_cosine": 0.999999,
        "max_abs_difference": 0.05,
        # Five runs on the portable kernels, on a machine that may be busy.
        "timeout": 1800,
        "photographs": ["//toolchains:detected_photograph"],
        "expected_labels": {"bus.jpg": seen},
        "min_matched_detections": 1.0,
        "max_extra_detections": 0.0,
        "max_score_difference": 0.02,
        "min_box_iou": 0.9,
    }


def yolo_programs(xnnpack, head, floors, float_operators=None, poses=False):
    """The programs of a model; XNNPACK's rewrites depend on its blocks, int8 on the name of its head.

    floors: of the int8 program, what of it has to be quantized. poses: whether it has key points.
    """
    rewrites = "src/python/pte_foundry/rewrites"
    recipes = "src/python/pte_foundry/quantization/recipes"

    whole_graph = {"max_delegate_calls": 1, "max_undelegated_operators": 0}

    # In float16, coordinates beyond 512 have steps of half a pixel. Interpreted: cosine 0.9999999. Arbitrary boxes
    # (random inputs show no object) differ by 2 pixels with seeded weights, by 16 with stand-ins.
    half = {**whole_graph, "test": {"min_cosine": 0.999999, "max_abs_difference": 40.0}}

    folded = [f"{rewrites}/fold_batch_norm.py"]
    # Computes in float16.
    gpu = [*folded, f"{rewrites}/softmax_detection.py"]

    # Int8 weights, float16 computations.
    int8_weights = {
        "quantization": ["src/python/pte_foundry/quantization/recipes/weights_only.py"],
        "min_quantized_weights": 1.0,
    }

    # Tried with ExecuTorch 1.4.1; the shaders of 1.5.1 are the same. With int8 weights only, everything lowers but no
    # convolution would load: the runtime packs their weights ahead of time, so they must be stored unpacked. With int8
    # activations the delegate takes convolutions, but converts from and to float32 around every SiLU; it has no float16
    # shaders for that.
    no_int8_vulkan = (
        "ExecuTorch 1.5.1's Vulkan runtime has no convolution with int8 weights and float activations, and with int8 "
        "activations none at float16"
    )

    # How many of fp32's detections int8 keeps. A photograph has a few objects with scores near the threshold, so a
    # handful of detections come and go; a wrong zero point or one scale for all channels of a weight loses most of
    # them.
    int8_test = {
        "photographs": ["//toolchains:judged_photographs"],
        "min_matched_detections": 0.95,
        "max_extra_detections": 0.05,
        "max_score_difference": 0.3,
        # Boxes that overlap less do not match at all.
        "min_box_iou": 0.8,
        # Boxes are pixels, whatever their score, and dominate the cosine of the whole output. Without an object, a box
        # is arbitrary, and may be off by the size of the picture.
        "min_cosine": 0.99,
        "max_abs_difference": 640.0,
    }

    # Measured on the quantized graph, with stand-in weights and 11 photographs: all 45 detections of the three models
    # and no others, scores within 0.10 (yolov5n), cosine at least 0.99992.
    int8_weights_test = {
        **int8_test,
        "max_score_difference": 0.3,
        "min_cosine": 0.9995,
    }

    def int8_fields():
        """Static int8; `head` is the name of the module `Detect` or `Pose`."""
        options = {
            # Box decoding stays in float: exp over a range of e^16, a quotient, and coordinates up to 640 that need
            # more than 256 steps. So do the head's own sums, sigmoids and concatenations, which join boxes and scores
            # in one tensor. The last 1x1 convolutions compute the logits of both; an eighth of their range is the whole
            # range of scores, and they are 1 % of the work.
            "float_modules": f"{head}.mean,{head}.to_pixels,{head}.box_branches.*.2,{head}.class_branches.*.2",
            "float_own": head,
            # Clips the rare extremes of a range. With minmax instead, scores of yolo11n differ by up to 0.39 instead of
            # 0.15, and yolov8n detects something among the coins that is not there. Without the crops, which show
            # larger objects, yolov8n loses one of 13 detections.
            "observer": "histogram",
            "crops": "2",
        }
        if poses:
            # Coordinates and the last 1x1 convolutions of key points, for the same reasons.
            options["float_modules"] += f",{head}.points.branches.*.2"
            options["float_own"] += f",{head}.points"
        if float_operators:
            options["float_operators"] = float_operators
        return {
            "rewrites": [
                *folded,
                *xnnpack,
                f"{rewrites}/levelwise_detection.py",
                # Between sigmoid and product there is a scale to learn.
                f"{rewrites}/spelled_out_silu.py",
            ],
            "quantization": [f"{recipes}/xnnpack_static.py"],
            "quantization_options": options,
            "calibration": ["//toolchains:calibration"],
            "test": int8_test,
            **whole_graph,
        }

    return {
        "coreml": {"rewrites": gpu, **half},
        "int8_coreml": {
            "rewrites": gpu,
            **int8_weights,
            **whole_graph,
            "test": int8_weights_test,
        },
        "int8_vulkan": {"unavailable": no_int8_vulkan},
        # MPS has no nearest upsampling, and treats a transposed convolution as a plain one.
        "mps": {"rewrites": [*gpu, f"{rewrites}/broadcast_upsampling.py"], **half},
        "portable": {"rewrites": folded},
        # No floor: not compiled with the SDK yet.
        "qnn": {"rewrites": gpu},
        "vulkan": {"rewrites": gpu, **half},
        "xnnpack": {
            "rewrites": [*folded, *xnnpack, f"{rewrites}/levelwise_detection.py"],
            **whole_graph,
        },
        "int8_xnnpack": {**int8_fields(), **floors},
    }
