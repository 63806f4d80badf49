#include "formats/tfjs/target_advice.h"

#include <algorithm>
#include <span>

namespace isomer::tfjs {
namespace {

// The first family counts that an op belongs to. A name that ends in * stands for all that begin so.
struct Family {
  Lack lack;
  std::span<const std::string_view> ops;
};

constexpr std::string_view kPython[] = {"EagerPyFunc", "PyFunc", "PyFuncStateless"};
constexpr std::string_view kRandom[] = {
    "Multinomial",          "ParameterizedTruncatedNormal", "Random*",          "StatefulStandardNormal*",  "StatefulTruncatedNormal", "StatefulUniform*",
    "StatelessMultinomial", "StatelessParameterized*",      "StatelessRandom*", "StatelessTruncatedNormal*"};
constexpr std::string_view kTables[] = {"AnonymousHashTable", "AnonymousMutable*",      "LookupTableExport*", "LookupTableInsert*",
                                        "LookupTableRemove*", "MutableDenseHashTable*", "MutableHashTable*"};
constexpr std::string_view kVariables[] = {"Assign*",      "DisableCopyOnRead", "ReadVariableOp", "Resource*",     "ScatterAdd",
                                           "ScatterDiv",   "ScatterMax",        "ScatterMin",     "ScatterMul",    "ScatterNdAdd",
                                           "ScatterNdSub", "ScatterNdUpdate",   "ScatterSub",     "ScatterUpdate", "VarHandleOp"};
constexpr std::string_view kBytes[] = {"Decode*", "Encode*", "Parse*", "ReadFile", "Serialize*", "WriteFile"};
constexpr std::string_view kStrings[] = {"AsString",     "RaggedCross", "ReduceJoin", "Regex*",   "SparseCross*",
                                         "StaticRegex*", "String*",     "Substr",     "Unicode*", "UnsortedSegmentJoin"};
constexpr std::string_view kFactors[] = {"Cholesky*",
                                         "Eig",
                                         "LogMatrixDeterminant",
                                         "Lu",
                                         "MatrixDeterminant",
                                         "MatrixExponential",
                                         "MatrixInverse",
                                         "MatrixLogarithm",
                                         "MatrixSolve*",
                                         "MatrixSquareRoot",
                                         "MatrixTriangularSolve",
                                         "Qr",
                                         "SelfAdjointEig*",
                                         "Svd"};
constexpr std::string_view kFunctions[] = {"Bessel*", "Betainc", "Digamma", "Igamma*", "Lgamma", "Polygamma", "RandomGammaGrad", "Zeta"};
constexpr std::string_view kQuantized[] = {"Dequantize", "QuantizeDownAndShrinkRange", "QuantizeV2", "Quantized*", "Requantiz*"};
constexpr std::string_view kSparse[] = {"RaggedTensorToSparse", "Sparse*"};
constexpr std::string_view kBits[] = {"Bitcast", "NextAfter", "PopulationCount"};
constexpr std::string_view kTraining[] = {"Apply*", "MaxPool3DGrad*", "MaxPoolGrad*"};
constexpr std::string_view kLists[] = {"RaggedTensorFromVariant", "RaggedTensorToVariant", "TensorList*"};

constexpr std::string_view kOutside = "take a signature, or output nodes, that do not need it, or do this step outside of the model";
constexpr std::string_view kPredictOnly = "export a signature that only predicts";

constexpr Family kFamilies[] = {
    {{"it runs Python", "runs Python, which no browser has: do this step outside of the model"}, kPython},
    {{"tf.js draws other random numbers, or none of this kind", "export the model for inference (training=False), or feed the numbers as an input"}, kRandom},
    {{"tf.js has no table that is made or changed while the model runs", "use a tf.lookup.StaticHashTable of fixed content, or look up in JavaScript"},
     kTables},
    {{"it belongs to a variable that the model changes while it runs", kPredictOnly}, kVariables},
    {{"tf.js takes no bytes apart", "do the reading and decoding in JavaScript, and feed the tensors that it gives"}, kBytes},
    {{"tf.js has hardly any ops on strings", "do this step in JavaScript, and feed the numbers that come of it"}, kStrings},
    {{"tf.js factors no matrices", "a matrix that no input changes is factored at conversion; else do this step outside of the model"}, kFactors},
    {{"tf.js lacks the function, and no few ops of it make the series", kOutside}, kFunctions},
    {{"tf.js has no quantised tensors", "convert the model of before quantisation; its weights can be quantised on the way (--quantize_uint8)"}, kQuantized},
    {{"tf.js sorts and merges no entries of sparse tensors", "make the tensor dense before (tf.sparse.to_dense)"}, kSparse},
    {{"tf.js knows numbers, not their bits", kOutside}, kBits},
    {{"it is a part of training", kPredictOnly}, kTraining},
    {{"tf.js has no such list op", "build the list with tf.TensorArray or tf.map_fn on dense tensors"}, kLists},
};

bool belongs(std::string_view op, std::string_view pattern) {
  return pattern.ends_with('*') ? op.starts_with(pattern.substr(0, pattern.size() - 1)) : op == pattern;
}

}  // namespace

Lack lack_of(std::string_view op) {
  for (const Family& family : kFamilies)
    if (std::any_of(family.ops.begin(), family.ops.end(), [&](std::string_view pattern) { return belongs(op, pattern); })) return family.lack;
  return {"tf.js lacks it, and no rule writes it in others", kOutside};
}

}  // namespace isomer::tfjs
