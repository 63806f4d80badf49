"""Cases of single ops, and how they are run in TensorFlow and written down.

A family module (record_ops_math.py, ...) has one function `cases()` that yields Case objects:

    yield Case("MatMul", "transpose_b", [a, b], transpose_b=True)

Inputs are NumPy arrays (or anything np.asarray takes), in the op's order; an operand of several tensors is a list of arrays. Keyword arguments are the
attributes, spelled as TensorFlow spells them; only these are written, so leave out what is default. dtypes are tf.DType or names, shapes are lists with
None for an unknown dimension. Type attributes that follow from the inputs are not given.
"""

import zlib

import numpy as np
import tensorflow as tf
from tensorflow.python.framework import op_def_library, op_def_registry


class Case:
    def __init__(self, op, label, inputs, *, tolerance=None, unchecked=(), using=None, module=None, attributes=None, **more_attributes):
        self.op = op
        self.label = label
        self.inputs = inputs
        self.tolerance = tolerance  # (absolute, relative)
        self.unchecked = unchecked  # indices of outputs of which only dtype and shape count
        self.using = using  # a function of the inputs, for ops that TensorFlow lacks or cannot run alone
        self.module = module  # IR text whose function @main computes what `using` computes; all cases of the op have the same
        self.attributes = {**(attributes or {}), **more_attributes}  # `attributes` is for names that this function takes itself


def generator(op):
    """A seeded generator of an op's own, so that a new case of one op changes no other file."""
    return np.random.default_rng(zlib.crc32(op.encode()))


def normal(rng, *shape, dtype=np.float32, scale=2.0):
    """Normally distributed numbers, rounded to three digits to keep files short."""
    return np.round(rng.normal(0, scale, shape), 3).astype(as_numpy(dtype))


def uniform(rng, low, high, *shape, dtype=np.float32):
    return np.round(rng.uniform(low, high, shape), 3).astype(as_numpy(dtype))


def integers(rng, low, high, *shape, dtype=np.int32):
    """Integers of [low, high)."""
    return rng.integers(low, high, shape).astype(dtype)


def booleans(rng, *shape):
    return rng.integers(0, 2, shape).astype(bool)


def as_numpy(dtype):
    return tf.as_dtype(dtype).as_numpy_dtype


# --- text


def dtype_name(dtype):
    return tf.as_dtype(dtype).name


def number_text(value, dtype):
    if dtype.is_bool:
        return "true" if value else "false"
    if dtype.is_quantized:
        return str(int(value[0]))
    if dtype.is_integer:
        return str(int(value))
    if dtype == tf.bfloat16:
        value = np.float32(value)
    if np.isnan(value):
        return "nan"
    if np.isinf(value):
        return "inf" if value > 0 else "-inf"
    return str(value)


def string_text(value):
    if isinstance(value, str):
        value = value.encode()
    text = ""
    for byte in value:
        character = chr(byte)
        if character in '"\\':
            text += "\\" + character
        elif character == "\n":
            text += "\\n"
        elif character == "\t":
            text += "\\t"
        elif 32 <= byte < 127:
            text += character
        else:
            text += "\\x%02x" % byte
    return '"' + text + '"'


def element_text(value, dtype):
    if dtype == tf.string:
        return string_text(value)
    if dtype.is_complex:
        real, imaginary = (number_text(part, dtype.real_dtype) for part in (value.real, value.imag))
        return real + ("" if imaginary.startswith("-") else "+") + imaginary + "i"
    return number_text(value, dtype)


def tensor_text(array):
    dtype = tf.string if array.dtype.kind in "OSU" else tf.as_dtype(array.dtype)
    shape = ",".join(str(size) for size in array.shape)
    return "%s[%s](%s)" % (dtype_name(dtype), shape, " ".join(element_text(value, dtype) for value in array.reshape(-1)))


def shape_text(shape):
    if shape is None:
        return "shape[...]"
    return "shape[" + ",".join("?" if size is None or size < 0 else str(size) for size in shape) + "]"


def attribute_text(value, kind):
    """`kind` is the type of the attribute in TensorFlow's op definition."""
    if kind.startswith("list("):
        return "[" + ", ".join(attribute_text(element, kind[5:-1]) for element in value) + "]"
    if kind == "int":
        return str(int(value))
    if kind == "float":
        return number_text(np.float32(value), tf.float32)
    if kind == "bool":
        return "true" if value else "false"
    if kind == "string":
        return string_text(value)
    if kind == "type":
        return dtype_name(value)
    if kind == "shape":
        return shape_text(value)
    if kind == "tensor":
        return tensor_text(np.asarray(value))
    raise ValueError("no text for an attribute of kind " + kind)


def guessed_kind(value):
    """The kind of an attribute of an op that TensorFlow does not know."""
    if isinstance(value, (list, tuple)):
        return "list(" + (guessed_kind(value[0]) if value else "int") + ")"
    for python_type, kind in ((bool, "bool"), (int, "int"), (float, "float"), (str, "string"), (bytes, "string"), (tf.DType, "type")):
        if isinstance(value, python_type):
            return kind
    raise ValueError("no kind for " + repr(value))


# --- running


def is_several(value):
    """An operand of several tensors: a list of arrays, which may be empty."""
    return isinstance(value, list) and all(isinstance(element, np.ndarray) for element in value)


def flat_inputs(case):
    arrays = []
    for value in case.inputs:
        arrays.extend(np.asarray(element) for element in (value if is_several(value) else [value]))
    return arrays


def default_value(attribute):
    value = attribute.default_value
    kind = value.WhichOneof("value")
    if kind == "list":
        return [element for field in (value.list.s, value.list.i, value.list.f, value.list.b) for element in field]
    if kind == "type":
        return tf.as_dtype(value.type)
    return getattr(value, kind)


def all_attributes(case, definition):
    """Those of the case, and the defaults of those that neither the case nor the inputs tell."""
    told = told_attributes(definition)
    defaults = {attribute.name: default_value(attribute) for attribute in definition.attr if attribute.HasField("default_value")}
    return {name: value for name, value in {**defaults, **case.attributes}.items() if name not in told}


def told_attributes(definition):
    """Those that the inputs tell. A case gives them where Isomer's op has them as fields, since several of its operands differ in length."""
    return {name for operand in definition.input_arg for name in (operand.type_attr, operand.number_attr, operand.type_list_attr) if name}


def run(case):
    """The outputs as a list of arrays."""
    if case.using:
        results = case.using(*case.inputs)
        return [np.asarray(result) for result in (results if isinstance(results, (tuple, list)) else [results])]
    definition = op_def_registry.get(case.op)
    feeds = {}

    def placeholder(value):
        array = np.asarray(value)
        tensor = tf.compat.v1.placeholder(tf.string if array.dtype.kind in "OSU" else array.dtype, array.shape)
        feeds[tensor] = array
        return tensor

    # A graph made from the op's definition: the functions of tf.raw_ops rename some operands.
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        operands = {}
        for operand, value in zip(definition.input_arg, case.inputs, strict=True):
            several = operand.number_attr or operand.type_list_attr
            operands[operand.name] = [placeholder(element) for element in value] if several else placeholder(value)
        operation = op_def_library._apply_op_helper(case.op, **operands, **all_attributes(case, definition))[2]
        results = session.run(list(operation.outputs), feeds)
        # Quantised results come as plain integers.
        dtypes = [output.dtype for output in operation.outputs]
        return [np.asarray(result).astype(dtype.as_numpy_dtype) if dtype.is_quantized else np.asarray(result) for result, dtype in zip(results, dtypes)]


def default_tolerance(outputs):
    """Half and bfloat16: TensorFlow rounds after every step."""
    names = {output.dtype.name for output in outputs}
    if "bfloat16" in names:
        return (1e-2, 2e-2)
    if "float16" in names:
        return (1e-3, 4e-3)
    return None


def case_text(case):
    outputs = run(case)
    lines = case_lines(case, outputs)
    tolerance = case.tolerance or default_tolerance(outputs)
    if tolerance:
        lines.append("tolerance %g %g" % tolerance)
    return "\n".join(lines) + "\n"


def case_lines(case, outputs):
    lines = ["case " + case.label]
    definition = op_def_registry.get(case.op) if not case.using else None
    kinds = {attribute.name: attribute.type for attribute in definition.attr} if definition else {}
    for name, value in case.attributes.items():
        lines.append("attr %s = %s" % (name, attribute_text(value, kinds.get(name) or guessed_kind(value))))
    lines += ["in " + tensor_text(array) for array in flat_inputs(case)]
    for index, output in enumerate(outputs):
        if index in case.unchecked:
            lines.append("out any " + tensor_text(output).split("(")[0])
        else:
            lines.append("out " + tensor_text(output))
    return lines


def head_text(op, cases):
    module = cases[0].module
    return "module\n%s---\n\n" % module if module else "op %s\n\n" % op


def file_text(op, cases):
    return head_text(op, cases) + "\n".join(case_text(case) for case in cases)
