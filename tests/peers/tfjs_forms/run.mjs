// usage: TFJS_MODULES=DIR/node_modules node run.mjs [--only PREFIX]
// Prints `form | works? | note`. Exits with 1 when a form marked "used" no longer works as recorded.
import {start, judge, forms, tf} from './lib.mjs';
import './if.mjs';
import './while.mjs';
import './lists.mjs';
import './tables.mjs';
import './model.mjs';
import './ops.mjs';

const arg = n => { const k = process.argv.indexOf(n); return k < 0 ? null : process.argv[k + 1] || ''; };
const only = arg('--only') || '';
await start();
let broken = 0, moved = 0, shown = 0;
for (const f of forms.filter(x => x.id.startsWith(only))) {
  let r;
  try {
    const s = await f.spec();
    r = s.m ? await judge(s) : s;
  } catch (e) {
    r = {works: 'no', note: 'experiment failed: ' + e.message};
  }
  const differs = r.works !== f.expect;
  if (differs && f.used) broken++;
  else if (differs) moved++;
  const flag = differs ? (f.used ? ' **BROKEN**' : ` (recorded: ${f.expect})`) : '';
  console.log(`| ${f.used ? '*' : ' '} ${f.id} | ${r.works}${flag} | ${f.title}${r.note ? ' -- ' + r.note.replace(/\|/g, '/') : ''} |`);
  shown++;
}
console.log(`\ntf.js ${tf.version.tfjs}: ${shown} forms, ${broken} used forms broken, ${moved} others differ from the record`);
process.exit(broken ? 1 : 0);
