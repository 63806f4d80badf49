// Builds small graph models by hand, runs them in the real tf.js (CPU backend) and says how far each form works.
// tf.js is found through TFJS_MODULES (a node_modules folder that holds @tensorflow/tfjs 4.22.0).
import path from 'path';
import {createRequire} from 'module';

const mods = path.resolve(process.env.TFJS_MODULES || 'node_modules');
const require = createRequire(mods + '/x.js');
const quiet = () => {};
console.warn = quiet;
export const tf = require('@tensorflow/tfjs');

export async function start() {
  await tf.setBackend('cpu');
  await tf.ready();
}

const DT = {float32: 'DT_FLOAT', int32: 'DT_INT32', bool: 'DT_BOOL', string: 'DT_STRING', complex64: 'DT_COMPLEX64',
            int64: 'DT_INT64', variant: 'DT_VARIANT', resource: 'DT_RESOURCE', uint8: 'DT_UINT8'};
export const dt = d => ({type: DT[d] || d});
export const a = {
  type: dt,
  types: (...ds) => ({list: ds.length ? {type: ds.map(d => DT[d])} : {}}),
  int: v => ({i: String(v)}),
  ints: v => ({list: {i: v.map(String)}}),
  float: v => ({f: v}),
  floats: v => ({list: {f: v}}),
  bool: v => ({b: v}),
  str: v => ({s: Buffer.from(v).toString('base64')}),
  strs: v => ({list: {s: v.map(x => Buffer.from(x).toString('base64'))}}),
  func: n => ({func: {name: n}}),
  shape: s => ({shape: s == null ? {unknownRank: true} : {dim: s.map(d => ({size: String(d)}))}}),
};

// A tensor literal: t([1, 2], [2], 'int32'). Nested arrays give their own shape.
export function t(values, shape, dtype = 'float32') {
  if (shape === undefined || shape === null) {
    shape = [];
    for (let v = values; Array.isArray(v); v = v[0]) shape.push(v.length);
  }
  return {values: [values].flat(Infinity), shape, dtype};
}
export const i32 = (v, s) => t(v, s, 'int32');
export const bool = (v, s) => t(v, s, 'bool');
export const str = (v, s) => t(v, s, 'string');

function bytesOf({values, dtype}) {
  if (dtype === 'string') {
    return Buffer.concat(values.flatMap(v => {
      const b = Buffer.from(v), n = Buffer.alloc(4);
      n.writeUInt32LE(b.length);
      return [n, b];
    }));
  }
  const arr = dtype === 'bool' ? Uint8Array.from(values, Number)
      : dtype === 'int32' ? Int32Array.from(values) : Float32Array.from(values);
  return Buffer.from(arr.buffer);
}

function scope(weights) {
  const nodes = [];
  const self = {
    nodes,
    node(name, op, input = [], attr = {}) {
      nodes.push({name, op, input, attr});
      return name;
    },
    id(name, of, dtype = 'float32') { return self.node(name, 'Identity', [].concat(of), {T: dt(dtype)}); },
    // A Const and its weight entry. `control` gives it control inputs; `share` adds the node without a second weight entry.
    const(name, value, {control = [], share = false} = {}) {
      const v = typeof value === 'number' ? t(value, []) : value;
      nodes.push({name, op: 'Const', input: control, attr: {dtype: dt(v.dtype),
                 value: {tensor: {dtype: DT[v.dtype], tensorShape: {dim: v.shape.map(d => ({size: String(d)}))}}}}});
      if (!share) weights.push({name, v});
      return name;
    },
  };
  return self;
}

export function model() {
  const weights = [], functions = [], sigIn = {}, sigOut = {};
  const main = scope(weights);
  let init = null, initSig = null, meta, useSignature = true;
  const m = {
    ...main, sigIn, sigOut,
    input(name, dtype = 'float32', shape = null, key = name) {
      main.node(name, 'Placeholder', [], {dtype: dt(dtype), shape: a.shape(shape)});
      sigIn[key] = {name: name + ':0', dtype: DT[dtype], tensorShape: a.shape(shape).shape};
      return name;
    },
    out(key, ref, dtype = 'float32') {
      sigOut[key] = {name: ref.includes(':') ? ref : ref + ':0', dtype: DT[dtype], tensorShape: {unknownRank: true}};
      return m;
    },
    // fn('f', {x: 'float32'}, {y: ['float32', 'ident:output:0']}, f => {...})
    fn(name, args, outs, build = () => {}) {
      const f = scope(weights);
      build(f);
      const def = {signature: {name, inputArg: Object.entries(args).map(([k, d]) => ({name: k, type: DT[d]})),
                   outputArg: Object.entries(outs).map(([k, [d]]) => ({name: k, type: DT[d]}))},
                   nodeDef: f.nodes, ret: Object.fromEntries(Object.entries(outs).map(([k, [, r]]) => [k, r])), attr: {}};
      functions.push(def);
      return def;
    },
    initializer(build, outputs) { init = scope(weights); build(init); initSig = outputs; return m; },
    metadata(x) { meta = x; return m; },
    noSignature() { useSignature = false; return m; },
    edit(fn) { m.editor = fn; return m; },
    json() {
      const specs = [], bufs = [];
      for (const {name, v} of weights) {
        specs.push({name, shape: v.shape, dtype: v.dtype});
        bufs.push(bytesOf(v));
      }
      const data = new Uint8Array(Buffer.concat(bufs)).buffer;
      const j = {format: 'graph-model', generatedBy: 'hand', convertedBy: null,
                 modelTopology: {node: main.nodes, library: {function: functions}, versions: {producer: 1395}}, weightSpecs: specs, weightData: data};
      if (useSignature) j.signature = {inputs: sigIn, outputs: sigOut};
      if (init) j.modelInitializer = {node: init.nodes, versions: {producer: 1395}};
      if (initSig) j.initializerSignature = {outputs: initSig};
      if (meta) j.userDefinedMetadata = meta;
      if (m.editor) m.editor(j);
      return {...JSON.parse(JSON.stringify({...j, weightData: undefined})), weightData: j.weightData};
    },
  };
  return m;
}

export const loadModel = m => tf.loadGraphModel(tf.io.fromMemory(m.json()));
export function tensor(v) {
  if (v.dtype === 'complex64') {
    return tf.complex(tf.tensor(v.values.filter((_, i) => i % 2 === 0), v.shape), tf.tensor(v.values.filter((_, i) => i % 2), v.shape));
  }
  return tf.tensor(v.dtype === 'bool' ? v.values.map(Number) : v.values, v.shape, v.dtype);
}

export async function same(got, want, tol = 1e-5) {
  if (!got) return 'no tensor';
  if (got.isDisposed) return 'output tensor is disposed';
  if (got.dtype !== want.dtype) return `dtype ${got.dtype} instead of ${want.dtype}`;
  if (JSON.stringify(got.shape) !== JSON.stringify(want.shape)) return `shape [${got.shape}] instead of [${want.shape}]`;
  let g = await got.data();
  if (want.dtype === 'complex64') g = [...g];
  for (let i = 0; i < want.values.length; i++) {
    const x = want.values[i], y = g[i];
    const ok = typeof x === 'string' ? x === y : Object.is(Number(x), Number(y)) || Number(x) === Number(y) ||
        (Number.isFinite(Number(y)) && Number.isFinite(Number(x)) && Math.abs(x - y) <= tol * (1 + Math.abs(x)));
    if (!ok) return `value [${i}] is ${y} instead of ${x} (got ${[...g].slice(0, 8)})`;
  }
  return null;
}

const short = e => String(e && e.message || e).replace(/\s+/g, ' ').replace(/\. File an .*/, '').slice(0, 150);

// Runs a form: feeds {key: tensor}, want {key: tensor}; twice each through executeAsync and predict. Result: 'sync' (both
// right), 'async' (only executeAsync right), 'no'.
export async function judge({m, feeds = {}, want, tol, repeat = 2}) {
  const attempt = async how => {
    let g;
    try {
      g = await loadModel(m);
    } catch (e) {
      return 'load: ' + short(e);
    }
    const keys = Object.keys(want);
    let before = 0, leak = 0;
    for (let r = 0; r < repeat; r++) {
      const f = Object.fromEntries(Object.entries(feeds).map(([k, v]) => [k, tensor(v)]));
      before = tf.memory().numTensors;
      let y;
      try {
        y = how === 'async' ? await g.executeAsync(f, keys) : g.execute(f, keys);
      } catch (e) {
        return (r ? 'second run: ' : '') + short(e);
      }
      y = [].concat(y);
      for (let k = 0; k < keys.length; k++) {
        const why = await same(y[k], want[keys[k]], tol);
        if (why) return (r ? 'second run: ' : '') + (keys.length > 1 ? keys[k] + ': ' : '') + why;
      }
      for (const k of keys) if (await same(f[k], feeds[k] || {}) && f[k] && f[k].isDisposed) return 'the fed tensor was disposed';
      for (const [k, v] of Object.entries(feeds)) if (f[k].isDisposed) return 'fed tensor disposed'; else if (await same(f[k], v)) return 'fed tensor was changed';
      leak = tf.memory().numTensors - before - new Set(y.map(x => x.id)).size;
    }
    const dead = Object.entries(g.weights).filter(([, [w]]) => w.isDisposed).map(([n]) => n);
    if (dead.length) return 'weight disposed: ' + dead;
    return leak > 0 ? {leak} : {};
  };
  const as = await attempt('async'), sy = await attempt('sync');
  const fine = r => typeof r === 'object';
  const note = fine(as) && as.leak ? `leaves ${as.leak} tensors per run` : '';
  if (fine(as) && fine(sy)) return {works: 'sync', note};
  if (fine(as)) return {works: 'async', note, syncError: sy};
  if (fine(sy)) return {works: 'sync only', note: 'executeAsync: ' + as};
  return {works: 'no', note: as};
}

export const forms = [];
// used: the exporter may write this form. expect: what this tf.js version does with it.
export function form(id, used, expect, title, spec) { forms.push({id, used, expect, title, spec}); }
