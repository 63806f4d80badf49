"""Writes tests/ops/<Op>.txt: what TensorFlow computes for the cases of the family modules.

    python record_ops.py            all ops
    python record_ops.py MatMul     only these

Needs TensorFlow 2.19 (TF_ENABLE_ONEDNN_OPTS=0, so that the numbers are those of its plain kernels). The files are checked in; run this again only when
cases change.
"""

import importlib
import os
import pathlib
import sys

os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import op_cases

FAMILIES = ("record_ops_math", "record_ops_gradients", "record_ops_solve", "record_ops_special", "record_ops_array", "record_ops_gather",
            "record_ops_structure", "record_ops_strings", "record_ops_image", "record_ops_encoding",
            "record_ops_sparse", "record_ops_backward", "record_ops_tables")


def all_cases():
    here = pathlib.Path(__file__).parent
    for family in FAMILIES:
        if (here / (family + ".py")).exists():
            yield from importlib.import_module(family).cases()


def main():
    wanted = set(sys.argv[1:])
    by_op = {}
    for case in all_cases():
        if not wanted or case.op in wanted:
            by_op.setdefault(case.op, []).append(case)
    unknown = wanted - set(by_op)
    if unknown:
        sys.exit("no cases for " + ", ".join(sorted(unknown)))
    folder = pathlib.Path(__file__).parent.parent / "ops"
    folder.mkdir(exist_ok=True)
    failures = 0
    for op, cases in by_op.items():
        try:
            (folder / (op + ".txt")).write_text(op_cases.file_text(op, cases))
        except Exception as error:  # report all of them, not only the first
            failures += 1
            print("%s: %s" % (op, error), file=sys.stderr)
    print("%d ops written, %d failed" % (len(by_op) - failures, failures))
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
