/* Findings in words, and the machine with the sources of all figures. */
function insightsPanel(panel) {
  const list = element("ul", { class: "notes", id: "insights" });
  const insights = data.report.insights;
  const fill = () => {
    const shown = (insights || []).filter((insight) => (view.focus === null || insight.thread_id === view.focus || (insight.site_id !== null && siteInFocus(insight.site_id))) && found(insight.what + " " + insight.advice));
    list.replaceChildren(...shown.map((insight) => element("li", { class: "note" }, pill(insight.severity, insight.severity), element("strong", { text: insight.what }), element("p", { class: "soft", text: insight.advice }),
      insight.thread_id !== null && data.threadAt.has(insight.thread_id) ? element("p", {}, focusButton(insight.thread_id)) : null)));
    if (shown.length === 0) list.append(element("li", { class: "empty", text: insights === null ? "Nothing was judged: no findings came with this report." : view.focus !== null ? "Nothing is said of this thread." : "Nothing stands out." }));
  };
  panel.append(element("div", { class: "card" }, element("h2", { text: "Insights" }), list));
  const anomalies = new Table("Anomalies", [
    { title: "at", number: true, width: "90px", text: (row) => clock(row.t_ns / 1e9), value: (row) => row.t_ns },
    { title: "what", width: "minmax(280px, 4fr)", least: 280, text: (row) => row.text },
    { title: "z", number: true, width: "80px", text: (row) => row.z === null ? "\u221e" : row.z.toFixed(1), value: (row) => row.z === null ? Infinity : Math.abs(row.z) },
    { title: "until", width: "100px", text: (row) => row.end_ns === null ? "goes on" : clock(row.end_ns / 1e9) }], { sort: 0, down: false, empty: data.report.anomalies === null ? "Not looked for: no findings came with this report." : "No figure left its usual range." });
  panel.append(element("div", { class: "card" }, element("h2", { text: "Anomalies" }), anomalies.root));
  const marks = new Table("Marks", [
    { title: "at", number: true, width: "90px", text: (row) => clock(row.at_ns / 1e9), value: (row) => row.at_ns },
    { title: "mark", width: "minmax(280px, 4fr)", least: 280, text: (row) => row.text, value: (row) => row.text },
    { title: "set by", width: "160px", text: (row) => row.by_program ? "the program" : "the user", value: (row) => row.by_program ? 1 : 0 }], { sort: 0, down: false, empty: "No mark was set." });
  if ((data.report.marks || []).length > 0) panel.append(element("div", { class: "card" }, element("h2", { text: "Marks" }), marks.root));
  const limits = data.report.limits || [];
  if (limits.length > 0) panel.append(element("div", { class: "card" }, element("h2", { text: "Limits" }), element("ul", { class: "notes" }, ...limits.map((limit) => element("li", { class: "note" }, pill(limit.limit.replaceAll("_", " "), limit.grows ? "warning" : ""), element("span", { text: processName(limit.process_id) + ": " + limit.text }))))));
  misuseCard(panel);
  const update = () => { fill(); marks.set((data.report.marks || []).filter((row) => found(row.text))); anomalies.set((data.report.anomalies || []).filter((row) => (view.focus === null || row.thread_id === view.focus) && found(row.text))); };
  onView(update);
  update();
}
function misuseCard(panel) {
  const rows = data.report.misuse || [];
  if (!data.has("boundaries") || rows.length === 0) return;
  const table = new Table("Misuse and memory that crossed libraries", [
    { title: "what", width: "minmax(130px, 1fr)", text: (row) => String(row.kind || "").replaceAll("_", " ") },
    { title: "allocated at", width: "minmax(180px, 2fr)", least: 180, text: (row) => row.allocated_site_id !== null ? siteName(row.allocated_site_id) : NONE },
    { title: "released at", width: "minmax(180px, 2fr)", least: 180, text: (row) => row.released_site_id !== null ? siteName(row.released_site_id) : NONE },
    { title: "times", number: true, width: "100px", text: (row) => (row.provenance === "sampled" ? "~ " : "") + formatUnit(row.count, "count"), value: (row) => row.count }], { sort: 3 });
  table.set(rows);
  panel.append(element("div", { class: "card" }, element("h2", { text: "Misuse and memory that crossed libraries" }), table.root));
}
function systemPanel(panel) {
  const system = data.report.system || {}, processor = system.processor || {};
  panel.append(element("div", { class: "two" },
    element("div", { class: "card" }, element("h2", { text: "Machine" }), facts([["kernel", system.kernel], ["processor", processor.brand || system.cpu_model], ["cores", system.cores], ["NUMA nodes", system.nodes],
      ["hypervisor", processor.hypervisor], ["memory", formatUnit(system.memory_total_bytes, "bytes")], ["available", formatUnit(system.memory_available_bytes, "bytes")],
      ["caches", (processor.caches || []).map((cache) => "L" + cache.level + " " + cache.kind + " " + formatBytes(cache.bytes)).join(", ")]])),
    element("div", { class: "card" }, element("h2", { text: "At the end" }), facts([["CPU", formatUnit(system.cpu_percent, "percent")], ["waiting for I/O", formatUnit(system.io_wait_percent, "percent")],
      ["load", [system.load_1, system.load_5, system.load_15].map((load) => load === null || load === undefined ? NONE : load.toFixed(2)).join("  ")],
      ["stalled for CPU, 10 s", system.pressure && system.pressure.cpu ? formatUnit(system.pressure.cpu.some_avg10_percent, "percent") : NONE],
      ["stalled for memory, 10 s", system.pressure && system.pressure.memory ? formatUnit(system.pressure.memory.some_avg10_percent, "percent") : NONE],
      ["stalled for I/O, 10 s", system.pressure && system.pressure.io ? formatUnit(system.pressure.io.some_avg10_percent, "percent") : NONE]]))));
  for (const [title, rows, name, columns] of machineTables(system)) {
    if (rows.length === 0) continue;
    const table = new Table(title, [{ title: "name", width: "minmax(140px, 1.5fr)", least: 140, text: name }, ...columns.map(([heading, member, unit]) => ({ title: heading, number: true, text: (row) => formatUnit(row[member], unit), value: (row) => row[member] }))]);
    table.set(rows);
    panel.append(element("div", { class: "card" }, element("h2", { text: title }), table.root));
  }
  const processes = new Table("Processes", [
    { title: "process", width: "minmax(180px, 2fr)", least: 180, text: (process) => processName(process.id) },
    { title: "ended", width: "110px", text: (process) => process.exit_status !== null && process.exit_status !== undefined ? "status " + process.exit_status : process.signal ? "signal " + process.signal : process.ended ? "unknown" : "alive" },
    { title: "seen", width: "90px", text: (process) => process.seen || "" },
    { title: "live", number: true, text: (process) => formatUnit(process.totals.current_bytes, "bytes"), value: (process) => process.totals.current_bytes },
    { title: "peak", number: true, text: (process) => formatUnit(process.totals.peak_bytes, "bytes"), value: (process) => process.totals.peak_bytes },
    { title: "allocations", number: true, text: (process) => formatUnit(process.totals.allocations, "count"), value: (process) => process.totals.allocations },
    { title: "arguments", width: "minmax(200px, 3fr)", least: 200, text: (process) => Array.isArray(process.argv) ? process.argv.join(" ") : "hidden or not known" }], { sort: 4 });
  processes.set(data.report.processes || []);
  panel.append(element("div", { class: "card" }, element("h2", { text: "Processes" }), processes.root));
  const sources = element("ul", { class: "notes", id: "sources" });
  for (const source of data.report.sources || []) sources.append(element("li", { class: "note" }, pill(source.condition.replaceAll("_", " "), source.condition), element("strong", { text: source.what }), source.because ? element("p", { class: "soft", text: source.because }) : null));
  if (data.page.waiting_unavailable) sources.append(element("li", { class: "note" }, pill("unavailable", "unavailable"), element("strong", { text: "threads that wait for others" }), element("p", { class: "soft", text: data.page.waiting_unavailable })));
  panel.append(element("div", { class: "card" }, element("h2", { text: "Where the figures come from" }), sources));
}
function machineTables(system) {
  return [["Disks", system.disks || [], (disk) => disk.name, [["read", "read_bytes", "bytes"], ["written", "written_bytes", "bytes"], ["busy", "busy_percent", "percent"], ["wait", "wait_ms", "milliseconds"]]],
    ["Network interfaces", system.interfaces || [], (one) => one.name, [["received", "received_bytes", "bytes"], ["sent", "sent_bytes", "bytes"], ["errors", "errors", "count"]]],
    ["Sensors", system.sensors || [], (one) => one.chip + " " + one.label + " (" + one.kind.replaceAll("_", " ") + ")", [["value", "value", "score"], ["high", "high", "score"], ["critical", "critical", "score"]]],
    ["GPUs", system.gpus || [], (one) => one.name, [["busy", "utilization_percent", "percent"], ["memory", "memory_used_bytes", "bytes"], ["of", "memory_total_bytes", "bytes"]]]];
}
