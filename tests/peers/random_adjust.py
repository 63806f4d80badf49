"""What the general mutation of random_cases.py cannot know about single ops: operands that must fit each other, and results that TensorFlow leaves undefined."""

import numpy as np
import tensorflow as tf

import op_cases
from op_cases import Case

# These round to half or bfloat16 many times on the way to an element, in an order that depends on the processor.
ROUND_ON_THE_WAY = {
    "AvgPool", "AvgPool3D", "AvgPool3DGrad", "AvgPoolGrad", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", "BiasAddGrad", "Conv2D", "Conv2DBackpropFilter", "Conv2DBackpropInput",
    "Conv3D", "Conv3DBackpropFilterV2", "Conv3DBackpropInputV2", "Cumprod", "Cumsum", "CumulativeLogsumexp", "DepthwiseConv2dNative",
    "DepthwiseConv2dNativeBackpropFilter", "DepthwiseConv2dNativeBackpropInput", "Einsum", "EuclideanNorm", "FusedBatchNormV2", "FusedBatchNormV3", "HSVToRGB", "L2Loss",
    "LRN", "LogSoftmax", "MatMul", "MaxPool3DGrad", "MaxPoolGrad", "MaxPoolGradV2", "Mean", "MirrorPadGrad", "Prod", "RGBToHSV", "ScatterNd", "ScatterNdNonAliasingAdd", "SegmentMean", "SegmentProd", "SegmentSum", "Softmax",
    "SoftmaxCrossEntropyWithLogits", "SparseReduceSum", "SparseSegmentMean", "SparseSegmentMeanWithNumSegments", "SparseSegmentSqrtN", "SparseSegmentSqrtNWithNumSegments",
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


def ragged_parts(case, rng):
    levels = len(case.inputs) - 1
    case.inputs[:levels] = row_splits(rng, levels, len(case.inputs[-1]), np.int64)
    return case


def far_from_poles(case, rng):
    """In float32 the series of TensorFlow has nine terms: too few to the left of the last poles."""
    q = np.asarray(case.inputs[1])
    return case if q.dtype == np.float64 or np.all(q > -3) else None


# --- gradients of windows: TensorFlow does not look whether the gradient has the shape of the forward op's result


def forward(op, inputs, attributes):
    """What the forward op computes; it refuses what does not fit."""
    return op_cases.run(Case(op, "", inputs, attributes=attributes))[0]


def small_shape(values, rank):
    return np.clip(np.resize(values, rank), 1, 6)


def pool_gradient(case, rng):
    op, attributes = case.op.replace("Grad", ""), dict(case.attributes)
    if case.op.startswith("AvgPool"):
        shape = small_shape(case.inputs[0], 5 if "3D" in op else 4)
        result = forward(op, [np.zeros(shape, case.inputs[1].dtype)], attributes)
        case.inputs = [shape.astype(np.int32), np.resize(case.inputs[1], result.shape)]
    else:
        x, _, gradient = case.inputs
        wide = x if op == "MaxPool3D" else x.astype(np.float32)  # MaxPool takes fewer dtypes than its gradient
        result = forward(op, [wide], attributes)
        case.inputs = [x, result.astype(x.dtype), np.resize(gradient, result.shape)]
    if not result.size:
        return None
    channels = 1 if attributes.get("data_format", "").startswith("NC") else -1
    return case if attributes["strides"][0] == attributes["strides"][channels] == 1 else None


def windows_as_inputs(case, rng):
    window, strides = (np.int32([1, *rng.integers(1, 4, 2), 1]) for _ in range(2))
    if case.attributes.get("data_format") == "NCHW":
        window, strides = window[[0, 3, 1, 2]], strides[[0, 3, 1, 2]]
    if case.op == "MaxPoolV2":
        case.inputs[1:] = [window, strides]
        return case
    x, _, gradient = case.inputs[:3]
    result = forward("MaxPoolV2", [x.astype(np.float32), window, strides], case.attributes)
    case.inputs = [x, result.astype(x.dtype), np.resize(gradient, result.shape), window, strides]
    return case if result.size else None


def convolution_gradient(case, rng):
    of_filter = case.op.endswith("Filter")
    given, sizes, gradient = case.inputs if of_filter else (case.inputs[1], case.inputs[0], case.inputs[2])
    sizes = small_shape(sizes, 4)
    zeros = np.zeros(sizes, given.dtype)
    image, weights = (given, zeros) if of_filter else (zeros, given)
    op = case.op[: case.op.index("Backprop")]
    result = forward(op, [image, weights], {**case.attributes, "data_format": "NHWC"})
    gradient = np.resize(gradient, result.shape)
    case.inputs = [given, sizes.astype(np.int32), gradient] if of_filter else [sizes.astype(np.int32), given, gradient]
    return case if result.size and given.size else None


# --- sparse tensors: TensorFlow does not look whether the indices are distinct, in order, and inside of the shape


def sparse_tensor(rng, indices, values, shape):
    shape = np.clip(np.abs(shape.reshape(-1)), 1, 6)
    count = min(values.size, int(np.prod(shape)))
    places = np.sort(rng.choice(int(np.prod(shape)), count, replace=False))
    return [np.stack(np.unravel_index(places, shape), -1).astype(indices.dtype), values.reshape(-1)[:count], shape.astype(np.int64)]


def one_sparse(case, rng):
    case.inputs[:3] = sparse_tensor(rng, *case.inputs[:3])
    return case if case.inputs[2].size else None


def shuffled_sparse(case, rng):
    if not one_sparse(case, rng):
        return None
    order = rng.permutation(len(case.inputs[1]))
    case.inputs[:2] = [case.inputs[0][order], case.inputs[1][order]]
    return case


def sparse_slice(case, rng):
    if not one_sparse(case, rng):
        return None
    case.inputs[3:] = [rng.integers(0, case.inputs[2] + 1), rng.integers(0, case.inputs[2] + 2)]
    return case


def sparse_reduction(case, rng):
    if not one_sparse(case, rng):
        return None
    rank = case.inputs[2].size
    axes = rng.choice(rank, rng.integers(1, rank + 1), replace=False) - rank * rng.integers(0, 2)
    case.inputs[3] = (axes if case.inputs[3].ndim else axes[0]).astype(np.int32)
    return case


def two_sparse(case, rng):
    """The threshold has the dtype of the values, or of their parts: TensorFlow reads it as such."""
    real = np.zeros(0, case.inputs[1].dtype).real.dtype
    case.inputs[6] = np.asarray(case.inputs[6]).astype(real)
    case.inputs[3:6] = sparse_tensor(rng, *case.inputs[3:5], case.inputs[2])
    return one_sparse(case, rng)


def sparse_concat(case, rng):
    first = np.clip(np.abs(case.inputs[2][0].reshape(-1)), 1, 5)
    axis = int(rng.integers(-first.size, first.size)) if first.size else 0
    parts = []
    for indices, values in zip(*case.inputs[:2]):
        shape = first.copy()
        shape[axis] = rng.integers(1, 5)
        parts.append(sparse_tensor(rng, indices, values, shape))
    case.inputs = [list(operand) for operand in zip(*parts)]
    case.attributes["concat_dim"] = axis
    return case


def bins(case, rng):
    """Numbers are at least 0, and weights are as many as they, or none."""
    splits = case.op == "RaggedBincount"
    if splits:
        case.inputs[1] = np.abs(case.inputs[1]).reshape(-1)
        case.inputs[0] = row_splits(rng, 1, case.inputs[1].size, np.int64)[0]
    elif not one_sparse(case, rng):
        return None
    numbers, size, weights = case.inputs[1], *case.inputs[-2:]
    size = np.abs(size)
    if not splits and case.inputs[2].size > 1:  # rows must not hold more than there are bins
        numbers = np.minimum(numbers, np.maximum(size, 1) - 1)
    case.inputs[1], case.inputs[-2] = np.abs(numbers), size
    case.inputs[-1] = np.resize(weights, numbers.size) if weights.size and numbers.size else weights.reshape(-1)[:0]
    return case


def crosses(case, rng):
    """Columns of as many rows."""
    rows = int(rng.integers(1, 5))
    column = lambda array: np.resize(array, (rows, int(rng.integers(1, 4))))
    first = 2 if case.op == "RaggedCross" else 0
    parts = [sparse_tensor(rng, i, v, np.int64([rows, rng.integers(1, 4)])) for i, v in zip(*case.inputs[first : first + 2])]
    case.inputs[first : first + 3] = [list(operand) for operand in zip(*parts)] or [[], [], []]
    case.inputs[first + 3] = [column(array) for array in case.inputs[first + 3]]
    if case.op == "SparseCrossHashed":
        # TensorFlow dies of several numbers in place of one, and of a salt for the numbers of a dense column.
        buckets, strong, salt = (np.resize(array, 2) for array in case.inputs[4:])
        numbers = any(array.dtype == np.int64 for array in case.inputs[3])
        case.inputs[4:] = [np.int64(abs(int(buckets[0]))), np.array(bool(strong[0]) and not numbers), salt]
    if first:
        splits = [np.array([0, *sorted(rng.integers(0, len(v), rows - 1, endpoint=True)), len(v)], np.int64) for v in case.inputs[0]]
        case.inputs[1] = splits
        case.attributes["out_row_splits_type"] = tf.int64
    return case


RULES = {
    "AvgPool": flat_windows,
    "AvgPool3DGrad": pool_gradient,
    "AvgPoolGrad": pool_gradient,
    "Cholesky": positive_definite,
    "Conv2DBackpropFilter": convolution_gradient,
    "DepthwiseConv2dNative": filled_filter,
    "DepthwiseConv2dNativeBackpropFilter": convolution_gradient,
    "DepthwiseConv2dNativeBackpropInput": convolution_gradient,
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
    "MaxPool3DGrad": pool_gradient,
    "MaxPoolGrad": pool_gradient,
    "MaxPoolGradV2": windows_as_inputs,
    "MaxPoolV2": windows_as_inputs,
    "MaxPoolWithArgmax": flat_windows,
    "Qr": no_half,
    "RaggedBincount": bins,
    "RaggedCross": crosses,
    "RaggedGather": ragged_gather,
    "RaggedTensorFromVariant": ragged_parts,
    "RaggedTensorToTensor": ragged_to_tensor,
    "RaggedTensorToVariant": ragged_parts,
    "ReciprocalGrad": same_shapes,
    "ReverseV2": different_axes,
    "Round": real_dtype,
    "RsqrtGrad": same_shapes,
    "SigmoidGrad": same_shapes,
    "SparseAdd": two_sparse,
    "SparseBincount": bins,
    "SparseConcat": sparse_concat,
    "SparseCross": crosses,
    "SparseCrossHashed": crosses,
    "SparseCrossV2": crosses,
    "SparseReduceMax": sparse_reduction,
    "SparseReduceSum": sparse_reduction,
    "SparseReorder": shuffled_sparse,
    "SparseReshape": inside,
    "SparseSlice": sparse_slice,
    "SparseSoftmax": one_sparse,
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
