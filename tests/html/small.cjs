// Sessions of which little or nothing is known: every part says why, and nothing unknown is 0.
'use strict';

const { test, check, same, open, clean, tabs, show, text } = require('./harness.cjs');

async function littleKnown(folded) {
  let page = await open('unseen.html');
  await test('a program whose memory was not seen: no 0 stands for it, each part says why', async () => {
    const tiles = await page.$$eval('#totals .tile', (all) =>
      all.map((tile) => [tile.querySelector('.k').textContent, tile.querySelector('.n').textContent]),
    );
    const unknown = ['live at the end', 'peak', 'allocations', 'freed', 'likely leaks', 'not freed at exit'];
    for (const [name, value] of tiles) if (unknown.includes(name)) same(value, '\u2013', name);
    for (const id of ['overview', 'flame', 'leaks', 'flows', 'types']) {
      await show(page, id);
      check(/Memory was not seen: /.test(await page.innerText('#panel-' + id)), `${id} says why`);
      check(
        !/Everything was freed|No call site was judged|nothing flows/.test(await page.innerText('#panel-' + id)),
        `${id} claims nothing`,
      );
    }
    check(!/\b0 B\b/.test(await page.innerText('#panel-flame')), 'no sum of what was not seen');
    clean(page);
  });
  await page.context().close();

  page = await open('cut.html');
  await test('a recording that was cut: the report says so', async () => {
    check(
      /The recording that this was made from is not whole: /.test(await page.innerText('#condition')),
      'it says: ' + (await page.innerText('#condition')),
    );
    clean(page);
  });
  await page.context().close();

  page = await open('only.html');
  await test('call sites of a report with --only are what those threads did, as in folded stacks', async () => {
    const sums = await page.evaluate(() => {
      const { data } = window.memscope;
      const sum = (figure) => {
        let all = data.leftOut[figure];
        for (let i = figure; i < data.siteFigures.length; i += 13) all += data.siteFigures[i];
        return all;
      };
      return {
        total: sum(2),
        count: sum(3),
        threads: data.threads.length,
        filtered: data.page.left_out.threads_filtered,
      };
    });
    check(sums.threads > 0 && sums.filtered > 0, `${sums.threads} threads pass, ${sums.filtered} do not`);
    same(sums.total, folded.total, 'bytes');
    same(sums.count, folded.count, 'allocations');
    await show(page, 'flame');
    await page.selectOption('#panel-flame select', '2');
    same(
      await page.evaluate(() => document.querySelector('#panel-flame').flame.values[0]),
      folded.total,
      'flame graph',
    );
    check(/threads pass/.test(await page.textContent('#condition')), 'the page says so');
    for (const id of await tabs(page)) await show(page, id);
    clean(page);
  });
  await page.context().close();
}

// Of a sample: estimates have their error beside them, and what is known exactly.
async function estimated(json) {
  const page = await open('sampled.html');
  const errorOf = (sites, figure, error) =>
    1.96 * Math.sqrt(sites.reduce((sum, site) => sum + ((site.sampled[error] || 0) * site[figure] / 1.96) ** 2, 0));
  await test('figures of call sites of a sample are marked, with an error, beside what is known exactly', async () => {
    const sites = json.sites.filter((site) => site.sampled !== null);
    const tile = await page.$$eval(
      '#totals .tile',
      (all) => all.find((one) => one.querySelector('.k').textContent === 'not freed at exit').textContent,
    );
    check(/exact; of a sample ~[\d.]+ [kM]?B/.test(tile), 'tile: ' + tile);
    const total = sites.reduce((sum, site) => sum + site.bytes_allocated, 0);
    await show(page, 'flame');
    await page.selectOption('#panel-flame select', '2');
    const percent = (100 * errorOf(sites, 'bytes_allocated', 'relative_error')) / total;
    const told = Number((await text(page, '#flame-details')).match(/~.* \u00b1(\d+) %/)[1]);
    // Those of JSON are rounded to a tenth of a percent each.
    check(Math.abs(told - percent) <= 0.7, `error of all that was allocated: ${told}, expected ${percent}`);
    check(
      /Known exactly: [\d.]+ [kM]B allocated in all/.test(await text(page, '#panel-flame')),
      'the exact sum: ' + (await text(page, '#panel-flame')),
    );
    await show(page, 'hotspots');
    check(
      /~[\d.]+ [kM]B \u00b1\d+ %/.test(await text(page, '#panel-hotspots .body [role=row]')),
      'a function: ' + (await text(page, '#panel-hotspots .body [role=row]')),
    );
    await show(page, 'leaks');
    const left = json.leaks.not_freed.totals;
    same(
      (await text(page, '#not-freed')).match(/^~.* \u00b1(\d+) %/)[1],
      (100 * left.relative_error).toFixed(0),
      'what was not freed',
    );
    check(/sample of what is exactly/.test(await text(page, '#not-freed')), 'its exact sum');
    clean(page);
  });
  await page.context().close();
}

// Never told by call site: less than 64 KiB was live.
async function neverTold(json) {
  const page = await open('small.html');
  await test('what is not known is not 0: memory of call sites at a peak that was never told', async () => {
    check(json.sites.length > 0 && json.sites.every((site) => site.at_peak_bytes === null), 'the program was small');
    await show(page, 'flame');
    same(await page.$eval('#panel-flame select', (box) => box.value), '2', 'it begins with what was allocated');
    await page.selectOption('#panel-flame select', '1');
    check(
      /not known/.test(await text(page, '#panel-flame')) && !/\b0 B/.test(await text(page, '#flame-details')),
      'at peak: ' + (await text(page, '#flame-details')),
    );
    await show(page, 'hotspots');
    same(
      await page.$eval('#panel-hotspots .body [role=row] .cell:nth-child(5)', (cell) => cell.textContent),
      '\u2013',
      'at peak of a function',
    );
    clean(page);
  });
  await page.context().close();
}

module.exports = { littleKnown, estimated, neverTold };
