"""The models that bad.py makes itself: converted ones that are tampered with, hostile archives, and graphs of great depth and length."""
import io
import json
import os
import shutil
import tarfile
import tempfile
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))


def rewrite(path, change):
    with open(path, "rb") as f:
        data = f.read()
    with open(path, "wb") as f:
        f.write(change(data))


# ---- graph models that were tampered with

def edits():
    """[(name, change(model.json as dict, folder), words of the error)]"""
    def entry(key, value):
        def change(model, folder):
            model["weightsManifest"][0]["weights"][0][key] = value
        return change

    def paths(*names):
        def change(model, folder):
            model["weightsManifest"][0]["paths"] = list(names)
        return change

    def topology(edit):
        def change(model, folder):
            edit(model["modelTopology"])
        return change

    def set_key(key, value):
        def change(model, folder):
            model[key] = value
        return change

    def weights(edit):
        def change(model, folder):
            rewrite(os.path.join(folder, model["weightsManifest"][0]["paths"][0]), edit)
        return change

    def duplicate(model, folder):
        group = model["weightsManifest"][0]["weights"]
        group[1]["name"] = group[0]["name"]

    def cycle(t):
        last = t["node"][-1]
        last["input"] = [last["name"]]

    return [
        ("path leads out", paths("../secret.bin"), ["../secret.bin"]),
        ("path leads out, encoded", paths("%2e%2e/secret.bin"), ["secret.bin"]),
        ("path leads out in the middle", paths("a/../../secret.bin"), ["secret.bin"]),
        ("absolute path", paths("/etc/passwd"), ["/etc/passwd"]),
        ("path with NUL", paths("group1\0.bin"), []),
        ("a directory", paths("."), []),
        ("missing shard", paths("nowhere.bin"), ["nowhere.bin"]),
        ("no shards", paths(), []),
        ("short weights", weights(lambda d: d[:-3]), []),
        ("long weights", weights(lambda d: d + b"1234"), []),
        ("empty weights", weights(lambda d: b""), []),
        ("absurd shape", entry("shape", [1 << 31, 1 << 31, 64]), []),
        ("overflowing shape", entry("shape", [1 << 62, 1 << 62]), []),
        ("negative dimension", entry("shape", [-1]), []),
        ("fractional dimension", entry("shape", [2.5]), []),
        ("shape is text", entry("shape", "2,3"), []),
        ("unknown dtype", entry("dtype", "float8"), ["float8"]),
        ("quantisation without scale", entry("quantization", {"dtype": "uint8"}), []),
        ("quantisation of text", entry("quantization", {"dtype": "string", "scale": 1, "min": 0}), []),
        ("name is a number", entry("name", 5), []),
        ("one name twice", duplicate, []),
        ("manifest is an object", set_key("weightsManifest", {"paths": []}), []),
        ("no topology", set_key("modelTopology", None), []),
        ("topology is a list", set_key("modelTopology", [1, 2]), []),
        ("signature is text", set_key("signature", "x -> y"), []),
        ("signature names a ghost", set_key("signature", {"outputs": {"y": {"name": "ghost:0"}}}), ["ghost"]),
        ("a node that waits for itself", topology(cycle), []),
        ("nodes are text", topology(lambda t: t.update(node="none")), []),
        ("a node without an op", topology(lambda t: t["node"][-1].pop("op")), []),
        ("input that does not exist", topology(lambda t: t["node"][-1].update(input=["ghost"])), ["ghost"]),
        ("base64 that is none", topology(lambda t: t["node"][-1].setdefault("attr", {}).update(padding={"s": "***"})), []),
    ]


def manifest(judge, folder):
    good = os.path.join(folder, "manifest-good")
    os.makedirs(good)
    outcome = judge.convert(good, os.path.join(HERE, "mlp/source"), [])
    if outcome.code != 0:
        judge.record("manifest", ["the undamaged model does not convert: " + outcome.text[:300]])
        return
    with open(os.path.join(folder, "secret.bin"), "wb") as f:
        f.write(b"\0" * 4096)
    for name, change, words in edits():
        work = tempfile.mkdtemp(dir=folder)
        copy = os.path.join(work, "model")
        shutil.copytree(os.path.join(good, "out"), copy)
        with open(os.path.join(copy, "model.json"), encoding="utf-8") as f:
            model = json.load(f)
        change(model, copy)
        with open(os.path.join(copy, "model.json"), "w", encoding="utf-8") as f:
            json.dump(model, f)
        outcome = judge.convert(work, copy, [])
        judge.record("manifest: " + name, judge.complaints(work, outcome, False, words=words))
        shutil.rmtree(work)
    texts = [("nothing", ""), ("half an object", '{"format": "graph-model", "modelTopology": {'), ("deep lists", "[" * 200000), ("deep objects", '{"a":' * 200000),
             ("a bare number", "12"), ("no UTF-8", '{"format": "\udcff"}'), ("a key twice", '{"modelTopology": {"node": []}, "modelTopology": 5}'),
             ("a number of a million digits", '{"format": ' + "9" * 1000000 + "}")]
    for name, text in texts:
        work = tempfile.mkdtemp(dir=folder)
        copy = os.path.join(work, "model")
        shutil.copytree(os.path.join(good, "out"), copy)
        with open(os.path.join(copy, "model.json"), "wb") as f:
            f.write(text.encode("utf-8", "surrogateescape"))
        outcome = judge.convert(work, copy, [])
        judge.record("manifest: model.json holds " + name, judge.complaints(work, outcome, False))
        shutil.rmtree(work)


# ---- archives

def archive(judge, folder):
    model = os.path.join(HERE, "mlp/source")

    def tar(path, *extra, include=True):
        with tarfile.open(path, "w:gz") as t:
            if include:
                t.add(model, arcname=".")
            for info, data in extra:
                t.addfile(info, io.BytesIO(data))

    def member(name, data=b"evil", **more):
        info = tarfile.TarInfo(name)
        info.size = len(data)
        for key, value in more.items():
            setattr(info, key, value)
        return info, data

    zeros = lambda mib: member("zeros", b"\0" * (mib << 20))
    cases = [
        ("a member above the folder", dict(extra=[member("../evil")]), ["evil"]),
        ("a member above the folder, hidden", dict(extra=[member("variables/../../evil")]), ["evil"]),
        ("an absolute member", dict(extra=[member("/tmp/isomer-evil")]), ["isomer-evil"]),
        ("a link out of the folder", dict(extra=[member("link", b"", type=tarfile.SYMTYPE, linkname="/etc/passwd")], allow=True), []),  # may be passed over
        ("a device", dict(extra=[member("zero", b"", type=tarfile.CHRTYPE)], allow=True), []),
        ("a model behind a link", dict(extra=[member("saved_model.pb", b"", type=tarfile.SYMTYPE, linkname=os.path.join(model, "saved_model.pb"))], include=False), []),
        ("nothing", dict(extra=[], include=False), []),
        ("no model", dict(extra=[member("readme", b"hello")], include=False), []),
        ("256 MiB of zeros and no model", dict(extra=[zeros(256)], include=False), []),
    ]
    for name, content, words in cases:
        work = tempfile.mkdtemp(dir=folder)
        path = os.path.join(work, "module.tar.gz")
        tar(path, *content["extra"], include=content.get("include", True))
        allow = content.get("allow", False)
        outcome = judge.convert(work, path, [])
        found = judge.complaints(work, outcome, allow, words=words)
        found += ["a file was written outside: " + p for p in (os.path.join(folder, "evil"), "/tmp/isomer-evil", os.path.join(work, "evil")) if os.path.exists(p)]
        judge.record("archive: " + name, found)
        shutil.rmtree(work)


# ---- depth and length

def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out + bytearray([n]))


def field(number, body):
    body = body.encode() if isinstance(body, str) else body
    return varint(number << 3 | 2) + varint(len(body)) + body


def graph_node(name, op, inputs=(), attributes=b""):
    return field(1, field(1, name) + field(2, op) + b"".join(field(3, i) for i in inputs) + attributes)


def type_attribute(key, dtype):
    return field(5, field(1, key) + field(2, varint(6 << 3) + varint(dtype)))


def shape(judge, folder):
    floats = type_attribute("T", 1)
    x = graph_node("x", "Placeholder", (), type_attribute("dtype", 1))
    length = 20000 if judge.sanitized else 100000  # sanitizers make it 20 times as slow; what is quadratic shows here too
    chain = x + b"".join(graph_node("n%d" % i, "Neg", ["n%d" % (i - 1) if i else "x"], floats) for i in range(length))
    nested = b""
    for _ in range(3000):  # an attribute that is a function that has an attribute ...
        nested = field(2, field(10, field(1, "f") + field(2, field(1, "a") + nested)))
    wide = x + graph_node("y", "AddN", ["x"] * 50000, floats + field(5, field(1, "N") + field(2, varint(3 << 3) + varint(50000))))
    cases = [
        ("a chain of %d nodes" % length, chain + graph_node("y", "Identity", ["n%d" % (length - 1)], floats), True),
        ("attributes 3000 deep", x + graph_node("y", "Neg", ["x"], field(5, field(1, "a") + nested)), False),
        ("a node of 50000 inputs", wide, True),
    ]
    for name, data, allow in cases:
        work = tempfile.mkdtemp(dir=folder)
        path = os.path.join(work, "graph.pb")
        with open(path, "wb") as f:
            f.write(data)
        outcome = judge.convert(work, path, ["--output_node_names", "y"])
        judge.record("shape: " + name, judge.complaints(work, outcome, allow))
        shutil.rmtree(work)


# ---- Keras files

def sequential(*layers):
    return {"class_name": "Sequential", "config": {"name": "m", "layers": [{"class_name": c, "config": dict({"name": "l%d" % i}, **config)} for i, (c, config) in enumerate(layers)]}}


def functional(layers, inputs, outputs):
    """layers: [(class, config, [names of the layers it is called on])]"""
    listed = [{"class_name": c, "name": config["name"], "config": config, "inbound_nodes": [[[n, 0, 0, {}] for n in called]] if called else []}
              for c, config, called in layers]
    return {"class_name": "Functional", "config": {"name": "m", "layers": listed, "input_layers": [[n, 0, 0] for n in inputs], "output_layers": [[n, 0, 0] for n in outputs]}}


def keras_architectures():
    """[(name, JSON text, words of the error)]"""
    dense, first = {"units": 4}, {"batch_input_shape": [None, 3]}
    x = ("InputLayer", {"name": "x", "batch_input_shape": [None, 3]}, [])
    deep = sequential(("Dense", dict(dense, **first)))
    for _ in range(300):
        deep = {"class_name": "Sequential", "config": {"name": "m", "layers": [deep]}}
    cases = [
        ("no class", {"config": {}}, []),
        ("no layers", {"class_name": "Functional", "config": {}}, ["layers"]),
        ("layers that are a number", {"class_name": "Sequential", "config": {"layers": 3}}, ["layers"]),
        ("an empty Sequential", sequential(), ["no layers"]),
        ("a class that nobody knows", sequential(("Nonsense", dict(dense, **first))), ["Nonsense"]),
        ("no input shape", sequential(("Dense", dense)), ["shape"]),
        ("a negative number of units", sequential(("Dense", dict(units=-4, **first))), ["l0"]),
        ("units that are a text", sequential(("Dense", dict(units="many", **first))), ["units"]),
        ("trillions of units", sequential(("Dense", dict(units=10**12, **first))), []),
        ("units beyond 64 bits", sequential(("Dense", dict(units=10**30, **first))), ["units"]),
        ("a kernel of a billion", sequential(("Conv2D", {"filters": 1, "kernel_size": [10**9, 10**9], "batch_input_shape": [None, 8, 8, 1]})), []),
        ("strides of zero", sequential(("Conv2D", {"filters": 1, "kernel_size": 2, "strides": [0, 0], "batch_input_shape": [None, 8, 8, 1]})), ["l0"]),
        ("an activation that nobody knows", sequential(("Dense", dict(units=2, activation="wobble", **first))), ["wobble"]),
        ("a layer that waits for itself", functional([x, ("Add", {"name": "a"}, ["x", "b"]), ("Dense", {"name": "b", "units": 3}, ["a"])], ["x"], ["b"]), []),
        ("a layer called on nothing that is there", functional([x, ("Dense", {"name": "b", "units": 3}, ["ghost"])], ["x"], ["b"]), ["ghost"]),
        ("an output that is not there", functional([x], ["x"], ["ghost"]), []),
        ("two layers of one name", functional([x, x], ["x"], ["x"]), ["'x'"]),
        ("models inside 300 deep", deep, []),
        ("a Lambda layer", sequential(("Lambda", dict({"function": ["4wEAAAA=", None, None]}, **first))), ["Lambda", "l0"]),
    ]
    return [(name, json.dumps(value), words) for name, value, words in cases] + [
        ("deep lists", '{"class_name": "Sequential", "config": ' + "[" * 200000, []), ("half an object", '{"class_name": "Sequential", "config": {', [])]


def doubling(times):
    """A model whose last layer is 2^times as wide as its input, and has no weights: nothing need be computed to write it."""
    x = ("InputLayer", {"name": "x", "batch_input_shape": [None, 3]}, [])
    return functional([x, ("Add", {"name": "a0"}, ["x", "x"])] + [("Concatenate", {"name": "a%d" % i}, ["a%d" % (i - 1)] * 2) for i in range(1, times)], ["x"],
                      ["a%d" % (times - 1)])


def keras(judge, folder):
    def check(name, file, data, words=(), flags=(), allow=False):
        work = tempfile.mkdtemp(dir=folder)
        path = os.path.join(work, file)
        with open(path, "wb") as f:
            f.write(data)
        outcome = judge.convert(work, path, list(flags))
        judge.record("keras: " + name, judge.complaints(work, outcome, allow, words=words))
        shutil.rmtree(work)

    check("sizes that double 80 times", "architecture.json", json.dumps(doubling(80)).encode(), allow=True)
    for name, text, words in keras_architectures():
        check(name, "architecture.json", text.encode(), words)
    alias = "a0: &a0 [x, x]\n" + "".join("a%d: &a%d [%s]\n" % (i, i, ", ".join(["*a%d" % (i - 1)] * 10)) for i in range(1, 20))
    check("aliases that grow tenfold 19 times", "architecture.yaml", ("class_name: Sequential\nconfig: []\n" + alias).encode())
    check("a key of lists", "architecture.yaml", b"class_name: Sequential\nconfig:\n  ? [a]\n  : b\n")

    def archive_of(*members):
        raw = io.BytesIO()
        with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as z:
            for name, data in members:
                z.writestr(name, data)
        return raw.getvalue()

    good = json.dumps(sequential(("Dense", {"units": 4, "batch_input_shape": [None, 3]}))).encode()
    check("an empty archive", "model.keras", archive_of(), ["config.json"])
    check("an archive of something else", "model.keras", archive_of(("readme", b"hello")), ["config.json"])
    check("an archive of arrays", "model.keras", archive_of(("x.npy", b"")), ["NumPy"])
    check("a member above the folder", "model.keras", archive_of(("config.json", good), ("../evil", b"evil")), ["evil"])
    check("a configuration of a gigabyte", "model.keras", archive_of(("config.json", good + b" " * (1 << 30))))
    check("weights that are no HDF5", "model.keras", archive_of(("config.json", good), ("model.weights.h5", b"no")), ["model.weights.h5"])
    with open(os.path.join(HERE, "keras_h5_texts/source/model.h5"), "rb") as f:
        other = f.read()
    check("weights of another model", "model.keras", archive_of(("config.json", good), ("model.weights.h5", other)), ["l0/kernel"])
    check("weights of another model in a file of their own", "architecture.json", good, ["l0/kernel"], ["--weights", os.path.join(HERE, "keras_h5_texts/source/model.h5")])
    check("a weights file that is not there", "architecture.json", good, ["nowhere.h5"], ["--weights", "nowhere.h5"])
    with open(os.path.join(HERE, "keras_json/source/weights.h5"), "rb") as f:
        check("weights without a model", "model.h5", f.read(), ["architecture", "--weights"])
    for name in sorted(os.listdir(os.path.join(HERE, "hdf5"))):
        if name.endswith(".h5"):
            with open(os.path.join(HERE, "hdf5", name), "rb") as f:
                check("HDF5 that is no model: " + name, "model.h5", f.read())
