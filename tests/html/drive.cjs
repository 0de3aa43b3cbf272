// Drives the report in Debian's chromium and writes TAP.
//   node drive.cjs FOLDER   with hostile.html, big.html, real.html, real.json, small.html and small.json in it
'use strict';
const fs = require('fs');
const path = require('path');
const { chromium } = require(path.join(process.env.NODE_MODULES, 'playwright-core'));

const folder = process.argv[2];
let number = 0, failures = 0;
async function test(name, body) {
  number++;
  try {
    await body();
    console.log(`ok ${number} - ${name}`);
  } catch (error) {
    failures++;
    console.log(`not ok ${number} - ${name}`);
    console.log(String(error.stack).replace(/^/gm, '# '));
  }
}
function check(good, what) {
  if (!good) throw new Error(what);
}
function same(a, b, what) {
  check(a === b || (Number.isNaN(a) && Number.isNaN(b)), `${what}: ${a} is not ${b}`);
}

let browser;
// A page and everything that it must not do.
async function open(file, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  page.bad = [];
  page.on('console', (message) => { if (message.type() !== 'log' && message.type() !== 'info') page.bad.push(`console: ${message.text()}`); });
  page.on('pageerror', (error) => page.bad.push(`error: ${error.message}`));
  page.on('dialog', (dialog) => { page.bad.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on('request', (request) => { if (!request.url().startsWith('file://' + folder) && !request.url().startsWith('blob:')) page.bad.push(`request: ${request.url().slice(0, 80)}`); });
  await page.goto('file://' + path.join(folder, file));
  await page.waitForSelector('body[data-ready], body[data-failed]', { state: 'attached', timeout: 30000 });
  check(await page.evaluate(() => document.body.dataset.ready === 'yes'), `${file} was not read: ` + page.bad.join('; '));
  return page;
}
function clean(page) {
  check(page.bad.length === 0, page.bad.slice(0, 5).join('\n'));
}
const tabs = (page) => page.$$eval('[role=tab]', (all) => all.map((tab) => tab.id.slice(4)));
const show = (page, id) => page.click('#tab-' + id);
const text = (page, selector) => page.$eval(selector, (element) => element.textContent);
// Pictures of two moments differ.
const picture = (page, selector) => page.$eval(selector, (canvas) => canvas.toDataURL());

async function numbers(page, json) {
  await test('every metric of every thread is that of the JSON export', async () => {
    const threads = await page.evaluate(() => {
      const { data } = window.memscope;
      return data.threads.map((thread, index) => ({ id: thread.id, name: thread.name, role: data.page.roles[thread.role].name, alert: thread.alert,
        figures: Object.fromEntries(data.page.metrics.map((metric, m) => { const value = data.figures[m * data.threads.length + index]; return [metric.name, Number.isNaN(value) ? null : value]; })) }));
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
        else check(Math.abs(value - expected) <= 0.0005 + (name === 'efficiency_score' ? 0.05 : 0), `${thread.name} ${name}: ${value} is not ${expected}`);
      }
    }
  });
  await test('call sites, functions and totals are those of the JSON export', async () => {
    const sites = await page.evaluate(() => {
      const { data } = window.memscope;
      return [...Array(data.siteCount).keys()].map((i) => [data.sites[i * 5], ...data.siteFigures.slice(i * 10, i * 10 + 4)]);
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
      const { data, functionSums } = window.memscope, { inclusive, self } = functionSums();
      return data.functions.map((f, i) => [f.name, inclusive[i * 10 + 2], self[i * 10 + 2]]);
    });
    let compared = 0;
    for (const row of json.hotspots.by_function) {
      const mine = functions.filter(([name]) => name === row.function);
      if (mine.length !== 1 || json.hotspots.by_function.filter((other) => other.function === row.function).length !== 1) continue;
      same(mine[0][1], row.inclusive.bytes_allocated, `${row.name} with what it calls`);
      same(mine[0][2], row.self.bytes_allocated, `${row.name} itself`);
      compared++;
    }
    check(compared >= 3, `only ${compared} functions were compared`);
    same(await page.evaluate(() => JSON.stringify(window.memscope.data.report.totals)), JSON.stringify(json.totals), 'totals');
    same(await page.evaluate(() => JSON.stringify(window.memscope.data.report.leaks)), JSON.stringify(json.leaks), 'leaks');
  });
  await test('correlations are those of the JSON export', async () => {
    let compared = 0;
    for (const row of json.correlations) {
      const fit = await page.evaluate((row) => {
        const { data, pairsOf, correlationSums, addPair, fitOf } = window.memscope, of = row.scope === 'process' ? 1 : 0, sums = correlationSums();
        const at = (name) => data.page.series[of].findIndex((info) => info.name === name);
        const owners = row.scope === 'threads' ? data.threads.filter((thread) => thread.process_id === row.process_id).map((thread) => thread.id) : [of === 1 ? row.process_id : row.thread_id];
        for (const owner of owners) pairsOf(of, owner, at(row.x), at(row.y), (x, y, seconds) => addPair(sums, x, y, seconds));
        return fitOf(sums);
      }, row);
      same(fit.n, row.n, `n of ${row.x}, ${row.y} (${row.scope})`);
      if (row.pearson_r === null) { check(!fit.defined, 'r is n/a'); continue; }
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
      const first = await page.$$eval('#panel-rankings .body [role=row]', (rows) => rows.map((row) => [...row.children].map((cell) => cell.textContent)));
      same(first.length > 0, ranking.rows.length > 0, `rows of ${ranking.metric}`);
      ranking.rows.slice(0, first.length).forEach((row, i) => {
        if (row.ratio_to_mean !== null && ranking.metric !== 'efficiency_score') same(first[i][5], '\u00d7 ' + row.ratio_to_mean.toFixed(2), `${ranking.metric} of rank ${row.rank}`);
      });
    }
  });
}

async function behaviour(page) {
  await test('every tab shows something, without errors and without anything from elsewhere', async () => {
    for (const id of await tabs(page)) {
      await show(page, id);
      check((await text(page, `#panel-${id}`)).length > 20, `${id} is empty`);
      check(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${id} is wider than the window`);
    }
    check(!(await tabs(page)).includes('locks') && !(await tabs(page)).includes('tasks'), 'tabs of what is not measured');
    clean(page);
  });
  await test('tabs go by arrow keys', async () => {
    await page.focus('[role=tab][aria-selected=true]');
    await page.keyboard.press('Home');
    same(await page.evaluate(() => document.activeElement.id), 'tab-overview', 'Home');
    await page.keyboard.press('ArrowRight');
    same(await page.evaluate(() => document.activeElement.id), 'tab-rankings', 'right');
    check(await page.isVisible('#panel-rankings') && !(await page.isVisible('#panel-overview')), 'the panel follows');
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('ArrowLeft');
    same(await page.evaluate(() => document.activeElement.id), 'tab-system', 'round the end');
  });
  await test('a thread in focus grows to 115 %, others fade, every tab filters, Esc and the background leave', async () => {
    await show(page, 'overview');
    const cards = await page.$$('.thread');
    check(cards.length > 1, 'there are cards');
    const before = (await cards[0].boundingBox()).width;
    await cards[0].click();
    await page.waitForTimeout(300);
    const chosen = await page.$('.thread.chosen');
    check(Math.abs((await chosen.boundingBox()).width / before - 1.15) < 0.01, 'it grew to 115 %');
    same(await page.$eval('.thread:not(.chosen)', (card) => getComputedStyle(card).opacity), '0.3', 'others');
    const id = await page.evaluate(() => window.memscope.view.focus);
    await show(page, 'rankings');
    same(await page.$$eval('#panel-rankings .line.on', (lines) => lines.length), 1, 'marked in the ranking');
    await show(page, 'correlation');
    same(await page.$eval('#panel-correlation select', (box) => box.value), 'thread:' + id, 'scope of correlation');
    await show(page, 'flame');
    const sum = await page.evaluate(() => { const { data, view } = window.memscope; const at = data.threadAt.get(view.focus); return [data.figures[data.metricAt.get('bytes_allocated') * data.threads.length + at], document.querySelector('#panel-flame').flame.values[0]]; });
    await page.selectOption('#panel-flame select', '2');
    same(await page.evaluate(() => document.querySelector('#panel-flame').flame.values[0]), sum[0], 'flame graph of the thread');
    await page.keyboard.press('Escape');
    same(await page.evaluate(() => window.memscope.view.focus), null, 'Esc');
    await show(page, 'overview');
    await (await page.$('.thread')).click();
    await page.click('#cards', { position: { x: 3, y: 1 }, force: true }).catch(() => {});
    await page.evaluate(() => document.getElementById('main').click());
    same(await page.evaluate(() => window.memscope.view.focus), null, 'background');
  });
  await test('a focus that came first is kept by tabs that are opened later', async () => {
    const other = await open('real.html');
    await other.click('.thread');
    await show(other, 'timeline');
    same(await other.$eval('#panel-timeline select', (box) => box.value), '0', 'series of threads');
    await show(other, 'correlation');
    same(await other.$eval('#panel-correlation select', (box) => box.value), 'thread:' + await other.evaluate(() => window.memscope.view.focus), 'correlation of the thread');
    clean(other);
    await other.context().close();
  });
  await test('the overview tells who has most memory, what leaks and who computes', async () => {
    await show(page, 'overview');
    const cards = await page.$$eval('#answers .card', (all) => all.map((card) => [card.querySelector('h2').textContent, [...card.querySelectorAll('li')].map((line) => line.querySelector('.name').textContent)]));
    same(cards.map(([title]) => title).join(), 'Memory by thread,Memory by function,What leaks,CPU by thread', 'questions');
    const expected = await page.evaluate(() => { const { data } = window.memscope, peak = data.metricAt.get('peak_bytes'), count = data.threads.length;
      return data.threads[[...data.threads.keys()].sort((a, b) => data.figures[peak * count + b] - data.figures[peak * count + a])[0]].name; });
    check(cards[0][1][0].startsWith(expected), `most memory: ${cards[0][1][0]} is not ${expected}`);
    check(cards[1][1].length > 0, 'functions');
    await page.click('#answers button.name');
    check(await page.evaluate(() => window.memscope.view.focus) !== null, 'a name takes the focus');
    await page.keyboard.press('Escape');
  });
  await test('lines of tables go by arrow keys, and keep the focus of the keyboard', async () => {
    await show(page, 'rankings');
    await page.focus('#panel-rankings .body [role=row]');
    const row = () => page.evaluate(() => document.activeElement.getAttribute('aria-rowindex'));
    same(await row(), '2', 'the first');
    await page.keyboard.press('ArrowDown');
    same(await row(), '3', 'the next');
    await page.keyboard.press('Enter');
    check(await page.evaluate(() => window.memscope.view.focus) !== null, 'Enter takes it');
    same(await row(), '3', 'after that');
    await page.keyboard.press('Escape');
    await page.keyboard.press('End');
    same(await row(), String(await page.$eval('#panel-rankings .grid', (grid) => Number(grid.getAttribute('aria-rowcount')))), 'the last');
  });
  await test('search filters cards, functions and the flame graph', async () => {
    await show(page, 'hotspots');
    const name = await page.evaluate(() => window.memscope.data.functions[1].name);
    await page.fill('#search', name);
    await page.waitForTimeout(250);
    const rows = await page.$$eval('#panel-hotspots .body [role=row] .cell:first-child', (cells) => cells.map((cell) => cell.textContent.toLowerCase()));
    check(rows.length > 0 && rows.every((row) => row.includes(name.toLowerCase())), 'functions that fit');
    await page.fill('#search', 'nothing has such a name');
    await page.waitForTimeout(250);
    await show(page, 'overview');
    same(await page.$$eval('.thread', (cards) => cards.length), 0, 'cards');
    await page.fill('#search', '');
    await page.waitForTimeout(250);
    check(await page.$$eval('.thread', (cards) => cards.length) > 0, 'all again');
  });
  await test('the timeline zooms by wheel and keys, moves by dragging, and shows values under the pointer', async () => {
    await show(page, 'timeline');
    await page.waitForTimeout(150);
    const canvas = await page.$('#charts canvas'), box = await canvas.boundingBox();
    const range = () => page.evaluate(() => { const t = document.querySelector('#panel-timeline').timeline; return [t.from, t.to]; });
    const whole = await range(), drawn = await picture(page, '#charts canvas');
    await page.mouse.move(box.x + box.width / 2, box.y + 50);
    await page.mouse.wheel(0, -400);
    await page.waitForTimeout(150);
    const zoomed = await range();
    check(zoomed[1] - zoomed[0] < (whole[1] - whole[0]) * 0.85, 'wheel');
    check(await picture(page, '#charts canvas') !== drawn, 'the picture changed');
    await page.mouse.down();
    await page.mouse.move(box.x + box.width / 2 - 120, box.y + 50, { steps: 3 });
    await page.mouse.up();
    await page.waitForTimeout(100);
    const moved = await range();
    check(moved[0] > zoomed[0], 'dragged');
    check(await page.$eval('#charts .tip', (tip) => tip.style.display === 'block' && /\d/.test(tip.textContent)), 'values under the pointer');
    await canvas.focus();
    await page.keyboard.press('0');
    await page.keyboard.press('+');
    const keyed = await range();
    check(keyed[1] - keyed[0] < whole[1] - whole[0], 'keys');
    await page.click('#charts button');
    await page.waitForSelector('#charts .grid .body [role=row]');
    const rows = await page.$$eval('#charts .grid .body [role=row]', (lines) => lines.map((line) => [...line.children].map((cell) => cell.textContent)));
    check(rows.length > 5 && rows.every((row) => /^\d+:\d\d/.test(row[0])) && rows.some((row) => /^[\d.]+ %$/.test(row[1])), 'as a table: ' + JSON.stringify(rows[0]));
    await page.click('#charts button');
  });
  await test('the icicle zooms by click and by keys, and tells file and line', async () => {
    await show(page, 'flame');
    await page.waitForTimeout(150);
    const canvas = await page.$('#panel-flame canvas'), box = await canvas.boundingBox();
    await canvas.click({ position: { x: 40, y: 30 } });
    check(await page.evaluate(() => document.querySelector('#panel-flame').flame.root) > 0, 'zoomed');
    check(/function/.test(await text(page, '#flame-details')), 'details');
    await canvas.focus();
    await page.keyboard.press('Home');
    same(await page.evaluate(() => document.querySelector('#panel-flame').flame.root), 0, 'Home');
    await page.keyboard.press('ArrowDown');
    check(await page.evaluate(() => document.querySelector('#panel-flame').flame.chosen) > 0, 'arrow');
    await page.selectOption('#panel-flame select >> nth=1', 'flame');
    check(box.height > 60, 'it has a height');
  });
  await test('tables sort by any column, by mouse and keyboard', async () => {
    await show(page, 'hotspots');
    const column = () => page.$$eval('#panel-hotspots .body [role=row] .cell:nth-child(1)', (cells) => cells.map((cell) => cell.textContent));
    const before = await column();
    await page.click('#panel-hotspots .head-line button');
    const names = await column();
    check(names.join() !== before.join() || names.length < 2, 'sorted');
    same(await page.$eval('#panel-hotspots [role=columnheader]', (head) => head.getAttribute('aria-sort')), 'ascending', 'aria-sort');
    await page.keyboard.press('Enter');
    same(await page.$eval('#panel-hotspots [role=columnheader]', (head) => head.getAttribute('aria-sort')), 'descending', 'again');
  });
  await test('every picture has words, every button a name', async () => {
    for (const id of await tabs(page)) await show(page, id);
    const silent = await page.evaluate(() => [...document.querySelectorAll('canvas:not([aria-hidden]), button, select, input')].filter((one) => !(one.getAttribute('aria-label') || one.textContent.trim() || one.title || (one.labels && one.labels.length > 0))).map((one) => one.outerHTML.slice(0, 120)));
    check(silent.length === 0, silent.join('\n'));
  });
  await test('themes change the page and its pictures, contrast is at least 4.5 in both', async () => {
    await show(page, 'timeline');
    const seen = new Set();
    for (let i = 0; i < 3; i++) {
      await page.click('#theme');
      await page.waitForTimeout(80);
      const theme = await page.evaluate(() => document.documentElement.dataset.theme);
      seen.add(theme + (await picture(page, '#charts canvas')).length);
      const low = await page.evaluate(() => {
        const style = getComputedStyle(document.documentElement), of = (name) => style.getPropertyValue('--' + name).trim();
        const light = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255).map((c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
        const contrast = (a, b) => { const [x, y] = [light(of(a)), light(of(b))].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
        const pairs = [];
        for (const front of ['text', 'soft', 'accent', 'high', 'medium', 'good', 'waiting', 'memory_intensive', 'cpu_intensive', 'io_intensive', 'balanced', 'lightweight'])
          for (const back of ['page', 'card']) pairs.push([front, back]);
        pairs.push(['high', 'high-soft'], ['medium', 'medium-soft'], ['accent', 'accent-soft'], ['text', 'accent-soft'], ['soft', 'sunken']);
        return pairs.map(([a, b]) => [a, b, contrast(a, b)]).filter((row) => row[2] < 4.5);
      });
      check(low.length === 0, theme + ': ' + JSON.stringify(low));
    }
    check(seen.size >= 2, 'dark and light');
  });
  await test('printing puts all parts one after another, in light colours', async () => {
    await page.evaluate(() => window.dispatchEvent(new Event('beforeprint')));
    await page.emulateMedia({ media: 'print' });
    const shown = await page.$$eval('[role=tabpanel]', (all) => all.filter((panel) => panel.offsetHeight > 0).length);
    same(shown, (await tabs(page)).length, 'parts');
    same(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), 'rgb(255, 255, 255)', 'background');
    await page.emulateMedia({ media: 'screen' });
    await page.evaluate(() => window.dispatchEvent(new Event('afterprint')));
    same(await page.$$eval('[role=tabpanel]', (all) => all.filter((panel) => !panel.hidden).length), 1, 'one part again');
  });
  await test('a phone shows every tab within its width, and alerts rest when motion is not wanted', async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    await page.emulateMedia({ reducedMotion: 'reduce' });
    for (const id of await tabs(page)) {
      await show(page, id);
      check(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${id} is wider than a phone`);
    }
    await page.setViewportSize({ width: 1280, height: 800 });
  });
  await test('nothing went wrong meanwhile', async () => clean(page));
}

// Reads what memscope wrote, changes it, and opens that.
async function openChanged(change, options) {
  const file = path.join(folder, 'changed.html');
  fs.writeFileSync(file, change(fs.readFileSync(path.join(folder, 'real.html'), 'utf8')));
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  if (options && options.before) await page.addInitScript(options.before);
  await page.goto('file://' + file);
  return page;
}
async function broken() {
  await test('a file that was cut anywhere, or is damaged, says so', async () => {
    for (const [change, words] of [[(all) => all.slice(0, all.indexOf('id="report"') + 500), /cut/], [(all) => all.slice(0, all.lastIndexOf('id="page"')), /cut/],
      [(all) => all.slice(0, all.length - 60), /cut|damaged/], [(all) => all.replace('id="report">H4s', 'id="report">H4z'), /damaged/]]) {
      const page = await openChanged(change);
      await page.waitForSelector('body[data-failed]', { state: 'attached', timeout: 20000 });
      check(words.test(await text(page, '#loading')), 'it says: ' + await text(page, '#loading'));
      await page.context().close();
    }
  });
  await test('a file that was cut within its script says so', async () => {
    const page = await openChanged((all) => all.slice(0, all.indexOf('class Flame')));
    check(/cut/.test(await text(page, '#loading')) && await page.isVisible('#loading'), 'it says: ' + await text(page, '#loading'));
    await page.context().close();
  });
  await test('a browser that cannot unpack is told which one can', async () => {
    const page = await openChanged((all) => all, { before: () => { delete window.DecompressionStream; } });
    await page.waitForSelector('body[data-failed]', { state: 'attached' });
    check(/too old.*Firefox \d+/.test(await text(page, '#loading')), 'it says: ' + await text(page, '#loading'));
    await page.context().close();
  });
  await test('without scripts the totals are there as a sentence', async () => {
    const page = await openChanged((all) => all, { javaScriptEnabled: false });
    check(/Watched for 00:0\d:\d\d: \d+ threads in \d+ processes; live at the end .*B, peak .*B, .* allocations\./.test(await page.innerText('#main')), 'it says: ' + await page.innerText('#main'));
    await page.context().close();
  });
}

// Never told by call site: less than 64 KiB was live.
async function small(json) {
  const page = await open('small.html');
  await test('what is not known is not 0: memory of call sites at a peak that was never told', async () => {
    check(json.sites.length > 0 && json.sites.every((site) => site.at_peak_bytes === null), 'the program was small');
    await show(page, 'flame');
    same(await page.$eval('#panel-flame select', (box) => box.value), '2', 'it begins with what was allocated');
    await page.selectOption('#panel-flame select', '1');
    check(/not known/.test(await text(page, '#panel-flame')) && !/\b0 B/.test(await text(page, '#flame-details')), 'at peak: ' + await text(page, '#flame-details'));
    await show(page, 'hotspots');
    same(await page.$eval('#panel-hotspots .body [role=row] .cell:nth-child(5)', (cell) => cell.textContent), '\u2013', 'at peak of a function');
    clean(page);
  });
  await page.context().close();
}

// The violations that axe finds, in one theme, on every tab.
async function accessible(file, colorScheme) {
  const page = await open(file, { bypassCSP: true, colorScheme, reducedMotion: 'reduce' });
  await test(`no serious fault for people with a screen reader or weak eyes: ${file}, ${colorScheme}`, async () => {
    await page.evaluate(fs.readFileSync(path.join(process.env.NODE_MODULES, 'axe-core/axe.min.js'), 'utf8'));
    const faults = [];
    for (const id of await tabs(page)) {
      await show(page, id);
      faults.push(...await page.evaluate((id) => window.axe.run(document, { resultTypes: ['violations'] }).then((result) => result.violations.filter((one) => ['serious', 'critical'].includes(one.impact)).map((one) => `${id}: ${one.help}: ${one.nodes[0].html.slice(0, 160)} (${one.nodes[0].failureSummary.slice(0, 200)})`)), id));
    }
    check(faults.length === 0, faults.join('\n'));
  });
  await page.context().close();
}

async function hostile() {
  const page = await open('hostile.html');
  await test('hostile names stay text: no script, no element, no request', async () => {
    const elements = 'script:not([id]) ~ script:not([id]), iframe, svg, img, object, embed, link, base, form';
    for (const id of await tabs(page)) {
      await show(page, id);
      for (const found of await page.$$eval(elements, (all) => all.map((one) => one.outerHTML.slice(0, 100)))) throw new Error(`${id}: ${found}`);
    }
    await show(page, 'overview');
    for (let i = 0; i < 3; i++) { await page.click(`.thread >> nth=${i}`); await page.keyboard.press('Escape'); }
    const names = await page.$$eval('.thread .name', (all) => all.map((one) => one.textContent));
    check(names.includes("</script><script>alert('script')</script>") && names.includes('__proto__'), 'names are shown as they are: ' + names.join(' | '));
    check((await page.title()).includes("alert('svg')"), 'the title is text');
    clean(page);
  });
  await test('marks are lines in the charts and a table that leads to them', async () => {
    await show(page, 'timeline');
    const cells = await page.$$eval('#marks .body .cell', (all) => all.map((cell) => cell.textContent));
    same(cells.join('|'), "0:04.2|</script><script>alert('script')</script>|<!--<script>", 'the mark');
    const drawn = await picture(page, '#charts canvas');
    await page.evaluate(() => { window.memscope.data.kept = window.memscope.data.report.marks.splice(0); document.querySelector('#panel-timeline').timeline.draw(); });
    check(await picture(page, '#charts canvas') !== drawn, 'it is drawn');
    await page.evaluate(() => { window.memscope.data.report.marks.push(...window.memscope.data.kept); });
    await page.click('#marks .body [role=row]');
    const shown = await page.evaluate(() => { const t = document.querySelector('#panel-timeline').timeline; return [t.from, t.to, t.high]; });
    check(shown[0] < 4.2 && shown[1] > 4.2 && shown[1] - shown[0] < shown[2] / 2, 'the charts go there: ' + shown);
    clean(page);
  });
  await test('the content security policy lets no other script run', async () => {
    page.bad.length = 0;
    await page.evaluate(() => { const one = document.createElement('script'); one.textContent = 'window.broken = 1'; document.body.append(one); });
    check(await page.evaluate(() => window.broken === undefined), 'an injected script ran');
    check(await page.evaluate(() => fetch('https://example.org/').then(() => false, () => true)), 'something was fetched');
    check(page.bad.some((line) => line.includes('Content Security Policy')), 'the policy says so');
    check(!page.bad.some((line) => line.startsWith('request: https')), 'nothing left the machine');
    const raw = fs.readFileSync(path.join(folder, 'hostile.html'), 'utf8');
    check(!raw.includes("alert('script')"), 'names lie in blocks only');
    check(/default-src 'none'; script-src 'sha256-[^']+'; style-src 'sha256-[^']+';/.test(raw), 'the policy');
  });
  await page.context().close();
}

// Times of frames, in ms: the work of a step and the wait for the next frame.
async function timed(page, steps, body) {
  return page.evaluate(async ([count, source]) => {
    const step = new Function('i', source), frame = () => new Promise((done) => requestAnimationFrame(done)), times = [];
    await frame();
    for (let i = 0; i < count; i++) { const begin = performance.now(); step(i); await frame(); await frame(); times.push((performance.now() - begin) / 2); }
    times.sort((a, b) => a - b);
    return { median: times[count >> 1], most: times[count - 1] };
  }, [steps, body]);
}

async function big() {
  const begin = Date.now();
  const page = await open('big.html', { bypassCSP: true });
  const opened = Date.now() - begin;
  await test('5,000 threads, 50,000 of 60,000 call sites and their series are fluid, and what is left out is said', async () => {
    const size = await page.evaluate(() => ({ threads: window.memscope.data.threads.length, sites: window.memscope.data.siteCount, points: window.memscope.data.points.length }));
    same(size.threads, 5000, 'threads');
    check(size.sites > 48000 && size.sites <= 50000, `${size.sites} call sites`);
    check(size.points >= 100000, `${size.points} points`);
    check(/call sites with the most weight of 60,000|call sites with the most weight of 60.0 k/.test(await text(page, '#condition')), 'the page says what is left out: ' + await text(page, '#condition'));
    const sums = await page.evaluate(() => { const { data } = window.memscope; let sum = data.leftOut[2]; for (let i = 2; i < data.siteFigures.length; i += 10) sum += data.siteFigures[i]; return sum; });
    check(sums > 0, 'what is left out is summed up');
    const times = { opened, tab: {} };
    for (const id of await tabs(page)) {
      const from = Date.now();
      await show(page, id);
      await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
      times.tab[id] = Date.now() - from;
    }
    await show(page, 'timeline');
    await page.selectOption('#panel-timeline select', '0');
    await page.waitForTimeout(300);
    times.zoom = await timed(page, 20, "const t = document.querySelector('#panel-timeline').timeline; t.zoom(i % 2 ? 1.25 : 0.7, (t.from + t.to) / 2)");
    times.pan = await timed(page, 20, "document.querySelector('#panel-timeline').timeline.move(i % 2 ? 0.1 : -0.1)");
    await show(page, 'rankings');
    times.scroll = await timed(page, 20, "document.querySelector('#panel-rankings .grid').scrollTop = i * 4000");
    times.sort = await timed(page, 6, "document.querySelectorAll('#panel-rankings .head-line button')[i % 4].click()");
    await show(page, 'flame');
    times.flame = await timed(page, 10, "const f = document.querySelector('#panel-flame').flame; f.zoom(i % 2 ? 0 : f.childrenOf(0)[0])");
    await show(page, 'correlation');
    times.scatter = await timed(page, 5, "document.querySelectorAll('#panel-correlation select')[2].dispatchEvent(new Event('change'))");
    for (const [name, time] of Object.entries(times)) console.log(`# ${name}: ` + (typeof time === 'number' ? time + ' ms' : JSON.stringify(time, (key, value) => typeof value === 'number' ? Math.round(value * 10) / 10 : value)));
    // Ten times what an idle machine takes: tests run beside each other.
    for (const name of ['zoom', 'pan', 'scroll']) check(times[name].median < 250, `${name}: ${times[name].median} ms a frame`);
    check(times.sort.median < 700 && times.flame.median < 400, `sort ${times.sort.median}, flame ${times.flame.median} ms`);
    clean(page);
  });
  await page.context().close();
}

(async () => {
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-dev-shm-usage'] });
  const json = JSON.parse(fs.readFileSync(path.join(folder, 'real.json'), 'utf8'));
  const page = await open('real.html');
  await numbers(page, json);
  await behaviour(page);
  await page.context().close();
  await broken();
  await small(JSON.parse(fs.readFileSync(path.join(folder, 'small.json'), 'utf8')));
  for (const theme of ['light', 'dark']) await accessible('real.html', theme);
  await hostile();
  await big();
  await browser.close();
  console.log(`1..${number}`);
  process.exit(failures > 0 ? 1 : 0);
})().catch((error) => { console.log('Bail out! ' + error.stack); process.exit(1); });
