"""Cases of the linear, convolution, normalisation, spectral and image resizing ops; part of record_ops_math.py."""

import numpy as np
import tensorflow as tf

from op_cases import Case, generator, integers, normal, uniform

NAN, INF = float("nan"), float("inf")


FFT = (1e-5, 1e-5)  # TensorFlow transforms in float32


def complexes(rng, *shape, dtype=np.complex64):
    return (normal(rng, *shape) + 1j * normal(rng, *shape)).astype(dtype)


def linear():
    rng = generator("MatMul")
    yield Case("MatMul", "plain", [normal(rng, 2, 3), normal(rng, 3, 4)])
    yield Case("MatMul", "transpose_a", [normal(rng, 3, 2), normal(rng, 3, 4)], transpose_a=True)
    yield Case("MatMul", "transpose_b", [normal(rng, 2, 3), normal(rng, 4, 3)], transpose_b=True)
    yield Case("MatMul", "both, float64", [normal(rng, 3, 2, dtype=np.float64), normal(rng, 4, 3, dtype=np.float64)], transpose_a=True, transpose_b=True)
    yield Case("MatMul", "int32 wraps", [integers(rng, -70000, 70000, 2, 3), integers(rng, -70000, 70000, 3, 2)])
    yield Case("MatMul", "nothing to sum", [normal(rng, 2, 0), normal(rng, 0, 3)])
    yield Case("MatMul", "no rows", [normal(rng, 0, 2), normal(rng, 2, 3)])
    yield Case("MatMul", "half", [normal(rng, 2, 3, dtype=np.float16), normal(rng, 3, 2, dtype=np.float16)])
    yield Case("MatMul", "bfloat16", [normal(rng, 2, 3, dtype=tf.bfloat16), normal(rng, 3, 2, dtype=tf.bfloat16)])
    yield Case("MatMul", "complex64", [complexes(rng, 2, 2), complexes(rng, 2, 2)])
    for op in ("BatchMatMul", "BatchMatMulV2", "BatchMatMulV3"):
        rng = generator(op)
        to = (lambda dtype: {"Tout": dtype}) if op == "BatchMatMulV3" else (lambda dtype: {})
        yield Case(op, "plain", [normal(rng, 2, 2, 3), normal(rng, 2, 3, 2)], **to(tf.float32))
        yield Case(op, "adj_x", [normal(rng, 2, 3, 2), normal(rng, 2, 3, 2)], adj_x=True, **to(tf.float32))
        yield Case(op, "adj_y of rank 4", [normal(rng, 1, 2, 2, 3), normal(rng, 1, 2, 2, 3)], adj_y=True, **to(tf.float32))
        yield Case(op, "int32", [integers(rng, -9, 9, 2, 2, 2), integers(rng, -9, 9, 2, 2, 2)], **to(tf.int32))
        yield Case(op, "empty batch", [normal(rng, 0, 2, 3), normal(rng, 0, 3, 2)], **to(tf.float32))
        yield Case(op, "nothing to sum", [normal(rng, 2, 2, 0), normal(rng, 2, 0, 1)], **to(tf.float32))
        if op != "BatchMatMulV3":
            yield Case(op, "adjoint of complex64", [complexes(rng, 1, 2, 2), complexes(rng, 1, 2, 2)], adj_x=True, adj_y=True)
        if op != "BatchMatMul":
            yield Case(op, "broadcasts", [normal(rng, 2, 1, 2, 3), normal(rng, 2, 3, 2)], **to(tf.float32))
            yield Case(op, "matrix on the right", [normal(rng, 2, 2, 3), normal(rng, 3, 2)], **to(tf.float32))
            yield Case(op, "bfloat16", [normal(rng, 2, 2, 2, dtype=tf.bfloat16), normal(rng, 2, 2, 2, dtype=tf.bfloat16)], **to(tf.bfloat16))
        if op == "BatchMatMulV3":
            yield Case(op, "int8 and uint8", [integers(rng, -128, 128, 1, 2, 3, dtype=np.int8), integers(rng, 0, 256, 2, 3, 1, dtype=np.uint8)], Tout=tf.int32)
    rng = generator("MatrixBandPart")
    for lower, upper in ((0, 0), (1, 0), (0, -1), (-1, 0), (1, 2), (-1, -1)):
        yield Case("MatrixBandPart", "%d below, %d above" % (lower, upper), [normal(rng, 2, 3, 4), np.array(lower, np.int64), np.array(upper, np.int64)])
    yield Case("MatrixBandPart", "bool, int32 bounds", [np.ones((3, 3), bool), np.array(1, np.int32), np.array(0, np.int32)])
    yield Case("MatrixBandPart", "empty", [np.zeros((0, 2, 2), np.float32), np.array(1, np.int64), np.array(0, np.int64)])
    rng = generator("Cross")
    yield Case("Cross", "float32", [normal(rng, 2, 3), normal(rng, 2, 3)])
    yield Case("Cross", "int32", [integers(rng, -9, 9, 3), integers(rng, -9, 9, 3)])
    yield Case("Cross", "float64 empty", [np.zeros((0, 3)), np.zeros((0, 3))])


def einsum():
    rng = generator("Einsum")
    shapes = {
        "ij,jk->ik": [(2, 3), (3, 2)],
        "bij,bjk->bik": [(2, 2, 3), (2, 3, 2)],
        "...ij,...jk->...ik": [(2, 1, 2, 2), (3, 2, 2)],
        "abc,cd->abd": [(2, 2, 3), (3, 2)],
        "BTNH,BFNH->BNFT": [(1, 2, 2, 3), (1, 3, 2, 3)],
        "i,j->ij": [(3,), (2,)],
        "i,i->": [(3,), (3,)],
        "ij,ij->ij": [(2, 2), (2, 2)],
        "ij->ji": [(2, 3)],
        "ij->": [(2, 3)],
        "ii->i": [(3, 3)],
        "ii->": [(3, 3)],
        "...ii->...i": [(2, 3, 3)],
        "i->ii": [(3,)],
        "aab,bc->ac": [(2, 2, 3), (3, 2)],
        "...->...": [(2, 2)],
        "...i,i...->...": [(2, 3), (3, 2)],
        "ab,b->a": [(2, 0), (0,)],
        "abc,d->a": [(2, 2, 2), (3,)],
    }
    for equation, operands in shapes.items():
        yield Case("Einsum", equation, [[normal(rng, *shape) for shape in operands]], equation=equation)
    yield Case("Einsum", "int32", [[integers(rng, -9, 9, 2, 3), integers(rng, -9, 9, 3, 2)]], equation="ij,jk->ki")
    yield Case("Einsum", "complex64", [[complexes(rng, 2, 2), complexes(rng, 2, 2)]], equation="ij,kj->ik")
    yield Case("Einsum", "half", [[normal(rng, 2, 2, dtype=np.float16), normal(rng, 2, 2, dtype=np.float16)]], equation="ij,jk->ik")


# TensorFlow's CPU kernels know NHWC only; NCHW is recorded from them through transpositions.
def first(x, *axes):
    return tf.transpose(x, (0, len(x.shape) - 1, *range(1, len(x.shape) - 1)))


def last(x):
    return tf.transpose(x, (0, *range(2, len(x.shape)), 1))


def nchw(op, **attributes):
    """The op on channels in dimension 1, from its NHWC form; a list of four (or eight) numbers is in the order of NCHW."""

    def reordered(value):
        return [value[i] for i in (0, 2, 3, 1)] if len(value) == 4 else [value[i] for i in (0, 1, 4, 5, 6, 7, 2, 3)]

    changed = {name: reordered(value) if isinstance(value, list) else value for name, value in attributes.items() if name != "data_format"}
    return lambda x, *rest: first(getattr(tf.raw_ops, op)(**{"value" if op == "AvgPool" else "input": last(x)}, **({"filter": rest[0]} if rest else {}), **changed))


CONV = (1e-5, 1e-5)  # sums of many products in float32


def convolutions():
    rng = generator("Conv2D")
    ones = [1, 1, 1, 1]
    yield Case("Conv2D", "VALID", [normal(rng, 1, 4, 4, 2), normal(rng, 3, 3, 2, 2)], strides=ones, padding="VALID", tolerance=CONV)
    yield Case("Conv2D", "SAME", [normal(rng, 2, 3, 4, 1), normal(rng, 3, 2, 1, 2)], strides=ones, padding="SAME", tolerance=CONV)
    yield Case("Conv2D", "SAME, strides 2", [normal(rng, 1, 5, 4, 2), normal(rng, 3, 3, 2, 1)], strides=[1, 2, 2, 1], padding="SAME", tolerance=CONV)
    yield Case("Conv2D", "SAME, stride above the filter", [normal(rng, 1, 5, 5, 1), normal(rng, 1, 1, 1, 2)], strides=[1, 3, 3, 1], padding="SAME", tolerance=CONV)
    yield Case("Conv2D", "dilated", [normal(rng, 1, 6, 6, 1), normal(rng, 3, 2, 1, 1)], strides=ones, padding="VALID", dilations=[1, 2, 3, 1], tolerance=CONV)
    yield Case("Conv2D", "dilated SAME", [normal(rng, 1, 4, 4, 1), normal(rng, 3, 3, 1, 1)], strides=ones, padding="SAME", dilations=[1, 2, 2, 1], tolerance=CONV)
    explicit = [0, 0, 2, 1, 0, 3, 0, 0]
    yield Case("Conv2D", "EXPLICIT", [normal(rng, 1, 3, 3, 1), normal(rng, 2, 2, 1, 2)], strides=[1, 1, 2, 1], padding="EXPLICIT", explicit_paddings=explicit, tolerance=CONV)
    yield Case("Conv2D", "groups", [normal(rng, 1, 3, 3, 4), normal(rng, 2, 2, 2, 4)], strides=ones, padding="VALID", tolerance=CONV)
    yield Case("Conv2D", "float64", [normal(rng, 1, 3, 3, 1, dtype=np.float64), normal(rng, 2, 2, 1, 1, dtype=np.float64)], strides=ones, padding="SAME")
    yield Case("Conv2D", "half", [normal(rng, 1, 3, 3, 1, dtype=np.float16), normal(rng, 2, 2, 1, 1, dtype=np.float16)], strides=ones, padding="VALID")
    yield Case("Conv2D", "int32", [integers(rng, -9, 9, 1, 3, 3, 1), integers(rng, -9, 9, 2, 2, 1, 1)], strides=ones, padding="VALID")
    yield Case("Conv2D", "empty batch", [normal(rng, 0, 3, 3, 1), normal(rng, 2, 2, 1, 1)], strides=ones, padding="VALID")
    attributes = dict(strides=[1, 1, 2, 1], padding="SAME", data_format="NCHW", dilations=ones)
    yield Case("Conv2D", "NCHW", [normal(rng, 1, 2, 4, 3), normal(rng, 3, 3, 2, 2)], using=nchw("Conv2D", **attributes), **attributes, tolerance=CONV)
    rng = generator("DepthwiseConv2dNative")
    op = "DepthwiseConv2dNative"
    yield Case(op, "VALID", [normal(rng, 1, 4, 4, 2), normal(rng, 3, 3, 2, 1)], strides=ones, padding="VALID", tolerance=CONV)
    yield Case(op, "multiplier 2", [normal(rng, 1, 3, 3, 2), normal(rng, 2, 2, 2, 2)], strides=ones, padding="SAME", tolerance=CONV)
    yield Case(op, "strides 2", [normal(rng, 2, 5, 5, 1), normal(rng, 3, 3, 1, 1)], strides=[1, 2, 2, 1], padding="SAME", tolerance=CONV)
    yield Case(op, "EXPLICIT", [normal(rng, 1, 3, 3, 2), normal(rng, 2, 2, 2, 1)], strides=ones, padding="EXPLICIT", explicit_paddings=[0, 0, 1, 0, 0, 2, 0, 0], tolerance=CONV)
    yield Case(op, "float64", [normal(rng, 1, 3, 3, 1, dtype=np.float64), normal(rng, 2, 2, 1, 2, dtype=np.float64)], strides=ones, padding="VALID")
    yield Case(op, "half", [normal(rng, 1, 3, 3, 1, dtype=np.float16), normal(rng, 2, 2, 1, 1, dtype=np.float16)], strides=ones, padding="VALID")

    def dilated(x, filters):
        return tf.nn.depthwise_conv2d(x, filters, ones, "SAME", dilations=[2, 2])

    yield Case(op, "dilated", [normal(rng, 1, 5, 5, 1), normal(rng, 3, 3, 1, 1)], using=dilated, strides=ones, padding="SAME", dilations=[1, 2, 2, 1], tolerance=CONV)
    yield Case(op, "NCHW", [normal(rng, 1, 2, 3, 3), normal(rng, 2, 2, 2, 2)], using=nchw(op, strides=ones, padding="SAME"), strides=ones, padding="SAME", data_format="NCHW", tolerance=CONV)
    rng = generator("Conv2DBackpropInput")
    op = "Conv2DBackpropInput"
    yield Case(op, "VALID", [np.array([1, 4, 4, 2], np.int32), normal(rng, 3, 3, 2, 1), normal(rng, 1, 2, 2, 1)], strides=ones, padding="VALID", tolerance=CONV)
    yield Case(op, "SAME, strides 2", [np.array([2, 5, 4, 1], np.int32), normal(rng, 3, 3, 1, 2), normal(rng, 2, 3, 2, 2)], strides=[1, 2, 2, 1], padding="SAME", tolerance=CONV)
    yield Case(op, "uncovered end", [np.array([1, 6, 6, 1], np.int32), normal(rng, 2, 2, 1, 1), normal(rng, 1, 2, 2, 1)], strides=[1, 3, 3, 1], padding="VALID", tolerance=CONV)
    yield Case(op, "EXPLICIT", [np.array([1, 3, 3, 1], np.int32), normal(rng, 2, 2, 1, 2), normal(rng, 1, 5, 4, 2)], strides=ones, padding="EXPLICIT", explicit_paddings=[0, 0, 2, 1, 1, 1, 0, 0], tolerance=CONV)
    yield Case(op, "float64", [np.array([1, 3, 3, 1], np.int32), normal(rng, 2, 2, 1, 1, dtype=np.float64), normal(rng, 1, 2, 2, 1, dtype=np.float64)], strides=ones, padding="VALID")
    yield Case(op, "spatial sizes only", [np.array([3, 3], np.int32), normal(rng, 2, 2, 1, 1), normal(rng, 1, 2, 2, 1)], strides=ones, padding="VALID", tolerance=CONV)
    rng = generator("Conv3D")
    five = [1] * 5
    yield Case("Conv3D", "VALID", [normal(rng, 1, 3, 3, 3, 1), normal(rng, 2, 2, 2, 1, 2)], strides=five, padding="VALID", tolerance=CONV)
    yield Case("Conv3D", "SAME, strides", [normal(rng, 1, 3, 4, 3, 2), normal(rng, 2, 3, 2, 2, 1)], strides=[1, 2, 1, 2, 1], padding="SAME", tolerance=CONV)

    def dilated_3d(x, filters):
        return tf.nn.with_space_to_batch(x, [2, 3, 1], "VALID", lambda y, _, padding: tf.nn.conv3d(y, filters, five, padding), filter_shape=filters.shape[:3])

    yield Case("Conv3D", "dilated", [normal(rng, 1, 4, 4, 3, 1), normal(rng, 2, 2, 1, 1, 1)], using=dilated_3d, strides=five, padding="VALID", dilations=[1, 2, 3, 1, 1], tolerance=CONV)
    yield Case("Conv3D", "float64", [normal(rng, 1, 2, 2, 2, 1, dtype=np.float64), normal(rng, 2, 2, 2, 1, 1, dtype=np.float64)], strides=five, padding="SAME")
    rng = generator("Conv3DBackpropInputV2")
    op = "Conv3DBackpropInputV2"
    yield Case(op, "VALID", [np.array([1, 3, 3, 3, 1], np.int32), normal(rng, 2, 2, 2, 1, 1), normal(rng, 1, 2, 2, 2, 1)], strides=five, padding="VALID", tolerance=CONV)
    yield Case(op, "SAME, strides 2, int64 sizes", [np.array([1, 3, 4, 2, 1], np.int64), normal(rng, 2, 2, 2, 1, 2), normal(rng, 1, 2, 2, 1, 2)], strides=[1, 2, 2, 2, 1], padding="SAME", tolerance=CONV)
    rng = generator("Dilation2D")
    yield Case("Dilation2D", "VALID", [normal(rng, 1, 4, 4, 2), normal(rng, 2, 2, 2)], strides=ones, rates=ones, padding="VALID")
    yield Case("Dilation2D", "SAME, strides and rates", [normal(rng, 1, 5, 5, 1), normal(rng, 3, 2, 1)], strides=[1, 2, 2, 1], rates=[1, 2, 1, 1], padding="SAME")
    yield Case("Dilation2D", "int8 wraps", [np.array([100, 5, -100, 7], np.int8).reshape(1, 2, 2, 1), np.array([100, 1], np.int8).reshape(1, 2, 1)], strides=ones, rates=ones, padding="SAME")
    yield Case("Dilation2D", "uint64", [np.array([2**63, 5, 2**64 - 3, 7], np.uint64).reshape(1, 2, 2, 1), np.array([2, 1], np.uint64).reshape(1, 2, 1)], strides=ones, rates=ones, padding="SAME")
    yield Case("Dilation2D", "int32", [integers(rng, -9, 9, 1, 3, 3, 1), integers(rng, -9, 9, 2, 2, 1)], strides=ones, rates=ones, padding="SAME")


def pools():
    for op in ("MaxPool", "AvgPool"):
        rng = generator(op)
        two = [1, 2, 2, 1]
        yield Case(op, "VALID", [normal(rng, 1, 4, 4, 2)], ksize=two, strides=two, padding="VALID")
        yield Case(op, "SAME", [normal(rng, 2, 3, 3, 1)], ksize=two, strides=[1, 1, 1, 1], padding="SAME")
        yield Case(op, "SAME, uneven", [normal(rng, 1, 5, 4, 1)], ksize=[1, 3, 2, 1], strides=[1, 2, 3, 1], padding="SAME")
        yield Case(op, "stride above the window", [normal(rng, 1, 5, 5, 1)], ksize=two, strides=[1, 3, 3, 1], padding="VALID")
        yield Case(op, "float64", [normal(rng, 1, 3, 3, 1, dtype=np.float64)], ksize=two, strides=two, padding="SAME")
        yield Case(op, "half", [normal(rng, 1, 2, 2, 2, dtype=np.float16)], ksize=two, strides=two, padding="VALID")
        yield Case(op, "bfloat16", [normal(rng, 1, 2, 2, 2, dtype=tf.bfloat16)], ksize=two, strides=two, padding="VALID")
        yield Case(op, "empty batch", [normal(rng, 0, 3, 3, 1)], ksize=two, strides=two, padding="VALID")
        attributes = dict(ksize=[1, 1, 2, 2], strides=[1, 1, 2, 1], padding="SAME", data_format="NCHW")
        yield Case(op, "NCHW", [normal(rng, 1, 2, 3, 4)], using=nchw(op, **attributes), **attributes)
    rng = generator("MaxPool EXPLICIT")
    yield Case("MaxPool", "EXPLICIT", [normal(rng, 1, 3, 3, 1)], ksize=[1, 2, 2, 1], strides=[1, 1, 1, 1], padding="EXPLICIT", explicit_paddings=[0, 0, 1, 0, 0, 1, 0, 0])
    yield Case("MaxPool", "int32", [integers(rng, -9, 9, 1, 3, 3, 1)], ksize=[1, 2, 2, 1], strides=[1, 1, 1, 1], padding="VALID")
    yield Case("MaxPool", "uint8", [integers(rng, 0, 255, 1, 3, 3, 1, dtype=np.uint8)], ksize=[1, 2, 2, 1], strides=[1, 1, 1, 1], padding="SAME")
    yield Case("MaxPool", "infinite", [np.full((1, 2, 2, 1), -INF, np.float32)], ksize=[1, 2, 2, 1], strides=[1, 1, 1, 1], padding="VALID", unchecked=(0,))
    for op in ("MaxPool3D", "AvgPool3D"):
        rng = generator(op)
        yield Case(op, "VALID", [normal(rng, 1, 2, 4, 4, 1)], ksize=[1, 2, 2, 2, 1], strides=[1, 2, 2, 2, 1], padding="VALID")
        yield Case(op, "SAME", [normal(rng, 1, 3, 3, 2, 2)], ksize=[1, 2, 3, 1, 1], strides=[1, 1, 2, 1, 1], padding="SAME")
        yield Case(op, "bfloat16", [normal(rng, 1, 2, 2, 2, 1, dtype=tf.bfloat16)], ksize=[1, 2, 2, 2, 1], strides=[1, 1, 1, 1, 1], padding="VALID")
    rng = generator("MaxPoolWithArgmax")
    for in_batch in (False, True):
        yield Case("MaxPoolWithArgmax", "include_batch_in_index %s" % in_batch, [normal(rng, 2, 4, 4, 2)], ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding="VALID", include_batch_in_index=in_batch)
    yield Case("MaxPoolWithArgmax", "SAME, int32 indices", [normal(rng, 1, 3, 3, 1)], ksize=[1, 2, 2, 1], strides=[1, 1, 1, 1], padding="SAME", Targmax=tf.int32)
    yield Case("MaxPoolWithArgmax", "uint64", [np.array([2**63, 5, 2**64 - 3, 7], np.uint64).reshape(1, 2, 2, 1)], ksize=[1, 1, 2, 1], strides=[1, 1, 1, 1], padding="VALID")
    yield Case("MaxPoolWithArgmax", "ties", [np.ones((1, 2, 2, 1), np.float32)], ksize=[1, 2, 2, 1], strides=[1, 1, 1, 1], padding="VALID")


def normalisation():
    for op in ("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"):
        rng = generator(op)
        # TensorFlow leaves the reserved results of an inference as the memory was, and results 1 and 2 are NaN for an empty batch.
        last = (5,) if op.endswith("V3") else ()
        scratch = (3, 4, *last)
        statistics = lambda: [uniform(rng, 0.5, 2, 3), normal(rng, 3), normal(rng, 3), uniform(rng, 0.5, 2, 3)]
        yield Case(op, "inference", [normal(rng, 2, 2, 2, 3), *statistics()], is_training=False, unchecked=scratch)
        yield Case(op, "inference, epsilon", [normal(rng, 1, 2, 2, 3), *statistics()], is_training=False, epsilon=0.1, unchecked=scratch)
        none = [np.zeros((0,), np.float32)] * 2
        yield Case(op, "training", [normal(rng, 2, 2, 3, 3), *statistics()[:2], *none], unchecked=last)
        yield Case(op, "training, moving average", [normal(rng, 1, 3, 2, 3), *statistics()], exponential_avg_factor=0.25, epsilon=0.01, unchecked=last)
        if op != "FusedBatchNorm":
            yield Case(op, "half", [normal(rng, 1, 2, 2, 3, dtype=np.float16), *statistics()], is_training=False, unchecked=scratch)
        yield Case(op, "NCHW inference", [normal(rng, 2, 3, 2, 2), *statistics()], is_training=False, data_format="NCHW", unchecked=scratch)
        yield Case(op, "empty batch", [normal(rng, 0, 2, 2, 3), *statistics()], is_training=False, unchecked=(1, 2, *scratch))
    rng = generator("LRN")
    yield Case("LRN", "defaults", [normal(rng, 1, 2, 2, 7)])
    yield Case("LRN", "radius 1", [normal(rng, 1, 1, 2, 4)], depth_radius=1, bias=2.0, alpha=0.5, beta=0.75)
    yield Case("LRN", "radius 0", [normal(rng, 1, 1, 1, 3)], depth_radius=0)
    yield Case("LRN", "half", [normal(rng, 1, 1, 2, 3, dtype=np.float16)], depth_radius=1)
    for op in ("Softmax", "LogSoftmax"):
        rng = generator(op)
        yield Case(op, "float32", [normal(rng, 2, 4)])
        yield Case(op, "rank 1", [normal(rng, 3)])
        yield Case(op, "rank 3, float64", [normal(rng, 2, 1, 3, dtype=np.float64)])
        yield Case(op, "large", [np.float32([[1000, 999, -1000], [-1000, -1000, -1000]])])
        yield Case(op, "half", [normal(rng, 2, 3, dtype=np.float16)])
        yield Case(op, "bfloat16", [normal(rng, 2, 3, dtype=tf.bfloat16)])
        yield Case(op, "minus infinity", [np.float32([[0, -INF, 1]])])
        yield Case(op, "empty", [normal(rng, 0, 3)])
    rng = generator("SoftmaxCrossEntropyWithLogits")
    yield Case("SoftmaxCrossEntropyWithLogits", "float32", [normal(rng, 2, 3), np.float32([[0, 1, 0], [0.5, 0.25, 0.25]])])
    yield Case("SoftmaxCrossEntropyWithLogits", "broadcasts", [normal(rng, 2, 3), np.float32([[0, 1, 0]])])
    yield Case("SparseSoftmaxCrossEntropyWithLogits", "int64 labels", [normal(rng, 2, 3), np.array([2, 0], np.int64)])
    yield Case("SparseSoftmaxCrossEntropyWithLogits", "int32 labels, float64", [normal(rng, 3, 2, dtype=np.float64), np.array([1, 0, 1], np.int32)])


def quantisation():
    rng = generator("FakeQuant")
    x = np.append(normal(rng, 8, scale=5), np.float32([0, 100, -100]))
    exact = (1e-6, 1e-6)
    op = "FakeQuantWithMinMaxArgs"
    yield Case(op, "defaults", [x], tolerance=exact)
    yield Case(op, "4 bits, narrow", [x], min=-1.3, max=5.1, num_bits=4, narrow_range=True, tolerance=exact)
    yield Case(op, "from 0", [x], min=0.0, max=4.0, tolerance=exact)
    op = "FakeQuantWithMinMaxVars"
    yield Case(op, "8 bits", [x, np.float32(-3.7), np.float32(4.2)], tolerance=exact)
    yield Case(op, "16 bits", [x, np.float32(-30), np.float32(1)], num_bits=16, tolerance=exact)
    yield Case(op, "narrow", [x, np.float32(0), np.float32(6)], narrow_range=True, tolerance=exact)
    yield Case(op, "empty range", [x, np.float32(0), np.float32(0)], tolerance=exact)
    yield Case(op, "above 0", [x, np.float32(0.25), np.float32(6)], tolerance=exact)
    op = "FakeQuantWithMinMaxVarsPerChannel"
    yield Case(op, "rank 2", [normal(rng, 3, 2), np.float32([-1, 0]), np.float32([1, 3])], tolerance=exact)
    yield Case(op, "rank 1, 3 bits", [normal(rng, 3), np.float32([-1, -2, -0.5]), np.float32([1, 3, 0.1])], num_bits=3, tolerance=exact)
    yield Case(op, "rank 4, narrow", [normal(rng, 1, 2, 2, 2), np.float32([-1, -2]), np.float32([1, 3])], narrow_range=True, tolerance=exact)


def spectral():
    for op in ("FFT", "IFFT"):
        rng = generator(op)
        for length in (1, 2, 3, 5, 8, 12):
            yield Case(op, "length %d" % length, [complexes(rng, length)])
        yield Case(op, "batch of complex128", [complexes(rng, 2, 6, dtype=np.complex128)])
        yield Case(op, "empty batch", [np.zeros((0, 4), np.complex64)])
    for op in ("FFT2D", "IFFT2D"):
        rng = generator(op)
        yield Case(op, "3 by 4", [complexes(rng, 3, 4)])
        yield Case(op, "batch", [complexes(rng, 2, 2, 3)])
    for op in ("FFT3D", "IFFT3D"):
        rng = generator(op)
        yield Case(op, "complex64", [complexes(rng, 2, 3, 2)], tolerance=FFT)
        yield Case(op, "a batch of complex128", [complexes(rng, 2, 1, 2, 3, dtype=np.complex128)])
        yield Case(op, "empty", [np.zeros((0, 2, 2, 2), np.complex64)])
    for op, sizes in (("RFFT2D", (3, 4)), ("RFFT3D", (2, 3, 4))):
        rng, odd = generator(op), (*sizes[:-1], 5)
        yield Case(op, "float32", [normal(rng, 2, *sizes), np.array(sizes, np.int32)], tolerance=FFT)
        yield Case(op, "cut", [normal(rng, *sizes), np.array(sizes, np.int32) - 1], tolerance=FFT)
        yield Case(op, "float64 of odd size", [normal(rng, *odd, dtype=np.float64), np.array(odd, np.int32)], Tcomplex=tf.complex128)
        yield Case(op, "empty", [np.zeros((0, *sizes), np.float32), np.array(sizes, np.int32)])
        op, half = "I" + op, (*sizes[:-1], 3)
        yield Case(op, "complex64", [complexes(rng, 2, *half), np.array(sizes, np.int32)], tolerance=FFT)
        yield Case(op, "cut", [complexes(rng, *half), np.array(sizes, np.int32) - 1], tolerance=FFT)
        yield Case(op, "complex128 of odd size", [complexes(rng, *half, dtype=np.complex128), np.array(odd, np.int32)], Treal=tf.float64)
    rng = generator("RFFT")
    for length in (1, 2, 5, 8):
        yield Case("RFFT", "length %d" % length, [normal(rng, 2, length), np.array([length], np.int32)])
    yield Case("RFFT", "cut", [normal(rng, 6), np.array([4], np.int32)])
    yield Case("RFFT", "float64", [normal(rng, 5, dtype=np.float64), np.array([5], np.int32)], Tcomplex=tf.complex128)
    rng = generator("IRFFT")
    for length in (1, 2, 5, 8):
        yield Case("IRFFT", "length %d" % length, [complexes(rng, 2, length // 2 + 1), np.array([length], np.int32)])
    yield Case("IRFFT", "cut", [complexes(rng, 6), np.array([4], np.int32)])
    yield Case("IRFFT", "complex128", [complexes(rng, 3, dtype=np.complex128), np.array([4], np.int32)], Treal=tf.float64)


def resizing():
    for op in ("ResizeBilinear", "ResizeNearestNeighbor"):
        rng = generator(op)
        for label, attributes in (("plain", {}), ("align_corners", {"align_corners": True}), ("half_pixel_centers", {"half_pixel_centers": True})):
            yield Case(op, label + ", larger", [normal(rng, 1, 2, 3, 2), np.array([5, 4], np.int32)], **attributes)
            yield Case(op, label + ", smaller", [normal(rng, 1, 5, 4, 1), np.array([3, 2], np.int32)], **attributes)
            yield Case(op, label + ", to one pixel", [normal(rng, 2, 3, 3, 1), np.array([1, 1], np.int32)], **attributes)
        yield Case(op, "uint8", [integers(rng, 0, 255, 1, 2, 2, 1, dtype=np.uint8), np.array([3, 3], np.int32)])
        yield Case(op, "int32", [integers(rng, -99, 99, 1, 3, 2, 1), np.array([2, 3], np.int32)], half_pixel_centers=True)
        yield Case(op, "float64", [normal(rng, 1, 2, 2, 1, dtype=np.float64), np.array([3, 3], np.int32)])
        yield Case(op, "half", [normal(rng, 1, 2, 2, 1, dtype=np.float16), np.array([3, 3], np.int32)])


def activation(name, alpha):
    functions = {"Elu": tf.nn.elu, "Relu": tf.nn.relu, "Relu6": tf.nn.relu6, "Sigmoid": tf.nn.sigmoid, "Tanh": tf.nn.tanh}
    return functions.get(name) or (lambda x: tf.nn.leaky_relu(x, alpha))


def after(linear_op, steps, alpha=0.2, epsilon=1e-4):
    """A linear op of two operands followed by fused steps, as TensorFlow computes them one by one."""

    def compute(x, w, args=()):
        y, rest = linear_op(x, w), list(args)
        for step in steps:
            if step == "BiasAdd":
                y = tf.nn.bias_add(y, rest.pop(0))
            elif step == "Prelu":
                slope = rest.pop(0)
                y = tf.where(y >= 0, y, y * slope)
            elif step == "FusedBatchNorm":
                scale, offset, mean, variance = rest[:4]
                del rest[:4]
                y = tf.raw_ops.FusedBatchNormV3(x=y, scale=scale, offset=offset, mean=mean, variance=variance, epsilon=epsilon, is_training=False)[0]
            else:
                y = activation(step, alpha)(y)
        return y

    return compute


def fused():
    rng = generator("fused")
    conv = dict(strides=[1, 2, 2, 1], padding="SAME")
    for op, plain, width in (
        ("_FusedConv2D", lambda x, w: tf.raw_ops.Conv2D(input=x, filter=w, **conv), 3),
        ("FusedDepthwiseConv2dNative", lambda x, w: tf.raw_ops.DepthwiseConv2dNative(input=x, filter=w, **conv), 4),
    ):
        operands = lambda: [normal(rng, 1, 4, 4, 2), normal(rng, 3, 3, 2, width // 2 if width == 4 else width)]
        steps = ["BiasAdd"]
        yield Case(op, "bias", [*operands(), [normal(rng, width)]], using=after(plain, steps), fused_ops=steps, tolerance=CONV, **conv)
        for name in ("Relu", "Relu6", "Elu", "Sigmoid", "Tanh"):
            steps = ["BiasAdd", name]
            yield Case(op, "bias, " + name, [*operands(), [normal(rng, width)]], using=after(plain, steps), fused_ops=steps, tolerance=CONV, **conv)
        steps = ["BiasAdd", "LeakyRelu"]
        yield Case(op, "bias, LeakyRelu", [*operands(), [normal(rng, width)]], using=after(plain, steps, alpha=0.3), fused_ops=steps, leakyrelu_alpha=0.3, tolerance=CONV, **conv)
        steps = ["BiasAdd", "Prelu"]
        yield Case(op, "bias, Prelu", [*operands(), [normal(rng, width), normal(rng, width)]], using=after(plain, steps), fused_ops=steps, tolerance=CONV, **conv)
    steps = ["FusedBatchNorm", "Relu"]
    plain = lambda x, w: tf.raw_ops.Conv2D(input=x, filter=w, **conv)
    norm = [uniform(rng, 0.5, 2, 3), normal(rng, 3), normal(rng, 3), uniform(rng, 0.5, 2, 3)]
    yield Case("_FusedConv2D", "batch norm, Relu", [normal(rng, 1, 4, 4, 2), normal(rng, 3, 3, 2, 3), norm], using=after(plain, steps, epsilon=0.01), fused_ops=steps, epsilon=0.01, tolerance=(1e-5, 1e-4), **conv)
    for steps, args in ((["BiasAdd"], 1), (["BiasAdd", "Relu"], 1), (["BiasAdd", "Tanh"], 1), (["BiasAdd", "Prelu"], 2)):
        plain = lambda a, b: tf.linalg.matmul(a, b, transpose_b=True)
        yield Case("_FusedMatMul", ", ".join(steps), [normal(rng, 2, 3), normal(rng, 4, 3), [normal(rng, 4) for _ in range(args)]], using=after(plain, steps), transpose_b=True, fused_ops=steps)
    yield Case("Prelu", "vector of slopes", [normal(rng, 2, 3), normal(rng, 3)], using=lambda x, a: tf.where(x >= 0, x, x * a))
    yield Case("Prelu", "special values", [np.float32([0, -0.0, INF, -INF, NAN]), np.float32([0.5])], using=lambda x, a: tf.where(x >= 0, x, x * a))


def cases():
    for family in (linear, einsum, convolutions, pools, normalisation, quantisation, spectral, resizing, fused):
        yield from family()
