#!/usr/bin/env python3
"""Graph models as they are found in the wild: every old or odd spelling has to be read as the same model.

  variants.py [--binary FILE]

A fixture is converted, its model.json and weight files are rewritten by hand into each variant, and the variant is run and converted again. Judged: `isomer run`
gives the recorded outputs from the variant and from what it is converted into; weights are those of the plain model. Also the shard sizes: all
layouts of one model hold the same bytes. Ends with `N passed, N failed, N skipped`.
"""
import argparse
import base64
import copy
import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.dirname(HERE))
import fixture as fx  # noqa: E402

ENUM = {"DT_FLOAT": 1, "DT_INT32": 3, "DT_STRING": 7, "DT_INT64": 9, "DT_BOOL": 10}
REPEATED = {"node": ["input"], "list": ["s", "i", "f", "b", "type", "shape", "tensor", "func"]}


def walk(value, visit):
    """Calls visit(object) for each JSON object, the inner ones first."""
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        walk(inner, visit)
    if isinstance(value, dict):
        visit(value)


def rename_shards(model, folder, name):
    group = model["weightsManifest"][0]
    for k, path in enumerate(group["paths"]):
        os.rename(os.path.join(folder, path), os.path.join(folder, name(k, path)))
    group["paths"] = [name(k, path) for k, path in enumerate(group["paths"])]


def no_suffix(model, folder):
    rename_shards(model, folder, lambda k, path: path[:-len(".bin")])


def other_names(model, folder):
    rename_shards(model, folder, lambda k, path: "my model %d.weights.bin" % k)


def dotted_paths(model, folder):
    model["weightsManifest"][0]["paths"] = ["./" + path for path in model["weightsManifest"][0]["paths"]]


def encoded_paths(model, folder):
    other_names(model, folder)
    model["weightsManifest"][0]["paths"] = [path.replace(" ", "%20") for path in model["weightsManifest"][0]["paths"]]


def weights_below(model, folder):
    os.mkdir(os.path.join(folder, "weights"))
    rename_shards(model, folder, lambda k, path: "weights/" + path)


def two_groups(model, folder):
    group = model["weightsManifest"][0]
    data = b"".join(open(os.path.join(folder, path), "rb").read() for path in group["paths"])
    first = group["weights"][0]
    size = {"float32": 4, "int32": 4, "bool": 1}[first["dtype"]]
    for d in first["shape"]:
        size *= d
    for name, part in (("a.bin", data[:size]), ("b.bin", data[size:])):
        with open(os.path.join(folder, name), "wb") as f:
            f.write(part)
    model["weightsManifest"] = [{"paths": ["a.bin"], "weights": [first]}, {"paths": ["b.bin"], "weights": group["weights"][1:]}]


def compressed(model, folder):
    for path in model["weightsManifest"][0]["paths"]:
        with open(os.path.join(folder, path), "rb") as f:
            data = f.read()
        with open(os.path.join(folder, path), "wb") as f:
            f.write(gzip.compress(data, mtime=0))


def without_heading(model, folder):
    for key in ("format", "generatedBy", "convertedBy"):
        model.pop(key, None)


def signature_in_metadata(model, folder):
    model.setdefault("userDefinedMetadata", {})["signature"] = model.pop("signature")


def empty_versions(model, folder):
    model["modelTopology"]["versions"] = {}


def odd_versions(model, folder):
    model["modelTopology"]["versions"] = {"badConsumers": []}


def without_library(model, folder):
    if not model["modelTopology"].get("library", {}).get("function"):
        model["modelTopology"].pop("library", None)


def enum_numbers(model, folder):
    def visit(value):
        for key in ("type", "dtype"):
            if isinstance(value.get(key), str) and value[key] in ENUM:
                value[key] = ENUM[value[key]]
            if isinstance(value.get(key), list):
                value[key] = [ENUM.get(v, v) for v in value[key]]
    walk(model["modelTopology"], visit)


def character_codes(model, folder):
    def visit(value):
        if isinstance(value.get("s"), str):
            value["s"] = list(base64.b64decode(value["s"]))
    walk(model["modelTopology"], visit)


def numbers_for_integers(model, folder):
    def visit(value):
        for key in ("i", "size"):
            if isinstance(value.get(key), str):
                value[key] = int(value[key])
    walk(model["modelTopology"], visit)


def empty_fields(model, folder):
    def visit(value):
        if "op" in value and "name" in value:
            value.setdefault("input", [])
            value.setdefault("device", "")
            value.setdefault("attr", {})
        if "list" in value:
            for key in REPEATED["list"]:
                value["list"].setdefault(key, [])
        if "tensorShape" in value:
            value["tensorShape"].setdefault("dim", [])
            value["tensorShape"].setdefault("unknownRank", False)
    walk(model["modelTopology"], visit)


def bare_infinity(model, folder):
    model.setdefault("userDefinedMetadata", {})["threshold"] = float("inf")  # Python writes the bare word


def unknown_keys(model, folder):
    model["somebodysNote"] = {"deep": [1, {"er": None}]}
    model["modelTopology"]["node"][0]["experimentalDebugInfo"] = {"originalNodeNames": ["a"]}


VARIANTS = [no_suffix, other_names, dotted_paths, encoded_paths, weights_below, two_groups, compressed, without_heading, signature_in_metadata, empty_versions, odd_versions,
            without_library, enum_numbers, character_codes, numbers_for_integers, empty_fields, bare_infinity, unknown_keys]
MODELS = ["mlp", "cnn_batch_norm", "cond_nested"]


def weights_of(folder):
    with open(os.path.join(folder, "model.json"), encoding="utf-8") as f:
        model = json.load(f)
    return b"".join(open(os.path.join(folder, path), "rb").read() for group in model["weightsManifest"] for path in group["paths"])


class Test:
    def __init__(self, binary, folder):
        self.binary, self.folder, self.passed, self.problems = binary, folder, 0, []

    def isomer(self, *arguments):
        done = subprocess.run([self.binary, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        return None if done.returncode == 0 else "exit code %d: %s" % (done.returncode, done.stderr.decode("utf-8", "replace").strip())

    def expect(self, what, problem):
        if problem:
            self.problems.append("%s: %s" % (what, problem))
        else:
            self.passed += 1

    def runs(self, model, case):
        """Why `isomer run` on this model does not give what was recorded, or None."""
        out = tempfile.mkdtemp(dir=self.folder)
        inputs = [part for name, file in case.inputs.items() for part in ("--input", "%s=%s" % (name, file))]
        problem = self.isomer("run", model, *inputs, "--output", os.path.join(out, "results"))
        if problem:
            return problem
        with open(os.path.join(out, "results/outputs.json"), encoding="utf-8") as f:
            got = {o["name"]: fx.load(os.path.join(out, "results", o["file"])) for o in json.load(f)["outputs"]}
        if list(got) != list(case.outputs):
            return "outputs %s instead of %s" % (list(got), list(case.outputs))
        for name, file in case.outputs.items():
            problem = fx.difference(fx.load(file), got[name], case.rtol, case.atol, narrowed=got[name].dtype != fx.load(file).dtype)
            if problem:
                return "%s: %s" % (name, problem)
        return None

    def fixture(self, name):
        fixture = fx.Fixture(os.path.join(HERE, name))
        plain = os.path.join(self.folder, name)
        problem = self.isomer("convert", "--quiet", fixture.model, plain)
        if problem:
            return self.expect(name, problem)
        case = fixture.cases[0]
        weights = weights_of(plain)
        for change in VARIANTS:
            what = "%s %s" % (name, change.__name__)
            variant = os.path.join(self.folder, what.replace(" ", "-"))
            shutil.copytree(plain, variant)
            with open(os.path.join(plain, "model.json"), encoding="utf-8") as f:
                model = copy.deepcopy(json.load(f))
            change(model, variant)
            with open(os.path.join(variant, "model.json"), "w", encoding="utf-8") as f:
                json.dump(model, f)
            self.expect(what + ", run", self.runs(variant, case))
            again = variant + "-again"
            problem = self.isomer("convert", "--quiet", variant, again)
            self.expect(what + ", converted", problem or (None if weights_of(again) == weights else "other weights") or self.runs(again, case))
        renamed = os.path.join(self.folder, name + "-renamed")
        shutil.copytree(plain, renamed)
        os.rename(os.path.join(renamed, "model.json"), os.path.join(renamed, "tiny.json"))
        self.expect(name + " model.json by another name", self.runs(os.path.join(renamed, "tiny.json"), case))
        for size in (1, 100, 1000, len(weights), len(weights) + 1, 1 << 30) if len(weights) < 2000 else (1000, len(weights), 1 << 30):
            out = os.path.join(self.folder, "%s-shards-%d" % (name, size))
            problem = self.isomer("convert", "--quiet", "--weight_shard_size_bytes", str(size), plain, out)
            if not problem:
                files = [f for f in os.listdir(out) if f.endswith(".bin")]
                count = -(-len(weights) // size)
                want = {"group1-shard%dof%d.bin" % (k + 1, count) for k in range(count)}
                problem = ("files %s" % sorted(files)[:5] if set(files) != want else None) or (None if weights_of(out) == weights else "other weights")
            self.expect("%s in shards of %d bytes" % (name, size), problem)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=os.path.join(ROOT, "build/release/isomer"))
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="isomer-variants-")
    test = Test(os.path.abspath(options.binary), folder)
    try:
        for name in MODELS:
            test.fixture(name)
    finally:
        shutil.rmtree(folder)
    for problem in test.problems:
        print("FAILED " + problem)
    print("%d passed, %d failed, 0 skipped" % (test.passed, len(test.problems)))
    sys.exit(1 if test.problems else 0)


if __name__ == "__main__":
    main()
