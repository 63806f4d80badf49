#!/usr/bin/env python3
"""Makes the models that bench/convert.py measures, with real TensorFlow.

  .peers/venv/bin/python bench/models.py NAME FOLDER          NAME: resnet50 | large | mobilenet_v2 | efficientnet_b0 | resnet50_h5 | resnet50_keras

Writes FOLDER/saved_model (the file in it for Keras's formats) and FOLDER/facts.json (bytes, nodes, largest tensor, model, flags; of networks, least_weight_bytes:
kernels and one bias for each channel, float32, which is what is left when batch normalisation is folded). Weights are random with a fixed seed; their values do not matter here.
"""
import json
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from tensorflow.core.protobuf import saved_model_pb2  # noqa: E402


def application(name, folder):
    """A network of keras.applications with random weights, normalisations that are not the identity among them."""
    tf.keras.utils.set_random_seed(1)
    model = getattr(tf.keras.applications, name)(weights=None)
    draw = np.random.default_rng(1)
    for layer in model.layers:
        if type(layer).__name__ == "BatchNormalization":
            layer.set_weights([draw.uniform(0.5, 1.5, w.shape) for w in layer.get_weights()])
    m = tf.Module()
    m.weights = [w.value for w in model.weights]  # Keras's own export stores each of them twice

    @tf.function(input_signature=[tf.TensorSpec([None, 224, 224, 3], tf.float32, name="image")])
    def serve(image):
        return {"scores": model(image, training=False)}

    tf.saved_model.save(m, folder, signatures=serve)
    return {**facts(folder), "least_weight_bytes": 4 * least_weights(model)}


def least_weights(model):
    count = 0
    for layer in model.layers:
        kernels = [w for w in layer.weights if "kernel" in w.path]
        count += sum(tf.TensorShape(w.shape).num_elements() for w in kernels)
        if kernels:
            count += layer.output.shape[-1]
    return count


def resnet50(folder):
    """25.6 million weights, 102 MB."""
    return application("ResNet50", folder)


def mobilenet_v2(folder):
    return application("MobileNetV2", folder)


def efficientnet_b0(folder):
    return application("EfficientNetB0", folder)


def large(folder):
    """3 GB of variables: 24 matrices of 128 MB that multiply one vector after another."""
    m = tf.Module()
    m.matrices = [tf.Variable(tf.random.stateless_uniform([8192, 4096] if k % 2 else [4096, 8192], [k, 1], -0.01, 0.01), name="w%d" % k) for k in range(24)]

    @tf.function(input_signature=[tf.TensorSpec([1, 4096], tf.float32, name="x")])
    def serve(x):
        for w in m.matrices:
            x = tf.nn.relu(x @ w)
        return {"y": x}

    tf.saved_model.save(m, folder, signatures=serve)


def resnet50_h5(folder):
    """The same layers as tf_keras saves them in HDF5."""
    import tf_keras
    os.makedirs(folder)
    model = tf_keras.applications.ResNet50(weights=None)
    model.save(os.path.join(folder, "model.h5"))
    return keras_facts(model, folder, "model.h5")


def resnet50_keras(folder):
    """The same layers in an archive of Keras 3."""
    os.makedirs(folder)
    model = tf.keras.applications.ResNet50(weights=None)
    model.save(os.path.join(folder, "model.keras"))
    return keras_facts(model, folder, "model.keras")


def keras_facts(model, folder, file):
    largest = max(4 * tf.TensorShape(w.shape).num_elements() for w in model.weights)
    return {"bytes": os.path.getsize(os.path.join(folder, file)), "nodes": len(model.layers), "largest_tensor_bytes": largest, "model": file,
            "flags": ["--output_format", "tfjs_layers_model"]}


def facts(folder):
    saved = saved_model_pb2.SavedModel()
    with open(os.path.join(folder, "saved_model.pb"), "rb") as f:
        saved.ParseFromString(f.read())
    graph = saved.meta_graphs[0].graph_def
    reader = tf.train.load_checkpoint(os.path.join(folder, "variables/variables"))
    shapes, dtypes = reader.get_variable_to_shape_map(), reader.get_variable_to_dtype_map()
    largest = max(tf.TensorShape(shape).num_elements() * dtypes[name].size for name, shape in shapes.items())
    size = sum(os.path.getsize(os.path.join(path, name)) for path, _, names in os.walk(folder) for name in names)
    return {"bytes": size, "nodes": len(graph.node) + sum(len(f.node_def) for f in graph.library.function), "largest_tensor_bytes": largest}


def main():
    makers = {"resnet50": resnet50, "large": large, "mobilenet_v2": mobilenet_v2, "efficientnet_b0": efficientnet_b0, "resnet50_h5": resnet50_h5, "resnet50_keras": resnet50_keras}
    if len(sys.argv) != 3 or sys.argv[1] not in makers:
        raise SystemExit(__doc__)
    folder = os.path.join(sys.argv[2], "saved_model")
    known = makers[sys.argv[1]](folder)
    with open(os.path.join(sys.argv[2], "facts.json"), "w", encoding="utf-8") as f:
        json.dump(known or facts(folder), f)


if __name__ == "__main__":
    main()
