#!/usr/bin/env python3
"""Compares `isomer run` with the real TensorFlow on inputs that were never recorded, and TensorFlow with the recorded outputs of the fixtures.

  .peers/venv/bin/python tests/peers/tensorflow_agrees.py [--binary FILE] [--only GLOB]

For each fixture of tests/formats that converts: TensorFlow must still give the recorded outputs; then the inputs are changed (other values drawn with a fixed seed,
and, where the first dimension is open, another size) and both compute them. Ends with `N passed, N failed, N skipped`.
"""
import argparse
import fnmatch
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # with oneDNN, TensorFlow 2.19 dies on some plain convolution networks
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.dirname(HERE))
import fixture as fx  # noqa: E402
import suite  # noqa: E402

v1 = tf.compat.v1


def to_numpy(tensor):
    if tensor.dtype == "string":
        return np.array(tensor.values, object).reshape(tensor.shape)
    return np.array(tensor.values).astype(tensor.dtype).reshape(tensor.shape)


def from_numpy(value):
    value = np.asarray(value)
    if value.dtype.kind in "OS":
        return fx.Tensor("string", value.shape, [bytes(v) for v in value.ravel()])
    return fx.Tensor(str(value.dtype), value.shape, value.ravel().tolist())


class Model:
    """One selection of a fixture in TensorFlow: call(inputs) -> outputs by name; shapes: {input name: its declared shape}."""

    def __init__(self, fixture, signature, tags, folder):
        path = fixture.model
        if path.endswith(".tar.gz"):
            path = os.path.join(folder, "unpacked")
            with tarfile.open(fixture.model) as tar:
                tar.extractall(path, filter="data")
        if fixture.format == "frozen_graph":
            self._frozen(fixture)
        elif fixture.format in ("tf1_saved_model", "hub_v1"):
            self._session(path, (tags or fixture.options.get("tags") or ("serve" if fixture.format == "tf1_saved_model" else "")), signature)
        else:
            self._eager(path, signature)

    def _frozen(self, fixture):
        graph = v1.GraphDef()
        with open(fixture.model, "rb") as f:
            if fixture.model.endswith(".pbtxt"):
                from google.protobuf import text_format
                text_format.Parse(f.read(), graph)
            else:
                graph.ParseFromString(f.read())
        session = v1.Session(graph=tf.Graph())
        with session.graph.as_default():
            tf.import_graph_def(graph, name="")
        case = fixture.cases[0]
        tensor = lambda name: session.graph.get_tensor_by_name(name if ":" in name else name + ":0")
        self._bind(session, {n: tensor(n) for n in case.inputs}, {n: tensor(n) for n in case.outputs})

    def _session(self, path, tags, signature):
        session = v1.Session(graph=tf.Graph())
        with session.graph.as_default():
            meta = v1.saved_model.load(session, [t for t in tags.split(",") if t], path)
        definition = meta.signature_def[signature]
        tensors = lambda infos: {name: session.graph.get_tensor_by_name(info.name) for name, info in infos.items()}
        self._bind(session, tensors(definition.inputs), tensors(definition.outputs))

    def _bind(self, session, inputs, outputs):
        self.call = lambda values: session.run(outputs, {inputs[n]: v for n, v in values.items()})
        self.shapes = {n: t.shape for n, t in inputs.items()}

    def _eager(self, path, signature):
        loaded = tf.saved_model.load(path)
        if signature is None:
            functions = loaded.__call__.concrete_functions
            names = [s.name for s in functions[0].structured_input_signature[0]]
            self.shapes = {s.name: s.shape for s in functions[0].structured_input_signature[0]}
            self.call = lambda values: flatten(loaded(*[tf.constant(values[n]) for n in names]))
            return
        function = loaded.signatures[signature]
        self.keep = loaded
        self.shapes = {n: s.shape for n, s in function.structured_input_signature[1].items()}
        self.call = lambda values: {n: t.numpy() for n, t in function(**{n: tf.constant(v) for n, v in values.items()}).items()}


def flatten(nest, prefix=""):
    """{'a/0': array}: the leaves of dicts and tuples by their paths."""
    if isinstance(nest, dict):
        items = sorted(nest.items())
    elif isinstance(nest, (list, tuple)):
        items = list(enumerate(nest))
    else:
        return {prefix: nest.numpy()}
    out = {}
    for key, value in items:
        out.update(flatten(value, "%s/%s" % (prefix, key) if prefix else str(key)))
    return out


def fresh(inputs, shapes, rng):
    """Other inputs of the same kind: floats are drawn anew, integers (unless they stand in order) and strings shuffled, and an open first dimension that all inputs share grows by one."""
    grow = all(s.rank and s[0] is None for s in shapes.values()) and len({v.shape[0] for v in inputs.values()}) == 1
    out = {}
    for name, value in inputs.items():
        if grow and value.shape[0]:
            value = np.concatenate([value, value[-1:]])
        if value.dtype.kind == "f":
            value = rng.standard_normal(value.shape).astype(value.dtype)
        elif value.ndim == 1 and value.dtype.kind == "i" and (np.diff(value) >= 0).all():
            pass  # numbers of segments, which have to stay in order
        elif value.ndim:
            value = rng.permutation(value.ravel()).reshape(value.shape)
        out[name] = value
    return out


def judge(fixture, binary, folder):
    problems = []
    for signature, tags, cases in fixture.selections():
        model = Model(fixture, signature, tags, tempfile.mkdtemp(dir=folder))
        for n, case in enumerate(cases):
            label = "%scase %d " % (suite.label_of(fixture, signature, tags), n)
            inputs = {name: to_numpy(fx.load(file)) for name, file in case.inputs.items()}
            outputs = model.call(inputs)
            for name, file in case.outputs.items():
                problem = fx.difference(fx.load(file), from_numpy(outputs[name]), case.rtol, case.atol)
                if problem:
                    problems.append("%srecorded %s: %s" % (label, name, problem))
            inputs = fresh(inputs, model.shapes, np.random.default_rng(99))
            expected = {name: from_numpy(value) for name, value in model.call(inputs).items()}
            expected = {name: expected[name] for name in case.outputs}
            out, arguments = os.path.join(folder, "out"), []
            for k, (name, value) in enumerate(inputs.items()):
                path = os.path.join(folder, "%d.%s" % (k, "json" if value.dtype.kind in "OS" else "npy"))
                fx.save(path, from_numpy(value))
                arguments += ["--input", "%s=%s" % (name, path)]
            code, text, _ = suite.run([binary, "run", fixture.model] + arguments + ["--output", out] + fixture.flags(signature, tags), 120)
            if code != 0:
                problems.append("%sfresh: exit code %s: %s" % (label, code, suite.short(text)))
                continue
            verdict = suite.Verdict(fixture.name)
            suite.compare_outputs(verdict, label + "fresh ", out, expected, rtol=case.rtol, atol=case.atol)
            problems += verdict.problems
            shutil.rmtree(out)
    return problems


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=os.path.join(ROOT, "build/release/isomer"))
    parser.add_argument("--fixtures", default=os.path.join(ROOT, "tests/formats"), metavar="DIR")
    parser.add_argument("--only", default="*", metavar="GLOB")
    options = parser.parse_args()
    tf.get_logger().setLevel("ERROR")
    passed = failed = skipped = 0
    for fixture in fx.find_fixtures(options.fixtures):
        if not fnmatch.fnmatch(fixture.name, options.only):
            continue
        if fixture.refused:
            skipped += 1
            continue
        folder = tempfile.mkdtemp(prefix="isomer-tensorflow-")
        try:
            problems = judge(fixture, os.path.abspath(options.binary), folder)
        except Exception as error:
            problems = ["%s: %s" % (type(error).__name__, suite.short(str(error)))]
        finally:
            shutil.rmtree(folder)
        print("%-24s %s" % (fixture.name, "; ".join(problems[:4]) or "ok"), flush=True)
        passed, failed = passed + (not problems), failed + bool(problems)
    print("%d passed, %d failed, %d skipped" % (passed, failed, skipped))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
