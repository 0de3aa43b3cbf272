// What the page has read beside the JSON of the same session: every metric, call site, function and correlation.
'use strict';
const { test, check, same, show } = require('./harness.cjs');

async function numbers(page, json) {
  await test('every metric of every thread is that of the JSON export', async () => {
    const threads = await page.evaluate(() => {
      const { data } = window.memscope;
      return data.threads.map((thread, index) => ({
        id: thread.id,
        name: thread.name,
        role: data.page.roles[thread.role].name,
        alert: thread.alert,
        figures: Object.fromEntries(
          data.page.metrics.map((metric, m) => {
            const value = data.figures[m * data.threads.length + index];
            return [metric.name, Number.isNaN(value) ? null : value];
          }),
        ),
      }));
    });
    same(threads.length, json.threads.length, 'threads');
    for (const thread of threads) {
      const other = json.threads.find((row) => row.id === thread.id);
      same(thread.role, other.role, 'role');
      same(thread.alert, other.alert, 'alert');
      for (const [name, value] of Object.entries(thread.figures)) {
        const expected = name === 'efficiency_score' ? other.judgements.efficiency_score : other[name];
        check(expected !== undefined, `${name} is not in the JSON`);
        if (expected === null || value === null) same(value, expected, `${thread.name} ${name}`);
        else
          check(
            Math.abs(value - expected) <= 0.0005 + (name === 'efficiency_score' ? 0.05 : 0),
            `${thread.name} ${name}: ${value} is not ${expected}`,
          );
      }
    }
  });
  await test('call sites, functions and totals are those of the JSON export', async () => {
    const sites = await page.evaluate(() => {
      const { data } = window.memscope;
      return [...Array(data.siteCount).keys()].map((i) => [
        data.sites[i * 5],
        ...data.siteFigures.slice(i * 13, i * 13 + 4),
      ]);
    });
    same(sites.length, json.sites.length, 'sites');
    for (const [id, live, peak, total, count] of sites) {
      const other = json.sites.find((row) => row.id === id);
      same(live, other.current_bytes, `live of ${id}`);
      same(peak, other.at_peak_bytes, `at peak of ${id}`);
      same(total, other.bytes_allocated, `allocated of ${id}`);
      same(count, other.allocations, `allocations of ${id}`);
    }
    const functions = await page.evaluate(() => {
      const { data, functionSums } = window.memscope,
        { inclusive, self } = functionSums();
      return data.functions.map((f, i) => [f.name, inclusive[i * 13 + 2], self[i * 13 + 2]]);
    });
    let compared = 0;
    for (const row of json.hotspots.by_function) {
      const mine = functions.filter(([name]) => name === row.function);
      if (
        mine.length !== 1 ||
        json.hotspots.by_function.filter((other) => other.function === row.function).length !== 1
      )
        continue;
      same(mine[0][1], row.inclusive.bytes_allocated, `${row.name} with what it calls`);
      same(mine[0][2], row.self.bytes_allocated, `${row.name} itself`);
      compared++;
    }
    check(compared >= 3, `only ${compared} functions were compared`);
    same(
      await page.evaluate(() => JSON.stringify(window.memscope.data.report.totals)),
      JSON.stringify(json.totals),
      'totals',
    );
    same(
      await page.evaluate(() => JSON.stringify(window.memscope.data.report.leaks)),
      JSON.stringify(json.leaks),
      'leaks',
    );
  });
  await test('correlations are those of the JSON export', async () => {
    let compared = 0;
    for (const row of json.correlations) {
      const fit = await page.evaluate((row) => {
        const { data, pairsOf, correlationSums, addPair, fitOf } = window.memscope,
          of = row.scope === 'process' ? 1 : 0,
          sums = correlationSums();
        const at = (name) => data.page.series[of].findIndex((info) => info.name === name);
        const owners =
          row.scope === 'threads'
            ? data.threads.filter((thread) => thread.process_id === row.process_id).map((thread) => thread.id)
            : [of === 1 ? row.process_id : row.thread_id];
        for (const owner of owners)
          pairsOf(of, owner, at(row.x), at(row.y), (x, y, seconds) => addPair(sums, x, y, seconds));
        return fitOf(sums);
      }, row);
      same(fit.n, row.n, `n of ${row.x}, ${row.y} (${row.scope})`);
      if (row.pearson_r === null) {
        check(!fit.defined, 'r is n/a');
        continue;
      }
      check(Math.abs(fit.r - row.pearson_r) < 2e-6, `r ${fit.r} is not ${row.pearson_r}`);
      check(Math.abs(fit.slope - row.slope) <= 1e-6 * Math.abs(row.slope), `slope ${fit.slope} is not ${row.slope}`);
      compared++;
    }
    check(compared > 0, 'nothing was compared');
  });
  await test('rankings are those of the JSON export', async () => {
    await show(page, 'rankings');
    for (const ranking of json.rankings) {
      await page.selectOption('#panel-rankings select', ranking.metric);
      const first = await page.$$eval('#panel-rankings .body [role=row]', (rows) =>
        rows.map((row) => [...row.children].map((cell) => cell.textContent)),
      );
      same(first.length > 0, ranking.rows.length > 0, `rows of ${ranking.metric}`);
      ranking.rows.slice(0, first.length).forEach((row, i) => {
        if (row.ratio_to_mean !== null && ranking.metric !== 'efficiency_score')
          same(first[i][5], '\u00d7 ' + row.ratio_to_mean.toFixed(2), `${ranking.metric} of rank ${row.rank}`);
      });
    }
  });
}

module.exports = numbers;
