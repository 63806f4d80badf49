"""Cases of the elementwise, reduction, linear, convolution, normalisation, spectral and image resizing ops."""

import numpy as np
import tensorflow as tf

from op_cases import Case, generator, integers, normal


def linear():
    rng = generator("MatMul")
    yield Case("MatMul", "plain", [normal(rng, 2, 3), normal(rng, 3, 4)])
    yield Case("MatMul", "transpose_a", [normal(rng, 3, 2), normal(rng, 3, 4)], transpose_a=True)
    yield Case("MatMul", "transpose_b", [normal(rng, 2, 3), normal(rng, 4, 3)], transpose_b=True)
    yield Case("MatMul", "both transposed, float64", [normal(rng, 3, 2, dtype=np.float64), normal(rng, 4, 3, dtype=np.float64)], transpose_a=True, transpose_b=True)
    yield Case("MatMul", "int32 wraps", [integers(rng, -70000, 70000, 2, 3), integers(rng, -70000, 70000, 3, 2)])
    yield Case("MatMul", "nothing to sum", [normal(rng, 2, 0), normal(rng, 0, 3)])
    yield Case("MatMul", "no rows", [normal(rng, 0, 2), normal(rng, 2, 3)])
    yield Case("MatMul", "half", [normal(rng, 2, 3, dtype=np.float16), normal(rng, 3, 2, dtype=np.float16)])
    yield Case("MatMul", "bfloat16", [normal(rng, 2, 3, dtype=tf.bfloat16), normal(rng, 3, 2, dtype=tf.bfloat16)])
    yield Case("MatMul", "complex64", [(normal(rng, 2, 2) + 1j * normal(rng, 2, 2)).astype(np.complex64) for _ in range(2)])


def cases():
    yield from linear()
