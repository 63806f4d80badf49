"""Cases of the gradients of convolutions, pools and batch normalisation."""

import numpy as np
import tensorflow as tf

from op_cases import Case, generator, integers, normal, uniform

LOOSE = (1e-4, 1e-4)


def convolution_cases():
    op = "Conv2DBackpropFilter"
    rng = generator(op)

    def case(label, image, filter_shape, strides, padding, **attributes):
        given = dict(strides=strides, padding=padding, **attributes)
        output = tf.nn.conv2d(np.zeros(image, np.float32), np.zeros(filter_shape, np.float32), strides, attributes.get("pads", padding),
                              dilations=attributes.get("dilations")).shape
        given.pop("pads", None)
        return Case(op, label, [normal(rng, *image), np.int32(filter_shape), normal(rng, *output)], tolerance=LOOSE, **given)

    yield case("same", [2, 5, 4, 2], [3, 2, 2, 3], [1, 1, 1, 1], "SAME")
    yield case("valid, strided", [1, 6, 5, 3], [2, 3, 3, 2], [1, 2, 1, 1], "VALID")
    yield case("explicit", [1, 4, 4, 1], [2, 2, 1, 1], [1, 1, 1, 1], "EXPLICIT", pads=[[0, 0], [1, 0], [0, 2], [0, 0]], explicit_paddings=[0, 0, 1, 0, 0, 2, 0, 0])
    op = "Conv3DBackpropFilterV2"
    rng = generator(op)
    yield Case(op, "same", [normal(rng, 1, 3, 4, 3, 2), np.int32([2, 2, 3, 2, 2]), normal(rng, 1, 3, 4, 3, 2)], strides=[1] * 5, padding="SAME", tolerance=LOOSE)
    yield Case(op, "valid, strided", [normal(rng, 1, 5, 4, 4, 1), np.int32([2, 2, 2, 1, 2]), normal(rng, 1, 2, 2, 2, 2)], strides=[1, 2, 2, 2, 1], padding="VALID",
               tolerance=LOOSE)
    op = "DepthwiseConv2dNativeBackpropInput"
    rng = generator(op)
    yield Case(op, "same", [np.int32([2, 5, 4, 2]), normal(rng, 3, 2, 2, 3), normal(rng, 2, 5, 4, 6)], strides=[1] * 4, padding="SAME", tolerance=LOOSE)
    yield Case(op, "valid, strided", [np.int32([1, 6, 6, 3]), normal(rng, 2, 2, 3, 1), normal(rng, 1, 3, 3, 3)], strides=[1, 2, 2, 1], padding="VALID", tolerance=LOOSE)
    op = "DepthwiseConv2dNativeBackpropFilter"
    rng = generator(op)
    yield Case(op, "same", [normal(rng, 2, 5, 4, 2), np.int32([3, 2, 2, 3]), normal(rng, 2, 5, 4, 6)], strides=[1] * 4, padding="SAME", tolerance=LOOSE)
    yield Case(op, "valid, strided", [normal(rng, 1, 6, 6, 3), np.int32([2, 2, 3, 1]), normal(rng, 1, 3, 3, 3)], strides=[1, 2, 2, 1], padding="VALID", tolerance=LOOSE)


def pool_cases():
    rng = generator("MaxPoolGrad")
    for label, x in (("random", normal(rng, 2, 5, 4, 3)), ("ties", np.round(normal(rng, 1, 5, 4, 2)))):
        for padding in ("SAME", "VALID"):
            y = tf.nn.max_pool2d(x, [3, 2], [2, 1], padding).numpy()
            yield Case("MaxPoolGrad", "%s, %s" % (label, padding.lower()), [x, y, normal(rng, *y.shape)], ksize=[1, 3, 2, 1], strides=[1, 2, 1, 1], padding=padding,
                       tolerance=LOOSE)
    rng = generator("MaxPoolGrad integers")
    for dtype in (np.int32, np.uint8, np.int64):
        x = integers(rng, 0, 100, 1, 5, 4, 2, dtype=dtype)
        y = tf.nn.max_pool2d(x, [3, 2], [2, 1], "SAME").numpy().astype(dtype)
        yield Case("MaxPoolGrad", np.dtype(dtype).name, [x, y, integers(rng, 0, 100, *y.shape, dtype=dtype)], ksize=[1, 3, 2, 1], strides=[1, 2, 1, 1], padding="SAME")
    x = np.float32([np.nan, 1, np.nan, 3, 2, np.nan]).reshape(1, 1, 6, 1)
    yield Case("MaxPoolGrad", "NaN", [x, np.zeros((1, 1, 5, 1), np.float32), normal(rng, 1, 1, 5, 1)], ksize=[1, 1, 2, 1], strides=[1, 1, 1, 1], padding="VALID")
    window, strides = np.int32([1, 3, 2, 1]), np.int32([1, 2, 1, 1])
    for op in ("MaxPoolV2", "MaxPoolGradV2"):
        rng = generator(op)
        for padding in ("SAME", "VALID"):
            for dtype in (np.float32, np.int32):
                x = (normal(rng, 2, 5, 4, 3) * 8).astype(dtype)
                y = tf.nn.max_pool2d(x, [3, 2], [2, 1], padding).numpy().astype(dtype)
                inputs = [x, window, strides] if op == "MaxPoolV2" else [x, y, (normal(rng, *y.shape) * 8).astype(dtype), window, strides]
                yield Case(op, "%s, %s" % (np.dtype(dtype).name, padding.lower()), inputs, padding=padding)
    rng = generator("MaxPool3DGrad")
    x = normal(rng, 1, 4, 3, 3, 2)
    y = tf.nn.max_pool3d(x, 2, 1, "SAME").numpy()
    yield Case("MaxPool3DGrad", "same", [x, y, normal(rng, *y.shape)], ksize=[1, 2, 2, 2, 1], strides=[1] * 5, padding="SAME", tolerance=LOOSE)
    rng = generator("AvgPoolGrad")
    yield Case("AvgPoolGrad", "same", [np.int32([2, 5, 4, 3]), normal(rng, 2, 3, 4, 3)], ksize=[1, 3, 2, 1], strides=[1, 2, 1, 1], padding="SAME", tolerance=LOOSE)
    yield Case("AvgPoolGrad", "valid", [np.int32([1, 5, 4, 1]), normal(rng, 1, 2, 3, 1)], ksize=[1, 3, 2, 1], strides=[1, 2, 1, 1], padding="VALID", tolerance=LOOSE)
    yield Case("AvgPool3DGrad", "same", [np.int32([1, 4, 3, 3, 2]), normal(rng, 1, 2, 2, 2, 2)], ksize=[1, 2, 2, 2, 1], strides=[1, 2, 2, 2, 1], padding="SAME",
               tolerance=LOOSE)


def batch_norm_cases():
    for op in ("FusedBatchNormGrad", "FusedBatchNormGradV2", "FusedBatchNormGradV3"):
        rng = generator(op)
        for training in (True, False):
            x, errors = normal(rng, 2, 3, 2, 4), normal(rng, 2, 3, 2, 4)
            inputs = [errors, x, uniform(rng, 0.5, 2, 4), x.mean((0, 1, 2)), x.var((0, 1, 2))] + ([np.zeros(4, np.float32)] if op.endswith("V3") else [])
            yield Case(op, "training" if training else "inference", inputs, is_training=training, epsilon=0.01, tolerance=LOOSE, unchecked=(3, 4))


def cases():
    yield from convolution_cases()
    yield from pool_cases()
    yield from batch_norm_cases()
