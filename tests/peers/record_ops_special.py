"""Cases of the special functions that are no simple rows of record_ops_math.py."""

import numpy as np
import tensorflow as tf

from op_cases import Case, generator, uniform

NAN, INF = float("nan"), float("inf")
CLOSE = (1e-6, 5e-5)  # TensorFlow computes in float32
CLOSE_DOUBLE = (1e-13, 1e-11)


def nearly_normal(op):
    """TensorFlow gives up on large numbers, but the cubic root of x / a is almost normally distributed then (Wilson and Hilferty)."""
    sign = -1 if op == "Igamma" else 1
    return lambda a, x: tf.math.erfc(sign * (np.cbrt(x / a) - 1 + 1 / (9 * a)) * 3 * np.sqrt(a / 2)) / 2


def gamma_functions():
    for op in ("Igamma", "Igammac"):
        rng = generator(op)
        yield Case(op, "float32", [uniform(rng, 0.1, 9, 6), uniform(rng, 0.1, 9, 6)], tolerance=CLOSE)
        yield Case(op, "float64 broadcasts", [uniform(rng, 0.1, 40, 4, 1, dtype=np.float64), uniform(rng, 0.1, 60, 4, dtype=np.float64)],
                   tolerance=CLOSE_DOUBLE)
        yield Case(op, "special values", [np.array([1, 0.5, -1, 2, 1, NAN, 2, 3]), np.array([0, INF, 1, -1, 700, 1, NAN, 1e-10])], tolerance=CLOSE_DOUBLE)
        yield Case(op, "large", [np.array([1e3, 1e5, 1e5, 1e5]), np.array([1.02e3, 1e5, 1.001e5, 0.99e5])], tolerance=(1e-9, 1e-6))
        yield Case(op, "huge", [np.full(6, 1e8), np.array([1e8, 1.0002e8, 0.9999e8, 0.99e8, 2e8, 1.00000001e8])],
                   using=nearly_normal(op), tolerance=(1e-8, 1e-5))
        yield Case(op, "empty", [np.zeros((0,), np.float32), np.ones((1,), np.float32)])


def betainc():
    rng = generator("Betainc")
    yield Case("Betainc", "float32", [uniform(rng, 0.1, 5, 6), uniform(rng, 0.1, 5, 6), uniform(rng, 0, 1, 6)], tolerance=CLOSE)
    yield Case("Betainc", "float64", [uniform(rng, 0.1, 30, 6, dtype=np.float64) for _ in range(2)] + [uniform(rng, 0, 1, 6, dtype=np.float64)],
               tolerance=CLOSE_DOUBLE)
    yield Case("Betainc", "scalars", [np.float32(2), np.float32(0.5), uniform(rng, 0, 1, 2, 2)], tolerance=CLOSE)
    yield Case("Betainc", "only scalars", [np.array(2.0), np.array(3.0), np.array(0.25)], tolerance=CLOSE_DOUBLE)
    yield Case("Betainc", "special values", [np.array([1, 2, -1, 1, 0.5, 1]), np.array([2, 1, 1, -1, 0.5, 1]), np.array([0, 1, 0.5, 0.5, 1.5, -0.5])],
               tolerance=CLOSE_DOUBLE)
    yield Case("Betainc", "empty", [np.zeros((0, 2), np.float32), np.float32(1), np.float32(0.5)])


def zeta():
    rng = generator("Zeta")
    yield Case("Zeta", "float32", [uniform(rng, 1.1, 9, 6), uniform(rng, 0.1, 9, 6)], tolerance=CLOSE)
    yield Case("Zeta", "float64 broadcasts", [uniform(rng, 1.1, 20, 3, 1, dtype=np.float64), uniform(rng, 0.1, 20, 3, dtype=np.float64)],
               tolerance=CLOSE_DOUBLE)
    yield Case("Zeta", "special values", [np.array([1, 0.5, 2, 2.5, 3, 50]), np.array([1, 1, 1, -0.5, -3, 0.5])], tolerance=CLOSE_DOUBLE)
    yield Case("Zeta", "negative", [np.array([2, 3, 4.0]), np.array([-0.5, -2.25, -7.75])], tolerance=CLOSE_DOUBLE)
    yield Case("Zeta", "empty", [np.zeros((0,), np.float32), np.ones((1,), np.float32)])
    rng = generator("Polygamma")
    yield Case("Polygamma", "float32", [np.float32([0, 1, 2, 3, 5]), uniform(rng, 0.5, 9, 5)], tolerance=CLOSE)
    yield Case("Polygamma", "float64 broadcasts", [np.array([[0], [1], [4.0]]), uniform(rng, 0.1, 20, 3, dtype=np.float64)], tolerance=CLOSE_DOUBLE)
    yield Case("Polygamma", "special values", [np.array([0.5, 1, 1, 2, -1]), np.array([1, -0.5, 0, -2.25, 1])], tolerance=CLOSE_DOUBLE)
    yield Case("Polygamma", "empty", [np.zeros((0,), np.float32), np.ones((1,), np.float32)])


def bessel():
    for op in ("BesselI0", "BesselI0e", "BesselI1", "BesselI1e"):
        rng = generator(op)
        yield Case(op, "float32", [uniform(rng, -9, 9, 2, 3)], tolerance=CLOSE)
        yield Case(op, "float64", [uniform(rng, -60, 60, 8, dtype=np.float64)], tolerance=CLOSE_DOUBLE)
        yield Case(op, "special values", [np.array([0.0, 1e-8, 8, -8, 30, 29.99, 200, NAN])], tolerance=CLOSE_DOUBLE)
        yield Case(op, "half", [uniform(rng, -4, 4, 4, dtype=np.float16)])
        yield Case(op, "empty", [np.zeros((2, 0), np.float32)])


def bits():
    for dtype in (np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64):
        info = np.iinfo(dtype)
        yield Case("PopulationCount", np.dtype(dtype).name, [np.array([0, 1, 5, info.max, info.min], dtype)])
    yield Case("PopulationCount", "negative", [np.array([[-1, -2], [-128, 77]], np.int8)])
    yield Case("PopulationCount", "empty", [np.zeros((0, 2), np.int32)])


def cases():
    yield from gamma_functions()
    yield from betainc()
    yield from zeta()
    yield from bessel()
    yield from bits()
