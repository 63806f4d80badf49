"""Cases of the linear, convolution, normalisation, spectral and image resizing ops; part of record_ops_math.py."""

import numpy as np
import tensorflow as tf

from op_cases import Case, generator, integers, normal, uniform


def cases():
    rng = generator("MatMul")
    yield Case("MatMul", "plain", [normal(rng, 2, 3), normal(rng, 3, 4)])
