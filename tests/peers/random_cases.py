"""Random cases of single ops, made from the hand-written ones.

A hand-written case shows what the operands of an op look like: which sizes belong together, from which ranges the values come, which attributes there are.
`mutate` keeps that and draws the rest anew: sizes (all that were equal stay equal, mostly), ranks, dtypes that the op's definition allows, attributes, values.
It need not be right each time: what TensorFlow refuses is no case.
"""

import numpy as np
import tensorflow as tf
from tensorflow.python.framework import op_def_registry

import op_cases
from op_cases import Case

DTYPES = ("float32", "float64", "float16", "bfloat16", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool", "complex64", "complex128")
# Attributes that change no result.
WITHOUT_MEANING = {"container", "shared_name", "message", "use_locking", "validate_indices", "validate_shape", "use_cudnn_on_gpu", "summarize", "debug_urls"}
MOST_ELEMENTS = 48  # of one operand, unless the hand-written one has more


def chance(rng, probability):
    return rng.random() < probability


# --- kinds of values


def kind_of(array):
    """f, i, u, b, c as NumPy says it, also for bfloat16; S for all kinds of strings."""
    if array.dtype.kind in "OSU":
        return "S"
    return "f" if tf.as_dtype(array.dtype) == tf.bfloat16 else array.dtype.kind


def is_permutation(values):
    return values.ndim == 1 and values.size >= 2 and sorted(values.tolist()) == list(range(values.size))


def rows_sorted(values):
    with np.errstate(invalid="ignore"):
        return values.ndim >= 1 and values.shape[-1] >= 2 and values.size > 0 and bool(np.all(values[..., 1:] >= values[..., :-1]))


def numbers(rng, original, shape):
    """float64 numbers from the range of the original, some of them exactly its elements (which may be infinite or NaN); integral when all of it is."""
    values = np.asarray(original, np.float64).reshape(-1)
    finite = values[np.isfinite(values)]
    low, high = (finite.min(), finite.max()) if finite.size else (-2.0, 2.0)
    integral = finite.size > 1 and np.all(finite == np.floor(finite))
    if low == high:
        if chance(rng, 0.5):
            return np.full(shape, values[0] if values.size else low)
        low, high = low - max(1.0, abs(low)) / 2, high + max(1.0, abs(high)) / 2
    if integral and high - low < 4 and chance(rng, 0.5):
        low, high = low - 3, high + 3
    drawn = rng.integers(int(low), int(high), shape, endpoint=True).astype(np.float64) if integral else np.round(rng.uniform(low, high, shape), 3)
    if values.size and chance(rng, 0.5):
        drawn = np.where(rng.random(shape) < 0.25, rng.choice(values, shape), drawn)
    return drawn


def whole_numbers(rng, original, shape):
    """Integers from the range of the original, as Python's, so that they fit whatever the dtype is."""
    values = original.reshape(-1)
    low, high = (int(values.min()), int(values.max())) if values.size else (0, 1)
    if low == high and chance(rng, 0.5):
        low, high = low - (low != 0 or original.dtype.kind != "u"), high + 1
    elif chance(rng, 0.15):
        high += 1
    info = np.iinfo(original.dtype)
    return rng.integers(max(low, info.min), min(high, info.max), shape, original.dtype, endpoint=True)


def as_dtype(rng, drawn, dtype, draw_again):
    """Drawn values as another dtype; `draw_again` gives more of them, for imaginary parts."""
    dtype = tf.as_dtype(dtype)
    target = dtype.as_numpy_dtype
    # Infinities and NaN travel through these conversions as they like.
    with np.errstate(all="ignore"):
        return converted(rng, drawn, dtype, target, draw_again)


def converted(rng, drawn, dtype, target, draw_again):
    if dtype.is_bool:
        return rng.integers(0, 2, drawn.shape).astype(bool)
    if dtype.is_complex:
        return drawn.astype(target) if kind_of(drawn) == "c" else (drawn.astype(np.float64) + 1j * draw_again().astype(np.float64)).astype(target)
    if kind_of(drawn) == "b":
        drawn = rng.integers(0, 4, drawn.shape)
    if kind_of(drawn) == "c":
        drawn = drawn.real
    if not dtype.is_integer:
        return drawn.astype(np.float64).astype(target)
    info = np.iinfo(target)
    if kind_of(drawn) == "f":
        scale = 4 if drawn.size and np.nanmax(np.abs(np.where(np.isfinite(drawn), drawn, 0))) < 4 else 1
        drawn = np.nan_to_num(np.floor(np.asarray(drawn, np.float64) * scale), nan=0, posinf=9, neginf=-9).clip(-(2.0**62), 2.0**62).astype(np.int64)
    if info.min == 0 and drawn.dtype.kind == "i":
        drawn = np.abs(drawn)
    return np.vectorize(lambda v: min(max(int(v), info.min), info.max), otypes=[object])(drawn).astype(target) if drawn.size else drawn.astype(target)


# --- mutation


class Mutation:
    def __init__(self, base, rng):
        self.base, self.rng = base, rng
        self.definition = None if base.using else op_def_registry.get(base.op)
        self.several = [op_cases.is_several(value) for value in base.inputs]
        self.arrays = [[np.asarray(a) for a in (value if several else [value])] for value, several in zip(base.inputs, self.several)]
        self.attributes = dict(base.attributes)
        self.dtypes = {}  # type attribute: dtype it changes to
        self.sizes = {}  # old size: new size

    def case(self):
        if not self.base.module:
            self.change_types()
            shapes = self.change_shapes()
        else:
            shapes = [[a.shape for a in group] for group in self.arrays]
        if not self.base.using:
            self.change_attributes()
        inputs = []
        for index, group in enumerate(self.arrays):
            dtype = self.dtypes.get(self.definition.input_arg[index].type_attr) if self.definition else None
            made = [self.values(array, shape, dtype) for array, shape in zip(group, shapes[index])]
            inputs.append(made if self.several[index] else made[0])
        base = self.base
        return Case(base.op, base.label, inputs, unchecked=base.unchecked, using=base.using, module=base.module, attributes=self.attributes)

    # --- types

    def told(self):
        return op_cases.told_attributes(self.definition)

    def change_types(self):
        if not self.definition:
            return
        for attribute in self.definition.attr:
            if attribute.type != "type" or not chance(self.rng, 0.4):
                continue
            allowed = [tf.as_dtype(t).name for t in attribute.allowed_values.list.type]
            allowed = [name for name in DTYPES if name in allowed or not allowed]
            if attribute.name in self.told():
                operands = [i for i, operand in enumerate(self.definition.input_arg) if operand.type_attr == attribute.name]
                if any(kind_of(a) == "S" for i in operands for a in self.arrays[i]) or not allowed:
                    continue
                self.dtypes[attribute.name] = str(self.rng.choice(allowed))
            elif attribute.name in self.attributes or attribute.HasField("default_value"):
                self.attributes[attribute.name] = tf.as_dtype(str(self.rng.choice(allowed)))

    # --- shapes

    def change_shapes(self):
        rng, original = self.rng, [[a.shape for a in group] for group in self.arrays]
        for _ in range(8):
            self.sizes = {}
            for size in sorted({size for group in original for shape in group for size in shape}):
                if chance(rng, {0: 0.3, 1: 0.1}.get(size, 0.5)):
                    self.sizes[size] = int(rng.integers(1, 6)) if not chance(rng, 0.03) else 0
            shapes = [[tuple(self.sizes.get(size, size) for size in shape) for shape in group] for group in original]
            shapes = self.change_ranks(shapes)
            most = [max([MOST_ELEMENTS, *(int(np.prod(shape)) for shape in group)]) for group in original]
            if all(np.prod(shape) <= limit for group, limit in zip(shapes, most) for shape in group):
                return shapes
        self.sizes = {}
        return original

    def change_ranks(self, shapes):
        """Prepends or removes a dimension, or changes one size alone."""
        rng, dice = self.rng, self.rng.random()
        kinds = [kind_of(group[0]) if group else "" for group in self.arrays]
        data = [i for i, kind in enumerate(kinds) if kind and (kind == kinds[0] or kind in "fcS")]
        if dice < 0.15:
            size, least = int(rng.integers(1, 4)), int(rng.integers(0, 3))
            return [[(size, *shape) if i in data and len(shape) >= least else shape for shape in group] for i, group in enumerate(shapes)]
        if dice < 0.25:
            return [[shape[1:] if i in data else shape for shape in group] for i, group in enumerate(shapes)]
        places = [(i, j, axis) for i, group in enumerate(shapes) for j, shape in enumerate(group) for axis in range(len(shape))]
        if dice < 0.5 and places:
            i, j, axis = places[rng.integers(len(places))]
            size = 1 if chance(rng, 0.5) else int(rng.integers(1, 6))
            shapes[i][j] = (*shapes[i][j][:axis], size, *shapes[i][j][axis + 1 :])
        return shapes

    # --- attributes

    def change_attributes(self):
        told = self.told()
        for attribute in self.definition.attr:
            name, given = attribute.name, attribute.name in self.attributes
            if name in told or name in WITHOUT_MEANING or not (given or attribute.HasField("default_value")):
                continue
            old = self.attributes[name] if given else op_cases.default_value(attribute)
            new = self.attribute(name, attribute, old)
            if given or new is not old:
                self.attributes[name] = new

    def attribute(self, name, attribute, old):
        rng, kind = self.rng, attribute.type
        if kind == "shape":
            return old if old is None else [None if size is None or size < 0 else self.sizes.get(size, size) for size in old] if isinstance(old, (list, tuple)) else old
        if not chance(rng, 0.7 if "seed" in name else 0.3):
            return old
        if kind == "bool":
            return not old
        if kind == "string" and attribute.allowed_values.list.s:
            return bytes(rng.choice(attribute.allowed_values.list.s)).decode()
        if kind == "int":
            return int(rng.integers(0, 1000)) if "seed" in name else int(old) + int(rng.integers(-1, 2))
        if kind == "float":
            return round(float(rng.uniform(-1, 1) if old == 0 else old * rng.uniform(0.5, 1.5)), 4)
        if kind == "list(int)" and len(old):
            changed = [int(value) for value in old]
            changed[rng.integers(len(changed))] += int(rng.integers(-1, 2))
            return changed
        if kind == "list(float)" and len(old):
            return sorted(float(value) for value in numbers(rng, np.array(old), len(old)))
        return old

    # --- values

    def values(self, original, shape, dtype):
        rng, kind = self.rng, kind_of(original)
        if kind == "S":
            pool = original.reshape(-1)
            drawn = np.empty(shape, object)
            for index in np.ndindex(*shape):
                drawn[index] = pool[rng.integers(pool.size)] if pool.size else b"x"
            return drawn
        if kind == "b":
            draw = lambda: rng.integers(0, 2, shape).astype(bool)
        elif kind == "c":
            draw = lambda: numbers(rng, original.real, shape) + 1j * numbers(rng, original.imag, shape)
        elif kind == "f":
            draw = lambda: numbers(rng, original, shape)
        else:
            draw = lambda: self.integers(original, shape)
        drawn = draw()
        if kind == "f" and rows_sorted(original) and drawn.ndim:
            drawn = np.sort(drawn, -1)
        return np.asarray(as_dtype(rng, np.asarray(drawn), dtype or op_cases.dtype_name(original.dtype), lambda: np.asarray(draw())))

    def integers(self, original, shape):
        rng, count = self.rng, int(np.prod(shape))
        if is_permutation(original) and len(shape) == 1 and chance(rng, 0.8):
            return rng.permutation(count).astype(original.dtype)
        dice = rng.random()
        if dice < 0.4 and original.size:
            kept = np.resize(original, shape)
            if dice < 0.25:
                kept = np.array([self.sizes.get(int(v), int(v)) for v in kept.reshape(-1)], original.dtype).reshape(shape)
            return kept
        drawn = whole_numbers(rng, original, shape)
        return np.sort(drawn, -1) if rows_sorted(original) and drawn.ndim else drawn


def mutate(base, rng):
    return Mutation(base, rng).case()
