"""Cases of the ops that fill, shape, slice, join and transpose."""

import numpy as np
import tensorflow as tf

from op_cases import Case, booleans, generator, integers, normal


def i32(*values):
    return np.array(values, np.int32)


def i64(*values):
    return np.array(values, np.int64)


def f32(*values):
    return np.array(values, np.float32)


def scalar(value, dtype=np.int32):
    return np.array(value, dtype)


def words(*shape):
    """Strings of different lengths, one of them empty."""
    count = int(np.prod(shape))
    texts = [b"" if i == 1 else (b"w%d" % i) * (i % 3 + 1) for i in range(count)]
    return np.array(texts, dtype=object).reshape(shape)


def counted(*shape, dtype=np.float32):
    """0, 1, 2, ...: shows at a glance where an element went."""
    return np.arange(int(np.prod(shape))).reshape(shape).astype(dtype)


def several(rng, *shape):
    """One tensor of each size of element, and strings."""
    yield "float32", normal(rng, *shape)
    yield "half", normal(rng, *shape, dtype=np.float16)
    yield "int64", integers(rng, -9, 9, *shape, dtype=np.int64)
    yield "int8", integers(rng, -9, 9, *shape, dtype=np.int8)
    yield "bool", booleans(rng, *shape)
    yield "complex128", normal(rng, *shape) + 1j * normal(rng, *shape)
    yield "string", words(*shape)


def identities():
    rng = generator("Identity")
    for op in ("Identity", "Snapshot", "StopGradient", "PreventGradient"):
        for label, x in several(rng, 2, 2):
            if label != "string" or op in ("Identity", "StopGradient"):
                yield Case(op, label, [x])
        yield Case(op, "empty", [np.zeros((0, 3), np.float32)])
    yield Case("PreventGradient", "message", [f32(1)], message="no way back")
    yield Case("IdentityN", "three types", [[f32(1, 2), i64(3), words(2)]])
    yield Case("IdentityN", "one", [[scalar(4)]])
    yield Case("EnsureShape", "unknown sizes", [normal(rng, 2, 3)], shape=[None, None])
    yield Case("EnsureShape", "unknown size", [normal(rng, 2, 3)], shape=[None, 3])
    yield Case("EnsureShape", "strings", [words(2)], shape=[2])
    yield Case("CheckNumerics", "float32", [normal(rng, 3)], message="checked")
    yield Case("CheckNumerics", "half", [normal(rng, 3, dtype=np.float16)], message="")
    yield Case("PlaceholderWithDefault", "float32", [normal(rng, 2, 3)], shape=[None, 3])
    yield Case("PlaceholderWithDefault", "bool", [scalar(True, bool)], shape=[])
    yield Case("DebugIdentity", "float32", [normal(rng, 2)], using=lambda x: x)
    nothing = lambda *inputs: []
    yield Case("NoOp", "nothing", [], using=nothing)
    yield Case("Assert", "holds", [scalar(True, bool), f32(1, 2)], using=nothing, summarize=2)
    yield Case("Assert", "no data", [scalar(True, bool)], using=nothing)
    yield Case("Print", "passes on", [f32(1, 2), words(2)], using=lambda x, data: x, message="values: ")
    yield Case("PrintV2", "a line", [np.array(b"printed by a test", dtype=object)], using=nothing)


def shapes():
    rng = generator("Shape")
    for op in ("Shape", "Size"):
        yield Case(op, "matrix", [normal(rng, 2, 3)])
        yield Case(op, "int64", [normal(rng, 2, 3)], out_type=tf.int64)
        yield Case(op, "scalar", [scalar(1)])
        yield Case(op, "strings", [words(2, 2)])
        yield Case(op, "empty", [np.zeros((0, 4), bool)])
    yield Case("ShapeN", "two", [[normal(rng, 2, 3), normal(rng, 1)]])
    yield Case("ShapeN", "int64", [[words(2), words(1, 3)]], out_type=tf.int64)
    yield Case("Rank", "scalar", [scalar(1)])
    yield Case("Rank", "rank 3", [np.zeros((1, 0, 2), np.int8)])
    yield Case("Rank", "strings", [words(2)])
    for label, x in several(rng, 2, 6):
        yield Case("Reshape", label, [x, i32(3, -1)])
    yield Case("Reshape", "int64 shape", [counted(2, 6), i64(1, 12, 1)])
    yield Case("Reshape", "to scalar", [f32(5), np.zeros(0, np.int32)])
    yield Case("Reshape", "from scalar", [scalar(5), i32(-1)])
    yield Case("Reshape", "empty", [np.zeros((0, 4), np.float32), i32(2, -1, 3)])
    yield Case("Reshape", "empty, the unknown size beside a zero", [np.zeros((2, 0, 3), np.float32), i32(-1, 0, 2)])
    yield Case("Reshape", "empty keeps a zero", [np.zeros((0, 4), np.float32), i32(4, 0)])
    for label, x in several(rng, 2, 3):
        yield Case("ExpandDims", label, [x, scalar(1)])
    yield Case("ExpandDims", "first", [counted(2), scalar(0)])
    yield Case("ExpandDims", "last", [counted(2, 2), scalar(-1, np.int64)])
    yield Case("ExpandDims", "before the first, negative", [counted(2, 2), scalar(-3)])
    yield Case("ExpandDims", "scalar", [scalar(7), scalar(0)])
    for label, x in several(rng, 1, 2, 1):
        yield Case("Squeeze", label, [x])
    yield Case("Squeeze", "one axis", [counted(1, 2, 1)], squeeze_dims=[0])
    yield Case("Squeeze", "negative axis", [counted(1, 2, 1)], squeeze_dims=[-1])
    yield Case("Squeeze", "two axes", [counted(1, 2, 1, 1)], squeeze_dims=[0, 2])
    yield Case("Squeeze", "to scalar", [counted(1, 1)])
    for label, x in several(rng, 2, 1):
        yield Case("BroadcastTo", label, [x, i32(2, 2, 3)])
    yield Case("BroadcastTo", "scalar", [f32(2)[0], i64(2, 2)])
    yield Case("BroadcastTo", "to nothing", [f32(1, 2), i32(0, 2)])
    yield Case("BroadcastTo", "same", [counted(2, 2), i32(2, 2)])
    yield Case("BroadcastArgs", "leading", [i32(2, 3), i32(3)])
    yield Case("BroadcastArgs", "ones", [i64(2, 1, 4), i64(3, 1)])
    yield Case("BroadcastArgs", "scalar", [np.zeros(0, np.int32), i32(2)])
    yield Case("BroadcastGradientArgs", "equal", [i32(2, 3), i32(2, 3)])
    yield Case("BroadcastGradientArgs", "equal with ones", [i32(2, 1), i32(2, 1)])
    yield Case("BroadcastGradientArgs", "missing dimension", [i32(2, 3), i32(3)])
    yield Case("BroadcastGradientArgs", "ones on both sides", [i32(1, 3, 1, 1), i32(3, 2, 1)])
    yield Case("BroadcastGradientArgs", "int64", [i64(2, 1, 4), i64(5, 1)])
    yield Case("BroadcastGradientArgs", "scalar", [np.zeros(0, np.int32), i32(2, 1)])
    yield Case("ConcatOffset", "three", [scalar(1), [i32(2, 3, 5), i32(2, 7, 5), i32(2, 1, 5)]])
    yield Case("ConcatOffset", "negative axis", [scalar(-1), [i32(2, 3), i32(2, 4)]])


def fills():
    rng = generator("Fill")
    yield Case("Fill", "float32", [i32(2, 3), np.float32(1.5)])
    yield Case("Fill", "string", [i64(2), np.array(b"pad", dtype=object)])
    yield Case("Fill", "bool", [i32(3), np.bool_(True)])
    yield Case("Fill", "half", [i32(2), np.float16(0.1)])
    yield Case("Fill", "complex128", [i32(2), np.complex128(1 - 2j)])
    yield Case("Fill", "scalar", [np.zeros(0, np.int32), np.int64(3)])
    yield Case("Fill", "nothing", [i32(0, 3), np.int8(3)])
    for label, x in several(rng, 2, 2):
        yield Case("ZerosLike", label, [x])
        if label != "string":
            yield Case("OnesLike", label, [x])
    yield Case("ZerosLike", "empty", [np.zeros((0, 2), np.float32)])
    yield Case("Range", "int32", [scalar(2), scalar(11), scalar(3)])
    yield Case("Range", "int64 backwards", [scalar(5, np.int64), scalar(-4, np.int64), scalar(-2, np.int64)])
    yield Case("Range", "nothing", [scalar(3), scalar(3), scalar(1)])
    yield Case("Range", "float32", [np.float32(0), np.float32(1), np.float32(0.3)])
    yield Case("Range", "float32 backwards", [np.float32(1), np.float32(-1), np.float32(-0.5)])
    yield Case("Range", "float64", [np.float64(0.1), np.float64(0.75), np.float64(0.125)])
    yield Case("Range", "half", [np.float16(0), np.float16(3), np.float16(0.7)], using=lambda a, b, d: (a + np.arange(5) * d).astype(np.float16))
    yield Case("LinSpace", "float32", [np.float32(1), np.float32(2), scalar(4)])
    yield Case("LinSpace", "one", [np.float32(3), np.float32(9), scalar(1)])
    yield Case("LinSpace", "float64 downwards", [np.float64(1), np.float64(-1), scalar(5, np.int64)])
    yield Case("InvertPermutation", "int32", [i32(3, 0, 2, 1)])
    yield Case("InvertPermutation", "int64", [i64(1, 2, 0)])
    yield Case("InvertPermutation", "empty", [np.zeros(0, np.int32)])


def slices():
    rng = generator("Slice")
    for label, x in several(rng, 3, 4):
        yield Case("Slice", label, [x, i32(1, 1), i32(2, -1)])
        yield Case("StridedSlice", label, [x, i32(2, 0), i32(0, 4), i32(-1, 2)])
        yield Case("ReverseV2", label, [x, i32(-1)])
        yield Case("Reverse", label, [x, np.array([True, False])])
        yield Case("Roll", label, [x, i32(1, -2), i32(0, 1)])
        if label in ("float32", "bool", "complex128", "string"):
            yield Case("ReverseSequence", label, [x, i64(1, 4, 0)], seq_dim=1)
    yield Case("Slice", "all", [counted(2, 2), i64(0, 0), i64(-1, -1)])
    yield Case("Slice", "nothing", [counted(2, 2), i32(2, 0), i32(0, 2)])
    yield Case("Slice", "scalar", [scalar(4), np.zeros(0, np.int32), np.zeros(0, np.int32)])
    x = counted(3, 4, 5)
    full = [i32(0, 0, 0), i32(0, 0, 0), i32(1, 1, 1)]
    yield Case("StridedSlice", "masks of both ends", [x, i32(1, 2, 3), i32(2, 3, 4), i32(1, -1, 2)], begin_mask=3, end_mask=6)
    yield Case("StridedSlice", "all masked backwards", [counted(5), i32(0), i32(0), i32(-2)], begin_mask=1, end_mask=1)
    yield Case("StridedSlice", "ellipsis", [x, i32(1, 0, 2), i32(2, 0, 4), i32(1, 1, 1)], ellipsis_mask=2)
    yield Case("StridedSlice", "ellipsis for nothing", [x, i32(0, 1, 1, 0), i32(2, 2, 2, 0), i32(1, 1, 1, 1)], ellipsis_mask=8)
    yield Case("StridedSlice", "new axis", [counted(2, 3), i32(0, 0, 1), i32(0, 1, 3), i32(1, 1, 1)], new_axis_mask=1)
    yield Case("StridedSlice", "new axis behind the ellipsis", [counted(2, 3), i32(0, 0, 1), i32(0, 0, 2), i32(1, 1, 1)], ellipsis_mask=1, new_axis_mask=2)
    yield Case("StridedSlice", "shrink", [x, i32(-1, 1), i32(0, 3), i32(1, 1)], shrink_axis_mask=1)
    yield Case("StridedSlice", "shrink all", [x, i32(0, 1, -2), i32(1, 2, -1), i32(1, 1, 1)], shrink_axis_mask=7)
    yield Case("StridedSlice", "shrink behind the ellipsis", [x, i32(0, -1), i32(0, 0), i32(1, 1)], ellipsis_mask=1, shrink_axis_mask=2)
    yield Case("StridedSlice", "every mask", [x, i32(0, 0, 0, 1), i32(2, 0, 0, 2), i32(2, 1, 1, 1)], begin_mask=1, end_mask=1, new_axis_mask=2, ellipsis_mask=4, shrink_axis_mask=8)
    yield Case("StridedSlice", "far outside", [counted(4), i32(-100), i32(100), i32(1)])
    yield Case("StridedSlice", "far outside backwards", [counted(4), i32(100), i32(-100), i32(-3)])
    yield Case("StridedSlice", "nothing", [counted(4), i64(3), i64(1), i64(1)])
    yield Case("StridedSlice", "no entries", [counted(2, 2), np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.int32)])
    yield Case("StridedSlice", "fewer entries", [x, i32(1), i32(2), i32(1)])
    yield Case("StridedSlice", "zero ends are not masked", [x] + full)
    yield Case("StridedSlice", "vector element", [i32(7, 8, 9), i32(1), i32(2), i32(1)], shrink_axis_mask=1)
    yield Case("StridedSlice", "empty input", [np.zeros((0, 3), np.float32), i32(0, 1), i32(5, 3), i32(1, 1)])
    yield Case("ReverseV2", "two axes", [counted(2, 3), i64(1, 0)])
    yield Case("ReverseV2", "no axis", [counted(2, 3), np.zeros(0, np.int32)])
    yield Case("ReverseV2", "empty", [np.zeros((0, 3), np.float32), i32(0)])
    yield Case("Reverse", "scalar", [scalar(3), np.zeros(0, bool)])
    yield Case("ReverseSequence", "sequence first", [counted(4, 2, 2), i64(3, 2)], seq_dim=0, batch_dim=1)
    yield Case("ReverseSequence", "int32 lengths", [counted(2, 3), i32(2, 3)], seq_dim=1, batch_dim=0)
    yield Case("Roll", "same axis twice", [counted(5), i32(1, 3), i32(0, 0)])
    yield Case("Roll", "scalar shift", [counted(2, 3), scalar(-4, np.int64), scalar(-1, np.int64)])
    yield Case("Roll", "empty", [np.zeros((0, 2), np.float32), i32(1), i32(0)])


def joins():
    rng = generator("ConcatV2")
    for label, x in several(rng, 2, 3):
        part = x[:, :1]
        yield Case("ConcatV2", label, [[x, part], scalar(1)])
        yield Case("Concat", label, [scalar(-1), [part, x]])
        yield Case("Pack", label, [[x, x[::-1]]], axis=1)
        yield Case("Unpack", label, [x], num=3, axis=1)
        yield Case("Split", label, [scalar(1), x], num_split=3)
        yield Case("SplitV", label, [x, i64(1, -1), scalar(1)], num_split=2)
        yield Case("Tile", label, [x, i32(2, 1)])
    yield Case("ConcatV2", "rows, one empty", [[counted(1, 2), np.zeros((0, 2), np.float32), counted(2, 2)], scalar(0, np.int64)])
    yield Case("ConcatV2", "negative axis", [[counted(2, 1, 2), counted(2, 2, 2)], scalar(-2)])
    yield Case("ConcatV2", "one", [[i32(1, 2)], scalar(0)], using=lambda values, axis: values)
    yield Case("Pack", "scalars", [[scalar(1), scalar(2), scalar(3)]])
    yield Case("Pack", "last axis", [[counted(2), counted(2)]], axis=-1)
    yield Case("Pack", "empty", [[np.zeros((0, 2), np.float32)] * 2])
    yield Case("Unpack", "to scalars", [i64(4, 5)], num=2)
    yield Case("Unpack", "negative axis", [counted(2, 1, 2)], num=2, axis=-1)
    yield Case("Unpack", "into nothing", [np.zeros((0, 2), np.float32)], num=0)
    yield Case("Split", "one", [scalar(0), counted(2, 2)], num_split=1)
    yield Case("Split", "negative axis", [scalar(-2), counted(2, 2)], num_split=2)
    yield Case("SplitV", "int32 sizes", [counted(5, 2), i32(2, 0, 3), scalar(0)], num_split=3)
    yield Case("SplitV", "one part", [counted(2, 2), i64(2), scalar(-1)], num_split=1)
    yield Case("Tile", "three dimensions", [counted(1, 2, 2), i64(2, 1, 3)])
    yield Case("Tile", "zero times", [counted(2), i32(0)])
    yield Case("Tile", "scalar", [scalar(3), np.zeros(0, np.int32)])


def paddings():
    rng = generator("Pad")
    around = np.array([[1, 0], [2, 1]], np.int32)
    for label, x in several(rng, 2, 3):
        yield Case("Pad", label, [x, around])
        yield Case("PadV2", label, [x, around, x[0, 0]])
        yield Case("MirrorPad", label, [x, np.array([[1, 0], [2, 1]], np.int32)], mode="REFLECT")
    yield Case("Pad", "nothing to add", [counted(2), np.zeros((1, 2), np.int64)])
    yield Case("Pad", "empty input", [np.zeros((0, 2), np.float32), around])
    yield Case("Pad", "scalar", [scalar(3), np.zeros((0, 2), np.int32)])
    yield Case("PadV2", "int64 paddings", [counted(2, 1, 2), np.array([[0, 1], [1, 0], [0, 0]], np.int64), np.float32(-1)])
    yield Case("PadV2", "infinity", [counted(2), np.array([[1, 1]], np.int32), np.float32(-np.inf)])
    yield Case("MirrorPad", "symmetric", [counted(2, 3), np.array([[2, 1], [3, 0]], np.int32)], mode="SYMMETRIC")
    yield Case("MirrorPad", "reflect, as far as it goes", [counted(3, 2), np.array([[2, 2], [1, 1]], np.int64)], mode="REFLECT")
    yield Case("MirrorPad", "rank 4", [counted(1, 2, 3, 1), np.array([[0, 0], [1, 1], [2, 1], [0, 0]], np.int32)], mode="REFLECT")


def transpositions():
    rng = generator("Transpose")
    for label, x in several(rng, 2, 1, 3):
        yield Case("Transpose", label, [x, i32(2, 0, 1)])
        if label != "string":
            yield Case("ConjugateTranspose", label, [x, i32(1, 2, 0)])
    yield Case("Transpose", "rank 4", [counted(2, 2, 2, 2), i64(3, 1, 0, 2)])
    yield Case("Transpose", "same order", [counted(2, 2), i32(0, 1)])
    yield Case("Transpose", "scalar", [scalar(1), np.zeros(0, np.int32)])
    yield Case("Transpose", "empty", [np.zeros((0, 2, 3), np.float32), i32(2, 1, 0)])
    yield Case("ConjugateTranspose", "complex64", [np.array([[1 + 2j, 3 - 1j]], np.complex64), i32(1, 0)])

    def channels_first(function):
        def run(x):
            return np.transpose(function(np.transpose(x, (0, 2, 3, 1)), 2).numpy(), (0, 3, 1, 2))

        return run

    for label, x in several(rng, 1, 2, 4, 1):
        if label in ("float32", "int8", "complex128"):
            yield Case("SpaceToDepth", label, [x], block_size=2)
            yield Case("DepthToSpace", label, [x.reshape(1, 2, 1, 4)], block_size=2)
    yield Case("SpaceToDepth", "two channels", [counted(2, 2, 4, 2)], block_size=2)
    yield Case("SpaceToDepth", "channels first", [counted(1, 3, 2, 4)], using=channels_first(tf.nn.space_to_depth), block_size=2, data_format="NCHW")
    yield Case("SpaceToDepth", "blocks of 3", [counted(1, 3, 6, 1)], block_size=3)
    yield Case("DepthToSpace", "two channels", [counted(2, 1, 2, 8)], block_size=2)
    yield Case("DepthToSpace", "channels first", [counted(1, 12, 1, 2)], using=channels_first(tf.nn.depth_to_space), block_size=2, data_format="NCHW")
    yield Case("DepthToSpace", "blocks of 3", [counted(1, 1, 2, 9)], block_size=3)
    none = np.zeros((2, 2), np.int32)
    for label, x in several(rng, 1, 2, 4, 1):
        if label in ("float32", "int64", "int8", "half"):
            yield Case("SpaceToBatchND", label, [x, i32(2, 2), none])
            yield Case("BatchToSpaceND", label, [x.reshape(4, 1, 2, 1), i32(2, 2), none])
    yield Case("SpaceToBatchND", "paddings", [counted(2, 3, 2, 2), i32(2, 3), np.array([[1, 0], [0, 1]], np.int32)])
    yield Case("SpaceToBatchND", "one dimension, as dilated causal convolutions do", [counted(1, 4, 2), i32(2), np.array([[2, 0]], np.int32)])
    yield Case("SpaceToBatchND", "int64", [counted(1, 2, 3), i64(1, 3), np.zeros((2, 2), np.int64)])
    yield Case("SpaceToBatchND", "three dimensions", [counted(1, 2, 2, 2, 1), i32(2, 1, 2), np.zeros((3, 2), np.int32)])
    yield Case("BatchToSpaceND", "crops", [counted(6, 2, 1, 2), i32(2, 3), np.array([[1, 0], [0, 1]], np.int32)])
    yield Case("BatchToSpaceND", "one dimension", [counted(2, 3, 2), i32(2), np.array([[2, 0]], np.int32)])
    yield Case("BatchToSpaceND", "three dimensions", [counted(4, 1, 2, 1, 1), i32(2, 1, 2), np.array([[0, 0], [1, 0], [0, 0]], np.int32)])
    yield Case("SpaceToBatch", "paddings", [counted(1, 3, 3, 1), np.array([[1, 0], [0, 1]], np.int32)], block_size=2)
    yield Case("SpaceToBatch", "int64", [counted(2, 2, 2, 1, dtype=np.int64), none], block_size=2)
    yield Case("BatchToSpace", "crops", [counted(4, 2, 2, 1), np.array([[1, 0], [0, 1]], np.int64)], block_size=2)
    yield Case("BatchToSpace", "depth", [counted(4, 1, 1, 3), none], block_size=2)


def cases():
    for family in (identities, shapes, fills, slices, joins, paddings, transpositions):
        yield from family()
