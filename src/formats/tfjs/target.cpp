#include "formats/tfjs/target.h"

#include <algorithm>
#include <array>

#include "formats/tfjs/target_conditions.h"

namespace isomer::tfjs {
namespace {

struct Row {
  std::string_view op;
  Condition condition;  // null: always right
};

// All ops that tf.js 4.22 has a kernel for, sorted. Left out of its lists: the v1 control flow ops (the IR has none), the ops of decision forests.
// Known differences that are accepted, because avoiding them would cost every model something:
//   Mean of no elements is 0 instead of NaN; float to integer conversion outside of int32 wraps instead of saturating; pooling passes over NaN;
//   ArgMax never finds a NaN; NonMaxSuppression drops a box whose overlap equals the threshold; Erf is right to 2e-7; integer division by zero is 0.
constexpr Row kRows[] = {
    {"Abs", needs_no_wrap},
    {"Acos", nullptr},
    {"Acosh", nullptr},
    {"Add", add},
    {"AddN", needs_no_wrap},
    {"AddV2", needs_no_wrap},
    {"All", of_no_elements},
    {"Any", nullptr},
    {"ArgMax", nullptr},
    {"ArgMin", nullptr},
    {"Asin", nullptr},
    {"Asinh", nullptr},
    {"Atan", nullptr},
    {"Atan2", nullptr},
    {"Atanh", nullptr},
    {"AvgPool", pool2d},
    {"AvgPool3D", pool3d},
    {"BatchMatMul", nullptr},
    {"BatchMatMulV2", batch_matmul},
    {"BatchToSpaceND", nullptr},
    {"BiasAdd", bias_add},
    {"Bincount", nullptr},
    {"BitwiseAnd", bitwise_and},
    {"BroadcastArgs", nullptr},
    {"BroadcastTo", nullptr},
    {"Cast", cast},
    {"Ceil", nullptr},
    {"ClipByValue", clip_by_value},
    {"Complex", nullptr},
    {"ComplexAbs", nullptr},
    {"Concat", nullptr},
    {"ConcatV2", nullptr},
    {"Const", nullptr},
    {"Conv1D", synthetic},
    {"Conv2D", conv2d},
    {"Conv2DBackpropInput", conv2d_transpose},
    {"Conv3D", conv3d},
    {"Cos", nullptr},
    {"Cosh", nullptr},
    {"CropAndResize", nullptr},
    {"Cumprod", scan},
    {"Cumsum", scan},
    {"DenseBincount", dense_bincount},
    {"DepthToSpace", channels_last},
    {"DepthwiseConv2d", synthetic},
    {"DepthwiseConv2dNative", depthwise},
    {"Dilation2D", nullptr},
    {"Div", divide},
    {"DivNoNan", nullptr},
    {"Einsum", einsum},
    {"Elu", nullptr},
    {"EmptyTensorList", nullptr},
    {"EnsureShape", ensure_shape},
    {"Equal", nullptr},
    {"Erf", nullptr},
    {"EuclideanNorm", euclidean_norm},
    {"Exp", nullptr},
    {"ExpandDims", nullptr},
    {"Expm1", nullptr},
    {"FFT", nullptr},
    {"FakeQuantWithMinMaxVars", fake_quant},
    {"Fill", nullptr},
    {"Floor", nullptr},
    {"FloorDiv", floor_div},
    {"FloorMod", nullptr},
    {"FusedBatchNorm", batch_norm},
    {"FusedBatchNormV2", batch_norm},
    {"FusedBatchNormV3", batch_norm},
    {"FusedDepthwiseConv2dNative", nullptr},
    {"Gather", nullptr},
    {"GatherNd", nullptr},
    {"GatherV2", nullptr},
    {"Greater", nullptr},
    {"GreaterEqual", nullptr},
    {"HashTable", nullptr},
    {"HashTableV2", nullptr},
    {"IFFT", nullptr},
    {"IRFFT", irfft},
    {"Identity", nullptr},
    {"IdentityN", nullptr},
    {"If", stateful_control_flow},
    {"Imag", nullptr},
    {"ImageProjectiveTransformV3", nullptr},
    {"InitializeTable", nullptr},
    {"InitializeTableV2", nullptr},
    {"IsFinite", nullptr},
    {"IsInf", nullptr},
    {"IsNan", nullptr},
    {"LRN", nullptr},
    {"LeakyRelu", nullptr},
    {"Less", nullptr},
    {"LessEqual", nullptr},
    {"LinSpace", nullptr},
    {"ListDiff", nullptr},
    {"Log", nullptr},
    {"Log1p", nullptr},
    {"LogSoftmax", nullptr},
    {"LogicalAnd", nullptr},
    {"LogicalNot", nullptr},
    {"LogicalOr", nullptr},
    {"LookupTableFind", table_find},
    {"LookupTableFindV2", table_find},
    {"LookupTableImport", nullptr},
    {"LookupTableImportV2", nullptr},
    {"LookupTableSize", nullptr},
    {"LookupTableSizeV2", nullptr},
    {"LowerBound", nullptr},
    {"MatMul", nullptr},
    {"MatrixBandPart", matrix_band_part},
    {"Max", of_no_elements},
    {"MaxPool", pool2d},
    {"MaxPool3D", pool3d},
    {"MaxPoolWithArgmax", max_pool_with_argmax},
    {"Maximum", nullptr},
    {"Mean", mean},
    {"Min", of_no_elements},
    {"Minimum", nullptr},
    {"MirrorPad", nullptr},
    {"Mod", mod},
    {"Mul", needs_no_wrap},
    {"Multinomial", nullptr},
    {"Neg", needs_no_wrap},
    {"NoOp", nullptr},
    {"NonMaxSuppressionV2", nullptr},
    {"NonMaxSuppressionV3", nullptr},
    {"NonMaxSuppressionV4", nullptr},
    {"NonMaxSuppressionV5", non_max_suppression_v5},
    {"NotEqual", nullptr},
    {"OneHot", one_hot},
    {"Ones", synthetic},
    {"OnesLike", nullptr},
    {"Pack", nullptr},
    {"Pad", nullptr},
    {"PadV2", nullptr},
    {"Placeholder", nullptr},
    {"PlaceholderWithDefault", nullptr},
    {"Pow", needs_no_wrap},
    {"Prelu", nullptr},
    {"Print", nullptr},
    {"Prod", needs_no_wrap},
    {"RFFT", rfft},
    {"RaggedGather", not_registered},
    {"RaggedRange", not_registered},
    {"RaggedTensorToTensor", not_registered},
    {"RandomStandardNormal", nullptr},
    {"RandomUniform", nullptr},
    {"RandomUniformInt", random_uniform_int},
    {"Range", nullptr},
    {"Rank", nullptr},
    {"Real", nullptr},
    {"RealDiv", divide},
    {"Reciprocal", nullptr},
    {"Relu", nullptr},
    {"Relu6", nullptr},
    {"Reshape", nullptr},
    {"ResizeBilinear", nullptr},
    {"ResizeNearestNeighbor", nullptr},
    {"Reverse", nullptr},
    {"ReverseV2", nullptr},
    {"Round", nullptr},
    {"Rsqrt", nullptr},
    {"ScatterNd", nullptr},
    {"Select", select},
    {"SelectV2", nullptr},
    {"Selu", nullptr},
    {"Shape", nullptr},
    {"ShapeN", shape_n},
    {"Sigmoid", nullptr},
    {"Sign", sign},
    {"Sin", nullptr},
    {"Sinh", nullptr},
    {"Size", nullptr},
    {"Slice", nullptr},
    {"Snapshot", nullptr},
    {"Softmax", nullptr},
    {"Softplus", nullptr},
    {"SpaceToBatchND", nullptr},
    {"SparseFillEmptyRows", nullptr},
    {"SparseReshape", nullptr},
    {"SparseSegmentMean", nullptr},
    {"SparseSegmentSum", nullptr},
    {"SparseToDense", nullptr},
    {"Split", nullptr},
    {"SplitV", nullptr},
    {"Sqrt", nullptr},
    {"Square", needs_no_wrap},
    {"SquaredDifference", nullptr},
    {"Squeeze", nullptr},
    {"StatelessIf", conditional},
    {"StatelessWhile", loop},
    {"StaticRegexReplace", regex_replace},
    {"StopGradient", nullptr},
    {"StridedSlice", strided_slice},
    {"StringNGrams", string_ngrams},
    {"StringSplit", nullptr},
    {"StringToHashBucketFast", nullptr},
    {"Sub", needs_no_wrap},
    {"Sum", needs_no_wrap},
    {"Tan", nullptr},
    {"Tanh", nullptr},
    {"TensorArrayCloseV3", nullptr},
    {"TensorArrayConcatV3", one_result},
    {"TensorArrayGatherV3", nullptr},
    {"TensorArrayReadV3", nullptr},
    {"TensorArrayScatterV3", nullptr},
    {"TensorArraySizeV3", nullptr},
    {"TensorArraySplitV3", nullptr},
    {"TensorArrayV3", nullptr},
    {"TensorArrayWriteV3", nullptr},
    {"TensorListConcat", one_result},
    {"TensorListConcatV2", list_concat_v2},
    {"TensorListFromTensor", nullptr},
    {"TensorListGather", nullptr},
    {"TensorListGetItem", nullptr},
    {"TensorListLength", nullptr},
    {"TensorListPopBack", list_pop_back},
    {"TensorListPushBack", nullptr},
    {"TensorListReserve", nullptr},
    {"TensorListResize", nullptr},
    {"TensorListScatter", nullptr},
    {"TensorListScatterV2", nullptr},
    {"TensorListSetItem", nullptr},
    {"TensorListSplit", nullptr},
    {"TensorListStack", nullptr},
    {"TensorScatterUpdate", tensor_scatter_update},
    {"Tile", nullptr},
    {"TopKV2", nullptr},
    {"Transpose", nullptr},
    {"TruncatedNormal", nullptr},
    {"Unique", nullptr},
    {"UniqueV2", nullptr},
    {"Unpack", nullptr},
    {"UpperBound", nullptr},
    {"Where", nullptr},
    {"While", stateful_control_flow},
    {"Zeros", synthetic},
    {"ZerosLike", nullptr},
    {"_FusedConv2D", nullptr},
    {"_FusedMatMul", nullptr},
};
static_assert(std::is_sorted(std::begin(kRows), std::end(kRows), [](const Row& a, const Row& b) { return a.op < b.op; }));

// Conditions that no node fulfils.
constexpr Condition kNeverRight[] = {ensure_shape,       list_concat_v2, list_pop_back,         not_registered,
                                     random_uniform_int, shape_n,        stateful_control_flow, synthetic};

const Row* find_row(std::string_view op) {
  const auto row = std::lower_bound(std::begin(kRows), std::end(kRows), op, [](const Row& r, std::string_view name) { return r.op < name; });
  return row == std::end(kRows) || row->op != op ? nullptr : row;
}

constexpr auto kNames = [] {
  std::array<std::string_view, std::size(kRows)> names{};
  for (size_t i = 0; i < names.size(); ++i) names[i] = kRows[i].op;
  return names;
}();

// Ops whose tf.js kernels take complex numbers; the others refuse them when they run.
constexpr std::string_view kComplexOps[] = {
    "Add",     "AddV2",    "Cast",      "Complex",  "ComplexAbs", "ConcatV2",    "Const",          "ExpandDims",   "FFT",  "Fill",      "IFFT",
    "IRFFT",   "Identity", "IdentityN", "Imag",     "Mul",        "OnesLike",    "Pack",           "Placeholder",  "RFFT", "Rank",      "Real",
    "Reshape", "Shape",    "Size",      "Snapshot", "Squeeze",    "StatelessIf", "StatelessWhile", "StopGradient", "Sub",  "Transpose", "ZerosLike"};
// The same for strings.
constexpr std::string_view kStringOps[] = {"ConcatV2",
                                           "Const",
                                           "EmptyTensorList",
                                           "Equal",
                                           "ExpandDims",
                                           "Fill",
                                           "GatherNd",
                                           "HashTable",
                                           "HashTableV2",
                                           "Identity",
                                           "IdentityN",
                                           "InitializeTable",
                                           "InitializeTableV2",
                                           "LookupTableFind",
                                           "LookupTableFindV2",
                                           "LookupTableImport",
                                           "LookupTableImportV2",
                                           "NotEqual",
                                           "Pack",
                                           "Placeholder",
                                           "PlaceholderWithDefault",
                                           "Print",
                                           "Rank",
                                           "Reshape",
                                           "Shape",
                                           "Size",
                                           "Slice",
                                           "Snapshot",
                                           "SparseToDense",
                                           "Squeeze",
                                           "StatelessIf",
                                           "StatelessWhile",
                                           "StaticRegexReplace",
                                           "StopGradient",
                                           "StridedSlice",
                                           "StringNGrams",
                                           "StringSplit",
                                           "StringToHashBucketFast",
                                           "TensorListFromTensor",
                                           "TensorListGather",
                                           "TensorListGetItem",
                                           "TensorListPushBack",
                                           "TensorListReserve",
                                           "TensorListSetItem",
                                           "TensorListStack",
                                           "Tile",
                                           "Unique",
                                           "Unpack"};

template <size_t N>
bool contains(const std::string_view (&list)[N], std::string_view op) {
  return std::find(std::begin(list), std::end(list), op) != std::end(list);
}

Reason dtypes(const NodeView& v) {
  const auto judge = [&](DType dtype) -> Reason {
    if (dtype == DType::kInvalid) return {};  // result of a Foreign op
    if (is_complex(dtype) && !contains(kComplexOps, v.op())) return "tf.js has no " + std::string(v.op()) + " of complex numbers";
    if (dtype == DType::kString && !contains(kStringOps, v.op())) return "tf.js has no " + std::string(v.op()) + " of strings";
    if (working_dtype(dtype) == DType::kInvalid) return "tf.js has no tensors of " + std::string(to_string(dtype));
    return {};
  };
  for (const ir::ValueId id : v.node().inputs)
    if (auto reason = judge(v.graph().type(id).dtype)) return reason;
  for (const ir::ValueId id : v.node().outputs)
    if (auto reason = judge(v.graph().type(id).dtype)) return reason;
  return {};
}

// In the body of a function tf.js starts from arguments and constants only; a node without inputs is never run.
Reason source_in_function(const NodeView& v) {
  if (v.input_count() != 0 || v.op() == "Const" || v.op() == "Placeholder") return {};
  for (const ir::Entry& entry : v.module().signatures) {
    const ir::Function* function = v.module().find_function(entry.function);
    if (function && &function->graph == &v.graph()) return {};
  }
  return "tf.js runs no node without inputs in the body of a function";
}

}  // namespace

NodeView::NodeView(const ir::Module& module, const ir::Graph& graph, const ir::Node& node)
    : module_(module),
      graph_(graph),
      node_(node),
      op_(node.is("Foreign") ? node.as<ir::ForeignAttributes>().op : std::string(node.op->name)),
      attributes_(node.attributes->to_map()) {}

bool NodeView::result_used(int64_t i) const {
  if (i >= static_cast<int64_t>(node_.outputs.size())) return false;
  const ir::ValueId id = node_.outputs[static_cast<size_t>(i)];
  return !graph_.value(id).users.empty() || graph_.is_output(id);
}

std::optional<std::string> why_not(const ir::Module& module, const ir::Graph& graph, const ir::Node& node) {
  const NodeView v(module, graph, node);
  const Row* row = find_row(v.op());
  if (!row) return "tf.js has no op of this name";
  if (auto reason = dtypes(v)) return reason;
  if (auto reason = source_in_function(v)) return reason;
  return row->condition ? row->condition(v) : Reason();
}

Support support_of(std::string_view op) {
  const Row* row = find_row(op);
  if (!row || std::find(std::begin(kNeverRight), std::end(kNeverRight), row->condition) != std::end(kNeverRight)) return Support::kNever;
  return row->condition ? Support::kSometimes : Support::kAlways;
}

std::span<const std::string_view> known_ops() { return kNames; }

DType working_dtype(DType dtype) {
  switch (dtype) {
    case DType::kFloat32:
    case DType::kFloat64:
    case DType::kHalf:
    case DType::kBfloat16: return DType::kFloat32;
    case DType::kInt64:
    case DType::kInt32:
    case DType::kInt16:
    case DType::kInt8:
    case DType::kUint64:
    case DType::kUint32:
    case DType::kUint16:
    case DType::kUint8: return DType::kInt32;
    case DType::kComplex64:
    case DType::kComplex128: return DType::kComplex64;
    case DType::kBool:
    case DType::kString:
    case DType::kResource:
    case DType::kVariant: return dtype;
    default: return DType::kInvalid;
  }
}

}  // namespace isomer::tfjs
