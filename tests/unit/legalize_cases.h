// Nodes that tf.js refuses, at least one for each rule of legalisation: tests/unit/legalize_test.cpp runs them before and after.
#pragma once

#include <initializer_list>
#include <string>
#include <vector>

namespace isomer::legalize_cases {

struct Input {
  std::string tensor;  // constant: its text
  std::string dtype;   // otherwise: random numbers of this dtype ...
  std::vector<long> shape;
  std::string declared;  // ... whose declared shape is this text (by default the shape itself)
  double low = -2, high = 2;
};

// Random numbers in [low, high).
inline Input x(std::string dtype, std::vector<long> shape, double low = -2, double high = 2) { return {"", std::move(dtype), std::move(shape), "", low, high}; }
inline Input f(std::vector<long> shape, double low = -2, double high = 2) { return x("float32", std::move(shape), low, high); }
inline Input i(std::vector<long> shape, double low = -9, double high = 10) { return x("int32", std::move(shape), low, high); }
// The same with a shape that is known in part only: "shape[?,3]".
inline Input open(Input input, std::string declared) {
  input.declared = std::move(declared);
  return input;
}
// A constant: "int32[2](1 2)".
inline Input c(std::string tensor) { return {std::move(tensor), "", {}, "", 0, 0}; }
// An input with these values.
inline Input v(std::string tensor, std::string declared = "") {
  Input input = c(std::move(tensor));
  input.declared = declared.empty() ? "given" : std::move(declared);
  return input;
}

struct Case {
  std::string op, attributes;
  std::vector<Input> inputs;
  double tolerance = 1e-6;
  std::vector<int> results = {0};  // which results something uses
};

inline const std::vector<Case>& all() {
  static const std::vector<Case> kCases = {
      // arithmetic
      {"EuclideanNorm", "", {f({2, 3, 4}), c("int32[3](0 1 2)")}},
      {"EuclideanNorm", "keep_dims = true", {f({2, 3, 4}), c("int32[3](2 0 1)")}},
      {"Abs", "", {v("int8[3](-128 -5 7)")}},
      {"Add", "", {x("uint8", {5}, 100, 255), x("uint8", {5}, 100, 255)}},
      {"AddN", "", {x("uint8", {4}, 0, 255), x("uint8", {4}, 0, 255)}},
      {"AddV2", "", {x("int8", {9}, -128, 127), x("int8", {9}, -128, 127)}},
      {"AddV2", "", {x("int16", {9}, -32768, 32767), x("int16", {9}, -32768, 32767)}},
      {"ApproximateEqual", "tolerance = 0.5", {f({20}, 0, 1), f({20}, 0, 1)}},
      {"Div", "", {i({4, 5}), i({5}, 1, 4)}},
      {"Div", "", {v("int32[4](-7 7 -7 7)"), v("int32[4](2 2 -2 -2)")}},
      {"Erfc", "", {f({20}, -3, 3)}},
      {"Erfinv", "", {f({20}, -0.9999, 0.9999)}, 2e-6},
      {"Erfinv", "", {v("float32[3](-1.0 0.0 1.0)")}},
      {"FloorDiv", "", {f({4, 5}), f({5}, 0.5, 2)}},
      {"Inv", "", {f({6}, 0.5, 2)}},
      {"L2Loss", "", {f({3, 4})}, 1e-5},
      {"L2Loss", "", {open(f({3, 4}), "shape[...]")}, 1e-5},
      {"Mod", "", {i({20}), i({20}, 1, 5)}},
      {"Mod", "", {f({20}, -9, 9), f({20}, 0.5, 3)}},
      {"Mod", "", {f({20}, -9, 9), f({20}, -3, -0.5)}},
      {"Mul", "", {x("uint8", {9}, 0, 255), x("uint8", {9}, 0, 255)}},
      {"Mul", "", {v("uint16[2](65535 40000)"), v("uint16[2](65535 60000)")}},
      {"MulNoNan", "", {v("float32[4](nan inf 2.0 3.0)"), v("float32[4](0.0 0.0 0.0 2.0)")}},
      {"Ndtri", "", {f({9}, 0.05, 0.95)}, 5e-6},
      {"Pow", "", {x("uint8", {6}, 0, 10), x("uint8", {6}, 0, 5)}},
      {"Rint", "", {v("float32[5](0.5 1.5 2.5 -0.5 -1.7)")}},
      {"Sign", "", {v("float32[4](nan -3.0 0.0 2.0)")}},
      {"Softsign", "", {f({7})}},
      {"Square", "", {x("int8", {6}, -128, 127)}},
      {"Sub", "", {x("uint8", {7}, 0, 255), x("uint8", {7}, 0, 255)}},
      {"TruncateDiv", "", {i({20}, -20, 20), i({20}, 1, 7)}},
      {"TruncateDiv", "", {x("uint8", {20}, 0, 255), x("uint8", {20}, 1, 7)}},
      {"TruncateMod", "", {i({20}, -20, 20), i({20}, -7, -1)}},
      {"Xdivy", "", {v("float32[3](0.0 0.0 3.0)"), v("float32[3](0.0 1.0 2.0)")}},
      {"Xlog1py", "", {v("float32[3](0.0 0.0 3.0)"), v("float32[3](-1.0 1.0 2.0)")}},
      {"Xlogy", "", {v("float32[3](0.0 0.0 3.0)"), v("float32[3](0.0 1.0 2.0)")}},
      // bits
      {"BitwiseAnd", "", {x("int32", {9}, -2000000000, 2000000000), x("int32", {9}, -2000000000, 2000000000)}},
      {"BitwiseAnd", "", {x("int32", {2, 9}, -2000000000, 2000000000), c("int32[](255)")}},
      {"BitwiseAnd", "", {x("uint8", {9}, 0, 255), c("uint8[](63)")}},
      {"BitwiseAnd", "", {x("int64", {9}, -2000000, 2000000), c("int64[1](12)")}},
      {"BitwiseOr", "", {x("int32", {9}, -2000000000, 2000000000), x("int32", {9}, -2000000000, 2000000000)}},
      {"BitwiseXor", "", {x("int32", {3, 9}, -2000000000, 2000000000), x("int32", {9}, -2000000000, 2000000000)}},
      {"BitwiseXor", "", {x("int8", {9}, -128, 127), x("int8", {9}, -128, 127)}},
      {"Invert", "", {x("int32", {9}, -2000000000, 2000000000)}},
      {"Invert", "", {x("uint8", {9}, 0, 255)}},
      {"LeftShift", "", {x("int32", {9}, -2000000, 2000000), x("int32", {9}, 0, 31)}},
      {"RightShift", "", {x("int32", {9}, -2000000000, 2000000000), x("int32", {9}, 0, 30)}},
      // shapes
      {"BatchToSpace", "block_size = 2", {f({4, 3, 2, 3}), c("int32[2,2](0 1 1 0)")}},
      {"BroadcastTo", "", {v("string[2,1](\"a\" \"b\")"), c("int32[3](2 2 3)")}},
      {"CheckNumerics", "message = \"x\"", {f({3})}},
      {"Conj", "", {v("complex64[2](1.0+2.0i 3.0-1.0i)")}},
      {"ConjugateTranspose", "", {f({2, 3}), c("int32[2](1 0)")}},
      {"DepthToSpace", "block_size = 2, data_format = \"NCHW\"", {f({2, 8, 2, 3})}},
      {"EnsureShape", "shape = shape[?,3]", {f({2, 3})}},
      {"Gather", "", {v("string[3](\"a\" \"b\" \"c\")"), v("int32[2,2](2 0 1 1)")}},
      {"GatherNd", "", {v("complex64[2](1.0+2.0i 3.0-1.0i)"), v("int32[3,1](1 0 1)")}},
      {"GatherV2", "", {v("string[3,2](\"a\" \"b\" \"c\" \"d\" \"e\" \"f\")"), v("int32[2](2 0)"), c("int32[](0)")}},
      {"GatherV2", "", {v("complex64[3](1.0+2.0i 3.0-1.0i 0.0+1.0i)"), v("int32[2](2 0)"), c("int32[](0)")}},
      {"InvertPermutation", "", {v("int32[4](2 0 3 1)")}},
      {"InvertPermutation", "", {v("int64[4](2 0 3 1)", "shape[?]")}},
      {"Pad", "", {v("complex64[2](1.0+2.0i 3.0-1.0i)"), c("int32[1,2](1 2)")}},
      {"PreventGradient", "", {f({2})}},
      {"ReverseSequence", "seq_dim = 1", {f({3, 4, 2}), v("int64[3](2 4 0)")}},
      {"ReverseSequence", "seq_dim = 0, batch_dim = 2", {open(f({4, 2, 3}), "shape[?,2,?]"), v("int32[3](2 4 1)")}},
      {"ReverseV2", "", {v("complex64[2](1.0+2.0i 3.0-1.0i)"), c("int32[1](0)")}},
      {"Roll", "", {f({4, 5}), c("int32[](2)"), c("int32[](1)")}},
      {"Roll", "", {open(f({4, 5}), "shape[?,?]"), v("int64[2](-1 7)"), c("int32[2](0 -1)")}},
      {"ShapeN", "", {open(f({4, 5}), "shape[?,?]"), open(f({2}), "shape[?]")}, 0, {0, 1}},
      {"Slice", "", {v("complex64[3](1.0+2.0i 3.0-1.0i 0.0+1.0i)"), c("int32[1](1)"), c("int32[1](2)")}},
      {"SpaceToBatch", "block_size = 2", {f({2, 3, 4, 1}), c("int32[2,2](0 1 0 0)")}},
      {"SpaceToDepth", "block_size = 2", {f({2, 4, 6, 3})}},
      {"SpaceToDepth", "block_size = 2", {open(f({2, 4, 6, 3}), "shape[?,?,?,3]")}},
      {"SpaceToDepth", "block_size = 2, data_format = \"NCHW\"", {f({2, 3, 4, 6})}},
      {"Split", "num_split = 2", {c("int32[](1)"), v("string[1,4](\"a\" \"b\" \"c\" \"d\")")}, 0, {0, 1}},
      {"SplitV", "num_split = 2", {v("string[4](\"a\" \"b\" \"c\" \"d\")"), c("int32[2](1 3)"), c("int32[](0)")}, 0, {0, 1}},
      {"StridedSlice", "begin_mask = 1, end_mask = 1", {f({2, 4, 5}), c("int32[2](0 3)"), c("int32[2](0 1)"), c("int32[2](1 1)")}},
      {"StridedSlice", "", {f({6}), c("int32[1](1)"), c("int32[1](4)"), c("int32[1](-1)")}},
      {"StridedSlice", "", {v("complex64[3](1.0+2.0i 3.0-1.0i 0.0+1.0i)"), c("int32[1](0)"), c("int32[1](3)"), c("int32[1](2)")}},
      {"Tile", "", {v("complex64[2](1.0+2.0i 3.0-1.0i)"), c("int32[1](2)")}},
      {"Transpose", "", {v("string[2,3](\"a\" \"b\" \"c\" \"d\" \"e\" \"f\")"), c("int32[2](1 0)")}},
      {"Unpack", "num = 2, axis = 0", {v("complex64[2](1.0+2.0i 3.0-1.0i)")}, 1e-6, {0, 1}},
      {"ZerosLike", "", {v("string[2](\"a\" \"b\")")}},
      // selection and conversion
      {"Cast", "DstT = uint8", {x("int32", {30}, -2000, 2000)}},
      {"Cast", "DstT = int8", {x("int32", {30}, -2000, 2000)}},
      {"Cast", "DstT = int16", {x("int32", {30}, -200000, 200000)}},
      {"Cast", "DstT = uint8", {f({30}, 0, 255)}},
      {"Cast", "DstT = float32", {v("complex64[2](1.0+2.0i 3.0-1.0i)")}},
      {"ClipByValue", "", {f({4, 3}), v("float32[3](-1.0 -0.5 0.0)"), v("float32[3](0.0 0.5 1.0)")}},
      {"OneHot", "axis = 0", {v("int32[2,3](0 1 2 3 -1 9)"), c("int32[](4)"), c("float32[](2.0)"), c("float32[](-1.0)")}},
      {"OneHot", "axis = 1", {v("int64[2,3](0 1 2 3 -1 9)"), c("int32[](4)"), c("int32[](2)"), c("int32[](-1)")}},
      {"OneHot", "", {v("int32[4](0 1 0 -1)"), c("int32[](1)"), c("float32[](2.0)"), c("float32[](-1.0)")}},
      {"OneHot", "", {v("int32[4](0 1 0 -1)"), c("int32[](0)"), c("float32[](2.0)"), c("float32[](-1.0)")}},
      {"Select", "", {v("bool[3](true false true)"), f({3, 2}), f({3, 2})}},
      {"Select", "", {v("bool[3](true false true)", "shape[?]"), open(f({3, 2, 2}), "shape[?,2,2]"), f({3, 2, 2})}},
      {"SelectV2", "", {v("bool[2,1](true false)"), v("string[2,2](\"a\" \"b\" \"c\" \"d\")"), v("string[](\"z\")")}},
      // reductions
      {"All", "", {v("bool[2,0]()"), c("int32[1](1)")}},
      {"Bucketize", "boundaries = [-1.0, 0.0, 1.5]", {f({5, 2})}},
      {"Bucketize", "boundaries = [-1.0, 0.0, 1.5]", {i({9}, -3, 4)}},
      {"Cumprod", "exclusive = true", {f({2, 3, 4}), c("int32[](-2)")}},
      {"Cumprod", "", {v("uint8[4](7 9 11 3)"), c("int32[](0)")}},
      {"Cumsum", "reverse = true", {f({2, 3, 4}), c("int32[](-1)")}},
      {"Cumsum", "", {x("uint8", {9}, 0, 255), c("int32[](0)")}},
      {"CumulativeLogsumexp", "", {f({3, 4}, -50, 50), c("int32[](1)")}, 1e-5},
      {"CumulativeLogsumexp", "reverse = true", {f({3, 4, 2}, -5, 5), c("int32[](0)")}, 1e-5},
      {"CumulativeLogsumexp", "exclusive = true", {f({3, 4}, -5, 5), c("int32[](-1)")}, 1e-5},
      {"DenseBincount", "binary_output = true", {v("int32[5](0 2 2 1 0)"), c("int32[](4)"), c("float32[0]()")}},
      {"HistogramFixedWidth", "", {f({40}, -3, 3), c("float32[2](-2.0 2.0)"), c("int32[](7)")}},
      {"InTopK", "k = 2", {f({5, 6}), v("int32[5](0 1 2 3 4)")}},
      {"InTopKV2", "", {f({5, 6}), v("int32[5](0 1 2 3 4)"), c("int32[](3)")}},
      {"Max", "", {v("float32[2,0]()"), c("int32[1](1)")}},
      {"Mean", "", {i({3, 5}), c("int32[1](1)")}},
      {"Mean", "keep_dims = true", {open(x("uint8", {3, 5}, 0, 255), "shape[?,?]"), c("int32[2](0 -1)")}},
      {"Min", "keep_dims = true", {v("int32[0,2]()"), c("int32[1](0)")}},
      {"Neg", "", {x("int8", {9}, -128, 127)}},
      {"Neg", "", {v("complex64[2](1.0+2.0i 3.0-1.0i)")}},
      {"Prod", "", {v("uint8[3](20 30 7)"), c("int32[1](0)")}},
      {"Sum", "", {v("uint8[3](200 30 70)"), c("int32[1](0)")}},
      {"Sum", "", {v("complex64[2](1.0+2.0i 3.0-1.0i)"), c("int32[1](0)")}},
      // matrices
      {"BatchMatMulV2", "adj_y = true", {f({2, 1, 3, 4}), f({3, 2, 4})}, 1e-5},
      {"BatchMatMulV2", "", {open(f({2, 3, 2, 3}), "shape[?,3,?,3]"), f({2, 1, 3, 2})}, 1e-5},
      {"BatchMatMulV3", "Tout = float32", {f({3, 4}), f({4, 2})}, 1e-5},
      {"Cross", "", {f({4, 3}), f({4, 3})}},
      {"Diag", "", {f({4})}},
      {"Diag", "", {open(f({2, 3}), "shape[?,3]")}},
      {"DiagPart", "", {f({2, 3, 2, 3})}},
      {"MatrixBandPart", "", {f({2, 4, 5}), c("int32[](1)"), c("int32[](2)")}},
      {"MatrixBandPart", "", {open(f({4, 5}), "shape[?,?]"), v("int64[](-1)"), v("int64[](0)")}},
      {"MatrixDiag", "", {f({2, 3})}},
      {"MatrixDiag", "", {open(f({2, 3}), "shape[?,?]")}},
      {"MatrixDiagPart", "", {f({2, 3, 4})}},
      {"MatrixDiagPartV2", "", {f({2, 3, 4}), c("int32[2](-1 2)"), c("float32[](9.0)")}},
      {"MatrixDiagPartV3", "", {f({2, 3, 4}), c("int32[2](-2 1)"), c("float32[](9.0)")}},
      {"MatrixDiagPartV3", "align = \"LEFT_RIGHT\"", {f({4, 3}), c("int32[](-1)"), c("float32[](9.0)")}},
      {"MatrixDiagV2", "", {f({3, 4}), c("int32[2](-1 1)"), c("int32[](4)"), c("int32[](4)"), c("float32[](9.0)")}},
      {"MatrixDiagV3", "", {f({2, 3}), c("int32[](1)"), c("int32[](-1)"), c("int32[](-1)"), c("float32[](0.0)")}},
      {"MatrixDiagV3", "align = \"RIGHT_RIGHT\"", {f({2, 3, 3}), c("int32[2](-1 1)"), c("int32[](3)"), c("int32[](4)"), c("float32[](9.0)")}},
      {"MatrixSetDiag", "", {f({2, 3, 4}), f({2, 3})}},
      {"MatrixSetDiagV2", "", {f({2, 3, 4}), f({2, 2, 3}), c("int32[2](0 1)")}},
      {"MatrixSetDiagV3", "", {f({2, 3, 4}), f({2, 2, 3}), c("int32[2](-1 0)")}},
      // Einsum
      {"Einsum", "equation = \"aB,Bc->ac\"", {f({2, 3}), f({3, 4})}, 1e-5},
      {"Einsum", "equation = \"...ij,jk->...ik\"", {f({2, 3, 2, 3}), f({3, 4})}, 1e-5},
      {"Einsum", "equation = \"...ij,...jk->...ik\"", {f({2, 1, 2, 3}), f({5, 3, 4})}, 1e-5},
      {"Einsum", "equation = \"ii->i\"", {f({3, 3})}, 1e-5},
      {"Einsum", "equation = \"aba,bc->ca\"", {f({3, 2, 3}), f({2, 4})}, 1e-5},
      {"Einsum", "equation = \"ab , bc -> ac\"", {f({2, 3}), f({3, 4})}, 1e-5},
      // convolutions
      {"AvgPool", "ksize = [1, 1, 2, 3], strides = [1, 1, 1, 2], padding = \"SAME\", data_format = \"NCHW\"", {f({2, 3, 5, 6})}},
      {"AvgPool3D", "ksize = [1, 1, 2, 2, 2], strides = [1, 1, 2, 2, 2], padding = \"VALID\", data_format = \"NCDHW\"", {f({1, 2, 4, 4, 5})}},
      {"BiasAdd", "data_format = \"NCHW\"", {f({2, 3, 4, 5}), f({3})}},
      {"BiasAddV1", "", {f({2, 3}), f({3})}},
      {"Conv2D", "strides = [1, 1, 2, 1], padding = \"SAME\", data_format = \"NCHW\"", {f({2, 3, 5, 6}), f({3, 2, 3, 4})}, 1e-5},
      {"Conv2D",
       "strides = [1, 1, 1, 1], padding = \"EXPLICIT\", explicit_paddings = [0, 0, 0, 0, 1, 2, 0, 1], data_format = \"NCHW\"",
       {f({2, 3, 5, 6}), f({3, 2, 3, 4})},
       1e-5},
      {"Conv2D", "strides = [1, 2, 2, 1], dilations = [1, 2, 2, 1], padding = \"SAME\"", {f({2, 8, 9, 3}), f({3, 3, 3, 4})}, 1e-5},
      {"Conv2D", "strides = [1, 2, 3, 1], dilations = [1, 2, 1, 1], padding = \"VALID\"", {open(f({2, 8, 9, 3}), "shape[?,?,?,3]"), f({3, 3, 3, 4})}, 1e-5},
      {"Conv2D", "strides = [1, 1, 1, 1], padding = \"SAME\"", {f({2, 5, 5, 6}), f({3, 3, 2, 9})}, 1e-5},
      {"Conv2D", "strides = [1, 2, 2, 1], padding = \"SAME\"", {f({2, 5, 5, 3}), f({3, 3, 1, 6})}, 1e-5},
      {"Conv2DBackpropInput",
       "strides = [1, 1, 2, 2], padding = \"SAME\", data_format = \"NCHW\"",
       {c("int32[4](2 3 5 6)"), f({3, 3, 3, 4}), f({2, 4, 3, 3})},
       1e-5},
      {"Conv2DBackpropInput",
       "strides = [1, 1, 1, 1], dilations = [1, 2, 2, 1], padding = \"VALID\"",
       {c("int32[4](2 7 8 3)"), f({3, 3, 3, 4}), f({2, 3, 4, 4})},
       1e-5},
      {"Conv3D", "strides = [1, 1, 1, 2, 1], padding = \"SAME\", data_format = \"NCDHW\"", {f({1, 2, 4, 5, 4}), f({2, 3, 2, 2, 3})}, 1e-5},
      {"Conv3DBackpropInputV2", "strides = [1, 2, 2, 1, 1], padding = \"SAME\"", {c("int32[5](1 5 4 3 2)"), f({3, 2, 2, 2, 4}), f({1, 3, 2, 3, 4})}, 1e-5},
      {"Conv3DBackpropInputV2", "strides = [1, 2, 1, 3, 1], padding = \"VALID\"", {c("int32[5](2 6 4 7 2)"), f({2, 2, 3, 2, 3}), f({2, 3, 3, 2, 3})}, 1e-5},
      {"DepthwiseConv2dNative", "strides = [1, 1, 2, 2], padding = \"SAME\", data_format = \"NCHW\"", {f({2, 3, 5, 6}), f({3, 3, 3, 2})}, 1e-5},
      {"DepthwiseConv2dNative", "strides = [1, 2, 2, 1], dilations = [1, 2, 2, 1], padding = \"SAME\"", {f({2, 7, 8, 3}), f({3, 3, 3, 1})}, 1e-5},
      {"MaxPool", "ksize = [1, 1, 2, 2], strides = [1, 1, 2, 2], padding = \"VALID\", data_format = \"NCHW\"", {f({2, 3, 5, 6})}},
      {"MaxPool", "ksize = [1, 3, 3, 1], strides = [1, 2, 2, 1], padding = \"EXPLICIT\", explicit_paddings = [0, 0, 1, 1, 0, 2, 0, 0]", {f({2, 5, 6, 3})}},
      {"MaxPool", "ksize = [1, 2, 2, 1], strides = [1, 2, 2, 1], padding = \"VALID\"", {x("uint8", {1, 4, 4, 2}, 0, 255)}},
      {"MaxPool3D", "ksize = [1, 1, 2, 2, 2], strides = [1, 1, 1, 2, 1], padding = \"SAME\", data_format = \"NCDHW\"", {f({1, 2, 4, 4, 5})}},
      {"MaxPool3D", "ksize = [1, 1, 1, 1, 1], strides = [1, 3, 2, 2, 1], padding = \"SAME\"", {f({1, 5, 4, 5, 2})}},
      // normalisation
      {"BiasAddGrad", "", {f({2, 3, 4})}, 1e-5},
      {"BiasAddGrad", "data_format = \"NCHW\"", {f({2, 3, 4, 2})}, 1e-5},
      {"EluGrad", "", {f({9}), f({9}, -1, 2)}},
      {"FakeQuantWithMinMaxArgs", "min = -3.0, max = 5.0", {f({30}, -4, 7)}, 1e-5},
      {"FakeQuantWithMinMaxArgs", "min = -1.0, max = 1.0, num_bits = 4, narrow_range = true", {f({30}, -4, 7)}, 1e-5},
      {"FakeQuantWithMinMaxVars", "", {f({30}, -4, 7), c("float32[](-2.5)"), c("float32[](4.0)")}, 1e-5},
      {"FakeQuantWithMinMaxVarsPerChannel", "", {f({10, 2}, -4, 7), v("float32[2](-2.5 -1.0)"), v("float32[2](4.0 0.5)")}, 1e-5},
      {"FusedBatchNorm", "data_format = \"NCHW\", is_training = false", {f({2, 3, 4, 5}), f({3}), f({3}), f({3}), f({3}, 0.5, 2)}, 1e-5},
      {"FusedBatchNormV2", "is_training = false", {f({2, 4, 5, 3}), f({3}), f({3}), f({3}), f({3}, 0.5, 2)}, 1e-5, {0, 1, 2}},
      {"FusedBatchNormV3", "epsilon = 0.01", {f({2, 4, 5, 3}), f({3}), f({3}), c("float32[0]()"), c("float32[0]()")}, 1e-5, {0, 1, 2}},
      {"FusedBatchNormV3",
       "data_format = \"NCHW\"",
       {open(f({2, 3, 5, 3}), "shape[?,3,?,?]"), f({3}), f({3}), c("float32[0]()"), c("float32[0]()")},
       1e-5,
       {0, 1, 2}},
      {"InvGrad", "", {f({9}), f({9})}},
      {"LeakyReluGrad", "alpha = 0.3", {f({9}), f({9})}},
      {"ReciprocalGrad", "", {f({9}), f({9})}},
      {"Relu6Grad", "", {f({9}), f({9}, -3, 9)}},
      {"ReluGrad", "", {f({9}), f({9})}},
      {"RsqrtGrad", "", {f({9}, 0.1, 2), f({9})}},
      {"SeluGrad", "", {f({9}), f({9}, -1.7, 2)}},
      {"SigmoidGrad", "", {f({9}, 0, 1), f({9})}},
      {"SoftmaxCrossEntropyWithLogits", "", {f({4, 5}), f({4, 5}, 0, 1)}, 1e-5, {0, 1}},
      {"SoftplusGrad", "", {f({9}), f({9}, -5, 5)}},
      {"SoftsignGrad", "", {f({9}), f({9}, -5, 5)}},
      {"SparseSoftmaxCrossEntropyWithLogits", "", {open(f({4, 5}), "shape[?,?]"), v("int64[4](0 4 2 2)")}, 1e-5, {0, 1}},
      {"SqrtGrad", "", {f({9}, 0.1, 2), f({9})}},
      {"TanhGrad", "", {f({9}, -1, 1), f({9})}},
      // segments
      {"DynamicPartition", "num_partitions = 3", {f({5, 2}), v("int32[5](0 2 0 1 2)")}, 0, {0, 1, 2}},
      {"DynamicPartition", "num_partitions = 2", {open(f({2, 3, 2}), "shape[?,?,2]"), v("int32[2,3](0 1 0 1 1 0)", "shape[?,?]")}, 0, {0, 1}},
      {"DynamicStitch", "", {c("int32[2](0 3)"), c("int32[2,1](2 1)"), f({2, 2}), f({2, 1, 2})}},
      {"DynamicStitch", "", {v("int32[2](0 3)"), v("int32[3](2 1 0)"), f({2, 2}), f({3, 2})}},
      {"ParallelDynamicStitch",
       "",
       {v("int32[2](0 3)", "shape[?]"), v("int32[2](2 1)", "shape[?]"), open(f({2, 2}), "shape[?,2]"), open(f({2, 2}), "shape[?,2]")}},
      {"SegmentMean", "", {f({5, 2}), v("int32[5](0 0 1 3 3)")}, 1e-5},
      {"SegmentSum", "", {f({5, 2}), v("int32[5](0 0 1 3 3)")}, 1e-5},
      {"TensorScatterAdd", "", {f({5}), v("int32[3,1](1 3 1)"), f({3})}},
      {"TensorScatterMax", "", {f({5, 2}), v("int32[3,1](1 3 1)"), f({3, 2})}},
      {"TensorScatterMin", "", {i({2, 3}), v("int32[4,2](1 2 0 0 1 2 0 1)"), i({4})}},
      {"TensorScatterSub", "", {f({5, 2}), v("int64[3,1](1 3 1)"), f({3, 2})}},
      {"TensorScatterUpdate", "", {f({5, 2}), v("int32[2,1](1 3)"), f({2, 2})}},
      {"TensorScatterUpdate", "", {v("bool[3](true false true)"), v("int32[1,1](1)"), v("bool[1](true)")}},
      {"UniqueWithCounts", "", {v("int32[6](3 1 3 2 1 3)")}, 0, {0, 1, 2}},
      {"UnsortedSegmentSum", "", {f({2, 3, 2}), v("int32[2,3](0 1 0 3 1 1)"), c("int32[](4)")}, 1e-5},
      // transforms
      {"IRFFT", "", {v("complex64[4](1.0+0.0i 2.0-1.0i 0.5+1.0i 3.0+0.0i)"), c("int32[1](6)")}, 1e-5},
      {"IRFFT", "", {v("complex64[2,4](1.0+0.0i 2.0-1.0i 0.5+1.0i 3.0+2.0i 1.0+0.0i 2.0-1.0i 0.5+1.0i 3.0+1.0i)"), c("int32[1](7)")}, 1e-5},
      {"RFFT", "", {f({2, 8}), c("int32[1](6)")}, 1e-5},
      {"RFFT", "", {open(f({2, 8}), "shape[?,?]"), c("int32[1](12)")}, 1e-5},
      // detection
      {"CombinedNonMaxSuppression",
       "",
       {f({2, 6, 1, 4}, 0, 1), f({2, 6, 3}, 0, 1), c("int32[](2)"), c("int32[](5)"), c("float32[](0.3)"), c("float32[](0.2)")},
       1e-6,
       {0, 1, 2, 3}},
      {"CombinedNonMaxSuppression",
       "pad_per_class = true",
       {f({1, 6, 3, 4}, 0, 1), f({1, 6, 3}, 0, 1), c("int32[](1)"), c("int32[](9)"), c("float32[](0.3)"), c("float32[](0.9)")},
       1e-6,
       {0, 1, 2, 3}},
      {"NonMaxSuppression", "iou_threshold = 0.2", {f({8, 4}, 0, 1), f({8}, 0, 1), c("int32[](5)")}},
      {"NonMaxSuppressionV5",
       "",
       {f({8, 4}, 0, 1), f({8}, 0, 1), c("int32[](5)"), c("float32[](0.4)"), c("float32[](0.1)"), c("float32[](0.0)")},
       1e-6,
       {0, 1, 2}},
  };
  return kCases;
}

}  // namespace isomer::legalize_cases
