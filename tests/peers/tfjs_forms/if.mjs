// Conditionals.
import {model, form, a, t, i32, bool} from './lib.mjs';

const x2 = t([1, 2]);
// A model y = If(c, x...) whose branches are built by `branches(m)`; both values of the condition are judged in one run.
function cond(op, branches, {args = ['x'], outs = ['y'], want, dtypes = {}, pred = 'bool', feedC} = {}) {
  const m = model();
  m.input('c', pred, null);
  m.input('x', 'float32', [-1]);
  branches(m);
  m.node('choose', op, ['c', ...args], {Tcond: a.type(pred), Tin: a.types(...args.map(() => 'float32')),
         Tout: a.types(...outs.map(() => 'float32')), then_branch: a.func('ThenF'), else_branch: a.func('ElseF')});
  outs.forEach((o, i) => m.out(o, m.id('out_' + o, i ? `choose:${i}` : 'choose')));
  return {m, feeds: {c: feedC || bool([true], []), x: x2}, want: Object.fromEntries(outs.map((o, i) => [o, want[i]]))};
}
const x1 = {x: 'float32'};
const add = (f, c) => { f.const(c + '/one', 1); f.node('sum', 'AddV2', ['x', c + '/one'], {T: a.type('float32')}); f.id('ret', 'sum:z:0'); };
const simple = (m, els) => { m.fn('ThenF', x1, {y: ['float32', 'ret:output:0']}, f => add(f, 'ThenF'));
  m.fn('ElseF', x1, {y: ['float32', 'ret:output:0']}, els || (f => { f.node('neg', 'Neg', ['x'], {T: a.type('float32')}); f.id('ret', 'neg:y:0'); })); };

form('if.stateless', true, 'async', 'StatelessIf, argument passed, output through Identity', () => cond('StatelessIf', simple, {want: [t([2, 3])]}));
form('if.stateless_else', true, 'async', 'the same, else branch', () => cond('StatelessIf', simple, {want: [t([-1, -2])], feedC: bool([false], [])}));
form('if.stateful', false, 'async', 'If instead of StatelessIf (predict then fails late, with a promise)', () => cond('If', simple, {want: [t([2, 3])]}));
form('if.int_cond', true, 'async', 'int32 scalar condition', () => cond('StatelessIf', simple, {want: [t([2, 3])], pred: 'int32', feedC: i32([7], [])}));
form('if.nan_cond', false, 'no', 'float condition NaN (TensorFlow takes the then branch)', () => cond('StatelessIf', simple, {want: [t([2, 3])], pred: 'float32', feedC: t([NaN], [])}));
form('if.vector_cond', false, 'no', 'non-scalar condition [0, 1] (TensorFlow: true when not empty)', () => cond('StatelessIf', simple, {want: [t([2, 3])], pred: 'int32', feedC: i32([0, 1])}));
const lowered = (pred, c, make) => { const s = cond('StatelessIf', simple, {want: [t([2, 3])], pred, feedC: c}); s.m.nodes.find(n => n.name === 'choose').input[0] = make(s.m); return s; };
form('if.vector_cond_lowered', true, 'async', 'the same through Greater(Size(c), 0)', () => lowered('int32', i32([0, 1]), m => { m.const('zero', i32([0], [])); m.node('size', 'Size', ['c']); return m.node('test', 'Greater', ['size', 'zero']); }));
form('if.nan_cond_lowered', true, 'async', 'float condition NaN through NotEqual(c, 0)', () => lowered('float32', t([NaN], []), m => { m.const('zero', 0); return m.node('test', 'NotEqual', ['c', 'zero']); }));
form('if.case_lowered', true, 'async', 'Case of three branches (index 1) as nested StatelessIf on Equal(i, 0), Equal(i, 1)', () => lowered('int32', i32([1], []), m => { m.const('k0', i32([0], [])); m.const('Rest/k1', i32([1], []));
  m.fn('Rest', {i: 'int32', x: 'float32'}, {y: ['float32', 'ret']}, f => { f.const('Rest/k1', i32([1], []), {share: true}); f.node('is1', 'Equal', ['i', 'Rest/k1']); f.node('in', 'StatelessIf', ['is1', 'x'], {then_branch: a.func('ThenF'), else_branch: a.func('ElseF')}); f.id('ret', 'in'); });
  m.fn('Case0', {i: 'int32', x: 'float32'}, {y: ['float32', 'ret']}, f => f.id('ret', 'x')); const n = m.nodes.find(q => q.name === 'choose'); n.input.splice(1, 0, 'c'); n.attr.then_branch = a.func('Case0'); n.attr.else_branch = a.func('Rest'); return m.node('is0', 'Equal', ['c', 'k0']); }));
form('if.empty_cond', true, 'async', 'empty condition is false', () => cond('StatelessIf', simple, {want: [t([-1, -2])], pred: 'int32', feedC: i32([], [0])}));
form('if.string_cond', true, 'async', 'string condition: false when empty', () => cond('StatelessIf', simple, {want: [t([-1, -2])], pred: 'string', feedC: t([''], [], 'string')}));
form('if.arg_direct', true, 'async', 'branch returns its argument directly (ret names the argument)', () => cond('StatelessIf', m => {
  m.fn('ThenF', x1, {y: ['float32', 'x']});
  m.fn('ElseF', x1, {y: ['float32', 'x']}); }, {want: [x2]}));
form('if.arg_identity', true, 'async', 'branch returns Identity of its argument', () => cond('StatelessIf', m => {
  m.fn('ThenF', x1, {y: ['float32', 'ret:output:0']}, f => f.id('ret', 'x'));
  m.fn('ElseF', x1, {y: ['float32', 'ret:output:0']}, f => f.id('ret', 'x')); }, {want: [x2]}));
const constBranch = (m, opts = {}, args = {}) => {
  for (const [F, v] of [['ThenF', 5], ['ElseF', 6]]) m.fn(F, args, {y: ['float32', opts.direct ? F + '/c:output:0' : 'ret:output:0']}, f => {
    f.const(F + '/c', t([v], []), {control: opts.control || []});
    if (!opts.direct) f.id('ret', F + '/c:output:0'); });
};
form('if.no_args', true, 'async', 'no arguments, inputArg [] written out, branch is Identity of a Const', () => cond('StatelessIf', m => constBranch(m), {args: [], want: [t([5], [])]}));
form('if.no_args_missing', false, 'no', 'no arguments, inputArg left out', () => cond('StatelessIf', m => { constBranch(m);
  m.edit(j => j.modelTopology.library.function.forEach(f => delete f.signature.inputArg)); }, {args: [], want: [t([5], [])]}));
form('if.const_direct', false, 'async', 'branch returns a Const directly', () => cond('StatelessIf', m => constBranch(m, {direct: true}), {args: [], want: [t([5], [])]}));
form('if.const_control_arg', false, 'async', 'Const in the branch with a control input on an unused argument', () => cond('StatelessIf', m => constBranch(m, {control: ['^x']}, x1), {want: [t([5], [])]}));
form('if.control_noop', false, 'no', 'branch node that waits for a NoOp (sources other than Const and arguments never run in a function)', () => cond('StatelessIf', m => {
  for (const F of ['ThenF', 'ElseF']) m.fn(F, x1, {y: ['float32', 'ret:output:0']}, f => { f.node('wait', 'NoOp', []); f.id('ret', ['x', '^wait']); }); }, {want: [x2]}));
form('if.const_control_noop', false, 'async', 'Const in the branch with a control input on a NoOp', () => cond('StatelessIf', m => {
  for (const F of ['ThenF', 'ElseF']) m.fn(F, {}, {y: ['float32', 'ret:output:0']}, f => { f.node('wait', 'NoOp', []);
    f.const(F + '/c', t([5], []), {control: ['^wait']}); f.id('ret', F + '/c:output:0'); }); }, {args: [], want: [t([5], [])]}));
form('if.unused_args', true, 'async', 'branch that uses none of its arguments', () => cond('StatelessIf', m => constBranch(m, {}, x1), {want: [t([5], [])]}));
form('if.const_only_ops', true, 'async', 'ops on Consts alone in a branch without arguments', () => cond('StatelessIf', m => {
  for (const F of ['ThenF', 'ElseF']) m.fn(F, {}, {y: ['float32', 'ret:output:0']}, f => { f.const(F + '/a', 1); f.const(F + '/b', 2);
    f.node('s', 'AddV2', [F + '/a:output:0', F + '/b:output:0'], {T: a.type('float32')}); f.id('ret', 's:z:0'); }); }, {args: [], want: [t([3], [])]}));
form('if.source_op', false, 'no', 'op without inputs in a branch (here HashTableV2): never runs', () => cond('StatelessIf', m => {
  for (const F of ['ThenF', 'ElseF']) m.fn(F, x1, {y: ['float32', 'ret:output:0']}, f => { f.node('src', 'HashTableV2', [], {key_dtype: a.type('int32'), value_dtype: a.type('int32')}); f.id('ret', ['x', '^src']); }); }, {want: [x2]}));
const two = (m, ret) => { for (const F of ['ThenF', 'ElseF']) m.fn(F, x1, {p: ['float32', ret[0]], q: ['float32', ret[1]]}, f => {
  f.const(F + '/axis', i32([0], [])); f.node('sp', 'Split', [F + '/axis', 'x'], {num_split: a.int(2), T: a.type('float32')});
  f.id('r0', ret[2] || 'sp:output:0'); f.id('r1', ret[3] || 'sp:output:1'); }); };
form('if.two_outputs', true, 'async', 'two outputs, each from its own Identity', () => cond('StatelessIf', m => two(m, ['r0:output:0', 'r1:output:0']), {outs: ['p', 'q'], want: [t([1]), t([2])]}));
form('if.two_outputs_one_node', false, 'no', 'two outputs that are two ports of one node: both give the last port', () => cond('StatelessIf', m => two(m, ['sp:output:0', 'sp:output:1']), {outs: ['p', 'q'], want: [t([1]), t([2])]}));
form('if.port_ret', false, 'async', 'single ret naming port 1 of a node directly', () => cond('StatelessIf', m => { for (const F of ['ThenF', 'ElseF']) m.fn(F, x1, {p: ['float32', 'sp:output:1']}, f => {
  f.const(F + '/axis', i32([0], [])); f.node('sp', 'Split', [F + '/axis', 'x'], {num_split: a.int(2), T: a.type('float32')}); }); }, {want: [t([2])]}));
form('if.short_names', true, 'async', 'inside the body main-graph names are understood too (sp:1, ret node)', () => cond('StatelessIf', m => two(m, ['r0', 'r1:0', 'sp', 'sp:1']), {outs: ['p', 'q'], want: [t([1]), t([2])]}));
const topk = (m, v, i) => { for (const F of ['ThenF', 'ElseF']) m.fn(F, x1, {p: ['float32', 'r0:output:0'], q: ['float32', 'r1:output:0']}, f => {
  f.const(F + '/k', i32([1], [])); f.node('top', 'TopKV2', ['x', F + '/k'], {sorted: a.bool(true)}); f.id('r0', v);
  f.node('r1', 'Cast', [i], {SrcT: a.type('int32'), DstT: a.type('float32')}); }); };
form('if.named_ports', false, 'no', 'ports by TensorFlow\'s names (top:values:0, top:indices:0): the name is ignored, both are port 0', () => cond('StatelessIf', m => topk(m, 'top:values:0', 'top:indices:0'), {outs: ['p', 'q'], want: [t([2]), t([1])]}));
form('if.flat_ports', true, 'async', 'ports by flat number (top, top:1)', () => cond('StatelessIf', m => topk(m, 'top', 'top:1'), {outs: ['p', 'q'], want: [t([2]), t([1])]}));
form('if.same_twice', true, 'async', 'one argument returned twice', () => cond('StatelessIf', m => { for (const F of ['ThenF', 'ElseF']) m.fn(F, x1, {p: ['float32', 'x'], q: ['float32', 'x']}); }, {outs: ['p', 'q'], want: [x2, x2]}));
form('if.one_output_used', true, 'async', 'second output not used', () => { const s = cond('StatelessIf', m => two(m, ['r0:output:0', 'r1:output:0']), {outs: ['p'], want: [t([1])]}); return s; });
form('if.alias_intermediate', true, 'async', 'branch returns an intermediate directly; intermediate and result are used afterwards', () => {
  const m = model(); m.input('c', 'bool', []); m.input('x', 'float32', [2]); m.const('k', 3);
  m.node('mid', 'Mul', ['x', 'k'], {T: a.type('float32')});
  for (const F of ['ThenF', 'ElseF']) m.fn(F, x1, {y: ['float32', 'x']});
  m.node('choose', 'StatelessIf', ['c', 'mid'], {then_branch: a.func('ThenF'), else_branch: a.func('ElseF')});
  m.node('p', 'AddV2', ['choose', 'mid'], {T: a.type('float32')}); m.node('q', 'AddV2', ['p', 'mid'], {T: a.type('float32')});
  m.out('y', m.id('o', 'q')); return {m, feeds: {c: bool([true], []), x: x2}, want: {y: t([9, 18])}}; });
form('if.alias_stateful', false, 'async', 'the same with If', () => {
  const m = model(); m.input('c', 'bool', []); m.input('x', 'float32', [2]); m.const('k', 3);
  m.node('mid', 'Mul', ['x', 'k'], {T: a.type('float32')});
  for (const F of ['ThenF', 'ElseF']) m.fn(F, x1, {y: ['float32', 'x']});
  m.node('choose', 'If', ['c', 'mid'], {then_branch: a.func('ThenF'), else_branch: a.func('ElseF')});
  m.node('p', 'AddV2', ['choose', 'mid'], {T: a.type('float32')}); m.node('q', 'AddV2', ['p', 'mid'], {T: a.type('float32')});
  m.out('y', m.id('o', 'q')); return {m, feeds: {c: bool([true], []), x: x2}, want: {y: t([9, 18])}}; });
form('if.nested', true, 'async', 'If in a branch of an If', () => cond('StatelessIf', m => {
  m.fn('InnerT', x1, {y: ['float32', 'ret']}, f => { f.node('n', 'Neg', ['x']); f.id('ret', 'n'); });
  m.fn('InnerE', x1, {y: ['float32', 'x']});
  m.fn('ThenF', x1, {y: ['float32', 'ret']}, f => { f.const('ThenF/p', bool([true], [])); f.node('in', 'StatelessIf', ['ThenF/p', 'x'], {then_branch: a.func('InnerT'), else_branch: a.func('InnerE')}); f.id('ret', 'in:output:0'); });
  m.fn('ElseF', x1, {y: ['float32', 'x']}); }, {want: [t([-1, -2])]}));
form('if.call', false, 'no', 'PartitionedCall in a branch', () => cond('StatelessIf', m => {
  m.fn('Inner', x1, {y: ['float32', 'x']});
  for (const F of ['ThenF', 'ElseF']) m.fn(F, x1, {y: ['float32', 'ret']}, f => { f.node('in', 'PartitionedCall', ['x'], {f: a.func('Inner')}); f.id('ret', 'in:output:0'); }); }, {want: [x2]}));
form('if.case', false, 'no', 'StatelessCase', () => { const s = cond('StatelessCase', simple, {want: [t([2, 3])], pred: 'int32', feedC: i32([0], [])}); return s; });
form('if.weight_capture', true, 'async', 'a weight of the main graph passed as argument and returned; the weight is used again', () => {
  const m = model(); m.input('c', 'bool', []); m.const('w', t([4, 5]));
  for (const F of ['ThenF', 'ElseF']) m.fn(F, x1, {y: ['float32', 'x']});
  m.node('choose', 'StatelessIf', ['c', 'w'], {then_branch: a.func('ThenF'), else_branch: a.func('ElseF')});
  m.node('p', 'AddV2', ['choose', 'w'], {T: a.type('float32')}); m.out('y', m.id('o', 'p')); return {m, feeds: {c: bool([true], [])}, want: {y: t([8, 10])}}; });
form('if.direct_output', true, 'async', 'a port of StatelessIf named in the signature without Identity (single output)', () => { const s = cond('StatelessIf', simple, {want: [t([2, 3])]}); s.m.sigOut.y.name = 'choose:0'; return s; });
form('if.dead_branch', true, 'async', 'the branch not taken would fail if it ran', () => cond('StatelessIf', m => simple(m, f => f.node('ret', 'NoSuchOp', ['x'])), {want: [t([2, 3])]}));
