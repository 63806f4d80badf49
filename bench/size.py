#!/usr/bin/env python3
"""Compares the size of converted networks with the least that their weights can take.

  bench/size.py [--binary FILE] [--models FOLDER] [NAME]...        NAME: mobilenet_v2, resnet50, efficientnet_b0 (default: all)

`least`: kernels and one bias for each channel as float32, nothing else: what remains of a network whose batch normalisation is folded. `weights`: the weight files that Isomer
writes; `all`: with model.json; each in bytes and as what it exceeds the least by. `auto` is the same with --quantize auto --max-error 0.01 on one random image
(with --quantize; it takes minutes). The models are made on the first run (bench/models.py) and kept in build/bench.
"""
import argparse
import importlib.util
import os
import shutil
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
spec = importlib.util.spec_from_file_location("convert", os.path.join(HERE, "convert.py"))
convert = importlib.util.module_from_spec(spec)
spec.loader.exec_module(convert)


def sizes(binary, model, out, flags):
    """(bytes of weight files, bytes of all files) of the model that Isomer writes."""
    shutil.rmtree(out, ignore_errors=True)
    subprocess.run([binary, "convert", "--quiet", model, out] + flags, check=True)
    files = {name: os.path.getsize(os.path.join(out, name)) for name in os.listdir(out)}
    shutil.rmtree(out)
    return sum(size for name, size in files.items() if name.endswith(".bin")), sum(files.values())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", default=["mobilenet_v2", "resnet50", "efficientnet_b0"])
    parser.add_argument("--binary", default=os.path.join(ROOT, "build/release/isomer"))
    parser.add_argument("--models", default=os.path.join(ROOT, "build/bench"))
    parser.add_argument("--quantize", action="store_true")
    options = parser.parse_args()
    print("| network | least | weights | | all | | auto | |\n|---|---|---|---|---|---|---|---|")
    for name in options.names:
        folder = os.path.join(options.models, name)
        least = convert.make(name, folder, "least_weight_bytes")["least_weight_bytes"]
        model, out = os.path.join(folder, "saved_model"), os.path.join(folder, "converted")
        row = [name, "%d" % least]
        found = sizes(options.binary, model, out, [])
        found += sizes(options.binary, model, out, ["--quantize", "auto", "--max-error", "0.01", "--input_shape", "image=1,224,224,3"])[1:] if options.quantize else ()
        for size in found:
            row += ["%d" % size, "%+.2f %%" % (100 * (size / least - 1))]
        print("| " + " | ".join(row + ["-"] * (8 - len(row))) + " |", flush=True)


if __name__ == "__main__":
    main()
