// Op experiments. Each case is a TensorFlow op with inputs and attributes; op_truth.mjs holds what TensorFlow 2.19 gives for
// it. `op` judges the op as it is, `low` a lowering of the case before it.
import {t, i32, bool, str} from './lib.mjs';

export const cases = [];
export const op = (id, name, ins, attrs = {}, tol) => cases.push({id, op: name, ins, attrs, lows: [], tol});
export const low = (note, build) => cases[cases.length - 1].lows.push({note, build});
const i = v => ({i: String(v)}), f = v => ({f: v}), b = v => ({b: v}), ty = v => ({type: v}), li = v => ({list: {i: v.map(String)}});
const s = v => ({s: Buffer.from(v).toString('base64')});
const F = 'DT_FLOAT', I = 'DT_INT32', B = 'DT_BOOL', S = 'DT_STRING';
const seq = (n, fn = x => x + 1) => Array.from({length: n}, (_, k) => fn(k));
const img = (h, w, c, n = 1) => t(seq(n * h * w * c, k => Math.round(Math.sin(k * 1.7) * 100) / 20), [n, h, w, c]);
const x34 = t([[1, -2, 3, -4], [-5, 6, -7, 8], [9, -10, 11, -12]]);
const iv = i32([-7, -3, -1, 0, 1, 3, 7]), big = i32([-2147483648, -123456789, -1, 0, 5, 65535, 2147483647]), big2 = i32([255, -16, 305419896, 7, -1, -2147483648, 1431655765]);

// ---- matrices
op('band_lower', 'MatrixBandPart', [x34, i32([-1], []), i32([0], [])]);
low('mask Range, Sub, LessEqual, LogicalAnd, SelectV2', ({n, k, x}) => band(n, k, x[0], 3, 4, -1, 0));
op('band_upper', 'MatrixBandPart', [x34, i32([0], []), i32([-1], [])]);
low('mask', ({n, k, x}) => band(n, k, x[0], 3, 4, 0, -1));
op('band_both', 'MatrixBandPart', [x34, i32([1], []), i32([1], [])]);
low('mask', ({n, k, x}) => band(n, k, x[0], 3, 4, 1, 1));
op('band_asym', 'MatrixBandPart', [x34, i32([1], []), i32([2], [])]);
low('mask, shapes read at run time', ({n, k, x}) => { const sh = n('Shape', [x[0]]); const dim = d => n('StridedSlice', [sh, k(i32([d])), k(d === -1 ? i32([0]) : i32([d + 1])), k(i32([1]))], {shrink_axis_mask: i(1), ...(d === -1 ? {end_mask: i(1)} : {})});
  return bandFrom(n, k, x[0], dim(-2), dim(-1), 1, 2); });
function bandFrom(n, k, x, rows, cols, lo, up) { const z = k(i32([0], [])), one = k(i32([1], []));
  const r = n('ExpandDims', [n('Range', [z, rows, one], {Tidx: ty(I)}), k(i32([1], []))]), c = n('Range', [z, cols, one], {Tidx: ty(I)}); const d = n('Sub', [r, c], {T: ty(I)});
  const tests = []; if (lo >= 0) tests.push(n('LessEqual', [d, k(i32([lo], []))])); if (up >= 0) tests.push(n('LessEqual', [n('Neg', [d]), k(i32([up], []))])); if (!tests.length) return n('Identity', [x]);
  return n('SelectV2', [tests.length > 1 ? n('LogicalAnd', tests) : tests[0], x, n('ZerosLike', [x])]); }
function band(n, k, x, rows, cols, lo, up) { return bandFrom(n, k, x, k(i32([rows], [])), k(i32([cols], [])), lo, up); }
op('einsum_mixed_case', 'Einsum', [[t([[1, 2], [3, 4]]), t([[5, 6], [7, 8]])]], {equation: s('aA,Ab->ab'), N: i(2), T: ty(F)});
low('labels renamed to distinct lower-case letters', ({n, x}) => n('Einsum', [x[0], x[1]], {equation: s('ac,cb->ab'), N: i(2), T: ty(F)}));
op('einsum_ellipsis', 'Einsum', [[t([[[1, 2], [3, 4]]]), t([[5, 6], [7, 8]])]], {equation: s('...ij,jk->...ik'), N: i(2), T: ty(F)});
low('ellipsis written out as letters', ({n, x}) => n('Einsum', [x[0], x[1]], {equation: s('aij,jk->aik'), N: i(2), T: ty(F)}));
op('einsum_one', 'Einsum', [[x34]], {equation: s('ij->ji'), N: i(1), T: ty(F)});
op('einsum_sum', 'Einsum', [[x34]], {equation: s('ij->j'), N: i(1), T: ty(F)});
op('einsum_diag', 'Einsum', [[t([[1, 2], [3, 4]])]], {equation: s('ii->i'), N: i(1), T: ty(F)});
op('einsum_outer', 'Einsum', [[t([1, 2]), t([3, 4, 5])]], {equation: s('i,j->ij'), N: i(2), T: ty(F)});
op('einsum_sum_free', 'Einsum', [[t([[1, 2], [3, 4]]), t([[5, 6], [7, 8]])]], {equation: s('ij,jk->i'), N: i(2), T: ty(F)});
op('matmul_int', 'MatMul', [i32([[1, 2], [3, 4]]), i32([[1, 2], [3, 4]])], {transpose_b: b(true)});
op('batch_matmul_broadcast', 'BatchMatMulV2', [t(seq(8), [2, 1, 2, 2]), t(seq(12), [3, 2, 2])], {adj_x: b(false), adj_y: b(true)});
op('matrix_diag', 'MatrixDiagV3', [t([[1, 2]]), i32([0], []), i32([-1], []), i32([-1], []), t([0], [])]);
low('ExpandDims times an identity matrix, through SelectV2 of an Equal mask', ({n, k, x}) => n('SelectV2', [k(bool([[true, false], [false, true]])), n('ExpandDims', [x[0], k(i32([-1], []))]), k(t([0], []))]));

// ---- arithmetic
op('bitwise_and', 'BitwiseAnd', [big, big2]);
low('32 single bits: Sum of 2^k where both have bit k (FloorMod(FloorDiv(x, 2^k), 2)), sign bit from x < 0', ({n, k, x}) => bits(n, k, x[0], x[1], (p, q) => n('Mul', [p, q])));
op('bitwise_or', 'BitwiseOr', [big, big2]);
low('bits, Maximum', ({n, k, x}) => bits(n, k, x[0], x[1], (p, q) => n('Maximum', [p, q])));
op('bitwise_xor', 'BitwiseXor', [big, big2]);
low('bits, Abs(Sub)', ({n, k, x}) => bits(n, k, x[0], x[1], (p, q) => n('Abs', [n('Sub', [p, q])])));
op('invert', 'Invert', [big]);
low('-1 - x', ({n, k, x}) => n('Sub', [k(i32([-1], [])), x[0]]));
// Bits along a new last axis: floor(x / 2^k) mod 2 for k < 31, and the sign bit. No division by 2^31 is needed.
function bits(n, k, x, y, both) { const p = k(i32(seq(31, e => 2 ** e))), two = k(i32([2], [])), ax = k(i32([-1], [])), zero = k(i32([0], []));
  const split = v => { const e = n('ExpandDims', [v, ax]), lowBits = n('FloorMod', [n('FloorDiv', [e, p], {T: ty(I)}), two], {T: ty(I)}), sign = n('Cast', [n('Less', [e, zero])], {DstT: ty(I)}); return n('ConcatV2', [lowBits, sign, ax], {N: i(2)}); };
  return n('Sum', [n('Mul', [both(split(x), split(y)), k(i32([...seq(31, e => 2 ** e), -2147483648]))]), k(i32([-1]))], {keep_dims: b(false)}); }
op('left_shift', 'LeftShift', [i32([1, 3, -5, 1073741824]), i32([3, 4, 2, 1])]);
low('Mul by Gather of the powers of two', ({n, k, x}) => n('Mul', [x[0], n('GatherV2', [k(i32([...seq(31, e => 2 ** e), -2147483648])), x[1], k(i32([0], []))], {batch_dims: i(0)})]));
op('right_shift', 'RightShift', [i32([100, -5, -2147483648, 7]), i32([3, 1, 30, 0])]);
low('FloorDiv by Gather of the powers of two (arithmetic shift, amounts 0 to 30)', ({n, k, x}) => n('FloorDiv', [x[0], n('GatherV2', [k(i32(seq(31, e => 2 ** e))), x[1], k(i32([0], []))], {batch_dims: i(0)})]));
op('floordiv_float', 'FloorDiv', [t([-7, 7.5, 5, 1e10]), t([2, 2, -2, 3])]);
low('Floor(RealDiv)', ({n, x}) => n('Floor', [n('RealDiv', [x[0], x[1]])]));
op('floordiv_int', 'FloorDiv', [iv, i32([2, -2, 3, 5, -3, -2, 7])]);
op('floordiv_int_big', 'FloorDiv', [big, i32([1, -1, 7, 3, 2, -5, 65537])]);
op('floormod_float', 'FloorMod', [t([-7, 7.5, 5, -0.5]), t([2, 2, -2, 3])]);
op('floormod_int', 'FloorMod', [iv, i32([2, -2, 3, 5, -3, -2, 4])]);
op('mod_int', 'Mod', [iv, i32([2, -2, 3, 5, -3, -2, 4])]);
low('Sign(x) * FloorMod(|x|, |y|)', ({n, x}) => n('Mul', [n('Sign', [x[0]]), n('FloorMod', [n('Abs', [x[0]]), n('Abs', [x[1]])])]));
low('the same, Sign cast to int32', ({n, x}) => n('Mul', [n('Cast', [n('Sign', [x[0]])], {DstT: ty(I)}), n('FloorMod', [n('Abs', [x[0]]), n('Abs', [x[1]])])]));
op('mod_float', 'Mod', [t([-7, 7.5, 5, -0.5]), t([2, 2, -2, 3])]);
low('Sign(x) * FloorMod(|x|, |y|)', ({n, x}) => n('Mul', [n('Sign', [x[0]]), n('FloorMod', [n('Abs', [x[0]]), n('Abs', [x[1]])])]));
op('truncatemod_int', 'TruncateMod', [iv, i32([2, -2, 3, 5, -3, -2, 4])]);
op('truncatediv_int', 'TruncateDiv', [iv, i32([2, -2, 3, 5, -3, -2, 4])]);
low('FloorDiv(|x|, |y|) times the signs', ({n, x}) => n('Mul', [n('Mul', [n('Cast', [n('Sign', [x[0]])], {DstT: ty(I)}), n('Cast', [n('Sign', [x[1]])], {DstT: ty(I)})]), n('FloorDiv', [n('Abs', [x[0]]), n('Abs', [x[1]])])]));
op('div_int', 'Div', [iv, i32([2, -2, 3, 5, -3, -2, 4])]);
op('realdiv_int_exact', 'RealDiv', [t([7, 1]), t([2, 3])]);
op('divnonan', 'DivNoNan', [t([1, 0, -1]), t([0, 0, 4])]);
op('divnonan_nan', 'DivNoNan', [t([NaN, Infinity]), t([0, 0])]);
low('SelectV2(y == 0, 0, x / y)', ({n, k, x}) => n('SelectV2', [n('Equal', [x[1], k(t([0], []))]), k(t([0], [])), n('RealDiv', x)]));
op('mulnonan', 'MulNoNan', [t([NaN, 3, Infinity]), t([0, 2, 0])]);
low('SelectV2(y == 0, 0, x * y)', ({n, k, x}) => n('SelectV2', [n('Equal', [x[1], k(t([0], []))]), k(t([0], [])), n('Mul', x)]));
op('xdivy', 'Xdivy', [t([0, 2]), t([0, 4])]);
op('xlogy', 'Xlogy', [t([0, 2]), t([0, 4])]);
low('SelectV2(x == 0, 0, x * Log(y))', ({n, k, x}) => n('SelectV2', [n('Equal', [x[0], k(t([0], []))]), k(t([0], [])), n('Mul', [x[0], n('Log', [x[1]])])]));
op('pow_int', 'Pow', [i32([2, -3, 5]), i32([3, 3, 0])]);
op('pow_int_big', 'Pow', [i32([3, 7]), i32([19, 11])]);
op('mul_int_wrap', 'Mul', [i32([123456789, 65537]), i32([987654321, 65537])]);
op('add_int_wrap', 'AddV2', [i32([2147483647]), i32([1])]);
op('maximum_nan', 'Maximum', [t([NaN, 1, 2]), t([1, NaN, 3])]);
op('abs_int', 'Abs', [iv]); op('neg_int', 'Neg', [iv]); op('sign_int', 'Sign', [iv]);
low('Cast(Sign(x), int32)', ({n, x}) => n('Cast', [n('Sign', x)], {DstT: ty(I)}));
op('sign_nan', 'Sign', [t([NaN, -0, 2, -3])]);
op('square_int', 'Square', [iv]);
op('round', 'Round', [t([0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 2.4])]); op('rint', 'Rint', [t([0.5, 1.5, -2.5])]);
low('Round', ({n, x}) => n('Round', x));
op('erf', 'Erf', [t([-3, -1, -0.1, 0, 1e-4, 0.5, 1, 2])], {}, 2e-7);
op('erf_loose', 'Erf', [t([-3, -1, -0.1, 0, 1e-4, 0.5, 1, 2])], {}, 2e-6);
op('erfc', 'Erfc', [t([-1, 0, 0.5, 1, 2, 3, 5])], {}, 1e-6);
low('1 - Erf(x)', ({n, k, x}) => n('Sub', [k(t([1], [])), n('Erf', x)]));
op('leaky_relu', 'LeakyRelu', [t([-2, 3])], {alpha: f(0.1)}); op('leaky_relu_default', 'LeakyRelu', [t([-2, 3])]);
op('elu', 'Elu', [t([-2, 3])]); op('selu', 'Selu', [t([-2, 3])]); op('softplus', 'Softplus', [t([-30, -1, 0, 1, 30])]); op('softsign', 'Softsign', [t([-2, 3])]);
low('x / (1 + |x|)', ({n, k, x}) => n('RealDiv', [x[0], n('AddV2', [k(t([1], [])), n('Abs', [x[0]])])]));
op('relu6', 'Relu6', [t([-2, 3, 8])]); op('relu_int', 'Relu', [iv]);
op('clip', 'ClipByValue', [t([-2, 0.5, 3]), t([0], []), t([1], [])]);
op('clip_tensor', 'ClipByValue', [t([-2, 0.5, 3]), t([0, 1, 2]), t([1, 2, 2.5])]);
low('Minimum(Maximum(x, lo), hi)', ({n, x}) => n('Minimum', [n('Maximum', [x[0], x[1]]), x[2]]));
op('clip_int', 'ClipByValue', [iv, i32([-2], []), i32([2], [])]);
op('isnan', 'IsNan', [t([NaN, 1, Infinity])]); op('isinf', 'IsInf', [t([NaN, 1, -Infinity])]); op('isfinite', 'IsFinite', [t([NaN, 1, Infinity])]);
op('atan2', 'Atan2', [t([1, -1]), t([-1, 2])]); op('expm1', 'Expm1', [t([1e-4, 1])]); op('log1p', 'Log1p', [t([1e-4, 1])]); op('acosh', 'Acosh', [t([1, 3])]);
op('squared_difference_int', 'SquaredDifference', [iv, i32([1], [])]);
op('addn', 'AddN', [[t([1, 2]), t([3, 4]), t([5, 6])]], {N: i(3)});
op('accumulate_int', 'AddN', [[i32([1, 2]), i32([3, 4])]], {N: i(2)});
op('betainc_like_lgamma', 'Lgamma', [t([0.5, 3])]);

// ---- logic and selection
op('select_rows', 'Select', [bool([true, false]), t([[1, 2], [3, 4]]), t([[5, 6], [7, 8]])]);
low('SelectV2 with the condition reshaped to [n, 1]', ({n, k, x}) => n('SelectV2', [n('Reshape', [x[0], k(i32([-1, 1]))]), x[1], x[2]]));
op('select_rows_3', 'Select', [bool([true, false]), t(seq(6), [2, 3]), t(seq(6, z => -z), [2, 3])]);
low('SelectV2 with the condition reshaped', ({n, k, x}) => n('SelectV2', [n('Reshape', [x[0], k(i32([-1, 1]))]), x[1], x[2]]));
op('select_v2', 'SelectV2', [bool([[true], [false]]), t([1, 2, 3]), t([0], [])]);
op('select_v2_int', 'SelectV2', [bool([true, false]), i32([1, 2]), i32([3, 4])]);
op('select_v2_bool', 'SelectV2', [bool([true, false]), bool([true, true]), bool([false, false])]);
op('select_v2_string', 'SelectV2', [bool([true, false]), str(['a', 'b']), str(['c', 'd'])]);
op('select_v2_nan', 'SelectV2', [bool([true, false]), t([1, NaN]), t([NaN, 2])]);
op('equal_string', 'Equal', [str([['a'], ['b']]), str(['a', 'b', 'c'])]); op('notequal_string', 'NotEqual', [str(['a', 'b']), str(['a'], [])]);
op('equal_bool', 'Equal', [bool([true, false]), bool([true, true])]);
op('equal_nan', 'Equal', [t([NaN, 1]), t([NaN, 1])]);
op('logical_and_broadcast', 'LogicalAnd', [bool([[true], [false]]), bool([true, false])]);
