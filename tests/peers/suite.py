#!/usr/bin/env python3
"""Judges Isomer by model fixtures: what it converts is run by the real TensorFlow.js, what it runs itself is compared directly.

  suite.py tfjs [--fixtures DIR]... [--models DIR]   convert each fixture as its options say, run the result in tf.js, compare with the recorded outputs
  suite.py run  [--fixtures DIR]... [--models DIR]   `isomer run` on the source model, compare with the recorded outputs (needs no peer)
  suite.py layers | h5 | h5_keras3 | archive | keras_saved_model [--fixtures DIR]...
                                                     Keras files and layers models become a layers model for tf.js, an HDF5 file for tf_keras (or opened by Keras 3), an archive for
                                                     Keras 3, a SavedModel for tf_keras and (its signature) for TensorFlow, which load them and agree; a refusal
                                                     that names the layers counts as skipped
  suite.py round [--fixtures DIR]...                 to a layers model and back to HDF5: every bit of the weights is there again (needs no peer)
  suite.py reference [--fixtures DIR]... [--models DIR]
                                                     a check of the suite itself: the Python converter's results and the models as published, in tf.js

Judged for each conversion: signature keys and their order literally (tensor names with or without ":0" are equal), dtypes, shapes, values. A model that has to
be refused must end with exit code 1, a message that names the op, and no output. Prints a table, beside it what the Python converter made of the fixture,
and at the end `N passed, N failed, N skipped`; exits with 1 when something failed. `--report FILE` writes the same as JSON.

tests/peers/waiting.json lists fixtures that wait for an op, {"NAME": "REASON"}: they count as skipped until they pass, and then it is said.
"""
import argparse
import collections
import concurrent.futures
import fnmatch
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.dirname(HERE))
import fixture as fx  # noqa: E402


class Verdict:
    """What became of one fixture, one line for each selection (signature and tags) of it."""

    def __init__(self, name, peer=None):
        self.name, self.peer, self.problems, self.status, self.seconds = name, peer, [], "ok", 0.0

    def fail(self, status, detail):
        if not self.problems:
            self.status = status
        self.problems.append(detail)


def plain(name):
    return name[:-2] if name.endswith(":0") else name


def names_differ(kind, expected, got):
    expected, got = [plain(n) for n in expected], [plain(n) for n in got]
    if expected == got:
        return None
    if sorted(expected) == sorted(got):
        return "order of %s: %s instead of %s" % (kind, got, expected)
    return "names of %s: %s instead of %s" % (kind, got, expected)


def run(command, timeout):
    """(exit code, standard error and the end of standard output, seconds); exit code 'timeout' when it takes too long."""
    began = time.monotonic()
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout)
        return done.returncode, done.stderr.decode("utf-8", "replace").strip() or done.stdout.decode("utf-8", "replace").strip(), time.monotonic() - began
    except subprocess.TimeoutExpired:
        return "timeout", "took longer than %d s" % timeout, time.monotonic() - began


def short(text, width=300):
    text = " | ".join(line.strip() for line in text.splitlines() if line.strip())
    return text if len(text) <= width else text[:width - 1] + "…"


def by_place(recorded, names):
    """Keras files do not hold every name under which an input or output was recorded (an InputLayer that was left out, the made-up names of Keras 3): where the
    names differ, the recorded things in the order of the model's own names."""
    if len(recorded) != len(names) or {plain(n) for n in recorded} == {plain(n) for n in names}:
        return recorded
    return dict(zip(names, recorded.values()))


def compare_outputs(verdict, label, folder, expected, places=False, **rule):
    """expected: {name: Tensor}. Judges the outputs.json in `folder`; with `places`, names may differ as long as there are as many."""
    with open(os.path.join(folder, "outputs.json"), encoding="utf-8") as f:
        entries = json.load(f)["outputs"]
    if places:
        expected = by_place(expected, [e["name"] for e in entries])
    problem = names_differ("outputs", list(expected), [e["name"] for e in entries])
    if problem:
        verdict.fail("names", label + problem)
    by_name = {plain(e["name"]): e for e in entries}
    for name, tensor in expected.items():
        entry = by_name.get(plain(name))
        if entry is None:
            continue
        got = fx.load(os.path.join(folder, entry["file"]))
        if list(got.shape) != list(entry["shape"]) or got.dtype != entry["dtype"]:
            verdict.fail("wrong", "%s%s: outputs.json says %s %s, its file holds %s %s" % (label, name, entry["dtype"], entry["shape"], got.dtype, list(got.shape)))
        problem = fx.difference(tensor, got, **rule)
        if problem:
            verdict.fail("wrong", "%s%s: %s" % (label, name, problem))


def label_of(fixture, signature, tags):
    if len(fixture.selections()) < 2:
        return ""
    return "[%s%s] " % (signature, " tags " + tags if tags else "")


class Suite:
    def __init__(self, options):
        self.options, self.binary = options, os.path.abspath(options.binary)
        self.folder = tempfile.mkdtemp(prefix="isomer-suite-")
        self.jobs = []  # (verdict, tf.js job, judge(answer))

    # ---- tf.js

    def run_tfjs(self):
        """Runs all jobs in as many node processes as there are workers; a process that dies is started again behind the job that killed it."""
        def worker(indices):
            pending = list(indices)
            while pending:
                path = os.path.join(self.folder, "jobs-%d.json" % pending[0])
                with open(path, "w", encoding="utf-8") as f:
                    json.dump([self.jobs[i][1] for i in pending], f)
                node = subprocess.Popen(self.peer_command() + [path], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)
                try:
                    out, err = node.communicate(timeout=self.options.timeout * 10)
                except subprocess.TimeoutExpired:
                    node.kill()
                    out, err = node.communicate()
                answers = [json.loads(line) for line in out.decode().splitlines() if line.startswith("{")]
                for i, answer in zip(pending, answers):
                    self.answer(i, answer)
                if len(answers) < len(pending):
                    culprit = pending[len(answers)]
                    self.answer(culprit, {"status": "run_error", "detail": "node ended with %s: %s" % (node.returncode, short(err.decode("utf-8", "replace")))})
                pending = pending[len(answers) + 1:]

        lanes = [range(k, len(self.jobs), self.options.workers) for k in range(self.options.workers)]
        with concurrent.futures.ThreadPoolExecutor(self.options.workers) as pool:
            list(pool.map(worker, lanes))

    def peer_command(self):
        library = {"h5": "tf_keras", "h5_keras3": "keras", "archive": "keras", "keras_saved_model": "tf_keras"}.get(self.options.mode)
        if not library:
            return ["node", os.path.join(HERE, "tfjs_run.mjs")]
        peers = os.environ.get("ISOMER_PEERS") or os.path.join(ROOT, ".peers")
        return [os.path.join(peers, "venv/bin/python"), os.path.join(HERE, "keras_run.py"), library]

    def answer(self, index, answer):
        verdict, _, judge = self.jobs[index]
        try:
            judge(answer)
        except Exception as error:  # an answer that cannot be read is the fixture's failure, not the suite's
            verdict.fail("run_error", "%s: %s" % (type(error).__name__, error))

    def tfjs_job(self, verdict, model, tests, judge):
        out = os.path.join(self.folder, "tfjs-%d" % len(self.jobs))
        self.jobs.append((verdict, {"model": model, "out": out, "cases": tests}, judge))

    def judge_fixture(self, verdict, label, cases, literal=True, places=False):
        def judge(answer):
            if answer["status"] != "ok":
                return verdict.fail(answer["status"], label + answer["detail"])
            if literal:
                for kind, expected in (("inputs", list(cases[0].inputs)), ("outputs", list(cases[0].outputs))):
                    problem = names_differ(kind, expected, answer[kind])
                    if problem:
                        verdict.fail("names", label + "model.json: " + problem)
            of_keras = self.options.mode in self.FAMILY and self.options.mode != "layers"
            for n, (case, folder) in enumerate(zip(cases, answer["cases"])):
                expected = {name: fx.load(file) for name, file in case.outputs.items()}
                compare_outputs(verdict, "%scase %d " % (label, n), folder, expected, rtol=case.rtol, atol=case.atol, shape_only=case.shape_only, places=places, narrowed=not of_keras,
                                any_width=of_keras)
        return judge

    def judge_golden(self, verdict, golden, signature):
        def judge(answer):
            if answer["status"] != "ok":
                return verdict.fail(answer["status"], answer["detail"])
            for kind in ("inputs", "outputs"):
                problem = names_differ(kind, list(signature[kind]), answer[kind]) if signature.get(kind) else None
                if problem:
                    verdict.fail("names", "model.json: " + problem)
            expected = {name: golden.outputs[name] for name in answer["outputs"] if name in golden.outputs} or golden.outputs
            compare_outputs(verdict, "", answer["cases"][0], expected, rtol=1e-4, atol=1e-6, relative_to_largest=True)
        return judge

    def tfjs_tests(self, cases, model=None):
        """With `model`, the inputs under the names that its signature has, where they were recorded under others."""
        names = None
        if model:
            with open(os.path.join(model, "model.json"), encoding="utf-8") as f:
                names = list(json.load(f)["signature"]["inputs"])
        return [{"inputs": by_place(case.inputs, names) if names else case.inputs, "outputs": None} for case in cases]

    # ---- fixtures

    def convert_fixture(self, fixture):
        verdict = Verdict(fixture.name, fixture.peer)
        selections = fixture.selections() or [(None, None, [])]
        for k, (signature, tags, cases) in enumerate(selections):
            out = os.path.join(self.folder, "%s-%d" % (fixture.name, k))
            label = label_of(fixture, signature, tags)
            code, text, seconds = run([self.binary, "convert", "--quiet"] + fixture.flags(signature, tags) + [fixture.model, out], self.options.timeout)
            verdict.seconds += seconds
            left = [name for name in os.listdir(self.folder) if name.lstrip(".").startswith(os.path.basename(out))]
            if fixture.refused:
                missing = [word for word in fixture.refused_words() if word not in text]
                if code != 1:
                    verdict.fail("not_refused" if code == 0 else "crash", "%sexit code %s instead of 1: %s" % (label, code, short(text)))
                elif missing:
                    verdict.fail("refusal", "%sthe refusal does not name %s: %s" % (label, ", ".join(missing), short(text)))
                elif left:
                    verdict.fail("refusal", "%sleft behind: %s" % (label, ", ".join(left)))
            elif code != 0:
                verdict.fail("convert_error" if code == 1 else "crash", "%sexit code %s: %s" % (label, code, short(text)))
                if left:
                    verdict.fail("convert_error", "%sleft behind: %s" % (label, ", ".join(left)))
            else:
                keras = fixture.format in fx.KERAS_FORMATS
                self.tfjs_job(verdict, out, self.tfjs_tests(cases, out if keras else None),
                              self.judge_fixture(verdict, label, cases, literal=not keras, places=keras))
        return verdict

    # ---- within the family of layers

    FAMILY = {"layers": ("tfjs_layers_model", ""), "h5": ("keras", ".h5"), "h5_keras3": ("keras", ".h5"), "archive": ("keras_keras", ".keras"),
              "keras_saved_model": ("keras_saved_model", "")}

    def family_convert(self, fixture, verdict, model, out, target):
        flags = [part for part in fixture.flags(None, None)] if model == fixture.model else []
        code, text, seconds = run([self.binary, "convert", "--quiet", "--output_format", target] + flags + [model, out], self.options.timeout)
        verdict.seconds += seconds
        if code == 1 and ("cannot be expressed" in text or text.startswith("isomer: unsupported") or fixture.refused):
            verdict.status = "skipped: " + short(text, 160)
        elif code == 0 and fixture.format == "keras_json" and "weights" not in fixture.options:
            verdict.status = "skipped: it has no weights, so they are drawn"
            return False
        elif code != 0:
            verdict.fail("convert_error" if code == 1 else "crash", "exit code %s: %s" % (code, short(text)))
        return code == 0

    def family_fixture(self, fixture):
        verdict = Verdict(fixture.name, fixture.peer)
        target, ending = self.FAMILY[self.options.mode]
        out = os.path.join(self.folder, fixture.name + ending)
        if self.family_convert(fixture, verdict, fixture.model, out, target):
            cases = [case for _, _, cases in fixture.selections()[:1] for case in cases]
            compare = self.judge_fixture(verdict, "", cases, literal=False, places=True)
            by_signature = self.judge_fixture(verdict, "signature ", cases, literal=False, places=True)
            # Custom layers are written as they are: the library does not know them. A layers model is written again even where tf.js never loaded it.
            as_it_was = self.options.mode == "layers" and fixture.format == "tfjs_layers_model"

            def judge(answer):
                if "do not yet support dilation" in answer.get("detail", ""):
                    verdict.status = "skipped: TensorFlow computes no transposed convolution with dilation on this processor"
                elif answer["status"] == "other_generation":
                    verdict.status = "skipped: of Keras 3, since Keras 2 cannot express it"
                elif answer["status"] == "load_error" and (fixture.refused or (as_it_was and "does not support" in answer["detail"])):
                    verdict.status = "skipped: " + short(answer["detail"], 100)
                else:
                    compare(answer)
                    if answer.get("signature_cases"):
                        by_signature({**answer, "cases": answer["signature_cases"]})
            self.tfjs_job(verdict, out, [{"inputs": case.inputs, "outputs": None} for case in cases], judge)
        return verdict

    def round_fixture(self, fixture):
        """To tf.js and back, and once more: the two files have to be the same, byte for byte, and the second trip's weights those of the first."""
        verdict = Verdict(fixture.name)
        paths = [os.path.join(self.folder, fixture.name + ending) for ending in (".h5", "-1", "-1.h5", "-2")]
        model = fixture.model
        for out, target in zip(paths, ("keras", "tfjs_layers_model", "keras", "tfjs_layers_model")):
            if not self.family_convert(fixture, verdict, model, out, target):
                return verdict
            model = out
        def weights(folder):
            with open(os.path.join(folder, "model.json"), encoding="utf-8") as f:
                groups = json.load(f)["weightsManifest"]
            content = b"".join(open(os.path.join(folder, path), "rb").read() for group in groups for path in group["paths"])
            return [(w["name"], w["shape"], w["dtype"]) for group in groups for w in group["weights"] if w.get("group") != "optimizer"], content
        (names, first), (names_again, second) = weights(paths[1]), weights(paths[3])
        if names != names_again:
            verdict.fail("wrong", "other weights after a round trip")
        elif first[:len(second)] != second[:len(first)]:
            verdict.fail("wrong", "the weights' bits differ after a round trip")
        return verdict

    def run_fixture(self, fixture):
        verdict = Verdict(fixture.name, fixture.peer)
        if fixture.refused:
            verdict.status = "skipped: refused fixtures are judged by conversion"
            return verdict
        for signature, tags, cases in fixture.selections():
            for n, case in enumerate(cases):
                out = os.path.join(self.folder, "%s-run-%s-%s-%d" % (fixture.name, (signature or "").replace("/", "_"), tags, n))
                label = "%scase %d " % (label_of(fixture, signature, tags), n)
                keras = fixture.format in fx.KERAS_FORMATS
                named = not keras or len(case.inputs) > 1
                inputs = [part for name, file in case.inputs.items() for part in ("--input", "%s=%s" % (name, file) if named else file)]
                code, text, seconds = run([self.binary, "run", fixture.model] + inputs + ["--output", out] + fixture.flags(signature, tags), self.options.timeout)
                verdict.seconds += seconds
                if code != 0:
                    verdict.fail("run_error" if code == 1 else "crash", "%sexit code %s: %s" % (label, code, short(text)))
                    continue
                expected = {name: fx.load(file) for name, file in case.outputs.items()}
                compare_outputs(verdict, label, out, expected, rtol=case.rtol, atol=case.atol, shape_only=case.shape_only, places=keras)
                shutil.rmtree(out)
        return verdict

    def reference_fixture(self, fixture):
        verdict = Verdict(fixture.name, fixture.peer)
        model = os.path.join(fixture.path, "reference_tfjs")
        if not os.path.isdir(model) or fixture.peer != "ok":
            verdict.status = "skipped: no working reference"
            return verdict
        signature, _, cases = fixture.selections()[0]
        self.tfjs_job(verdict, model, self.tfjs_tests(cases), self.judge_fixture(verdict, "", cases, literal=False))
        return verdict

    # ---- models as published

    def golden_inputs(self, golden):
        files = {}
        for n, (name, tensor) in enumerate(golden.inputs.items()):
            files[name] = os.path.join(self.folder, "%s-input-%d.%s" % (golden.name, n, "json" if tensor.dtype == "string" else "npy"))
            fx.save(files[name], tensor)
        return files

    def model(self, path):
        golden = fx.Golden(path)
        verdict = Verdict("model:" + golden.name)
        with open(os.path.join(path, "model.json"), encoding="utf-8") as f:
            document = json.load(f)
        if "node" not in (document.get("modelTopology") or {}):
            if self.options.mode == "reference":
                verdict.status = "skipped: a layers model"
                return verdict
            # tf.js names an output "layer/layer", Isomer after the layer.
            golden.outputs = {name.split("/")[0]: tensor for name, tensor in golden.outputs.items()}
        signature = (document.get("userDefinedMetadata") or {}).get("signature") or document.get("signature") or {}
        inputs, mode = self.golden_inputs(golden), self.options.mode
        if mode == "run":
            out = os.path.join(self.folder, golden.name + "-run")
            arguments = [part for name, file in inputs.items() for part in ("--input", "%s=%s" % (name, file))]
            code, text, verdict.seconds = run([self.binary, "run", path] + arguments + ["--output", out], self.options.timeout)
            if code != 0:
                verdict.fail("run_error" if code == 1 else "crash", "exit code %s: %s" % (code, short(text)))
            else:
                order = [name for name in signature.get("outputs", {}) if name in golden.outputs] or list(golden.outputs)
                compare_outputs(verdict, "", out, {n: golden.outputs[n] for n in order}, rtol=1e-4, atol=1e-6, relative_to_largest=True)
            return verdict
        out = path
        if mode == "tfjs":
            out = os.path.join(self.folder, golden.name)
            code, text, verdict.seconds = run([self.binary, "convert", "--quiet", "--output_format", "tfjs_graph_model", path, out], self.options.timeout)
            if code != 0:
                verdict.fail("convert_error" if code == 1 else "crash", "exit code %s: %s" % (code, short(text)))
                return verdict
        self.tfjs_job(verdict, out, [{"inputs": inputs, "outputs": None}], self.judge_golden(verdict, golden, signature))
        return verdict


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=("tfjs", "run", "layers", "h5", "h5_keras3", "archive", "keras_saved_model", "round", "reference"))
    parser.add_argument("--binary", default=os.path.join(ROOT, "build/release/isomer"))
    parser.add_argument("--fixtures", action="append", default=[], metavar="DIR", help="folder of fixtures (default: tests/formats, when no --models is given either)")
    parser.add_argument("--models", metavar="DIR", help="folder of recorded tf.js models")
    parser.add_argument("--only", metavar="GLOB", help="only the fixtures whose names match")
    parser.add_argument("--waiting", default=os.path.join(HERE, "waiting.json"))
    parser.add_argument("--report", metavar="FILE")
    parser.add_argument("--timeout", type=int, default=120, metavar="SECONDS", help="for one command (default: 120)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--keep", action="store_true", help="keep the converted models, and say where they are")
    options = parser.parse_args()
    if not options.fixtures and not options.models:
        options.fixtures = [os.path.join(ROOT, "tests/formats")]
    waiting = {}
    if os.path.exists(options.waiting):
        with open(options.waiting, encoding="utf-8") as f:
            waiting = json.load(f)

    suite = Suite(options)
    wanted = lambda name: not options.only or fnmatch.fnmatch(name, options.only)
    judge = {"tfjs": suite.convert_fixture, "run": suite.run_fixture, "reference": suite.reference_fixture, "round": suite.round_fixture}.get(options.mode, suite.family_fixture)
    formats = fx.KERAS_FORMATS if options.mode == "round" or options.mode in Suite.FAMILY else fx.TF_FORMATS + fx.KERAS_FORMATS
    work = [lambda f=f: judge(f) for folder in options.fixtures for f in fx.find_fixtures(folder, formats) if wanted(f.name) and (f.cases or f.refused)]
    if options.models:
        folders = [os.path.join(options.models, name) for name in sorted(os.listdir(options.models)) if wanted(name)]
        work += [lambda f=f: suite.model(f) for f in folders if os.path.exists(os.path.join(f, "golden.json"))]
    with concurrent.futures.ThreadPoolExecutor(options.workers) as pool:
        verdicts = list(pool.map(lambda job: job(), work))
    if suite.jobs:
        suite.run_tfjs()

    tally = collections.Counter()
    width = max([len(v.name) for v in verdicts] + [4])
    print("%-*s | %-13s | %-13s | detail" % (width, "name", "status", "converter"))
    for v in verdicts:
        if v.status.startswith("skipped"):
            kind = "skipped"
        elif v.status == "ok":
            kind = "passed"
            if v.name in waiting:
                v.problems.append("passes; it can leave %s" % os.path.basename(options.waiting))
        elif v.name in waiting:
            kind, v.status = "skipped", "waiting"
            v.problems.insert(0, waiting[v.name])
        else:
            kind = "failed"
        tally[kind] += 1
        status, _, reason = v.status.partition(": ")
        print("%-*s | %-13s | %-13s | %s" % (width, v.name, status, v.peer or "-", "; ".join(([reason] if reason else []) + v.problems[:4])))
    judged = [v for v in verdicts if v.peer and not v.status.startswith("skipped")]
    if judged:
        good = lambda v: v.status == "ok"
        peers_good = sum(1 for v in judged if v.peer == "ok")
        print("right: %d of %d; the Python converter: %d of %d (a refusal that has to be counts as right only here)"
              % (sum(map(good, judged)), len(judged), peers_good, len(judged)))
    if options.report:
        os.makedirs(os.path.dirname(os.path.abspath(options.report)), exist_ok=True)
        with open(options.report, "w", encoding="utf-8") as f:
            json.dump({"mode": options.mode, "passed": tally["passed"], "failed": tally["failed"], "skipped": tally["skipped"],
                       "fixtures": [{"name": v.name, "status": v.status, "converter": v.peer, "seconds": round(v.seconds, 3), "detail": v.problems} for v in verdicts]},
                      f, indent=1)
    if options.keep:
        print("kept in " + suite.folder)
    else:
        shutil.rmtree(suite.folder)
    print("%d passed, %d failed, %d skipped" % (tally["passed"], tally["failed"], tally["skipped"]))
    sys.exit(1 if tally["failed"] else 0)


if __name__ == "__main__":
    main()
