// Loops. `loop` builds: i, v... = StatelessWhile(i0, v...) with cond i < n and a body given by the experiment.
import {model, form, a, t, i32, bool} from './lib.mjs';

const F = 'float32', I = 'int32';
// vars: {name: dtype} in order, the first is the counter. body(f, ns): writes nodes. rets: {name: ref}. init: names in the main graph.
function loop(m, name, vars, inits, rets, body, {limit = 3, op = 'StatelessWhile', condBuild} = {}) {
  const C = name + 'Cond', B = name + 'Body', ks = Object.keys(vars);
  m.fn(C, vars, {go: ['bool', 'ret']}, condBuild ? f => condBuild(f, C) : f => { f.const(C + '/n', i32([limit], [])); f.node('lt', 'Less', [ks[0], C + '/n'], {T: a.type(I)}); f.id('ret', 'lt', 'bool'); });
  m.fn(B, vars, Object.fromEntries(ks.map(k => ['o_' + k, [vars[k], rets[k]]])), f => { f.const(B + '/one', i32([1], []));
    f.node('inc', 'AddV2', [ks[0], B + '/one'], {T: a.type(I)}); f.id('r_i', 'inc', I); if (body) body(f, B); });
  return m.node(name, op, inits, {cond: a.func(C), body: a.func(B), T: a.types(...Object.values(vars))});
}
function start({n0 = 0} = {}) {
  const m = model(); m.input('x', F, [2]); m.const('i0', i32([n0], [])); return m;
}
const x = t([1, 2]);
const feeds = {x};
const dbl = (f, B) => { f.const(B + '/two', 2); f.node('d', 'Mul', ['v', B + '/two'], {T: a.type(F)}); f.id('r_v', 'd'); };

for (const op of ['StatelessWhile', 'While'])
  form('while.' + op, op === 'StatelessWhile', 'async', 'counter and one value, ' + op, () => { const m = start();
    loop(m, 'w', {i: I, v: F}, ['i0', 'x'], {i: 'r_i', v: 'r_v'}, dbl, {op});
    m.out('i', m.id('oi', 'w')).out('v', m.id('ov', 'w:1')); return {m, feeds, want: {i: i32([3], []), v: t([8, 16])}}; });
form('while.zero', true, 'async', 'no iteration; x, i0 and results used afterwards', () => { const m = start({n0: 9});
  loop(m, 'w', {i: I, v: F}, ['i0', 'x'], {i: 'r_i', v: 'r_v'}, dbl);
  m.node('s', 'AddV2', ['w:1', 'x']); m.out('i', m.id('oi', 'w')).out('v', m.id('ov', 's')); return {m, feeds, want: {i: i32([9], []), v: t([2, 4])}}; });
for (const [id, ret, title] of [['direct', 'k', 'ret names the argument'], ['identity', 'r_k', 'through Identity']])
  form('while.invariant_' + id, true, 'async', 'loop-invariant variable, ' + title + '; its start value (an intermediate) and its result used after the loop', () => { const m = start();
    m.node('mid', 'AddV2', ['x', 'x'], {T: a.type(F)});
    loop(m, 'w', {i: I, v: F, k: F}, ['i0', 'x', 'mid'], {i: 'r_i', v: 'r_v', k: ret}, f => { f.node('s', 'AddV2', ['v', 'k'], {T: a.type(F)}); f.id('r_v', 's'); f.id('r_k', 'k'); });
    m.node('p', 'AddV2', ['w:2', 'mid']); m.node('q', 'Mul', ['mid', 'x']);
    m.out('v', m.id('ov', 'w:1')).out('p', m.id('op', 'p')).out('q', m.id('oq', 'q')); return {m, feeds, want: {v: t([7, 14]), p: t([4, 8]), q: t([2, 8])}}; });
form('while.invariant_weight', true, 'async', 'a weight as loop-invariant argument, used after the loop', () => { const m = start(); m.const('k', t([10, 20]));
  loop(m, 'w', {i: I, v: F, k: F}, ['i0', 'x', 'k'], {i: 'r_i', v: 'r_v', k: 'k'}, f => { f.node('s', 'AddV2', ['v', 'k'], {T: a.type(F)}); f.id('r_v', 's'); });
  m.node('p', 'AddV2', ['w:2', 'k']); m.out('v', m.id('ov', 'w:1')).out('p', m.id('op', 'p')); return {m, feeds, want: {v: t([31, 62]), p: t([20, 40])}}; });
for (const [id, ra, rb] of [['direct', 'b', 'a'], ['identity', 'r_a', 'r_b']])
  form('while.swap_' + id, true, 'async', 'body returns (b, a), ' + id, () => { const m = start(); m.node('y', 'Neg', ['x']);
    loop(m, 'w', {i: I, a: F, b: F}, ['i0', 'x', 'y'], {i: 'r_i', a: ra, b: rb}, f => { f.id('r_a', 'b'); f.id('r_b', 'a'); });
    m.node('z', 'Mul', ['x', 'y']); m.out('a', m.id('oa', 'w:1')).out('b', m.id('ob', 'w:2')).out('z', m.id('oz', 'z'));
    return {m, feeds, want: {a: t([-1, -2]), b: t([1, 2]), z: t([-1, -4])}}; });
form('while.same_value_twice', true, 'async', 'one value passed as two loop variables', () => { const m = start();
  loop(m, 'w', {i: I, a: F, b: F}, ['i0', 'x', 'x'], {i: 'r_i', a: 'r_a', b: 'b'}, f => { f.node('s', 'AddV2', ['a', 'b']); f.id('r_a', 's'); });
  m.out('a', m.id('oa', 'w:1')).out('b', m.id('ob', 'w:2')); return {m, feeds, want: {a: t([4, 8]), b: x}}; });
form('while.same_result_twice', true, 'async', 'body returns one value as two loop variables (two Identity nodes)', () => { const m = start();
  loop(m, 'w', {i: I, a: F, b: F}, ['i0', 'x', 'x'], {i: 'r_i', a: 'r_a', b: 'r_b'}, f => { f.node('s', 'AddV2', ['a', 'b']); f.id('r_a', 's'); f.id('r_b', 's'); });
  m.out('a', m.id('oa', 'w:1')).out('b', m.id('ob', 'w:2')); return {m, feeds, want: {a: t([8, 16]), b: t([8, 16])}}; });
form('while.same_node_twice', false, 'async', 'the same without Identity (one node named by two rets)', () => { const m = start();
  loop(m, 'w', {i: I, a: F, b: F}, ['i0', 'x', 'x'], {i: 'r_i', a: 's', b: 's'}, f => { f.node('s', 'AddV2', ['a', 'b']); });
  m.out('a', m.id('oa', 'w:1')).out('b', m.id('ob', 'w:2')); return {m, feeds, want: {a: t([8, 16]), b: t([8, 16])}}; });
form('while.const_direct', false, 'async', 'body returns the same Const directly in every iteration', () => { const m = start();
  loop(m, 'w', {i: I, a: F, b: F}, ['i0', 'x', 'x'], {i: 'r_i', a: 'r_a', b: B('w') + '/c'}, (f, b) => { f.const(b + '/c', t([1, 1])); f.node('s', 'AddV2', ['a', 'b']); f.id('r_a', 's'); });
  m.out('a', m.id('oa', 'w:1')); return {m, feeds, want: {a: t([4, 6])}, repeat: 2}; });
form('while.const_shifted', false, 'async', 'body returns (Const, a) directly: the Const wanders through the variables', () => { const m = start();
  loop(m, 'w', {i: I, a: F, b: F, s: F}, ['i0', 'x', 'x', 'x'], {i: 'r_i', a: B('w') + '/c', b: 'a', s: 'r_s'}, (f, b) => { f.const(b + '/c', t([1, 1])); f.node('q', 'AddV2', ['s', 'b']); f.id('r_s', 'q'); }, {limit: 5});
  m.out('s', m.id('os', 'w:3')); return {m, feeds, want: {s: t([6, 9])}, repeat: 2}; });
form('while.const_identity', true, 'async', 'the same with Identity behind the Const', () => { const m = start();
  loop(m, 'w', {i: I, a: F, b: F, s: F}, ['i0', 'x', 'x', 'x'], {i: 'r_i', a: 'r_a', b: 'r_b', s: 'r_s'}, (f, b) => { f.const(b + '/c', t([1, 1])); f.id('r_a', b + '/c'); f.id('r_b', 'a'); f.node('q', 'AddV2', ['s', 'b']); f.id('r_s', 'q'); }, {limit: 5});
  m.out('s', m.id('os', 'w:3')); return {m, feeds, want: {s: t([6, 9])}, repeat: 2}; });
function B(n) { return n + 'Body'; }
form('while.const_alternating', false, 'no', 'a branch in the body returns now a Const directly, now something else: the weight is disposed', () => { const m = start();
  m.fn('T', {v: F}, {y: [F, 'T/c']}, f => f.const('T/c', t([1, 1]))); m.fn('E', {v: F}, {y: [F, 'r']}, f => { f.node('n', 'Neg', ['v']); f.id('r', 'n'); });
  loop(m, 'w', {i: I, v: F}, ['i0', 'x'], {i: 'r_i', v: 'if'}, (f, b) => { f.const(b + '/two', i32([2], [])); f.node('odd', 'FloorMod', ['i', b + '/two']); f.node('if', 'StatelessIf', ['odd', 'v'], {then_branch: a.func('T'), else_branch: a.func('E')}); }, {limit: 5});
  m.out('v', m.id('ov', 'w:1')); return {m, feeds, want: {v: t([-1, -1])}}; });
form('while.const_alternating_id', true, 'async', 'the same with Identity in the branch and at the body\'s output', () => { const m = start();
  m.fn('T', {v: F}, {y: [F, 'r']}, f => { f.const('T/c', t([1, 1])); f.id('r', 'T/c'); }); m.fn('E', {v: F}, {y: [F, 'r']}, f => { f.node('n', 'Neg', ['v']); f.id('r', 'n'); });
  loop(m, 'w', {i: I, v: F}, ['i0', 'x'], {i: 'r_i', v: 'r_v'}, (f, b) => { f.const(b + '/two', i32([2], [])); f.node('odd', 'FloorMod', ['i', b + '/two']); f.node('if', 'StatelessIf', ['odd', 'v'], {then_branch: a.func('T'), else_branch: a.func('E')}); f.id('r_v', 'if'); }, {limit: 5});
  m.out('v', m.id('ov', 'w:1')); return {m, feeds, want: {v: t([-1, -1])}}; });
form('while.cond_const', false, 'no', 'condition returns a Const directly (here: never loop): the weight is disposed', () => { const m = start();
  loop(m, 'w', {i: I, v: F}, ['i0', 'x'], {i: 'r_i', v: 'r_v'}, dbl, {condBuild: (f, C) => f.const('ret', bool([false], []))});
  m.out('v', m.id('ov', 'w:1')); return {m, feeds, want: {v: x}}; });
form('while.cond_const_id', true, 'async', 'the same through Identity; the condition ignores its arguments', () => { const m = start();
  loop(m, 'w', {i: I, v: F}, ['i0', 'x'], {i: 'r_i', v: 'r_v'}, dbl, {condBuild: (f, C) => { f.const(C + '/f', bool([false], [])); f.id('ret', C + '/f', 'bool'); }});
  m.out('v', m.id('ov', 'w:1')); return {m, feeds, want: {v: x}}; });
form('while.cond_arg', true, 'async', 'condition returns a loop variable', () => { const m = model(); m.input('x', F, [2]); m.const('yes', bool([true], []));
  m.fn('C', {g: 'bool', v: F}, {go: ['bool', 'g']});
  m.fn('Bd', {g: 'bool', v: F}, {g2: ['bool', 'rg'], v2: [F, 'rv']}, f => { f.node('n', 'LogicalNot', ['g']); f.id('rg', 'n'); f.node('d', 'AddV2', ['v', 'v']); f.id('rv', 'd'); });
  m.node('w', 'StatelessWhile', ['yes', 'x'], {cond: a.func('C'), body: a.func('Bd')}); m.out('v', m.id('ov', 'w:1')); return {m, feeds, want: {v: t([2, 4])}}; });
form('while.input_as_var_intermediate', true, 'async', 'start value is an intermediate with other consumers, loop changes it', () => { const m = start(); m.node('mid', 'AddV2', ['x', 'x']);
  loop(m, 'w', {i: I, v: F}, ['i0', 'mid'], {i: 'r_i', v: 'r_v'}, dbl); m.node('p', 'AddV2', ['mid', 'w:1']); m.node('q', 'AddV2', ['p', 'mid']);
  m.out('q', m.id('oq', 'q')); return {m, feeds, want: {q: t([20, 40])}}; });
form('while.nested', true, 'async', 'loop in a loop; the outer invariant is an inner invariant too', () => { const m = start(); m.node('mid', 'AddV2', ['x', 'x']);
  loop(m, 'in', {i: I, v: F, k: F}, [], {i: 'r_i', v: 'r_v', k: 'k'}, f => { f.node('s', 'AddV2', ['v', 'k']); f.id('r_v', 's'); }, {limit: 2}); m.nodes.pop();
  loop(m, 'w', {i: I, v: F, k: F}, ['i0', 'x', 'mid'], {i: 'r_i', v: 'r_v', k: 'k'}, (f, b) => { f.const(b + '/z', i32([0], []));
    f.node('in', 'StatelessWhile', [b + '/z', 'v', 'k'], {cond: a.func('inCond'), body: a.func('inBody')}); f.node('s2', 'AddV2', ['in:1', 'in:2']); f.id('r_v', 's2'); });
  m.node('p', 'AddV2', ['w:2', 'mid']); m.out('v', m.id('ov', 'w:1')).out('p', m.id('op', 'p')); return {m, feeds, want: {v: t([19, 38]), p: t([4, 8])}}; });
form('while.nested_zero', true, 'async', 'inner loop runs zero times, returns its arguments', () => { const m = start();
  loop(m, 'in', {i: I, v: F}, [], {i: 'r_i', v: 'r_v'}, dbl, {limit: 0}); m.nodes.pop();
  loop(m, 'w', {i: I, v: F}, ['i0', 'x'], {i: 'r_i', v: 'r_v'}, (f, b) => { f.node('mid', 'AddV2', ['v', 'v']); f.const(b + '/z', i32([0], []));
    f.node('in', 'StatelessWhile', [b + '/z', 'mid'], {cond: a.func('inCond'), body: a.func('inBody')}); f.node('s2', 'AddV2', ['in:1', 'mid']); f.id('r_v', 's2'); });
  m.out('v', m.id('ov', 'w:1')); return {m, feeds, want: {v: t([64, 128])}}; });
form('while.if_in_body', true, 'async', 'If in the body', () => { const m = start();
  m.fn('T', {v: F}, {y: [F, 'r']}, f => { f.node('n', 'AddV2', ['v', 'v']); f.id('r', 'n'); }); m.fn('E', {v: F}, {y: [F, 'v']});
  loop(m, 'w', {i: I, v: F}, ['i0', 'x'], {i: 'r_i', v: 'r_v'}, f => { f.node('if', 'StatelessIf', ['i', 'v'], {then_branch: a.func('T'), else_branch: a.func('E')}); f.id('r_v', 'if'); });
  m.out('v', m.id('ov', 'w:1')); return {m, feeds, want: {v: t([4, 8])}}; });
form('while.in_branch', true, 'async', 'While in a branch of an If', () => { const m = start(); m.const('p', bool([true], []));
  loop(m, 'w', {i: I, v: F}, [], {i: 'r_i', v: 'r_v'}, dbl); m.nodes.pop();
  m.fn('T', {i: I, v: F}, {y: [F, 'r']}, f => { f.node('w', 'StatelessWhile', ['i', 'v'], {cond: a.func('wCond'), body: a.func('wBody')}); f.id('r', 'w:1'); }); m.fn('E', {i: I, v: F}, {y: [F, 'v']});
  m.node('if', 'StatelessIf', ['p', 'i0', 'x'], {then_branch: a.func('T'), else_branch: a.func('E')}); m.out('v', m.id('ov', 'if')); return {m, feeds, want: {v: t([8, 16])}}; });
form('while.chained', true, 'async', 'result of one loop is the start of another; both results used', () => { const m = start();
  loop(m, 'w', {i: I, v: F}, ['i0', 'x'], {i: 'r_i', v: 'r_v'}, dbl); m.node('w2', 'StatelessWhile', ['i0', 'w:1'], {cond: a.func('wCond'), body: a.func('wBody')});
  m.node('s', 'AddV2', ['w:1', 'w2:1']); m.out('v', m.id('ov', 's')); return {m, feeds, want: {v: t([72, 144])}}; });
form('while.growing', true, 'async', 'loop variable whose shape grows (ConcatV2)', () => { const m = start();
  loop(m, 'w', {i: I, v: F}, ['i0', 'x'], {i: 'r_i', v: 'r_v'}, (f, b) => { f.const(b + '/ax', i32([0], [])); f.node('c', 'ConcatV2', ['v', 'v', b + '/ax'], {N: a.int(2)}); f.id('r_v', 'c'); }, {limit: 2});
  m.out('v', m.id('ov', 'w:1')); return {m, feeds, want: {v: t([1, 2, 1, 2, 1, 2, 1, 2])}}; });
form('while.intermediate_in_cond', true, 'async', 'condition on a computed value (reduction) and bool variable', () => { const m = start();
  loop(m, 'w', {i: I, v: F}, ['i0', 'x'], {i: 'r_i', v: 'r_v'}, dbl, {condBuild: (f, C) => { f.const(C + '/ax', i32([0])); f.const(C + '/lim', 20); f.node('s', 'Sum', ['v', C + '/ax'], {keep_dims: a.bool(false)}); f.node('lt', 'Less', ['s', C + '/lim']); f.id('ret', 'lt', 'bool'); }});
  m.out('i', m.id('oi', 'w')).out('v', m.id('ov', 'w:1')); return {m, feeds, want: {i: i32([3], []), v: t([8, 16])}}; });
form('while.string_var', true, 'async', 'string loop variable', () => { const m = model(); m.const('i0', i32([0], [])); m.input('x', 'string', [2]);
  loop(m, 'w', {i: I, v: 'string'}, ['i0', 'x'], {i: 'r_i', v: 'v'}); m.out('v', m.id('ov', 'w:1')); return {m, feeds: {x: t(['a', 'b'], [2], 'string')}, want: {v: t(['a', 'b'], [2], 'string')}}; });
form('while.name_of_weight', false, 'no', 'a node in a body has the name of a Const elsewhere: the node is never run, the weight is taken', () => { const m = start(); m.const('s', t([100, 100]));
  loop(m, 'w', {i: I, v: F}, ['i0', 'x'], {i: 'r_i', v: 'r_v'}, f => { f.node('s', 'AddV2', ['v', 'v']); f.id('r_v', 's'); });
  m.node('p', 'AddV2', ['w:1', 's']); m.out('v', m.id('ov', 'p')); return {m, feeds, want: {v: t([108, 116])}}; });
form('while.arg_of_weight', false, 'async', 'an argument has the name of a Const elsewhere', () => { const m = start(); m.const('v', t([100, 100]));
  loop(m, 'w', {i: I, v: F}, ['i0', 'x'], {i: 'r_i', v: 'r_v'}, dbl); m.node('p', 'AddV2', ['w:1', 'v']); m.out('v', m.id('ov', 'p')); return {m, feeds, want: {v: t([108, 116])}}; });
form('while.v1_frames', false, 'async', 'the same loop as Enter/Merge/Switch/Exit', () => { const m = start(); const fr = {frame_name: a.str('fr')};
  m.node('ei', 'Enter', ['i0'], fr); m.node('ev', 'Enter', ['x'], fr); m.node('mi', 'Merge', ['ei', 'ni']); m.node('mv', 'Merge', ['ev', 'nv']);
  m.const('n', i32([3], [])); m.node('en', 'Enter', ['n'], {...fr, is_constant: a.bool(true)}); m.node('lt', 'Less', ['mi', 'en']); m.node('lc', 'LoopCond', ['lt']);
  m.node('si', 'Switch', ['mi', 'lc']); m.node('sv', 'Switch', ['mv', 'lc']); m.const('one', i32([1], [])); m.node('eo', 'Enter', ['one'], {...fr, is_constant: a.bool(true)});
  m.node('ai', 'AddV2', ['si:1', 'eo']); m.node('av', 'AddV2', ['sv:1', 'sv:1']); m.node('ni', 'NextIteration', ['ai']); m.node('nv', 'NextIteration', ['av']);
  m.node('xv', 'Exit', ['sv']); m.out('v', m.id('ov', 'xv')); return {m, feeds, want: {v: t([8, 16])}}; });
