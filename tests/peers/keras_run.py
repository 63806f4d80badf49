#!/usr/bin/env python3
"""Runs Keras files in the real library and writes what comes out. For tests/peers/suite.py.

  keras_run.py tf_keras|keras JOBS.json      one JSON line a job on standard output

The jobs and the answers are those of tfjs_run.mjs; inputs are fed by place. Each job runs in a process of its own, forked after the library is there: what one
model does to the library (names that are counted up, registered classes) does not meet the next.
"""
import json
import os
import sys
import traceback

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="", TF_ENABLE_ONEDNN_OPTS="0")
LIBRARY = sys.argv[1]
if LIBRARY == "tf_keras":
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    import tf_keras as keras
else:
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import keras
import h5py
import numpy as np
import tensorflow as tf


def read(path):
    if not path.endswith(".json"):
        return np.load(path)
    with open(path, encoding="utf-8") as f:
        tensor = json.load(f)
    return np.array([value.encode() for value in tensor["values"]], object).reshape(tensor["shape"])


def write(folder, results, names):
    os.makedirs(folder, exist_ok=True)
    names = names if len(set(names)) == len(results) else [str(i) for i in range(len(results))]
    entries = []
    for i, value in enumerate(results):
        value = np.asarray(value)
        entries.append({"name": names[i], "dtype": str(value.dtype), "shape": list(value.shape), "file": "%d.npy" % i})
        np.save(os.path.join(folder, entries[-1]["file"]), value)
    with open(os.path.join(folder, "outputs.json"), "w", encoding="utf-8") as f:
        json.dump({"outputs": entries}, f)


def in_dtype(value, wanted):
    wanted = wanted.as_numpy_dtype if hasattr(wanted, "as_numpy_dtype") else wanted
    return value if value.dtype == object else value.astype(wanted)


def run_signature(job, model, answer):
    """A SavedModel's signature, loaded without Keras: what it gives goes into folders beside those of the Keras model."""
    loaded = tf.saved_model.load(job["model"])
    signature = loaded.signatures["serving_default"]
    specs = signature.structured_input_signature[1]
    named = [name for name in (t.name.split(":")[0] for t in model.inputs) if name in specs]
    named = named if len(named) == len(specs) else list(specs)
    for n, case in enumerate(job["cases"]):
        files = [case["inputs"][name] for name in named] if set(named) == set(case["inputs"]) else list(case["inputs"].values())
        given = signature(**{name: tf.constant(in_dtype(read(file), specs[name].dtype)) for name, file in zip(named, files)})
        names = list(getattr(model, "output_names", []))
        names = names if set(names) == set(given) and len(names) == len(given) else sorted(given)
        folder = os.path.join(job["out"], "signature-%d" % n)
        write(folder, [given[name] for name in names], names)
        answer["signature_cases"].append(folder)


def run_job(job):
    answer = {"model": job["model"], "status": "ok", "inputs": [], "outputs": [], "cases": [], "signature_cases": []}
    if LIBRARY == "tf_keras" and job["model"].endswith(".h5"):
        with h5py.File(job["model"], "r") as f:
            if f.attrs["keras_version"].startswith("3."):
                return {**answer, "status": "other_generation"}
    try:
        model = keras.models.load_model(job["model"], compile=False)
    except Exception as error:
        return {**answer, "status": "load_error", "detail": "%s: %s" % (type(error).__name__, str(error)[:500])}
    try:
        for n, case in enumerate(job["cases"]):
            # By name where the model takes a dict or its inputs have the names of the record, else by place.
            named = [t.name.split(":")[0] for t in model.inputs]
            files = [case["inputs"][name] for name in named] if set(named) == set(case["inputs"]) else list(case["inputs"].values())
            feeds = [tf.constant(in_dtype(read(file), t.dtype)) for file, t in zip(files, model.inputs)]
            if isinstance(getattr(model, "input", None), dict):
                feeds = [dict(zip(named, feeds))]
            given = model(feeds if len(feeds) > 1 else feeds[0], training=False)
            folder = os.path.join(job["out"], str(n))
            names = list(given) if isinstance(given, dict) else list(getattr(model, "output_names", []))
            write(folder, list(given.values()) if isinstance(given, dict) else tf.nest.flatten(given), names)
            answer["cases"].append(folder)
        if os.path.isdir(job["model"]):
            run_signature(job, model, answer)
    except Exception as error:
        return {**answer, "status": "run_error", "detail": "case %d: %s: %s" % (len(answer["cases"]), type(error).__name__, str(error)[:500])}
    return answer


def main():
    with open(sys.argv[2], encoding="utf-8") as f:
        jobs = json.load(f)
    for job in jobs:
        ours, theirs = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                text = json.dumps(run_job(job))
            except BaseException:
                text = json.dumps({"status": "run_error", "detail": traceback.format_exc()[-300:]})
            os.write(theirs, text.encode())
            os._exit(0)
        os.close(theirs)
        text = b""
        while part := os.read(ours, 65536):
            text += part
        os.close(ours)
        os.waitpid(child, 0)
        print(text.decode() or json.dumps({"status": "run_error", "detail": "the process died"}), flush=True)


main()
