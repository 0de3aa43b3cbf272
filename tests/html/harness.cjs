// The browser, TAP, and what every part of the tests of the report needs.
'use strict';
const fs = require('fs');
const path = require('path');
const { chromium } = require(path.join(process.env.NODE_MODULES, 'playwright-core'));

const folder = process.argv[2];
// What takes so long hangs.
const patience_ms = 100000;
let number = 0,
  failures = 0;
async function test(name, body) {
  number++;
  const begin = Date.now();
  try {
    await body();
    console.log(`ok ${number} - ${name}\n# ${Date.now() - begin} ms`);
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
async function start() {
  browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  });
}
async function end() {
  await browser.close();
  console.log(`1..${number}`);
  process.exit(failures > 0 ? 1 : 0);
}
// A page and everything that it must not do.
async function open(file, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  context.setDefaultTimeout(patience_ms);
  const page = await context.newPage();
  page.bad = [];
  page.on('console', (message) => {
    if (message.type() !== 'log' && message.type() !== 'info') page.bad.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => page.bad.push(`error: ${error.message}`));
  page.on('dialog', (dialog) => {
    page.bad.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on('request', (request) => {
    if (!request.url().startsWith('file://' + folder) && !request.url().startsWith('blob:'))
      page.bad.push(`request: ${request.url().slice(0, 80)}`);
  });
  await page.goto('file://' + path.join(folder, file));
  await page.waitForSelector('body[data-ready], body[data-failed]', { state: 'attached' });
  check(
    await page.evaluate(() => document.body.dataset.ready === 'yes'),
    `${file} was not read: ` + page.bad.join('; '),
  );
  return page;
}
function clean(page) {
  check(page.bad.length === 0, page.bad.slice(0, 5).join('\n'));
}
const tabs = (page) => page.$$eval('[role=tab]', (all) => all.map((tab) => tab.id.slice(4)));
// What changed is drawn in the next frame.
const drawn = (page) =>
  page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
async function show(page, id) {
  await page.click('#tab-' + id);
  await drawn(page);
}
// Waits until that holds in the page. Not by waitForFunction, which the page's policy forbids.
async function until(page, holds, what, argument) {
  const end = Date.now() + patience_ms;
  while (!(await page.evaluate(holds, argument))) {
    check(Date.now() < end, `waited in vain for: ${what}`);
    await page.waitForTimeout(20);
  }
}
const text = (page, selector) => page.$eval(selector, (element) => element.textContent);
// Pictures of two moments differ.
const picture = (page, selector) => page.$eval(selector, (canvas) => canvas.toDataURL());
// Reads what memscope wrote, changes it, and opens that.
async function openChanged(change, options) {
  const file = path.join(folder, 'changed.html');
  fs.writeFileSync(file, change(fs.readFileSync(path.join(folder, 'real.html'), 'utf8')));
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  context.setDefaultTimeout(patience_ms);
  const page = await context.newPage();
  if (options && options.before) await page.addInitScript(options.before);
  await page.goto('file://' + file);
  return page;
}

module.exports = { folder, start, end, test, check, same, open, openChanged, clean, tabs, show, drawn, until, text, picture };
