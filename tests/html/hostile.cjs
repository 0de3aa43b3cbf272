// Names that would be something else than text.
'use strict';
const fs = require('fs');
const path = require('path');
const { folder, test, check, same, open, clean, tabs, show, picture } = require('./harness.cjs');

async function hostile() {
  const page = await open('hostile.html');
  await test('hostile names stay text: no script, no element, no request', async () => {
    const elements = 'script:not([id]) ~ script:not([id]), iframe, svg, img, object, embed, link, base, form';
    for (const id of await tabs(page)) {
      await show(page, id);
      for (const found of await page.$$eval(elements, (all) => all.map((one) => one.outerHTML.slice(0, 100))))
        throw new Error(`${id}: ${found}`);
    }
    await show(page, 'overview');
    for (let i = 0; i < 3; i++) {
      await page.click(`.thread >> nth=${i}`);
      await page.keyboard.press('Escape');
    }
    const names = await page.$$eval('.thread .name', (all) => all.map((one) => one.textContent));
    check(
      names.includes("</script><script>alert('script')</script>") && names.includes('__proto__'),
      'names are shown as they are: ' + names.join(' | '),
    );
    check((await page.title()).includes("alert('svg')"), 'the title is text');
    clean(page);
  });
  await test('marks are lines in the charts and a table that leads to them', async () => {
    await show(page, 'timeline');
    const cells = await page.$$eval('#marks .body .cell', (all) => all.map((cell) => cell.textContent));
    same(cells.join('|'), "0:04.2|</script><script>alert('script')</script>|<!--<script>", 'the mark');
    const drawn = await picture(page, '#charts canvas');
    await page.evaluate(() => {
      window.memscope.data.kept = window.memscope.data.report.marks.splice(0);
      document.querySelector('#panel-timeline').timeline.draw();
    });
    check((await picture(page, '#charts canvas')) !== drawn, 'it is drawn');
    await page.evaluate(() => {
      window.memscope.data.report.marks.push(...window.memscope.data.kept);
    });
    await page.click('#marks .body [role=row]');
    const shown = await page.evaluate(() => {
      const t = document.querySelector('#panel-timeline').timeline;
      return [t.from, t.to, t.high];
    });
    check(shown[0] < 4.2 && shown[1] > 4.2 && shown[1] - shown[0] < shown[2] / 2, 'the charts go there: ' + shown);
    clean(page);
  });
  await test('the content security policy lets no other script run', async () => {
    page.bad.length = 0;
    await page.evaluate(() => {
      const one = document.createElement('script');
      one.textContent = 'window.broken = 1';
      document.body.append(one);
    });
    check(await page.evaluate(() => window.broken === undefined), 'an injected script ran');
    check(
      await page.evaluate(() =>
        fetch('https://example.org/').then(
          () => false,
          () => true,
        ),
      ),
      'something was fetched',
    );
    check(
      page.bad.some((line) => line.includes('Content Security Policy')),
      'the policy says so',
    );
    check(!page.bad.some((line) => line.startsWith('request: https')), 'nothing left the machine');
    const raw = fs.readFileSync(path.join(folder, 'hostile.html'), 'utf8');
    check(!raw.includes("alert('script')"), 'names lie in blocks only');
    check(/default-src 'none'; script-src 'sha256-[^']+'; style-src 'sha256-[^']+';/.test(raw), 'the policy');
  });
  await page.context().close();
}

module.exports = hostile;
