#!/usr/bin/env python3
"""Does Isomer's HDF5 reader read what h5py reads, and does h5py read what Isomer's writer writes? h5py makes random files of all kinds; more files can be given.
Needs h5py (tests/peers/setup). usage: hdf5_agree.py --tool build/dev/isomer_hdf5_tool [--count N] [--seed N] [FILE...]"""
import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import zipfile

import h5py
import numpy as np

DTYPES = ["<i1", "<u1", "<i2", ">i2", "<u2", "<i4", ">i4", "<u4", "<i8", ">u8", "<f2", ">f2", "<f4", ">f4", "<f8", ">f8", "?", "<c8", ">c16", "S1", "S7", "V2"]
TEXT = ["", "a", "kernel:0", "größer", "日本語", "x" * 300]


def random_array(rng, shape, dtype=None):
    dtype = np.dtype(dtype or rng.choice(DTYPES))
    raw = np.frombuffer(rng.randbytes(int(np.prod(shape, dtype=np.int64)) * dtype.itemsize), np.uint8)
    if dtype.kind == "b":
        return (raw & 1).astype(bool).reshape(shape)
    if dtype.kind == "S":
        return (raw % 26 + 97).astype(np.uint8).view(dtype).reshape(shape)
    return raw.view(dtype).reshape(shape) if raw.size else np.zeros(shape, dtype)


def random_shape(rng, most=4):
    return tuple(rng.choice([0, 1, 2, 3, 5, 8, 17]) if rng.random() < 0.9 else 40 for _ in range(rng.randrange(most + 1)))


def random_strings(rng, shape):
    return np.array([rng.choice(TEXT) for _ in range(int(np.prod(shape, dtype=np.int64)))], dtype=object).reshape(shape)


def add_attributes(rng, owner):
    for i in range(rng.choice([0, 0, 1, 3, 12, 40]) if rng.random() < 0.5 else 1):
        name = "%s%d" % (rng.choice(["name", "größe", "weight_names"]), i)
        kind = rng.randrange(6)
        if kind == 0:
            owner.attrs[name] = rng.choice(TEXT)
        elif kind == 1:
            owner.attrs.create(name, random_strings(rng, (rng.randrange(5),)), dtype=h5py.string_dtype())
        elif kind == 2:
            owner.attrs[name] = h5py.Empty(rng.choice(["f4", "i8"]))
        elif kind == 3:
            owner.attrs[name] = rng.choice([3, 2.5, True, b"bytes", np.float16(1.5)])
        elif kind == 4 and rng.random() < 0.2:
            try:
                owner.attrs[name] = np.arange(rng.choice([2000, 20000]), dtype="f4")
            except (OSError, RuntimeError):
                pass  # early versions of the format end at 64 KB
        else:
            owner.attrs[name] = random_array(rng, random_shape(rng, 2))


def add_dataset(rng, group, name):
    if rng.random() < 0.15:
        shape = random_shape(rng, 2)
        group.create_dataset(name, data=random_strings(rng, shape), shape=shape, dtype=h5py.string_dtype())
        return
    shape = random_shape(rng)
    data = random_array(rng, shape)
    options = {}
    if shape and all(shape) and rng.random() < 0.7:
        options["chunks"] = tuple(rng.randrange(1, n + 1) for n in shape)
        options["maxshape"] = tuple(rng.choice([None, n, n + 3]) for n in shape) if rng.random() < 0.6 else None
        if rng.random() < 0.6:
            options["compression"] = rng.choice(["gzip", None])
            options["shuffle"] = rng.random() < 0.5
            options["fletcher32"] = rng.random() < 0.5
    if data.dtype.kind not in "cV" and rng.random() < 0.3:
        options["fillvalue"] = np.ones((), data.dtype)[()]
    if rng.random() < 0.2:
        dataset = group.create_dataset(name, shape=shape, dtype=data.dtype, **options)  # partly or never written
        if options.get("chunks") and rng.random() < 0.7:
            dataset[tuple(slice(0, n // 2) for n in shape)] = data[tuple(slice(0, n // 2) for n in shape)]
    else:
        dataset = group.create_dataset(name, data=data, **options)
    if options.get("maxshape") and rng.random() < 0.3:
        dataset.resize(tuple(max(1, n - 1) if most is not None else n for n, most in zip(dataset.shape, dataset.maxshape)))
    add_attributes(rng, dataset)


def add_group(rng, group, depth):
    add_attributes(rng, group)
    for i in range(rng.choice([0, 1, 3, 5, 9, 60 if rng.random() < 0.2 else 2]) if depth else 6):
        name = "%s_%d" % (rng.choice(["dense", "größe", "a"]), i)
        kind = rng.random()
        if kind < 0.3 and depth < 3:
            add_group(rng, group.create_group(name, track_order=rng.random() < 0.5), depth + 1)
        elif kind < 0.35 and list(group):
            group[name] = h5py.SoftLink(rng.choice(list(group)))
        else:
            add_dataset(rng, group, name)


def make_file(path, seed):
    rng = random.Random(seed)
    libver = rng.choice(["earliest", "latest", "v108", ("earliest", "v110"), "v110"])
    with h5py.File(path, "w", libver=libver, userblock_size=rng.choice([0, 0, 512, 2048]), track_order=rng.random() < 0.5) as file:
        add_group(rng, file, 0)
        if rng.random() < 0.2:  # many chunks: paged arrays and trees of several levels
            for name, most in (("fixed", (5000,)), ("growing", (None,)), ("both", (None, None))):
                shape = (3000,) if len(most) == 1 else (60, 50)
                dataset = file.create_dataset("chunks_" + name, shape=shape, maxshape=most, chunks=(1,) * len(shape), dtype="<i4",
                                              compression=rng.choice([None, "gzip"]))
                dataset[...] = np.arange(3000).reshape(shape)
        if rng.random() < 0.1:
            dataset = file.create_dataset("sparse", shape=(200000,), maxshape=(None,), chunks=(2,), dtype="<i2", fillvalue=7)
            dataset[100:110] = 1
            dataset[150000:150005] = 2


def make_large_file(path, seed):
    """Thousands of members and attributes: trees of several levels, heaps with tables of tables."""
    with h5py.File(path, "w", libver=("earliest", "latest")[seed % 2], track_order=seed % 4 >= 2) as file:
        for i in range(3000):
            file.create_group("group_%d_%s" % (i * 7919 % 3000, "x" * (i % 90)))
        owner = file.create_group("attributes", track_order=seed % 4 >= 2)
        for i in range(1500):
            owner.attrs["attribute_%d" % (i * 7919 % 1500)] = np.arange(i % 700, dtype="f8")
        file["attributes"].create_dataset("rows", data=np.arange(90000).reshape(300, 300), chunks=(3, 7), maxshape=(None, None))


def as_little(array):
    return np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<")).tobytes()


def describe(value, shape, dtype):
    """What the tool says of a dataset or attribute: its shape and bytes or strings."""
    strings = h5py.check_string_dtype(dtype) if dtype is not None else None
    if shape is None:
        return {"null": True}
    result = {"null": False, "shape": list(shape)}
    if strings is not None:
        flat = np.asarray(value, dtype=object).ravel().tolist()
        result["strings"] = [(s.encode("utf-8", "surrogateescape") if isinstance(s, str) else bytes(s)).hex() for s in flat]
    else:
        result["data"] = as_little(np.asarray(value, dtype=dtype)).hex()
    return result


def expected_attributes(owner):
    result = {}
    for name in owner.attrs:
        attribute = owner.attrs.get_id(name)
        value = owner.attrs[name]
        result[name.encode().hex()] = describe(value, None if isinstance(value, h5py.Empty) else attribute.shape, attribute.dtype)
    return result


def expected(path):
    objects = {}

    def visit(node, name):
        entry = {"kind": "group" if isinstance(node, h5py.Group) else "dataset", "attributes": expected_attributes(node)}
        if isinstance(node, h5py.Dataset):
            entry.update(describe(None if node.shape is None else node[()], node.shape, node.dtype))
        objects[name.encode().hex()] = entry
        if isinstance(node, h5py.Group):
            for child in node:
                visit(node[child], name + "/" + child)

    with h5py.File(path, "r") as file:
        visit(file, "")
    return objects


def compare_value(found, want, place):
    for key in ("null", "shape", "strings", "data"):
        if key in want and found.get(key) != want[key]:
            return ["%s: %s is %.200s, h5py says %.200s" % (place, key, found.get(key, found.get("error")), want[key])]
    return []


def compare(tool, path, want):
    run = subprocess.run([tool, "dump", path], capture_output=True, text=True)
    if run.returncode != 0:
        return ["%s: %s" % (path, run.stderr.strip()[-2000:])]
    found = {entry["path"]: entry for entry in map(json.loads, run.stdout.splitlines())}
    problems = []
    for name, entry in want.items():
        place = "%s: %s" % (path, bytes.fromhex(name).decode())
        if name not in found or found[name]["kind"] != entry["kind"]:
            problems.append(place + " is missing")
            continue
        problems += compare_value(found[name], entry, place)
        attributes = {attribute["name"]: attribute for attribute in found[name]["attributes"]}
        if set(attributes) != set(entry["attributes"]):
            problems.append("%s: attributes %s, h5py says %s" % (place, sorted(attributes), sorted(entry["attributes"])))
        for key in set(attributes) & set(entry["attributes"]):
            problems += compare_value(attributes[key], entry["attributes"][key], "%s@%s" % (place, bytes.fromhex(key).decode()))
    if set(found) - set(want):
        problems.append("%s: h5py does not have %s" % (path, [bytes.fromhex(name).decode() for name in set(found) - set(want)]))
    return problems


def check(tool, path, folder):
    """The problems of a file, and how many datasets and attributes were equal."""
    want = expected(path)
    problems = compare(tool, path, want)
    values = sum(("data" in entry or "strings" in entry or entry.get("null", False)) + len(entry["attributes"]) for entry in want.values())
    if not any(len(a.get("data", "")) > 2 * 60000 for entry in want.values() for a in entry["attributes"].values()):
        copies = [os.path.join(folder, "copy%d.h5" % i) for i in (1, 2)]
        for source, copy in ((path, copies[0]), (copies[0], copies[1])):
            run = subprocess.run([tool, "rewrite", source, copy], capture_output=True, text=True)
            if run.returncode != 0:
                return problems + ["%s: cannot be written: %s" % (source, run.stderr.strip()[-2000:])], values
        again = expected(copies[0])
        problems += ["%s: h5py reads %s otherwise from what was written" % (path, bytes.fromhex(name).decode())
                     for name in set(want) | set(again) if want.get(name) != again.get(name)]
        with open(copies[0], "rb") as one, open(copies[1], "rb") as two:
            if one.read() != two.read():
                problems.append(path + ": written twice, the bytes differ")
    return problems, values


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tool", default="build/dev/isomer_hdf5_tool")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("files", nargs="*", help="further files, .h5 or .keras")
    options = parser.parse_args()
    passed, failed, values = 0, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        for number in range(options.count + len(options.files)):
            path = os.path.join(folder, "file.h5")
            if number < options.count:
                name = "seed %d" % (options.seed + number)
                (make_large_file if number < 4 else make_file)(path, options.seed + number)
            else:
                name = path = options.files[number - options.count]
                if name.endswith(".keras"):
                    with zipfile.ZipFile(name) as archive:
                        if "model.weights.h5" not in archive.namelist():
                            continue
                        path = archive.extract("model.weights.h5", folder)
            problems, count = check(options.tool, path, folder)
            values += count
            passed, failed = passed + (not problems), failed + bool(problems)
            for problem in problems[:5]:
                print("%s: %s" % (name, problem))
    print("%d datasets and attributes" % values)
    print("%d passed, %d failed" % (passed, failed))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
