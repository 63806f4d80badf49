"""Cases of images, and of random numbers."""

import numpy as np
import tensorflow as tf

from op_cases import Case, generator, integers, uniform


# --- random numbers


def random_cases():
    shape = np.int32([3, 3])
    for dtype in (tf.float32, tf.float64, tf.float16):
        for op in ("RandomUniform", "RandomStandardNormal", "TruncatedNormal"):
            yield Case(op, dtype.name, [shape], dtype=dtype, seed=1, seed2=2)
    for op in ("StatelessRandomUniform", "StatelessRandomNormal", "StatelessTruncatedNormal"):
        yield Case(op, "float32", [shape, np.int64([1, -2])], dtype=tf.float32)
        yield Case(op + "V2", "float32", [shape, np.uint64([7]), np.uint64([2**64 - 1, 3]), np.int32(1)], dtype=tf.float32)
        yield Case(op + "V2", "float64", [shape, np.uint64([7]), np.uint64([5, 3]), np.int32(3)], dtype=tf.float64)
    for dtype in (np.int32, np.int64):
        yield Case("RandomUniformInt", np.dtype(dtype).name, [shape, dtype(-5), dtype(1000)], seed=1, seed2=2)
        yield Case("StatelessRandomUniformInt", np.dtype(dtype).name, [shape, np.int32([1, 2]), dtype(-5), dtype(1000)])
        yield Case("StatelessRandomUniformIntV2", np.dtype(dtype).name, [shape, np.uint64([7]), np.uint64([5, 3]), np.int32(1), dtype(-5), dtype(1000)])
        yield Case("StatelessRandomUniformFullInt", np.dtype(dtype).name, [shape, np.int32([1, 2])], dtype=tf.as_dtype(dtype))
        yield Case("StatelessRandomUniformFullIntV2", np.dtype(dtype).name, [shape, np.uint64([7]), np.uint64([5, 3]), np.int32(1)], dtype=tf.as_dtype(dtype))
    yield Case("StatelessRandomGetKeyCounter", "seeds", [np.int64([1, -2])])
    yield Case("StatelessRandomGetAlg", "Philox", [], using=lambda: np.int32(1))  # TensorFlow itself may answer "choose for me" (3)
    yield Case("RandomShuffle", "vector", [np.arange(10, dtype=np.int32)], seed=1, seed2=2)
    yield Case("RandomShuffle", "rows", [np.arange(12, dtype=np.float32).reshape(6, 2)], seed=3, seed2=2)
    yield Case("Multinomial", "one row", [np.float32([[0, 1, 2]]), np.int32(10)], seed=1, seed2=2)
    yield Case("Multinomial", "two rows", [np.float32([[0, 1, 2], [50, 0, 0]]), np.int32(4)], unchecked=(0,), seed=1, seed2=2, output_dtype=tf.int32)
    yield Case("RandomGamma", "two alphas", [np.int32([4]), np.float32([0.5, 3])], unchecked=(0,), seed=1, seed2=2)


# --- images


def image_cases():
    rng = generator("images")
    rgb = uniform(rng, 0, 1, 2, 3, 2, 3)
    rgb[0, 0] = [[0.5, 0.5, 0.5], [0, 0, 0]]
    rgb[0, 1] = [[1, 0, 0], [0, 0.2, 1]]
    for dtype in (np.float32, np.float64):
        yield Case("RGBToHSV", np.dtype(dtype).name, [rgb.astype(dtype)])
        yield Case("HSVToRGB", np.dtype(dtype).name, [rgb.astype(dtype)])
    for delta in (0.0, 0.3, -0.9):
        yield Case("AdjustHue", "by %g" % delta, [rgb, np.float32(delta)])
    for scale in (0.0, 0.4, 3.0):
        yield Case("AdjustSaturation", "by %g" % scale, [rgb, np.float32(scale)])
    for factor in (0.0, 0.5, -2.0):
        yield Case("AdjustContrastv2", "by %g" % factor, [rgb, np.float32(factor)], tolerance=(2e-6, 1e-5))
    images = uniform(rng, -2, 2, 2, 5, 4, 2)
    sizes = [np.int32(size) for size in ((7, 9), (3, 2), (5, 4), (1, 1))]
    for size in sizes:
        to = "to %d by %d" % tuple(size)
        close = (1e-5, 1e-5)
        yield Case("ResizeBicubic", to, [images, size], tolerance=close)
        yield Case("ResizeBicubic", to + ", half_pixel_centers", [images, size], half_pixel_centers=True, tolerance=close)
        yield Case("ResizeBicubic", to + ", align_corners", [images, size], align_corners=True, tolerance=close)
        yield Case("ResizeArea", to, [images, size], tolerance=close)
        scale = (size / np.float32([5, 4])).astype(np.float32)
        for kernel in ("lanczos1", "lanczos3", "lanczos5", "gaussian", "box", "triangle", "keyscubic", "mitchellcubic"):
            yield Case("ScaleAndTranslate", "%s, %s" % (kernel, to), [images, size, scale, np.float32([0, 0])], kernel_type=kernel, tolerance=close)
    yield Case("ResizeArea", "one pixel, align_corners", [np.float32([[[[2], [-3]]]]), np.int32([3, 4])], align_corners=True, tolerance=(1e-5, 1e-5))
    yield Case("ResizeArea", "uint8, align_corners", [integers(rng, 0, 256, 1, 4, 6, 1, dtype=np.uint8), np.int32([3, 4])], align_corners=True, tolerance=(1e-4, 1e-5))
    yield Case("ScaleAndTranslate", "moved, no antialias", [images, np.int32([6, 6]), np.float32([0.7, 1.3]), np.float32([1.5, -2])], kernel_type="triangle",
               antialias=False, tolerance=(1e-5, 1e-5))
    transforms = np.float32([[1, 0.2, -1.5, 0.1, 0.9, 0.4, 0.01, 0], [0.5, 0, 3, 0, -1.2, 2, 0, 0.02]])
    for mode in ("CONSTANT", "REFLECT", "WRAP", "NEAREST"):
        for interpolation in ("NEAREST", "BILINEAR"):
            yield Case("ImageProjectiveTransformV3", "%s, %s" % (mode, interpolation), [images, transforms, np.int32([6, 7]), np.float32(0.25)], fill_mode=mode,
                       interpolation=interpolation, tolerance=(1e-5, 1e-5))
    yield Case("ImageProjectiveTransformV3", "uint8", [integers(rng, 0, 256, 2, 4, 4, 1, dtype=np.uint8), transforms[:1], np.int32([4, 4]), np.float32(7)],
               interpolation="BILINEAR", fill_mode="CONSTANT")
    for mode in ("CONSTANT", "REFLECT", "WRAP"):
        yield Case("ImageProjectiveTransformV2", mode, [images, transforms, np.int32([6, 7])], fill_mode=mode, interpolation="BILINEAR", tolerance=(1e-5, 1e-5))
    yield Case("ImageProjectiveTransformV2", "NEAREST", [images, transforms[:1], np.int32([3, 4])], interpolation="NEAREST")
    for padding in ("VALID", "SAME"):
        yield Case("ExtractImagePatches", padding, [images], ksizes=[1, 2, 3, 1], strides=[1, 2, 1, 1], rates=[1, 1, 1, 1], padding=padding)
        yield Case("ExtractImagePatches", padding + " with rates", [images], ksizes=[1, 2, 2, 1], strides=[1, 1, 1, 1], rates=[1, 3, 2, 1], padding=padding)


def cases():
    yield from random_cases()
    yield from image_cases()
