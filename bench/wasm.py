#!/usr/bin/env python3
"""Times graph models of Isomer beside those of the Python converter, with the wasm backend of TensorFlow.js.

  bench/wasm.py [--binary FILE] [--fixtures DIR] [--only GLOB] [--pairs N]

For every fixture that has the converter's own result (reference_tfjs) the source is converted by Isomer, and both models run in turn in one process of Node, on
the recorded inputs: N pairs (15), after two runs to warm up. `ratio` is the median of the pairs' ratios, Isomer's time by the converter's; more than 1.05 is
marked. Models that the wasm backend cannot run (it lacks kernels) are named and not counted. tf.js and the backend, in the version of tests/peers, are installed
into build/bench/wasm on the first run. Runs shorter than a millisecond measure the start of a run more than the ops: their ratios are given in brackets and not
marked. Exit code 1 when a ratio is marked.
"""
import argparse
import ast
import fnmatch
import json
import os
import statistics
import struct
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests"))
import fixture as fx  # noqa: E402

LIMIT, SHORT_MS = 1.05, 1.0
PACKAGES = ("tfjs-core", "tfjs-converter", "tfjs-backend-cpu", "tfjs-backend-wasm")


def install(folder):
    if os.path.isdir(os.path.join(folder, "node_modules/@tensorflow/tfjs-backend-wasm")):
        return
    with open(os.path.join(ROOT, "tests/peers/package.json"), encoding="utf-8") as f:
        version = json.load(f)["dependencies"]["@tensorflow/tfjs"]
    os.makedirs(folder, exist_ok=True)
    print("installing tf.js %s with its wasm backend" % version, file=sys.stderr)
    subprocess.run(["npm", "install", "--prefix", folder, "--silent", "--no-audit", "--no-fund"] + ["@tensorflow/%s@%s" % (p, version) for p in PACKAGES], check=True)


def read_npy(path):
    """{"dtype", "shape", "values"} of an array that tf.js can be fed, or None."""
    with open(path, "rb") as f:
        data = f.read()
    wide = data[6] > 1
    start = 12 if wide else 10
    end = start + struct.unpack("<I" if wide else "<H", data[8:start])[0]
    header = ast.literal_eval(data[start:end].decode("latin1"))
    kind = {"<f4": ("float32", "f"), "<f8": ("float32", "d"), "<i4": ("int32", "i"), "<i8": ("int32", "q"), "|u1": ("int32", "B"), "|b1": ("bool", "?")}.get(header["descr"])
    if kind is None or header["fortran_order"]:
        return None
    count = 1
    for size in header["shape"]:
        count *= size
    return {"dtype": kind[0], "shape": list(header["shape"]), "values": list(struct.unpack("<%d%s" % (count, kind[1]), data[end:]))}


def inputs_of(fixture):
    with open(os.path.join(fixture.path, "fixture.json"), encoding="utf-8") as f:
        case = json.load(f)["cases"][0]
    inputs = {}
    for name, file in case["inputs"].items():
        inputs[name] = read_npy(os.path.join(fixture.path, file)) if file.endswith(".npy") else None
    return None if None in inputs.values() else inputs


def run(fixture, options, folder):
    """What Node measured, or a text that says why there is nothing."""
    inputs = inputs_of(fixture)
    if inputs is None:
        return "strings"
    own = os.path.join(folder, fixture.name)
    signature, tags, _ = fixture.selections()[0]
    done = subprocess.run([options.binary, "convert", "--quiet"] + fixture.flags(signature, tags) + [fixture.model, own], capture_output=True, text=True)
    if done.returncode:
        return done.stderr.strip()
    job = os.path.join(folder, "job.json")
    with open(job, "w", encoding="utf-8") as f:
        json.dump({"first": own, "second": os.path.join(fixture.path, "reference_tfjs"), "inputs": inputs, "pairs": options.pairs}, f)
    done = subprocess.run(["node", os.path.join(ROOT, "bench/wasm.mjs"), options.packages, job], capture_output=True, text=True)
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if "Error" in line]
        return (errors or ["Node ended with %d" % done.returncode])[0].strip()
    return json.loads(done.stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=os.path.join(ROOT, "build/release/isomer"))
    parser.add_argument("--fixtures", default=os.path.join(os.path.dirname(ROOT), "shared/fixtures"))
    parser.add_argument("--packages", default=os.path.join(ROOT, "build/bench/wasm"))
    parser.add_argument("--only", default="*")
    parser.add_argument("--pairs", type=int, default=15)
    options = parser.parse_args()
    if not os.path.isdir(options.fixtures):
        print("skipped: there are no fixtures at %s" % options.fixtures)
        return 0
    install(options.packages)
    slower, ratios = 0, []
    print("| model | Isomer ms | converter ms | ratio | largest difference |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="isomer-wasm-") as folder:
        for fixture in fx.find_fixtures(options.fixtures, fx.TF_FORMATS):
            if not os.path.isdir(os.path.join(fixture.path, "reference_tfjs")) or not fnmatch.fnmatch(fixture.name, options.only) or not fixture.cases:
                continue
            found = run(fixture, options, folder)
            if isinstance(found, str):
                print("| %s | not timed: %s | | | |" % (fixture.name, found[:120]), flush=True)
                continue
            ratio = statistics.median(a / b for a, b in zip(found["first"], found["second"]))
            first, second = statistics.median(found["first"]), statistics.median(found["second"])
            short = second < SHORT_MS
            if not short:
                ratios.append(ratio)
                slower += ratio > LIMIT
            text = "(%.2f)" % ratio if short else "%.2f%s" % (ratio, " SLOWER" if ratio > LIMIT else "")
            difference = "NaN" if found["difference"] is None else "%.1e" % found["difference"]
            print("| %s | %.2f | %.2f | %s | %s |" % (fixture.name, first, second, text, difference), flush=True)
    print("\n%d models of at least %g ms: median ratio %s, largest %s; %d above %g" % (
        len(ratios), SHORT_MS, "%.2f" % statistics.median(ratios) if ratios else "-", "%.2f" % max(ratios) if ratios else "-", slower, LIMIT))
    return 1 if slower else 0


if __name__ == "__main__":
    sys.exit(main())
