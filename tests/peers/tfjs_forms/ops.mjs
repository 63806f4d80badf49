// Judges the op cases against what TensorFlow gives (op_truth.mjs); op_works.mjs records what tf.js did.
import {model, form, dt} from './lib.mjs';
import {cases} from './op_cases.mjs';
import './op_cases2.mjs';
import './op_cases3.mjs';
import {truth} from './op_truth.mjs';
import {works} from './op_works.mjs';

function build(c, make) {
  const m = model(), feeds = {};
  let next = 0;
  const flat = c.ins.flat().map((v, i) => { feeds['in' + i] = v; return m.input('in' + i, v.dtype, null); });
  const n = (op, input, attr = {}) => m.node(`n${next++}`, op, input, attr);
  const k = v => m.const(`k${next++}`, v);
  const want = c.want || truth[c.id];
  let refs = make({n, k, x: flat, m});
  if (!Array.isArray(refs)) refs = want.length > 1 && !make.single ? want.map((_, i) => i ? `${refs}:${i}` : refs) : [refs];
  refs.forEach((r, i) => m.out('y' + i, m.id('out' + i, r, want[i].dtype)));
  return {m, feeds, want: Object.fromEntries(refs.map((_, i) => ['y' + i, want[i]])), tol: c.tol || 1e-5};
}

for (const c of cases) {
  const id = 'op.' + c.id;
  form(id, works[id] === 'sync' || works[id] === 'async', works[id], c.op, () => build(c, ({n, x}) => n(c.op, x, c.attrs)));
  c.lows.forEach((l, i) => {
    const lid = `${id}.low${i || ''}`, make = ctx => l.build(ctx);
    make.single = ['FusedBatchNormV3'].includes(c.op);
    form(lid, works[lid] === 'sync' || works[lid] === 'async', works[lid], `${c.op} -> ${l.note}`, () => build(c, make));
  });
}
