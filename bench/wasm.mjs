// Runs two graph models one after the other, in pairs, with the wasm backend of TensorFlow.js, and times each run.
//
//   node wasm.mjs PACKAGES JOB.json      one JSON object on standard output: {"backend", "first": [ms], "second": [ms], "difference"}
//
// JOB.json: {"first": DIR, "second": DIR, "inputs": {key: {"dtype", "shape", "values"}}, "pairs": N}. PACKAGES is a folder with node_modules. Inputs are fed by
// the key of the signature, or by place where keys differ. "difference" is the largest of all outputs, matched by the keys of the signatures where these agree.
import fs from 'node:fs';
import {createRequire} from 'node:module';
import path from 'node:path';
import {performance} from 'node:perf_hooks';

const [packages, jobFile] = process.argv.slice(2);
const require = createRequire(path.join(path.resolve(packages), 'node_modules', 'none.js'));
console.log = console.info = console.warn = (...what) => process.stderr.write(what.join(' ') + '\n');
const tf = require('@tensorflow/tfjs-core');
const {loadGraphModel} = require('@tensorflow/tfjs-converter');
const wasm = require('@tensorflow/tfjs-backend-wasm');
wasm.setWasmPaths(path.join(path.resolve(packages), 'node_modules/@tensorflow/tfjs-backend-wasm/dist/'));

async function load(folder) {
  const {weightsManifest, ...artifacts} = JSON.parse(fs.readFileSync(path.join(folder, 'model.json'), 'utf8'));
  const shards = weightsManifest.flatMap(group => group.paths).map(file => fs.readFileSync(path.join(folder, file)));
  artifacts.weightSpecs = weightsManifest.flatMap(group => group.weights);
  artifacts.weightData = new Uint8Array(Buffer.concat(shards)).buffer;
  return loadGraphModel(tf.io.fromMemory(artifacts));
}

function feed(model, inputs) {
  const keys = Object.keys(inputs);
  return model.inputs.map((node, i) => {
    const key = Object.keys(model.modelSignature?.inputs ?? {})[i];
    const {dtype, shape, values} = inputs[key] ?? inputs[node.name] ?? inputs[keys[i]];
    return tf.tensor(values, shape, dtype);
  });
}

// Places of the outputs, sorted by the keys that the signature has for them.
function places(model) {
  const keys = Object.entries(model.modelSignature?.outputs ?? {});
  const named = keys.length === model.outputs.length;
  return model.outputs.map((node, i) => [named ? keys.find(([, info]) => info.name.replace(/:0$/, '') === node.name.replace(/:0$/, ''))?.[0] ?? `${i}` : `${i}`, i])
      .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, i]) => i);
}

// One run up to the last number of the outputs, in milliseconds.
async function time(model, tensors) {
  const began = performance.now();
  const result = await model.executeAsync(tensors);
  const outputs = Array.isArray(result) ? result : [result];
  const values = await Promise.all(outputs.map(output => output.data()));
  const ms = performance.now() - began;
  outputs.forEach(output => output.dispose());
  return {ms, values};
}

const job = JSON.parse(fs.readFileSync(jobFile, 'utf8'));
// Where wasm cannot be had, tf.js takes another backend without a word.
if (!await tf.setBackend('wasm') || tf.getBackend() !== 'wasm') throw new Error('the wasm backend does not start');
const models = [await load(job.first), await load(job.second)];
const tensors = models.map(model => feed(model, job.inputs));
const last = [];
for (const i of [0, 1, 0, 1]) {  // warm
  try {
    last[i] = await time(models[i], tensors[i]);
  } catch (error) {
    throw new Error(`${i === 0 ? "Isomer's model" : "the converter's model"}: ${error.message}`);
  }
}
let difference = 0;
const [first, second] = models.map(places);
first.forEach((place, o) => last[0].values[place].forEach((value, i) => {
  const other = last[1].values[second[o]]?.[i];
  if (!(Number.isNaN(value) && Number.isNaN(other))) difference = Math.max(difference, Math.abs(value - other));
}));
const times = [[], []];
for (let pair = 0; pair < job.pairs; ++pair)
  for (const i of pair % 2 ? [1, 0] : [0, 1]) times[i].push((await time(models[i], tensors[i])).ms);
fs.writeSync(1, JSON.stringify({backend: tf.getBackend(), first: times[0], second: times[1], difference}) + '\n');
