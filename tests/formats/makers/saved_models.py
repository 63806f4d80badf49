"""TF2 SavedModels, and a TF2 Hub module packed as .tar.gz."""
import contextlib
import io
import os
import shutil
import tarfile

import numpy as np
import tensorflow as tf
import tf_keras
from recorder import Recipe, call_saved_model, fixture, floats, rng

spec = tf.TensorSpec


def variable(seed, *shape, name=None):
    return tf.Variable(floats(seed, *shape) * 0.5, name=name)


def saved(source, module, signatures=None, *calls, format="tf2_saved_model", **recipe):
    """Saves the module and records the calls (inputs, or (signature, inputs))."""
    tf.saved_model.save(module, source, signatures=signatures)
    recorded = [call_saved_model(source, *(reversed(c) if isinstance(c, tuple) else (c,))) for c in calls]
    return Recipe(format, recorded, **recipe)


@fixture("mlp", "two dense layers on captured variables, softmax; batch size open")
def mlp(source):
    m = tf.Module()
    m.w1, m.b1, m.w2, m.b2 = variable(1, 5, 8), variable(2, 8), variable(3, 8, 3), variable(4, 3)

    @tf.function(input_signature=[spec([None, 5], tf.float32, name="features")])
    def serve(features):
        hidden = tf.nn.relu(features @ m.w1 + m.b1)
        return {"probabilities": tf.nn.softmax(hidden @ m.w2 + m.b2)}

    return saved(source, m, serve, {"features": floats(10, 2, 5)}, {"features": floats(11, 1, 5)})


@fixture("cnn_batch_norm", "Keras export: convolution, batch norm in inference, depthwise, pooling, hard-coded batch norm statistics")
def cnn_batch_norm(source):
    layers = tf.keras.layers
    model = tf.keras.Sequential([
        layers.Input((12, 12, 1), name="image"), layers.Conv2D(6, 3, padding="same", use_bias=False), layers.BatchNormalization(), layers.ReLU(6.0),
        layers.DepthwiseConv2D(3, strides=2, padding="same"), layers.BatchNormalization(), layers.Activation("relu"), layers.MaxPooling2D(2),
        layers.Conv2D(4, 1, activation="sigmoid"), layers.GlobalAveragePooling2D(), layers.Dense(3, name="scores")])
    for n, w in enumerate(model.weights):
        value = floats(30 + n, *w.shape) * 0.3
        w.assign(np.abs(value) + 0.5 if "variance" in w.path or "gamma" in w.path else value)
    model.export(source, verbose=False)
    return Recipe("tf2_saved_model", [call_saved_model(source, {"image": floats(40, 2, 12, 12, 1)})])


@fixture("cond_nested", "tf.cond inside tf.cond, captured variable, a branch that returns a constant, a branch without arguments")
def cond_nested(source):
    m = tf.Module()
    m.scale = variable(1, 4)

    @tf.function(input_signature=[spec([4], tf.float32, name="x"), spec([], tf.bool, name="outer")])
    def serve(x, outer):
        def inner():
            return tf.cond(tf.reduce_sum(x) > 0.0, lambda: (x * m.scale, tf.constant(1)), lambda: (x - m.scale, tf.constant(2)))
        y, taken = tf.cond(outer, inner, lambda: (tf.zeros([4]), tf.constant(3)))
        return {"y": y, "taken": taken}

    up = np.array([1, 2, 3, 4], np.float32)
    return saved(source, m, serve, {"x": up, "outer": np.array(True)}, {"x": -up, "outer": np.array(True)}, {"x": up, "outer": np.array(False)})


@fixture("while_loop", "tf.while_loop with a data-dependent bound, a loop-invariant capture and a nested condition; the loop may run zero times")
def while_loop(source):
    m = tf.Module()
    m.step = tf.Variable(1.5)

    @tf.function(input_signature=[spec([None], tf.float32, name="x"), spec([], tf.int32, name="limit")])
    def serve(x, limit):
        def body(i, total):
            return i + 1, tf.cond(i % 2 == 0, lambda: total + x * m.step, lambda: total * 0.5)
        rounds, total = tf.while_loop(lambda i, t: (i < limit) & (tf.reduce_max(t) < 100.0), body, [tf.constant(0), tf.zeros_like(x)])
        return {"rounds": rounds, "total": total}

    x = np.array([0.5, -1, 3], np.float32)
    return saved(source, m, serve, *({"x": x, "limit": np.array(n, np.int32)} for n in (0, 1, 6, 100)))


@fixture("lstm", "Keras export of an LSTM over sequences of open length, with masking off")
def lstm(source):
    layers = tf.keras.layers
    model = tf.keras.Sequential([layers.Input((None, 3), name="steps"), layers.LSTM(5, return_sequences=True), layers.LSTM(4), layers.Dense(2)])
    model.export(source, verbose=False)
    return Recipe("tf2_saved_model", [call_saved_model(source, {"steps": floats(n, 2, n, 3)}) for n in (4, 1)])


@fixture("gru", "tf_keras 2.19 export of a bidirectional GRU (reset_after) of fixed length")
def gru(source):
    layers = tf_keras.layers
    model = tf_keras.Sequential([layers.Input((6, 3), name="steps"), layers.Bidirectional(layers.GRU(4)), layers.Dense(2, activation="tanh")])
    with contextlib.redirect_stdout(io.StringIO()):
        model.export(source)
    return Recipe("tf2_saved_model", [call_saved_model(source, {"steps": floats(7, 3, 6, 3)})])


@fixture("tensor_array", "TensorArray written in a loop, read back, stacked and scattered: tensor lists in functions")
def tensor_array(source):
    @tf.function(input_signature=[spec([None, 2], tf.float32, name="rows")])
    def serve(rows):
        count = tf.shape(rows)[0]
        array = tf.TensorArray(tf.float32, size=count, element_shape=[2])
        for i in tf.range(count):
            array = array.write(i, rows[i] * tf.cast(i + 1, tf.float32))
        return {"stacked": array.stack(), "first": array.read(0)}

    m = tf.Module()
    m.serve = serve
    return saved(source, m, serve, {"rows": floats(1, 4, 2)}, {"rows": floats(2, 1, 2)})


@fixture("table_vocabulary", "vocabulary file: words to ids with out-of-vocabulary buckets left out, and ids back to words; umlauts in the file")
def table_vocabulary(source):
    path = os.path.join(os.path.dirname(source), "words.txt")
    with open(path, "w", encoding="utf-8") as f:
        f.write("the\ncat\nsat\nüber\nmat\n")
    text, index = tf.lookup.TextFileIndex.WHOLE_LINE, tf.lookup.TextFileIndex.LINE_NUMBER
    m = tf.Module()
    m.vocabulary = tf.saved_model.Asset(path)
    m.ids = tf.lookup.StaticHashTable(tf.lookup.TextFileInitializer(m.vocabulary, tf.string, text, tf.int64, index), -1)
    m.words = tf.lookup.StaticHashTable(tf.lookup.TextFileInitializer(m.vocabulary, tf.int64, index, tf.string, text), "[UNK]")
    m.embedding = variable(1, 6, 3)

    @tf.function(input_signature=[spec([None], tf.string, name="words")])
    def serve(words):
        ids = m.ids.lookup(words)
        return {"ids": ids, "next": m.words.lookup(ids + 1), "vectors": tf.gather(m.embedding, ids + 1)}

    recipe = saved(source, m, serve, {"words": np.array(["cat", "dog", "über", "mat"], object)})
    os.remove(path)
    return recipe


REGEXES = {
    "capitals": ("[A-Z]+", "<\\0>", True),
    "swapped": ("(\\w+)@(\\w+)", "\\2 at \\10", True),
    "dollars": ("(?P<name>a|é)b?", "$1\\1", True),
    "anything": ("x.y", "", True),
    "not_ascii": ("[^[:ascii:]]", "?", True),
    "punctuation": ("[[:punct:]]", "", True),
    "no_word": ("[^\\W_]{2,3}?", ".", True),
    "blanks": ("^\\s+|\\S\\z", "_", True),
    "first": ("\\Bo|[\\x{1F600}]|{", "#", False),
}


@fixture("regex_spelling", "StaticRegexReplace whose patterns and replacements JavaScript spells otherwise: groups, capitals, classes, characters above U+FFFF")
def regex_spelling(source):
    m = tf.Module()

    @tf.function(input_signature=[spec([None], tf.string, name="text")])
    def serve(text):
        return {key: tf.strings.regex_replace(text, *arguments) for key, arguments in REGEXES.items()}

    texts = ["Hello World", "me@home.Org, you@Work", "éb ab $a A_Zz", "x\ny x\U0001f600y xéy", "  \u00a0trim me\t", "voodoo {o}", "\U0001f600{\U0001f600", "", "ÀÉ_ßſ\u212a"]
    return saved(source, m, serve, {"text": np.array(texts, object)})


@fixture("sparse_products", "a sparse matrix times, plus and scaled by dense ones, and its sums; repeated indices")
def sparse_products(source):
    m = tf.Module()
    m.w = variable(1, 3, 4)
    indices = tf.constant([[0, 2], [1, 0], [1, 0], [3, 1]], tf.int64)

    @tf.function(input_signature=[spec([4], tf.float32, name="values"), spec([4, 3], tf.float32, name="dense")])
    def serve(values, dense):
        x = tf.SparseTensor(indices, values, [4, 3])
        return {"product": tf.sparse.sparse_dense_matmul(x, m.w), "adjoint": tf.sparse.sparse_dense_matmul(x, dense, adjoint_a=True),
                "sum": tf.sparse.reduce_sum(x, 1), "total": tf.raw_ops.SparseTensorDenseAdd(a_indices=indices, a_values=values, a_shape=[4, 3], b=dense),
                "scaled": (x * dense[:1]).values, "divided": (x / (tf.abs(dense) + 1.0)).values}

    return saved(source, m, serve, {"values": floats(10, 4), "dense": floats(11, 4, 3)})


@fixture("open_patches", "patches of images of open size, a matrix of a diagonal of open length, and ragged rows of open length")
def open_patches(source):
    m = tf.Module()

    @tf.function(input_signature=[spec([None, None, None, 2], tf.float32, name="images"), spec([None], tf.float32, name="diagonal"),
                                  spec([None], tf.int64, name="lengths")])
    def serve(images, diagonal, lengths):
        rows = tf.ragged.range(lengths)
        return {"same": tf.image.extract_patches(images, [1, 3, 2, 1], [1, 2, 1, 1], [1, 1, 2, 1], "SAME"),
                "valid": tf.image.extract_patches(images, [1, 2, 2, 1], [1, 2, 3, 1], [1, 1, 1, 1], "VALID"),
                "above": tf.linalg.diag(diagonal, k=1), "below": tf.linalg.diag(diagonal, k=-2, padding_value=0.5),
                "rows": rows.to_tensor(-1), "narrow": rows.to_tensor(shape=[None, 2]), "last": tf.gather(rows, tf.size(lengths) - 1 - tf.range(2)).values}

    calls = ({"images": floats(10, 2, 5, 6, 2), "diagonal": floats(11, 3), "lengths": np.array([2, 0, 3], np.int64)},
             {"images": floats(12, 1, 2, 2, 2), "diagonal": floats(13, 1), "lengths": np.array([0, 0], np.int64)})
    return saved(source, m, serve, *calls)


@fixture("table_constants", "tables initialised from constants (int64 to float32, string to int64); each signature uses one of the two")
def table_constants(source):
    m = tf.Module()
    m.prices = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(tf.constant([3, 5, 7], tf.int64), tf.constant([0.5, 2.5, 4.0])), -1.0)
    m.codes = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(["a", "b"], tf.constant([10, 20], tf.int64)), 0)

    @tf.function(input_signature=[spec([None], tf.int64, name="item")])
    def price(item):
        return {"price": m.prices.lookup(item)}

    @tf.function(input_signature=[spec([None], tf.string, name="code")])
    def decode(code):
        return {"number": m.codes.lookup(code)}

    return saved(source, m, {"serving_default": price, "decode": decode}, {"item": np.array([7, 4, 3], np.int64)},
                 ("decode", {"code": np.array(["b", "z", "a"], object)}))


@fixture("multi_signature", "three signatures over shared variables; three inputs of equal shape; outputs without names")
def multi_signature(source):
    m = tf.Module()
    m.w = variable(1, 4, 4)
    row = lambda name: spec([None, 4], tf.float32, name=name)

    @tf.function(input_signature=[row("x")])
    def serve(x):
        return {"y": x @ m.w}

    @tf.function(input_signature=[row("zeta"), row("alpha"), row("mid")])
    def mix(zeta, alpha, mid):
        return {"weighted": zeta + 2.0 * alpha + 3.0 * mid, "again": alpha - mid}

    @tf.function(input_signature=[row("x")])
    def unnamed(x):
        return x + 1.0, tf.reduce_sum(x, 1)

    return saved(source, m, {"serving_default": serve, "mix": mix, "unnamed": unnamed}, {"x": floats(2, 2, 4)},
                 ("mix", {"zeta": floats(3, 1, 4), "alpha": floats(4, 1, 4), "mid": floats(5, 1, 4)}), ("unnamed", {"x": floats(6, 2, 4)}))


@fixture("no_signature", "no signature: the root object can be called, and gives a nest of tensors")
def no_signature(source):
    class Callable(tf.Module):
        def __init__(self):
            super().__init__()
            self.w = variable(1, 3, 2)

        @tf.function(input_signature=[spec([None, 3], tf.float32, name="x")])
        def __call__(self, x):
            y = x @ self.w
            return {"total": tf.reduce_sum(y), "both": (y, -y)}

    m = Callable()
    tf.saved_model.save(m, source)
    x = floats(2, 2, 3)
    got = tf.saved_model.load(source)(tf.constant(x))
    outputs = {"both/0": got["both"][0].numpy(), "both/1": got["both"][1].numpy(), "total": got["total"].numpy()}
    return Recipe("tf2_saved_model", [(None, {"x": x}, outputs)], options={"function": "__call__"})


@fixture("several_shards", "variables in three data files, one variable of zero elements, one scalar, one int64")
def several_shards(source):
    m = tf.Module()
    m.w, m.b, m.none, m.gain, m.offset = variable(1, 6, 6), variable(2, 6), tf.Variable(tf.zeros([0, 6])), tf.Variable(0.25), tf.Variable(3, dtype=tf.int64)

    @tf.function(input_signature=[spec([None, 6], tf.float32, name="x")])
    def serve(x):
        return {"y": tf.concat([(x @ m.w + m.b) * m.gain, m.none], 0), "offset": m.offset}

    recipe = saved(source, m, serve, {"x": floats(3, 2, 6)})
    split_bundle(os.path.join(source, "variables", "variables"), 3)
    recipe.calls = [call_saved_model(source, {"x": floats(3, 2, 6)})]
    return recipe


def split_bundle(prefix, count):
    """Writes the bundle again as `count` data files: one save operation for each part of the tensors, merged as distributed training does."""
    reader = tf.train.load_checkpoint(prefix)
    names = sorted(reader.get_variable_to_shape_map())
    parts = []
    for k in range(count):
        chosen = names[k::count]
        part = "%s_part-%05d-of-%05d" % (prefix, k, count)
        tf.raw_ops.SaveV2(prefix=part, tensor_names=chosen, shape_and_slices=[""] * len(chosen), tensors=[tf.constant(reader.get_tensor(n)) for n in chosen])
        parts.append(part)
    folder = os.path.dirname(prefix)
    for file in os.listdir(folder):
        if "_part-" not in file:
            os.remove(os.path.join(folder, file))
    tf.raw_ops.MergeV2Checkpoints(checkpoint_prefixes=parts, destination_prefix=prefix, delete_old_dirs=False)


@fixture("saved_model_pbtxt", "saved_model.pbtxt instead of .pb")
def saved_model_pbtxt(source):
    m = tf.Module()
    m.w = variable(1, 3, 2)

    @tf.function(input_signature=[spec([None, 3], tf.float32, name="x")])
    def serve(x):
        return {"y": tf.nn.elu(x @ m.w), "label": tf.argmax(x @ m.w, 1)}

    recipe = saved(source, m, serve, {"x": floats(2, 4, 3)})
    from google.protobuf import text_format
    from tensorflow.core.protobuf import saved_model_pb2
    message = saved_model_pb2.SavedModel()
    binary = os.path.join(source, "saved_model.pb")
    with open(binary, "rb") as f:
        message.ParseFromString(f.read())
    with open(os.path.join(source, "saved_model.pbtxt"), "w") as f:
        f.write(text_format.MessageToString(message))
    os.remove(binary)
    return recipe


@fixture("output_aliases", "one tensor under two names, an input returned, a constant, a variable, two outputs of one op; an input that nothing uses")
def output_aliases(source):
    m = tf.Module()
    m.w = variable(1, 3)

    @tf.function(input_signature=[spec([2, 4], tf.float32, name="x"), spec([None], tf.int32, name="unused")])
    def serve(x, unused):
        y = x * 2.0
        left, right = tf.split(x, 2, axis=1)
        return {"y": y, "same_y": y, "x_again": x, "constant": tf.constant([1, 2]), "variable": m.w.read_value(), "left": left, "right": right}

    return saved(source, m, serve, {"x": floats(2, 2, 4), "unused": np.array([1], np.int32)})


@fixture("int64_bool", "int64 and bool tensors all the way: comparisons, masks, gather, argmax, floor division of negative numbers")
def int64_bool(source):
    m = tf.Module()
    m.table = tf.Variable(rng(1).integers(-50, 50, [7, 2]), dtype=tf.int64)

    @tf.function(input_signature=[spec([None], tf.int64, name="ids"), spec([None], tf.bool, name="mask")])
    def serve(ids, mask):
        rows = tf.gather(m.table, ids)
        return {"rows": rows, "floor": rows // 3, "rest": rows % 3, "chosen": tf.where(mask, ids, -ids), "any": tf.reduce_any(mask), "not": ~mask,
                "best": tf.argmax(rows, 0), "equal": tf.equal(rows[:, 0], rows[:, 1])}

    return saved(source, m, serve, {"ids": np.array([6, 0, 3], np.int64), "mask": np.array([True, False, True])})


@fixture("partitioned_call", "functions that call functions, one called twice, one with a gradient registered, recursion of data only")
def partitioned_call(source):
    m = tf.Module()
    m.w = variable(1, 3, 3)

    @tf.custom_gradient
    def clipped(x):
        return tf.clip_by_value(x, -1.0, 1.0), lambda dy: dy

    @tf.function
    def dense(x):
        return clipped(x @ m.w)

    @tf.function(input_signature=[spec([None, 3], tf.float32, name="x")])
    def serve(x):
        return {"once": dense(x), "twice": dense(dense(x))}

    m.serve = serve
    return saved(source, m, serve, {"x": floats(2, 2, 3)})


@fixture("hub2_tar", "TF2 Hub module as .tar.gz whose signature is called default")
def hub2_tar(source):
    m = tf.Module()
    m.w = variable(1, 3, 2)

    @tf.function(input_signature=[spec([None, 3], tf.float32, name="x")])
    def serve(x):
        return {"default": tf.tanh(x @ m.w)}

    unpacked = os.path.join(source, "unpacked")
    tf.saved_model.save(m, unpacked, signatures={"default": serve})
    calls = [call_saved_model(unpacked, {"x": floats(2, 2, 3)}, "default")]
    pack(unpacked, os.path.join(source, "module.tar.gz"))
    return Recipe("hub_v2", calls, model="source/module.tar.gz")


def pack(folder, archive):
    """Moves a folder's content into a .tar.gz, with times and owners of zero."""
    def plain(info):
        info.mtime = info.uid = info.gid = 0
        info.uname = info.gname = ""
        return info

    with tarfile.open(archive, "w:gz", format=tarfile.USTAR_FORMAT) as tar:
        tar.add(folder, arcname=".", filter=plain)
    shutil.rmtree(folder)
