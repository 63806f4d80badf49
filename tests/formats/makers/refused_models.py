"""Models that no tf.js graph model can stand for; the fixture names the op (and node) that a refusal has to name."""
import numpy as np
import tensorflow as tf
from recorder import Recipe, call_saved_model, fixture

spec = tf.TensorSpec


@fixture("refused_assign", "the signature counts its calls in a variable")
def refused_assign(source):
    m = tf.Module()
    m.calls = tf.Variable(0, name="calls")

    @tf.function(input_signature=[spec([None], tf.float32, name="x")])
    def serve(x):
        m.calls.assign_add(1)
        return {"y": x * 2.0, "calls": m.calls.read_value()}

    tf.saved_model.save(m, source, signatures=serve)
    return Recipe("tf2_saved_model", [call_saved_model(source, {"x": np.array([1, 2], np.float32)})], refused="AssignAddVariableOp writes to a variable")


@fixture("refused_parse_example", "serialised tf.Example records as input")
def refused_parse_example(source):
    m = tf.Module()

    @tf.function(input_signature=[spec([None], tf.string, name="records")])
    def serve(records):
        return {"x": tf.io.parse_example(records, {"x": tf.io.FixedLenFeature([2], tf.float32)})["x"]}

    m.serve = serve
    tf.saved_model.save(m, source, signatures=serve)
    return Recipe("tf2_saved_model", refused="ParseExampleV2")


@fixture("refused_py_function", "a Python function inside of the graph")
def refused_py_function(source):
    m = tf.Module()

    @tf.function(input_signature=[spec([3], tf.float32, name="x")])
    def serve(x):
        y = tf.py_function(lambda v: v + 1.0, [x], tf.float32)
        y.set_shape([3])
        return {"y": y}

    m.serve = serve
    tf.saved_model.save(m, source, signatures=serve)
    return Recipe("tf2_saved_model", refused="EagerPyFunc")
