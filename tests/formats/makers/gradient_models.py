"""TF2 SavedModels that compute gradients, as those that explain a prediction do, and more of what tf.js gets only in other ops."""

import numpy as np
import tensorflow as tf
from recorder import fixture, floats
from saved_models import saved, spec, variable

normalized = tf.compat.v1.nn.fused_batch_norm


@fixture("saliency", "what the pixels of images of open size contribute: gradients of convolutions, pools, paddings, slices and a batch normalisation")
def saliency(source):
    m = tf.Module()
    m.w, m.depthwise, m.scale, m.offset = variable(1, 3, 3, 2, 4), variable(2, 2, 3, 4, 1), variable(3, 4), variable(4, 4)

    def score(images):
        x = tf.pad(images, [[0, 0], [1, 2], [2, 1], [0, 0]], "REFLECT")
        x = tf.nn.conv2d(x, m.w, [1, 2, 1, 1], "SAME")
        x = tf.nn.max_pool2d(x, 2, 1, "SAME")
        x = tf.nn.depthwise_conv2d(x, m.depthwise, [1, 1, 1, 1], "SAME")
        x = normalized(x, m.scale, m.offset, mean=tf.constant([0.1, 0.2, -0.1, 0.0]), variance=tf.constant([1.0, 0.5, 2.0, 1.5]), is_training=False)[0]
        return tf.nn.avg_pool2d(tf.nn.elu(x[:, 1:, ::2] * m.scale + m.offset), [2, 3], [1, 2], "SAME")

    @tf.function(input_signature=[spec([None, None, None, 2], tf.float32, name="images")])
    def serve(images):
        y = score(images)
        return {"score": tf.reduce_sum(y, [1, 2, 3]), "pixels": tf.gradients(y, images)[0]}

    return saved(source, m, serve, {"images": floats(10, 2, 7, 6, 2)}, {"images": floats(11, 1, 5, 9, 2)}, rtol=1e-4, atol=1e-4)


@fixture("weight_gradients", "gradients with respect to weights: filters of convolutions, dense and depthwise, and a batch normalisation in training")
def weight_gradients(source):
    m = tf.Module()
    m.w, m.depthwise, m.scale, m.offset, m.volume = variable(1, 3, 2, 2, 4), variable(2, 2, 3, 4, 2), variable(3, 8), variable(4, 8), variable(5, 2, 2, 2, 1, 2)

    @tf.function(input_signature=[spec([None, 6, 7, 2], tf.float32, name="images"), spec([1, 3, 4, 4, 1], tf.float32, name="volume")])
    def serve(images, volume):
        names = ("w", "depthwise", "scale", "offset", "volume")
        w, depthwise, scale, offset, filters = weights = [tf.identity(getattr(m, name)) for name in names]
        x = tf.nn.depthwise_conv2d(tf.nn.conv2d(images, w, [1, 2, 2, 1], "VALID"), depthwise, [1, 1, 1, 1], "SAME")
        x = tf.nn.relu(normalized(x, scale, offset)[0])
        v = tf.nn.avg_pool3d(tf.nn.conv3d(volume, filters, [1, 1, 2, 1, 1], "SAME"), 2, 1, "VALID")
        return dict(zip(names, tf.gradients(tf.reduce_mean(tf.square(x)) + tf.reduce_sum(tf.sin(v)), weights)))

    return saved(source, m, serve, {"images": floats(10, 3, 6, 7, 2), "volume": floats(11, 1, 3, 4, 4, 1)}, rtol=1e-4, atol=1e-4)


@fixture("open_resize", "images of open size, resized by filters to a size that is given or computed; simulated quantisation")
def open_resize(source):
    m = tf.Module()

    @tf.function(input_signature=[spec([None, None, None, 2], tf.float32, name="images")])
    def serve(images):
        half = tf.shape(images)[1:3] // 2
        resized = {name: tf.image.resize(images, [5, 4], name, antialias=True)
                   for name in ("bilinear", "lanczos3", "lanczos5", "bicubic", "gaussian", "mitchellcubic")}
        return {**resized, "half": tf.image.resize(images, half, "bilinear", antialias=True), "area": tf.image.resize(images, half, "area"),
                "cubic": tf.image.resize(images, half + 3, "bicubic"),
                "steps": tf.quantization.quantize_and_dequantize_v2(images, -1.0, 1.5, num_bits=6, range_given=True),
                "channels": tf.quantization.quantize_and_dequantize_v2(images, 0.0, 0.0, range_given=False)}

    return saved(source, m, serve, {"images": floats(10, 2, 9, 7, 2)}, {"images": floats(11, 1, 3, 11, 2)}, rtol=1e-4, atol=1e-4)


@fixture("segments_and_spectra", "extremes and products of segments, means and roots of sparse ones, transforms of two dimensions, and angles")
def segments_and_spectra(source):
    m = tf.Module()

    @tf.function(input_signature=[spec([None, 4], tf.float32, name="rows"), spec([None], tf.int32, name="segments")])
    def serve(rows, segments):
        spectrum = tf.signal.rfft2d(rows, [4, 4])
        picked = tf.range(tf.size(segments)) // 2
        return {"largest": tf.math.segment_max(rows, segments), "smallest": tf.math.unsorted_segment_min(rows, segments, 5),
                "product": tf.math.segment_prod(rows, segments), "mean": tf.sparse.segment_mean(rows, picked, segments, num_segments=5),
                "root": tf.sparse.segment_sqrt_n(rows, picked, segments), "spectrum": tf.abs(spectrum), "back": tf.signal.irfft2d(spectrum, [4, 4]),
                "angle": tf.math.angle(tf.complex(rows, rows[:, ::-1]))}

    return saved(source, m, serve, {"rows": floats(10, 4, 4), "segments": np.array([0, 0, 1, 3], np.int32)}, rtol=1e-4, atol=1e-4)
