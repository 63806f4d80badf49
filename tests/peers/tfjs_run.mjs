// Runs models in the real TensorFlow.js and writes what comes out.
//
//   node tfjs_run.mjs JOBS.json        one JSON line a job on standard output
//
// JOBS.json is a list; a job is {"model": DIR, "out": DIR, "cases": [{"inputs": {name: file}, "outputs": [name] | null}]}.
// Files are .npy, or .json for strings. All cases of a job run in order on one loaded model. A case is fed the way pages do it: an array in the order of
// the signature (predictAsync); when `outputs` is given, by name (executeAsync), so that tensors outside of the signature can be asked for.
// A layers model is fed by name where its inputs have the names of the record, else by place; its outputs are named after their layers.
// The answer: {"model", "status": "ok" | "load_error" | "run_error", "detail", "inputs": [keys], "outputs": [keys], "cases": [DIR]}; each DIR holds
// outputs.json {"outputs": [{"name", "dtype", "shape", "file"}]} and one file for each output.
//
// The packages are looked for in $ISOMER_PEERS/node_modules, by default .peers/node_modules of this checkout.
import fs from 'node:fs';
import {createRequire} from 'node:module';
import path from 'node:path';
import {fileURLToPath} from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const peers = path.resolve(process.env.ISOMER_PEERS || path.join(root, '.peers'));
const require = createRequire(path.join(peers, 'node_modules', 'none.js'));
const say = line => fs.writeSync(1, line + '\n');
for (const level of ['log', 'warn', 'info']) console[level] = (...what) => fs.writeSync(2, what.join(' ') + '\n');  // standard output is for answers
const tf = require('@tensorflow/tfjs');

const DTYPES = {
  DT_FLOAT: 'float32', DT_HALF: 'float32', DT_DOUBLE: 'float32', DT_BFLOAT16: 'float32', DT_INT8: 'int32', DT_INT16: 'int32', DT_INT32: 'int32', DT_INT64: 'int32',
  DT_UINT8: 'int32', DT_UINT16: 'int32', DT_UINT32: 'int32', DT_UINT64: 'int32', DT_BOOL: 'bool', DT_STRING: 'string', DT_COMPLEX64: 'complex64',
  DT_COMPLEX128: 'complex64',
};
const ENUM = ['', 'DT_FLOAT', 'DT_DOUBLE', 'DT_INT32', 'DT_UINT8', 'DT_INT16', 'DT_INT8', 'DT_STRING', 'DT_COMPLEX64', 'DT_INT64', 'DT_BOOL'];

function halfToNumber(h) {
  const sign = h & 0x8000 ? -1 : 1, exponent = (h >> 10) & 0x1f, fraction = h & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function readNpy(file) {
  const bytes = fs.readFileSync(file);
  if (bytes.subarray(0, 6).toString('latin1') !== '\x93NUMPY') throw new Error(`${file} is no .npy file`);
  const start = bytes[6] === 1 ? 10 : 12;
  const end = start + (bytes[6] === 1 ? bytes.readUInt16LE(8) : bytes.readUInt32LE(8));
  const header = bytes.subarray(start, end).toString('latin1');
  const descr = header.match(/'descr':\s*'([^']+)'/)[1];
  if (/'fortran_order':\s*True/.test(header)) throw new Error(`${file} is in Fortran order`);
  const shape = header.match(/'shape':\s*\(([^)]*)\)/)[1].split(',').map(d => d.trim()).filter(Boolean).map(d => parseInt(d, 10));
  const body = new Uint8Array(bytes.subarray(end)).buffer;
  const read = {
    '<f4': () => ['float32', new Float32Array(body)],
    '<f8': () => ['float32', Float32Array.from(new Float64Array(body))],
    '<f2': () => ['float32', Float32Array.from(new Uint16Array(body), halfToNumber)],
    '<i4': () => ['int32', new Int32Array(body)],
    '<i8': () => ['int32', Int32Array.from(new BigInt64Array(body), Number)],
    '<u4': () => ['int32', Int32Array.from(new Uint32Array(body))],
    '<u8': () => ['int32', Int32Array.from(new BigUint64Array(body), Number)],
    '<i2': () => ['int32', Int32Array.from(new Int16Array(body))],
    '<u2': () => ['int32', Int32Array.from(new Uint16Array(body))],
    '|i1': () => ['int32', Int32Array.from(new Int8Array(body))],
    '|u1': () => ['int32', Int32Array.from(new Uint8Array(body))],
    '|b1': () => ['bool', new Uint8Array(body)],
    '<c8': () => ['complex64', new Float32Array(body)],
  }[descr];
  if (!read) throw new Error(`${file} holds ${descr}, for which there is no tf.js dtype`);
  const [dtype, values] = read();
  return {dtype, shape, values};
}

function readTensor(file) {
  if (!file.endsWith('.json')) return readNpy(file);
  const json = JSON.parse(fs.readFileSync(file, 'utf8'));
  const values = json.values_base64 ? json.values_base64.map(v => new Uint8Array(Buffer.from(v, 'base64'))) : json.values;
  return {dtype: 'string', shape: json.shape, values};
}

// The tensor to feed: in the dtype that the signature declares (a float32 file may feed an int32 input and the like).
function makeTensor({dtype, shape, values}, wanted) {
  if (dtype === 'string') return tf.tensor(values, shape, 'string');
  if (dtype === 'complex64') {
    const part = k => tf.tensor(Float32Array.from({length: values.length / 2}, (_, i) => values[2 * i + k]), shape);
    return tf.complex(part(0), part(1));
  }
  const kinds = {float32: Float32Array, int32: Int32Array, bool: Uint8Array};
  const target = kinds[wanted] ? wanted : dtype;
  return tf.tensor(kinds[target].from(values), shape, target);
}

async function writeTensor(folder, index, name, tensor) {
  const entry = {name, dtype: tensor.dtype, shape: tensor.shape};
  if (tensor.dtype === 'string') {
    const bytes = await tensor.bytes();
    const texts = bytes.map(b => Buffer.from(b).toString('utf8'));
    const plain = texts.every((t, i) => Buffer.from(t, 'utf8').equals(Buffer.from(bytes[i])));
    entry.file = `${index}.json`;
    const values = plain ? {values: texts} : {values_base64: bytes.map(b => Buffer.from(b).toString('base64'))};
    fs.writeFileSync(path.join(folder, entry.file), JSON.stringify({dtype: 'string', shape: tensor.shape, ...values}));
    return entry;
  }
  let values;
  if (tensor.dtype === 'complex64') {
    const [re, im] = await Promise.all([tf.real(tensor).data(), tf.imag(tensor).data()]);
    values = Float32Array.from({length: 2 * re.length}, (_, i) => (i % 2 ? im : re)[i >> 1]);
  } else {
    values = await tensor.data();
  }
  const descr = {float32: '<f4', int32: '<i4', bool: '|b1', complex64: '<c8'}[tensor.dtype];
  const shape = `(${tensor.shape.join(', ')}${tensor.shape.length === 1 ? ',' : ''})`;
  let header = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${shape}, }`;
  header += ' '.repeat((64 - (header.length + 11) % 64) % 64) + '\n';
  const head = Buffer.alloc(10);
  head.write('\x93NUMPY\x01\x00', 'latin1');
  head.writeUInt16LE(header.length, 8);
  entry.file = `${index}.npy`;
  const typed = {float32: Float32Array, int32: Int32Array, bool: Uint8Array, complex64: Float32Array}[tensor.dtype].from(values);  // data() may be of another kind
  fs.writeFileSync(path.join(folder, entry.file), Buffer.concat([head, Buffer.from(header, 'latin1'), Buffer.from(typed.buffer, typed.byteOffset, typed.byteLength)]));
  return entry;
}

async function loadModel(folder) {
  const json = JSON.parse(fs.readFileSync(path.join(folder, 'model.json'), 'utf8'));
  const {weightsManifest, ...artifacts} = json;
  const groups = weightsManifest || [];
  const shards = groups.flatMap(group => group.paths).map(file => fs.readFileSync(path.join(folder, decodeURIComponent(file))));
  artifacts.weightSpecs = groups.flatMap(group => group.weights);
  artifacts.weightData = new Uint8Array(Buffer.concat(shards)).buffer;
  const layers = json.format === 'layers-model';
  return {json, model: layers ? await tf.loadLayersModel(tf.io.fromMemory(artifacts)) : await tf.loadGraphModel(tf.io.fromMemory(artifacts))};
}

function signatureOf(json, model) {
  if (json.format === 'layers-model') {
    return {layers: true, inputs: model.inputs.map(t => ({key: t.name, dtype: t.dtype})), outputs: model.outputs.map(t => t.sourceLayer.name)};
  }
  const signature = (json.userDefinedMetadata && json.userDefinedMetadata.signature) || json.signature || {};
  const user = Object.entries(signature.inputs || {}).filter(([, info]) => info.resourceId == null);
  const inputs = user.length ? user.map(([key, info]) => ({key, node: info.name.split(':')[0], dtype: DTYPES[ENUM[info.dtype] || info.dtype]}))
                             : model.inputs.map(input => ({key: input.name, node: input.name, dtype: input.dtype}));
  const outputs = Object.keys(signature.outputs || {});
  return {inputs, outputs: outputs.length ? outputs : model.outputs.map(output => output.name)};
}

async function runCase(model, signature, test, folder) {
  fs.mkdirSync(folder, {recursive: true});
  const plain = name => name.replace(/:0$/, '');
  const feeds = {};
  if (signature.layers) {
    const names = signature.inputs.map(input => plain(input.key));
    const byName = names.length === Object.keys(test.inputs).length && names.every(name => name in test.inputs);
    const files = byName ? names.map(name => test.inputs[name]) : Object.values(test.inputs);
    const inputs = files.map((file, i) => makeTensor(readTensor(file), signature.inputs[i].dtype));
    const given = model.predict(inputs.length === 1 ? inputs[0] : inputs);
    const entries = [];
    const distinct = new Set(signature.outputs).size === signature.outputs.length;
    for (const [i, tensor] of (Array.isArray(given) ? given : [given]).entries()) {
      entries.push(await writeTensor(folder, i, distinct ? signature.outputs[i] : `${i}`, tensor));
    }
    fs.writeFileSync(path.join(folder, 'outputs.json'), JSON.stringify({outputs: entries}));
    return tf.dispose(inputs);
  }
  for (const [name, file] of Object.entries(test.inputs)) {
    const input = signature.inputs.find(i => i.key === name) || signature.inputs.find(i => plain(i.key) === plain(name));
    if (!input) throw new Error(`the model has no input "${name}": its inputs are ${signature.inputs.map(i => i.key).join(', ')}`);
    feeds[input.key] = makeTensor(readTensor(file), input.dtype);
  }
  let names = signature.outputs, results;
  if (test.outputs) {
    names = test.outputs;
    results = await model.executeAsync(feeds, names);
  } else {
    const ordered = signature.inputs.map(input => feeds[input.key]);
    results = await model.predictAsync(ordered.length === 1 ? ordered[0] : ordered);
  }
  if (results instanceof tf.Tensor) results = [results];
  const tensors = Array.isArray(results) ? results : names.map(name => results[name]);
  if (tensors.length !== names.length) throw new Error(`${tensors.length} results for ${names.length} outputs`);
  const entries = [];
  for (const [i, name] of names.entries()) entries.push(await writeTensor(folder, i, name, tensors[i]));
  fs.writeFileSync(path.join(folder, 'outputs.json'), JSON.stringify({outputs: entries}));
  tf.dispose(Object.values(feeds));
}

async function runJob(job) {
  const answer = {model: job.model, status: 'ok', inputs: [], outputs: [], cases: []};
  let loaded;
  try {
    loaded = await loadModel(job.model);
  } catch (error) {
    return {...answer, status: 'load_error', detail: String(error.message).slice(0, 500)};
  }
  const signature = signatureOf(loaded.json, loaded.model);
  answer.inputs = signature.inputs.map(input => input.key);
  answer.outputs = signature.outputs;
  try {
    for (const [index, test] of job.cases.entries()) {
      const folder = path.join(job.out, String(index));
      await runCase(loaded.model, signature, test, folder);
      answer.cases.push(folder);
    }
  } catch (error) {
    return {...answer, status: 'run_error', detail: `case ${answer.cases.length}: ${String(error.message).slice(0, 500)}`};
  } finally {
    loaded.model.dispose();
  }
  return answer;
}

await tf.setBackend('cpu');
await tf.ready();
for (const job of JSON.parse(fs.readFileSync(process.argv[2], 'utf8'))) say(JSON.stringify(await runJob(job)));
