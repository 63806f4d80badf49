#!/usr/bin/env python3
"""Compares how `isomer run` reads and writes tensors with NumPy and TensorFlow.

  .peers/venv/bin/python tests/peers/inputs_agree.py [--binary FILE]

NumPy's .npz files, packed and not, must come back as the same arrays, in both directions; pixels of PNG and JPEG files that TensorFlow wrote must be those
that TensorFlow decodes, resized as tf.image.resize does it. Ends with `N passed, N failed, N skipped`.
"""
import argparse
import os
import subprocess
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MODEL = """module { signature "serving_default" = @main }
function @main {
  input "x" = %%x
  %%x = Placeholder() {dtype = %s, shape = %s} : %s
  %%y = Identity(%%x) : %s
  output "y" = %%y
}
"""


class Runner:
    def __init__(self, binary, folder):
        self.binary, self.folder, self.passed, self.failed = binary, folder, 0, 0

    def identity(self, dtype, shape, *arguments):
        """What a model that returns its input makes of the arguments, through an .npz file."""
        model, out = os.path.join(self.folder, "model.isomer"), os.path.join(self.folder, "out.npz")
        dims = "..." if shape is None else ",".join("?" if d is None else str(d) for d in shape)
        kind = "%s[%s]" % (dtype, dims)
        with open(model, "w", encoding="utf-8") as f:
            f.write(MODEL % (dtype, "shape[%s]" % dims, kind, kind))
        done = subprocess.run([self.binary, "run", "--quiet", model, "--output", out, *arguments], capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip())
        with np.load(out) as arrays:
            return arrays["y"]

    def check(self, name, expected, tolerance, *call):
        try:
            got = self.identity(*call)
            right = got.shape == expected.shape and got.dtype == expected.dtype and (
                np.array_equal(got, expected) if tolerance == 0 else np.max(np.abs(got.astype(np.float64) - expected)) <= tolerance)
            why = "" if right else "got %s %s, expected %s %s, largest difference %s" % (
                got.dtype, got.shape, expected.dtype, expected.shape, np.max(np.abs(got.astype(np.float64) - expected)) if got.shape == expected.shape else "-")
        except Exception as error:  # what went wrong is the result
            right, why = False, str(error)
        self.passed, self.failed = self.passed + right, self.failed + (not right)
        if not right:
            print("FAILED %s: %s" % (name, why))


def archives(runner):
    rng = np.random.default_rng(1)
    path = os.path.join(runner.folder, "x.npz")
    for dtype in ("float32", "float64", "float16", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool", "complex64", "complex128"):
        array = (rng.normal(0, 50, (3, 2000)) % 100).astype(dtype)
        for save in (np.savez, np.savez_compressed):
            save(path, x=array, other=np.zeros(3))
            runner.check("%s %s" % (save.__name__, dtype), array, 0, dtype, None, "--input", "x=" + path)
    array = np.asfortranarray(rng.normal(0, 1, (3, 4)).astype(np.float32))
    np.savez(path, array)  # the name is arr_0
    runner.check("the only array of an archive", array, 0, "float32", (None, 4), "--input", path)


def images(runner):
    # Smooth colours with an edge in them; a JPEG of noise says little.
    y, x = np.mgrid[0:45, 0:67]
    picture = np.stack([x * 3.7, y * 5.5, (x - 30) ** 2 / 5 + (y > 20) * 60], -1).clip(0, 255).astype(np.uint8)
    files = {
        "png": tf.io.encode_png(picture),
        "grey png": tf.io.encode_png(picture[:, :, :1]),
        "png of 16 bits": tf.io.encode_png(picture.astype(np.uint16) * 257),
        "jpeg": tf.io.encode_jpeg(picture, quality=90),
        "grey jpeg": tf.io.encode_jpeg(picture[:, :, :1], quality=80),
        "progressive jpeg": tf.io.encode_jpeg(picture, progressive=True, quality=70),
        "jpeg of full colour": tf.io.encode_jpeg(picture, chroma_downsampling=False),
    }
    for name, data in files.items():
        path = os.path.join(runner.folder, "image")
        with open(path, "wb") as f:
            f.write(data.numpy())
        for channels in (1, 3):
            if (channels == 1) != name.startswith("grey"):
                continue
            # By default TensorFlow takes a faster and coarser transform; docs/decisions/0005 says why Isomer does not.
            decode = (lambda d, c: tf.io.decode_jpeg(d, channels=c, dct_method="INTEGER_ACCURATE")) if "jpeg" in name else (lambda d, c: tf.io.decode_png(d, channels=c))
            decoded = decode(data, channels).numpy()
            call = ("uint8", (None, None, None, channels), "--input", path)
            runner.check(name, decoded[None], 0, *call)
            for size in ((45, 67), (20, 30), (100, 90)):
                resized = tf.image.resize(decoded, size).numpy()[None]
                runner.check("%s to %dx%d" % (name, *size), resized, 2e-3, "float32", (1, *size, channels), "--input", path, "--image_scale", "1")
            normalised = ((decoded.astype(np.float64) - 127.5) / 127.5).astype(np.float32)
            runner.check(name + " normalised", normalised, 1e-6, "float32", (None, None, channels), "--input", path, "--image_mean", "127.5", "--image_scale",
                         "1/127.5")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=os.path.join(ROOT, "build/release/isomer"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        runner = Runner(os.path.abspath(options.binary), folder)
        archives(runner)
        images(runner)
    print("%d passed, %d failed, 0 skipped" % (runner.passed, runner.failed))
    sys.exit(1 if runner.failed else 0)


if __name__ == "__main__":
    main()
