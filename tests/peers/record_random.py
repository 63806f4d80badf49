"""Writes tests/ops/random/<Op>.txt.gz: what TensorFlow computes for random cases, of shapes, attributes, dtypes and values.

    python record_random.py            all ops
    python record_random.py MatMul     only these

The cases come from random_cases.py and random_adjust.py. Each attempt has a generator of its own, seeded by the op's name and its number, so that a file
depends on nothing but its op. What TensorFlow refuses is no case, nor what it computes differently the second time, nor what kills it. Ops that cannot
have random cases stand in tests/ops/random/exceptions.txt, with the reason.
"""

import gzip
import importlib
import os
import pathlib
import sys
import traceback
import zlib

os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Sums in one order only.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")

import numpy as np

import op_cases
import random_adjust
import random_cases
import record_ops

# More than are recorded, into another folder: a wider search for differences.
CASES = int(os.environ.get("ISOMER_RANDOM_CASES", "20"))
ATTEMPTS = 100 * CASES
MOST_OUTPUT = 160  # elements of all outputs of a case
OPS = pathlib.Path(__file__).parent.parent / "ops" / "random"
FOLDER = pathlib.Path(os.environ.get("ISOMER_RANDOM_FOLDER", OPS))


def same(first, second, unchecked):
    def equal(a, b):
        return a.dtype == b.dtype and a.shape == b.shape and op_cases.tensor_text(a) == op_cases.tensor_text(b)

    return len(first) == len(second) and all(i in unchecked or equal(a, b) for i, (a, b) in enumerate(zip(first, second)))


def attempt(op, bases, number):
    """The text of the case that this attempt makes, or None."""
    rng = np.random.default_rng([zlib.crc32(op.encode()), number])
    base = bases[int(rng.integers(len(bases)))]
    try:
        case = random_adjust.adjust(random_cases.mutate(base, rng), rng)
        if case is None:
            return None
        first = op_cases.run(case)
        if sum(output.size for output in first) > MOST_OUTPUT or not random_adjust.defined(case, first):
            return None
        if not same(first, op_cases.run(case), case.unchecked):
            return None
    except Exception:  # TensorFlow and NumPy refuse in many ways
        if os.environ.get("ISOMER_SHOW_REFUSED"):
            traceback.print_exc(limit=0)
        return None
    case.label = "%d, like: %s" % (number, base.label)
    return "\n".join(op_cases.case_lines(case, first)) + "\n"


def work(op, bases, skip, report):
    """In a process of its own: reports the number of each attempt, then the text of each case."""
    seen = set()
    for number in range(ATTEMPTS):
        if number in skip:
            continue
        report("attempt %d" % number)
        text = attempt(op, bases, number)
        body = text and text.split("\n", 1)[1]
        if not text or body in seen:
            continue
        seen.add(body)
        report("text " + text.replace("\n", "\r"))
        if len(seen) == CASES:
            return


def cases_of(op, bases):
    """The texts of the cases, and the attempts that killed TensorFlow."""
    skip = set()
    while True:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            with os.fdopen(writing, "w") as pipe:

                def report(line):
                    pipe.write(line + "\n")
                    pipe.flush()

                status = 0
                try:
                    work(op, bases, skip, report)
                except Exception:
                    traceback.print_exc()
                    status = 1
            os._exit(status)
        os.close(writing)
        with os.fdopen(reading, newline="\n") as pipe:
            lines = pipe.read().split("\n")
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            skip.add(int([line for line in lines if line.startswith("attempt ")][-1].split()[1]))
            continue
        if os.WEXITSTATUS(status):
            sys.exit("%s: the script failed" % op)
        return [line[5:].replace("\r", "\n") for line in lines if line.startswith("text ")], sorted(skip)


def exceptions():
    lines = [line for line in (OPS / "exceptions.txt").read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split(": ", 1) for line in lines)


def main():
    wanted = set(sys.argv[1:])
    by_op = {}
    for case in record_ops.all_cases():
        if not wanted or case.op in wanted:
            by_op.setdefault(case.op, []).append(case)
    short, excepted = [], exceptions()
    for op, bases in by_op.items():
        path = FOLDER / (op + ".txt.gz")
        if op in excepted:
            path.unlink(missing_ok=True)
            continue
        texts, killers = cases_of(op, random_adjust.bases(op, bases))
        if killers:
            print("%s: TensorFlow dies of attempts %s" % (op, killers))
        if len(texts) < CASES:
            short.append("%s (%d)" % (op, len(texts)))
        if texts:
            # No time and no name in the header: the same cases are the same bytes.
            path.write_bytes(gzip.compress((op_cases.head_text(op, bases) + "\n".join(texts)).encode(), 9, mtime=0))
    print("%d ops; too few cases: %s" % (len(by_op), ", ".join(short) or "none"))
    sys.exit(1 if short else 0)


if __name__ == "__main__":
    main()
