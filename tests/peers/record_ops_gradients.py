"""Cases of the ops that compute gradients."""

import numpy as np
import tensorflow as tf

from op_cases import Case, generator, integers, normal, uniform

NAN, INF = float("nan"), float("inf")


def complexes(rng, *shape, dtype=np.complex64):
    return (normal(rng, *shape) + 1j * normal(rng, *shape)).astype(dtype)


# --- elementwise

# op: (low, high) of the value that tells the slope
GRADIENTS = {
    "ReluGrad": (-3, 3),
    "Relu6Grad": (-3, 9),
    "LeakyReluGrad": (-3, 3),
    "EluGrad": (-1, 3),
    "SeluGrad": (-1.75, 3),
    "SoftplusGrad": (-5, 5),
    "SoftsignGrad": (-5, 5),
    "SigmoidGrad": (0, 1),
    "TanhGrad": (-1, 1),
    "SqrtGrad": (0.1, 3),
    "RsqrtGrad": (0.1, 3),
    "ReciprocalGrad": (-3, 3),
    "InvGrad": (-3, 3),
}
VALUE_FIRST = ("SigmoidGrad", "TanhGrad", "SqrtGrad", "RsqrtGrad", "ReciprocalGrad", "InvGrad")


def elementwise():
    for op, (low, high) in GRADIENTS.items():
        rng = generator(op)

        def operands(gradient, value):
            return [value, gradient] if op in VALUE_FIRST else [gradient, value]

        yield Case(op, "float32", operands(normal(rng, 2, 4), uniform(rng, low, high, 2, 4)))
        yield Case(op, "special values", operands(np.float32([1, -2, 1, NAN, 2, 3, 1]), np.float32([0, -0.0, NAN, 1, INF, -INF, 6])))
        yield Case(op, "float64", operands(normal(rng, 3, dtype=np.float64), uniform(rng, low, high, 3, dtype=np.float64)))
        yield Case(op, "float64 scalars", operands(np.array(1.5), np.array(0.25)))
        yield Case(op, "half", operands(normal(rng, 4, dtype=np.float16), uniform(rng, low, high, 4, dtype=np.float16)))
        yield Case(op, "bfloat16", operands(normal(rng, 4, dtype=tf.bfloat16), uniform(rng, low, high, 4, dtype=tf.bfloat16)))
        yield Case(op, "empty", operands(np.zeros((2, 0), np.float32), np.zeros((2, 0), np.float32)))
        if op in VALUE_FIRST:
            yield Case(op, "complex64", operands(complexes(rng, 4), complexes(rng, 4)), tolerance=(1e-5, 1e-4))
            yield Case(op, "complex128", operands(complexes(rng, 3, dtype=np.complex128), complexes(rng, 3, dtype=np.complex128)))
        if op in ("ReluGrad", "Relu6Grad"):
            yield Case(op, "int32", operands(integers(rng, -9, 9, 6), np.array([-5, 0, 1, 5, 6, 9], np.int32)))
            yield Case(op, "int8", operands(integers(rng, -128, 128, 4, dtype=np.int8), np.array([-5, 0, 1, 127], np.int8)))
            yield Case(op, "uint64", operands(np.array([2**64 - 1, 1, 3], np.uint64), np.array([5, 0, 2**64 - 1], np.uint64)))
        if op == "LeakyReluGrad":
            yield Case(op, "alpha", operands(normal(rng, 5), normal(rng, 5)), alpha=-0.5)


def bias():
    rng = generator("BiasAddGrad")
    yield Case("BiasAddGrad", "matrix", [normal(rng, 3, 2)])
    yield Case("BiasAddGrad", "NHWC", [normal(rng, 2, 2, 1, 3)], data_format="NHWC", tolerance=(1e-6, 1e-6))
    yield Case("BiasAddGrad", "NCHW", [normal(rng, 2, 3, 1, 2)], data_format="NCHW", tolerance=(1e-6, 1e-6))
    yield Case("BiasAddGrad", "NCHW of rank 3", [normal(rng, 2, 3, 2)], data_format="NCHW", tolerance=(1e-6, 1e-6))
    yield Case("BiasAddGrad", "int32 wraps", [np.array([[2**31 - 1, 1], [1, 2]], np.int32)])
    yield Case("BiasAddGrad", "half", [normal(rng, 2, 3, dtype=np.float16)])
    yield Case("BiasAddGrad", "float64", [normal(rng, 2, 3, dtype=np.float64)])
    yield Case("BiasAddGrad", "nothing to sum", [np.zeros((0, 3), np.float32)])
    yield Case("BiasAddGrad", "no channels", [np.zeros((2, 0), np.float32)])


# --- slices and paddings


def i32(*values):
    return np.array(values, np.int32)


def slices():
    op, rng = "StridedSliceGrad", generator("StridedSliceGrad")
    yield Case(op, "a box", [i32(3, 4), i32(1, 0), i32(3, 3), i32(1, 1), normal(rng, 2, 3)])
    yield Case(op, "steps, backwards", [i32(5, 4), i32(0, 3), i32(5, -9), i32(2, -2), normal(rng, 3, 2)])
    yield Case(op, "masks", [i32(3, 4), i32(0, 1), i32(0, 3), i32(1, 1), normal(rng, 3, 2)], begin_mask=1, end_mask=1)
    yield Case(op, "an ellipsis and one index", [i32(2, 3, 2), i32(0, 1), i32(0, 2), i32(1, 1), normal(rng, 2, 3)], ellipsis_mask=1, shrink_axis_mask=2)
    yield Case(op, "a new axis", [i32(4), i32(0, 1), i32(0, 3), i32(1, 1), normal(rng, 1, 2)], new_axis_mask=1)
    yield Case(op, "int64 indices, int32 elements", [np.array([4]), np.array([1]), np.array([3]), np.array([1]), i32(7, -7)])
    yield Case(op, "nothing", [i32(4), i32(2), i32(2), i32(1), np.zeros((0,), np.float32)])


def paddings():
    op, rng = "MirrorPadGrad", generator("MirrorPadGrad")
    for mode in ("REFLECT", "SYMMETRIC"):
        yield Case(op, mode + " of a vector", [normal(rng, 7), i32([2, 1])], mode=mode, tolerance=(1e-6, 1e-6))
        yield Case(op, mode + " of a matrix", [normal(rng, 4, 6), np.array([[1, 1], [2, 0]])], mode=mode, tolerance=(1e-6, 1e-6))
        yield Case(op, mode + " of float64", [normal(rng, 5, 2, dtype=np.float64), i32([0, 2], [0, 0])], mode=mode)
    yield Case(op, "as much as there is", [normal(rng, 5), i32([2, 0])], mode="REFLECT", tolerance=(1e-6, 1e-6))
    yield Case(op, "nothing padded", [normal(rng, 2, 2), i32([0, 0], [0, 0])], mode="SYMMETRIC")


def cases():
    yield from elementwise()
    yield from slices()
    yield from paddings()
    yield from bias()
