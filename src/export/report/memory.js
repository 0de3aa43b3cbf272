/* Hotspots by function, leaks in their two words, types, and sizes and lifetimes of blocks. */

/* Of each function what it has itself and with all that it calls; recursion counts once. */
function functionSums() {
  const figures = siteFiguresOf(view.focus), count = data.functions.length;
  const self = new Float64Array(count * FIGURES), inclusive = new Float64Array(count * FIGURES), nodeSums = new Float64Array(data.nodeCount * FIGURES);
  for (let i = 0; i < data.siteCount; i++) {
    const leaf = data.leafOfSite[i], number = data.nodes.function[leaf];
    for (let f = 0; f < FIGURES; f++) {
      nodeSums[leaf * FIGURES + f] += figures[i * FIGURES + f];
      self[number * FIGURES + f] += figures[i * FIGURES + f];
    }
  }
  for (let i = data.nodeCount - 1; i > 0; i--) for (let f = 0; f < FIGURES; f++) nodeSums[data.nodes.parent[i] * FIGURES + f] += nodeSums[i * FIGURES + f];
  const inside = new Uint32Array(count), stack = [0];
  while (stack.length > 0) {
    const entry = stack.pop();
    if (entry < 0) { inside[data.nodes.function[~entry]]--; continue; }
    const number = data.nodes.function[entry];
    if (inside[number] === 0) for (let f = 0; f < FIGURES; f++) inclusive[number * FIGURES + f] += nodeSums[entry * FIGURES + f];
    inside[number]++;
    stack.push(~entry);
    for (let i = data.firstChild[entry]; i < data.firstChild[entry + 1]; i++) stack.push(data.childList[i]);
  }
  return { self, inclusive };
}
function hotspotTable(options) {
  let sums = null;
  const cell = (of, f) => (number) => formatUnit(sums[of][number * FIGURES + f], data.figureUnits[f]);
  const value = (of, f) => (number) => sums[of][number * FIGURES + f];
  const columns = [{ title: "function", width: "minmax(220px, 3fr)", least: 240, text: (number) => data.functions[number].name },
    { title: "source", width: "minmax(140px, 1.4fr)", least: 150, text: (number) => baseName(framePlace(data.functions[number].frame)) || baseName(data.texts[frameField(data.functions[number].frame, 3)]) }];
  for (const f of [0, 1, 2, 3, 4, 6, 7].filter((f) => f <= 3 || hasFigure(f))) {
    columns.push({ title: data.figureNames[f], number: true, width: "104px", least: 104, text: cell("inclusive", f), value: value("inclusive", f), what: data.figureNames[f] + ", with what it calls" });
    if (f === 0 || f === 2 || f === 3) columns.push({ title: "self", number: true, width: "96px", least: 96, text: cell("self", f), value: value("self", f), what: data.figureNames[f] + " of the function itself" });
  }
  const table = new Table("Functions by memory", columns, { sort: 5, empty: "No call site is in this report.", ...options });
  const fill = () => {
    sums = functionSums();
    const rows = [];
    for (let number = 1; number < data.functions.length; number++) {
      let any = false;
      for (let f = 0; f < FIGURES && !any; f++) any = sums.inclusive[number * FIGURES + f] > 0;
      if (any && found(data.functions[number].name)) rows.push(number);
    }
    table.set(rows);
  };
  return { table, fill };
}
function hotspotsPanel(panel) {
  const details = element("div", { class: "details", role: "status" });
  const made = hotspotTable({ pick: (number) => {
    const frame = data.functions[number].frame;
    details.replaceChildren(facts([["function", data.functions[number].name], ["source", framePlace(frame) || "not known"], ["module", data.texts[frameField(frame, 3)]]]));
  } });
  panel.append(element("div", { class: "card" }, element("h2", { text: "Hotspots by function" }), element("p", { class: "soft", text: "With all that a function calls; \u201cself\u201d is what it asked for itself. Wrappers of allocators are left out: what they gave counts for whoever called them." }), made.table.root), element("div", { class: "card" }, element("h3", { text: "Chosen" }), details));
  details.textContent = "Choose a line to see where the function is.";
  onView(made.fill);
  made.fill();
}

function siteName(id) {
  const site = data.siteAt.get(id);
  if (site === undefined) return "call site " + id + " (left out)";
  const culprit = data.sites[site * 5 + 3];
  return culprit === 0 ? "(no call stack)" : frameName(culprit) + (framePlace(culprit) === "" ? "" : "  " + baseName(framePlace(culprit)));
}
function siteInFocus(id) {
  if (view.focus === null) return true;
  const site = data.siteAt.get(id);
  if (site === undefined) return false;
  const figures = siteFiguresOf(view.focus);
  return figures[site * FIGURES + 3] > 0 || figures[site * FIGURES + 2] > 0;
}
function stackDetails(id) {
  const site = data.siteAt.get(id);
  if (site === undefined) return element("p", { text: "This call site is not among those in the page." });
  const list = element("ol", { class: "source" });
  for (const frame of stackOfSite(site)) list.append(element("li", { text: frameName(frame) + (framePlace(frame) === "" ? "" : "  " + framePlace(frame)) + (frameField(frame, 5) ? "  (inlined)" : "") }));
  return list;
}
function leaksPanel(panel) {
  const leaks = data.report.leaks;
  const details = element("div", { class: "details", role: "status", text: "Choose a line to see its call stack." });
  const pick = (row) => details.replaceChildren(element("h3", { text: siteName(row.site_id) }), row.reason ? element("p", { text: row.reason }) : "", stackDetails(row.site_id));
  const likely = new Table("Likely leaks", [
    { title: "call site", width: "minmax(240px, 3fr)", least: 240, text: (row) => siteName(row.site_id) },
    { title: "grew by", number: true, width: "110px", text: (row) => formatBytes(row.leaked_bytes), value: (row) => row.leaked_bytes },
    { title: "live", number: true, width: "110px", text: (row) => formatBytes(row.live_bytes), value: (row) => row.live_bytes },
    { title: "per second", number: true, width: "120px", text: (row) => formatUnit(row.slope_bytes_per_s, "bytes_per_second"), value: (row) => row.slope_bytes_per_s },
    { title: "for", number: true, width: "110px", text: (row) => formatSeconds(row.age_ns / 1e9), value: (row) => row.age_ns },
    { title: "how sure", number: true, width: "90px", text: (row) => (100 * row.confidence).toFixed(0) + " %", value: (row) => row.confidence },
    { title: "suppressed", width: "110px", text: (row) => row.suppressed ? "by a rule" : "" }],
  { sort: 1, pick, empty: leaks.likely === null ? "Growth was not judged: that needs the program to be watched while it runs." : data.page.no_leak_because ? data.page.no_leak_because : "No call site grew window after window." });
  const notFreed = new Table("Not freed at exit", [
    { title: "call site", width: "minmax(240px, 3fr)", least: 240, text: (row) => siteName(row.site_id) },
    { title: "bytes", number: true, width: "120px", text: (row) => formatBytes(row.bytes) + (row.estimated ? " ~" : ""), value: (row) => row.bytes },
    { title: "blocks", number: true, width: "120px", text: (row) => formatCount(row.blocks), value: (row) => row.blocks },
    { title: "suppressed", width: "110px", text: (row) => row.suppressed ? "by a rule" : "" }],
  { sort: 1, pick, empty: leaks.not_freed === null ? "No process whose memory was seen has ended." : "Everything was freed." });
  const sum = leaks.not_freed === null ? "" : formatBytes(leaks.not_freed.totals.bytes) + " in " + formatCount(leaks.not_freed.totals.blocks) + " blocks of " + formatCount(leaks.not_freed.totals.sites) + " call sites were live when their process ended. Exact" + (leaks.not_freed.totals.estimated ? " but for sampled sites" : "") + ", and no judgement: a program may leave memory to its end.";
  panel.append(element("div", { class: "card" }, element("h2", { text: "Likely leaks" }), element("p", { class: "soft", text: "A judgement of the running program: what is live there kept growing, by blocks that are not freed any more." }), likely.root),
    element("div", { class: "card" }, element("h2", { text: "Not freed at exit" }), element("p", { class: "soft", id: "not-freed", text: sum }), notFreed.root), element("div", { class: "card" }, details));
  const fill = () => {
    const fits = (row) => siteInFocus(row.site_id) && found(siteName(row.site_id));
    likely.set((leaks.likely || []).filter(fits));
    notFreed.set((leaks.not_freed && leaks.not_freed.sites || []).filter(fits));
  };
  onView(fill);
  fill();
}

function typesInFocus() {
  const figures = siteFiguresOf(view.focus), rows = new Map();
  for (let i = 0; i < data.siteCount; i++) {
    const text = data.sites[i * 5 + 4];
    if (text === 0 || !(figures[i * FIGURES + 3] > 0)) continue;
    const row = rows.get(text) || { type: data.texts[text], family: "", current_bytes: 0, bytes_allocated: 0, allocations: 0, sites: 0 };
    row.current_bytes += figures[i * FIGURES]; row.bytes_allocated += figures[i * FIGURES + 2]; row.allocations += figures[i * FIGURES + 3]; row.sites++;
    rows.set(text, row);
  }
  return [...rows.values()];
}
function typesPanel(panel) {
  if (data.has("types")) {
    const table = new Table("Types", [
      { title: "type", width: "minmax(240px, 3fr)", least: 240, text: (row) => row.type },
      { title: "family", width: "minmax(100px, 1fr)", text: (row) => row.family || "" },
      { title: "live", number: true, width: "110px", text: (row) => formatBytes(row.current_bytes), value: (row) => row.current_bytes },
      { title: "allocated", number: true, width: "110px", text: (row) => formatBytes(row.bytes_allocated), value: (row) => row.bytes_allocated },
      { title: "allocations", number: true, width: "110px", text: (row) => formatCount(row.allocations), value: (row) => row.allocations },
      { title: "call sites", number: true, width: "96px", text: (row) => formatCount(row.sites), value: (row) => row.sites },
      { title: "how known", width: "110px", text: (row) => row.provenance || "" }], { sort: 2, empty: "No block's type is known here." });
    const fill = () => table.set((view.focus === null ? data.report.types || [] : typesInFocus()).filter((row) => found(row.type)));
    panel.append(element("div", { class: "card" }, element("h2", { text: "Types" }), element("p", { class: "soft", text: "Read from the functions on the call stacks; what does not tell its type is listed by the reason." }), table.root));
    onView(fill);
    fill();
  }
  if (data.has("lifetime")) panel.append(histogramCards());
}
/* Names of classes by their bounds; of lifetimes the last has none. */
function classesOf(process, member) {
  const sizes = member === "size_classes";
  const bounds = sizes ? data.report.histograms.size_class_bounds_bytes : data.report.histograms.lifetime_class_bounds_ns;
  const format = (bound) => sizes ? formatBytes(bound) : formatMs(bound / 1e6);
  const named = {};
  (process[member] || []).forEach((count, index) => {
    named[bounds[index] === null ? "more" : (sizes ? "up to " : "under ") + format(bounds[index])] = count;
  });
  return named;
}
/* Sums over the processes, which tell it by class. */
function histogramCards() {
  const box = element("div", { class: "two" });
  for (const [member, title] of [["size_classes", "Sizes of blocks"], ["lifetime_classes", "How long blocks lived"]]) {
    const sums = new Map();
    for (const process of data.report.processes || []) for (const [key, count] of Object.entries(classesOf(process, member))) sums.set(key, (sums.get(key) || 0) + count);
    const most = Math.max(0, ...sums.values());
    const list = element("div", { class: "histogram", role: "img", "aria-label": title + ": " + [...sums].map(([key, count]) => key + " " + count).join(", ") });
    for (const [key, count] of sums) {
      const fill = element("div", { class: "fill" });
      fill.style.setProperty("--part", String(most > 0 ? count / most : 0));
      list.append(element("span", { class: "soft", text: key }), element("div", { class: "track" }, fill), element("span", { text: formatCount(count) }));
    }
    box.append(element("div", { class: "card" }, element("h2", { text: title }), most > 0 ? list : element("p", { class: "empty", text: "Not known." })));
  }
  return box;
}
