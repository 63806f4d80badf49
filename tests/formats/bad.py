#!/usr/bin/env python3
"""Feeds `isomer convert` with models that are broken, and judges how it refuses.

  bad.py [--binary FILE] [--only GLOB] [--kind KIND]... [--update]

Kinds:
  files      bad/*.pbtxt, each a graph (or SavedModel) that no writer makes, opened by its arguments, exit code and exact error; --update writes the errors
  truncated  every file of every fixture cut at many points
  flipped    single bits of every file of every fixture turned over
  missing    every file of every fixture taken away
  choice     tags, signatures and output nodes that do not exist; the error has to list those that do
  manifest   a converted model whose model.json or weight files are tampered with
  archive    .tar.gz files that lead out of their folder, link elsewhere or unpack to gigabytes
  shape      graphs of great depth and length
  keras      Keras files that are no models, lie about sizes or nest without end

Always: no crash, no sanitizer report, an end within --seconds; memory below --memory MiB (not with sanitizers). A refusal has exit code 1 (2 where the
command itself is wrong), tells on standard error what, where and what to do, and leaves no output and no partial folder. An exit code of 0 is right only
where the format has no way to notice, and then the output must be whole: for files with checksums, the bytes of the undamaged conversion.
"""
import argparse
import collections
import concurrent.futures
import filecmp
import fnmatch
import json
import os
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.dirname(HERE))
sys.path.insert(0, HERE)
import bad_made  # noqa: E402
from bad_made import rewrite  # noqa: E402
import fixture as fx  # noqa: E402

ERROR = re.compile(r"^(?:isomer: |error: )*(truncated|malformed|unsupported|limit exceeded|not found|invalid model|invalid argument|input/output error): .")
WHERE = re.compile(r"\n  (at|while reading|while unpacking) |\n    \S* ?'.*' in '")  # a place, a file, or nodes by name
SANITIZER = re.compile(r"AddressSanitizer|LeakSanitizer|UndefinedBehaviorSanitizer|runtime error:")


class Outcome:
    def __init__(self, code, text, seconds, peak_mib):
        self.code, self.text, self.seconds, self.peak_mib = code, text, seconds, peak_mib


class Judge:
    """Runs conversions in a folder of its own and collects complaints."""

    def __init__(self, options):
        self.options = options
        with open(options.binary, "rb") as f:
            self.sanitized = b"__asan_init" in f.read()
        self.counts, self.problems, self.lock = collections.Counter(), [], threading.Lock()
        # Thousands of short runs: looking for leaks doubles the time of each, verifying after each pass the time of some; other tests do both.
        self.environment = dict(os.environ, ASAN_OPTIONS="detect_leaks=0")
        self.environment.pop("ISOMER_VERIFY_PASSES", None)

    def convert(self, folder, model, flags):
        """One conversion to folder/out."""
        out = os.path.join(folder, "out")
        command = [self.options.binary, "convert", "--quiet"] + flags + [model, out]
        errors = open(os.path.join(folder, "stderr"), "w+b")
        began = time.monotonic()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors, cwd=folder, env=self.environment,
                                   preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)))
        status = usage = None
        while status is None:
            pid, wait_status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                status = os.waitstatus_to_exitcode(wait_status)
                process.returncode = status
            elif time.monotonic() - began > self.options.seconds:
                process.kill()
                _, _, usage = os.wait4(process.pid, 0)
                status = process.returncode = "timeout"
            else:
                time.sleep(0.005)
        errors.seek(0)
        text = errors.read().decode("utf-8", "replace")
        errors.close()
        return Outcome(status, text, time.monotonic() - began, usage.ru_maxrss // 1024)

    def complaints(self, folder, outcome, allow_success, reference=None, words=(), codes=(1,)):
        """What is wrong with an outcome: [text]."""
        found, out = [], os.path.join(folder, "out")
        if outcome.code == "timeout":
            return ["no end within %d s" % self.options.seconds]
        if SANITIZER.search(outcome.text) or outcome.code not in (0, 1, 2):
            return ["crash (exit code %s): %s" % (outcome.code, outcome.text[-600:].strip())]
        if not self.sanitized and outcome.peak_mib > self.options.memory:
            found.append("%d MiB of memory" % outcome.peak_mib)
        partial = [name for name in os.listdir(folder) if "partial" in name]
        if partial:
            found.append("left behind: " + ", ".join(partial))
        if outcome.code == 0:
            if not allow_success:
                found.append("converts")
            elif reference is not None and not same_folder(reference, out):
                found.append("converts to something else: a checksum was not looked at")
            elif not os.path.exists(os.path.join(out, "model.json")):
                found.append("exit code 0 without a model.json")
            else:
                found += broken_output(out)
            return found
        if outcome.code not in codes:
            found.append("exit code %d instead of %s" % (outcome.code, " or ".join(map(str, codes))))
        if os.path.exists(out):
            found.append("output left behind")
        if not ERROR.match(outcome.text):
            found.append("the error does not begin with its kind: %r" % outcome.text[:200])
        if not WHERE.search(outcome.text) and outcome.code == 1:
            found.append("the error does not say where: %r" % outcome.text[:300])
        if "\n  hint: " not in outcome.text and outcome.code == 1:
            found.append("the error does not say what to do: %r" % outcome.text[:300])
        for word in words:
            if word not in outcome.text:
                found.append("the error does not name %s: %r" % (word, outcome.text[:300]))
        return found

    def record(self, name, complaints):
        with self.lock:
            self.counts["failed" if complaints else "passed"] += 1
            if complaints:
                self.problems.append((name, complaints))


def same_folder(a, b):
    names = sorted(os.listdir(a))
    return names == sorted(os.listdir(b)) and all(filecmp.cmp(os.path.join(a, n), os.path.join(b, n), shallow=False) for n in names)


def broken_output(out):
    """Complaints about a graph model on disk whose parts do not fit each other."""
    with open(os.path.join(out, "model.json"), encoding="utf-8") as f:
        try:
            model = json.load(f)
        except ValueError as error:
            return ["model.json is no JSON: %s" % error]
    width = {"float32": 4, "int32": 4, "bool": 1, "complex64": 8, "float16": 2, "uint8": 1, "uint16": 2}
    for group in model["weightsManifest"]:
        have = sum(os.path.getsize(os.path.join(out, path)) for path in group["paths"])
        if any(w["dtype"] == "string" for w in group["weights"]):
            continue
        need = 0
        for w in group["weights"]:
            size = width[w.get("quantization", w)["dtype"]]
            for d in w["shape"]:
                size *= d
            need += size
        if have != need:
            return ["%d bytes of weights where the manifest tells of %d" % (have, need)]
    return []


def files_below(path):
    """The files of a model, relative to `path`; [''] for a single file."""
    if os.path.isfile(path):
        return [""]
    return sorted(os.path.relpath(os.path.join(folder, name), path) for folder, _, names in os.walk(path) for name in names)


def has_checksum(file):
    return file.endswith((".index", ".gz")) or ".data-" in file


def notices_truncation(file):
    """False for text, which may end at any line, and for files of which the converter may need only the beginning or nothing."""
    return not file.endswith((".pbtxt", ".txt")) and os.path.basename(file) not in ("tfhub_module.pb", "keras_metadata.pb")


class Fixture:
    """One fixture to damage: how to convert it, and what the undamaged one gives."""

    def __init__(self, judge, fixture, folder):
        self.fixture, self.folder = fixture, folder
        signature, tags, _ = (fixture.selections() or [(None, None, None)])[0]
        self.flags = fixture.flags(signature, tags)
        self.reference = os.path.join(folder, fixture.name + "-good")
        os.makedirs(self.reference)
        outcome = judge.convert(self.reference, fixture.model, self.flags)
        self.good = outcome.code == 0
        self.why = outcome.text[:300]

    def damaged(self, change):
        """A copy of the model with change(path of the copy) applied; (folder, path)."""
        folder = tempfile.mkdtemp(dir=self.folder)
        copy = os.path.join(folder, os.path.basename(self.fixture.model))
        if os.path.isdir(self.fixture.model):
            shutil.copytree(self.fixture.model, copy)
        else:
            shutil.copy(self.fixture.model, copy)
        change(copy)
        return folder, copy


def cut_points(size):
    points = {0, 1, 7, size // 2, size - 1, size - 8} | {size * k // 9 for k in range(1, 9)}
    return sorted(p for p in points if 0 <= p < size)


def flip(data, position):
    changed = bytearray(data)
    changed[position // 8] ^= 1 << (position % 8)
    return bytes(changed)


def truncated(f):
    for file in files_below(f.fixture.model):
        for point in cut_points(os.path.getsize(os.path.join(f.fixture.model, file) if file else f.fixture.model)):
            change = lambda copy, file=file, point=point: rewrite(os.path.join(copy, file) if file else copy, lambda data: data[:point])
            checksum = has_checksum(file or f.fixture.model)
            yield "%s at %d" % (file, point), change, dict(allow_success=checksum or not notices_truncation(file or f.fixture.model), checksum=checksum)


def flipped(f):
    source = random.Random(f.fixture.name)
    for file in files_below(f.fixture.model):
        size = os.path.getsize(os.path.join(f.fixture.model, file) if file else f.fixture.model)
        for position in sorted(source.sample(range(size * 8), min(12, size * 8))):
            change = lambda copy, file=file, position=position: rewrite(os.path.join(copy, file) if file else copy, lambda data: flip(data, position))
            yield "%s bit %d" % (file, position), change, dict(allow_success=True, checksum=has_checksum(file or f.fixture.model))


def missing(f):
    for file in files_below(f.fixture.model):
        if file:
            change = lambda copy, file=file: os.remove(os.path.join(copy, file))
            yield file, change, dict(allow_success=True, checksum=os.path.basename(file) != "tfhub_module.pb")


# Fixtures whose conversion takes seconds with sanitizers: what they add to others is behind the reader, so every fourth damage has to do.
LONG = ("keras_h5_texts", "keras_archive_texts", "keras_archive_of_tf_keras", "open_resize", "saliency", "segments_and_spectra", "weight_gradients")


def damage(judge, kind, f):
    for number, (label, change, rule) in enumerate(kind(f)):
        if f.fixture.name in LONG and number % 4:
            continue
        folder, copy = f.damaged(change)
        outcome = judge.convert(folder, copy, f.flags)
        reference = os.path.join(f.reference, "out") if rule["checksum"] and f.good else None
        allowed = rule["allow_success"] and f.good
        judge.record("%s %s: %s" % (kind.__name__, f.fixture.name, label), judge.complaints(folder, outcome, allowed, reference))
        shutil.rmtree(folder)


def choice(judge, f):
    """Names that do not exist, and what the answer has to list."""
    cases = []
    if f.fixture.format == "frozen_graph":
        known = f.fixture.options["output_node_names"]
        cases.append((["--output_node_names", "nobody"], ["nobody", known[-1]]))
        cases.append(([], [known[-1]]))  # the candidates are listed
    elif f.fixture.format in fx.KERAS_FORMATS and f.fixture.format != "keras_saved_model":
        cases.append((["--signature_name", "nobody"], ["nobody", "serving_default"]))
    else:
        signatures = [s for s, _, _ in f.fixture.selections() if s]
        tags = f.fixture.options.get("tags")
        cases.append((["--signature_name", "nobody"] + (["--saved_model_tags", tags] if tags else []), ["nobody"] + signatures))
        cases.append((["--saved_model_tags", "nobody"], ["nobody"] + ([] if f.fixture.format == "hub_v1" else ["serve"])))
    for flags, words in cases:
        folder = tempfile.mkdtemp(dir=f.folder)
        outcome = judge.convert(folder, f.fixture.model, flags)
        judge.record("choice %s: %s" % (f.fixture.name, " ".join(flags)), judge.complaints(folder, outcome, False, words=words, codes=(1, 2)))
        shutil.rmtree(folder)


# ---- files with an exact error

def expected_of(text):
    """(arguments, exit code, error or None) from the comment lines that open a file of bad/."""
    head = [line[2:] if line.startswith("# ") else line[1:] for line in text.split("\n") if line.startswith("#")]
    field = lambda name: next((line.split(":", 1)[1].strip() for line in head if line.startswith(name + ":")), "")
    error = [line[2:] for line in head if line.startswith("| ")]
    return field("arguments").split(), field("exit"), "\n".join(error) if error else None


def exact_files(judge, folder):
    for name in sorted(os.listdir(os.path.join(HERE, "bad"))):
        if not fnmatch.fnmatch(name, judge.options.only):
            continue
        source = os.path.join(HERE, "bad", name)
        with open(source, encoding="utf-8") as f:
            text = f.read()
        flags, code, expected = expected_of(text)
        work = tempfile.mkdtemp(dir=folder)
        if name.endswith(".saved_model.pbtxt"):
            model = os.path.join(work, "model")
            os.mkdir(model)
            shutil.copy(source, os.path.join(model, "saved_model.pbtxt"))
        else:
            model = os.path.join(work, "model.pbtxt")
            shutil.copy(source, model)
        outcome = judge.convert(work, model, flags)
        got = outcome.text.replace(work + "/", "").strip()
        found = judge.complaints(work, outcome, code == "any")
        if judge.options.update and not found and outcome.code != 0:
            kept = [line for line in text.split("\n") if not line.startswith(("# | ", "# error:"))]
            at = sum(1 for line in kept if line.startswith("#"))
            kept[at:at] = ["# error:"] + ["# | " + line for line in got.split("\n")]
            with open(source, "w", encoding="utf-8") as f:
                f.write("\n".join(kept))
        elif expected is not None and got != expected:
            found.append("another error than recorded (--update rewrites it):\n%s" % got)
        judge.record("files " + name, found)
        shutil.rmtree(work)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=os.path.join(ROOT, "build/dev/isomer"))
    parser.add_argument("--fixtures", default=HERE, metavar="DIR")
    parser.add_argument("--only", default="*", metavar="GLOB", help="only fixtures (or files of bad/) whose names match")
    parser.add_argument("--kind", action="append", default=[], help="only this kind")
    parser.add_argument("--seconds", type=int, default=30, help="for one conversion (default: 30)")
    parser.add_argument("--memory", type=int, default=400, metavar="MIB", help="for one conversion (default: 400)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--show", type=int, default=5, metavar="N", help="failures of one sort that are shown in full (default: 5)")
    parser.add_argument("--update", action="store_true", help="write the errors of the kind `files` into them")
    options = parser.parse_args()
    options.binary = os.path.abspath(options.binary)
    judge = Judge(options)
    wanted = lambda kind: not options.kind or kind in options.kind

    folder = tempfile.mkdtemp(prefix="isomer-bad-")
    try:
        for kind, run in (("files", exact_files), ("manifest", bad_made.manifest), ("archive", bad_made.archive), ("shape", bad_made.shape), ("keras", bad_made.keras)):
            if wanted(kind) and (kind == "files" or options.only == "*"):
                run(judge, folder)
        fixtures = [f for f in fx.find_fixtures(options.fixtures, fx.TF_FORMATS + fx.KERAS_FORMATS) if fnmatch.fnmatch(f.name, options.only)]

        def of_fixture(fixture):
            f = Fixture(judge, fixture, folder)
            if not f.good and not fixture.refused:
                judge.record("undamaged " + fixture.name, ["does not convert: " + f.why])
                return
            for kind in (truncated, flipped, missing):
                if wanted(kind.__name__):
                    damage(judge, kind, f)
            if wanted("choice"):
                choice(judge, f)

        if any(wanted(kind) for kind in ("truncated", "flipped", "missing", "choice")):
            with concurrent.futures.ThreadPoolExecutor(options.workers) as pool:
                list(pool.map(of_fixture, fixtures))
    finally:
        shutil.rmtree(folder)
    shown = collections.Counter()
    for name, complaints in judge.problems:
        for complaint in complaints:  # the first of each sort; one fault can make hundreds
            sort = (name.split(" ")[0].rstrip(":"), re.sub(r"[0-9]+", "0", complaint.split(":")[0])[:60])
            shown[sort] += 1
            if shown[sort] <= options.show:
                print("%s\n    %s" % (name, complaint.replace("\n", "\n    ")))
    for (kind, what), count in shown.most_common():
        print("%5d x %s: %s" % (count, kind, what))
    print("%d passed, %d failed, 0 skipped" % (judge.counts["passed"], judge.counts["failed"]))
    sys.exit(1 if judge.counts["failed"] else 0)


if __name__ == "__main__":
    main()
