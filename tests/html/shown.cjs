// What stands in the page beside the JSON of the same session: tiles, cards, tables and tooltips.
'use strict';
const { test, check, same, show } = require('./harness.cjs');

const SCALES = {
  '': 1,
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  ms: 1,
  s: 1e3,
  '%': 1,
  '/s': 1,
  'B/s': 1,
  'kB/s': 1e3,
  'MB/s': 1e6,
  'GB/s': 1e9,
  'k/s': 1e3,
  'M/s': 1e6,
};

// The number that "4.41 MB" or "16.4 k" shows; NaN for the sign of what is not known.
function shownNumber(text) {
  if (text === '\u2013') return NaN;
  const parts = /^([\d,.]+) ?(\D*)$/.exec(text.replace('\u2212', '-').replace('0 /s', '0/s'));
  if (parts === null || SCALES[parts[2]] === undefined) throw new Error(`not a figure: "${text}"`);
  return Number(parts[1].replaceAll(',', '')) * SCALES[parts[2]];
}
// Three digits are shown at least.
function sameShown(text, expected, what) {
  const shown = shownNumber(text);
  if (expected === null || expected === undefined) {
    if (!Number.isNaN(shown)) throw new Error(`${what}: ${text} is shown, but it is not known`);
  } else if (!(Math.abs(shown - expected) <= Math.abs(expected) * 0.0051 + 0.051))
    throw new Error(`${what}: ${text} is shown, not ${expected}`);
}

module.exports = async function shownNumbers(page, json) {
  const rowsOf = (panel, label) =>
    page.$$eval(`#panel-${panel} [aria-label="${label}"] .body [role=row]`, (rows) =>
      rows.map((row) => [...row.children].map((cell) => cell.textContent)),
    );
  const tiles = () =>
    page.$$eval('#totals .tile', (all) =>
      Object.fromEntries(
        all.map((tile) => [tile.querySelector('.k').textContent, tile.querySelector('.n').textContent]),
      ),
    );
  const threadOf = (id) => json.threads.find((thread) => thread.id === Number(id));

  await test('tiles and cards show the figures of the JSON export', async () => {
    await show(page, 'overview');
    const shown = await tiles();
    sameShown(shown['live at the end'], json.totals.current_bytes, 'live');
    sameShown(shown.peak, json.totals.peak_bytes, 'peak');
    sameShown(shown.allocations, json.totals.allocations, 'allocations');
    sameShown(shown.freed, json.totals.deallocations, 'freed');
    sameShown(shown['not freed at exit'], json.leaks.not_freed.totals.bytes, 'not freed');
    same(Number(shown.threads), json.threads.length, 'threads');
    const cards = await page.$$eval('.thread', (all) =>
      all.map((card) => [
        card.dataset.thread,
        ...[...card.querySelectorAll('.figures b')].map((figure) => figure.textContent),
      ]),
    );
    same(cards.length, json.threads.length, 'cards');
    for (const [id, ...figures] of cards) {
      const names = ['current_bytes', 'peak_bytes', 'allocations', 'cpu_percent', 'io_operations'];
      names.forEach((name, i) => sameShown(figures[i], threadOf(id)[name], `${name} of the card of ${id}`));
    }
  });
  await test('a thread in focus: tiles, tables and notes are of it', async () => {
    await show(page, 'overview');
    await page.click('.thread');
    const thread = threadOf(await page.evaluate(() => window.memscope.view.focus)),
      shown = await tiles();
    sameShown(shown['live at the end'], thread.current_bytes, 'live');
    sameShown(shown.peak, thread.peak_bytes, 'peak');
    sameShown(shown.allocations, thread.allocations, 'allocations');
    sameShown(shown.freed, thread.deallocations, 'freed');
    check(!('threads' in shown), 'the session\u2019s tiles are gone');
    await show(page, 'types');
    check(
      /of the whole process/.test(await page.innerText('#panel-types .whole-note')),
      'histograms say of what they are',
    );
    const process = json.processes.find((one) => one.id === thread.process_id);
    const counts = await page.$$eval('#histograms .histogram', (all) =>
      all.map((one) => [...one.children].filter((child, i) => i % 3 === 2).map((child) => child.textContent)),
    );
    process.size_classes.forEach((count, i) => sameShown(counts[0][i], count, `size class ${i}`));
    process.lifetime_classes.forEach((count, i) => sameShown(counts[1][i], count, `lifetime class ${i}`));
    await show(page, 'system');
    check(
      /same for every thread/.test(await page.innerText('#panel-system .whole-note')),
      'the machine says of what it is',
    );
    same((await rowsOf('system', 'Processes')).length, 1, 'its process alone');
    await show(page, 'flows');
    const out = json.flows
      .filter((flow) => flow.from_thread === thread.id && flow.to_thread !== thread.id)
      .reduce((sum, flow) => sum + flow.bytes, 0);
    sameShown(/^(.*) that this thread/.exec(await page.innerText('#flow-sum'))[1], out, 'freed by others');
    await show(page, 'leaks');
    check(
      /figures are of all threads/.test(await page.innerText('#panel-leaks .whole-note')),
      'leaks say of what they are',
    );
    await page.keyboard.press('Escape');
    check(
      await page.$$eval('.whole-note', (notes) => notes.every((note) => note.hidden)),
      'without focus no part says so',
    );
  });
  await test('rows of rankings show the figures of the JSON export', async () => {
    await show(page, 'rankings');
    for (const metric of ['peak_bytes', 'allocations', 'cpu_percent', 'bytes_freed_for_others', 'read_bytes']) {
      await page.selectOption('#panel-rankings select', metric);
      const rows = await rowsOf('rankings', 'Threads ranked'),
        known = json.threads
          .map((thread) => thread[metric])
          .filter((value) => value !== null)
          .sort((a, b) => b - a);
      check(metric === 'read_bytes' || rows.length > 1, `${metric} has rows`);
      rows.forEach((row, i) => {
        if (row.length > 2) sameShown(row[2], known[i], `${metric}, row ${i + 1}`);
      });
    }
  });
  await test('rows of hotspots, leaks, types, flows and processes show the figures of the JSON export', async () => {
    await show(page, 'hotspots');
    let compared = 0;
    const functions = await rowsOf('hotspots', 'Functions by memory');
    for (const row of functions) {
      /* Those of which there is one on both sides: a name can be in several modules. */
      const mine = json.hotspots.by_function.filter((other) => other.function === row[0]);
      if (mine.length !== 1 || functions.filter((other) => other[0] === row[0]).length !== 1) continue;
      sameShown(row[5], mine[0].inclusive.bytes_allocated, `${row[0]} allocated`);
      sameShown(row[6], mine[0].self.bytes_allocated, `${row[0]} itself`);
      compared++;
    }
    check(compared >= 3, `only ${compared} functions were compared`);
    await show(page, 'leaks');
    const left = json.leaks.not_freed.sites.map((site) => site.bytes).sort((a, b) => b - a),
      leaks = await rowsOf('leaks', 'Not freed at exit');
    check(leaks.length > 0 && left.length >= leaks.length, 'lines of what was left');
    leaks.forEach((row, i) => sameShown(row[3].replace(' ~', ''), left[i], `left, line ${i + 1}`));
    await show(page, 'types');
    for (const row of await rowsOf('types', 'Types'))
      sameShown(row[3], json.types.find((type) => type.type === row[0]).bytes_allocated, row[0]);
    await show(page, 'flows');
    const flows = json.flows.map((flow) => flow.bytes).sort((a, b) => b - a);
    (await rowsOf('flows', 'Flows')).forEach((row, i) => {
      if (row.length > 2) sameShown(row[2], flows[i], `flow ${i + 1}`);
    });
    await show(page, 'system');
    const peaks = json.processes.map((process) => process.totals.peak_bytes).sort((a, b) => b - a);
    (await rowsOf('system', 'Processes')).forEach((row, i) => sameShown(row[4], peaks[i], `peak of process ${i + 1}`));
  });
  await test('values under the pointer are those of the JSON export', async () => {
    await show(page, 'timeline');
    await page.waitForFunction(() => document.querySelector('#charts canvas').width > 0);
    let compared = 0;
    for (const name of ['current_bytes', 'rss_bytes']) {
      const series = json.timeline.series.find(
        (one) => one.metric === name && one.process_id === json.processes[0].id && one.thread_id === null,
      );
      const at = await page.evaluate(
        ([name, tick]) => {
          const timeline = document.querySelector('#panel-timeline').timeline,
            chart = timeline.charts.find((one) => one.about.info.name === name);
          timeline.cross =
            (Math.floor((timeline.from + (timeline.to - timeline.from) * 0.6) / tick) + 0.5) *
            tick; /* within a tick, not at its edge */
          timeline.over = chart;
          chart.showCross();
          return {
            seconds: timeline.cross,
            lines: [...chart.tip.children]
              .slice(1, 1 + chart.lines.length)
              .map((line) => [line.children[0].textContent, line.children[1].textContent]),
          };
        },
        [name, json.timeline.interval_ns / 1e9],
      );
      const expected = series.values[Math.floor((at.seconds * 1e9) / json.timeline.interval_ns)];
      if (expected === null || expected === undefined) continue;
      sameShown(at.lines[0][1], expected, `${name} at ${at.seconds}`);
      compared++;
    }
    check(compared > 0, 'nothing was compared');
    await page.evaluate(() => document.querySelector('#panel-timeline').timeline.pointAt(NaN, null));
  });
};
