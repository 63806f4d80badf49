#!/usr/bin/env python3
"""Measures `isomer convert`: time beside a plain copy of the same bytes, peak memory beside its bound, and the time to start.

  bench/convert.py [--binary FILE] [--models FOLDER] [--runs N] [--converter COMMAND] [NAME]...
                   NAME: resnet50, large, resnet50_h5, resnet50_keras (default: all)

The models are made on the first run, by bench/models.py with .peers/venv (tests/peers/setup makes it), and kept in build/bench. Everything is read once before
it is timed, so that files come from memory; the median of N runs counts. Peak memory is the maximum resident set of the process, mapped pages of the input
included. The bound is the largest tensor + 64 MiB + 2 KiB for each node. --converter measures that command too (tensorflowjs_converter), once.
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# One cold run of tensorflowjs_converter 4.22.0 on two cores: (seconds, bytes of memory).
RECORDED = {"resnet50": (95.0, 2.67e9)}


def measure(command):
    """(seconds, peak bytes) of a command that has to succeed."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    text = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit("%s ended with %d:\n%s" % (" ".join(command), process.returncode, text.decode("utf-8", "replace")))
    return seconds, usage.ru_maxrss * 1024


def median(command, output, runs):
    """Median seconds and the largest peak of some runs, each into an empty place."""
    results = []
    for _ in range(runs):
        shutil.rmtree(output, ignore_errors=True)
        os.sync()
        results.append(measure(command))
    return statistics.median(s for s, _ in results), max(p for _, p in results)


def make(name, folder, fact="bytes"):
    """The facts of a model, which is made where it is not there, or was made before this fact was told."""
    if not os.path.exists(os.path.join(folder, "facts.json")) or fact not in read_facts(folder):
        python = os.path.join(os.environ.get("ISOMER_PEERS", os.path.join(ROOT, ".peers")), "venv/bin/python")
        if not os.path.exists(python):
            raise SystemExit("%s is not there: tests/peers/setup makes it" % python)
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        print("making %s" % folder, file=sys.stderr)
        subprocess.run([python, os.path.join(ROOT, "bench/models.py"), name, folder], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return read_facts(folder)


def read_facts(folder):
    with open(os.path.join(folder, "facts.json"), encoding="utf-8") as f:
        return json.load(f)


def read_all(folder):
    for path, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(path, name), "rb") as f:
                while f.read(1 << 24):
                    pass


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", default=["resnet50", "large", "resnet50_h5", "resnet50_keras"])
    parser.add_argument("--binary", default=os.path.join(ROOT, "build/release/isomer"))
    parser.add_argument("--models", default=os.path.join(ROOT, "build/bench"))
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--converter", metavar="COMMAND")
    options = parser.parse_args()

    print("| model | MB | convert s | cp -r s | ratio | peak MiB | bound MiB | converter s | faster | converter MiB |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name in options.names:
        folder = os.path.join(options.models, name)
        facts = make(name, folder)
        saved, out, copy = (os.path.join(folder, part) for part in ("saved_model", "converted", "copied"))
        model, flags = os.path.join(saved, facts.get("model", "")), facts.get("flags", [])
        read_all(saved)
        copied, _ = median(["cp", "-r", "--reflink=never", saved, copy], copy, options.runs)
        shutil.rmtree(copy)
        seconds, peak = median([options.binary, "convert", "--quiet"] + flags + [model, out], out, options.runs)
        shutil.rmtree(out)
        bound = facts["largest_tensor_bytes"] + (64 << 20) + 2048 * facts["nodes"]
        row = [name, "%.0f" % (facts["bytes"] / 1e6), "%.3f" % seconds, "%.3f" % copied, "%.1f" % (seconds / copied), "%.0f" % (peak / 2**20), "%.0f" % (bound / 2**20)]
        peer = RECORDED.get(name)
        if options.converter:
            peer = measure([options.converter, "--input_format=tf_saved_model", model, out])
            shutil.rmtree(out)
        row += ["%.1f" % peer[0], "%.0fx" % (peer[0] / seconds), "%.0f" % (peer[1] / 2**20)] if peer else ["-", "-", "-"]
        print("| " + " | ".join(row) + " |", flush=True)
    starts = [measure([options.binary, "--version"])[0] for _ in range(21)]
    print("\nisomer --version: %.1f ms (median of %d, the start of the process included)" % (1000 * statistics.median(starts), len(starts)))


if __name__ == "__main__":
    main()
