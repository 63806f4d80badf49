"""Model fixtures, their tensors and the rule by which results are judged. Only Python's own library, so that the tests need nothing installed.

A fixture is a folder: `fixture.json` (what the model is, how to convert it, what must come out), `source/` (the model) and `io/` (recorded inputs and
outputs: .npy, or for string tensors .json {"dtype": "string", "shape": [...], "values": [...]}; a tensor that is not UTF-8 has "values_base64").
tests/formats/README.md tells the keys. A recorded tf.js model is a folder with `golden.json` beside its `model.json`; read_golden() makes it look the same.
"""
import array
import base64
import json
import math
import os
import re
import struct
import sys

TF_FORMATS = ("tf2_saved_model", "tf1_saved_model", "frozen_graph", "hub_v1", "hub_v2")
KERAS_FORMATS = ("keras_h5", "keras_v3", "keras_saved_model", "keras_json", "tfjs_layers_model")

_NPY = {  # descr -> (name, array typecode)
    "<f4": ("float32", "f"), "<f8": ("float64", "d"), "<i4": ("int32", "i"), "<i8": ("int64", "q"), "<u4": ("uint32", "I"), "<u8": ("uint64", "Q"),
    "<i2": ("int16", "h"), "<u2": ("uint16", "H"), "|i1": ("int8", "b"), "|u1": ("uint8", "B"), "|b1": ("bool", "B"), "<f2": ("float16", None),
    "<c8": ("complex64", "f"), "<c16": ("complex128", "d"),
}
_DESCR = {name: descr for descr, (name, _) in _NPY.items()}


class Tensor:
    """dtype name, shape, flat values in C order (complex as pairs; strings as bytes). `every` > 1: only each every-th element is recorded."""

    def __init__(self, dtype, shape, values, every=1):
        self.dtype, self.shape, self.values, self.every = dtype, tuple(shape), values, every

    @property
    def size(self):
        return math.prod(self.shape)


def load(path):
    """A tensor from a .npy or .json file."""
    if path.endswith(".json"):
        with open(path, encoding="utf-8") as f:
            j = json.load(f)
        values = [base64.b64decode(v) for v in j["values_base64"]] if "values_base64" in j else [v.encode("utf-8") for v in j["values"]]
        return Tensor("string", j["shape"], values)
    with open(path, "rb") as f:
        data = f.read()
    if data[:6] != b"\x93NUMPY":
        raise ValueError("%s is no .npy file" % path)
    start, length = (10, struct.unpack_from("<H", data, 8)[0]) if data[6] == 1 else (12, struct.unpack_from("<I", data, 8)[0])
    header = data[start:start + length].decode("latin1")
    descr = re.search(r"'descr':\s*'([^']+)'", header).group(1)
    if re.search(r"'fortran_order':\s*True", header):
        raise ValueError("%s is in Fortran order" % path)
    shape = [int(d) for d in re.search(r"'shape':\s*\(([^)]*)\)", header).group(1).replace("L", "").split(",") if d.strip()]
    if descr not in _NPY:
        raise ValueError("%s holds %s, which is not expected here" % (path, descr))
    name, code = _NPY[descr]
    body = data[start + length:]
    if name == "float16":
        values = [v for (v,) in struct.iter_unpack("<e", body)]
    else:
        values = array.array(code)
        values.frombytes(body)
        if sys.byteorder == "big":
            values.byteswap()
    if len(values) != math.prod(shape) * (2 if name.startswith("complex") else 1):
        raise ValueError("%s: %d values for shape %s" % (path, len(values), shape))
    return Tensor(name, shape, values)


def save(path, tensor):
    """Writes a .npy (numbers) or a .json (strings); the inverse of load()."""
    if tensor.dtype == "string":
        out = {"dtype": "string", "shape": list(tensor.shape)}
        try:
            out["values"] = [v.decode("utf-8") for v in tensor.values]
        except UnicodeDecodeError:
            out["values_base64"] = [base64.b64encode(v).decode() for v in tensor.values]
        with open(path, "w", encoding="utf-8") as f:
            json.dump(out, f)
        return
    shape = "(%s)" % (", ".join(map(str, tensor.shape)) + ("," if len(tensor.shape) == 1 else ""))
    header = "{'descr': '%s', 'fortran_order': False, 'shape': %s, }" % (_DESCR[tensor.dtype], shape)
    header += " " * (-(len(header) + 11) % 64) + "\n"
    if tensor.dtype == "float16":
        body = b"".join(struct.pack("<e", v) for v in tensor.values)
    else:
        values = array.array(_NPY[_DESCR[tensor.dtype]][1], tensor.values)
        if sys.byteorder == "big":
            values.byteswap()
        body = values.tobytes()
    with open(path, "wb") as f:
        f.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode("latin1") + body)


class Case:
    """One run: files of the inputs and outputs by name, in the model's own order, and the tolerance."""

    def __init__(self, signature, tags, function, inputs, outputs, rtol, atol, shape_only=False):
        self.signature, self.tags, self.function, self.shape_only = signature, tags, function, shape_only
        self.inputs, self.outputs, self.rtol, self.atol = inputs, outputs, rtol, atol


class Fixture:
    def __init__(self, path):
        with open(os.path.join(path, "fixture.json"), encoding="utf-8") as f:
            j = json.load(f)
        self.path, self.name, self.format = path, j["name"], j["format"]
        self.model = os.path.join(path, j["model"])
        self.options = j.get("options") or {}
        # A refusal may be meant for some targets only; here it counts for graph models and runs.
        self.refused = j["expect"] == "refused" and "graph" in j.get("refused_for", ["graph"])
        self.refused_because = j.get("refused_because", "")
        self.refused_nodes = j.get("refused_nodes", [])
        self.shows = j.get("shows", "")
        self.peer = ((j.get("peer") or {}).get("tensorflowjs_converter") or {}).get("graph", {}).get("status")
        where = lambda files: {name: os.path.join(path, file) for name, file in files.items()}
        self.cases = [Case(c.get("signature"), c.get("tags"), c.get("function"), where(c["inputs"]), where(c.get("outputs", {})), c.get("rtol", 1e-4),
                           c.get("atol", 1e-5), c.get("compare") == "shape" or (self.format == "keras_json" and not self.options.get("weights"))) for c in j.get("cases", [])]

    def refused_words(self):
        """The ops (and nodes, where the fixture tells them) that a refusal has to name. What is said of Keras files is prose."""
        words = [] if self.format in KERAS_FORMATS else re.findall(r"\b[A-Z][A-Za-z0-9_]+", self.refused_because)
        return sorted({w for w in words if w != "TensorFlow"} | set(self.refused_nodes))

    def selections(self):
        """[(signature, tags, cases)]: the cases that one conversion can answer."""
        groups = {}
        for c in self.cases:
            groups.setdefault((c.signature, c.tags), []).append(c)
        return [(signature, tags, cases) for (signature, tags), cases in groups.items()]

    def flags(self, signature=None, tags=None):
        """What a user has to say to convert (or run) this model: the fixture's options, and the choice of a signature that is not the default one."""
        out = []
        if self.options.get("output_node_names"):
            out += ["--output_node_names", ",".join(self.options["output_node_names"])]
        tags = tags or self.options.get("tags")
        if tags is not None:
            out += ["--saved_model_tags", tags]
        said = self.options.get("signature_name")
        if signature is not None and (said is not None or signature not in ("serving_default", "default")):
            out += ["--signature_name", signature]
        if self.options.get("weights"):
            out += ["--weights", os.path.join(self.path, self.options["weights"])]
        return out


def find_fixtures(folder, formats=TF_FORMATS):
    out = []
    for name in sorted(os.listdir(folder)):
        if os.path.exists(os.path.join(folder, name, "fixture.json")):
            fixture = Fixture(os.path.join(folder, name))
            if fixture.format in formats:
                out.append(fixture)
    return out


def linear_congruential(count, seed, lo, hi):
    """The generator of golden.json: float32(lo + (hi - lo) * s / 2^32) for s = (1664525 s + 1013904223) mod 2^32."""
    out, s = array.array("f"), seed & 0xFFFFFFFF
    for _ in range(count):
        s = (1664525 * s + 1013904223) & 0xFFFFFFFF
        out.append(lo + (hi - lo) * (s / 4294967296.0))
    return out


class Golden:
    """A recorded tf.js model: its inputs as tensors, its outputs by signature key."""

    def __init__(self, path):
        with open(os.path.join(path, "golden.json"), encoding="utf-8") as f:
            j = json.load(f)
        self.path, self.name, self.inputs, self.outputs = path, os.path.basename(path), {}, {}
        for name, v in j["inputs"].items():
            count = math.prod(v["shape"])
            values = v["values"] if "values" in v else linear_congruential(count, v["seed"], v["lo"], v["hi"])
            if v["dtype"] == "int32" and "values" not in v:
                values = [math.floor(x) for x in values]
            self.inputs[name] = Tensor(v["dtype"], v["shape"], values)
        key_of = {tensor: key for key, tensor in (j.get("signature_outputs") or {}).items()}
        for name, v in j["outputs"].items():
            t = load(os.path.join(path, v["file"]))
            self.outputs[key_of.get(name, name)] = Tensor(t.dtype, v["shape"], t.values, v.get("sampled_every", 1))


_NARROWED = {"int64": "int32", "uint8": "int32", "int8": "int32", "int16": "int32", "uint16": "int32", "uint32": "int32", "uint64": "int32", "float64": "float32",
             "float16": "float32", "complex128": "complex64"}


def difference(expected, got, rtol, atol, shape_only=False, narrowed=False, relative_to_largest=False, any_width=False):
    """None when `got` is what was recorded, else a line that tells why not. Numbers: |got - expected| <= atol + rtol * |expected|, elementwise (or, for
    recorded tf.js models, relative to the largest expected value); NaN equals NaN; integers, booleans and strings exactly; shapes and dtypes always.
    narrowed: the target knows only tf.js's dtypes. any_width: the target has integers of another width, whose values count."""
    dtype = _NARROWED.get(expected.dtype, expected.dtype) if narrowed else expected.dtype
    if any_width and dtype.startswith("int") and got.dtype.startswith("int"):
        dtype = got.dtype
    if got.shape != expected.shape:
        return "shape %s instead of %s" % (list(got.shape), list(expected.shape))
    if got.dtype != dtype:
        return "%s instead of %s" % (got.dtype, dtype)
    if shape_only:
        return None
    have = got.values
    if expected.every > 1:
        have = have[::expected.every]
    if len(have) != len(expected.values):
        return "%d values instead of %d" % (len(have), len(expected.values))
    floating = dtype.startswith(("float", "complex"))
    largest = max((abs(e) for e in expected.values if math.isfinite(e)), default=0.0) if relative_to_largest else None
    worst, where, wrong = 0.0, -1, 0
    for i, (e, g) in enumerate(zip(expected.values, have)):
        if e == g or (floating and e != e and g != g):
            continue
        if not floating:
            return "element %d is %r instead of %r" % (i * expected.every, g, e)
        d = abs(g - e)
        limit = atol + rtol * (abs(e) if largest is None else largest)
        if not d <= limit or math.isinf(e):
            wrong += 1
            if not d <= worst:
                worst, where = d, i
    if not wrong:
        return None
    return "%d of %d values differ, most at element %d: %r instead of %r" % (wrong, len(have), where * expected.every, have[where], expected.values[where])
