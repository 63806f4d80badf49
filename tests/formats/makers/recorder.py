"""Writes fixtures: runs each registered maker in a graph of its own, records what TensorFlow computes, and writes fixture.json.

A maker is a function `make(source)` that saves a model below the folder `source` and returns a Recipe.
"""
import contextlib
import json
import os
import platform
import shutil

import numpy as np
import tensorflow as tf

FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_MAKERS = {}


class Recipe:
    """What a maker gives back: the format; the calls to record, [(signature, inputs, outputs)] with arrays by name in the model's order; what a user has to
    say (options); path of the model below the fixture; and for a model that must be refused, why."""

    def __init__(self, format, calls=(), options=None, model="source", refused=None, refused_nodes=(), rtol=1e-4, atol=1e-5):
        self.format, self.calls, self.options, self.model = format, calls, options or {}, model
        self.refused, self.refused_nodes, self.rtol, self.atol = refused, refused_nodes, rtol, atol


def fixture(name, shows):
    """Registers a maker."""
    def register(make_one):
        _MAKERS[name] = (shows, make_one)
        return make_one
    return register


def rng(seed=0):
    return np.random.default_rng(seed)


def floats(seed, *shape):
    return rng(seed).standard_normal(shape).astype(np.float32)


def _write(path, stem, value):
    value = np.asarray(value)
    if value.dtype.kind in "OSU":
        texts = [v if isinstance(v, bytes) else str(v).encode("utf-8") for v in value.ravel()]
        file = stem + ".json"
        with open(os.path.join(path, file), "w", encoding="utf-8") as f:
            json.dump({"dtype": "string", "shape": list(value.shape), "values": [t.decode("utf-8") for t in texts]}, f, ensure_ascii=False)
        return file
    file = stem + ".npy"
    np.save(os.path.join(path, file), np.asarray(value, order="C"))
    return file


def call_saved_model(source, inputs, signature="serving_default"):
    """(signature, inputs, outputs) as the TF2 loader computes them; the keys in the order of the model (which TensorFlow sorts)."""
    function = tf.saved_model.load(source).signatures[signature]
    outputs = function(**{k: tf.constant(v) for k, v in inputs.items()})
    return signature, dict(sorted(inputs.items())), {k: v.numpy() for k, v in sorted(outputs.items())}


def make(names):
    unknown = set(names) - set(_MAKERS)
    if unknown:
        raise SystemExit("no such fixture: %s; there are: %s" % (", ".join(sorted(unknown)), ", ".join(_MAKERS)))
    tf.get_logger().setLevel("ERROR")
    for name, (shows, make_one) in _MAKERS.items():
        if names and name not in names:
            continue
        folder = os.path.join(FOLDER, name)
        shutil.rmtree(folder, ignore_errors=True)
        source, io = os.path.join(folder, "source"), os.path.join(folder, "io")
        os.makedirs(source)
        tf.keras.backend.clear_session()
        tf.keras.utils.set_random_seed(20)
        with tf.Graph().as_default() if getattr(make_one, "version1", False) else contextlib.nullcontext():
            recipe = make_one(source)
        cases = []
        if recipe.calls:
            os.makedirs(io)
        for signature, inputs, outputs in recipe.calls:
            number = lambda: sum(len(c["inputs"]) + len(c["outputs"]) for c in cases) + len(case["inputs"]) + len(case["outputs"])
            case = {"signature": signature, "inputs": {}, "outputs": {}, "rtol": recipe.rtol, "atol": recipe.atol}
            if recipe.options.get("function"):
                case["function"] = recipe.options["function"]
            for kind, values in (("inputs", inputs), ("outputs", outputs)):
                for key, value in values.items():
                    stem = "%d_%s" % (number(), key.replace("/", "_").replace(":", "_"))
                    case[kind][key] = "io/" + _write(io, stem, value)
            cases.append(case)
        for path, _, files in os.walk(source):  # what differs from run to run and means nothing
            for file in files:
                if file == "fingerprint.pb":
                    os.remove(os.path.join(path, file))
        entry = {"name": name, "format": recipe.format, "model": recipe.model, "options": recipe.options,
                 "made_by": {"python": platform.python_version(), "tensorflow": tf.__version__, "numpy": np.__version__},
                 "shows": shows, "expect": "refused" if recipe.refused else "converts"}
        if recipe.refused:
            entry.update(refused_because=recipe.refused, refused_nodes=list(recipe.refused_nodes))
        entry["cases"] = cases
        with open(os.path.join(folder, "fixture.json"), "w", encoding="utf-8") as f:
            json.dump(entry, f, indent=1)
            f.write("\n")
        size = sum(os.path.getsize(os.path.join(p, f)) for p, _, fs in os.walk(folder) for f in fs)
        print("%-24s %7d bytes, %d cases" % (name, size, len(cases)), flush=True)
