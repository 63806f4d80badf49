#!/usr/bin/env python3
"""Compares graph models that Isomer writes with those of tensorflowjs_converter: nodes and bytes of weights.

  sizes.py [--binary FILE] [--fixtures DIR] [--only GLOB] [--ops] [--report FILE]

Every fixture of a TensorFlow format is converted for which fixture.json tells what the Python converter made (peer.tensorflowjs_converter.graph and
graph_control_flow_v2 with status ok). Counted are all nodes but Const and Placeholder, those of function bodies and of the initialiser included; the
Identity that gives an output its name is left out on both sides (where the converter's own result is not there, one for each value that is an output is
taken off, as TF2 models have it; the converter writes two keys of one value as one node). Marked is what exceeds the converter's, with the reason where there is a good one (REASONS);
with --ops the ops of such models are listed. The last line is `N compared, N never more, N exceed`. Exit code 1 when something exceeds by more than its reason
explains.

Where the converter's own result is there, `isomer optimize` of it is compared with it as well: (optimised).
"""
import argparse
import collections
import fnmatch
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.dirname(HERE))
import fixture as fx  # noqa: E402

# Nodes that a model has more than the converter's on purpose, and why.
REASONS = {
    "sm2_multi_signature": (1, "the converter lost the Identity, and with it the name, of one output"),
    "sm2_zoo_random": (3, "RandomUniformInt is written as RandomUniform, Mul, Floor and Cast: tf.js looks for its bounds among the attributes and fails"),
}

FORMATS = fx.TF_FORMATS + ("keras_saved_model",)


class Sizes:
    """Nodes that compute, Identity nodes of outputs, bytes of weights and the ops of a graph model."""

    def __init__(self, folder):
        with open(os.path.join(folder, "model.json"), encoding="utf-8") as f:
            model = json.load(f)
        topologies = [model["modelTopology"]] + ([model["modelInitializer"]] if model.get("modelInitializer") else [])
        nodes = []
        for topology in topologies:
            nodes += topology.get("node", [])
            for function in topology.get("library", {}).get("function", []):
                nodes += function.get("nodeDef", [])
        computing = [n for n in nodes if n["op"] not in ("Const", "Placeholder")]
        signature = model.get("signature") or model.get("userDefinedMetadata", {}).get("signature") or {}
        outputs = {t["name"].split(":")[0] for t in signature.get("outputs", {}).values()}
        naming = [n for n in model["modelTopology"].get("node", []) if n["op"] == "Identity" and n["name"] in outputs]
        self.named, self.values = len(naming), len({n["input"][0] for n in naming})
        self.nodes = len(computing) - self.named
        self.ops = collections.Counter(n["op"] for n in computing)
        self.bytes = sum(os.path.getsize(os.path.join(folder, path)) for group in model["weightsManifest"] for path in group["paths"])


def peers_of(path):
    """[(nodes or None, bytes, converter's flag)] of the results that the Python converter made."""
    with open(os.path.join(path, "fixture.json"), encoding="utf-8") as f:
        measured = (json.load(f).get("peer") or {}).get("tensorflowjs_converter") or {}
    return [(key, measured[key]) for key in ("graph", "graph_control_flow_v2") if (measured.get(key) or {}).get("status") == "ok"]


def compare(fixture, binary, folder):
    """[(name, own Sizes, peer's nodes, peer's bytes)], or a text when it could not be converted."""
    rows = []
    for key, peer in peers_of(fixture.path):
        out = os.path.join(folder, fixture.name)
        signature, tags, _ = fixture.selections()[0]
        done = subprocess.run([binary, "convert", "--quiet"] + fixture.flags(signature, tags) + [fixture.model, out], capture_output=True, text=True)
        if done.returncode:
            return fixture.name + ": " + done.stderr.strip()
        own = Sizes(out)
        reference = os.path.join(fixture.path, "reference_tfjs")
        # A TF1 signature names its outputs itself; a TF2 one is made of Identity nodes.
        named = Sizes(reference).named if os.path.isdir(reference) else own.values
        nodes = peer["op_nodes"] - named if "op_nodes" in peer else None
        rows.append((fixture.name + (" (v2 control flow)" if key != "graph" else ""), own, nodes, peer["weight_bytes"]))
    if rows and os.path.isdir(reference):
        done = subprocess.run([binary, "optimize", "--quiet", reference, out], capture_output=True, text=True)
        if done.returncode:
            return fixture.name + " (optimised): " + done.stderr.strip()
        before = Sizes(reference)
        rows.append((fixture.name + " (optimised)", Sizes(out), before.nodes, before.bytes))
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=os.path.join(ROOT, "build/release/isomer"))
    parser.add_argument("--fixtures", default=os.path.join(os.path.dirname(ROOT), "shared/fixtures"))
    parser.add_argument("--only", default="*")
    parser.add_argument("--ops", action="store_true")
    parser.add_argument("--report")
    options = parser.parse_args()
    if not os.path.isdir(options.fixtures):
        print("skipped: there are no fixtures at %s\n0 compared, 0 never more, 0 exceed" % options.fixtures)
        return 0
    compared, exceeding, unexplained, failed, report = 0, 0, 0, 0, []
    print("%-44s %6s %6s  %10s %10s" % ("", "nodes", "peer", "bytes", "peer"))
    with tempfile.TemporaryDirectory(prefix="isomer-sizes-") as folder:
        for fixture in fx.find_fixtures(options.fixtures, FORMATS):
            if not fnmatch.fnmatch(fixture.name, options.only) or fixture.refused or not fixture.cases:
                continue
            rows = compare(fixture, options.binary, folder)
            if isinstance(rows, str):
                failed += 1
                print(rows)
                continue
            for name, own, nodes, size in rows:
                more = ([] if nodes is None or own.nodes <= nodes else ["%d nodes" % (own.nodes - nodes)]) + ([] if own.bytes <= size else ["%d bytes" % (own.bytes - size)])
                allowed, reason = REASONS.get(name, (0, ""))
                explained = own.bytes <= size and own.nodes <= (own.nodes if nodes is None else nodes + allowed)
                compared, exceeding, unexplained = compared + 1, exceeding + bool(more), unexplained + bool(more and not explained)
                if more and explained:
                    more.append(reason)
                report.append({"name": name, "nodes": own.nodes, "peer_nodes": nodes, "bytes": own.bytes, "peer_bytes": size})
                print("%-44s %6d %6s  %10d %10d%s" % (name, own.nodes, "" if nodes is None else nodes, own.bytes, size, "  MORE: " + ", ".join(more) if more else ""))
                if more and options.ops:
                    print("    " + ", ".join("%s %d" % item for item in sorted(own.ops.items())))
    if options.report:
        with open(options.report, "w", encoding="utf-8") as f:
            json.dump(report, f, indent=1)
    print("%d compared, %d never more, %d exceed%s" % (compared, compared - exceeding, exceeding, ", %d not converted" % failed if failed else ""))
    return 1 if unexplained or failed else 0


if __name__ == "__main__":
    sys.exit(main())
