"""TF1 SavedModels, frozen graphs and a TF1 Hub module, written through tf.compat.v1: graphs with placeholders, sessions and control flow of version 1."""
import os

import numpy as np
import tensorflow as tf
from recorder import Recipe, fixture, floats

v1 = tf.compat.v1


def legacy(name, shows):
    """A fixture whose maker runs in a graph of its own, with Switch/Merge control flow and reference variables."""
    def register(make_one):
        def run(source):
            v1.disable_control_flow_v2()
            v1.disable_resource_variables()
            try:
                return make_one(source)
            finally:
                v1.enable_resource_variables()
                v1.enable_control_flow_v2()
        run.version1 = True
        return fixture(name, shows)(run)
    return register


def variable(name, seed, *shape, **more):
    return v1.get_variable(name, initializer=floats(seed, *shape) * 0.5, **more)


def save(source, session, signatures, tags=("serve",), **more):
    """signatures: {key: (inputs, outputs)} with tensors by name."""
    os.rmdir(source)
    builder = v1.saved_model.Builder(source)
    definitions = {key: v1.saved_model.predict_signature_def(inputs, outputs) for key, (inputs, outputs) in signatures.items()}
    builder.add_meta_graph_and_variables(session, list(tags), signature_def_map=definitions, clear_devices=True, **more)
    builder.save()


def call(session, key, inputs, outputs, *values):
    """One recorded call for each dict of input values; a signature's keys are in the order of the alphabet, which is the one that TensorFlow's loader gives."""
    if key is not None:
        inputs, outputs = dict(sorted(inputs.items())), dict(sorted(outputs.items()))
    return [(key, {k: v[k] for k in inputs}, session.run(outputs, {t: v[k] for k, t in inputs.items()})) for v in values]


def start():
    session = v1.Session()
    session.run([v1.global_variables_initializer(), v1.tables_initializer()])
    return session


@legacy("v1_reference_variables", "VariableV2 with Assign and read Identity; dropout left in with keep probability as placeholder with default")
def v1_reference_variables(source):
    x = v1.placeholder(tf.float32, [None, 4], "x")
    keep = v1.placeholder_with_default(1.0, [], "keep")
    w, b = variable("layer/w", 1, 4, 3), variable("layer/b", 2, 3)
    y = tf.nn.softplus(tf.nn.bias_add(tf.matmul(x, w), b)) * keep
    session = start()
    inputs, outputs = {"x": x}, {"y": y}
    save(source, session, {"serving_default": (inputs, outputs)})
    return Recipe("tf1_saved_model", call(session, "serving_default", inputs, outputs, {"x": floats(3, 2, 4)}))


@legacy("v1_resource_variables", "VarHandleOp and ReadVariableOp in a version 1 graph, a ResourceGather")
def v1_resource_variables(source):
    ids = v1.placeholder(tf.int32, [None], "ids")
    table, w = variable("table", 1, 6, 4, use_resource=True), variable("w", 2, 4, 2, use_resource=True)
    y = tf.matmul(tf.nn.embedding_lookup(table, ids), w)
    session = start()
    inputs, outputs = {"ids": ids}, {"y": y}
    save(source, session, {"serving_default": (inputs, outputs)})
    return Recipe("tf1_saved_model", call(session, "serving_default", inputs, outputs, {"ids": np.array([5, 0, 2], np.int32)}))


@legacy("v1_cond", "Switch and Merge, one inside the other, with variables read outside and a constant branch")
def v1_cond(source):
    x, flag = v1.placeholder(tf.float32, [3], "x"), v1.placeholder(tf.bool, [], "flag")
    w = variable("w", 1, 3)
    inner = lambda: v1.cond(tf.reduce_sum(x) > 0, lambda: x * w, lambda: x - w)
    y = v1.cond(flag, inner, lambda: tf.constant([7.0, 8.0, 9.0]))
    session = start()
    inputs, outputs = {"flag": flag, "x": x}, {"y": tf.identity(y, "y")}
    save(source, session, {"serving_default": (inputs, outputs)})
    up = np.array([1, 2, 3], np.float32)
    return Recipe("tf1_saved_model", call(session, "serving_default", inputs, outputs, {"x": up, "flag": np.array(True)}, {"x": -up, "flag": np.array(True)},
                                          {"x": up, "flag": np.array(False)}))


@legacy("v1_while", "Enter, Exit, NextIteration: a loop in a loop, with an invariant variable and a TensorArray")
def v1_while(source):
    x, count = v1.placeholder(tf.float32, [2], "x"), v1.placeholder(tf.int32, [], "count")
    w = variable("w", 1, 2)

    def body(i, total, seen):
        inner = v1.while_loop(lambda j, t: j < i, lambda j, t: (j + 1, t + w), [tf.constant(0), total])[1]
        return i + 1, inner + x, seen.write(i, inner)

    _, total, seen = v1.while_loop(lambda i, *_: i < count, body, [tf.constant(0), tf.zeros([2]), tf.TensorArray(tf.float32, count, element_shape=[2])])
    session = start()
    inputs, outputs = {"count": count, "x": x}, {"seen": seen.stack("seen"), "total": tf.identity(total, "total")}
    save(source, session, {"serving_default": (inputs, outputs)})
    return Recipe("tf1_saved_model", call(session, "serving_default", inputs, outputs, *({"x": floats(3, 2), "count": np.array(n, np.int32)} for n in (3, 1))))


@legacy("v1_tables_legacy_init", "lookup tables from a vocabulary asset, initialised by legacy_init_op")
def v1_tables_legacy_init(source):
    words = v1.placeholder(tf.string, [None], "words")
    os.chdir(os.path.dirname(source))  # the graph keeps the name as it is given; a bare one is the same on every machine
    with open("words.txt", "w", encoding="utf-8") as f:
        f.write("red\ngreen\nblue\n")
    file = tf.constant("words.txt")
    v1.add_to_collection(v1.GraphKeys.ASSET_FILEPATHS, file)
    text, index = tf.lookup.TextFileIndex.WHOLE_LINE, tf.lookup.TextFileIndex.LINE_NUMBER
    table = tf.lookup.StaticHashTable(tf.lookup.TextFileInitializer(file, tf.string, text, tf.int64, index), -1)
    w = variable("w", 1, 4, 2)
    ids = table.lookup(words)
    session = start()
    inputs, outputs = {"words": words}, {"ids": ids, "vectors": tf.gather(w, ids + 1)}
    save(source, session, {"serving_default": (inputs, outputs)}, legacy_init_op=v1.tables_initializer(), assets_collection=v1.get_collection(v1.GraphKeys.ASSET_FILEPATHS))
    recipe = Recipe("tf1_saved_model", call(session, "serving_default", inputs, outputs, {"words": np.array(["blue", "pink", "red"], object)}))
    os.remove("words.txt")
    return recipe


@legacy("v1_partitioned", "a variable saved in slices (partitioned along its first dimension), and one in a second scope")
def v1_partitioned(source):
    x = v1.placeholder(tf.float32, [None, 3], "x")
    with v1.variable_scope("wide", partitioner=v1.fixed_size_partitioner(3)):
        w = v1.get_variable("w", [3, 4], initializer=v1.random_uniform_initializer(seed=1))
    y = tf.matmul(x, tf.convert_to_tensor(w)) + variable("b", 2, 4)
    session = start()
    inputs, outputs = {"x": x}, {"y": y}
    save(source, session, {"serving_default": (inputs, outputs)})
    return Recipe("tf1_saved_model", call(session, "serving_default", inputs, outputs, {"x": floats(3, 2, 3)}))


@legacy("v1_tags", "two MetaGraphs over the same variables: serve, and serve with gpu, which computes something else")
def v1_tags(source):
    x = v1.placeholder(tf.float32, [None, 2], "x")
    w = variable("w", 1, 2, 2)
    plain, other = tf.matmul(x, w), tf.matmul(x, w) * 10.0
    session = start()
    os.rmdir(source)
    builder = v1.saved_model.Builder(source)
    signature = lambda y: {"serving_default": v1.saved_model.predict_signature_def({"x": x}, {"y": y})}
    builder.add_meta_graph_and_variables(session, ["serve"], signature_def_map=signature(plain))
    builder.add_meta_graph(["serve", "gpu"], signature_def_map=signature(other))
    builder.save()
    return Recipe("tf1_saved_model", call(session, "serving_default", {"x": x}, {"y": plain}, {"x": floats(3, 2, 2)}), options={"tags": "serve"})


def frozen(outputs):
    session = start()
    graph = v1.graph_util.convert_variables_to_constants(session, v1.get_default_graph().as_graph_def(), outputs)
    return session, graph


@legacy("frozen_binary", "frozen graph: convolution, v1 batch norm, max pool, two outputs of which one feeds the other, nodes that nothing needs")
def frozen_binary(source):
    x = v1.placeholder(tf.float32, [None, 8, 8, 2], "x")
    y = v1.nn.conv2d(x, variable("filter", 1, 3, 3, 2, 4), [1, 1, 1, 1], "SAME")
    y, _, _ = v1.nn.fused_batch_norm(y, tf.ones([4]), tf.zeros([4]), mean=tf.fill([4], 0.1), variance=tf.fill([4], 1.5), is_training=False)
    pooled = v1.nn.max_pool(tf.nn.relu6(y), [1, 2, 2, 1], [1, 2, 2, 1], "VALID", name="pooled")
    mean = tf.reduce_mean(pooled, [1, 2], name="mean")
    tf.identity(tf.reduce_max(x), "nobody_asks")
    session, graph = frozen(["pooled", "mean", "nobody_asks"])
    with open(os.path.join(source, "graph.pb"), "wb") as f:
        f.write(graph.SerializeToString(deterministic=True))
    return Recipe("frozen_graph", call(session, None, {"x": x}, {"pooled": pooled, "mean": mean}, {"x": floats(2, 1, 8, 8, 2)}), model="source/graph.pb",
                  options={"output_node_names": ["pooled", "mean"]})


@legacy("frozen_text", "frozen graph as text, with an integer output and a loop of version 1")
def frozen_text(source):
    from google.protobuf import text_format
    x = v1.placeholder(tf.float32, [3], "x")
    rounds, halved = v1.while_loop(lambda i, t: tf.reduce_max(t) > 1.0, lambda i, t: (i + 1, t * 0.5), [tf.constant(0), x])
    halved, rounds = tf.identity(halved, "halved"), tf.identity(rounds, "rounds")
    session, graph = frozen(["halved", "rounds"])
    with open(os.path.join(source, "graph.pbtxt"), "w") as f:
        f.write(text_format.MessageToString(graph))
    values = [{"x": np.array(v, np.float32)} for v in ([5, 3, 0.5], [0.1, 0.2, 0.3])]
    return Recipe("frozen_graph", call(session, None, {"x": x}, {"halved": halved, "rounds": rounds}, *values), model="source/graph.pbtxt",
                  options={"output_node_names": ["halved", "rounds"]})


@legacy("hub1", "TF1 Hub module: tfhub_module.pb beside a SavedModel without tags, signature `default`, and a second one")
def hub1(source):
    x = v1.placeholder(tf.float32, [None, 3], "x")
    hidden = tf.nn.relu(tf.matmul(x, variable("w", 1, 3, 4)))
    session = start()
    inputs = {"default": x}
    save(source, session, {"default": (inputs, {"default": hidden}), "sums": (inputs, {"sum": tf.reduce_sum(hidden, 1)})}, tags=())
    with open(os.path.join(source, "tfhub_module.pb"), "wb") as f:
        f.write(b"\x08\x03")  # ModuleDef {format: FORMAT_V3}
    calls = call(session, "default", inputs, {"default": hidden}, {"default": floats(2, 2, 3)})
    sums = session.run(tf.reduce_sum(hidden, 1), {x: floats(2, 2, 3)})
    return Recipe("hub_v1", calls + [("sums", {"default": floats(2, 2, 3)}, {"sum": sums})])
