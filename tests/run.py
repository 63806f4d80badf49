#!/usr/bin/env python3
"""Runs every kind of test on what ./check has built and adds up: the last line is `N passed, N failed, N skipped`, and the exit code is 1 on any failure.

  run.py [--peers] [--all] [--fast] [--only KIND]...

A kind is a command with a time limit. Its counts come from the last line `N passed, N failed[, N skipped]` that it prints, for ctest from its report (the
programs' own counts, where they print them); a command that prints no counts is one test, judged by its exit code. A kind that cannot run here is skipped
with the reason.
"""
import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as xml

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DEV, RELEASE = os.path.join(ROOT, "build/dev"), os.path.join(ROOT, "build/release")
PEERS = os.path.abspath(os.environ.get("ISOMER_PEERS", os.path.join(ROOT, ".peers")))
SHARED = os.path.join(os.path.dirname(ROOT), "shared")
COUNTS = re.compile(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?\s*$", re.MULTILINE)


class Skip(Exception):
    """Why a kind cannot run here."""


class Kind:
    def __init__(self, name, seconds, command, needs=(), only_peers=False, slow=False, only_all=False):
        self.name, self.seconds, self.command, self.needs, self.only_peers, self.slow, self.only_all = name, seconds, command, needs, only_peers, slow, only_all


def need_file(path, why):
    def check():
        if not os.path.exists(path):
            raise Skip(why)
    return check


def need_program(name, why):
    def check():
        if not shutil.which(name):
            raise Skip(why)
    return check


def kinds():
    suite = [sys.executable, os.path.join(ROOT, "tests/peers/suite.py")]
    tfjs = need_file(os.path.join(PEERS, "node_modules/@tensorflow/tfjs"), "TensorFlow.js is not installed (tests/peers/setup)")
    tensorflow = need_file(os.path.join(PEERS, "venv/bin/python"), "TensorFlow is not installed (tests/peers/setup)")
    shared = need_file(os.path.join(SHARED, "fixtures"), "the folder ../shared with more fixtures is not here")
    conformance = need_file(os.path.join(SHARED, "conformance"), "the folder ../shared with cases recorded from TensorFlow.js is not here")
    release, dev = os.path.join(RELEASE, "isomer"), os.path.join(DEV, "isomer")
    report = lambda name: ["--report", os.path.join(ROOT, "build/reports", name + ".json")]
    shared_fixtures = ["--fixtures", os.path.join(SHARED, "fixtures")]
    shared_folders = ["--fixtures", os.path.join(SHARED, "fixtures"), "--models", os.path.join(SHARED, "models")]
    return [
        Kind("layers", 60, [os.path.join(ROOT, "tools/check-layers")]),
        Kind("format", 120, [os.path.join(ROOT, "tools/format"), "--check"], [need_program("clang-format-19", "clang-format-19 is not installed")]),
        Kind("ctest", 900, None),
        Kind("fixtures: run", 600, suite + ["run", "--binary", dev] + report("own-run")),
        Kind("conformance", 300, [os.path.join(DEV, "isomer_conformance_test"), os.path.join(SHARED, "conformance")], [conformance]),
        Kind("layers conformance", 300, [os.path.join(DEV, "isomer_layers_conformance_test"), os.path.join(SHARED, "conformance/layers.jsonl.gz")], [conformance]),
        Kind("fixtures: damaged", 900, [sys.executable, os.path.join(ROOT, "tests/formats/bad.py"), "--binary", dev], slow=True),
        Kind("old spellings", 300, [sys.executable, os.path.join(ROOT, "tests/formats/variants.py"), "--binary", release]),
        Kind("what is left", 300, [sys.executable, os.path.join(ROOT, "tests/formats/atomic.py"), "--binary", release]),
        Kind("fixtures: tf.js", 600, suite + ["tfjs", "--binary", release] + report("own-tfjs"), [tfjs], only_peers=True),
        Kind("layers: tf.js", 600, suite + ["layers", "--binary", release] + report("own-layers"), [tfjs], only_peers=True),
        Kind("layers: tf_keras", 600, suite + ["h5", "--binary", release] + report("own-h5"), [tensorflow], only_peers=True),
        Kind("layers: HDF5 in Keras 3", 600, suite + ["h5_keras3", "--binary", release] + report("own-h5-keras3"), [tensorflow], only_peers=True),
        Kind("layers: Keras SavedModels", 600, suite + ["keras_saved_model", "--binary", release] + report("own-keras-saved-model"), [tensorflow], only_peers=True),
        Kind("layers: Keras 3", 600, suite + ["archive", "--binary", release] + report("own-archive"), [tensorflow], only_peers=True),
        Kind("layers: round trips", 600, suite + ["round", "--binary", dev] + report("own-round")),
        Kind("fixtures: TensorFlow", 600, [os.path.join(PEERS, "venv/bin/python"), os.path.join(ROOT, "tests/peers/tensorflow_agrees.py"), "--binary", release],
             [tensorflow], only_peers=True),
        Kind("inputs: peers", 300, [os.path.join(PEERS, "venv/bin/python"), os.path.join(ROOT, "tests/peers/inputs_agree.py"), "--binary", release],
             [tensorflow], only_peers=True),
        Kind("HDF5: h5py", 600, [os.path.join(PEERS, "venv/bin/python"), os.path.join(ROOT, "tests/peers/hdf5_agree.py"), "--tool",
                                 os.path.join(DEV, "isomer_hdf5_tool"), "--count", "50"], [tensorflow], only_peers=True),
        Kind("tf.js forms", 300, ["node", os.path.join(ROOT, "tests/peers/tfjs_forms/run.mjs")], [tfjs], only_peers=True),
        Kind("shared: run", 1200, suite + ["run", "--binary", release] + shared_folders + report("shared-run"), [shared], slow=True),
        Kind("shared: layers in tf.js", 1800, suite + ["layers", "--binary", release] + shared_fixtures + report("shared-layers"), [shared, tfjs], only_peers=True),
        Kind("shared: layers in tf_keras", 1800, suite + ["h5", "--binary", release] + shared_fixtures + report("shared-h5"), [shared, tensorflow], only_peers=True, only_all=True),
        Kind("shared: Keras SavedModels", 1800, suite + ["keras_saved_model", "--binary", release] + shared_fixtures + report("shared-keras-saved-model"),
             [shared, tensorflow], only_peers=True, only_all=True),
        Kind("shared: layers in Keras 3", 1800, suite + ["archive", "--binary", release] + shared_fixtures + report("shared-archive"), [shared, tensorflow],
             only_peers=True, only_all=True),
        Kind("shared: round trips", 1800, suite + ["round", "--binary", release] + shared_fixtures + report("shared-round"), [shared], slow=True),
        Kind("shared: tf.js", 1800, suite + ["tfjs", "--binary", release] + shared_folders + report("shared-tfjs"), [shared, tfjs], only_peers=True),
    ]


def stream(command, seconds):
    """Runs the command, passes its output on as it comes; (exit code or None when the time was up, output)."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=ROOT, start_new_session=True)
    stopped = []

    def stop(*_):
        stopped.append(True)
        os.killpg(process.pid, signal.SIGKILL)

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    lines = []
    try:
        for line in process.stdout:
            lines.append(line.decode("utf-8", "replace"))
            sys.stdout.write(lines[-1])
            sys.stdout.flush()
        code = process.wait()
    finally:
        signal.alarm(0)
    return (None if stopped else code), "".join(lines)


def counts_of(text, code):
    """(passed, failed, skipped) of a program's output: its own last line, GoogleTest's summary, or the program as one test."""
    found = COUNTS.findall(text)
    if found:
        passed, failed, skipped = (int(n or 0) for n in found[-1])
        return passed, max(failed, int(code != 0)), skipped
    google = {word: re.findall(r"^\[  %s ?\] (\d+) tests?" % word, text, re.MULTILINE) for word in ("PASSED ", "FAILED ", "SKIPPED")}
    if google["PASSED "]:
        passed, failed, skipped = (int(google[word][-1]) if google[word] else 0 for word in ("PASSED ", "FAILED ", "SKIPPED"))
        return passed, max(failed, int(code != 0)), skipped
    return (1, 0, 0) if code == 0 else (0, 1, 0)


def run_ctest(seconds):
    if not os.path.exists(os.path.join(DEV, "CTestTestfile.cmake")):
        print("build/dev holds no tests")
        return 0, 1, 0
    with tempfile.TemporaryDirectory() as folder:
        report = os.path.join(folder, "report.xml")
        code, _ = stream(["ctest", "--test-dir", DEV, "--output-on-failure", "--no-tests=error", "--timeout", str(seconds), "-j", str(os.cpu_count() or 1),
                          "--output-junit", report, "--test-output-size-passed", "4000000", "--test-output-size-failed", "4000000"], seconds)
        if not os.path.exists(report):
            return 0, 1, 0
        total = [0, 0, 0]
        for test in xml.parse(report).getroot().iter("testcase"):
            if test.get("status") in ("notrun", "disabled"):
                print("skipped: %s (%s)" % (test.get("name"), (test.find("skipped").get("message") if test.find("skipped") is not None else "not run")))
                total[2] += 1
                continue
            counts = counts_of(test.findtext("system-out") or "", 0 if test.get("status") == "run" else 1)
            total = [a + b for a, b in zip(total, counts)]
    if code != 0:
        total[1] = max(total[1], 1)
    return tuple(total)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", action="store_true", help="judge by the real TensorFlow.js and TensorFlow too")
    parser.add_argument("--all", action="store_true", help="also what takes minutes and repeats on many models what the others show on few")
    parser.add_argument("--fast", action="store_true", help="leave out the slow kinds")
    parser.add_argument("--only", action="append", default=[], metavar="KIND", help="only this kind")
    options = parser.parse_args()

    os.environ["ISOMER_VERIFY_PASSES"] = "1"  # every pass is followed by the verifier
    os.environ["TFJS_MODULES"] = os.path.join(PEERS, "node_modules")
    rows, total = [], [0, 0, 0]
    for kind in kinds():
        if options.only and kind.name not in options.only:
            continue
        reason = None
        if kind.only_peers and not options.peers:
            reason = "only with --peers"
        elif kind.only_all and not options.all:
            reason = "only with --all"
        elif kind.slow and options.fast:
            reason = "left out by --fast"
        else:
            try:
                for need in kind.needs:
                    need()
            except Skip as skip:
                reason = str(skip)
        if reason:
            total[2] += 1
            rows.append((kind.name, "skipped: " + reason))
            continue
        print("\n== %s" % kind.name, flush=True)
        began = time.monotonic()
        if kind.command is None:
            counts = run_ctest(kind.seconds)
        else:
            try:
                code, text = stream(kind.command, kind.seconds)
            except OSError as error:
                print("%s: %s" % (kind.command[0], error.strerror))
                code, text = 1, ""
            if code is None:
                print("stopped: took longer than %d s" % kind.seconds)
            counts = counts_of(text, code)
        total = [a + b for a, b in zip(total, counts)]
        rows.append((kind.name, "%d passed, %d failed, %d skipped, %.0f s" % (*counts, time.monotonic() - began)))

    print()
    for name, line in rows:
        print("%-22s %s" % (name, line))
    print("\n%d passed, %d failed, %d skipped" % tuple(total))
    sys.exit(1 if total[1] else 0)


if __name__ == "__main__":
    main()
