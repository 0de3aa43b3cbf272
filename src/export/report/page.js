/* Tabs; one draws itself when it is first looked at. */
const TABS = [
  ["overview", "Overview", overviewPanel, () => true],
  ["rankings", "Rankings", rankingsPanel, () => data.has("rankings")],
  ["timeline", "Timeline", timelinePanel, () => data.has("timeline")],
  ["correlation", "Correlation", correlationPanel, () => data.has("correlations")],
  ["flame", "Flame graph", flamePanel, () => data.has("sites") && data.sites !== null],
  ["hotspots", "Hotspots", hotspotsPanel, () => data.has("sites") && data.sites !== null],
  ["leaks", "Leaks", leaksPanel, () => data.has("leaks") && data.report.leaks],
  ["flows", "Flows", flowsPanel, () => data.has("flows")],
  ["types", "Types", typesPanel, () => data.has("types") || data.has("lifetime")],
  ["insights", "Insights", insightsPanel, () => data.has("insights")],
  ["system", "System", systemPanel, () => data.has("system")],
];
const panels = new Map();

function makeTabs() {
  const bar = document.getElementById("tabs"),
    main = document.getElementById("main");
  for (const [id, title, fill, wanted] of TABS) {
    if (!wanted()) continue;
    const tab = element("button", {
      type: "button",
      role: "tab",
      id: "tab-" + id,
      "aria-controls": "panel-" + id,
      "aria-selected": "false",
      tabindex: "-1",
      text: title,
      onclick: () => showTab(id),
    });
    const panel = element(
      "section",
      { role: "tabpanel", id: "panel-" + id, "aria-labelledby": "tab-" + id, tabindex: "0" },
      element("h2", { class: "print-title", text: title }),
    );
    panel.hidden = true;
    bar.append(tab);
    main.append(panel);
    panels.set(id, { tab, panel, fill, filled: false });
  }
  bar.addEventListener("keydown", (event) => {
    const ids = [...panels.keys()],
      at = ids.findIndex((id) => panels.get(id).tab.getAttribute("aria-selected") === "true");
    const to = {
      ArrowRight: (at + 1) % ids.length,
      ArrowLeft: (at + ids.length - 1) % ids.length,
      Home: 0,
      End: ids.length - 1,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    showTab(ids[to]);
    panels.get(ids[to]).tab.focus();
  });
}
function fillTab(entry) {
  if (!entry.filled) {
    entry.filled = true;
    entry.fill(entry.panel);
  }
}
function showTab(id) {
  for (const [key, entry] of panels) {
    const on = key === id;
    entry.tab.setAttribute("aria-selected", String(on));
    entry.tab.tabIndex = on ? 0 : -1;
    entry.panel.hidden = !on;
    if (on) {
      fillTab(entry);
      entry.tab.scrollIntoView({ block: "nearest", inline: "nearest" });
    }
  }
  for (const table of Table.all) table.later();
  redrawAll();
}
