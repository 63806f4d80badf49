#!/usr/bin/env python3
"""What `isomer convert` leaves on disk: the same bytes each time, and always a whole model, whatever happens to it.

  atomic.py [--binary FILE] [--kills N]

Judged: two runs (other folder, other environment) are byte-identical; a run that is killed leaves the old model or the new one whole and at most one partial
folder beside it, which the next run removes; a run that cannot write leaves the old model; files in the target that belong to no model stay.
Ends with `N passed, N failed, N skipped`.
"""
import argparse
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.dirname(HERE))
import fixture as fx  # noqa: E402

OLD, NEW = os.path.join(HERE, "mlp/source"), os.path.join(ROOT, "examples/digits/saved_model")


def content(folder):
    """{relative path: bytes} of all files below a folder."""
    out = {}
    for path, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(path, name), "rb") as f:
                out[os.path.relpath(os.path.join(path, name), folder)] = f.read()
    return out


class Test:
    def __init__(self, binary, folder):
        self.binary, self.folder, self.passed, self.problems = binary, folder, 0, []

    def convert(self, model, out, flags=(), **more):
        return subprocess.run([self.binary, "convert", "--quiet", *flags, model, out], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **more)

    def expect(self, what, good, detail=""):
        if good:
            self.passed += 1
        else:
            self.problems.append("%s%s" % (what, ": " + detail if detail else ""))

    def partials(self):
        return [name for name in os.listdir(self.folder) if "partial" in name]

    def same_bytes(self):
        models = [("digits", NEW, []), ("keras_saved_model", os.path.join(HERE, "keras_h5/source/model.h5"), ["--output_format=keras_saved_model"])]
        for fixture in fx.find_fixtures(HERE):
            if not fixture.refused:
                signature, tags, _ = fixture.selections()[0]
                models.append((fixture.name, fixture.model, fixture.flags(signature, tags)))
        elsewhere = {"LC_ALL": "C", "TZ": "Asia/Tokyo", "TMPDIR": self.folder, "HOME": "/nowhere"}
        for name, model, flags in models:
            first, second = os.path.join(self.folder, name), os.path.join(self.folder, "deeper/second", name)
            a = self.convert(model, first, flags)
            b = self.convert(os.path.relpath(model, self.folder), second, flags, cwd=self.folder, env=elsewhere)
            self.expect("two conversions of %s succeed" % name, a.returncode == b.returncode == 0, (a.stderr + b.stderr).decode("utf-8", "replace"))
            self.expect("two conversions of %s give the same bytes" % name, a.returncode == 0 and b.returncode == 0 and content(first) == content(second))

    def killed(self, kills):
        target = os.path.join(self.folder, "target")
        began = time.monotonic()
        self.convert(NEW, target)
        whole = time.monotonic() - began
        new = content(target)
        self.convert(OLD, target)
        old = content(target)
        self.expect("converting again replaces the model", old and new and old != new and set(old) & set(new))
        source, seen = random.Random(5), set()
        for n in range(kills):
            if content(target) != old:
                self.convert(OLD, target)
            process = subprocess.Popen([self.binary, "convert", "--quiet", NEW, target], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(whole * 1.05 * (n + source.random()) / kills)
            process.send_signal(signal.SIGKILL)
            process.wait()
            left = content(target)
            seen.add("new" if left == new else "old" if left == old else "broken")
            self.expect("kill %d leaves a whole model" % n, left in (old, new), "files: %s" % sorted(left))
            self.expect("kill %d leaves at most one partial" % n, len(self.partials()) <= 1, str(self.partials()))
        done = self.convert(NEW, target)
        self.expect("the run after a kill succeeds", done.returncode == 0, done.stderr.decode("utf-8", "replace"))
        self.expect("the run after a kill removes what was left", not self.partials() and content(target) == new, str(self.partials()))
        self.expect("some runs were killed before they were done", "old" in seen, str(seen))

    def cannot_write(self):
        target = os.path.join(self.folder, "limited")
        self.convert(OLD, target)
        old = content(target)

        def small_files():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))

        done = self.convert(NEW, target, preexec_fn=small_files)
        text = done.stderr.decode("utf-8", "replace")
        self.expect("a full disk is an error", done.returncode == 1 and text.startswith(("input/output error", "error: input/output", "isomer: input/output")), text)
        self.expect("a full disk leaves the old model", content(target) == old and not self.partials(), str(self.partials()))
        if os.path.exists("/dev/full"):
            done = self.convert(NEW, "/dev/full/model")
            self.expect("a target below a file is an error", done.returncode == 1, done.stderr.decode("utf-8", "replace"))
        taken = os.path.join(self.folder, "taken")
        with open(taken, "w") as f:
            f.write("mine")
        done = self.convert(NEW, taken)
        self.expect("a file in the place of the target is an error and stays", done.returncode in (1, 2) and os.path.isfile(taken))

    def strangers(self):
        target = os.path.join(self.folder, "strangers")
        self.convert(OLD, target)
        os.makedirs(target, exist_ok=True)
        with open(os.path.join(target, "NOTES.txt"), "w") as f:
            f.write("mine")
        done = self.convert(NEW, target)
        left = content(target)
        self.expect("files that are no part of a model stay", done.returncode == 0 and left.pop("NOTES.txt", None) == b"mine")
        reference = os.path.join(self.folder, "reference")
        self.convert(NEW, reference)
        self.expect("no weight file of the old model is left", left == content(reference), str(sorted(left)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=os.path.join(ROOT, "build/release/isomer"))
    parser.add_argument("--kills", type=int, default=60)
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="isomer-atomic-")
    test = Test(os.path.abspath(options.binary), folder)
    try:
        for check in (test.same_bytes, lambda: test.killed(options.kills), test.cannot_write, test.strangers):
            check()
    finally:
        shutil.rmtree(folder)
    for problem in test.problems:
        print("FAILED " + problem)
    print("%d passed, %d failed, 0 skipped" % (test.passed, len(test.problems)))
    sys.exit(1 if test.problems else 0)


if __name__ == "__main__":
    main()
