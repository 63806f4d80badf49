#!/usr/bin/env python3
"""Makes saved_model/ and four.npy: a small convolution network that reads digits, trained for a minute on drawn ones.

    .peers/venv/bin/python examples/digits/make.py        (tests/peers/setup makes .peers/venv)

Made with Python 3.11, tensorflow 2.19.0, keras 3.15.1, numpy 2.1.3. The digits are a 5x7 font, stretched, shifted, blurred and covered with noise.
"""
import os
import shutil

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

SIZE = 20
FONT = {
    0: "01110 10001 10011 10101 11001 10001 01110", 1: "00100 01100 00100 00100 00100 00100 01110", 2: "01110 10001 00001 00110 01000 10000 11111",
    3: "11110 00001 00001 01110 00001 00001 11110", 4: "00010 00110 01010 10010 11111 00010 00010", 5: "11111 10000 11110 00001 00001 10001 01110",
    6: "00110 01000 10000 11110 10001 10001 01110", 7: "11111 00001 00010 00100 01000 01000 01000", 8: "01110 10001 10001 01110 10001 10001 01110",
    9: "01110 10001 10001 01111 00001 00010 01100",
}


def draw(digit, rng):
    """One digit as a SIZE x SIZE image from 0 to 1."""
    glyph = np.array([[float(c) for c in row] for row in FONT[digit].split()], np.float32)
    height, width = rng.integers(10, 17), rng.integers(7, 13)
    rows, columns = (np.arange(height) * 7 // height), (np.arange(width) * 5 // width)
    glyph = glyph[rows][:, columns]
    image = np.zeros((SIZE, SIZE), np.float32)
    top, left = rng.integers(1, SIZE - height), rng.integers(1, SIZE - width)
    image[top:top + height, left:left + width] = glyph
    image = (image + 0.5 * (np.roll(image, 1, 0) + np.roll(image, 1, 1))) / 2.0
    return np.clip(image * rng.uniform(0.7, 1.3) + rng.normal(0.0, 0.12, image.shape), 0.0, 1.0).astype(np.float32)


def dataset(count, seed):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 10, count)
    return np.stack([draw(int(d), rng) for d in labels])[..., None], labels


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    tf.keras.utils.set_random_seed(7)
    layers = tf.keras.layers
    model = tf.keras.Sequential([
        layers.Input((SIZE, SIZE, 1), name="image"),
        layers.Conv2D(12, 3, use_bias=False), layers.BatchNormalization(), layers.ReLU(), layers.MaxPooling2D(2),
        layers.Conv2D(24, 3, use_bias=False), layers.BatchNormalization(), layers.ReLU(), layers.MaxPooling2D(2),
        layers.Flatten(), layers.Dropout(0.2), layers.Dense(32, activation="relu"), layers.Dense(10, activation="softmax", name="digit")])
    model.compile(tf.keras.optimizers.Adam(2e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    images, labels = dataset(12000, 1)
    model.fit(images, labels, batch_size=64, epochs=6, verbose=2)
    print("accuracy on new digits: %.4f" % model.evaluate(*dataset(2000, 2), verbose=0)[1])

    folder = os.path.join(here, "saved_model")
    shutil.rmtree(folder, ignore_errors=True)

    @tf.function(input_signature=[tf.TensorSpec([None, SIZE, SIZE, 1], tf.float32, name="image")])
    def serve(image):
        scores = model(image, training=False)
        return {"scores": scores, "digit": tf.argmax(scores, 1)}

    archive = tf.keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serve", serve)
    archive.write_out(folder, verbose=False)
    os.remove(os.path.join(folder, "fingerprint.pb"))
    np.save(os.path.join(here, "four.npy"), draw(4, np.random.default_rng(44))[None, ..., None])


if __name__ == "__main__":
    main()
