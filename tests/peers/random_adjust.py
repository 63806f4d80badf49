"""What the general mutation of random_cases.py cannot know about single ops: operands that must fit each other, and results that TensorFlow leaves undefined."""

import numpy as np
import tensorflow as tf

import op_cases
from op_cases import Case

# These round to half or bfloat16 many times on the way to an element, in an order that depends on the processor.
ROUND_ON_THE_WAY = {
    "AvgPool", "AvgPool3D", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", "BiasAddGrad", "Conv2D", "Conv2DBackpropInput", "Conv3D", "Conv3DBackpropInputV2",
    "Cumprod", "Cumsum", "CumulativeLogsumexp", "DepthwiseConv2dNative", "Einsum", "EuclideanNorm", "FusedBatchNormV2", "FusedBatchNormV3", "HSVToRGB", "L2Loss",
    "LRN", "LogSoftmax", "MatMul", "Mean", "MirrorPadGrad", "Prod", "RGBToHSV", "ScatterNd", "ScatterNdNonAliasingAdd", "SegmentMean", "SegmentProd", "SegmentSum", "Softmax",
    "SoftmaxCrossEntropyWithLogits", "SparseSegmentMean", "SparseSegmentMeanWithNumSegments", "SparseSegmentSqrtN", "SparseSegmentSqrtNWithNumSegments",
    "SparseSegmentSum", "SparseSegmentSumWithNumSegments", "SparseSoftmaxCrossEntropyWithLogits", "Sum", "TensorScatterAdd", "TensorScatterSub",
    "UnsortedSegmentProd", "UnsortedSegmentSum",
}
HALVES = (tf.float16, tf.bfloat16)


def dtype_of(array):
    return tf.string if array.dtype.kind in "OSU" else tf.as_dtype(array.dtype)


# --- bases


def bases(op, cases):
    """The hand-written cases that random ones are made from."""
    if op in ("ConcatV2", "Range"):
        return [case for case in cases if not case.using]  # written for what it has
    if op == "Multinomial":
        return [case for case in cases if not case.unchecked]
    if op == "SelfAdjointEigV2":
        return [case for case in cases if case.using or "values only" in case.label]  # the vectors themselves are free in their signs
    return cases


# --- operands that fit


def invertible(case, rng):
    """A heavy diagonal: what TensorFlow computes in float32 is then exact to some digits."""
    matrix = np.array(case.inputs[0])
    if matrix.ndim >= 2:
        size = min(matrix.shape[-2:])
        matrix[..., range(size), range(size)] += np.array(6 if rng.random() < 0.5 else -6, matrix.dtype)
    case.inputs[0] = matrix
    return case


def positive_definite(case, rng):
    matrix = np.array(case.inputs[0])
    if matrix.ndim < 2 or matrix.shape[-1] != matrix.shape[-2]:
        return None
    if rng.random() < 0.9 or matrix.dtype.kind == "c":  # of complex ones that are not, TensorFlow makes zeros, not NaN
        product = matrix @ np.conj(np.swapaxes(matrix, -1, -2)) / 8 + np.eye(matrix.shape[-1])
        case.inputs[0] = np.round(product.astype(np.complex128 if matrix.dtype.kind == "c" else np.float64), 3).astype(matrix.dtype)
    return case


def batch_norm(case, rng):
    """TensorFlow leaves the reserved results of an inference as the memory was, and sometimes those of an empty batch."""
    last = (5,) if case.op.endswith("V3") else ()
    case.unchecked = last if case.attributes.get("is_training", True) else (3, 4, *last)
    return case if case.inputs[0].size else None


def same_shapes(case, rng):
    """TensorFlow looks at the first shape only."""
    return case if case.inputs[0].shape == case.inputs[1].shape else None


def split_sizes(case, rng):
    """A single part is handed on whatever its size and axis are said to be."""
    value, sizes, axis = case.inputs
    if case.attributes["num_split"] != sizes.size:
        return None
    return case if sizes.size > 1 or (sizes[0] == -1 and -value.ndim <= axis < value.ndim) else None


def real_dtype(case, rng):
    """TensorFlow rounds integers to 0."""
    return case if dtype_of(case.inputs[0]).is_floating else None


def no_half(case, rng):
    return None if dtype_of(np.asarray(case.inputs[0])) in HALVES else case


def different_axes(case, rng):
    """TensorFlow does not look at the axes of an empty tensor."""
    axes = case.inputs[1].reshape(-1) % max(case.inputs[0].ndim, 1)
    return case if len(set(axes.tolist())) == axes.size else None


def filled_filter(case, rng):
    """TensorFlow does not look at the filter of an empty image."""
    return case if case.inputs[1].size else None


def flat_windows(case, rng):
    """TensorFlow does not look at the stride over channels."""
    channels = 1 if case.attributes.get("data_format") == "NCHW" else 3
    return case if case.attributes["strides"][0] == case.attributes["strides"][channels] == 1 else None


def dilation(case, rng):
    """TensorFlow takes rates of 0, filters without elements and such that do not fit; they show the memory as it was."""
    rates, (rows, columns) = case.attributes["rates"], case.inputs[1].shape[:2]
    if min(rates) < 1 or not case.inputs[1].size:
        return None
    image = case.inputs[0].shape
    fits = (rows - 1) * rates[1] < image[1] and (columns - 1) * rates[2] < image[2]
    return case if case.attributes["padding"] == "SAME" or fits else None


def small_squares(case, rng):
    """The sum of squares of integers may overflow, and then have no root."""
    array = np.asarray(case.inputs[0])
    return case if array.dtype.kind not in "iu" or sum(int(value) ** 2 for value in array.reshape(-1)) <= np.iinfo(array.dtype).max else None


def matrices(case, rng):
    return case if case.inputs[0].ndim == case.inputs[1].ndim == 2 else None


def filled_range(case, rng):
    """Of empty ranges TensorFlow makes NaN."""
    low, high = case.inputs[1:] if len(case.inputs) == 3 else (np.float32(case.attributes.get("min", -6)), np.float32(case.attributes.get("max", 6)))
    return case if np.all((low < high) | ((low == 0) & (high == 0))) else None


def counter_of_two(case, rng):
    """TensorFlow reads two numbers, however many there are."""
    return case if case.inputs[1].shape == (1,) and case.inputs[2].shape == (2,) else None


def sorted_result(case, rng):
    """Without `sorted` the order is free."""
    return case if case.attributes.get("sorted", True) else None


def inside(case, rng):
    """TensorFlow does not look whether the indices lie inside of the shape."""
    case.inputs[0] = case.inputs[0] % np.maximum(case.inputs[1], 1)
    return case


def row_splits(rng, levels, values, dtype):
    """From the outermost to the innermost, which ends at the number of values."""
    splits, end = [], values
    for _ in range(levels):
        rows = int(rng.integers(1, 5))
        splits.insert(0, np.array([0, *sorted(rng.integers(0, end, rows - 1, endpoint=True)), end], dtype))
        end = rows
    return splits


def ragged_gather(case, rng):
    """TensorFlow does not look where the row splits end."""
    splits, values, indices = case.inputs
    splits = row_splits(rng, len(splits), len(values), splits[0].dtype)
    case.inputs = [splits, values, rng.integers(0, len(splits[0]) - 1, indices.shape, indices.dtype)]
    return case


def ragged_to_tensor(case, rng):
    """The same; nor at the row numbers."""
    partitions, values = case.inputs[3], len(case.inputs[1])
    dtype = partitions[0].dtype
    if case.attributes["row_partition_types"][0] == "ROW_SPLITS":
        case.inputs[3] = row_splits(rng, len(partitions), values, dtype)
        return case
    rows = int(rng.integers(1, 5))
    case.inputs[3] = [np.array(rows, dtype)]
    for level in range(1, len(partitions)):
        count = values if level == len(partitions) - 1 else int(rng.integers(1, 5))
        case.inputs[3].append(np.sort(rng.integers(0, rows, count, dtype)))
        rows = count
    return case


def far_from_poles(case, rng):
    """In float32 the series of TensorFlow has nine terms: too few to the left of the last poles."""
    q = np.asarray(case.inputs[1])
    return case if q.dtype == np.float64 or np.all(q > -3) else None


RULES = {
    "AvgPool": flat_windows,
    "Cholesky": positive_definite,
    "DepthwiseConv2dNative": filled_filter,
    "Dilation2D": dilation,
    "EuclideanNorm": small_squares,
    "FakeQuantWithMinMaxArgs": filled_range,
    "FakeQuantWithMinMaxVars": filled_range,
    "FakeQuantWithMinMaxVarsPerChannel": filled_range,
    "FusedBatchNorm": batch_norm,
    "FusedBatchNormV2": batch_norm,
    "FusedBatchNormV3": batch_norm,
    "FusedDepthwiseConv2dNative": filled_filter,
    "InvGrad": same_shapes,
    "MatrixInverse": invertible,
    "MatrixSolve": invertible,
    "MatrixTriangularSolve": invertible,
    "MaxPool": flat_windows,
    "MaxPoolWithArgmax": flat_windows,
    "Qr": no_half,
    "RaggedGather": ragged_gather,
    "RaggedTensorToTensor": ragged_to_tensor,
    "ReciprocalGrad": same_shapes,
    "ReverseV2": different_axes,
    "Round": real_dtype,
    "RsqrtGrad": same_shapes,
    "SigmoidGrad": same_shapes,
    "SparseReshape": inside,
    "SplitV": split_sizes,
    "SqrtGrad": same_shapes,
    "StatelessRandomNormalV2": counter_of_two,
    "StatelessRandomUniformFullIntV2": counter_of_two,
    "StatelessRandomUniformIntV2": counter_of_two,
    "StatelessRandomUniformV2": counter_of_two,
    "StatelessTruncatedNormalV2": counter_of_two,
    "TanhGrad": same_shapes,
    "TopKV2": sorted_result,
    "Zeta": far_from_poles,
    "_FusedMatMul": matrices,
}


def adjust(case, rng):
    """The case with operands that fit each other, or None where TensorFlow's answer to it means nothing."""
    return RULES[case.op](case, rng) if case.op in RULES else case


# --- results


def widened(case):
    wide = lambda array: np.asarray(array).astype(np.float32) if dtype_of(np.asarray(array)) in HALVES else array
    inputs = [[wide(a) for a in value] if isinstance(value, list) else wide(value) for value in case.inputs]
    attributes = {name: tf.float32 if isinstance(value, tf.DType) and value in HALVES else value for name, value in case.attributes.items()}
    return Case(case.op, case.label, inputs, unchecked=case.unchecked, using=case.using, module=case.module, attributes=attributes)


def rank_of_half(array):
    bits = array.view(np.uint16).astype(np.int64)
    return np.where(bits & 0x8000, -(bits & 0x7FFF), bits)


def defined(case, outputs):
    """Whether TensorFlow promises these results."""
    # What complex arithmetic makes of infinities and NaN is the compiler's choice.
    if any(output.dtype.kind == "c" and not np.all(np.isfinite(output)) for output in outputs):
        return False
    if case.op not in ROUND_ON_THE_WAY or not any(dtype_of(output) in HALVES for output in outputs):
        return True
    for output, wide in zip(outputs, op_cases.run(widened(case))):
        if dtype_of(output) in HALVES and np.any(np.abs(rank_of_half(output) - rank_of_half(wide.astype(output.dtype))) > 2):
            return False
    return True
