#!/usr/bin/env python3
"""Records what the real Keras (3 and tf_keras) computes for small models of what is no plain layer of floats: functions called on tensors, texts, dtypes,
masks. Writes tests/layers/keras3.json.gz and tests/layers/tf_keras.json.gz, which the unit tests run.

  .peers/venv/bin/python tests/peers/record_layers.py
"""
import gzip
import json
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
import tf_keras  # noqa: E402
from keras import layers as L, ops  # noqa: E402
from tf_keras import layers as T  # noqa: E402

FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "layers")


def number(x):
    x = float(x)
    return x if np.isfinite(x) else "NaN" if np.isnan(x) else "Infinity" if x > 0 else "-Infinity"


def tensor(value):
    value = np.asarray(value)
    if value.dtype.kind in "OSU":
        values = [v.decode() if isinstance(v, bytes) else str(v) for v in value.reshape(-1)]
        return {"dtype": "string", "shape": list(value.shape), "values": values}
    flat = value.astype(np.float64 if value.dtype.kind not in "iub" else value.dtype).reshape(-1)
    values = [bool(v) for v in flat] if value.dtype == bool else [int(v) for v in flat] if value.dtype.kind in "iu" else [number("%.9g" % v) for v in flat]
    return {"dtype": value.dtype.name, "shape": list(value.shape), "values": values}


class Recorder:
    def __init__(self, generation, api):
        self.generation, self.api, self.cases, self.random = generation, api, [], np.random.default_rng(7)

    def array(self, shape, dtype, low=-2.0, high=2.0):
        if dtype == "bool":
            return self.random.random(shape) < 0.5
        if dtype.startswith("int"):
            return self.random.integers(-3, 4, shape).astype(dtype)
        return np.round(self.random.uniform(low, high, shape) * 64).astype(dtype) / np.asarray(64, dtype)

    def model(self, name, inputs, make, values=None):
        """inputs: [(shape without the batch, dtype)]; make: symbolic tensors to one or several results."""
        symbols = [self.api.Input(shape, dtype=dtype, name="x%d" % i) for i, (shape, dtype) in enumerate(inputs)]
        try:
            outputs = make(*symbols)
            outputs = tf.nest.flatten(outputs)
            model = self.api.Model(symbols, outputs)
            for weight in model.weights:
                if "float" in str(weight.dtype):
                    weight.assign(self.array(tuple(weight.shape), "float32", 0.1, 1.0))
            values = values or [self.array((2,) + tuple(shape), dtype) for shape, dtype in inputs]
            given = [tf.constant(v) for v in values]
            results = model(given if len(given) > 1 else given[0])
        except Exception as error:  # what Keras itself cannot do is no case
            print("%-28s not recorded: %s" % (name, str(error).split("\n")[0][:120]))
            return
        results = tf.nest.flatten(results)
        weights = [{"name": getattr(w, "path", w.name), "value": tensor(w.numpy())} for w in model.weights if "float" in str(w.dtype)]
        self.cases.append({"name": name, "topology": json.loads(model.to_json()), "weights": weights, "inputs": [tensor(v) for v in values],
                           "outputs": [tensor(np.asarray(r)) for r in results]})

    def write(self, path):
        text = '{"generation": "%s", "cases": [\n' % self.generation + ",\n".join(json.dumps(case, separators=(",", ":")) for case in self.cases) + "\n]}\n"
        with open(path, "wb") as f:
            f.write(gzip.compress(text.encode(), 9, mtime=0))
        print(path, len(self.cases), "cases", os.path.getsize(path), "bytes")


X, Y, I, B = ((3, 4), "float32"), ((3, 4), "float32"), ((3, 4), "int32"), ((3, 4), "bool")


def functions_of_keras3(r):
    unary = """abs arccosh arcsinh arctan ceil cos cosh exp exp2 expm1 floor isfinite isinf isnan log log10 log1p log2 logical_not negative reciprocal round rsqrt sign sin
        sinh sqrt square tan tanh erf erfinv relu relu6 sigmoid silu softplus softsign elu selu hard_sigmoid hard_silu hard_tanh celu glu leaky_relu log_sigmoid mish
        squareplus sparse_plus tanh_shrink soft_shrink hard_shrink gelu softmax log_softmax sum mean max min prod std var any all argmax argmin logsumexp
        cumsum cumprod ravel zeros_like ones_like flip transpose sort argsort count_nonzero nan_to_num deg2rad norm size shape normalize""".split()
    for name in unary:
        function = getattr(ops, name, None)
        if function is None:
            print("%-28s is not in keras.ops" % name)
            continue
        r.model(name, [X], lambda x: function(x))
        if name in "abs floor exp sum mean max prod argmax sqrt square negative cumsum".split():
            r.model(name + "_int", [I], lambda x: function(x))
    for name in "add subtract multiply divide true_divide floor_divide mod power maximum minimum arctan2 greater greater_equal less less_equal equal not_equal logaddexp".split():
        function = getattr(ops, name)
        r.model(name, [X, Y], lambda x, y: function(x, y))
        r.model(name + "_scalar", [X], lambda x: function(x, 1.5))
        if name not in ("power",):
            r.model(name + "_int_float", [I, X], lambda x, y: function(x, y))
            r.model(name + "_int_scalar", [I], lambda x: function(x, 2))
    for name in "logical_and logical_or logical_xor".split():
        function = getattr(ops, name)
        r.model(name, [B, B], lambda x, y: function(x, y))
    for name in "sum mean max min std var any all argmax logsumexp softmax cumsum log_softmax".split():
        function = getattr(ops, name)
        r.model(name + "_axis", [X], lambda x: function(x, axis=1))
        if name not in ("softmax", "cumsum", "log_softmax"):
            r.model(name + "_keepdims", [X], lambda x: function(x, axis=-1, keepdims=True))
    r.model("reshape", [X], lambda x: ops.reshape(x, (-1, 2, 6)))
    r.model("transpose_axes", [X], lambda x: ops.transpose(x, (0, 2, 1)))
    r.model("swapaxes", [X], lambda x: ops.swapaxes(x, 1, 2))
    r.model("moveaxis", [X], lambda x: ops.moveaxis(x, 1, -1))
    r.model("expand_dims", [X], lambda x: ops.expand_dims(x, 1))
    r.model("squeeze", [((1, 4), "float32")], lambda x: ops.squeeze(x, 1))
    r.model("concatenate", [X, Y], lambda x, y: ops.concatenate([x, y], axis=1))
    r.model("stack", [X, Y], lambda x, y: ops.stack([x, y], axis=1))
    r.model("unstack", [X], lambda x: ops.unstack(x, axis=1))
    r.model("split", [X], lambda x: ops.split(x, 2, axis=-1))
    r.model("split_at", [X], lambda x: ops.split(x, [1, 2], axis=1))
    r.model("tile", [X], lambda x: ops.tile(x, (1, 2, 1)))
    r.model("repeat", [X], lambda x: ops.repeat(x, 2, axis=1))
    r.model("broadcast_to", [((1, 4), "float32")], lambda x: ops.broadcast_to(x, (2, 3, 4)))
    r.model("roll", [X], lambda x: ops.roll(x, 1, axis=1))
    r.model("flip_axis", [X], lambda x: ops.flip(x, axis=1))
    r.model("get_item", [X], lambda x: x[:, 1:, ::2])
    r.model("get_item_last", [X], lambda x: x[:, -1])
    r.model("get_item_new", [X], lambda x: x[:, None, ..., 0])
    r.model("where", [B, X, Y], lambda c, x, y: ops.where(c, x, y))
    r.model("where_scalar", [B, X], lambda c, x: ops.where(c, x, 0.5))
    r.model("take", [X], lambda x: ops.take(x, [2, 0, -1], axis=1))
    r.model("take_along_axis", [X, ((3, 2), "int32")], lambda x, i: ops.take_along_axis(x, ops.absolute(i) % 3, axis=2))
    r.model("clip", [X], lambda x: ops.clip(x, -0.5, 1))
    r.model("clip_int", [I], lambda x: ops.clip(x, -1, 1))
    r.model("cast", [X], lambda x: ops.cast(x, "int32"))
    r.model("full_like", [X], lambda x: ops.full_like(x, 3))
    r.model("one_hot", [I], lambda x: ops.one_hot(x, 4))
    r.model("pad", [X], lambda x: ops.pad(x, [[0, 0], [1, 0], [2, 1]]))
    r.model("pad_reflect", [X], lambda x: ops.pad(x, [[0, 0], [1, 1], [2, 1]], mode="reflect"))
    r.model("tril", [X], lambda x: ops.tril(x, -1))
    r.model("triu", [X], lambda x: ops.triu(x, 1))
    r.model("matmul", [X, ((4, 2), "float32")], lambda x, y: ops.matmul(x, y))
    r.model("dot", [X], lambda x: ops.dot(x, np.array([[1.0, 2], [3, 4], [5, 6], [7, 8]], "float32")))
    r.model("tensordot", [X, ((4, 3), "float32")], lambda x, y: ops.tensordot(x, y, axes=[[2], [1]]))
    r.model("einsum", [X, ((5, 4), "float32")], lambda x, y: ops.einsum("bij,bkj->bik", x, y))
    r.model("outer", [((3,), "float32")], lambda x: ops.outer(x, x))
    r.model("top_k", [X], lambda x: ops.top_k(x, 2))
    r.model("moments", [X], lambda x: ops.moments(x, [1]))
    r.model("norm_1", [X], lambda x: ops.norm(x, ord=1, axis=-1))
    r.model("average", [X], lambda x: ops.average(x, axis=1))
    r.model("gelu_exact", [X], lambda x: ops.gelu(x, approximate=False))
    r.model("elu_alpha", [X], lambda x: ops.elu(x, 0.3))
    r.model("leaky_relu_slope", [X], lambda x: ops.leaky_relu(x, 0.1))
    r.model("max_pool", [((4, 4, 2), "float32")], lambda x: ops.max_pool(x, 2))
    r.model("average_pool", [((5, 4, 2), "float32")], lambda x: ops.average_pool(x, (2, 2), strides=1, padding="same"))
    r.model("resize", [((4, 4, 2), "float32")], lambda x: ops.image.resize(x, (6, 3)))
    r.model("isclose", [X, Y], lambda x, y: ops.isclose(x, y))
    r.model("hstack", [X, Y], lambda x, y: ops.hstack([x, y]))
    r.model("operators", [X, Y], lambda x, y: (1.5 - x) / (y + 3) ** 2 - abs(x) * -y)


def functions_of_tensorflow(r):
    for name in """math.abs math.ceil math.cos math.exp math.floor math.log math.log1p math.negative math.reciprocal math.rsqrt math.sigmoid math.sign math.sin math.softplus math.sqrt
        math.square math.tanh nn.relu nn.relu6 nn.elu nn.selu nn.gelu nn.silu nn.softmax nn.log_softmax nn.leaky_relu math.reduce_sum math.reduce_mean math.reduce_max
        math.reduce_std math.reduce_variance math.reduce_logsumexp math.reduce_prod math.argmax math.cumsum identity zeros_like ones_like shape rank""".split():
        function = tf
        for part in name.split("."):
            function = getattr(function, part)
        r.model(name, [X], lambda x: function(x))
    for name in "math.add math.subtract math.multiply math.divide math.floordiv math.pow math.maximum math.minimum math.atan2 math.greater math.less_equal math.equal math.squared_difference".split():
        function = getattr(tf.math, name[5:])
        r.model(name, [X, Y], lambda x, y: function(x, y))
        r.model(name + "_scalar", [X], lambda x: function(x, 1.5))
    r.model("truediv_int", [I, I], lambda x, y: x / (y * y + 1))
    r.model("transpose", [X], lambda x: tf.transpose(x, [0, 2, 1]))
    r.model("reshape", [X], lambda x: tf.reshape(x, [-1, 2, 6]))
    r.model("concat", [X, Y], lambda x, y: tf.concat([x, y], axis=-1))
    r.model("stack", [X, Y], lambda x, y: tf.stack([x, y], axis=1))
    r.model("unstack", [X], lambda x: tf.unstack(x, axis=1))
    r.model("split", [X], lambda x: tf.split(x, 2, axis=2))
    r.model("split_sizes", [X], lambda x: tf.split(x, [1, 2], axis=1))
    r.model("expand_dims", [X], lambda x: tf.expand_dims(x, 1))
    r.model("squeeze", [((1, 4), "float32")], lambda x: tf.squeeze(x, axis=[1]))
    r.model("tile", [X], lambda x: tf.tile(x, [1, 2, 1]))
    r.model("gather", [X], lambda x: tf.gather(x, [2, 0], axis=1))
    r.model("getitem", [X], lambda x: x[:, 1:, -1])
    r.model("getitem_new", [X], lambda x: x[:, tf.newaxis, ..., ::2])
    r.model("where", [X, Y], lambda x, y: tf.where(x > y, x, y))
    r.model("clip_by_value", [X], lambda x: tf.clip_by_value(x, -0.5, 1.0))
    r.model("cast", [X], lambda x: tf.cast(x, tf.int32))
    r.model("one_hot", [I], lambda x: tf.one_hot(x, 4, on_value=2.0, off_value=-1.0))
    r.model("pad", [X], lambda x: tf.pad(x, [[0, 0], [1, 0], [2, 1]], constant_values=1.5))
    r.model("matmul", [X, Y], lambda x, y: tf.matmul(x, y, transpose_b=True))
    r.model("l2_normalize", [X], lambda x: tf.math.l2_normalize(x, axis=-1))
    r.model("norm", [X], lambda x: tf.norm(x, axis=-1, keepdims=True))
    r.model("top_k", [X], lambda x: tf.math.top_k(x, k=2))
    r.model("reduce_axes", [X], lambda x: tf.reduce_mean(x, axis=[1, 2], keepdims=True))
    r.model("resize", [((4, 4, 2), "float32")], lambda x: tf.image.resize(x, (6, 3)))
    r.model("avg_pool", [((4, 4, 2), "float32")], lambda x: tf.nn.avg_pool2d(x, 2, 2, "SAME"))
    r.model("space_to_depth", [((4, 4, 2), "float32")], lambda x: tf.nn.space_to_depth(x, 2))
    r.model("operators", [X, Y], lambda x, y: (1.5 - x) / (y + 3) ** 2 - tf.abs(x) * -y)


WORDS, LINES = np.array([["cat", "ox"], ["", "bee"], ["hen", "cat"]]), np.array([["The cat, the DOG!"], ["hen  cat ox"], [""]])


def texts(r, layers):
    words = ["cat", "dog", "hen"]
    for name, options in (("int", {}), ("mask", {"mask_token": ""}), ("oov2", {"num_oov_indices": 2}), ("multi_hot", {"output_mode": "multi_hot"}),
                          ("count", {"output_mode": "count", "mask_token": ""}), ("tf_idf", {"output_mode": "tf_idf", "idf_weights": [0.5, 0.25, 2.0]})):
        r.model("string_lookup_" + name, [((2,), "string")], lambda x: layers.StringLookup(vocabulary=words, **options)(x), [WORDS])
        for_integers = dict(options, **({"mask_token": 0} if "mask_token" in options else {}))
        r.model("integer_lookup_" + name, [((2,), "int64")], lambda x: layers.IntegerLookup(vocabulary=[3, 7, 1], **for_integers)(x), [np.array([[3, 0], [1, 1], [9, 7]])])
    r.model("string_lookup_invert", [((2,), "int64")], lambda x: layers.StringLookup(vocabulary=words, invert=True)(x), [np.array([[1, 0], [3, 2], [3, 9]])])
    for name, options in (("int", {}), ("length", {"output_sequence_length": 2}), ("ngrams", {"ngrams": 2, "vocabulary": ["cat", "the cat", "hen cat", "the"]}), ("multi_hot", {"output_mode": "multi_hot"}),
                          ("count", {"output_mode": "count"}), ("tf_idf", {"output_mode": "tf_idf", "idf_weights": [0.5, 0.25, 2.0]}), ("lower", {"standardize": "lower"}),
                          ("character", {"split": "character", "vocabulary": list("cathen")}), ("raw", {"standardize": None, "split": None, "vocabulary": ["hen  cat ox"]})):
        settings = dict({"vocabulary": words}, **options)
        r.model("text_vectorization_" + name, [((1,), "string")], lambda x: layers.TextVectorization(**settings)(x), [LINES])
    r.model("hashing", [((2,), "string")], lambda x: layers.Hashing(5)(x), [WORDS])
    r.model("hashing_mask", [((2,), "string")], lambda x: layers.Hashing(5, mask_value="")(x), [WORDS])
    r.model("hashing_int", [((2,), "int64")], lambda x: layers.Hashing(5, salt=[133, 137])(x), [np.array([[3, 0], [1, 1]])])
    r.model("hashed_crossing", [((1,), "string"), ((1,), "int64")], lambda x, y: layers.HashedCrossing(100)([x, y]), [WORDS[:, :1], np.array([[3], [0], [-7]])])
    r.model("discretization", [X], lambda x: layers.Discretization(bin_boundaries=[-1.0, 0.0, 0.5])(x))
    r.model("category_encoding", [((2,), "int32")], lambda x: layers.CategoryEncoding(4, output_mode="count")(x), [np.array([[1, 2], [3, 3]], "int32")])


def others(r, layers, old):
    r.model("float64", [((3, 4), "float64")], lambda x: layers.LSTM(2, dtype="float64")(layers.Dense(3, dtype="float64")(x)))
    r.model("float64_input", [((3, 4), "float64")], lambda x: layers.Dense(3)(x))
    for policy in ("mixed_float16", "mixed_bfloat16"):
        r.model(policy, [X], lambda x: layers.Dense(3, dtype="float32")(layers.LayerNormalization(dtype=policy)(layers.Dense(3, dtype=policy)(x))))
    r.model("same_output_twice", [X], lambda x: [x, layers.Dense(2)(x), x])
    r.model("mask_through_td", [((3, 4), "float32")], lambda x: layers.LSTM(2)(layers.TimeDistributed(layers.Dense(3))(layers.Masking(0.0)(x))),
            [np.array([[[1, 2, 3, 4], [0, 0, 0, 0], [1, 1, 0, 0]], [[0, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]], "float32")])
    r.model("bidirectional_mask", [((3, 4), "float32")], lambda x: layers.Bidirectional(layers.LSTM(2, return_sequences=True))(layers.Masking(0.0)(x)),
            [np.array([[[1, 2, 3, 4], [0, 0, 0, 0], [1, 1, 0, 0]], [[0, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]], "float32")])
    r.model("stacked_cells", [X], lambda x: layers.RNN([layers.LSTMCell(2), layers.GRUCell(3), layers.SimpleRNNCell(2)], return_state=True)(x))
    r.model("spectral", [X], lambda x: layers.SpectralNormalization(layers.Dense(2))(x))
    r.model("mha_axes", [((2, 3, 4), "float32")], lambda x: layers.MultiHeadAttention(2, 3, attention_axes=(1, 2))(x, x))
    if old:
        for implementation in (1, 2, 3):
            r.model("local1d_%d" % implementation, [X], lambda x: layers.LocallyConnected1D(2, 2, implementation=implementation)(x))
            r.model("local2d_%d" % implementation, [((4, 3, 2), "float32")], lambda x: layers.LocallyConnected2D(2, (2, 3), strides=(2, 1), padding="valid" if implementation == 1 else "same", implementation=implementation)(x))
    else:
        r.model("gqa", [X, Y], lambda x, y: layers.GroupQueryAttention(2, 4, 2)(x, y))
        r.model("adaptive_pool", [((5, 7, 2), "float32")], lambda x: layers.AdaptiveAveragePooling2D((2, 3))(x))
        r.model("adaptive_max", [((5, 2), "float32")], lambda x: layers.AdaptiveMaxPooling1D(3)(x))


def main():
    new, old = Recorder("keras3", keras), Recorder("keras2", tf_keras)
    functions_of_keras3(new)
    functions_of_tensorflow(old)
    for recorder, layers in ((new, L), (old, T)):
        texts(recorder, layers)
        others(recorder, layers, recorder is old)
    os.makedirs(FOLDER, exist_ok=True)
    new.write(os.path.join(FOLDER, "keras3.json.gz"))
    old.write(os.path.join(FOLDER, "tf_keras.json.gz"))


if __name__ == "__main__":
    main()
