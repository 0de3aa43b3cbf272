// Tabs, focus, search, zoom, sorting, themes, printing, a phone.
'use strict';
const { test, check, same, open, clean, tabs, show, drawn, until, text, picture } = require('./harness.cjs');

async function behaviour(page) {
  await test('every tab shows something, without errors and without anything from elsewhere', async () => {
    for (const id of await tabs(page)) {
      await show(page, id);
      check((await text(page, `#panel-${id}`)).length > 20, `${id} is empty`);
      check(
        await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth),
        `${id} is wider than the window`,
      );
    }
    check(
      !(await tabs(page)).includes('locks') && !(await tabs(page)).includes('tasks'),
      'tabs of what is not measured',
    );
    clean(page);
  });
  await test('tabs go by arrow keys', async () => {
    await page.focus('[role=tab][aria-selected=true]');
    await page.keyboard.press('Home');
    same(await page.evaluate(() => document.activeElement.id), 'tab-overview', 'Home');
    await page.keyboard.press('ArrowRight');
    same(await page.evaluate(() => document.activeElement.id), 'tab-rankings', 'right');
    check((await page.isVisible('#panel-rankings')) && !(await page.isVisible('#panel-overview')), 'the panel follows');
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
    await until(
      page,
      (width) => {
        const chosen = document.querySelector('.thread.chosen');
        return chosen && Math.abs(chosen.getBoundingClientRect().width / width - 1.15) < 0.01;
      },
      'it grows to 115 %',
      before,
    );
    await until(
      page,
      () => getComputedStyle(document.querySelector('.thread:not(.chosen)')).opacity === '0.3',
      'others fade',
    );
    const id = await page.evaluate(() => window.memscope.view.focus);
    await show(page, 'rankings');
    same(await page.$$eval('#panel-rankings .line.on', (lines) => lines.length), 1, 'marked in the ranking');
    await show(page, 'correlation');
    same(await page.$eval('#panel-correlation select', (box) => box.value), 'thread:' + id, 'scope of correlation');
    await show(page, 'flame');
    const sum = await page.evaluate(() => {
      const { data, view } = window.memscope;
      const at = data.threadAt.get(view.focus);
      return [
        data.figures[data.metricAt.get('bytes_allocated') * data.threads.length + at],
        document.querySelector('#panel-flame').flame.values[0],
      ];
    });
    await page.selectOption('#panel-flame select', '2');
    same(
      await page.evaluate(() => document.querySelector('#panel-flame').flame.values[0]),
      sum[0],
      'flame graph of the thread',
    );
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
    same(
      await other.$eval('#panel-correlation select', (box) => box.value),
      'thread:' + (await other.evaluate(() => window.memscope.view.focus)),
      'correlation of the thread',
    );
    clean(other);
    await other.context().close();
  });
  await test('the overview tells who has most memory, what leaks and who computes', async () => {
    await show(page, 'overview');
    const cards = await page.$$eval('#answers .card', (all) =>
      all.map((card) => [
        card.querySelector('h2').textContent,
        [...card.querySelectorAll('li')].map((line) => line.querySelector('.name').textContent),
      ]),
    );
    same(
      cards.map(([title]) => title).join(),
      'Memory by thread,Memory by function,What leaks,CPU by thread',
      'questions',
    );
    const expected = await page.evaluate(() => {
      const { data } = window.memscope,
        peak = data.metricAt.get('peak_bytes'),
        count = data.threads.length;
      return data.threads[
        [...data.threads.keys()].sort((a, b) => data.figures[peak * count + b] - data.figures[peak * count + a])[0]
      ].name;
    });
    check(cards[0][1][0].startsWith(expected), `most memory: ${cards[0][1][0]} is not ${expected}`);
    check(cards[1][1].length > 0, 'functions');
    await page.click('#answers button.name');
    check((await page.evaluate(() => window.memscope.view.focus)) !== null, 'a name takes the focus');
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
    check((await page.evaluate(() => window.memscope.view.focus)) !== null, 'Enter takes it');
    same(await row(), '3', 'after that');
    await page.keyboard.press('Escape');
    await page.keyboard.press('End');
    same(
      await row(),
      String(await page.$eval('#panel-rankings .grid', (grid) => Number(grid.getAttribute('aria-rowcount')))),
      'the last',
    );
  });
  await test('search filters cards, functions and the flame graph', async () => {
    await show(page, 'hotspots');
    const name = await page.evaluate(() => window.memscope.data.functions[1].name);
    await page.fill('#search', name);
    await until(
      page,
      (wanted) => {
        const cells = [...document.querySelectorAll('#panel-hotspots .body [role=row] .cell:first-child')];
        return cells.length > 0 && cells.every((cell) => cell.textContent.toLowerCase().includes(wanted));
      },
      'functions that fit',
      name.toLowerCase(),
    );
    await page.fill('#search', 'nothing has such a name');
    await show(page, 'overview');
    await until(page, () => document.querySelectorAll('.thread').length === 0, 'no cards');
    await page.fill('#search', '');
    await until(page, () => document.querySelectorAll('.thread').length > 0, 'all again');
  });
  await test('the timeline zooms by wheel and keys, moves by dragging, and shows values under the pointer', async () => {
    await show(page, 'timeline');
    const canvas = await page.waitForSelector('#charts canvas'),
      box = await canvas.boundingBox();
    const range = () =>
      page.evaluate(() => {
        const t = document.querySelector('#panel-timeline').timeline;
        return [t.from, t.to];
      });
    const whole = await range(),
      pictured = await picture(page, '#charts canvas');
    await page.mouse.move(box.x + box.width / 2, box.y + 50);
    await page.mouse.wheel(0, -400);
    await until(
      page,
      (seconds) => {
        const t = document.querySelector('#panel-timeline').timeline;
        return t.to - t.from < seconds * 0.85;
      },
      'the wheel zooms',
      whole[1] - whole[0],
    );
    await drawn(page);
    const zoomed = await range();
    check((await picture(page, '#charts canvas')) !== pictured, 'the picture changed');
    await page.mouse.down();
    await page.mouse.move(box.x + box.width / 2 - 120, box.y + 50, { steps: 3 });
    await page.mouse.up();
    await until(
      page,
      (from) => document.querySelector('#panel-timeline').timeline.from > from,
      'the chart is dragged',
      zoomed[0],
    );
    await until(
      page,
      () => {
        const tip = document.querySelector('#charts .tip');
        return tip.style.display === 'block' && /\d/.test(tip.textContent);
      },
      'values under the pointer',
    );
    await canvas.focus();
    await page.keyboard.press('0');
    await page.keyboard.press('+');
    const keyed = await range();
    check(keyed[1] - keyed[0] < whole[1] - whole[0], 'keys');
    await page.click('#charts button');
    await page.waitForSelector('#charts .grid .body [role=row]');
    const rows = await page.$$eval('#charts .grid .body [role=row]', (lines) =>
      lines.map((line) => [...line.children].map((cell) => cell.textContent)),
    );
    check(
      rows.length > 5 && rows.every((row) => /^\d+:\d\d/.test(row[0])) && rows.some((row) => /^[\d.]+ %$/.test(row[1])),
      'as a table: ' + JSON.stringify(rows[0]),
    );
    await page.click('#charts button');
  });
  await test('the icicle zooms by click and by keys, and tells file and line', async () => {
    await show(page, 'flame');
    const canvas = await page.$('#panel-flame canvas'),
      box = await canvas.boundingBox();
    await canvas.click({ position: { x: 40, y: 30 } });
    check((await page.evaluate(() => document.querySelector('#panel-flame').flame.root)) > 0, 'zoomed');
    check(/function/.test(await text(page, '#flame-details')), 'details');
    await canvas.focus();
    await page.keyboard.press('Home');
    same(await page.evaluate(() => document.querySelector('#panel-flame').flame.root), 0, 'Home');
    await page.keyboard.press('ArrowDown');
    check((await page.evaluate(() => document.querySelector('#panel-flame').flame.chosen)) > 0, 'arrow');
    await page.selectOption('#panel-flame select >> nth=1', 'flame');
    check(box.height > 60, 'it has a height');
  });
  await test('tables sort by any column, by mouse and keyboard', async () => {
    await show(page, 'hotspots');
    const column = () =>
      page.$$eval('#panel-hotspots .body [role=row] .cell:nth-child(1)', (cells) =>
        cells.map((cell) => cell.textContent),
      );
    const before = await column();
    await page.click('#panel-hotspots .head-line button');
    const names = await column();
    check(names.join() !== before.join() || names.length < 2, 'sorted');
    same(
      await page.$eval('#panel-hotspots [role=columnheader]', (head) => head.getAttribute('aria-sort')),
      'ascending',
      'aria-sort',
    );
    await page.keyboard.press('Enter');
    same(
      await page.$eval('#panel-hotspots [role=columnheader]', (head) => head.getAttribute('aria-sort')),
      'descending',
      'again',
    );
  });
  await test('every picture has words, every button a name', async () => {
    for (const id of await tabs(page)) await show(page, id);
    const silent = await page.evaluate(() =>
      [...document.querySelectorAll('canvas:not([aria-hidden]), button, select, input')]
        .filter(
          (one) =>
            !(
              one.getAttribute('aria-label') ||
              one.textContent.trim() ||
              one.title ||
              (one.labels && one.labels.length > 0)
            ),
        )
        .map((one) => one.outerHTML.slice(0, 120)),
    );
    check(silent.length === 0, silent.join('\n'));
  });
  await test('themes change the page and its pictures, contrast is at least 4.5 in both', async () => {
    await show(page, 'timeline');
    const seen = new Set();
    for (let i = 0; i < 3; i++) {
      await page.click('#theme');
      await drawn(page);
      const theme = await page.evaluate(() => document.documentElement.dataset.theme);
      seen.add(theme + (await picture(page, '#charts canvas')).length);
      const low = await page.evaluate(() => {
        const style = getComputedStyle(document.documentElement),
          of = (name) => style.getPropertyValue('--' + name).trim();
        const light = (hex) =>
          [1, 3, 5]
            .map((at) => parseInt(hex.slice(at, at + 2), 16) / 255)
            .map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
            .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
        const contrast = (a, b) => {
          const [x, y] = [light(of(a)), light(of(b))].sort((p, q) => q - p);
          return (x + 0.05) / (y + 0.05);
        };
        const pairs = [];
        for (const front of [
          'text',
          'soft',
          'accent',
          'high',
          'medium',
          'good',
          'waiting',
          'memory_intensive',
          'cpu_intensive',
          'io_intensive',
          'balanced',
          'lightweight',
        ])
          for (const back of ['page', 'card']) pairs.push([front, back]);
        pairs.push(
          ['high', 'high-soft'],
          ['medium', 'medium-soft'],
          ['accent', 'accent-soft'],
          ['text', 'accent-soft'],
          ['soft', 'sunken'],
        );
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
    same(
      await page.evaluate(() => getComputedStyle(document.body).backgroundColor),
      'rgb(255, 255, 255)',
      'background',
    );
    await page.emulateMedia({ media: 'screen' });
    await page.evaluate(() => window.dispatchEvent(new Event('afterprint')));
    same(
      await page.$$eval('[role=tabpanel]', (all) => all.filter((panel) => !panel.hidden).length),
      1,
      'one part again',
    );
  });
  await test('ticks of an axis are told apart, however little lies between them', async () => {
    const ticks = (values, unit) => page.evaluate(([v, u]) => window.memscope.formatTicks(v, u), [values, unit]);
    for (const [values, unit, expected] of [
      [[0, 50, 100], 'percent', '0 %,50 %,100 %'],
      [[0, 0.001, 0.002], 'percent', '0 %,0.001 %,0.002 %'],
      [[1.0002e9, 1.0004e9], 'bytes', '1.0002 GB,1.0004 GB'],
      [[-0.001, 0], 'percent', '\u22120.001 %,0 %'],
    ])
      same((await ticks(values, unit)).join(), expected, unit);
  });
  await test('a phone shows every tab within its width, and alerts rest when motion is not wanted', async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    await page.emulateMedia({ reducedMotion: 'reduce' });
    for (const id of await tabs(page)) {
      await show(page, id);
      check(
        await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth),
        `${id} is wider than a phone`,
      );
      const cut = await page.$$eval('[role=tabpanel]:not([hidden]) .head-line', (heads) =>
        heads
          .map((head) => head.querySelector('[aria-sort]:not([aria-sort=none])'))
          .filter((cell) => cell !== null && cell.getBoundingClientRect().right > innerWidth)
          .map((cell) => cell.textContent),
      );
      same(cut.join(), '', `what tables of ${id} are sorted by can be seen`);
      const wide = await page.$$eval('[role=tabpanel]:not([hidden]) .card select', (boxes) =>
        boxes
          .filter((box) => box.getBoundingClientRect().right > box.closest('.card').getBoundingClientRect().right)
          .map((box) => box.value),
      );
      same(wide.join(), '', `choices of ${id} are within their card`);
    }
    await page.setViewportSize({ width: 1280, height: 800 });
  });
  await test('nothing went wrong meanwhile', async () => clean(page));
}

module.exports = behaviour;
