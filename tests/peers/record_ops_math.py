"""Cases of the elementwise, reduction, linear, convolution, normalisation, spectral and image resizing ops."""

import numpy as np
import tensorflow as tf

from op_cases import Case, booleans, generator, integers, normal, uniform

NAN, INF = float("nan"), float("inf")
FLOATS = (np.float32, np.float64, np.float16, tf.bfloat16)


def complexes(rng, *shape, dtype=np.complex64):
    return (normal(rng, *shape) + 1j * normal(rng, *shape)).astype(dtype)


# --- one operand

# op: (low, high) of the domain, extra values, also complex
UNARY = {
    "Acos": (-1, 1, [1.0, -1.0, 1.5], True),
    "Acosh": (1, 9, [1.0, 0.5, INF], True),
    "Asin": (-1, 1, [1.0, -1.0, 1.5], True),
    "Asinh": (-9, 9, [0.0, INF, 1e-4], True),
    "Atan": (-9, 9, [INF, -INF, 0.0], True),
    "Atanh": (-1, 1, [1.0, -1.0, 2.0], True),
    "Ceil": (-9, 9, [2.0, -0.5, INF, NAN], False),
    "Cos": (-9, 9, [0.0, INF], True),
    "Cosh": (-5, 5, [0.0, 100.0], True),
    "Digamma": (-5, 9, [0.0, 1.0, -2.0], False),
    "Elu": (-5, 5, [0.0, -100.0, INF, NAN], False),
    "Erf": (-3, 3, [0.0, INF, -INF, 1e-4], False),
    "Erfc": (-3, 3, [0.0, INF, -INF, 5.0], False),
    "Erfinv": (-0.99, 0.99, [0.0, 1.0, -1.0, 2.0], False),
    "Exp": (-5, 5, [0.0, 100.0, -200.0, INF, -INF], True),
    "Expm1": (-3, 3, [0.0, 1e-5, INF, -INF], True),
    "Floor": (-9, 9, [2.0, -0.5, INF, NAN], False),
    "Inv": (-9, 9, [0.0, INF], True),
    "Lgamma": (0.1, 9, [1.0, 0.0, -0.5, -2.0], False),
    "Log": (0.01, 9, [0.0, -1.0, INF], True),
    "Log1p": (-0.9, 9, [0.0, -1.0, 1e-5], True),
    "Ndtri": (0.01, 0.99, [0.0, 1.0, 0.5, 1e-5], False),
    "Reciprocal": (-9, 9, [0.0, INF], True),
    "Rint": (-9, 9, [0.5, 1.5, 2.5, -0.5, INF], False),
    "Round": (-9, 9, [0.5, 1.5, 2.5, -0.5, INF], False),
    "Rsqrt": (0.1, 9, [INF, -1.0, 4.0], True),
    "Selu": (-5, 5, [0.0, -100.0], False),
    "Sigmoid": (-9, 9, [0.0, 100.0, -80.0], True),
    "Sin": (-9, 9, [0.0, INF], True),
    "Sinh": (-5, 5, [0.0, 100.0], True),
    "Softplus": (-9, 9, [0.0, 100.0, -80.0], False),
    "Softsign": (-9, 9, [0.0], False),
    "Sqrt": (0, 9, [0.0, -1.0, INF], True),
    "Tan": (-1.4, 1.4, [0.0, 3.0], True),
    "Tanh": (-3, 3, [0.0, 100.0, -INF], True),
}
# TensorFlow's CPU kernels leave these out.
WITHOUT_HALF = {"Erfinv", "Mod", "Ndtri", "Rint", "TruncateMod"}
WITHOUT_BFLOAT16 = WITHOUT_HALF | {"Digamma", "Lgamma"}


def unary():
    for op, (low, high, extra, with_complex) in UNARY.items():
        rng = generator(op)
        yield Case(op, "float32", [uniform(rng, low, high, 2, 4)])
        yield Case(op, "special values", [np.array(extra, np.float32)])
        yield Case(op, "float64", [np.append(uniform(rng, low, high, 5, dtype=np.float64), extra[0])])
        if op not in WITHOUT_HALF:
            yield Case(op, "half", [uniform(rng, low, high, 4, dtype=np.float16)])
        if op not in WITHOUT_BFLOAT16:
            yield Case(op, "bfloat16", [uniform(rng, low, high, 4, dtype=tf.bfloat16)])
        yield Case(op, "empty", [np.zeros((2, 0), np.float32)])
        if with_complex:
            yield Case(op, "complex64", [complexes(rng, 4)], tolerance=(1e-5, 1e-4))
            yield Case(op, "complex128", [complexes(rng, 3, dtype=np.complex128)])
    yield from unary_with_integers()


def unary_with_integers():
    for op in ("Abs", "Neg", "Sign", "Square", "Relu", "Relu6"):
        rng = generator(op)
        yield Case(op, "float32", [np.append(normal(rng, 4), np.array([0.0, -0.0, INF, -INF, NAN], np.float32))])
        yield Case(op, "float64 scalar", [np.array(-2.5)])
        yield Case(op, "half", [normal(rng, 4, dtype=np.float16)])
        yield Case(op, "bfloat16", [normal(rng, 4, dtype=tf.bfloat16, scale=5)])
        yield Case(op, "int32", [np.array([0, 5, -5, 2**31 - 1, -(2**31), 70000], np.int32)])
        yield Case(op, "int64", [np.array([0, 5, -5, 2**62, -(2**63) + 1, 2**40], np.int64)])
        yield Case(op, "int8", [np.array([0, 5, -5, 127, -128], np.int8)])
        yield Case(op, "empty", [np.zeros((0, 3), np.float32)])
        if op in ("Neg", "Sign", "Square"):
            yield Case(op, "complex64", [np.append(complexes(rng, 3), np.complex64(0))])
        if op in ("Relu", "Relu6", "Square"):
            yield Case(op, "uint8", [np.array([0, 5, 200, 255], np.uint8)])
        if op in ("Relu", "Relu6"):
            yield Case(op, "uint64", [np.array([0, 5, 2**64 - 1], np.uint64)])
    for dtype in (np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64):
        info = np.iinfo(dtype)
        yield Case("Invert", np.dtype(dtype).name, [np.array([0, 1, 100, info.min, info.max], dtype)])
    special = [0.0, 1.5, INF, -INF, NAN]
    for op in ("IsNan", "IsInf", "IsFinite"):
        for dtype in FLOATS:
            yield Case(op, tf.as_dtype(dtype).name, [np.array(special, tf.as_dtype(dtype).as_numpy_dtype)])
        yield Case(op, "empty", [np.zeros((0,), np.float32)])
    yield Case("LogicalNot", "vector", [np.array([True, False])])
    yield Case("LogicalNot", "empty", [np.zeros((0, 2), bool)])
    rng = generator("LeakyRelu")
    values = np.append(normal(rng, 5), np.array([0.0, INF, -INF, NAN], np.float32))
    yield Case("LeakyRelu", "default alpha", [values])
    yield Case("LeakyRelu", "alpha 0.5", [values], alpha=0.5)
    yield Case("LeakyRelu", "alpha 0", [normal(rng, 4)], alpha=0.0)
    yield Case("LeakyRelu", "alpha above 1", [normal(rng, 4)], alpha=1.5)
    yield Case("LeakyRelu", "half", [normal(rng, 4, dtype=np.float16)], alpha=0.1)
    yield Case("LeakyRelu", "float64", [normal(rng, 4, dtype=np.float64)])
    for op in ("ComplexAbs", "Real", "Imag", "Angle"):
        rng = generator(op)
        yield Case(op, "complex64", [np.append(complexes(rng, 2, 3), np.complex64([0, -1, 1j]))])
        yield Case(op, "complex128", [complexes(rng, 4, dtype=np.complex128)], Tout=tf.float64)
        yield Case(op, "empty", [np.zeros((0,), np.complex64)])
    rng = generator("Conj")
    yield Case("Conj", "complex64", [complexes(rng, 4)])
    yield Case("Conj", "complex128", [complexes(rng, 4, dtype=np.complex128)])


# --- two operands

# op: float dtypes, integer dtypes, complex; the second operand is positive where `positive`
BINARY = {
    "AddV2": (True, True, True),
    "Add": (True, True, True),
    "Sub": (True, True, True),
    "Mul": (True, True, True),
    "Div": (True, True, True),
    "RealDiv": (True, False, True),
    "TruncateDiv": (False, True, False),
    "FloorDiv": (True, True, False),
    "DivNoNan": (True, False, True),
    "MulNoNan": (True, False, True),
    "Xdivy": (True, False, True),
    "Mod": (True, True, False),
    "FloorMod": (True, True, False),
    "TruncateMod": (True, True, False),
    "Maximum": (True, True, False),
    "Minimum": (True, True, False),
    "SquaredDifference": (True, True, True),
    "Less": (True, True, False),
    "LessEqual": (True, True, False),
    "Greater": (True, True, False),
    "GreaterEqual": (True, True, False),
}
DIVIDES = {"Div", "TruncateDiv", "FloorDiv", "Mod", "FloorMod", "TruncateMod"}
SPECIAL = np.array([0.0, -0.0, 1.0, -1.0, INF, -INF, NAN, 3.0], np.float32)


def binary():
    for op, (floats, ints, with_complex) in BINARY.items():
        rng = generator(op)
        if floats:
            yield Case(op, "float32 broadcasts both ways", [normal(rng, 2, 1, 3), normal(rng, 4, 1)])
            pairs = np.array([[1, 0], [0, 0], [-1, 0], [INF, 2], [2, INF], [-7, 2], [7, -2], [NAN, 1], [1, NAN], [1, 1], [0.3, 0.1]], np.float32)
            yield Case(op, "special values", [pairs[:, 0].copy(), pairs[:, 1].copy()])
            yield Case(op, "float64 scalar", [np.array(5.5), normal(rng, 3, dtype=np.float64)])
            if op not in WITHOUT_HALF:
                yield Case(op, "half", [normal(rng, 4, dtype=np.float16), uniform(rng, 1, 3, 4, dtype=np.float16)])
            if op not in WITHOUT_BFLOAT16:
                yield Case(op, "bfloat16", [normal(rng, 4, dtype=tf.bfloat16), uniform(rng, 1, 3, 4, dtype=tf.bfloat16)])
        if ints:
            yield Case(op, "int32", [np.array([7, -7, 7, -7, 2**31 - 1, 0, 70000], np.int32), np.array([2, 2, -2, -2, 3, 5, 70000], np.int32)])
            yield Case(op, "int64", [integers(rng, -(2**40), 2**40, 2, 3, dtype=np.int64), integers(rng, 1, 100, 3, dtype=np.int64)])
            if op not in ("FloorMod", "Mod", "TruncateMod", "SquaredDifference", "DivNoNan"):
                yield Case(op, "uint8", [np.array([200, 7, 255], np.uint8), np.array([100, 2, 255], np.uint8)])
            if op in ("Maximum", "Minimum", "Less", "LessEqual", "Greater", "GreaterEqual", "FloorDiv", "FloorMod", "TruncateDiv"):
                yield Case(op, "uint64", [np.array([2**64 - 1, 7], np.uint64), np.array([3, 2**63 + 1], np.uint64)])
        if with_complex:
            yield Case(op, "complex64", [complexes(rng, 2, 2), complexes(rng, 2)])
        if op not in DIVIDES or floats:
            yield Case(op, "empty", [np.zeros((0, 3), np.float32), np.ones((1, 3), np.float32)] if floats else [np.zeros((0,), np.int32), np.ones((1,), np.int32)])
    yield Case("Add", "strings", [np.array([["a"], ["bc"]]), np.array(["x", "", "yz"])])
    rng = generator("Atan2")
    y, x = np.meshgrid(np.array([0.0, -0.0, 1.0, -1.0, 2.5], np.float32), np.array([0.0, 1.0, -1.0, -3.0], np.float32))
    yield Case("Atan2", "quadrants", [y, x])
    yield Case("Atan2", "float64 broadcasts", [normal(rng, 2, 1, dtype=np.float64), normal(rng, 3, dtype=np.float64)])
    for op in ("Xlogy", "Xlog1py"):
        rng = generator(op)
        yield Case(op, "float32", [np.append(normal(rng, 4), np.float32([0, 0, 0, 1])), np.append(uniform(rng, 0.1, 5, 4), np.float32([0, -1, NAN, 0]))])
        yield Case(op, "float64 broadcasts", [normal(rng, 2, 1, dtype=np.float64), uniform(rng, 0.1, 5, 3, dtype=np.float64)])
        yield Case(op, "half", [normal(rng, 4, dtype=np.float16), uniform(rng, 0.5, 3, 4, dtype=np.float16)])
        yield Case(op, "complex64", [complexes(rng, 3), complexes(rng, 3)], tolerance=(1e-5, 1e-4))
    rng = generator("Pow")
    yield Case("Pow", "float32", [uniform(rng, 0.1, 4, 2, 3), normal(rng, 3)])
    yield Case("Pow", "special values", [np.float32([0, 0, -2, -2, INF, 1, NAN, -8]), np.float32([0, 2, 2, 3, -1, NAN, 0, 0.5])])
    yield Case("Pow", "int32 wraps", [np.array([3, -2, 0, 7, 10], np.int32), np.array([4, 3, 0, 1, 11], np.int32)])
    yield Case("Pow", "int64", [np.array([3, -2, 10], np.int64), np.array([20, 3, 18], np.int64)])
    yield Case("Pow", "float64", [uniform(rng, 0.1, 4, 3, dtype=np.float64), np.array(2.5)])
    yield Case("Pow", "complex64", [complexes(rng, 3), complexes(rng, 3)], tolerance=(1e-4, 1e-4))
    yield Case("NextAfter", "float32", [np.float32([1, 1, 0, -1, 3]), np.float32([2, 0, 1, -5, 3])], tolerance=(0, 0))
    yield Case("NextAfter", "float64 broadcasts", [np.array([[1.0], [2.0]]), np.array([0.0, 5.0])], tolerance=(0, 0))
    for op in ("BitwiseAnd", "BitwiseOr", "BitwiseXor"):
        rng = generator(op)
        for dtype in (np.int8, np.uint16, np.int32, np.uint64):
            info = np.iinfo(dtype)
            yield Case(op, np.dtype(dtype).name, [rng.integers(info.min, info.max, (2, 3), dtype), rng.integers(info.min, info.max, 3, dtype)])
    for op in ("LeftShift", "RightShift"):
        for dtype in (np.int8, np.uint8, np.int16, np.int32, np.uint32, np.int64, np.uint64):
            info = np.iinfo(dtype)
            yield Case(op, np.dtype(dtype).name, [np.array([1, info.max, info.min, 100, 5], dtype), np.array([3, 1, 2, info.bits + 2, 0], dtype)])
    yield Case("RightShift", "negative distance", [np.array([5, -5], np.int32), np.array([-1, -40], np.int32)])
    for op in ("LogicalAnd", "LogicalOr"):
        yield Case(op, "broadcasts", [np.array([[True], [False]]), np.array([True, False])])
        yield Case(op, "empty", [np.zeros((0,), bool), np.array([True])])


def equality():
    for op in ("Equal", "NotEqual"):
        rng = generator(op)
        yield Case(op, "float32", [SPECIAL, SPECIAL])
        yield Case(op, "broadcasts", [integers(rng, 0, 3, 2, 3), integers(rng, 0, 3, 3)])
        yield Case(op, "strings", [np.array([["a"], ["bc"]]), np.array(["a", "", "bc"])])
        yield Case(op, "bool", [booleans(rng, 4), booleans(rng, 4)])
        yield Case(op, "complex64", [np.complex64([1 + 1j, 2]), np.complex64([1 + 1j, 2j])])
        yield Case(op, "half", [np.float16([1, 2]), np.float16([1, 3])])
        yield Case(op, "int64", [np.array([2**60, 2**60 + 1], np.int64), np.array([2**60, 2**60], np.int64)])
        yield Case(op, "shapes differ", [np.zeros((2,), np.float32), np.zeros((3,), np.float32)], incompatible_shape_error=False)
        yield Case(op, "shapes need not differ", [np.zeros((2, 1), np.float32), np.zeros((3,), np.float32)], incompatible_shape_error=False)
        yield Case(op, "empty", [np.zeros((0,), np.float32), np.zeros((1,), np.float32)])
    yield Case("ApproximateEqual", "default tolerance", [np.float32([1, 1, NAN]), np.float32([1.000001, 1.1, NAN])])
    yield Case("ApproximateEqual", "tolerance", [np.float32([1, 1, 2]), np.float32([1.2, 1.6, 2])], attributes={"tolerance": 0.5})
    yield Case("ApproximateEqual", "at the tolerance", [np.float32([3, 3, -3]), np.float32([5, 5.001, -1])], attributes={"tolerance": 2.0})
    yield Case("ApproximateEqual", "float64", [np.array([1.0, 5.0]), np.array([2.0, 9.0])], attributes={"tolerance": 2.0})


# --- several operands


def combining():
    rng = generator("BiasAdd")
    yield Case("BiasAdd", "matrix", [normal(rng, 2, 3), normal(rng, 3)])
    yield Case("BiasAdd", "NHWC", [normal(rng, 1, 2, 2, 3), normal(rng, 3)], data_format="NHWC")
    yield Case("BiasAdd", "NCHW", [normal(rng, 1, 3, 2, 2), normal(rng, 3)], data_format="NCHW")
    yield Case("BiasAdd", "NCHW of rank 3", [normal(rng, 2, 3, 2), normal(rng, 3)], data_format="NCHW")
    yield Case("BiasAdd", "int32", [integers(rng, 0, 9, 2, 3), integers(rng, 0, 9, 3)])
    yield Case("BiasAdd", "half", [normal(rng, 2, 3, dtype=np.float16), normal(rng, 3, dtype=np.float16)])
    yield Case("BiasAdd", "empty", [normal(rng, 0, 3), normal(rng, 3)])
    yield Case("BiasAddV1", "matrix", [normal(rng, 2, 3), normal(rng, 3)])
    yield Case("BiasAddV1", "rank 4", [normal(rng, 1, 2, 2, 3), normal(rng, 3)])
    rng = generator("AddN")
    yield Case("AddN", "three", [[normal(rng, 2, 2) for _ in range(3)]])
    yield Case("AddN", "one", [[normal(rng, 2)]])
    yield Case("AddN", "int32 wraps", [[np.array([2**31 - 1], np.int32), np.array([1], np.int32)]])
    yield Case("AddN", "half", [[normal(rng, 3, dtype=np.float16) for _ in range(4)]])
    yield Case("AddN", "complex64", [[complexes(rng, 2) for _ in range(2)]])
    rng = generator("ClipByValue")
    yield Case("ClipByValue", "scalars", [normal(rng, 2, 3), np.float32(-1), np.float32(1)])
    yield Case("ClipByValue", "tensors", [normal(rng, 2, 3), normal(rng, 2, 3) - 1, normal(rng, 2, 3) + 1])
    yield Case("ClipByValue", "int32", [integers(rng, -9, 9, 6), np.int32(-2), np.int32(5)])
    yield Case("ClipByValue", "NaN", [np.float32([NAN, INF, -INF]), np.float32(-1), np.float32(1)])
    yield Case("ClipByValue", "half", [normal(rng, 4, dtype=np.float16), np.float16(-1), np.float16(1)])
    rng = generator("Complex")
    yield Case("Complex", "float32", [normal(rng, 2, 2), normal(rng, 2, 2)])
    yield Case("Complex", "float64 broadcasts", [normal(rng, 2, 1, dtype=np.float64), normal(rng, 3, dtype=np.float64)], Tout=tf.complex128)
    rng = generator("Select")
    yield Case("Select", "same shape", [booleans(rng, 2, 3), normal(rng, 2, 3), normal(rng, 2, 3)])
    yield Case("Select", "rows", [np.array([True, False]), normal(rng, 2, 3), normal(rng, 2, 3)])
    yield Case("Select", "scalar", [np.array(False), normal(rng, 2), normal(rng, 2)])
    yield Case("Select", "strings", [np.array([True, False]), np.array(["a", "b"]), np.array(["c", "d"])])
    yield Case("Select", "int64 empty", [np.zeros((0,), bool), np.zeros((0,), np.int64), np.zeros((0,), np.int64)])
    rng = generator("SelectV2")
    yield Case("SelectV2", "broadcasts all", [booleans(rng, 2, 1, 1), normal(rng, 3, 1), normal(rng, 2)])
    yield Case("SelectV2", "scalar", [np.array(True), normal(rng, 2), normal(rng, 2, 2)])
    yield Case("SelectV2", "strings", [np.array([True, False]), np.array("yes"), np.array(["no", "never"])])
    yield Case("SelectV2", "bool", [booleans(rng, 4), booleans(rng, 4), np.array(False)])
    yield Case("SelectV2", "complex64", [booleans(rng, 2), complexes(rng, 2), complexes(rng, 2)])
    yield Case("SelectV2", "empty", [np.zeros((0, 1), bool), normal(rng, 2), normal(rng, 1)])


def casts():
    names = ("float16", "bfloat16", "float32", "float64", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "bool")
    for source in names:
        values = {"bool": [1, 0], "uint8": [0, 7, 200], "uint16": [0, 7, 60000], "uint32": [0, 7, 3000000000], "uint64": [0, 7, 2**63 + 2048]}.get(source)
        if values is None:
            values = [0, 1.5, -2.7, 100.25] if tf.as_dtype(source).is_floating else [0, 5, -7, 100]
        array = np.array(values).astype(tf.as_dtype(source).as_numpy_dtype)
        for target in names:
            negative = min(values) < 0 and target in ("uint8", "uint16") and source in ("float16", "bfloat16")
            central = {source, target} & {"float32", "int32", "bool"}
            if source == target or not central or negative or (source == "uint64" and target == "float16"):
                continue
            yield Case("Cast", source + " to " + target, [array], DstT=tf.as_dtype(target), tolerance=(0, 0))
    wide = np.float32([300.7, -300.7, 1e10, -3e9, NAN, INF, -INF, 1e20])
    for target in ("int8", "uint8", "int16", "uint16", "int32", "int64", "bool"):
        yield Case("Cast", "out of range to " + target, [wide], DstT=tf.as_dtype(target))
    yield Case("Cast", "int64 rounds once", [np.array([2**53 + 1, 2**60 + 2**36 + 1, -(2**62) - 1], np.int64)], DstT=tf.float32, tolerance=(0, 0))
    yield Case("Cast", "overflow to half", [np.float32([70000, -70000, 65519, 1e-8, NAN])], DstT=tf.float16, tolerance=(0, 0))
    cut = np.float32([1.00390625 + 2**-9, 1 / 3, -1 / 3, INF, NAN])
    yield Case("Cast", "truncated to bfloat16", [cut], DstT=tf.bfloat16, Truncate=True, tolerance=(0, 0))
    yield Case("Cast", "truncated to half", [np.append(cut, np.float32(0.1))], DstT=tf.float16, Truncate=True, tolerance=(0, 0))
    yield Case("Cast", "truncated to float32", [np.array([1 / 3, 1 - 2**-40, -0.1])], DstT=tf.float32, Truncate=True, tolerance=(0, 0))
    for target in ("float32", "int32", "bool", "complex128"):
        yield Case("Cast", "complex64 to " + target, [np.complex64([1 + 2j, 0, -3.5 + 0j])], DstT=tf.as_dtype(target))
    yield Case("Cast", "int32 to complex64", [np.array([1, -2], np.int32)], DstT=tf.complex64)
    yield Case("Cast", "empty", [np.zeros((0, 2), np.float32)], DstT=tf.int32)
    yield Case("Bitcast", "float32 to int32", [np.float32([1, -2.5])], type=tf.int32)
    yield Case("Bitcast", "int64 to int16", [np.array([2**40 + 3, -1], np.int64)], type=tf.int16)
    yield Case("Bitcast", "uint8 to uint32", [np.array([[1, 2, 3, 4], [255, 0, 0, 1]], np.uint8)], type=tf.uint32)
    yield Case("Bitcast", "complex64 to float64", [np.complex64([1 + 0j])], type=tf.float64)
    yield Case("Bitcast", "half to bfloat16", [np.float16([1, 2])], type=tf.bfloat16)
    yield Case("Bitcast", "empty", [np.zeros((0, 4), np.uint8)], type=tf.float32)


# --- reductions


def reductions():
    for op in ("Sum", "Mean", "Prod", "Max", "Min", "EuclideanNorm"):
        rng = generator(op)
        yield Case(op, "last axis", [normal(rng, 2, 3), np.array(-1, np.int32)])
        yield Case(op, "two axes, kept, int64 axes", [normal(rng, 2, 3, 2), np.array([0, 2], np.int64)], keep_dims=True)
        yield Case(op, "middle axis", [normal(rng, 2, 3, 2), np.array([1], np.int32)])
        yield Case(op, "no axes", [normal(rng, 2, 2), np.zeros((0,), np.int32)])
        yield Case(op, "all", [normal(rng, 2, 2, dtype=np.float64), np.array([0, 1], np.int32)])
        yield Case(op, "scalar", [np.float32(2.5), np.zeros((0,), np.int32)])
        yield Case(op, "special values", [np.float32([[1, NAN, 2], [INF, 1, 2], [-INF, INF, 0]]), np.array(1, np.int32)])
        yield Case(op, "int32", [integers(rng, -9, 9, 3, 2), np.array(0, np.int32)])
        yield Case(op, "empty", [np.zeros((2, 0), np.float32), np.array(1, np.int32)])
        yield Case(op, "no result", [np.zeros((0, 3), np.float32), np.array(1, np.int32)])
        yield Case(op, "half", [normal(rng, 2, 4, dtype=np.float16), np.array(1, np.int32)])
        yield Case(op, "bfloat16", [normal(rng, 2, 4, dtype=tf.bfloat16), np.array(1, np.int32)])
        if op not in ("Max", "Min"):
            yield Case(op, "complex64", [complexes(rng, 2, 3), np.array(1, np.int32)])
        else:
            yield Case(op, "empty int32", [np.zeros((0,), np.int32), np.array(0, np.int32)])
            yield Case(op, "uint64", [np.array([1, 2**64 - 1, 5], np.uint64), np.array(0, np.int32)])
            yield Case(op, "uint8", [np.array([1, 255, 5], np.uint8), np.array(0, np.int32)])
    yield Case("Sum", "int32 wraps", [np.array([2**31 - 1, 1], np.int32), np.array(0, np.int32)])
    yield Case("Mean", "int32 is cut", [np.array([[1, 2], [-1, -2]], np.int32), np.array(1, np.int32)])
    for op in ("All", "Any"):
        rng = generator(op)
        yield Case(op, "one axis", [booleans(rng, 3, 3), np.array(1, np.int32)])
        yield Case(op, "all, kept", [booleans(rng, 2, 2), np.array([0, -1], np.int32)], keep_dims=True)
        yield Case(op, "empty", [np.zeros((2, 0), bool), np.array(1, np.int64)])
    rng = generator("L2Loss")
    yield Case("L2Loss", "float32", [normal(rng, 2, 3)])
    yield Case("L2Loss", "float64 scalar", [np.array(3.0)])
    yield Case("L2Loss", "empty", [np.zeros((0,), np.float32)])
    for op in ("ArgMax", "ArgMin"):
        rng = generator(op)
        yield Case(op, "last axis", [normal(rng, 2, 4), np.array(-1, np.int32)])
        yield Case(op, "first axis, int32", [normal(rng, 3, 2, 2), np.array(0, np.int32)], output_type=tf.int32)
        yield Case(op, "ties", [np.array([[1, 3, 3, 1], [2, 2, 2, 2]], np.float32), np.array(1, np.int64)])
        yield Case(op, "int64", [integers(rng, -9, 9, 2, 3, dtype=np.int64), np.array(1, np.int32)])
        yield Case(op, "uint8", [np.array([3, 200, 100], np.uint8), np.array(0, np.int32)])
        yield Case(op, "bool", [np.array([False, True, True]), np.array(0, np.int32)])
        yield Case(op, "half", [normal(rng, 4, dtype=np.float16), np.array(0, np.int32)])
        yield Case(op, "no result", [np.zeros((0, 3), np.float32), np.array(1, np.int32)])
        yield Case(op, "infinite", [np.float32([-INF, -INF, INF, INF]), np.array(0, np.int32)])
        yield Case(op, "NaN first", [np.float32([NAN, 3, -2, -1]), np.array(0, np.int32)])
        yield Case(op, "NaN after the first", [np.float32([1, NAN, 3, -2]), np.array(0, np.int32)])
    for op in ("Cumsum", "Cumprod"):
        rng = generator(op)
        for exclusive in (False, True):
            for reverse in (False, True):
                yield Case(op, "exclusive %s, reverse %s" % (exclusive, reverse), [normal(rng, 2, 4), np.array(1, np.int32)], exclusive=exclusive, reverse=reverse)
        yield Case(op, "middle axis, int64", [integers(rng, -9, 9, 2, 3, 2, dtype=np.int64), np.array(-2, np.int64)])
        yield Case(op, "int32 wraps", [np.array([2**31 - 1, 2, 3], np.int32), np.array(0, np.int32)])
        yield Case(op, "complex64", [complexes(rng, 3), np.array(0, np.int32)])
        yield Case(op, "half", [normal(rng, 3, dtype=np.float16), np.array(0, np.int32)])
        yield Case(op, "empty", [np.zeros((0, 2), np.float32), np.array(0, np.int32)])
    rng = generator("CumulativeLogsumexp")
    yield Case("CumulativeLogsumexp", "float32", [normal(rng, 2, 4), np.array(1, np.int32)])
    yield Case("CumulativeLogsumexp", "exclusive, reverse", [normal(rng, 4), np.array(0, np.int32)], exclusive=True, reverse=True)
    yield Case("CumulativeLogsumexp", "large", [np.float32([1000, 1000, -1000]), np.array(0, np.int32)])


def cases():
    import record_ops_linear

    yield from unary()
    yield from binary()
    yield from equality()
    yield from combining()
    yield from casts()
    yield from reductions()
    yield from record_ops_linear.cases()
