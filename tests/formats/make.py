#!/usr/bin/env python3
"""Makes the fixtures of this folder with real TensorFlow, each with recorded inputs and outputs. Made with the versions in each fixture.json; run with

    .peers/venv/bin/python tests/formats/make.py [NAME]...          (tests/peers/setup makes .peers/venv)

Every model is small and seeded. The parts: recorder.py writes the folders; saved_models.py, gradient_models.py, legacy_models.py, refused_models.py and
keras_models.py hold the models.
"""
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "makers"))

import recorder  # noqa: E402
import saved_models  # noqa: E402,F401
import gradient_models  # noqa: E402,F401
import legacy_models  # noqa: E402,F401
import refused_models  # noqa: E402,F401
import keras_models  # noqa: E402,F401

if __name__ == "__main__":
    recorder.make(sys.argv[1:])
