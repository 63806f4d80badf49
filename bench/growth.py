#!/usr/bin/env python3
"""Measures how the time of `isomer convert` grows with the number of nodes: n log n is the most it should be.

  bench/growth.py [--binary FILE] [--runs N] [--largest N] [SHAPE]...        SHAPE: chain, wide, unlike (default: all)

Frozen graphs of 10^3 ... 10^6 nodes are made here, without TensorFlow: `chain` is one path of sums, products, activations and pairs of transposes; `wide` many
short paths from the input, all added up; `unlike` a path in which every constant is another, so that nothing merges. `us a node` should stay about the same
from row to row; `exponent` is log(time ratio) / log(node ratio) to the row before: 1 is linear, and n log n is 1.14 to 1.07 at these sizes. Time to start is taken off; the shortest of N runs
counts. Exit code 1 when an exponent behind 10^4 nodes is above 1.2.
"""
import argparse
import math
import os
import struct
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# Verifying after each pass is for tests.
ENVIRONMENT = {key: value for key, value in os.environ.items() if key != "ISOMER_VERIFY_PASSES"}
FLOAT, INT32, MOST = 1, 3, 1.2


def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number, content):
    """A field of bytes or, for an int, a number."""
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    return varint(number << 3 | 2) + varint(len(content)) + content


def attribute(key, value):
    return field(5, field(1, key.encode()) + field(2, value))


def of_type(dtype):
    return field(6, dtype)


def shape_of(sizes):
    return b"".join(field(2, field(1, size if size >= 0 else size + (1 << 64))) for size in sizes)


class Graph:
    """A GraphDef as bytes, node by node."""

    def __init__(self):
        self.parts, self.count = [], 0

    def node(self, op, inputs=(), **attributes):
        name = "n%d" % self.count
        self.count += 1
        body = field(1, name.encode()) + field(2, op.encode()) + b"".join(field(3, i.encode()) for i in inputs)
        self.parts.append(field(1, body + b"".join(attribute(key, value) for key, value in attributes.items())))
        return name

    def input(self):
        return self.node("Placeholder", dtype=of_type(FLOAT), shape=field(7, shape_of([-1, 4, 4])))

    def constant(self, dtype, values, sizes):
        data = struct.pack("<%d%s" % (len(values), "f" if dtype == FLOAT else "i"), *values)
        return self.node("Const", dtype=of_type(dtype), value=field(8, field(1, dtype) + field(2, shape_of(sizes)) + field(4, data)))

    def op(self, op, *inputs):
        kinds = {"Transpose": {"Tperm": of_type(INT32)}}.get(op, {})
        return self.node(op, inputs, T=of_type(FLOAT), **kinds)

    def write(self, path):
        with open(path, "wb") as f:
            f.write(b"".join(self.parts))


def chain(graph, count):
    x = graph.input()
    half, two, order = graph.constant(FLOAT, [0.5], []), graph.constant(FLOAT, [2.0, 1.0, 0.5, 0.25], [4]), graph.constant(INT32, [0, 2, 1], [3])
    while graph.count < count:
        x = graph.op("Relu", graph.op("AddV2", x, half))
        x = graph.op("Transpose", graph.op("Tanh", graph.op("Transpose", x, order)), order)
        x = graph.op("Mul", x, two)
    return x


def wide(graph, count):
    x = graph.input()
    two = graph.constant(FLOAT, [2.0, 1.0, 0.5, 0.25], [4])
    paths = []
    while graph.count < count - 10:
        y = graph.op("Mul", x, graph.constant(FLOAT, [1.0 + len(paths)], []))
        y = graph.op("Square", graph.op("Sigmoid", graph.op("AddV2", y, two)))
        paths.append(graph.op("Maximum", y, x))
    while len(paths) > 1:
        paths = [graph.op("AddV2", *paths[i:i + 2]) if i + 1 < len(paths) else paths[i] for i in range(0, len(paths), 2)]
    return paths[0]


def unlike(graph, count):
    x = graph.input()
    while graph.count < count:
        k = graph.count
        x = graph.op("AddV2", graph.op("Mul", x, graph.constant(FLOAT, [0.5 + k % 7, 1.0, k / 2.0**20, 0.25], [4])), graph.constant(FLOAT, [float(k)] * 4, [4]))
        x = graph.op("Sigmoid", x)
    return x


SHAPES = {"chain": chain, "wide": wide, "unlike": unlike}


def shortest(command, runs):
    best = math.inf
    for _ in range(runs):
        began = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT)
        best = min(best, time.perf_counter() - began)
        if done.returncode:
            raise SystemExit("%s ended with %d:\n%s" % (" ".join(command), done.returncode, done.stderr))
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shapes", nargs="*", metavar="SHAPE", default=list(SHAPES))
    parser.add_argument("--binary", default=os.path.join(ROOT, "build/release/isomer"))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--largest", type=int, default=1000000)
    options = parser.parse_args()
    start, steep = shortest([options.binary, "--version"], 5), 0
    print("| graph | nodes | MB | convert s | us a node | exponent |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="isomer-growth-") as folder:
        for shape in options.shapes:
            before = None
            for count in (n for n in (10**3, 10**4, 10**5, 10**6) if n <= options.largest):
                graph, path = Graph(), os.path.join(folder, "graph.pb")
                output = SHAPES[shape](graph, count)
                graph.write(path)
                command = [options.binary, "convert", "--quiet", path, os.path.join(folder, "out"), "--output_node_names=" + output]
                seconds = max(shortest(command, options.runs if count < 10**6 else 1) - start, 1e-6)
                exponent = math.log(seconds / before[1]) / math.log(graph.count / before[0]) if before else None
                steep += bool(exponent and count > 10**4 and exponent > MOST)
                print("| %s | %d | %.1f | %.3f | %.1f | %s |" % (shape, graph.count, os.path.getsize(path) / 1e6, seconds, 1e6 * seconds / graph.count,
                                                               "-" if exponent is None else "%.2f" % exponent), flush=True)
                before = (graph.count, seconds)
    return 1 if steep else 0


if __name__ == "__main__":
    sys.exit(main())
