#!/usr/bin/env python3
"""Runs the golden tests: tests/golden/**/*.txt, each a command (or several), its input and what the program says.

  run.py [--binary FILE] [--update] [GLOB]...

A file looks like this:

  // RUN: isomer dump %s --passes prune
  function @main { ... }
  // EXPECT
  function @main { ... }

Every RUN line is a command without a shell; the commands run one after the other in a folder of their own, which is empty but for the file `input.isomer`
(what stands between the RUN lines and EXPECT). %s is that file, %S the top of the repository; the file names of a test's own files are relative. After
EXPECT stands what the commands print on standard output, then, where there is any, `// STDERR` and what they print on standard error, then
`// EXIT 2` where the exit code is not 0. Paths are normalised (%S, %T for the folder), the program's version is %VERSION, and times are %TIME. --update rewrites what is
expected. The last line is `N passed, N failed`.
"""
import argparse
import concurrent.futures
import difflib
import fnmatch
import os
import re
import shlex
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
EXPECT = "// EXPECT\n"
SECONDS = 120


def read_test(path):
    """(commands, input, expected or None) of a test file."""
    with open(path, encoding="utf-8") as f:
        text = f.read()
    head, separator, expected = text.partition(EXPECT)
    commands, body = [], []
    for line in head.splitlines(keepends=True):
        match = re.match(r"// RUN: (.*)", line)
        if match and not body:
            commands.append(match.group(1))
        else:
            body.append(line)
    if not commands:
        raise ValueError("no line '// RUN: isomer ...'")
    return commands, "".join(body), expected if separator else None


def normalise(text, folder, version):
    for real, name in ((os.path.realpath(folder), "%T"), (folder, "%T"), (ROOT, "%S")):
        text = text.replace(real, name)
    text = re.sub(r" in [0-9.e-]+ s$", " in %TIME s", text, flags=re.MULTILINE)
    return text.replace(version, "%VERSION") if version else text


def with_line_end(text):
    return text if not text or text.endswith("\n") else text + "\n%NO-LINE-END\n"


def run_commands(commands, body, binary, version):
    with tempfile.TemporaryDirectory(prefix="isomer-golden-") as folder:
        if body:
            with open(os.path.join(folder, "input.isomer"), "w", encoding="utf-8") as f:
                f.write(body)
        environment = {"PATH": os.environ.get("PATH", ""), "HOME": folder, "TMPDIR": folder, "LC_ALL": "C", "ISOMER_VERIFY_PASSES": "1"}
        environment.update({name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")})
        text = ""
        for command in commands:
            words = [word.replace("%s", "input.isomer").replace("%S", ROOT) for word in shlex.split(command)]
            if words[0] == "isomer":
                words[0] = binary
            elif words[0] == "tensorflowjs_converter":
                words[0] = os.path.join(os.path.dirname(binary), words[0])
            done = subprocess.run(words, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS)
            text += with_line_end(done.stdout.decode("utf-8", "backslashreplace"))
            if done.stderr:
                text += "// STDERR\n" + with_line_end(done.stderr.decode("utf-8", "backslashreplace"))
            if done.returncode:
                text += "// EXIT %d\n" % done.returncode
        return normalise(text, folder, version)


def judge(path, binary, version, update):
    """What is wrong with a test, or an empty text."""
    try:
        commands, body, expected = read_test(path)
        found = run_commands(commands, body, binary, version)
    except (ValueError, OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if found == expected:
        return ""
    if update:
        with open(path, "w", encoding="utf-8") as f:
            f.write("".join("// RUN: %s\n" % command for command in commands) + body + EXPECT + found)
        return ""
    if expected is None:
        return "nothing is expected yet; --update writes it"
    return "".join(difflib.unified_diff(expected.splitlines(keepends=True), found.splitlines(keepends=True), "expected", "found"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=os.path.join(ROOT, "build/release/isomer"))
    parser.add_argument("--update", action="store_true", help="write what the program says into the tests")
    parser.add_argument("only", nargs="*", metavar="GLOB", help="only the tests whose path under tests/golden fits")
    options = parser.parse_args()
    binary = os.path.abspath(options.binary)
    if not os.access(binary, os.X_OK):
        sys.exit("%s is no program" % binary)
    said = subprocess.run([binary, "--version"], capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout
    version = (re.findall(r"\d+\.\d+\.\d+", said) or [""])[0]

    tests = []
    for folder, _, names in os.walk(HERE):
        for name in names:
            path = os.path.relpath(os.path.join(folder, name), HERE)
            if name.endswith(".txt") and (not options.only or any(fnmatch.fnmatch(path, glob) for glob in options.only)):
                tests.append(path)
    tests.sort()
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, wrong in zip(tests, pool.map(lambda test: judge(os.path.join(HERE, test), binary, version, options.update), tests)):
            if wrong:
                failed += 1
                print("FAILED tests/golden/%s\n%s" % (path, wrong.rstrip("\n")))
    print("%d passed, %d failed" % (len(tests) - failed, failed))
    sys.exit(1 if failed or not tests else 0)


if __name__ == "__main__":
    main()
