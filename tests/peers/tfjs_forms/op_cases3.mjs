// Op experiments, third part: cases that came up while writing the table, and tf.js's own fused ops (hand-made expectations).
import {t, i32, bool, str} from './lib.mjs';
import {op, low, cases} from './op_cases.mjs';

const i = v => ({i: String(v)}), f = v => ({f: v}), b = v => ({b: v}), ty = v => ({type: v}), li = v => ({list: {i: v.map(String)}});
const s = v => ({s: Buffer.from(v).toString('base64')}), ls = v => ({list: {s: v.map(x => Buffer.from(x).toString('base64'))}});
const F = 'DT_FLOAT', I = 'DT_INT32';
const seq = (n, fn = x => x + 1) => Array.from({length: n}, (_, k) => fn(k)), sc = v => i32([v], []);
const x234 = t(seq(24), [2, 3, 4]);
const hand = (id, name, ins, attrs, want) => { op(id, name, ins, attrs); cases[cases.length - 1].want = want; };

const bmm = (id, sa, sb) => op(id, 'BatchMatMulV2', [t(seq(sa.reduce((p, q) => p * q)), sa), t(seq(sb.reduce((p, q) => p * q), z => z % 5 - 2), sb)], {adj_x: b(false), adj_y: b(false)});
bmm('bmm_same', [2, 3, 2, 2], [2, 3, 2, 2]); bmm('bmm_left_matrix', [2, 2], [3, 2, 2]); bmm('bmm_right_matrix', [3, 2, 2], [2, 2]); bmm('bmm_one', [1, 2, 2], [3, 2, 2]); bmm('bmm_suffix', [2, 3, 2, 2], [3, 2, 2]); bmm('bmm_suffix_left', [3, 2, 2], [2, 3, 2, 2]);
bmm('bmm_prefix', [2, 3, 2, 2], [2, 1, 2, 2]);
low('BroadcastTo of the smaller operand to the full batch shape', ({n, k, x}) => n('BatchMatMulV2', [x[0], n('BroadcastTo', [x[1], k(i32([2, 3, 2, 2]))])], {adj_x: b(false), adj_y: b(false)}));
bmm('bmm_cross', [2, 1, 2, 2], [3, 2, 2]);
low('BroadcastTo of both', ({n, k, x}) => n('BatchMatMulV2', [n('BroadcastTo', [x[0], k(i32([2, 3, 2, 2]))]), n('BroadcastTo', [x[1], k(i32([2, 3, 2, 2]))])], {adj_x: b(false), adj_y: b(false)}));
bmm('bmm_empty', [0, 2, 2], [0, 2, 2]);
op('matmul_empty_inner', 'MatMul', [t([], [2, 0]), t([], [0, 2])], {transpose_a: b(false), transpose_b: b(false)});
op('sign_nan2', 'Sign', [t([NaN, 2, -3])]); low('SelectV2(IsNan(x), x, Sign(x))', ({n, x}) => n('SelectV2', [n('IsNan', x), x[0], n('Sign', x)]));
for (const name of ['Cumsum', 'Cumprod']) for (const ax of [-2, -3]) { op(`${name.toLowerCase()}_m${-ax}`, name, [x234, sc(ax)], {exclusive: b(false), reverse: b(false)}); low('axis + rank', ({n, k, x}) => n(name, [x[0], k(sc(ax + 3))], {exclusive: b(false), reverse: b(false)})); }
op('cumsum_neg2', 'Cumsum', [x234, sc(-1)], {exclusive: b(true), reverse: b(true)}); low('axis + rank', ({n, k, x}) => n('Cumsum', [x[0], k(sc(2))], {exclusive: b(true), reverse: b(true)}));
op('cumprod_prec', 'Cumprod', [t([0.5, -2, 3]), sc(0)], {exclusive: b(true), reverse: b(true)}); op('cumprod_int', 'Cumprod', [i32([1, 2, 3]), sc(0)], {exclusive: b(false), reverse: b(false)});
op('min_empty', 'Min', [t([], [2, 0]), i32([1])], {keep_dims: b(false)}); op('prod_empty', 'Prod', [t([], [2, 0]), i32([1])], {keep_dims: b(false)}); op('any_empty', 'Any', [bool([], [2, 0]), i32([1])], {keep_dims: b(false)}); op('mean_empty', 'Mean', [t([], [2, 0]), i32([1])], {keep_dims: b(false)});
op('all_no_elements', 'All', [bool([], [2, 0]), i32([1])], {keep_dims: b(false)}); low('LogicalNot(Any(LogicalNot(x)))', ({n, x}) => n('LogicalNot', [n('Any', [n('LogicalNot', [x[0]]), x[1]], {keep_dims: b(false)})]));
op('max_no_elements', 'Max', [t([], [2, 0]), i32([1])], {keep_dims: b(false)}); low('ConcatV2 with a column of -Infinity, then Max', ({n, k, x}) => n('Max', [n('ConcatV2', [x[0], k(t([-Infinity, -Infinity], [2, 1])), k(sc(1))], {N: i(2)}), x[1]], {keep_dims: b(false)}));
op('mean_int_big', 'Mean', [i32([16777217, 16777219]), i32([0])], {keep_dims: b(false)}); low('integer division of Sum by the count, truncated: Sign(s) * FloorDiv(|s|, n)', ({n, k, x}) => { const q = n('Sum', x, {keep_dims: b(false)}); return n('Mul', [n('Sign', [q]), n('FloorDiv', [n('Abs', [q]), k(sc(2))])]); });
op('split_str', 'Split', [sc(0), str(['a', 'b'])], {num_split: i(2)}); low('Slices', ({n, k, x}) => [0, 1].map(r => n('Slice', [x[1], k(i32([r])), k(i32([1]))])));
op('rfft_cut', 'RFFT', [t([1, 2, 3, 4, 5, 6]), i32([4])]); low('Slice to fft_length first', ({n, k, x}) => n('RFFT', [n('Slice', [x[0], k(i32([0])), k(i32([4]))]), x[1]]));
op('rfft_rank2', 'RFFT', [t([[1, 2, 3, 4], [0, 1, 0, 1]]), i32([4])]); op('rfft_odd', 'RFFT', [t([1, 2, 4]), i32([3])]); op('fft_rank2', 'FFT', [t([1, 0, 2, 0, 0, 1, 3, 0], [2, 2], 'complex64')]); op('ifft', 'IFFT', [t([1, 0, 2, 0], [2], 'complex64')]);
op('irfft1', 'IRFFT', [t([10, 0, -2, 2, -2, 0], [3], 'complex64'), i32([4])]); low('Reshape of the result', ({n, k, x}) => n('Reshape', [n('IRFFT', x), k(i32([4]))])); op('irfft_rank2', 'IRFFT', [t([10, 0, -2, 2, -2, 0, 1, 0, 0, 0, 0, 0], [2, 3], 'complex64'), i32([4])]); op('irfft_odd', 'IRFFT', [t([7, 0, -2, 1], [2], 'complex64'), i32([3])]);
op('rfft_pad', 'RFFT', [t([1, 2, 3, 0, 0, 0, 0, 0]), i32([8])]);
const bx = t([[0, 0, 1, 1], [0, 0, 1, 0.5], [0, 0.6, 1, 1.6], [0, 3, 1, 4]]), scs = t([0.9, 0.8, 0.7, 0.6]), soft = [t([[0, 0, 1, 1], [0, 0.1, 1, 1.1], [0, -0.1, 1, 0.9], [0, 10, 1, 11]]), t([0.9, 0.75, 0.6, 0.95])];
op('nms_boundary', 'NonMaxSuppressionV3', [bx, scs, sc(4), t([0.5], []), t([0], [])]); low('threshold raised by one unit in the last place', ({n, k, x}) => n('NonMaxSuppressionV3', [x[0], x[1], x[2], k(t([0.50000006], [])), x[4]]));
op('nms_score_boundary', 'NonMaxSuppressionV3', [bx, scs, sc(4), t([0.9], []), t([0.7], [])]); op('nms_no_box', 'NonMaxSuppressionV3', [t([], [0, 4]), t([], [0]), sc(4), t([0.5], []), t([0], [])]); op('nms_flipped', 'NonMaxSuppressionV3', [t([[1, 1, 0, 0], [0, 0, 1, 0.9]]), t([0.5, 0.6]), sc(4), t([0.5], []), t([0], [])]);
op('nms_soft', 'NonMaxSuppressionV5', [...soft, sc(4), t([0.5], []), t([0], []), t([0.5], [])], {pad_to_max_output_size: b(false)}); low('IoU threshold 1, third output is Size of the first', ({n, k, x}) => { const r = n('NonMaxSuppressionV5', [x[0], x[1], x[2], k(t([1], [])), x[4], x[5]]); return [r, r + ':1', n('Size', [r])]; });
op('nms_hard5', 'NonMaxSuppressionV5', [...soft, sc(4), t([0.5], []), t([0], []), t([0], [])], {pad_to_max_output_size: b(false)}); low('third output is Size of the first', ({n, k, x}) => { const r = n('NonMaxSuppressionV5', x); return [r, r + ':1', n('Size', [r])]; });
op('gather_string_dynamic', 'GatherV2', [str(['a', 'b', 'c']), i32([2, 0]), sc(0)], {batch_dims: i(0)}); low('TensorListFromTensor and TensorListGather (not more indices than strings)', ({n, k, x}) => n('TensorListGather', [n('TensorListFromTensor', [x[0], k(i32([], [0]))], {element_dtype: ty('DT_STRING')}), x[1], k(i32([], [0]))], {element_dtype: ty('DT_STRING')}));
op('broadcast_string', 'BroadcastTo', [str(['a']), i32([2])]); low('Tile', ({n, k, x}) => n('Tile', [x[0], k(i32([2]))]));
op('transpose_strings', 'Transpose', [str([['a', 'b']]), i32([1, 0])]); low('Reshape, where only unit dimensions move', ({n, k, x}) => n('Reshape', [x[0], k(i32([2, 1]))]));
op('bn_infer', 'FusedBatchNormV3', [t(seq(8), [1, 2, 2, 2]), t([1.5, 0.5]), t([0.1, -0.2]), t([0.3, 0.4]), t([1.2, 0.8])], {epsilon: f(0.001), is_training: b(false)});
op('unpack_scalars', 'Unpack', [t([1, 2])], {num: i(2), axis: i(0)}); op('reverse_empty', 'ReverseV2', [t([1, 2]), i32([], [0])]); op('transpose_scalar', 'Transpose', [t([1], []), i32([], [0])]); op('slice_empty', 'Slice', [t([1, 2]), i32([1]), i32([0])]); op('pad_empty', 'Pad', [t([], [0, 2]), i32([[1, 0], [0, 0]])]); op('expand_string', 'ExpandDims', [str(['a']), sc(0)]); op('reshape_string', 'Reshape', [str(['a', 'b']), i32([2, 1])]); op('split_string', 'Split', [sc(0), str(['a', 'b'])], {num_split: i(2)}); op('string_equal_scalar', 'Equal', [str([['a', 'b']]), str(['b'], [])]);
op('size_scalar', 'Size', [t([1], [])]); op('shape_scalar', 'Shape', [t([1], [])], {out_type: ty(I)}); op('range_zero', 'Range', [sc(0), sc(0), sc(1)], {Tidx: ty(I)}); op('less_int_big', 'Less', [i32([16777216]), i32([16777217])]); op('equal_int_big', 'Equal', [i32([16777216]), i32([16777217])]); op('maximum_int', 'Maximum', [i32([16777216]), i32([16777217])]); op('sum_int_big', 'Sum', [i32([16777216, 1]), i32([0])], {keep_dims: b(false)}); op('gather_int_big', 'GatherV2', [i32([16777217]), i32([0]), sc(0)], {batch_dims: i(0)}); op('concat_int_big', 'ConcatV2', [[i32([16777217]), i32([1])], sc(0)], {N: i(2)}); op('select_int_big', 'SelectV2', [bool([true]), i32([16777217]), i32([1])]); op('pad_int_big', 'Pad', [i32([16777217]), i32([[1, 0]])]); op('max_int_big', 'Max', [i32([16777217, 5]), i32([0])], {keep_dims: b(false)}); op('floordiv_minus1', 'FloorDiv', [i32([-2147483648]), i32([2])]);
op('cast_int_float_big', 'Cast', [i32([16777217])], {SrcT: ty(I), DstT: ty(F)}); op('exp_int_like', 'Exp', [t([1])]); op('rsqrt', 'Rsqrt', [t([4, 0.25])]); op('reciprocal', 'Reciprocal', [t([4])]); op('inv', 'Inv', [t([4])]); op('tan', 'Tan', [t([0.5])]); op('prod_bool_free', 'Prod', [i32([[1, 2], [3, 4]]), i32([0, 1])], {keep_dims: b(true)});
op('space_to_batch_w', 'SpaceToBatchND', [t(seq(15), [1, 3, 5, 1]), i32([1, 2]), i32([[0, 0], [0, 1]])]);

op('einsum_diagonal', 'Einsum', [[t([[1, 2], [3, 4]])]], {equation: s('ii->i'), N: i(1), T: ty(F)}); low('Sum(x * identity matrix, 1)', ({n, k, x}) => n('Sum', [n('Mul', [x[0], k(t([[1, 0], [0, 1]]))]), k(i32([1]))], {keep_dims: b(false)}));
op('bincount_binary', 'DenseBincount', [i32([1, 2, 2]), sc(4), t([], [0])], {binary_output: b(true)}); low('Minimum(count, 1)', ({n, k, x}) => n('Minimum', [n('DenseBincount', x, {binary_output: b(false)}), k(t([1], []))]));
op('and_mask', 'BitwiseAnd', [i32([-2147483648, -5, 0, 300, 2147483647]), sc(255)]); low('FloorMod 256', ({n, k, x}) => n('FloorMod', [x[0], k(sc(256))]));
op('xdivy_zero', 'Xdivy', [t([0, 2, 0]), t([0, 4, 5])]); low('SelectV2(x == 0, 0, x / y)', ({n, k, x}) => n('SelectV2', [n('Equal', [x[0], k(t([0], []))]), k(t([0], [])), n('RealDiv', x)]));
op('div_int_trunc', 'Div', [i32([-7, 7, -7]), i32([2, -2, -2])]); low('Sign * Sign * FloorDiv(Abs, Abs)', ({n, x}) => n('Mul', [n('Mul', [n('Sign', [x[0]]), n('Sign', [x[1]])]), n('FloorDiv', [n('Abs', [x[0]]), n('Abs', [x[1]])])]));
op('rfft_grow', 'RFFT', [t([1, 2, 3, 0, 0]), i32([5])]); low('PadV2 of three elements to fft_length', ({n, k, x}) => n('RFFT', [n('PadV2', [n('Slice', [x[0], k(i32([0])), k(i32([3]))]), k(i32([[0, 2]])), k(t([0], []))]), x[1]]));
op('min_no_elements', 'Min', [t([], [2, 0]), i32([1])], {keep_dims: b(false)}); low('ConcatV2 with a column of Infinity, then Min', ({n, k, x}) => n('Min', [n('ConcatV2', [x[0], k(t([Infinity, Infinity], [2, 1])), k(sc(1))], {N: i(2)}), x[1]], {keep_dims: b(false)}));

// ---- fused ops of tf.js
const X = [[1, -2], [3, 4]], W = [[1, 0.5], [-1, 2]], Bi = [0.5, -1], z = X.flatMap(r => [0, 1].map(c => r[0] * W[0][c] + r[1] * W[1][c] + Bi[c]));
const acts = {'': v => v, Relu: v => Math.max(v, 0), Relu6: v => Math.min(6, Math.max(v, 0)), Elu: v => v > 0 ? v : Math.expm1(v), Sigmoid: v => 1 / (1 + Math.exp(-v)), LeakyRelu: v => v > 0 ? v : 0.1 * v, Tanh: Math.tanh, Prelu: v => v > 0 ? v : 0.3 * v};
for (const [name, fn] of Object.entries(acts)) {
  const extra = name === 'Prelu' ? [t([0.3, 0.3])] : [], fused = ls(name ? ['BiasAdd', name] : ['BiasAdd']), at = {fused_ops: fused, num_args: i(1 + extra.length), leakyrelu_alpha: f(0.1), epsilon: f(0)}, want = z.map(fn);
  hand('fused_matmul_' + (name || 'bias').toLowerCase(), '_FusedMatMul', [t(X), t(W), t(Bi), ...extra], {...at, transpose_a: b(false), transpose_b: b(false)}, [t(want, [2, 2])]);
  hand('fused_conv_' + (name || 'bias').toLowerCase(), '_FusedConv2D', [t(X.flat(), [1, 2, 1, 2]), t(W.flat(), [1, 1, 2, 2]), t(Bi), ...extra], {...at, strides: li([1, 1, 1, 1]), padding: s('SAME'), dilations: li([1, 1, 1, 1]), data_format: s('NHWC'), explicit_paddings: li([])}, [t(want, [1, 2, 1, 2])]);
  const dz = X.flatMap(r => r.map((v, c) => v * [2, -1][c] + Bi[c])).map(fn);
  hand('fused_dw_' + (name || 'bias').toLowerCase(), 'FusedDepthwiseConv2dNative', [t(X.flat(), [1, 2, 1, 2]), t([2, -1], [1, 1, 2, 1]), t(Bi), ...extra], {...at, strides: li([1, 1, 1, 1]), padding: s('SAME'), dilations: li([1, 1, 1, 1]), data_format: s('NHWC'), explicit_paddings: li([])}, [t(dz, [1, 2, 1, 2])]);
}
hand('fused_conv_explicit', '_FusedConv2D', [t([5], [1, 1, 1, 1]), t([2], [1, 1, 1, 1]), t([1])], {fused_ops: ls(['BiasAdd', 'Relu']), num_args: i(1), strides: li([1, 1, 1, 1]), padding: s('EXPLICIT'), dilations: li([1, 1, 1, 1]), data_format: s('NHWC'), explicit_paddings: li([0, 0, 1, 0, 0, 0, 0, 0])}, [t([1, 11], [1, 2, 1, 1])]);
hand('prelu', 'Prelu', [t([[-2, 3]]), t([0.5, 0.1])], {}, [t([[-1, 3]])]);
