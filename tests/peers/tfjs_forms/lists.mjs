// Tensor lists.
import {model, form, a, t, i32, bool, str} from './lib.mjs';

const F = 'float32', I = 'int32';
const ed = d => ({element_dtype: a.type(d)});
const x23 = t([[1, 2, 3], [4, 5, 6]]);
// A main-graph experiment: x [2, 3] is fed; `build` makes the nodes and returns {key: ref}.
function flat(build, want, {x = x23, dtype = F, feedShape = null} = {}) {
  const m = model(); m.input('x', dtype, feedShape);
  for (const [k, v] of [['es', i32([3])], ['es_any', i32([-1])], ['es_unknown', i32([-1], [])], ['es0', i32([], [0])]]) m.const(k, v);
  for (const k of [0, 1, 2, 3]) m.const('c' + k, i32([k], []));
  const outs = build(m);
  Object.entries(outs).forEach(([k, r]) => m.out(k, m.id('out_' + k, r)));
  return {m, feeds: {x}, want};
}
const from = (m, d = F, es = 'es') => m.node('l', 'TensorListFromTensor', ['x', es], ed(d));
// Zeros list: what TensorListReserve means in TensorFlow.
function zeros(m, name, n, shape, d = F) {
  m.const(name + '/shape', i32([n, ...shape])); m.const(name + '/zero', t([0], [], d));
  m.node(name + '/fill', 'Fill', [name + '/shape', name + '/zero'], {T: a.type(d)});
  m.const(name + '/es', i32(shape, [shape.length]));
  return m.node(name, 'TensorListFromTensor', [name + '/fill', name + '/es'], ed(d));
}
const stack = (m, l, d = F, es = 'es', n = 'st') => m.node(n, 'TensorListStack', [l, es], {...ed(d), num_elements: a.int(-1)});
// Stack that also works for an empty list: gather of all elements.
function stackAll(m, l, d = F, es = 'es', n = 'st') {
  m.node(n + '/len', 'TensorListLength', [l]); m.node(n + '/all', 'Range', ['c0', n + '/len', 'c1'], {Tidx: a.type(I)});
  m.node(n + '/g', 'TensorListGather', [l, n + '/all', es], ed(d));
  return d === F ? n + '/g' : m.node(n, 'Cast', [n + '/g'], {DstT: a.type(d)});
}
function copy(m, l, n = 'copy') {
  m.node(n + '/len', 'TensorListLength', [l]);
  return m.node(n, 'TensorListResize', [l, n + '/len']);
}

for (const [d, x] of [[F, x23], [I, i32([[1, 2, 3], [4, 5, 6]])], ['bool', bool([[true, false, true], [false, false, true]])], ['string', str([['a', 'b', 'c'], ['d', 'e', 'f']])]])
  form('list.roundtrip_' + d, true, 'async', `TensorListFromTensor, TensorListStack, ${d}`, () => flat(m => ({y: stack(m, from(m, d), d)}), {y: x}, {x, dtype: d}));
form('list.get', true, 'async', 'GetItem, Length', () => flat(m => ({y: m.node('g', 'TensorListGetItem', [from(m), 'c1', 'es'], ed(F)), n: m.node('n', 'TensorListLength', ['l'])}), {y: t([4, 5, 6]), n: i32([2], [])}));
for (const es of ['es_any', 'es_unknown']) form('list.' + es, true, 'async', 'element shape ' + (es === 'es_any' ? '[-1]' : 'of unknown rank (scalar -1)') + ': GetItem and Stack',
  () => flat(m => ({y: m.node('g', 'TensorListGetItem', [from(m, F, es), 'c1', es], ed(F)), s: stack(m, 'l', F, es)}), {y: t([4, 5, 6]), s: x23}));
form('list.get_negative', false, 'no', 'GetItem with a negative index (also an error in TensorFlow)', () => flat(m => { m.const('neg', i32([-1], [])); return {y: m.node('g', 'TensorListGetItem', [from(m), 'neg', 'es'], ed(F))}; }, {y: t([4, 5, 6])}));
form('list.set', true, 'async', 'SetItem, single consumer', () => flat(m => { m.const('v', t([7, 8, 9])); return {y: stack(m, m.node('s', 'TensorListSetItem', [from(m), 'c0', 'v'], ed(F)))}; }, {y: t([[7, 8, 9], [4, 5, 6]])}));
form('list.set_old_handle', false, 'no', 'SetItem, and the old list is read afterwards: it has changed', () => flat(m => { m.const('v', t([7, 8, 9])); m.node('s', 'TensorListSetItem', [from(m), 'c0', 'v'], ed(F));
  return {y: stack(m, 's'), old: m.node('g', 'TensorListGetItem', ['l', 'c0', 'es', '^s'], ed(F))}; }, {y: t([[7, 8, 9], [4, 5, 6]]), old: t([1, 2, 3])}));
form('list.set_old_handle_copy', true, 'async', 'the same on a copy made by TensorListResize(list, TensorListLength(list))', () => flat(m => { m.const('v', t([7, 8, 9])); m.node('s', 'TensorListSetItem', [copy(m, from(m)), 'c0', 'v'], ed(F));
  return {y: stack(m, 's'), old: m.node('g', 'TensorListGetItem', ['l', 'c0', 'es', '^s'], ed(F)), oldStack: m.node('os', 'TensorListStack', ['l', 'es', '^s'], ed(F))}; }, {y: t([[7, 8, 9], [4, 5, 6]]), old: t([1, 2, 3]), oldStack: x23}));
form('list.set_same_value_twice', true, 'async', 'one tensor set in two slots, used afterwards too', () => flat(m => { m.node('v', 'AddV2', ['x', 'x']); m.node('row', 'TensorListGetItem', [m.node('lv', 'TensorListFromTensor', ['v', 'es'], ed(F)), 'c0', 'es'], ed(F));
  m.node('s1', 'TensorListSetItem', [from(m), 'c0', 'row'], ed(F)); m.node('s2', 'TensorListSetItem', ['s1', 'c1', 'row'], ed(F)); return {y: stack(m, 's2'), z: m.node('z', 'Neg', ['row'])}; }, {y: t([[2, 4, 6], [2, 4, 6]]), z: t([-2, -4, -6])}));
form('list.set_weight', true, 'async', 'a weight set in a slot, then replaced; the weight is used afterwards', () => flat(m => { m.const('v', t([7, 8, 9])); m.const('u', t([0, 0, 1])); m.node('s1', 'TensorListSetItem', [from(m), 'c0', 'v'], ed(F)); m.node('s2', 'TensorListSetItem', ['s1', 'c0', 'u'], ed(F));
  return {y: stack(m, 's2'), z: m.node('z', 'Neg', ['v'])}; }, {y: t([[0, 0, 1], [4, 5, 6]]), z: t([-7, -8, -9])}));
form('list.push', true, 'async', 'EmptyTensorList, PushBack, Stack', () => flat(m => { m.const('max', i32([-1], [])); m.node('l', 'EmptyTensorList', ['es', 'max'], ed(F)); m.const('v', t([7, 8, 9])); m.const('u', t([1, 1, 1]));
  m.node('p1', 'TensorListPushBack', ['l', 'v'], ed(F)); m.node('p2', 'TensorListPushBack', ['p1', 'u'], ed(F)); return {y: stack(m, 'p2'), n: m.node('n', 'TensorListLength', ['p2'])}; }, {y: t([[7, 8, 9], [1, 1, 1]]), n: i32([2], [])}));
form('list.pop_two_outputs', false, 'no', 'PopBack as TensorFlow has it: list :0, tensor :1', () => flat(m => { m.node('p', 'TensorListPopBack', [from(m), 'es'], ed(F)); return {v: 'p:1', y: stack(m, 'p')}; }, {v: t([4, 5, 6]), y: t([[1, 2, 3]])}));
form('list.pop_in_place', false, 'async', 'PopBack: tensor is :0, the list is the old handle (Identity with ^pop)', () => flat(m => { m.node('p', 'TensorListPopBack', [from(m), 'es'], ed(F)); m.id('l2', ['l', '^p']); return {v: 'p', y: stack(m, 'l2')}; }, {v: t([4, 5, 6]), y: t([[1, 2, 3]])}));
form('list.pop_lowered', true, 'async', 'PopBack as GetItem(l, n-1) and Resize(l, n-1); the old list stays whole', () => flat(m => { m.node('n', 'TensorListLength', [from(m)]); m.node('last', 'Sub', ['n', 'c1'], {T: a.type(I)});
  m.node('v', 'TensorListGetItem', ['l', 'last', 'es'], ed(F)); m.node('l2', 'TensorListResize', ['l', 'last']); return {v: 'v', y: stack(m, 'l2'), old: stack(m, 'l', F, 'es', 'st2')}; }, {v: t([4, 5, 6]), y: t([[1, 2, 3]]), old: x23}));
form('list.reserve_length', false, 'no', 'TensorListReserve(2): length is 0, not 2', () => flat(m => ({n: m.node('n', 'TensorListLength', [m.node('l', 'TensorListReserve', ['es', 'c2'], ed(F))])}), {n: i32([2], [])}));
form('list.reserve_unset', false, 'no', 'TensorListReserve, unset slot read', () => flat(m => ({y: m.node('g', 'TensorListGetItem', [m.node('l', 'TensorListReserve', ['es', 'c2'], ed(F)), 'c0', 'es'], ed(F))}), {y: t([0, 0, 0])}));
form('list.reserve_gap_stack', false, 'no', 'TensorListReserve(3), slot 2 set, Stack', () => flat(m => { m.const('v', t([7, 8, 9])); return {y: stack(m, m.node('s', 'TensorListSetItem', [m.node('l', 'TensorListReserve', ['es', 'c3'], ed(F)), 'c2', 'v'], ed(F)))}; }, {y: t([[0, 0, 0], [0, 0, 0], [7, 8, 9]])}));
form('list.reserve_all_set', true, 'async', 'TensorListReserve, all slots set in descending order, Stack (unknown element shape)', () => flat(m => { m.const('v', t([7, 8, 9])); m.node('s1', 'TensorListSetItem', [m.node('l', 'TensorListReserve', ['es_unknown', 'c2'], ed(F)), 'c1', 'v'], ed(F));
  return {y: stack(m, m.node('s2', 'TensorListSetItem', ['s1', 'c0', 'v'], ed(F)), F, 'es_unknown')}; }, {y: t([[7, 8, 9], [7, 8, 9]])}));
form('list.zeros_reserve', true, 'async', 'Reserve written as TensorListFromTensor(Fill): unset slots are zero, length right', () => flat(m => { m.const('v', t([7, 8, 9])); return {y: stack(m, m.node('s', 'TensorListSetItem', [zeros(m, 'l', 3, [3]), 'c2', 'v'], ed(F))), n: m.node('n', 'TensorListLength', ['s'])}; }, {y: t([[0, 0, 0], [0, 0, 0], [7, 8, 9]]), n: i32([3], [])}));
form('list.zeros_reserve_scalar', true, 'async', 'the same with scalar elements', () => flat(m => { m.const('v', t([7], [])); return {y: stack(m, m.node('s', 'TensorListSetItem', [zeros(m, 'l', 2, []), 'c1', 'v'], ed(F)), F, 'l/es')}; }, {y: t([0, 7])}));
form('list.resize_grow', false, 'no', 'Resize to more elements, then Stack (TensorFlow: zeros)', () => flat(m => ({y: stack(m, m.node('r', 'TensorListResize', [from(m), 'c3']))}), {y: t([[1, 2, 3], [4, 5, 6], [0, 0, 0]])}));
form('list.resize_grow_lowered', true, 'async', 'the same as FromTensor(ConcatV2(Stack, zeros))', () => flat(m => { m.const('pad', t([[0, 0, 0]])); m.node('cc', 'ConcatV2', [stack(m, from(m), F, 'es', 'st0'), 'pad', 'c0'], {N: a.int(2)}); return {y: stack(m, m.node('r', 'TensorListFromTensor', ['cc', 'es'], ed(F)))}; }, {y: t([[1, 2, 3], [4, 5, 6], [0, 0, 0]])}));
form('list.split_lowered', true, 'async', 'Split as SplitV and PushBack', () => flat(m => { m.const('len', i32([1, 1])); m.const('max', i32([-1], [])); m.const('es13', i32([-1, 3])); m.node('sp', 'SplitV', ['x', 'len', 'c0'], {num_split: a.int(2)}); m.node('l', 'EmptyTensorList', ['es13', 'max'], ed(F)); m.node('p1', 'TensorListPushBack', ['l', 'sp'], ed(F)); m.node('p2', 'TensorListPushBack', ['p1', 'sp:1'], ed(F)); return {y: m.node('g', 'TensorListGetItem', ['p2', 'c1', 'es13'], ed(F)), z: m.node('n', 'Neg', ['x'])}; }, {y: t([[4, 5, 6]]), z: t([[-1, -2, -3], [-4, -5, -6]])}));
form('list.stack_empty', false, 'no', 'Stack of an empty list', () => flat(m => ({y: stack(m, zeros(m, 'l', 0, [3]))}), {y: t([], [0, 3])}));
form('list.fromtensor_empty', true, 'async', 'list from a tensor with 0 rows: length 0', () => flat(m => ({y: m.node('n', 'TensorListLength', [zeros(m, 'l', 0, [3])])}), {y: i32([0], [])}));
for (const d of [F, I, 'bool', 'string']) form('list.stack_gather_' + d, true, 'async', `Stack written as TensorListGather(l, Range(0, length))${d === F ? '' : ' and Cast'}, ${d}`, () => { const x = {[F]: x23, [I]: i32([[1, 2, 3], [4, 5, 6]]), bool: bool([[true, false, true], [false, false, true]]), string: str([['a', 'b', 'c'], ['d', 'e', 'f']])}[d];
  return flat(m => ({y: d === 'string' ? (stackAll(m, from(m, d), d), 'st/g') : stackAll(m, from(m, d), d)}), {y: x}, {x, dtype: d}); });
for (const d of [F, I, 'bool']) form('list.stack_gather_empty_' + d, true, 'async', `the same on an empty list, ${d}`, () => flat(m => ({y: stackAll(m, m.node('l0', 'TensorListResize', [from(m, d), 'c0']), d)}), {y: t([], [0, 3], d)}, {x: d === 'bool' ? bool([[true, true, true]]) : t([[1, 2, 3]], null, d), dtype: d}));
form('list.stack_gather_empty_unknown', false, 'no', 'the same on an empty list whose element shape is not fully known', () => flat(m => ({y: stackAll(m, m.node('l', 'TensorListReserve', ['es_any', 'c0'], ed(F)), F, 'es_any')}), {y: t([], [0, 3])}));
form('list.gather', true, 'async', 'TensorListGather', () => flat(m => { m.const('ix', i32([1, 0])); return {y: m.node('g', 'TensorListGather', [from(m), 'ix', 'es'], ed(F))}; }, {y: t([[4, 5, 6], [1, 2, 3]])}));
form('list.gather_many', false, 'no', 'TensorListGather with more indices than elements: the rest is dropped', () => flat(m => { m.const('ix', i32([1, 0, 1])); return {y: m.node('g', 'TensorListGather', [from(m), 'ix', 'es'], ed(F))}; }, {y: t([[4, 5, 6], [1, 2, 3], [4, 5, 6]])}));
form('list.gather_lowered', true, 'async', 'Gather as Stack and GatherV2', () => flat(m => { m.const('ix', i32([1, 0, 1])); return {y: m.node('g', 'GatherV2', [stack(m, from(m)), 'ix', 'c0'], {batch_dims: a.int(0)})}; }, {y: t([[4, 5, 6], [1, 2, 3], [4, 5, 6]])}));
form('list.scatter', true, 'async', 'TensorListScatterV2, every slot written', () => flat(m => { m.const('ix', i32([1, 0])); return {y: stack(m, m.node('l', 'TensorListScatterV2', ['x', 'ix', 'es', 'c2'], ed(F)))}; }, {y: t([[4, 5, 6], [1, 2, 3]])}));
form('list.scatter_gap', false, 'no', 'TensorListScatterV2 with a gap', () => flat(m => { m.const('ix', i32([2, 0])); return {y: stack(m, m.node('l', 'TensorListScatterV2', ['x', 'ix', 'es', 'c3'], ed(F)))}; }, {y: t([[4, 5, 6], [0, 0, 0], [1, 2, 3]])}));
form('list.scatter_lowered', true, 'async', 'Scatter as TensorListFromTensor(ScatterNd)', () => flat(m => { m.const('ix', i32([[2], [0]])); m.const('sh', i32([3, 3])); m.node('sc', 'ScatterNd', ['ix', 'x', 'sh']); return {y: stack(m, m.node('l', 'TensorListFromTensor', ['sc', 'es'], ed(F)))}; }, {y: t([[4, 5, 6], [0, 0, 0], [1, 2, 3]])}));
const pushTwo = m => { m.const('max', i32([-1], [])); m.node('l', 'EmptyTensorList', ['es_unknown', 'max'], ed(F)); m.node('p1', 'TensorListPushBack', ['l', 'x'], ed(F)); return m.node('p2', 'TensorListPushBack', ['p1', 'x'], ed(F)); };
form('list.concat_v2', false, 'no', 'TensorListConcatV2 as TensorFlow writes it', () => flat(m => { m.const('lead', i32([], [0])); m.const('es2', i32([-1, 3])); return {y: m.node('c', 'TensorListConcatV2', [pushTwo(m), 'es2', 'lead'], {element_dtype: a.type(F), shape_type: a.type(I)})}; }, {y: t([[1, 2, 3], [4, 5, 6], [1, 2, 3], [4, 5, 6]])}));
form('list.concat_attr', true, 'async', 'TensorListConcat with the attribute element_shape, elements of equal shape', () => flat(m => ({y: m.node('c', 'TensorListConcat', [pushTwo(m)], {element_dtype: a.type(F), element_shape: a.shape([-1, 3])})}), {y: t([[1, 2, 3], [4, 5, 6], [1, 2, 3], [4, 5, 6]])}));
form('list.concat_stack', true, 'async', 'concat of equal shapes as Stack and Reshape', () => flat(m => { m.const('es2', i32([-1, 3])); return {y: m.node('r', 'Reshape', [stack(m, pushTwo(m), F, 'es2'), 'es2'])}; }, {y: t([[1, 2, 3], [4, 5, 6], [1, 2, 3], [4, 5, 6]])}));
const ragged = m => { m.const('max', i32([-1], [])); m.const('one', t([[9, 9, 9]])); m.node('l', 'EmptyTensorList', ['es_unknown', 'max'], ed(F)); m.node('p1', 'TensorListPushBack', ['l', 'x'], ed(F)); return m.node('p2', 'TensorListPushBack', ['p1', 'one'], ed(F)); };
form('list.concat_ragged', false, 'no', 'TensorListConcat of elements with different first dimensions', () => flat(m => ({y: m.node('c', 'TensorListConcat', [ragged(m)], {element_dtype: a.type(F), element_shape: a.shape([-1, 3])})}), {y: t([[1, 2, 3], [4, 5, 6], [9, 9, 9]])}));
form('list.get_ragged', false, 'no', 'GetItem from a list of different shapes, shape not fully known', () => flat(m => ({y: m.node('g', 'TensorListGetItem', [ragged(m), 'c1', 'es_unknown'], ed(F))}), {y: t([[9, 9, 9]])}));
form('list.get_ragged_full', true, 'async', 'the same with a fully known element shape at the reader', () => flat(m => { m.const('es13', i32([1, 3])); return {y: m.node('g', 'TensorListGetItem', [ragged(m), 'c1', 'es13'], ed(F))}; }, {y: t([[9, 9, 9]])}));
form('list.concat_accumulate', true, 'sync', 'ragged concat without a list: a growing tensor, ConcatV2(acc, row)', () => flat(m => { m.const('one', t([[9, 9, 9]])); m.const('acc', t([], [0, 3])); m.node('a1', 'ConcatV2', ['acc', 'x', 'c0'], {N: a.int(2)}); return {y: m.node('a2', 'ConcatV2', ['a1', 'one', 'c0'], {N: a.int(2)})}; }, {y: t([[1, 2, 3], [4, 5, 6], [9, 9, 9]])}));
form('list.element_shape', false, 'no', 'TensorListElementShape', () => flat(m => ({y: m.node('e', 'TensorListElementShape', [from(m)], {shape_type: a.type(I)})}), {y: i32([3])}));
form('list.split', false, 'no', 'TensorListSplit of a computed tensor', () => flat(m => { m.const('len', i32([1, 1])); m.const('es13', i32([-1, 3])); m.node('xx', 'AddV2', ['x', 'x']); return {y: m.node('g', 'TensorListGetItem', [m.node('l', 'TensorListSplit', ['xx', 'es13', 'len'], ed(F)), 'c1', 'es13'], ed(F))}; }, {y: t([[8, 10, 12]])}));
form('list.split_input', false, 'no', 'TensorListSplit of a fed tensor and uses of it afterwards', () => flat(m => { m.const('len', i32([1, 1])); m.const('es13', i32([-1, 3])); m.node('l', 'TensorListSplit', ['x', 'es13', 'len'], ed(F)); return {y: m.node('g', 'TensorListGetItem', ['l', 'c1', 'es13'], ed(F)), z: m.node('n', 'Neg', ['x'])}; }, {y: t([[4, 5, 6]]), z: t([[-1, -2, -3], [-4, -5, -6]])}));
form('list.variant_output', false, 'async', 'Identity of a list handle', () => flat(m => { m.id('h', from(m), 'variant'); return {y: stack(m, 'h')}; }, {y: x23}));

// ---- lists in loops: y[i] = 2 x[i], the way tf.while_loop accumulates. `escape`: the stored value is an output of the body too.
function mapLoop({n = 2, reserve, stacker = stack, unknown, escape = 'direct', dtype = F, capture = false, x = x23} = {}) {
  const m = model(); m.input('x', dtype, null); const V = 'variant';
  m.const('es', i32([3])); m.const('es_unknown', i32([-1], [])); m.const('c0', i32([0], [])); m.const('c1', i32([1], [])); m.const('nn', i32([n], []));
  m.const('none', t([0], [], dtype));
  m.node('inl', 'TensorListFromTensor', ['x', 'es'], ed(dtype)); reserve(m);
  const vars = {i: I, acc: V, inl: V, ...(escape ? {last: dtype} : {}), ...(capture ? {w: dtype} : {})};
  m.fn('C', vars, {go: ['bool', 'r']}, f => { f.const('C/n', i32([n], [])); f.node('lt', 'Less', ['i', 'C/n']); f.id('r', 'lt', 'bool'); });
  m.fn('Bd', vars, {i2: [I, 'ri'], acc2: [V, 'set'], inl2: [V, 'inl'], ...(escape ? {last2: [dtype, escape === 'direct' ? 'val' : 'rval']} : {}), ...(capture ? {w2: [dtype, 'w']} : {})}, f => {
    f.const('Bd/one', i32([1], [])); f.node('inc', 'AddV2', ['i', 'Bd/one'], {T: a.type(I)}); f.id('ri', 'inc', I);
    f.const('Bd/es', unknown ? i32([-1], []) : i32([3])); f.node('get', 'TensorListGetItem', ['inl', 'i', 'Bd/es'], ed(dtype));
        f.node('val', 'AddV2', ['get', capture ? 'w' : 'get'], {T: a.type(dtype)}); f.node('set', 'TensorListSetItem', ['acc', 'i', 'val'], ed(dtype));
    if (escape === 'identity') f.id('rval', 'val'); if (escape === 'ordered') f.id('rval', ['val', '^set']); });
  if (capture) m.const('w', t([1, 1, 1], [3], dtype));
  m.node('w_', 'StatelessWhile', ['c0', 'acc', 'inl', ...(escape ? ['none'] : []), ...(capture ? ['w'] : [])], {cond: a.func('C'), body: a.func('Bd')});
  m.out('y', m.id('o', stacker(m, 'w_:1', dtype, unknown ? 'es_unknown' : 'es')));
  if (capture) m.out('z', m.id('oz', m.node('neg', 'Neg', ['w'])));
  return {m, feeds: {x}, want: {}};
}
const two = t([[2, 4, 6], [8, 10, 12]]);
const reserve = d => m => m.node('acc', 'TensorListReserve', ['es', 'nn'], ed(d || F));
const want = (s, w) => ({...s, want: w});
form('list.loop_plain', false, 'no', 'loop: Reserve, SetItem of a value computed in the body, Stack: the stored value is disposed when the body returns', () => want(mapLoop({escape: null, reserve: reserve()}), {y: two}));
form('list.loop_escape_identity', false, 'no', 'the stored value leaves the body through an Identity that happens to run before SetItem (another tensor)', () => want(mapLoop({escape: 'identity', reserve: reserve()}), {y: two}));
form('list.loop_escape', true, 'async', 'the stored value itself is an output of the body (an extra loop variable, start value a scalar 0)', () => want(mapLoop({reserve: reserve()}), {y: two}));
form('list.loop_escape_ordered', true, 'async', 'the stored value leaves the body through Identity with a control input on SetItem', () => want(mapLoop({escape: 'ordered', reserve: reserve()}), {y: two}));
form('list.loop_unknown', true, 'async', 'the same, element shape unknown', () => want(mapLoop({unknown: true, reserve: m => m.node('acc', 'TensorListReserve', ['es_unknown', 'nn'], ed(F))}), {y: two}));
form('list.loop_resized', true, 'async', 'the same, Reserve followed by Resize(n): the length is right from the start', () => want(mapLoop({reserve: m => { m.node('acc0', 'TensorListReserve', ['es', 'nn'], ed(F)); m.node('acc', 'TensorListResize', ['acc0', 'nn']); }}), {y: two}));
form('list.loop_zeros', true, 'async', 'the same with the list of zeros', () => want(mapLoop({reserve: m => zeros(m, 'acc', 2, [3])}), {y: two}));
form('list.loop_capture', true, 'async', 'the same with a captured weight, used after the loop', () => want(mapLoop({capture: true, reserve: reserve()}), {y: t([[2, 3, 4], [5, 6, 7]]), z: t([-1, -1, -1])}));
form('list.loop_int', true, 'async', 'the same with int32 elements', () => want(mapLoop({dtype: I, reserve: reserve(I), x: i32([[1, 2, 3], [4, 5, 6]])}), {y: i32([[2, 4, 6], [8, 10, 12]])}));
form('list.loop_empty', false, 'no', 'no iteration, Reserve and Stack', () => want(mapLoop({n: 0, reserve: reserve(), x: t([], [0, 3])}), {y: t([], [0, 3])}));
form('list.loop_empty_gather', true, 'async', 'no iteration, Reserve, Gather(Range(length))', () => want(mapLoop({n: 0, stacker: stackAll, reserve: reserve(), x: t([], [0, 3])}), {y: t([], [0, 3])}));
form('list.loop_gather', true, 'async', 'two iterations, Reserve, Gather(Range(length))', () => want(mapLoop({stacker: stackAll, reserve: reserve()}), {y: two}));
// An inner loop fills the list of an outer loop: list[3 r + c] = x[r] + c, r < 2, c < 3.
function nestedFill(escapeOuter) {
  const m = model(), V = 'variant'; m.input('x', F, null); for (const k of [0, 6]) m.const('c' + k, i32([k], [])); m.const('es0', i32([], [0])); m.const('none', 0);
  m.node('acc', 'TensorListReserve', ['es0', 'c6'], ed(F));
  const iv = {c: I, r: I, row: F, acc: V, last: F};
  m.fn('IC', iv, {go: ['bool', 'z']}, f => { f.const('IC/n', i32([3], [])); f.node('lt', 'Less', ['c', 'IC/n']); f.id('z', 'lt'); });
  m.fn('IB', iv, {c2: [I, 'rc'], r2: [I, 'r'], row2: [F, 'row'], acc2: [V, 'set'], last2: [F, 'val']}, f => { f.const('IB/one', i32([1], [])); f.const('IB/three', i32([3], []));
    f.node('inc', 'AddV2', ['c', 'IB/one']); f.id('rc', 'inc'); f.node('cf', 'Cast', ['c'], {DstT: a.type(F)}); f.node('val', 'AddV2', ['row', 'cf']); f.node('r3', 'Mul', ['r', 'IB/three']); f.node('ix', 'AddV2', ['r3', 'c']);
    f.node('set', 'TensorListSetItem', ['acc', 'ix', 'val'], ed(F)); });
  const ov = {r: I, x: F, acc: V, ...(escapeOuter ? {last: F} : {})};
  m.fn('OC', ov, {go: ['bool', 'z']}, f => { f.const('OC/n', i32([2], [])); f.node('lt', 'Less', ['r', 'OC/n']); f.id('z', 'lt'); });
  m.fn('OB', ov, {r2: [I, 'rr'], x2: [F, 'x'], acc2: [V, 'in:3'], ...(escapeOuter ? {last2: [F, 'rl']} : {})}, f => { f.const('OB/one', i32([1], [])); f.const('OB/zero', i32([0], [])); f.const('OB/none', 0);
    f.node('inc', 'AddV2', ['r', 'OB/one']); f.id('rr', 'inc'); f.node('row', 'GatherV2', ['x', 'r', 'OB/zero'], {batch_dims: a.int(0)});
    f.node('in', 'StatelessWhile', ['OB/zero', 'r', 'row', 'acc', 'OB/none'], {cond: a.func('IC'), body: a.func('IB')}); if (escapeOuter) f.id('rl', ['in:4']); });
  if (escapeOuter === 'ok') m.edit(j => { const o = j.modelTopology.library.function.find(f => f.signature.name === 'OB'); o.nodeDef = o.nodeDef.filter(n => n.name !== 'rl'); });
  m.node('w', 'StatelessWhile', ['c0', 'x', 'acc', ...(escapeOuter ? ['none'] : [])], {cond: a.func('OC'), body: a.func('OB')}); m.out('y', m.id('o', stack(m, 'w:2', F, 'es0')));
  return {m, feeds: {x: t([10, 20])}, want: {y: t([10, 11, 12, 20, 21, 22])}};
}
form('list.nested_plain', false, 'no', 'inner loop fills the list of the outer loop; only the inner body returns the stored value', () => nestedFill(null));
form('list.nested_escape_id', true, 'async', 'the outer body returns it too (Identity of a tensor that is already stored is the tensor itself)', () => nestedFill('id'));
form('list.set_in_branch_escape', true, 'async', 'SetItem of a computed value in a branch inside a loop body; the value leaves the branch and the body', () => { const m = model(), V = 'variant'; m.input('x', F, null); m.const('c0', i32([0], [])); m.const('nn', i32([2], [])); m.const('es', i32([3])); m.const('none', 0);
  m.node('acc', 'TensorListReserve', ['es', 'nn'], ed(F)); const bv = {i: I, x: F, acc: V};
  for (const [B, op] of [['T', 'Neg'], ['E', 'Square']]) m.fn(B, bv, {acc2: [V, 'set'], last: [F, 'val']}, f => { f.node('val', op, ['x']); f.node('set', 'TensorListSetItem', ['acc', 'i', 'val'], ed(F)); });
  const vars = {i: I, x: F, acc: V, last: F};
  m.fn('C', vars, {go: ['bool', 'z']}, f => { f.const('C/n', i32([2], [])); f.node('lt', 'Less', ['i', 'C/n']); f.id('z', 'lt'); });
  m.fn('Bd', vars, {i2: [I, 'ri'], x2: [F, 'x'], acc2: [V, 'ra'], last2: [F, 'rl']}, f => { f.const('Bd/one', i32([1], [])); f.node('inc', 'AddV2', ['i', 'Bd/one']); f.id('ri', 'inc');
    f.node('if', 'StatelessIf', ['i', 'i', 'x', 'acc'], {then_branch: a.func('T'), else_branch: a.func('E')}); f.id('ra', 'if', V); f.id('rl', 'if:1'); });
  m.node('w', 'StatelessWhile', ['c0', 'x', 'acc', 'none'], {cond: a.func('C'), body: a.func('Bd')}); m.out('y', m.id('o', stack(m, 'w:2'))); return {m, feeds: {x: t([1, 2, 3])}, want: {y: t([[1, 4, 9], [-1, -2, -3]])}}; });
form('list.set_in_one_branch', true, 'async', 'only one branch stores; the other returns the list and a Const 0 through Identity', () => { const m = model(), V = 'variant'; m.input('x', F, null); m.const('c0', i32([0], [])); m.const('es', i32([3])); m.const('none', 0); zeros(m, 'acc', 3, [3]);
  const bv = {i: I, x: F, acc: V};
  m.fn('T', bv, {acc2: [V, 'ra'], last: [F, 'rl']}, f => { f.node('val', 'Neg', ['x']); f.node('set', 'TensorListSetItem', ['acc', 'i', 'val'], ed(F)); f.id('ra', 'set', V); f.id('rl', ['val', '^set']); });
  m.fn('E', bv, {acc2: [V, 'ra'], last: [F, 'rl']}, f => { f.const('E/none', 0); f.id('ra', 'acc', V); f.id('rl', 'E/none'); });
  const vars = {i: I, x: F, acc: V, last: F};
  m.fn('C', vars, {go: ['bool', 'z']}, f => { f.const('C/n', i32([3], [])); f.node('lt', 'Less', ['i', 'C/n']); f.id('z', 'lt'); });
  m.fn('Bd', vars, {i2: [I, 'ri'], x2: [F, 'x'], acc2: [V, 'ra'], last2: [F, 'rl']}, f => { f.const('Bd/one', i32([1], [])); f.node('inc', 'AddV2', ['i', 'Bd/one']); f.id('ri', 'inc'); f.node('odd', 'Equal', ['i', 'Bd/one']);
    f.node('if', 'StatelessIf', ['odd', 'i', 'x', 'acc'], {then_branch: a.func('T'), else_branch: a.func('E')}); f.id('ra', 'if', V); f.id('rl', 'if:1'); });
  m.node('w', 'StatelessWhile', ['c0', 'x', 'acc', 'none'], {cond: a.func('C'), body: a.func('Bd')}); m.out('y', m.id('o', stack(m, 'w:2'))); return {m, feeds: {x: t([1, 2, 3])}, want: {y: t([[0, 0, 0], [-1, -2, -3], [0, 0, 0]])}}; });
form('list.loop_set_arg', true, 'async', 'a loop variable is stored: Identity of it is stored and leaves the body', () => { const m = model(), V = 'variant'; m.input('x', F, null); m.const('c0', i32([0], [])); m.const('nn', i32([2], [])); m.const('es', i32([3])); m.const('none', 0);
  m.node('acc', 'TensorListReserve', ['es', 'nn'], ed(F)); const vars = {i: I, h: F, acc: V, last: F};
  m.fn('C', vars, {go: ['bool', 'z']}, f => { f.const('C/n', i32([2], [])); f.node('lt', 'Less', ['i', 'C/n']); f.id('z', 'lt'); });
  m.fn('Bd', vars, {i2: [I, 'ri'], h2: [F, 'rh'], acc2: [V, 'set'], last2: [F, 'val']}, f => { f.const('Bd/one', i32([1], [])); f.node('inc', 'AddV2', ['i', 'Bd/one']); f.id('ri', 'inc'); f.id('val', 'h'); f.node('set', 'TensorListSetItem', ['acc', 'i', 'val'], ed(F)); f.node('hh', 'AddV2', ['h', 'h']); f.id('rh', 'hh'); });
  m.node('w', 'StatelessWhile', ['c0', 'x', 'acc', 'none'], {cond: a.func('C'), body: a.func('Bd')}); m.out('y', m.id('o', stack(m, 'w:2'))).out('h', m.id('oh', 'w:1')); return {m, feeds: {x: t([1, 2, 3])}, want: {y: t([[1, 2, 3], [2, 4, 6]]), h: t([4, 8, 12])}}; });
form('list.loop_push', true, 'async', 'PushBack in a loop body with the stored value leaving the body', () => { const m = model(), V = 'variant'; m.input('x', F, null); m.const('c0', i32([0], [])); m.const('max', i32([-1], [])); m.const('es', i32([3])); m.const('none', 0);
  m.node('acc', 'EmptyTensorList', ['es', 'max'], ed(F)); const vars = {i: I, x: F, acc: V, last: F};
  m.fn('C', vars, {go: ['bool', 'z']}, f => { f.const('C/n', i32([2], [])); f.node('lt', 'Less', ['i', 'C/n']); f.id('z', 'lt'); });
  m.fn('Bd', vars, {i2: [I, 'ri'], x2: [F, 'x'], acc2: [V, 'set'], last2: [F, 'val']}, f => { f.const('Bd/one', i32([1], [])); f.node('inc', 'AddV2', ['i', 'Bd/one']); f.id('ri', 'inc'); f.node('cf', 'Cast', ['i'], {DstT: a.type(F)}); f.node('val', 'AddV2', ['x', 'cf']); f.node('set', 'TensorListPushBack', ['acc', 'val'], ed(F)); });
  m.node('w', 'StatelessWhile', ['c0', 'x', 'acc', 'none'], {cond: a.func('C'), body: a.func('Bd')}); m.out('y', m.id('o', stack(m, 'w:2'))); return {m, feeds: {x: t([1, 2, 3])}, want: {y: t([[1, 2, 3], [2, 3, 4]])}}; });

// ---- no list at all: the list is a tensor [n, ...] and every list op an ordinary one
form('dense.loop', true, 'async', 'dense accumulator: SetItem as ConcatV2(acc[:i], v, acc[i+1:])', () => denseLoop('concat'));
form('dense.loop_select', true, 'async', 'dense accumulator: SetItem as SelectV2(Range(n) == i, v, acc)', () => denseLoop('select'));
form('dense.loop_scatter', false, 'no', 'dense accumulator: SetItem as TensorScatterUpdate', () => denseLoop('scatter'));
function denseLoop(how) { const m = model(); m.input('x', F, null); m.const('c0', i32([0], [])); m.const('sh', i32([3, 3])); m.const('zf', 0); m.node('acc', 'Fill', ['sh', 'zf'], {T: a.type(F)});
  const vars = {i: I, x: F, acc: F};
  m.fn('C', vars, {go: ['bool', 'z']}, f => { f.const('C/n', i32([2], [])); f.node('lt', 'Less', ['i', 'C/n']); f.id('z', 'lt'); });
  m.fn('Bd', vars, {i2: [I, 'ri'], x2: [F, 'x'], acc2: [F, 'ra']}, f => { f.const('Bd/one', i32([1], [])); f.node('inc', 'AddV2', ['i', 'Bd/one']); f.id('ri', 'inc'); f.const('Bd/ax', i32([0], []));
    f.node('row', 'GatherV2', ['x', 'i', 'Bd/ax'], {batch_dims: a.int(0)}); f.node('v', 'AddV2', ['row', 'row']); f.node('v1', 'ExpandDims', ['v', 'Bd/ax']);
    if (how === 'concat') { f.const('Bd/zero1', i32([0])); f.const('Bd/o1', i32([1])); f.node('i1', 'ExpandDims', ['i', 'Bd/ax']); f.node('j1', 'ExpandDims', ['inc', 'Bd/ax']);
      f.node('pre', 'StridedSlice', ['acc', 'Bd/zero1', 'i1', 'Bd/o1']); f.node('post', 'StridedSlice', ['acc', 'j1', 'Bd/zero1', 'Bd/o1'], {end_mask: a.int(1)}); f.node('na', 'ConcatV2', ['pre', 'v1', 'post', 'Bd/ax'], {N: a.int(3)}); }
    else if (how === 'select') { f.const('Bd/n', i32([3], [])); f.const('Bd/col', i32([-1, 1])); f.node('rg', 'Range', ['Bd/ax', 'Bd/n', 'Bd/one'], {Tidx: a.type(I)}); f.node('eq', 'Equal', ['rg', 'i']); f.node('mask', 'Reshape', ['eq', 'Bd/col']); f.node('na', 'SelectV2', ['mask', 'v1', 'acc']); }
    else { f.const('Bd/11', i32([1, 1])); f.node('i11', 'Reshape', ['i', 'Bd/11']); f.node('na', 'TensorScatterUpdate', ['acc', 'i11', 'v1']); }
    f.id('ra', 'na'); });
  m.node('w', 'StatelessWhile', ['c0', 'x', 'acc'], {cond: a.func('C'), body: a.func('Bd')}); m.out('y', m.id('o', 'w:2')).out('acc', m.id('oa', 'acc')); return {m, feeds: {x: x23}, want: {y: t([[2, 4, 6], [8, 10, 12], [0, 0, 0]]), acc: t([[0, 0, 0], [0, 0, 0], [0, 0, 0]])}}; }
form('list.made_in_branch', true, 'async', 'list made in a branch of an If and returned', () => { const m = model(); m.input('x', F, null); m.input('c', 'bool', []); m.const('es', i32([3]));
  for (const B of ['T', 'E']) m.fn(B, {x: F}, {l: ['variant', 'r']}, f => { f.const(B + '/es', i32([3])); f.node(B + 'v', B === 'T' ? 'Neg' : 'Abs', ['x']); f.node('ll', 'TensorListFromTensor', [B + 'v', B + '/es'], ed(F)); f.id('r', 'll', 'variant'); });
  m.node('if', 'StatelessIf', ['c', 'x'], {then_branch: a.func('T'), else_branch: a.func('E')}); m.out('y', m.id('o', stack(m, 'if'))); return {m, feeds: {x: x23, c: bool([true], [])}, want: {y: t([[-1, -2, -3], [-4, -5, -6]])}}; });
form('list.strings_in_branch', true, 'async', 'string table inside a branch: list of the values as argument, index from Equal and ArgMax, TensorListGather', () => { const m = model(); m.input('x', 'string', null); m.input('c', 'bool', []); m.const('es0', i32([], [0])); m.const('vals', str(['one', 'two', 'three', '?'])); m.node('l', 'TensorListFromTensor', ['vals', 'es0'], ed('string'));
  for (const B of ['T', 'E']) m.fn(B, {l: 'variant', x: 'string'}, {y: ['string', 'r']}, f => { const k = (n, v) => f.const(`${B}/${n}`, v); k('keys', str([['a', 'b', 'c']])); k('last', i32([-1], [])); k('ax', i32([-1])); k('es', i32([], [0])); f.node('xe', 'ExpandDims', ['x', B + '/last']); f.node('eq', 'Equal', ['xe', B + '/keys']);
    f.node('hit', 'Any', ['eq', B + '/ax'], {keep_dims: a.bool(true)}); f.node('miss', 'LogicalNot', ['hit']); f.node('all', 'ConcatV2', ['eq', 'miss', B + '/last'], {N: a.int(2)}); f.node('ai', 'Cast', ['all'], {DstT: a.type(I)}); f.node('at', 'ArgMax', ['ai', B + '/last']); f.node('g', 'TensorListGather', ['l', 'at', B + '/es'], ed('string')); f.id('r', 'g', 'string'); });
  m.node('if', 'StatelessIf', ['c', 'l', 'x'], {then_branch: a.func('T'), else_branch: a.func('E')}); m.out('y', m.id('o', 'if')); return {m, feeds: {x: str(['c', 'zz']), c: bool([true], [])}, want: {y: str(['three', '?'])}}; });
form('list.set_in_branch', false, 'no', 'a list changed in a branch; the caller reads the old list afterwards', () => { const m = model(); m.input('x', F, null); m.input('c', 'bool', []); m.const('es', i32([3])); m.node('l', 'TensorListFromTensor', ['x', 'es'], ed(F));
  for (const B of ['T', 'E']) m.fn(B, {l: 'variant'}, {o: ['variant', 'r']}, f => { f.const(B + '/i', i32([0], [])); f.const(B + '/v', t([7, 7, 7])); f.node('s', 'TensorListSetItem', ['l', B + '/i', B + '/v'], ed(F)); f.id('r', 's', 'variant'); });
  m.node('if', 'StatelessIf', ['c', 'l'], {then_branch: a.func('T'), else_branch: a.func('E')}); m.node('old', 'TensorListStack', ['l', 'es', '^if'], ed(F)); m.out('y', m.id('o', stack(m, 'if'))).out('old', m.id('oo', 'old')); return {m, feeds: {x: x23, c: bool([true], [])}, want: {y: t([[7, 7, 7], [4, 5, 6]]), old: x23}}; });
