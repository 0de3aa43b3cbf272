/* Tabs, themes, printing; a tab draws itself when it is first looked at. */
const TABS = [["overview", "Overview", overviewPanel, () => true], ["rankings", "Rankings", rankingsPanel, () => data.has("rankings")],
  ["timeline", "Timeline", timelinePanel, () => data.has("timeline")], ["correlation", "Correlation", correlationPanel, () => data.has("correlations")],
  ["flame", "Flame graph", flamePanel, () => data.has("sites") && data.sites !== null], ["hotspots", "Hotspots", hotspotsPanel, () => data.has("sites") && data.sites !== null],
  ["leaks", "Leaks", leaksPanel, () => data.has("leaks") && data.report.leaks], ["flows", "Flows", flowsPanel, () => data.has("flows")],
  ["types", "Types", typesPanel, () => data.has("types") || data.has("lifetime")], ["insights", "Insights", insightsPanel, () => data.has("insights")], ["system", "System", systemPanel, () => data.has("system")]];
const panels = new Map();

function makeTabs() {
  const bar = document.getElementById("tabs"), main = document.getElementById("main");
  for (const [id, title, fill, wanted] of TABS) {
    if (!wanted()) continue;
    const tab = element("button", { type: "button", role: "tab", id: "tab-" + id, "aria-controls": "panel-" + id, "aria-selected": "false", tabindex: "-1", text: title, onclick: () => showTab(id) });
    const panel = element("section", { role: "tabpanel", id: "panel-" + id, "aria-labelledby": "tab-" + id, tabindex: "0" }, element("h2", { class: "print-title", text: title }));
    panel.hidden = true;
    bar.append(tab);
    main.append(panel);
    panels.set(id, { tab, panel, fill, filled: false });
  }
  bar.addEventListener("keydown", (event) => {
    const ids = [...panels.keys()], at = ids.findIndex((id) => panels.get(id).tab.getAttribute("aria-selected") === "true");
    const to = { ArrowRight: (at + 1) % ids.length, ArrowLeft: (at + ids.length - 1) % ids.length, Home: 0, End: ids.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    showTab(ids[to]);
    panels.get(ids[to]).tab.focus();
  });
}
function fillTab(entry) {
  if (!entry.filled) { entry.filled = true; entry.fill(entry.panel); }
}
function showTab(id) {
  for (const [key, entry] of panels) {
    const on = key === id;
    entry.tab.setAttribute("aria-selected", String(on));
    entry.tab.tabIndex = on ? 0 : -1;
    entry.panel.hidden = !on;
    if (on) { fillTab(entry); entry.tab.scrollIntoView({ block: "nearest", inline: "nearest" }); }
  }
  for (const table of Table.all) table.later();
  redrawAll();
}

/* auto follows the system; the choice is kept nowhere, since a file may keep nothing. */
const THEMES = ["auto", "light", "dark"];
let theme = "auto";
function applyTheme(printing) {
  const dark = !printing && (theme === "dark" || (theme === "auto" && matchMedia("(prefers-color-scheme: dark)").matches));
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  const button = document.getElementById("theme");
  button.textContent = "Theme: " + theme;
  button.setAttribute("aria-label", "Theme: " + theme + ". Change it");
  redrawAll();
}
function startThemes() {
  document.getElementById("theme").addEventListener("click", () => { theme = THEMES[(THEMES.indexOf(theme) + 1) % 3]; applyTheme(false); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => applyTheme(false));
  applyTheme(false);
}
/* On paper all parts follow each other, in light colours. */
function startPrinting() {
  const begin = () => {
    for (const entry of panels.values()) { fillTab(entry); entry.panel.hidden = false; }
    applyTheme(true);
    for (const table of Table.all) table.draw(true);
  };
  const end = () => { applyTheme(false); showTab([...panels].find(([, entry]) => entry.tab.getAttribute("aria-selected") === "true")[0]); };
  window.addEventListener("beforeprint", begin);
  window.addEventListener("afterprint", end);
  document.getElementById("print").addEventListener("click", () => window.print());
}

async function start() {
  const place = document.getElementById("loading");
  if (typeof DecompressionStream === "undefined" || typeof CSS === "undefined" || !CSS.supports("color", "color-mix(in srgb, red, blue)")) throw new BrowserError();
  await loadData((done, all) => { place.textContent = "Unpacking the figures: part " + Math.min(done + 1, all) + " of " + all + "\u2026"; });
  document.getElementById("loading").remove();
  const program = data.page.program_id, session = data.report.session;
  document.getElementById("title").textContent = data.page.title || (program === null ? "memscope-top" : processName(program));
  document.getElementById("subtitle").textContent = new Date(session.start_unix_ns / 1e6).toISOString().slice(0, 19).replace("T", " ") + " UTC, " + formatSeconds(session.duration_ns / 1e9) + ", " + (program === null ? "" : (data.processes.get(program).exe || ""));
  document.getElementById("footer").textContent = "memscope-top " + data.report.memscope.version + ". This file holds all of its data and asks for nothing from anywhere. MB are 10\u2076 bytes.";
  startThemes();
  startFocus();
  makeTabs();
  startPrinting();
  showTab("overview");
  /* For whoever looks at the figures in the console of the browser. */
  window.memscope = { data, view, pairsOf, correlationSums, addPair, fitOf, functionSums };
  document.body.dataset.ready = "yes";
}
class BrowserError extends Error {}
function sayWhy(error) {
  const place = document.getElementById("loading");
  if (place !== null) {
    place.textContent = error instanceof BrowserError ? "This browser is too old to show the report: it needs one of 2023 or later (Chrome 111, Firefox 113, Safari 16.4). The file itself is not damaged by that."
      : error instanceof CutError ? "This file was cut: its end is missing. Whoever made it should write or send it again."
      : "This report could not be read (" + error.message + "): the file is damaged or was cut. Whoever made it should write or send it again.";
  }
  document.body.dataset.failed = "yes";
}
/* The data follow the script, so that a file that was cut has a script that says so. */
document.addEventListener("DOMContentLoaded", () => start().catch((error) => { sayWhy(error); throw error; }));
