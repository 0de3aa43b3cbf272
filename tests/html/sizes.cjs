// A large session: it is fluid, and what is left out is said.
'use strict';
const { test, check, same, open, clean, tabs, show, drawn, text } = require('./harness.cjs');

// CPU time of the page's thread for a step and the two frames after it, in ms: the load of the machine does not change it.
async function cost(page, steps, body) {
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  const spent = async () =>
    (await session.send('Performance.getMetrics')).metrics.find((metric) => metric.name === 'TaskDuration').value;
  const before = await spent();
  await page.evaluate(
    async ([count, source]) => {
      const step = new Function('i', source),
        frame = () => new Promise((done) => requestAnimationFrame(done));
      for (let i = 0; i < count; i++) {
        step(i);
        await frame();
        await frame();
      }
    },
    [steps, body],
  );
  const ms = (1000 * ((await spent()) - before)) / steps;
  await session.detach();
  return ms;
}

async function big() {
  const begin = Date.now();
  const page = await open('big.html', { bypassCSP: true });
  const opened = Date.now() - begin;
  await test('5,000 threads, 50,000 of 60,000 call sites and their series are fluid, and what is left out is said', async () => {
    const size = await page.evaluate(() => ({
      threads: window.memscope.data.threads.length,
      sites: window.memscope.data.siteCount,
      points: window.memscope.data.points.length,
    }));
    same(size.threads, 5000, 'threads');
    check(size.sites > 48000 && size.sites <= 50000, `${size.sites} call sites`);
    check(size.points >= 100000, `${size.points} points`);
    check(
      /call sites with the most weight of 60,000|call sites with the most weight of 60.0 k/.test(
        await text(page, '#condition'),
      ),
      'the page says what is left out: ' + (await text(page, '#condition')),
    );
    const sums = await page.evaluate(() => {
      const { data } = window.memscope;
      let sum = data.leftOut[2];
      for (let i = 2; i < data.siteFigures.length; i += 13) sum += data.siteFigures[i];
      return sum;
    });
    check(sums > 0, 'what is left out is summed up');
    const times = { opened, tab: {} };
    for (const id of await tabs(page)) {
      const from = Date.now();
      await show(page, id);
      times.tab[id] = Date.now() - from;
    }
    await show(page, 'timeline');
    await page.selectOption('#panel-timeline select', '0');
    await drawn(page);
    times.zoom = await cost(
      page,
      20,
      "const t = document.querySelector('#panel-timeline').timeline; t.zoom(i % 2 ? 1.25 : 0.7, (t.from + t.to) / 2)",
    );
    times.pan = await cost(page, 20, "document.querySelector('#panel-timeline').timeline.move(i % 2 ? 0.1 : -0.1)");
    await show(page, 'rankings');
    times.scroll = await cost(page, 20, "document.querySelector('#panel-rankings .grid').scrollTop = i * 4000");
    times.sort = await cost(page, 6, "document.querySelectorAll('#panel-rankings .head-line button')[i % 4].click()");
    await show(page, 'flame');
    times.flame = await cost(
      page,
      10,
      "const f = document.querySelector('#panel-flame').flame; f.zoom(i % 2 ? 0 : f.childrenOf(0)[0])",
    );
    await show(page, 'correlation');
    times.scatter = await cost(
      page,
      5,
      "document.querySelectorAll('#panel-correlation select')[2].dispatchEvent(new Event('change'))",
    );
    for (const [name, time] of Object.entries(times))
      console.log(
        `# ${name}: ` +
          JSON.stringify(time, (key, value) => (typeof value === 'number' ? Math.round(value * 10) / 10 : value)),
      );
    /* About four times what they take: a frame of 60 in a second has 16 ms. */
    const most = { zoom: 60, pan: 60, scroll: 80, sort: 100, flame: 60, scatter: 100 };
    for (const [name, limit] of Object.entries(most))
      check(times[name] < limit, `${name}: ${times[name]} ms of CPU time`);
    clean(page);
  });
  await page.context().close();
}

module.exports = big;
