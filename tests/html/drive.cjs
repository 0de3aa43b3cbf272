// Drives the report in Debian's chromium and writes TAP.
//   node drive.cjs FOLDER   with the reports that tests/e2e/test_html.py makes in it
'use strict';
const fs = require('fs');
const path = require('path');
const { folder, start, end, open } = require('./harness.cjs');
const { keyboard, accessible } = require('./keyboard.cjs');
const { littleKnown, estimated, neverTold } = require('./small.cjs');

const read = (file) => fs.readFileSync(path.join(folder, file), 'utf8');
const jsonOf = (file) => JSON.parse(read(file));
const weightOf = (file) =>
  read(file)
    .trim()
    .split('\n')
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);

(async () => {
  await start();
  const json = jsonOf('real.json'),
    page = await open('real.html');
  await require('./numbers.cjs')(page, json);
  await require('./shown.cjs')(page, json);
  await require('./behaviour.cjs')(page);
  await keyboard(page);
  await page.context().close();
  await require('./damage.cjs')();
  await littleKnown({ total: weightOf('only.total.folded'), count: weightOf('only.count.folded') });
  await estimated(jsonOf('sampled.json'));
  await neverTold(jsonOf('small.json'));
  for (const theme of ['light', 'dark']) await accessible('real.html', theme);
  await require('./hostile.cjs')();
  await require('./sizes.cjs')();
  await end();
})().catch((error) => {
  console.log('Bail out! ' + error.stack);
  process.exit(1);
});
