// The keyboard alone, and what axe-core says.
'use strict';
const fs = require('fs');
const path = require('path');
const { test, check, open, tabs, show } = require('./harness.cjs');

// Tab reaches everything that a mouse does, in order, and one sees where it is.
async function keyboard(page) {
  await test('with the keyboard alone everything is reached, and the focus is seen', async () => {
    for (const id of ['overview', 'timeline', 'correlation', 'flame', 'leaks']) {
      await show(page, id);
      /* By what they say: lines of tables are made anew when the table scrolls. */
      await page.evaluate(() => {
        window.wordsOf = (one) =>
          one.tagName + (one.getAttribute('aria-label') || one.id || '') + one.textContent.slice(0, 60);
      });
      const wanted = new Set(
        await page.evaluate(() => {
          const all = [...document.querySelectorAll('button, select, input, [tabindex="0"]')].filter(
            (one) => one.tabIndex >= 0 && one.checkVisibility(),
          );
          document.querySelector('.skip').focus();
          return all.map(window.wordsOf);
        }),
      );
      const most = wanted.size * 2 + 10;
      for (let i = 0; i < most && wanted.size > 0; i++) {
        await page.keyboard.press('Tab');
        const at = await page.evaluate(() => {
          const one = document.activeElement,
            style = getComputedStyle(one);
          return {
            words: window.wordsOf(one),
            seen: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
          };
        });
        if (wanted.delete(at.words)) check(at.seen, `${id}: the focus is not seen on ${at.words}`);
      }
      check(wanted.size === 0, `${id}: not reached: ${[...wanted].slice(0, 5).join(' | ')}`);
    }
  });
}

// The violations that axe finds, in one theme, on every tab.
async function accessible(file, colorScheme) {
  /* Low, so that few lines of each table are looked at: they are all alike. */
  const page = await open(file, {
    bypassCSP: true,
    colorScheme,
    reducedMotion: 'reduce',
    viewport: { width: 1280, height: 360 },
  });
  await test(`no serious fault for people with a screen reader or weak eyes: ${file}, ${colorScheme}`, async () => {
    await page.evaluate(fs.readFileSync(path.join(process.env.NODE_MODULES, 'axe-core/axe.min.js'), 'utf8'));
    const faults = [];
    /* The frame of the page once; of the parts theirs. Dark differs by its colours alone. */
    const rules = colorScheme === 'dark' ? { runOnly: ['color-contrast'] } : {};
    for (const id of await tabs(page)) {
      await show(page, id);
      faults.push(
        ...(await page.evaluate(
          ([id, rules]) =>
            window.axe
              .run(id === 'overview' ? document : '#panel-' + id, { resultTypes: ['violations'], ...rules })
              .then((result) =>
                result.violations
                  .filter((one) => ['serious', 'critical'].includes(one.impact))
                  .map(
                    (one) =>
                      `${id}: ${one.help}: ${one.nodes[0].html.slice(0, 160)} (${one.nodes[0].failureSummary.slice(0, 200)})`,
                  ),
              ),
          [id, rules],
        )),
      );
    }
    check(faults.length === 0, faults.join('\n'));
  });
  await page.context().close();
}

module.exports = { keyboard, accessible };
