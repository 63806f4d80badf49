// Hash tables, and look-ups without tables.
import {model, form, a, t, i32, bool, str} from './lib.mjs';

const F = 'float32', I = 'int32', S = 'string';
const kv = (k, v) => ({key_dtype: a.type(k), value_dtype: a.type(v), shared_name: a.str('t')});
const tt = (k, v) => ({Tin: a.type(k), Tout: a.type(v)});
// TF1 style: HashTableV2 of the same name in the initializer and in the main graph.
function byName(keys, values, {op = 'LookupTableImportV2', ready = true, sync} = {}) {
  const m = model(); m.input('x', keys.dtype, null); m.node('table', 'HashTableV2', [], kv(keys.dtype, values.dtype));
  m.const('default', t([{string: '?', float32: -1, int32: -1, bool: false}[values.dtype]], [], values.dtype));
  m.initializer(n => { n.const('init/keys', keys); n.const('init/values', values); n.node('table', 'HashTableV2', [], kv(keys.dtype, values.dtype));
    n.node('init/import', op, ['table', 'init/keys', 'init/values'], tt(keys.dtype, values.dtype)); }, ready === 'signature' ? {'init/import': {name: 'init/import:0', dtype: 'DT_RESOURCE'}} : undefined);
  m.node('find', 'LookupTableFindV2', ['table', 'x', 'default'], tt(keys.dtype, values.dtype));
  return m;
}
// TF2 style: the handle is a placeholder with a resourceId in both signatures.
function byResource(keys, values, key = 'init/out') {
  const m = model(); m.input('x', keys.dtype, null); m.node('handle', 'Placeholder', [], {dtype: a.type('resource'), shape: a.shape([])});
  m.sigIn.handle = {name: 'handle', dtype: 'DT_RESOURCE', resourceId: 7};
  m.const('default', t([values.dtype === S ? '?' : -1], [], values.dtype));
  m.initializer(n => { n.const('init/keys', keys); n.const('init/values', values); n.node('table', 'HashTableV2', [], kv(keys.dtype, values.dtype));
    n.node('init/import', 'LookupTableImportV2', ['table', 'init/keys', 'init/values'], tt(keys.dtype, values.dtype)); n.id('init/out', ['table', '^init/import'], 'resource'); },
  {[key]: {name: 'init/out:0', dtype: 'DT_RESOURCE', resourceId: 7}});
  m.node('find', 'LookupTableFindV2', ['handle', 'x', 'default'], tt(keys.dtype, values.dtype));
  return m;
}
const words = str(['a', 'b', 'c']), nums = i32([10, 20, 30]), q = str(['c', 'zz', 'a']);
const done = (m, w, x, ref = 'find') => { m.out('y', m.id('out', ref)); return {m, feeds: {x}, want: {y: w}}; };
const found = i32([30, -1, 10]);
form('table.by_name', true, 'async', 'HashTableV2 of one name in initializer and main graph, LookupTableImportV2, string to int32', () => done(byName(words, nums), found, q));
form('table.by_name_initialize', true, 'async', 'the same with InitializeTableV2', () => done(byName(words, nums, {op: 'InitializeTableV2'}), found, q));
form('table.by_name_signature', true, 'async', 'the same with an initializerSignature whose key is the node name', () => done(byName(words, nums, {ready: 'signature'}), found, q));
form('table.by_resource', false, 'async', 'placeholder with resourceId (TF2 style); inputs as a map', () => done(byResource(words, nums), found, q));
form('table.by_resource_key', false, 'no', 'the same, initializerSignature key is not a node name of the initializer', () => done(byResource(words, nums, 'handle'), found, q));
form('table.int_string', true, 'async', 'int32 to string', () => done(byName(i32([1, 2, 3]), str(['x', 'y', 'z'])), str(['z', '?', 'x']), i32([3, 9, 1])));
form('table.int_float', true, 'async', 'int32 to float32', () => done(byName(i32([1, 2, 3]), t([0.5, 1.5, 2.5])), t([2.5, -1, 0.5]), i32([3, 9, 1])));
form('table.string_string', true, 'async', 'string to string', () => done(byName(words, str(['x', 'y', 'z'])), str(['z', '?', 'x']), q));
form('table.int64_keys', true, 'async', 'tables declared with int64 keys and values (data narrowed to int32)', () => { const m = byName(words, nums); for (const n of [...m.nodes]) if (n.op === 'HashTableV2') n.attr = kv(S, 'int64'); return done(m, found, q); });
form('table.utf8', true, 'async', 'keys that are not ASCII', () => done(byName(str(['é', '日本', '']), nums), i32([20, 30, 10]), str(['日本', '', 'é'])));
form('table.rank2', false, 'no', 'keys of rank 2: the result is flat', () => done(byName(words, nums), i32([[30, -1], [10, 20]]), str([['c', 'zz'], ['a', 'b']])));
const reshaped = m => { m.node('shape', 'Shape', ['x']); return m.node('r', 'Reshape', ['find', 'shape']); };
form('table.rank2_reshape', true, 'async', 'the same with Reshape(found, Shape(keys))', () => { const m = byName(words, nums); return done(m, i32([[30, -1], [10, 20]]), str([['c', 'zz'], ['a', 'b']]), reshaped(m)); });
form('table.rank2_reshape_string', true, 'async', 'the same, string values', () => { const m = byName(words, words); return done(m, str([['c', '?'], ['a', 'b']]), str([['c', 'zz'], ['a', 'b']]), reshaped(m)); });
form('table.scalar', false, 'no', 'scalar key', () => done(byName(words, nums), i32([30], []), str(['c'], [])));
form('table.scalar_reshape', true, 'async', 'the same with Reshape', () => { const m = byName(words, nums); return done(m, i32([30], []), str(['c'], []), reshaped(m)); });
form('table.empty_keys', false, 'no', 'no keys at all: stack of nothing fails', () => { const m = byName(words, nums); return done(m, i32([], [0]), str([], [0]), reshaped(m)); });
form('table.empty_keys_padded', true, 'async', 'no keys: one dummy key is added before the look-up and cut off after it', () => { const m = byName(words, nums); padded(m); return done(m, i32([], [0, 2]), str([], [0, 2]), 'r'); });
form('table.padded', true, 'async', 'the same with keys', () => { const m = byName(words, nums); padded(m); return done(m, i32([[30, -1]]), str([['c', 'zz']]), 'r'); });
function padded(m) { m.const('flat', i32([-1])); m.const('pad', str([''])); m.const('ax', i32([0], [])); m.const('one', i32([1])); m.const('zero', i32([0])); m.const('minus', i32([-1])); m.node('fx', 'Reshape', ['x', 'flat']);
  m.node('px', 'ConcatV2', ['fx', 'pad', 'ax'], {N: a.int(2)}); m.nodes.find(n => n.name === 'find').input[1] = 'px'; m.node('cut', 'StridedSlice', ['find', 'zero', 'minus', 'one'], {begin_mask: a.int(1)}); m.node('shape', 'Shape', ['x']); m.node('r', 'Reshape', ['cut', 'shape']); }
form('table.size', true, 'async', 'LookupTableSizeV2', () => { const m = byName(words, nums); m.node('size', 'LookupTableSizeV2', ['table']); return { ...done(m, i32([3], []), q, 'size')}; });
form('table.two', true, 'async', 'two tables, one after the other (string to int to string)', () => { const m = byName(words, nums); m.node('table2', 'HashTableV2', [], kv(I, S)); m.const('d2', str(['none'], []));
  m.initializer(n => { n.const('k1', words); n.const('v1', nums); n.node('table', 'HashTableV2', [], kv(S, I)); n.node('i1', 'LookupTableImportV2', ['table', 'k1', 'v1']); n.const('k2', i32([10, 30])); n.const('v2', str(['ten', 'thirty'])); n.node('table2', 'HashTableV2', [], kv(I, S)); n.node('i2', 'LookupTableImportV2', ['table2', 'k2', 'v2']); });
  m.node('find2', 'LookupTableFindV2', ['table2', 'find', 'd2']); return done(m, str(['thirty', 'none', 'ten']), q, 'find2'); });
form('table.import_in_main', false, 'async', 'no initializer: import in the main graph, look-up waits for it (^import); refilled in every run', () => { const m = model(); m.input('x', S, null); m.node('table', 'HashTableV2', [], kv(S, I)); m.const('default', i32([-1], [])); m.const('k', words); m.const('v', nums);
  m.node('import', 'LookupTableImportV2', ['table', 'k', 'v']); m.node('find', 'LookupTableFindV2', ['table', 'x', 'default', '^import']); return done(m, found, q); });
form('table.identity_handle', false, 'async', 'handle through Identity', () => { const m = byName(words, nums); m.id('h', 'table', 'resource'); m.nodes.find(n => n.name === 'find').input[0] = 'h'; return done(m, found, q); });
const inFn = (arg, opName) => { const m = byName(words, nums); m.const('yes', bool([true], []));
  for (const B of ['T', 'E']) m.fn(B, {...(arg ? {h: 'resource'} : {}), x: S}, {y: [I, 'r']}, f => { f.const(B + '/d', i32([-1], [])); if (!arg) f.node('table', 'HashTableV2', [], kv(S, I)); f.node('find', 'LookupTableFindV2', [arg ? 'h' : 'table', 'x', B + '/d']); f.id('r', 'find'); });
  m.node('if', 'StatelessIf', ['yes', ...(arg ? ['table'] : []), 'x'], {then_branch: a.func('T'), else_branch: a.func('E')}); return done(m, found, q, 'if'); };
form('table.in_function_arg', false, 'no', 'look-up inside a branch, handle as argument', () => inFn(true));
form('table.in_function_name', false, 'no', 'look-up inside a branch, HashTableV2 of the same name inside', () => inFn(false));

// ---- pure forms: keys [n] and values [n] as Consts, x of any shape; no table, works in predict
function pure(keys, values, how) { const m = model(); m.input('x', keys.dtype, null); m.const('keys', keys); m.const('last', i32([-1], [])); m.node('xe', 'ExpandDims', ['x', 'last']); m.node('eq', 'Equal', ['xe', 'keys']);
  const n = keys.values.length, def = {string: '?', float32: -1, int32: -1}[values.dtype];
  if (how === 'gather') { m.const('ax1', i32([-1])); m.const('ax0', i32([0], [])); m.const('values', t([...values.values, def], [n + 1], values.dtype)); m.node('hit', 'Any', ['eq', 'ax1'], {keep_dims: a.bool(true)}); m.node('miss', 'LogicalNot', ['hit']); m.node('eqm', 'ConcatV2', ['eq', 'miss', 'last'], {N: a.int(2)});
    m.node('eqi', 'Cast', ['eqm'], {DstT: a.type(I)}); m.node('at', 'ArgMax', ['eqi', 'last']); m.node('find', 'GatherV2', ['values', 'at', 'ax0'], {batch_dims: a.int(0)}); }
  else { m.const('ax1', i32([-1])); m.const('shifted', t(values.values.map(v => v - def), [n], values.dtype)); m.const('def', t([def], [], values.dtype)); m.node('eqi', 'Cast', ['eq'], {DstT: a.type(values.dtype)}); m.node('prod', 'Mul', ['eqi', 'shifted']); m.node('sum', 'Sum', ['prod', 'ax1'], {keep_dims: a.bool(false)}); m.node('find', 'AddV2', ['sum', 'def']); }
  return m; }
form('pure.gather_string_int', true, 'sync', 'Equal with broadcasting, ArgMax, GatherV2; string to int32', () => done(pure(words, nums, 'gather'), found, q));
form('pure.gather_rank2', true, 'sync', 'the same, keys of rank 2', () => done(pure(words, nums, 'gather'), i32([[30, -1], [10, 20]]), str([['c', 'zz'], ['a', 'b']])));
form('pure.gather_scalar', true, 'sync', 'the same, scalar key', () => done(pure(words, nums, 'gather'), i32([30], []), str(['c'], [])));
form('pure.gather_string_string', false, 'no', 'the same, string values', () => done(pure(words, words, 'gather'), str(['c', '?', 'a']), q));
form('pure.gather_int', true, 'sync', 'the same, int32 to float32', () => done(pure(i32([1, 2, 3]), t([0.5, 1.5, 2.5]), 'gather'), t([2.5, -1, 0.5]), i32([3, 9, 1])));
form('pure.gather_empty', true, 'sync', 'the same, no keys asked', () => done(pure(i32([1, 2, 3]), t([0.5, 1.5, 2.5]), 'gather'), t([], [0]), i32([], [0])));
form('pure.gather_empty_string', true, 'sync', 'the same, no string keys asked', () => done(pure(words, nums, 'gather'), i32([], [0]), str([], [0])));
form('pure.sum', true, 'sync', 'Sum(Cast(Equal) * (value - default)) + default, int32', () => done(pure(words, nums, 'sum'), found, q));
form('pure.float_mod', false, 'sync', 'float32 keys', () => done(pure(t([0.5, 1.5]), i32([1, 2]), 'gather'), i32([2, -1]), t([1.5, 3])));
