#!/usr/bin/env python3
"""Writes the small valid inputs from which the fuzzers of the readers start: fuzz/corpus/DRIVER/NAME. Needs nothing but Python; the same bytes every time."""
import gzip
import io
import pathlib
import struct
import tarfile
import zipfile
import zlib

ROOT = pathlib.Path(__file__).resolve().parent / "corpus"


def put(driver, name, data):
    path = ROOT / driver / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def varint(value):
    out = bytearray()
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out + bytes([value]))


def field(number, value):
    """A protobuf field: an int becomes a varint, bytes become a length-delimited field."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(data):
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def block(entries):
    out, previous = b"", b""
    for i, (key, value) in enumerate(entries):
        shared = 0
        while i and shared < min(len(key), len(previous)) and key[shared] == previous[shared]:
            shared += 1
        out += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        previous = key
    return out + struct.pack("<II", 0, 1)


def table(entries):
    file, handles = b"", []
    for content in (block(entries), block([])):
        handles.append(varint(len(file)) + varint(len(content)))
        file += content + b"\0" + struct.pack("<I", masked(content + b"\0"))
    index = block([(entries[-1][0], handles[0])])
    handles.append(varint(len(file)) + varint(len(index)))
    file += index + b"\0" + struct.pack("<I", masked(index + b"\0"))
    return file + (handles[1] + handles[2]).ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57)


def shape(*sizes):
    return b"".join(field(2, field(1, size)) for size in sizes)


def bundle_entry(dtype, sizes, offset, size, data, slices=()):
    entry = field(1, dtype) + field(2, shape(*sizes)) + field(4, offset) + field(5, size) + varint(6 << 3 | 5) + struct.pack("<I", masked(data))
    for extents in slices:
        entry += field(7, b"".join(field(1, field(1, start) + field(2, length)) for start, length in extents))
    return entry


def sorted_tables():
    entries = [(b"layer/%d/kernel" % i, b"value %d" % i) for i in range(10)]
    put("sorted_table", "file", b"\0" + table(entries))
    put("sorted_table", "block", b"\1" + block([(b"b" + key, value) for key, value in entries]))
    content = block([(b"c", b"value")])
    put("sorted_table", "snappy_block", b"\2" + varint(len(content)) + bytes([(len(content) - 1) << 2]) + content)
    put("sorted_table", "index", b"\3" + block([(b"b", b"\0\x13")]))


def bundles():
    # The data file is the block itself: tensors lie in its first bytes, and one entry describes them before its checksum is known.
    header = (b"", field(1, 1) + field(3, field(1, 1)))
    first = block([header])
    start = first[:8]
    put("tensor_bundle", "empty", first)
    put("tensor_bundle", "tensor", block([header, (b"a", bundle_entry(4, [4, 2], 0, 8, start)), (b"s", bundle_entry(7, [1], 0, 8, start))]))
    parts = [((0, 2), (0, 2)), ((2, 2), (0, 2))]
    names = [b"\0w\0\1\1\2\x80\x82\x80\x82", b"\0w\0\1\1\2\x82\x82\x80\x82"]
    put("tensor_bundle", "partitioned",
        block([header] + [(name, bundle_entry(4, [2, 2], 0, 4, start[:4])) for name in names] + [(b"w", bundle_entry(4, [4, 2], 0, 0, b"", parts))]))


def archives():
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, data in (("./saved_model.pb", b"model"), ("variables/" + "long" * 30, b"index")):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    small = raw.getvalue()[:5120]
    put("archive", "tar", small)
    put("archive", "tar.gz", gzip.compress(small, mtime=0))
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.GNU_FORMAT) as tar:
        tar.addfile(tarfile.TarInfo("name" * 40))
    put("archive", "gnu", raw.getvalue()[:2048])


def arrays():
    for name, version, dictionary, data in (
            ("c_order", 1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }", b"12345678"),
            ("fortran", 2, "{'descr': '>i2', 'fortran_order': True, 'shape': (2, 2), }", b"12345678"),
            ("bool", 3, "{'descr': '|b1', 'fortran_order': False, 'shape': (), }", b"\7")):
        length = struct.pack("<H" if version == 1 else "<I", len(dictionary))
        put("npy", name, b"\x93NUMPY" + bytes([version, 0]) + length + dictionary.encode() + data)


def zips():
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        for name, data, method in (("x.npy", b"content", zipfile.ZIP_STORED), ("folder/y.npy", b"y" * 100, zipfile.ZIP_DEFLATED)):
            info = zipfile.ZipInfo(name)
            info.compress_type = method
            archive.writestr(info, data)
    put("zip", "archive", raw.getvalue())


def png_chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def images():
    for name, kind, row in (("grey.png", 0, b"\0\1\2"), ("colour.png", 2, b"\0" + b"\1\2\3" * 2), ("alpha.png", 6, b"\1" + b"\1\2\3\4" * 2)):
        header = struct.pack(">IIBBBBB", 2, 2, 8, kind, 0, 0, 0)
        put("image", name, b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", zlib.compress(row * 2)) + png_chunk(b"IEND", b""))
    # A grey JPEG of 8 x 8 pixels: one quantisation table of ones, Huffman tables of a single code, a block without any coefficient.
    tables = b"\xff\xdb" + struct.pack(">HB", 67, 0) + b"\1" * 64
    frame = b"\xff\xc0" + struct.pack(">HBHHBBBB", 11, 8, 8, 8, 1, 1, 0x11, 0)
    huffman = b"".join(b"\xff\xc4" + struct.pack(">HB", 20, which) + b"\1" + b"\0" * 15 + b"\0" for which in (0x00, 0x10))
    scan = b"\xff\xda" + struct.pack(">HBBBBBB", 8, 1, 1, 0, 0, 63, 0) + b"\x3f"
    put("image", "grey.jpg", b"\xff\xd8" + tables + frame + huffman + scan + b"\xff\xd9")


def graphs():
    tensor = field(1, 4) + field(2, shape(1100)) + field(4, b"w" * 1100)
    attr = field(1, b"value") + field(2, field(8, tensor))
    function_attr = field(1, b"f") + field(2, field(10, field(1, b"g") + field(2, attr)))
    list_attr = field(1, b"l") + field(2, field(1, field(8, tensor) + field(2, b"s")))
    node = field(1, b"a") + field(2, b"Const") + field(5, attr)
    other = field(1, b"b") + field(2, b"PartitionedCall") + field(3, b"a") + field(5, function_attr) + field(5, list_attr)
    function = field(1, field(1, field(1, b"g")) + field(3, node) + field(4, field(1, b"y") + field(2, b"a")))
    graph = field(1, node) + field(1, other) + field(2, function) + field(4, field(1, 1087))
    put("detach", "graph", graph)
    put("detach", "saved_model", field(1, 1) + field(2, field(1, field(4, b"serve")) + field(2, graph)))


def json_texts():
    put("json", "values", b'{"a": {"b": [1, -2.5e-3, "\\u00e9\\n", true, null]}, "c": [], "d": 12345678901234567890, "e": NaN}')
    put("json", "nested", b"[" * 20 + b"]" * 20)


def tfjs_models():
    nodes = (b'{"name": "x", "op": "Placeholder", "attr": {"dtype": {"type": "DT_FLOAT"}, "shape": {"shape": {"dim": [{"size": "-1"}]}}}}, '
             b'{"name": "w", "op": "Const", "attr": {"dtype": {"type": "DT_FLOAT"}, "value": {"tensor": {"dtype": "DT_FLOAT", "tensorShape": {"dim": [{"size": "2"}]}}}}}, '
             b'{"name": "y", "op": "AddV2", "input": ["x", "w"], "attr": {"T": {"type": 1}}}')
    signature = b'{"inputs": {"x": {"name": "x:0", "dtype": "DT_FLOAT"}}, "outputs": {"y": {"name": "y:0"}}}'
    for name, dtype, data in (("float", b'"float32"', b"\0\0\x80?\0\0\0@"),
                              ("quantised", b'"float32", "quantization": {"dtype": "uint8", "scale": 0.5, "min": -1, "original_dtype": "float32"}', b"\1\2")):
        model = (b'{"format": "graph-model", "signature": ' + signature + b', "modelTopology": {"node": [' + nodes + b'], "versions": {"producer": 1087}}, '
                 b'"weightsManifest": [{"paths": ["w"], "weights": [{"name": "w", "shape": [2], "dtype": ' + dtype + b'}]}]}')
        put("tfjs_model", name, model + b"\0" + data)


def choices():
    """Random choices for the graphs that graph_fuzzer makes; a linear congruential generator, so that they are the same everywhere."""
    state = 1
    for number in range(24):
        data = bytearray()
        for _ in range(96 + 8 * number):
            state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
            data.append(state >> 56)
        data[0] = number % 4  # the pipeline
        put("graph", "choices%02d" % number, bytes(data))


def hdf5_files():
    for path in sorted((ROOT.parent.parent / "tests/formats/hdf5").glob("*.h5")):
        put("hdf5", path.stem, path.read_bytes())


def keras_files():
    fixtures = ROOT.parent.parent / "tests/formats"
    for name in ("keras_h5_texts/source/model.h5", "keras_h5_of_keras3/source/model.h5", "keras_archive_of_tf_keras/source/model.keras",
                 "keras_json/source/architecture.json"):
        put("keras", name.replace("/", "-"), (fixtures / name).read_bytes())
    put("keras", "architecture.yaml", b"class_name: Sequential\nconfig:\n- class_name: Dense\n  config:\n    name: d\n    units: 2\n"
        b"    batch_input_shape: !!python/tuple [null, 3]\nkeras_version: 2.2.4\n")
    put("yaml", "values", b"a: &x [1, -2.5e-3, .inf, .nan, ~, yes, 'no', \"t\\n\"]\nb: *x\nc: {d: !!python/tuple [x]}\n")


if __name__ == "__main__":
    sorted_tables()
    bundles()
    archives()
    arrays()
    zips()
    images()
    graphs()
    json_texts()
    tfjs_models()
    choices()
    hdf5_files()
    keras_files()
