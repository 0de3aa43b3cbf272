// Files that were cut or damaged, browsers without scripts or too old.
'use strict';
const { test, check, openChanged, text } = require('./harness.cjs');

async function broken() {
  await test('a file that was cut anywhere, or is damaged, says so', async () => {
    for (const [change, words] of [
      [(all) => all.slice(0, all.indexOf('id="report"') + 500), /cut/],
      [(all) => all.slice(0, all.lastIndexOf('id="page"')), /cut/],
      [(all) => all.slice(0, all.length - 60), /cut|damaged/],
      [(all) => all.replace('id="report">H4s', 'id="report">H4z'), /damaged/],
    ]) {
      const page = await openChanged(change);
      await page.waitForSelector('body[data-failed]', { state: 'attached' });
      check(words.test(await text(page, '#loading')), 'it says: ' + (await text(page, '#loading')));
      await page.context().close();
    }
  });
  await test('a file that was cut within its script says so', async () => {
    const page = await openChanged((all) => all.slice(0, all.indexOf('class Flame')));
    check(
      /cut/.test(await text(page, '#loading')) && (await page.isVisible('#loading')),
      'it says: ' + (await text(page, '#loading')),
    );
    await page.context().close();
  });
  await test('a browser that cannot unpack is told which one can', async () => {
    const page = await openChanged((all) => all, {
      before: () => {
        delete window.DecompressionStream;
      },
    });
    await page.waitForSelector('body[data-failed]', { state: 'attached' });
    check(/too old.*Firefox \d+/.test(await text(page, '#loading')), 'it says: ' + (await text(page, '#loading')));
    await page.context().close();
  });
  await test('without scripts the totals are there as a sentence', async () => {
    const page = await openChanged((all) => all, { javaScriptEnabled: false });
    check(
      /Watched for 00:0\d:\d\d: \d+ threads in \d+ processes; live at the end .*B, peak .*B, .* allocations\./.test(
        await page.innerText('#main'),
      ),
      'it says: ' + (await page.innerText('#main')),
    );
    await page.context().close();
  });
}

module.exports = broken;
