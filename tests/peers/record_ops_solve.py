"""Cases of the ops that solve systems of linear equations and factorise matrices."""

import numpy as np
import tensorflow as tf

from op_cases import Case, generator, normal

EXACT = (1e-5, 1e-4)  # TensorFlow solves in float32


def complexes(rng, *shape, dtype=np.complex64):
    return (normal(rng, *shape) + 1j * normal(rng, *shape)).astype(dtype)


def positive(rng, *shape, dtype=np.float32):
    """Self-adjoint positive definite matrices."""
    x = complexes(rng, *shape, dtype=dtype) if np.dtype(dtype).kind == "c" else normal(rng, *shape, dtype=dtype)
    return np.round(x @ np.conj(np.swapaxes(x, -1, -2)) + np.eye(shape[-1]), 3).astype(dtype)


def square(op):
    """Cases for any op of square matrices that may be of any kind."""
    rng = generator(op)
    yield Case(op, "float32", [normal(rng, 3, 3)], tolerance=EXACT)
    yield Case(op, "float64", [normal(rng, 4, 4, dtype=np.float64)])
    yield Case(op, "a batch", [normal(rng, 2, 1, 2, 2)], tolerance=EXACT)
    yield Case(op, "rows change places", [np.array([[0, 2, 1], [1, 0, 0], [0, 0, 3]], np.float32)])
    yield Case(op, "one element", [np.array([[-4]], np.float32)])
    yield Case(op, "complex64", [complexes(rng, 3, 3)], tolerance=EXACT)
    yield Case(op, "complex128", [complexes(rng, 2, 2, dtype=np.complex128)])
    yield Case(op, "no elements", [np.zeros((2, 0, 0), np.float32)])
    yield Case(op, "no matrices", [np.zeros((0, 2, 2), np.float32)])


def solving():
    for op in ("MatrixDeterminant", "LogMatrixDeterminant"):
        yield from square(op)
        yield Case(op, "singular", [np.array([[1, 2], [2, 4]], np.float32)])
        yield Case(op, "zeros", [np.zeros((2, 2), np.float64)])
    yield from square("MatrixInverse")
    rng = generator("MatrixInverse")
    yield Case("MatrixInverse", "adjoint", [normal(rng, 2, 3, 3)], adjoint=True, tolerance=EXACT)
    yield Case("MatrixInverse", "adjoint of complex128", [complexes(rng, 2, 2, dtype=np.complex128)], adjoint=True)
    rng = generator("MatrixSolve")
    yield Case("MatrixSolve", "float32", [normal(rng, 3, 3), normal(rng, 3, 2)], tolerance=EXACT)
    yield Case("MatrixSolve", "a batch of float64", [normal(rng, 2, 3, 3, dtype=np.float64), normal(rng, 2, 3, 1, dtype=np.float64)])
    yield Case("MatrixSolve", "adjoint", [normal(rng, 3, 3), normal(rng, 3, 1)], adjoint=True, tolerance=EXACT)
    yield Case("MatrixSolve", "adjoint of complex128", [complexes(rng, 2, 2, dtype=np.complex128), complexes(rng, 2, 2, dtype=np.complex128)], adjoint=True)
    yield Case("MatrixSolve", "rows change places", [np.array([[0, 2], [1, 0]], np.float32), np.array([[1], [2]], np.float32)])
    yield Case("MatrixSolve", "no equations", [np.zeros((0, 0), np.float32), np.zeros((0, 2), np.float32)])
    yield Case("MatrixSolve", "no right-hand sides", [normal(rng, 2, 2), np.zeros((2, 0), np.float32)])
    yield from triangular()


def triangular():
    op, rng = "MatrixTriangularSolve", generator("MatrixTriangularSolve")
    for lower in (True, False):
        for adjoint in (True, False):
            yield Case(op, "lower %s, adjoint %s" % (lower, adjoint), [positive(rng, 3, 3), normal(rng, 3, 2)], lower=lower, adjoint=adjoint, tolerance=EXACT)
    yield Case(op, "complex128, adjoint", [positive(rng, 2, 2, dtype=np.complex128), complexes(rng, 2, 1, dtype=np.complex128)], adjoint=True)
    yield Case(op, "a batch of float64", [positive(rng, 2, 2, 2, dtype=np.float64), normal(rng, 2, 2, 1, dtype=np.float64)])
    yield Case(op, "one matrix", [positive(rng, 2, 2), normal(rng, 3, 2, 1)], tolerance=EXACT)
    yield Case(op, "one right-hand side", [positive(rng, 2, 1, 2, 2), normal(rng, 1, 2, 1)], tolerance=EXACT)
    yield Case(op, "no equations", [np.zeros((0, 0), np.float32), np.zeros((0, 2), np.float32)])


def factors():
    rng = generator("Cholesky")
    yield Case("Cholesky", "float32", [positive(rng, 3, 3)], tolerance=EXACT)
    yield Case("Cholesky", "a batch of float64", [positive(rng, 2, 2, 2, dtype=np.float64)])
    yield Case("Cholesky", "only the lower triangle counts", [np.array([[4, 100], [2, 5]], np.float32)])
    yield Case("Cholesky", "not positive definite", [np.array([[[1, 2], [2, 1]], [[4, 2], [2, 5]]], np.float64)])
    yield Case("Cholesky", "complex64", [positive(rng, 3, 3, dtype=np.complex64)], tolerance=EXACT)
    yield Case("Cholesky", "complex128", [positive(rng, 2, 2, dtype=np.complex128)])
    yield Case("Cholesky", "no elements", [np.zeros((1, 0, 0), np.float32)])
    rng = generator("Qr")
    for full in (False, True):
        more = " in full" if full else ""
        yield Case("Qr", "square" + more, [normal(rng, 3, 3)], full_matrices=full, tolerance=EXACT)
        yield Case("Qr", "tall" + more, [normal(rng, 4, 2)], full_matrices=full, tolerance=EXACT)
        yield Case("Qr", "wide" + more, [normal(rng, 2, 4, dtype=np.float64)], full_matrices=full)
        yield Case("Qr", "complex64" + more, [complexes(rng, 3, 2)], full_matrices=full, tolerance=EXACT)
        yield Case("Qr", "complex128" + more, [complexes(rng, 2, 2, dtype=np.complex128)], full_matrices=full)
    yield Case("Qr", "a batch", [normal(rng, 2, 2, 2)], tolerance=EXACT)
    yield Case("Qr", "already a triangle", [np.array([[-2, 1], [0, 3]], np.float32)])
    yield Case("Qr", "no matrices", [np.zeros((0, 3, 2), np.float32)])
    yield from eigen()


def largest_positive(matrix):
    """Eigenvectors are free in their signs; this gives those whose largest elements are real and positive."""
    values, vectors = (result.numpy() for result in tf.linalg.eigh(matrix))
    largest = np.take_along_axis(vectors, np.argmax(np.abs(vectors), -2)[..., None, :], -2)
    return values.astype(matrix.dtype), vectors * (np.conj(largest) / np.abs(largest)).astype(matrix.dtype)


def eigen():
    op, rng = "SelfAdjointEigV2", generator("SelfAdjointEigV2")
    yield Case(op, "float32", [positive(rng, 3, 3)], using=largest_positive, tolerance=(1e-5, 1e-4))
    yield Case(op, "float64", [positive(rng, 4, 4, dtype=np.float64)], using=largest_positive)
    yield Case(op, "a batch, of which only the lower triangles count", [normal(rng, 2, 2, 2)], using=largest_positive, tolerance=(1e-5, 1e-4))
    yield Case(op, "complex128", [positive(rng, 3, 3, dtype=np.complex128)], using=largest_positive)
    yield Case(op, "complex64", [positive(rng, 2, 2, dtype=np.complex64)], using=largest_positive, tolerance=(1e-5, 1e-4))
    yield Case(op, "equal eigenvalues", [np.array([[2, 1, 1], [1, 2, 1], [1, 1, 2]], np.float64)], unchecked=(1,), tolerance=(1e-12, 1e-12))
    yield Case(op, "diagonal", [np.diag(np.float32([3, -1, 2]))])
    yield Case(op, "values only", [positive(rng, 3, 3, dtype=np.float64)], compute_v=False, unchecked=(1,))
    yield Case(op, "one element", [np.array([[-4]], np.float32)])
    yield Case(op, "no matrices", [np.zeros((0, 2, 2), np.float32)])


def cases():
    yield from solving()
    yield from factors()
