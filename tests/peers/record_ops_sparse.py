"""Cases of arithmetic on sparse tensors, and of what puts them together or takes them apart."""

import numpy as np
import tensorflow as tf

from op_cases import Case, generator, integers, normal
from record_ops_structure import main

INDICES = np.int64([[0, 1], [0, 3], [1, 0], [2, 2], [2, 3]])
SHAPE = np.int64([3, 4])


def products():
    op = "SparseTensorDenseMatMul"
    rng = generator(op)
    values = normal(rng, 5)
    yield Case(op, "plain", [INDICES, values, SHAPE, normal(rng, 4, 2)])
    yield Case(op, "a transposed", [INDICES.astype(np.int32), values, SHAPE, normal(rng, 3, 2)], adjoint_a=True)
    yield Case(op, "b transposed", [INDICES, values, SHAPE, normal(rng, 2, 4)], adjoint_b=True)
    yield Case(op, "int32, both", [INDICES, integers(rng, -9, 9, 5), SHAPE, integers(rng, -9, 9, 2, 3)], adjoint_a=True, adjoint_b=True)
    yield Case(op, "complex64", [INDICES, (normal(rng, 5) + 1j * normal(rng, 5)).astype(np.complex64), SHAPE, (normal(rng, 3, 2) + 2j).astype(np.complex64)],
               adjoint_a=True)
    yield Case(op, "repeated indices", [np.int64([[0, 0], [0, 0]]), np.float32([1, 2]), np.int64([1, 1]), np.float32([[3]])])
    yield Case(op, "no values", [np.zeros((0, 2), np.int64), np.zeros(0, np.float32), np.int64([2, 2]), normal(rng, 2, 1)])


def reductions():
    cube = np.int64([[0, 0, 1], [0, 1, 0], [0, 1, 2], [1, 0, 1], [1, 1, 1]])
    for op in ("SparseReduceSum", "SparseReduceMax"):
        rng = generator(op)
        yield Case(op, "columns", [INDICES, normal(rng, 5), SHAPE, np.int32([1])])
        yield Case(op, "rows, kept", [INDICES, normal(rng, 5), SHAPE, np.int32([0])], keep_dims=True)
        yield Case(op, "everything", [INDICES, integers(rng, -9, 9, 5), SHAPE, np.int32([0, -1])])
        yield Case(op, "scalar axis", [INDICES, integers(rng, -9, 9, 5), SHAPE, np.int32(-1)])
        yield Case(op, "cube, outer and inner", [cube, normal(rng, 5), np.int64([2, 2, 3]), np.int32([0, 2])])
        yield Case(op, "cube, the middle, kept", [cube, normal(rng, 5), np.int64([2, 2, 3]), np.int32([1])], keep_dims=True)


def sums():
    other = np.int64([[0, 0], [0, 3], [2, 2]])
    rng = generator("SparseAdd")
    yield Case("SparseAdd", "float32", [INDICES, normal(rng, 5), SHAPE, other, normal(rng, 3), SHAPE, np.float32(0)])
    yield Case("SparseAdd", "a threshold", [INDICES, np.float32([1, 2, -0.4, 3, 0.5]), SHAPE, other, np.float32([0.3, -1.9, 1]), SHAPE, np.float32(0.5)])
    yield Case("SparseAdd", "int64", [INDICES, integers(rng, -9, 9, 5, dtype=np.int64), SHAPE, other, integers(rng, -9, 9, 3, dtype=np.int64), SHAPE, np.int64(0)])
    yield Case("SparseAdd", "complex64", [INDICES, normal(rng, 5).astype(np.complex64), SHAPE, other, np.complex64([1j, 2, 3 - 1j]), SHAPE, np.float32(0.1)])
    yield Case("SparseAdd", "one empty", [np.zeros((0, 2), np.int64), np.zeros(0, np.float32), SHAPE, other, normal(rng, 3), SHAPE, np.float32(0)])
    for op in ("SparseDenseCwiseAdd", "SparseDenseCwiseMul", "SparseDenseCwiseDiv"):
        rng = generator(op)
        yield Case(op, "one shape", [INDICES, normal(rng, 5), SHAPE, normal(rng, 3, 4)])
        yield Case(op, "a row", [INDICES, normal(rng, 5), SHAPE, normal(rng, 4)])
        yield Case(op, "a column", [INDICES, integers(rng, -20, 20, 5), SHAPE, integers(rng, 1, 9, 3, 1)])
        yield Case(op, "a scalar", [INDICES, normal(rng, 5, dtype=np.float64), SHAPE, np.float64(2.5)])
    rng = generator("SparseTensorDenseAdd")
    yield Case("SparseTensorDenseAdd", "float32", [INDICES, normal(rng, 5), SHAPE, normal(rng, 3, 4)])
    yield Case("SparseTensorDenseAdd", "int32", [np.int32([[1], [1]]), np.int32([5, 6]), np.int32([3]), np.int32([1, 2, 3])])
    rng = generator("SparseSoftmax")
    yield Case("SparseSoftmax", "a matrix", [INDICES, normal(rng, 5), SHAPE])
    yield Case("SparseSoftmax", "float64, rank 3", [np.int64([[0, 0, 0], [0, 0, 2], [1, 1, 1]]), normal(rng, 3, dtype=np.float64), np.int64([2, 2, 3])])


def structure():
    shuffled = INDICES[[3, 0, 4, 2, 1]]
    words = np.array([b"d", b"a", b"e", b"c", b"b"], object)
    yield Case("SparseReorder", "strings", [shuffled, words, SHAPE])
    yield Case("SparseReorder", "float32", [shuffled, np.float32([4, 1, 5, 3, 2]), SHAPE])
    for label, start, size in (("inside", [0, 1], [2, 3]), ("over the end", [1, 2], [9, 9]), ("behind the end", [3, 0], [1, 4]), ("nothing", [0, 0], [0, 4])):
        yield Case("SparseSlice", label, [INDICES, np.float32([1, 2, 3, 4, 5]), SHAPE, np.int64(start), np.int64(size)])
    yield Case("SparseSlice", "strings", [INDICES, words, SHAPE, np.int64([1, 0]), np.int64([2, 3])])
    other = np.int64([[0, 0], [2, 1]])
    parts = lambda values, more: [[INDICES, other], [values, more], [SHAPE, np.int64([3, 2])]]
    yield Case("SparseConcat", "columns", parts(np.float32([1, 2, 3, 4, 5]), np.float32([6, 7])), concat_dim=1)
    yield Case("SparseConcat", "columns from the end, strings", parts(words, np.array([b"f", b"g"], object)), concat_dim=-1)
    yield Case("SparseConcat", "rows", [[INDICES, INDICES], [np.int32([1, 2, 3, 4, 5]), np.int32([6, 7, 8, 9, 10])], [SHAPE, SHAPE]], concat_dim=0)
    values = np.float32([1, 2, 3, 4, 5])
    yield Case("RaggedTensorToSparse", "one level", [[np.int64([0, 2, 2, 5])], values])
    yield Case("RaggedTensorToSparse", "two levels", [[np.int32([0, 2, 3]), np.int32([0, 1, 1, 5])], values])
    yield Case("RaggedTensorToSparse", "inner dimensions", [[np.int64([0, 1, 2])], np.float32([[1, 2], [3, 4]])])
    yield Case("RaggedTensorToSparse", "strings, empty rows", [[np.int64([0, 0, 0, 5])], words])
    yield Case("RaggedTensorToSparse", "no values", [[np.int64([0])], np.zeros(0, np.int32)])


def counts():
    numbers = np.int32([1, 3, 3, 0, 9])
    for label, weights in (("occurrences", np.zeros(0, np.float32)), ("weights", np.float32([0.5, 1, 2, 4, 8])), ("int64 weights", np.int64([1, 2, 3, 4, 5]))):
        for binary in (False, True):
            more = {"binary_output": True} if binary else {}
            yield Case("RaggedBincount", "%s%s" % (label, ", binary" * binary), [np.int64([0, 2, 2, 5]), numbers, np.int32(5), weights], **more)
            yield Case("SparseBincount", "vector, %s%s" % (label, ", binary" * binary), [INDICES[:, 1:] + 4 * INDICES[:, :1], numbers, np.int64([12]), np.int32(5), weights],
                       **more)
            yield Case("SparseBincount", "matrix, %s%s" % (label, ", binary" * binary), [INDICES, numbers, SHAPE, np.int32(10), weights], **more)
    yield Case("RaggedBincount", "no bins", [np.int64([0, 5]), numbers.astype(np.int64), np.int64(0), np.zeros(0, np.int32)])
    yield Case("SparseBincount", "no values", [np.zeros((0, 2), np.int64), np.zeros(0, np.int64), SHAPE, np.int64(2), np.zeros(0, np.float64)])


def words(*values):
    return np.array([value.encode() for value in values], object)


def crosses():
    texts, numbers = words("a", "b", "c", "", "e"), np.int64([7, -1, 2**40, 3, 4])
    other = np.int64([[0, 0], [2, 0], [2, 1]])
    letters, digits = words("x", "y", "z", "v", "w", "u").reshape(3, 2), np.int64([[1, 2], [3, 4], [5, 2**35]])
    kinds = (
        ("strings", [[INDICES, other], [texts, words("p", "q", "r")], [SHAPE, np.int64([3, 2])]], [letters]),
        ("numbers", [[INDICES], [numbers], [SHAPE]], [digits]),
        ("of both kinds", [[INDICES, other], [texts, np.int64([5, 6, 7])], [SHAPE, np.int64([3, 2])]], [letters, digits]),
        ("sparse only", [[INDICES, other], [numbers, words("p", "q", "r")], [SHAPE, np.int64([3, 2])]], []),
        ("dense only", [[], [], []], [letters, digits]),
        ("one column", [[INDICES], [texts], [SHAPE]], []),
    )
    name = lambda array: tf.string if array.dtype == object else tf.int64
    for label, sparse, dense in kinds:
        types = dict(N=len(sparse[0]), sparse_types=[name(a) for a in sparse[1]], dense_types=[name(a) for a in dense])
        inputs = [*sparse, dense]
        for buckets in (0, 100):
            yield Case("SparseCross", "%s, %d buckets" % (label, buckets), inputs, **types, hashed_output=True, num_buckets=buckets, hash_key=0xDECAFCAFFE,
                       out_type=tf.int64, internal_type=tf.int64)
            # TensorFlow dies of a salt for the numbers of a dense column.
            for strong in (False, True) if all(array is letters for array in dense) else (False,):
                yield Case("SparseCrossHashed", "%s, %d buckets%s" % (label, buckets, ", salted" * strong),
                           [*inputs, np.int64(buckets), np.array(strong), np.int64([5, -6])], **types)
        yield Case("SparseCross", label, inputs, **types, hashed_output=False, num_buckets=0, hash_key=1, out_type=tf.string, internal_type=tf.int64)
        yield Case("SparseCrossV2", label, [*inputs, np.array(b"-&-", object)], **types)


def ragged_crosses():
    ragged = lambda values, splits: (values, np.int64(splits))
    texts, numbers = ragged(words("a", "b", "c", "", "e"), [0, 2, 2, 5]), ragged(np.int64([7, -1, 3]), [0, 1, 1, 3])
    sparse, dense = (INDICES, words("s", "t", "u", "v", "w"), SHAPE), np.int64([[1, 2], [3, 4], [5, 6]])
    name = lambda array: tf.as_dtype(array.dtype) if array.dtype != object else tf.string
    for label, order, r, s, d in (("ragged", "RR", [texts, numbers], [], []), ("of all kinds", "DSR", [texts], [sparse], [dense]), ("dense", "D", [], [], [dense]),
                                  ("mixed order", "RSRD", [numbers, texts], [sparse], [dense])):
        inputs = [[v for v, _ in r], [p for _, p in r], [i for i, _, _ in s], [v for _, v, _ in s], [n for _, _, n in s], d]
        types = dict(ragged_values_types=[name(v) for v, _ in r], ragged_splits_types=[tf.int64] * len(r), Nsparse=len(s),
                     sparse_values_types=[name(v) for _, v, _ in s], dense_types=[name(a) for a in d], input_order=order)
        for buckets in (0, 50):
            yield Case("RaggedCross", "%s, %d buckets" % (label, buckets), inputs, **types, hashed_output=True, num_buckets=buckets, hash_key=956888297470,
                       out_values_type=tf.int64, out_row_splits_type=tf.int64)
        yield Case("RaggedCross", label, inputs, **types, hashed_output=False, num_buckets=0, hash_key=0, out_values_type=tf.string, out_row_splits_type=tf.int64)


def variants():
    """Into variants and out of them again."""
    types = {"outer": "int64[?]", "inner": "int64[?]", "values": "float32[?,2]"}
    inputs = [np.int64([0, 2, 2, 3]), np.int64([0, 1, 1, 4]), np.float32([[1, 2], [3, 4], [5, 6], [7, 8]])]

    def module(levels, batched, input_rank):
        given = ["outer", "inner"][2 - levels :] + ["values"]
        to = "%%v = RaggedTensorToVariant(%s) {batched_input = %s} : variant%s" % (", ".join("%" + name for name in given), str(batched).lower(), "[?]" if batched else "[]")
        dtypes = ["int64[?]"] * levels + ["float32[...]"]
        out = "%%r = RaggedTensorFromVariant(%%v) {input_ragged_rank = %d, output_ragged_rank = %d, Tvalues = float32} : %s" % (
            input_rank, levels, ", ".join(dtypes))
        return main({name: types[name] for name in given}, [to, out], ["%r"] + ["%%r:%d" % (i + 1) for i in range(levels)])

    def case(op, label, levels, batched, input_rank):
        def run(*given):
            encoded = tf.raw_ops.RaggedTensorToVariant(rt_nested_splits=list(given[:-1]), rt_dense_values=given[-1], batched_input=batched)
            nested, flat = tf.raw_ops.RaggedTensorFromVariant(encoded_ragged=encoded, input_ragged_rank=input_rank, output_ragged_rank=levels, Tvalues=tf.float32,
                                                              Tsplits=tf.int64)
            return [*nested, flat]

        return Case(op, label, inputs[2 - levels :], module=module(levels, batched, input_rank), using=run)

    yield case("RaggedTensorToVariant", "rows, two levels", 2, True, 1)
    yield case("RaggedTensorFromVariant", "rows, one level", 1, True, -1)


def cases():
    yield from products()
    yield from reductions()
    yield from sums()
    yield from structure()
    yield from counts()
    yield from crosses()
    yield from ragged_crosses()
    yield from variants()
