"""Cases of the ops that gather, scatter, search and detect, and of diagonals, sparse and ragged tensors."""

import numpy as np
import tensorflow as tf

from op_cases import Case, generator, integers, normal, uniform
from record_ops_array import counted, f32, i32, i64, scalar, several, words


def gathers():
    rng = generator("GatherV2")
    for label, x in several(rng, 3, 2):
        yield Case("GatherV2", label, [x, i32(2, 0, 2), scalar(0)])
        yield Case("Gather", label, [x, i64(1, 1)])
        yield Case("GatherNd", label, [x, np.array([[0, 1], [2, 0]], np.int32)])
        yield Case("OneHot", label, [i32(1, -1, 2), scalar(3), x[0, 0], x[0, 1]])
        yield Case("DynamicPartition", label, [x, i32(1, 0, 1)], num_partitions=3)
        yield Case("DynamicStitch", label, [[i32(2, 0), i32(1, 2)], [x[:2], x[1:]]])
    yield Case("GatherV2", "columns", [counted(2, 3, 2), np.array([[0, 2], [1, 1]], np.int64), scalar(1)])
    yield Case("GatherV2", "scalar index", [counted(2, 3), scalar(1), scalar(-1, np.int64)])
    yield Case("GatherV2", "batch", [counted(2, 3), np.array([[2, 0], [1, 1]], np.int32), scalar(1)], batch_dims=1)
    yield Case("GatherV2", "batch with outer and inner", [counted(2, 2, 3, 2), np.array([[2], [1]], np.int32), scalar(2)], batch_dims=1)
    yield Case("GatherV2", "negative batch_dims", [counted(2, 3, 2), np.array([[2, 0], [1, 1]], np.int32), scalar(1)], batch_dims=-1)
    yield Case("GatherV2", "no indices", [counted(2, 3), np.zeros((0,), np.int32), scalar(0)])
    yield Case("Gather", "matrix of indices", [counted(3), np.array([[0, 1], [2, 2]], np.int32)])
    yield Case("Gather", "scalar", [counted(3, 2), scalar(2)])
    yield Case("GatherNd", "rows", [counted(3, 2, 2), np.array([[2], [0]], np.int64)])
    yield Case("GatherNd", "whole", [counted(2, 2), np.zeros((2, 0), np.int32)])
    yield Case("GatherNd", "matrix of rows", [counted(2, 3), np.array([[[0, 0], [1, 1]], [[1, 2], [0, 2]]], np.int32)])
    yield Case("GatherNd", "one index", [counted(2, 3), i32(1, 2)])
    yield Case("OneHot", "first axis", [i64(0, 2), scalar(3), np.float32(1), np.float32(0)], axis=0)
    yield Case("OneHot", "matrix, middle axis", [np.array([[0, 1], [2, 5]], np.uint8), scalar(3), np.int64(5), np.int64(-5)], axis=1)
    yield Case("OneHot", "scalar", [scalar(1, np.int64), scalar(2), np.float32(1), np.float32(0)])
    yield Case("OneHot", "depth 0", [i32(0, 1), scalar(0), np.float32(1), np.float32(0)])
    yield Case("Where", "bool", [np.array([[True, False], [True, True]])])
    yield Case("Where", "float32", [f32(0, -0.0, 3, np.nan)])
    yield Case("Where", "int64, rank 3", [np.array([[[0, 1]], [[2, 0]]], np.int64)])
    yield Case("Where", "complex64", [np.array([0, 1j], np.complex64)])
    yield Case("Where", "none", [np.zeros((2, 2), bool)])
    yield Case("Where", "empty", [np.zeros((0, 2), bool)])
    yield Case("DynamicPartition", "matrix of numbers", [counted(2, 2, 2), np.array([[0, 1], [1, 1]], np.int32)], num_partitions=2)
    yield Case("DynamicPartition", "scalar number", [counted(2), scalar(1)], num_partitions=2)
    yield Case("DynamicPartition", "empty", [np.zeros((0, 2), np.float32), np.zeros(0, np.int32)], num_partitions=2)
    for op in ("DynamicStitch", "ParallelDynamicStitch"):
        yield Case(op, "matrix and scalar of indices", [[np.array([[3, 0], [1, 4]], np.int32), scalar(2)], [counted(2, 2, 2), f32(9, 9)]])
        yield Case(op, "to a vector", [[i32(1), i32(0, 2)], [i64(5), i64(6, 7)]])


def scatters():
    rng = generator("ScatterNd")
    rows = np.array([[2], [0], [2]], np.int32)
    for label, x in several(rng, 3, 2):
        yield Case("ScatterNd", label, [rows, x, i32(4, 2)])
        yield Case("TensorScatterUpdate", label, [x, np.array([[1, 0], [2, 1]], np.int32), x[0]])
        for op in ("ScatterNdNonAliasingAdd", "TensorScatterAdd", "TensorScatterSub", "TensorScatterMax", "TensorScatterMin"):
            if label in ("float32", "half", "int64", "int8") or (label == "complex128" and op in ("ScatterNdNonAliasingAdd", "TensorScatterAdd", "TensorScatterSub")):
                yield Case(op, label, [x, rows, x])
        yield Case("SparseToDense", label, [np.array([[0, 1], [1, 0]], np.int32), i32(2, 2), x[0], x[1, 0]])
    yield Case("ScatterNd", "elements", [np.array([[0, 1], [1, 1], [0, 1]], np.int64), f32(1, 2, 4), i64(2, 2)])
    yield Case("ScatterNd", "matrix of rows", [np.array([[[0], [1]], [[1], [2]]], np.int32), counted(2, 2, 2), i32(3, 2)])
    yield Case("ScatterNd", "no updates", [np.zeros((0, 1), np.int32), np.zeros((0, 2), np.float32), i32(2, 2)])
    yield Case("ScatterNd", "int8 wraps", [np.array([[0], [0]], np.int32), np.array([100, 100], np.int8), i32(1)])
    yield Case("TensorScatterUpdate", "rows, the last wins", [counted(3, 2), np.array([[1], [1]], np.int64), -counted(2, 2)])
    yield Case("TensorScatterUpdate", "nothing", [counted(3), np.zeros((0, 1), np.int32), np.zeros(0, np.float32)])
    yield Case("TensorScatterMax", "twice", [f32(0, 5), np.array([[0], [0], [1]], np.int32), f32(3, 2, 4)])
    yield Case("TensorScatterMin", "twice", [f32(0, 5), np.array([[0], [0], [1]], np.int32), f32(3, -2, 4)])
    yield Case("SparseToDense", "vector", [i64(0, 3), i64(5), f32(1, 2), np.float32(-1)])
    yield Case("SparseToDense", "scalar index", [scalar(2), i32(4), scalar(7), scalar(0)])
    yield Case("SparseToDense", "one value", [i32(1, 2), i32(4), scalar(7), scalar(0)])
    yield Case("SparseToDense", "unsorted, repeated", [i32(2, 1, 2), i32(3), f32(1, 2, 3), np.float32(0)], validate_indices=False)


def segments():
    rng = generator("SegmentSum")
    for op in ("SegmentSum", "SegmentMean", "SegmentMax", "SegmentMin", "SegmentProd"):
        for label, x in several(rng, 4, 2):
            if label in ("float32", "half", "int64") or (label == "int8" and op != "SegmentProd") or (label == "complex128" and op in ("SegmentSum", "SegmentProd")):
                yield Case(op, label, [x, i32(0, 0, 1, 1)])
        yield Case(op, "empty segments", [normal(rng, 3), i64(1, 1, 4)])
        yield Case(op, "rank 3", [normal(rng, 3, 2, 2), i32(0, 1, 1)])
        yield Case(op, "nothing", [np.zeros((0, 2), np.float32), np.zeros(0, np.int32)])
    yield Case("SegmentMax", "infinities", [f32(-np.inf, -np.inf, np.inf), i32(0, 0, 1)])
    yield Case("SegmentMin", "infinities", [f32(np.inf, np.inf, -np.inf), i32(0, 0, 1)])
    for op in ("UnsortedSegmentSum", "UnsortedSegmentMax", "UnsortedSegmentMin", "UnsortedSegmentProd"):
        for label, x in several(rng, 3, 2):
            if label in ("float32", "half", "int64", "int8") or (label == "complex128" and op in ("UnsortedSegmentSum", "UnsortedSegmentProd")):
                yield Case(op, label, [x, i32(2, 0, 2), scalar(4)])
        yield Case(op, "left out", [normal(rng, 3), i64(-1, 1, -1), scalar(2, np.int64)])
        yield Case(op, "matrix of numbers", [normal(rng, 2, 2, 2), np.array([[0, 1], [1, 1]], np.int32), scalar(2)])
        yield Case(op, "nothing", [np.zeros((0, 2), np.float32), np.zeros(0, np.int32), scalar(2)])
    for op in ("SparseSegmentSum", "SparseSegmentMean", "SparseSegmentSqrtN"):
        for dtype in (np.float32, np.float64) + ((np.int32,) if op == "SparseSegmentSum" else ()):
            x = (normal(rng, 4, 2) * 4).astype(dtype)
            yield Case(op, np.dtype(dtype).name, [x, i32(3, 0, 1), i32(0, 0, 1)])
            yield Case(op + "WithNumSegments", np.dtype(dtype).name, [x, i32(3, 0, 1), i32(0, 0, 2), scalar(4)])
        yield Case(op, "empty segments", [normal(rng, 4), i64(3, 3), i32(1, 3)])
        yield Case(op + "WithNumSegments", "no indices", [normal(rng, 4, 1), np.zeros(0, np.int32), np.zeros(0, np.int32), scalar(2)])


def searches():
    rng = generator("TopKV2")
    for label, x in several(rng, 2, 5):
        if label in ("float32", "half", "int64", "int8"):
            yield Case("TopK", label, [x], using=lambda values: list(tf.math.top_k(values, 2)), k=2)
            yield Case("TopKV2", label, [x, scalar(3)])
    yield Case("TopKV2", "ties", [f32(1, 3, 3, 2, 3), scalar(4)])
    yield Case("TopKV2", "all, int64 indices", [i32(4, 9, 4), scalar(3, np.int64)], index_type=tf.int64)
    yield Case("TopKV2", "none", [counted(2, 3), scalar(0)])
    yield Case("TopKV2", "one, rank 3", [normal(rng, 2, 2, 3), scalar(1)])
    yield Case("TopKV2", "infinities", [f32(-np.inf, np.inf, 0), scalar(3)])
    yield Case("TopKV2", "uint64", [np.array([1, 2**64 - 1, 5], np.uint64), scalar(2)])
    yield Case("TopK", "vector", [f32(5, 6, 4)], using=lambda values: list(tf.math.top_k(values, 3)), k=3)
    predictions = np.array([[0.1, 0.5, 0.4], [0.3, 0.3, 0.4], [0.2, np.nan, 0.1], [0.2, 0.3, np.inf]], np.float32)
    for k in (1, 2):
        yield Case("InTopKV2", "k = %d" % k, [predictions, i32(2, 0, 0, 1), scalar(k)])
        yield Case("InTopK", "k = %d" % k, [predictions, i64(1, 1, 2, 7)], k=k)
    for op in ("LowerBound", "UpperBound"):
        yield Case(op, "float32", [f32([1, 2, 2, 5], [0, 0, 0, 0]), f32([2, 6, 0], [0, -1, 1])])
        yield Case(op, "int64 out", [i32([1, 3, 5]), i32([3, 4])], out_type=tf.int64)
        yield Case(op, "float64", [np.array([[0.5, 1.5]]), np.array([[1.0]])])
        yield Case(op, "empty", [np.zeros((1, 0), np.float32), f32([1, 2])])
    yield Case("Bucketize", "float32", [f32(-5, 0, 10, 11, 150)], boundaries=[0.0, 10.0, 100.0])
    yield Case("Bucketize", "int32", [np.array([[-5, 0], [10, 100]], np.int32)], boundaries=[0.0, 10.0, 100.0])
    yield Case("Bucketize", "float64", [np.array([0.1, 0.3])], boundaries=[0.1, 0.3])
    yield Case("Bucketize", "int64, no boundaries", [i64(1, 2)], boundaries=[])
    for label, x in (("float32", f32(2, 1, 2, -0.0, 0.0, np.nan, np.nan)), ("int64", i64(5, 5, 1)), ("bool", np.array([True, True, False])),
                     ("string", np.array([b"b", b"a", b"", b"b"], dtype=object)), ("half", f32(1, 2, 1).astype(np.float16)), ("empty", np.zeros(0, np.int32))):
        yield Case("Unique", label, [x])
        yield Case("UniqueWithCounts", label, [x], out_idx=tf.int64)
        yield Case("UniqueV2", label, [x, np.zeros(0, np.int64)])
        if label != "bool":
            yield Case("ListDiff", label, [x, x[1:2]])
    rows = np.array([[1, 0, 0], [1, 0, 0], [2, 0, 0]], np.float32)
    yield Case("UniqueV2", "rows", [rows, i64(0)])
    yield Case("UniqueV2", "columns", [rows, i32(1)], out_idx=tf.int64)
    yield Case("UniqueV2", "last axis of rank 3", [counted(2, 2, 2) // 4, i32(-1)])
    yield Case("UniqueWithCountsV2", "rows", [rows, i64(0)])
    yield Case("UniqueWithCountsV2", "vector", [i32(3, 3, 1), np.zeros(0, np.int64)])
    yield Case("ListDiff", "nothing left", [i32(1, 2), i32(2, 1)])
    yield Case("ListDiff", "int64 indices", [i64(1, 2, 3, 1), i64(2, 9)], out_idx=tf.int64)
    for dtype in (np.int32, np.int64, np.float32, np.float64):
        name = np.dtype(dtype).name
        yield Case("Bincount", name, [i32(1, 1, 3, 9, 0), scalar(4), np.array([1, 2, 3, 4, 5], dtype)])
        yield Case("DenseBincount", name, [i32(1, 1, 3, 9, 0), scalar(4), np.array([1, 2, 3, 4, 5], dtype)])
        yield Case("HistogramFixedWidth", name, [np.array([-1, 0, 2, 4, 5, 9], dtype), np.array([0, 5], dtype), scalar(5)])
    yield Case("Bincount", "no weights", [i32([1, 1], [2, 0]), scalar(3), np.zeros(0, np.float32)])
    yield Case("Bincount", "weights of another shape", [i32([1, 3]), scalar(4), f32(2, 0.5)])
    yield Case("Bincount", "nothing to count", [np.zeros(0, np.int32), scalar(2), np.zeros(0, np.int32)])
    yield Case("DenseBincount", "scalar", [scalar(1), scalar(3), np.zeros(0, np.float32)])
    yield Case("DenseBincount", "rows", [i64([1, 1], [2, 0]), scalar(3, np.int64), np.zeros(0, np.float32)])
    yield Case("DenseBincount", "binary", [i32([1, 1], [2, 0]), scalar(3), np.zeros(0, np.float32)], binary_output=True)
    yield Case("HistogramFixedWidth", "on the border of two bins", [f32(-2, -1.5), f32(-3, -1), scalar(6)])
    yield Case("HistogramFixedWidth", "int64 counts", [uniform(rng, -1, 6, 2, 5), f32(0, 5), scalar(3)], attributes={"dtype": tf.int64})


def detections():
    rng = generator("NonMaxSuppressionV5")
    corners = np.sort(uniform(rng, 0, 1, 12, 2, 2), axis=1).reshape(12, 4)
    boxes = np.concatenate([corners[:6], corners[:4] + np.float32(0.02), corners[6:8][:, [2, 1, 0, 3]]]).astype(np.float32)
    scores = uniform(rng, 0, 1, 12)
    scores[3] = scores[8]
    third, some, low = np.float32(0.3), scalar(5), np.float32(0.25)
    yield Case("NonMaxSuppression", "default threshold", [boxes, scores, scalar(20)])
    yield Case("NonMaxSuppression", "few", [boxes, scores, scalar(2)], iou_threshold=0.1)
    yield Case("NonMaxSuppressionV2", "float32", [boxes, scores, some, third])
    yield Case("NonMaxSuppressionV2", "no boxes", [np.zeros((0, 4), np.float32), np.zeros(0, np.float32), some, third])
    yield Case("NonMaxSuppressionV3", "float32", [boxes, scores, scalar(20), third, low])
    yield Case("NonMaxSuppressionV3", "none wanted", [boxes, scores, scalar(0), third, low])
    yield Case("NonMaxSuppressionV3", "equal scores", [boxes, np.ones(12, np.float32), scalar(20), np.float32(0.5), np.float32(0)])
    for pad in (False, True):
        yield Case("NonMaxSuppressionV4", "padded" if pad else "plain", [boxes, scores, scalar(12), third, low], pad_to_max_output_size=pad)
        yield Case("NonMaxSuppressionV5", "hard, padded" if pad else "hard", [boxes, scores, scalar(12), third, low, np.float32(0)], pad_to_max_output_size=pad)
    yield Case("NonMaxSuppressionV5", "soft", [boxes, scores, scalar(12), third, low, np.float32(0.5)])
    yield Case("NonMaxSuppressionV5", "soft, few", [boxes, scores, scalar(3), np.float32(1), np.float32(0), np.float32(0.1)])
    many_boxes = np.stack([boxes, boxes[::-1]])[:, :, None, :]
    many_scores = uniform(rng, 0, 1, 2, 12, 3)
    limits = [scalar(4), scalar(7), third, low]
    yield Case("CombinedNonMaxSuppression", "one box for all classes", [many_boxes, many_scores] + limits)
    yield Case("CombinedNonMaxSuppression", "a box for each class", [np.concatenate([many_boxes, many_boxes[:, ::-1], many_boxes], axis=2), many_scores] + limits)
    yield Case("CombinedNonMaxSuppression", "padded per class", [many_boxes, many_scores, scalar(2), scalar(100), third, low], pad_per_class=True)
    yield Case("CombinedNonMaxSuppression", "not clipped", [many_boxes * 2 - np.float32(0.5), many_scores] + limits, clip_boxes=False)
    yield Case("CombinedNonMaxSuppression", "clipped, few good ones", [many_boxes * 2 - np.float32(0.5), many_scores, scalar(4), scalar(30), third, np.float32(0.9)])
    image = normal(rng, 2, 4, 5, 2)
    pieces = f32([0, 0, 1, 1], [0.2, 0.6, 1.3, -0.2], [0.5, 0.5, 0.5, 0.5])
    for method in ("bilinear", "nearest"):
        yield Case("CropAndResize", method, [image, pieces, i32(0, 1, 1), i32(3, 4)], method=method, extrapolation_value=-1.0)
        yield Case("CropAndResize", method + ", one pixel", [image, pieces, i32(1, 0, 1), i32(1, 1)], method=method)
    yield Case("CropAndResize", "uint8", [integers(rng, 0, 256, 1, 3, 3, 1, dtype=np.uint8), f32([0, 0, 0.7, 1]), i32(0), i32(2, 2)])
    yield Case("CropAndResize", "half", [normal(rng, 1, 3, 3, 1, dtype=np.float16), f32([1, 1, 0, 0]), i32(0), i32(3, 3)])
    yield Case("CropAndResize", "no boxes", [image, np.zeros((0, 4), np.float32), np.zeros(0, np.int32), i32(2, 2)])


def diagonals():
    rng = generator("MatrixDiagV3")
    for label, x in several(rng, 2, 3):
        if label not in ("string", "bool", "int8"):
            yield Case("Diag", label, [x])
            yield Case("DiagPart", label, [np.stack([x, x, x]).reshape(3, 2, 3)[:, :, :, None].repeat(2, axis=3).transpose(1, 0, 3, 2)])
        if label != "string":
            wide = np.concatenate([x, x[::-1]], axis=0)
            yield Case("MatrixDiag", label, [x])
            yield Case("MatrixDiagPart", label, [wide])
            yield Case("MatrixSetDiag", label, [wide, x[0]])
    for align in ("RIGHT_LEFT", "LEFT_RIGHT", "LEFT_LEFT", "RIGHT_RIGHT"):
        yield Case("MatrixDiagV3", align, [counted(2, 4, 3) + 1, i32(-2, 1), scalar(-1), scalar(-1), np.float32(-1)], align=align)
        yield Case("MatrixDiagPartV3", align, [counted(2, 3, 4) + 1, i32(-2, 2), np.float32(-1)], align=align)
        yield Case("MatrixSetDiagV3", align, [counted(3, 4), counted(3, 3) + 100, i32(-1, 1)], align=align)
    yield Case("MatrixDiagV2", "band", [counted(3, 3) + 1, i32(-1, 1), scalar(-1), scalar(-1), np.float32(0)])
    yield Case("MatrixDiagV2", "one above", [i64(1, 2), scalar(1), scalar(-1), scalar(-1), np.int64(9)])
    yield Case("MatrixDiagV3", "wide", [counted(2), scalar(0), scalar(2), scalar(4), np.float32(7)])
    yield Case("MatrixDiagV3", "tall, below", [counted(2, 2), scalar(-1), scalar(4), scalar(2), np.float32(7)])
    yield Case("MatrixDiagV3", "rows given", [counted(2), i32(1, 1), scalar(2), scalar(-1), np.float32(7)])
    yield Case("MatrixDiagPartV2", "band", [counted(3, 2), i32(-1, 1), np.float32(9)])
    yield Case("MatrixDiagPartV2", "one below", [counted(2, 3, 3, dtype=np.int32), scalar(-2), scalar(9)])
    yield Case("MatrixDiagPartV3", "one above", [counted(2, 4), scalar(3), np.float32(9)])
    yield Case("MatrixDiagPart", "tall", [counted(2, 3, 2)])
    yield Case("MatrixSetDiag", "wide", [counted(2, 2, 3), -counted(2, 2)])
    yield Case("MatrixSetDiagV2", "band", [counted(3, 3), -counted(2, 3), i32(0, 1)])
    yield Case("MatrixSetDiagV2", "one below", [counted(3, 2), f32(8, 9), scalar(-1)])
    yield Case("MatrixSetDiagV3", "one above", [counted(2, 2, 3), -counted(2, 2), scalar(1)])
    yield Case("Diag", "rank 2", [counted(2, 2)])
    yield Case("DiagPart", "matrix", [counted(3, 3)])


def sparse():
    at = i64([0, 1], [0, 3], [2, 0])
    yield Case("SparseFillEmptyRows", "float32", [at, f32(1, 2, 3), i64(4, 5), np.float32(-1)])
    yield Case("SparseFillEmptyRows", "strings", [at, words(3), i64(3, 5), np.array(b"none", dtype=object)])
    yield Case("SparseFillEmptyRows", "out of order", [at[::-1].copy(), i64(3, 2, 1), i64(4, 5), np.int64(0)])
    yield Case("SparseFillEmptyRows", "no values", [np.zeros((0, 2), np.int64), np.zeros(0, np.float32), i64(2, 3), np.float32(5)])
    yield Case("SparseFillEmptyRows", "no rows", [np.zeros((0, 2), np.int64), np.zeros(0, np.float32), i64(0, 3), np.float32(5)])
    yield Case("SparseFillEmptyRows", "full", [i64([0], [1]), i32(1, 2), i64(2), np.int32(5)])
    yield Case("SparseReshape", "matrix", [at, i64(3, 4), i64(2, 6)])
    yield Case("SparseReshape", "unknown size", [at, i64(3, 4), i64(2, -1, 2)])
    yield Case("SparseReshape", "to a vector", [at, i64(3, 4), i64(-1)])
    yield Case("SparseReshape", "no values", [np.zeros((0, 2), np.int64), i64(3, 4), i64(4, 3)])


def ragged():
    yield Case("RaggedRange", "vectors", [i32(0, 5, 8), i32(3, 5, 2), i32(1, 1, -2)])
    yield Case("RaggedRange", "scalars and a vector", [scalar(0), i32(2, 0, 3), scalar(1)])
    yield Case("RaggedRange", "scalars", [scalar(1, np.int64), scalar(4, np.int64), scalar(2, np.int64)])
    yield Case("RaggedRange", "float32, int32 splits", [f32(0, 1), f32(1, 0), f32(0.25, -0.5)], Tsplits=tf.int32)
    yield Case("RaggedRange", "float64", [np.array([0.5]), np.array([2.0]), np.float64(0.5)])
    yield Case("RaggedRange", "no rows", [np.zeros(0, np.int32), np.zeros(0, np.int32), scalar(1)])
    yield Case("RaggedGather", "vector", [[i64(0, 2, 2, 5)], counted(5), i32(2, 0, 2)], OUTPUT_RAGGED_RANK=1)
    yield Case("RaggedGather", "strings", [[i32(0, 1, 3)], words(3), i64(1)], OUTPUT_RAGGED_RANK=1)
    yield Case("RaggedGather", "scalar index of two levels", [[i64(0, 2, 3), i64(0, 1, 1, 4)], counted(4), scalar(0)], OUTPUT_RAGGED_RANK=1)
    yield Case("RaggedGather", "two levels, inner dimension", [[i64(0, 2, 3), i64(0, 1, 1, 4)], counted(4, 2), i64(1, 0)], OUTPUT_RAGGED_RANK=2)
    yield Case("RaggedGather", "matrix of indices", [[i64(0, 2, 2, 5)], counted(5), i32([0, 1], [2, 2])], OUTPUT_RAGGED_RANK=2)
    yield Case("RaggedGather", "no indices", [[i64(0, 2, 5)], counted(5), np.zeros(0, np.int32)], OUTPUT_RAGGED_RANK=1)
    nothing = scalar(-1, np.int64)

    def dense(label, inputs, row_partition_types=("ROW_SPLITS",)):
        # Not through a placeholder: TensorFlow wants to see the shape.
        def run(shape, values, default_value, partitions):
            return tf.raw_ops.RaggedTensorToTensor(
                shape=shape, values=values, default_value=default_value, row_partition_tensors=partitions, row_partition_types=list(row_partition_types)
            )

        return Case("RaggedTensorToTensor", label, inputs, using=run, row_partition_types=list(row_partition_types))

    yield dense("splits", [nothing, counted(5), np.float32(-1), [i64(0, 2, 2, 5)]])
    yield dense("strings", [nothing, words(3), np.array(b"", dtype=object), [i64(0, 1, 3)]])
    yield dense("shape cuts and fills", [i64(4, 2), counted(5), np.float32(-1), [i64(0, 2, 2, 5)]])
    yield dense("fewer rows", [i32(2, -1), counted(5), np.float32(-1), [i32(0, 2, 2, 5)]])
    yield dense("inner dimension", [i64(-1, 3, 2), counted(3, 2), f32(8, 9), [i64(0, 1, 3)]])
    yield dense("row numbers", [nothing, counted(4), np.float32(0), [scalar(3, np.int64), i64(0, 0, 2, 2)]], row_partition_types=["FIRST_DIM_SIZE", "VALUE_ROWIDS"])
    yield dense("two levels", [nothing, counted(4), np.float32(-1), [i64(0, 2, 3), i64(0, 1, 1, 4)]], row_partition_types=["ROW_SPLITS"] * 2)
    yield dense("two levels of row numbers", [i64(-1, -1, 2), counted(4), np.float32(-1), [scalar(2, np.int64), i64(0, 0, 1), i64(0, 2, 2, 2)]], row_partition_types=["FIRST_DIM_SIZE", "VALUE_ROWIDS", "VALUE_ROWIDS"])
    yield dense("no values", [nothing, np.zeros(0, np.float32), np.float32(0), [i64(0, 0, 0)]])


def cases():
    for family in (gathers, scatters, segments, searches, detections, diagonals, sparse, ragged):
        yield from family()
