"""Files that Keras writes: HDF5, archives, architectures and SavedModels with layers, by tf_keras (Keras 2) and by Keras 3."""
import os

import numpy as np
import tensorflow as tf
import tf_keras
from recorder import Recipe, fixture, floats, rng


def shaken(model):
    """Weights that are none of the initialisers' values."""
    for n, weight in enumerate(model.weights):
        if weight.dtype not in ("float32", tf.float32):
            continue
        value = floats(60 + n, *weight.shape) * 0.4
        name = getattr(weight, "path", weight.name)
        weight.assign(np.abs(value) + 0.5 if "variance" in name or "gamma" in name else value)
    return model


def names_of(tensors):
    return [t.name.split(":")[0] for t in tensors]


def calls(model, *inputs, outputs):
    """Recorded as a run of the whole model, inputs and outputs in the model's order."""
    keys = names_of(model.inputs)
    results = model(dict(zip(keys, inputs)) if len(keys) > 1 else inputs[0], training=False)
    flat = results if isinstance(results, (list, tuple)) else [results]
    return [("serving_default", dict(zip(keys, inputs)), dict(zip(outputs, [np.asarray(r) for r in flat])))]


def picture_model(keras):
    """Convolutions and batch norm, a small model inside that is called twice, two outputs."""
    layers = keras.layers
    inner = keras.Sequential([layers.Input((6,)), layers.Dense(6, activation="tanh", name="squeeze"), layers.BatchNormalization(name="norm")], name="inner")
    image = layers.Input((8, 8, 2), name="image")
    x = layers.Conv2D(4, 3, strides=2, padding="same", name="conv")(image)
    x = layers.BatchNormalization(name="bn")(x)
    x = layers.ReLU(name="relu")(x)
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, name="depthwise")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dense(6, name="widen")(x)
    x = layers.Add(name="sum")([inner(x), inner(inner(x))])
    kind, score = layers.Dense(3, activation="softmax", name="kind")(x), layers.Dense(1, name="score")(x)
    return keras.Model(image, [kind, score], name="pictures")


def text_model(keras):
    """Masked words, recurrent layers of every kind."""
    layers = keras.layers
    words = layers.Input((None,), dtype="int32", name="words")
    x = layers.Embedding(20, 5, mask_zero=True, name="embed")(words)
    x = layers.Bidirectional(layers.LSTM(3, return_sequences=True), name="both")(x)
    x = layers.GRU(4, return_sequences=True, name="gru")(x)
    x = layers.RNN([layers.LSTMCell(3), layers.GRUCell(2)], name="stack")(x)
    return keras.Model(words, layers.Dense(2, name="out")(x), name="texts")


def trained(keras, model):
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss=["sparse_categorical_crossentropy", "mse"])
    model.train_on_batch(floats(1, 4, 8, 8, 2), [np.array([0, 1, 2, 0]), floats(2, 4, 1)])
    return model


WORDS = np.array([[3, 4, 5, 0, 0], [7, 8, 9, 10, 11]], np.int32)


@fixture("keras_h5", "tf_keras: convolutions, a model inside called twice, trained with Adam")
def keras_h5(source):
    model = trained(tf_keras, shaken(picture_model(tf_keras)))
    model.save(os.path.join(source, "model.h5"))
    return Recipe("keras_h5", calls(model, floats(3, 2, 8, 8, 2), outputs=["kind", "score"]), model="source/model.h5")


@fixture("keras_h5_texts", "tf_keras: masked embedding, Bidirectional LSTM, GRU, stacked cells")
def keras_h5_texts(source):
    model = shaken(text_model(tf_keras))
    model.save(os.path.join(source, "model.h5"))
    return Recipe("keras_h5", calls(model, WORDS, outputs=["out"]), model="source/model.h5")


@fixture("keras_h5_of_keras3", "Keras 3 writing HDF5")
def keras_h5_of_keras3(source):
    model = shaken(picture_model(tf.keras))
    model.save(os.path.join(source, "model.h5"))
    return Recipe("keras_h5", calls(model, floats(4, 2, 8, 8, 2), outputs=["kind", "score"]), model="source/model.h5")


@fixture("keras_archive", "Keras 3: an archive with the optimiser's state")
def keras_archive(source):
    model = trained(tf.keras, shaken(picture_model(tf.keras)))
    model.save(os.path.join(source, "model.keras"))
    return Recipe("keras_v3", calls(model, floats(5, 2, 8, 8, 2), outputs=["kind", "score"]), model="source/model.keras")


@fixture("keras_archive_texts", "Keras 3: an archive of recurrent layers, whose weights lie under classes' names")
def keras_archive_texts(source):
    model = shaken(text_model(tf.keras))
    model.save(os.path.join(source, "model.keras"))
    return Recipe("keras_v3", calls(model, WORDS, outputs=["out"]), model="source/model.keras")


@fixture("keras_archive_of_tf_keras", "tf_keras writing an archive")
def keras_archive_of_tf_keras(source):
    model = shaken(text_model(tf_keras))
    model.save(os.path.join(source, "model.keras"))
    return Recipe("keras_v3", calls(model, WORDS, outputs=["out"]), model="source/model.keras")


@fixture("keras_json", "an architecture as JSON, the weights in a file of their own")
def keras_json(source):
    model = shaken(picture_model(tf_keras))
    with open(os.path.join(source, "architecture.json"), "w", encoding="utf-8") as f:
        f.write(model.to_json())
    model.save_weights(os.path.join(source, "weights.h5"))
    return Recipe("keras_json", calls(model, floats(6, 2, 8, 8, 2), outputs=["kind", "score"]), model="source/architecture.json",
                  options={"weights": "source/weights.h5"})


@fixture("keras_saved_model", "tf_keras: a SavedModel that tells of its layers")
def keras_saved_model(source):
    layers = tf_keras.layers
    model = shaken(tf_keras.Sequential([layers.Input((4,), name="x"), layers.Dense(3, activation="relu", name="hidden"), layers.Dense(2, name="y")], name="small"))
    model.save(source, save_format="tf")
    x = floats(7, 2, 4)
    return Recipe("keras_saved_model", calls(model, x, outputs=["y"]))


def forms_model(keras):
    """What TensorFlow.js ignores or computes otherwise, in layers that it has."""
    layers = keras.layers
    image = layers.Input((7, 6, 4), name="image")
    steps = layers.Input((5, 3), name="steps")
    x = layers.Conv2D(4, 3, groups=2, padding="same", activation="exponential", name="groups")(image)
    x = layers.DepthwiseConv2D(3, dilation_rate=2, padding="same", activation="tanh", name="dilated")(x)
    x = layers.Conv2DTranspose(2, 3, strides=2, padding="same", output_padding=1, name="larger")(x)
    x = layers.Conv2DTranspose(2, 2, dilation_rate=3, name="spread")(x)
    x = layers.ReLU(max_value=1.5, negative_slope=0.1, threshold=0.2, name="bent")(x)
    x = layers.ELU(alpha=0.7, name="elu")(x)
    x = layers.Softmax(axis=1, name="rows")(x)
    small = layers.Resizing(4, 5, interpolation="bicubic", name="small")(x)
    middle = layers.CenterCrop(3, 9, name="middle")(image)
    y = layers.Masking(name="mask")(steps)
    both = layers.Bidirectional(layers.LSTM(2, return_sequences=True), name="both")(y)
    again = layers.LSTM(2, name="again")(layers.RepeatVector(3, name="repeat")(layers.LSTM(3, name="last")(y)))
    return keras.Model([image, steps], [small, middle, both, again], name="forms")


@fixture("keras_h5_forms", "tf_keras: groups, dilations, output_padding, resizing, activations and masks that TensorFlow.js has no word for")
def keras_h5_forms(source):
    model = shaken(forms_model(tf_keras))
    model.save(os.path.join(source, "model.h5"))
    steps = floats(4, 2, 5, 3)
    steps[0, 1] = steps[1, 0] = steps[1, 3:] = 0
    return Recipe("keras_h5", calls(model, floats(3, 2, 7, 6, 4), steps, outputs=["small", "middle", "both", "again"]), model="source/model.h5")


@fixture("keras_archive_vocabulary", "Keras 3: vocabularies learned from data, in the assets of the archive, one of them in a model inside")
def keras_archive_vocabulary(source):
    layers = tf.keras.layers
    words, years = layers.StringLookup(num_oov_indices=2, name="words"), layers.IntegerLookup(output_mode="multi_hot", name="years")
    words.adapt(np.array([["red"], ["green"], ["green"], ["blue"]]))
    years.adapt(np.array([[1999], [2024], [2024]]))
    colour, year = layers.Input((2,), dtype="string", name="colour"), layers.Input((2,), dtype="int64", name="year")
    inner = tf.keras.Sequential([layers.Input((2,), dtype="int64"), years, layers.Dense(2, name="weigh")], name="inner")
    index = layers.Embedding(6, 3, name="embed")(words(colour))
    out = layers.Dense(2, name="out")(layers.Concatenate(name="both")([layers.Flatten(name="flat")(index), inner(year)]))
    model = shaken(tf.keras.Model([colour, year], out, name="vocabulary"))
    model.save(os.path.join(source, "model.keras"))
    inputs = np.array([["green", "blue"], ["grey", "red"]], object), np.array([[2024, 7], [1999, 2024]], np.int64)
    results = np.asarray(model([tf.constant(inputs[0].tolist()), tf.constant(inputs[1])]))
    return Recipe("keras_v3", [("serving_default", {"colour": inputs[0], "year": inputs[1]}, {"out": results})], model="source/model.keras")
