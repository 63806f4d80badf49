#!/usr/bin/env python3
"""Makes the small files of this folder with h5py: every version of the format, layout, index and filter that the reader knows. Each dataset holds what its
name says: the numbers 0, 1, 2... of its shape, so that tests need no list. Run with the Python of .peers/venv."""
import pathlib

import h5py
import numpy as np

HERE = pathlib.Path(__file__).resolve().parent


def count(shape, dtype):
    return np.arange(int(np.prod(shape))).astype(dtype).reshape(shape)


def plain(file):
    for dtype in ("<i1", ">i4", "<u8", "<f2", ">f4", "<f8"):
        file[dtype.replace("<", "little_").replace(">", "big_")] = count((2, 3), dtype)
    file["scalar"] = np.float32(0)
    file["empty"] = count((0, 4), "f4")
    file["texts"] = np.array(["a", "größer", ""], dtype=object)
    file["fixed"] = np.array([b"ab", b"abc"])
    file.attrs["model_config"] = '{"class_name": "Sequential"}'
    file.attrs.create("layer_names", [b"dense", b"dense_1"])
    file.attrs["flag"] = True
    file.attrs["complex"] = np.complex64(1 + 2j)
    file.attrs["null"] = h5py.Empty("f4")
    file.create_dataset("never", (2,), "<i4", fillvalue=7)
    file["soft"] = h5py.SoftLink("/big_i4")
    file["outside"] = h5py.ExternalLink("other.h5", "/x")


def chunked(file):
    data = count((5, 7), "<i2")
    for name, options in (("tree", {"maxshape": (None, None)}), ("growing", {"maxshape": (5, None)}), ("fixed", {}), ("larger", {"maxshape": (9, 9)})):
        for filters in ({}, {"compression": "gzip", "shuffle": True, "fletcher32": True}):
            file.create_dataset(name + ("_filtered" if filters else ""), data=data, chunks=(2, 3), **options, **filters)
    file.create_dataset("single", data=data, chunks=(5, 7), compression="gzip")
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_chunk((2, 3))
    plist.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    space = h5py.h5s.create_simple((5, 7))
    h5py.h5d.create(file.id, b"implicit", h5py.h5t.STD_I16LE, space, plist).write(h5py.h5s.ALL, h5py.h5s.ALL, data)
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_layout(h5py.h5d.COMPACT)
    h5py.h5d.create(file.id, b"compact", h5py.h5t.STD_I16LE, space, plist).write(h5py.h5s.ALL, h5py.h5s.ALL, data)


def dense(file):
    for i in range(40):
        file["member_%02d" % (39 - i)] = np.int32(i)
        file.attrs["attribute_%02d" % (39 - i)] = np.int32(i)
    file.attrs["huge"] = count((3000,), "<f4")


if __name__ == "__main__":
    for name, fill, options in (("plain_earliest", plain, {"libver": "earliest"}), ("plain_latest", plain, {"libver": "latest"}),
                                ("user_block", plain, {"libver": "v108", "userblock_size": 1024}), ("chunked_earliest", chunked, {"libver": "earliest"}),
                                ("chunked_latest", chunked, {"libver": "latest"}), ("dense", dense, {"libver": "latest", "track_order": True})):
        with h5py.File(HERE / (name + ".h5"), "w", **options) as target:
            fill(target)
