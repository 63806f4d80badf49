"""Cases of arithmetic on sparse tensors, and of what puts them together or takes them apart."""

import numpy as np
import tensorflow as tf

from op_cases import Case, generator, integers, normal

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


def cases():
    yield from products()
    yield from reductions()
    yield from sums()
    yield from structure()
