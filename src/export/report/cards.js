/* Overview: the totals, how complete the data are, and a card for each thread. */
const CARDS_AT_ONCE = 60;

function tile(name, value, note) {
  return element("div", { class: "tile" }, element("div", { class: "k", text: name }), element("div", { class: "n", text: value }), note ? element("div", { class: "s", text: note }) : null);
}
function totalsTiles() {
  const totals = data.report.totals, session = data.report.session;
  const sum = (list, member) => (list || []).reduce((all, row) => all + (row[member] || 0), 0);
  const likely = data.report.leaks ? data.report.leaks.likely : null;
  const notFreed = data.report.leaks ? data.report.leaks.not_freed : null;
  const alive = data.threads.filter((thread) => !thread.ended).length;
  const high = data.threads.filter((thread) => thread.alert === "high").length;
  const box = element("div", { class: "tiles", id: "totals" });
  const several = (data.report.processes || []).length > 1 ? "sum of all processes\u2019 peaks, " : "";
  const error = several + (totals.peak_error_bytes > 0 ? "\u00b1 " + formatBytes(totals.peak_error_bytes) : "exact");
  box.append(tile("live at the end", formatUnit(totals.current_bytes, "bytes")), tile("peak", formatUnit(totals.peak_bytes, "bytes"), totals.peak_bytes === null ? "" : error),
    tile("allocations", formatUnit(totals.allocations, "count"), formatUnit(totals.bytes_allocated, "bytes") + " in all"),
    tile("freed", formatUnit(totals.deallocations, "count"), formatUnit(totals.bytes_freed, "bytes")),
    tile("threads", formatCount(sum(data.threads.map((thread) => ({ n: thread.merged > 0 ? thread.merged : 1 })), "n")), formatCount(alive) + " alive at the end"),
    tile("high alerts", formatCount(high), high > 0 ? "see the cards" : "none"));
  if (data.has("leaks")) {
    box.append(tile("likely leaks", likely === null ? NONE : formatCount(likely.filter((leak) => !leak.suppressed).length), likely === null ? "judged only while it runs" : formatBytes(sum(likely.filter((leak) => !leak.suppressed), "leaked_bytes"))));
    box.append(tile("not freed at exit", notFreed === null ? NONE : formatBytes(notFreed.totals.bytes), notFreed === null ? "no process has ended" : formatCount(notFreed.totals.blocks) + " blocks"));
  }
  box.append(tile("watched for", session.duration_ns < 6e10 ? formatSeconds(session.duration_ns / 1e9) : clock(Math.round(session.duration_ns / 1e9)), (data.report.processes || []).length + " process" + ((data.report.processes || []).length === 1 ? "" : "es")));
  return box;
}

const LOSSES = { lost: "events that nothing counted", coarsened: "events counted without (all of) their call stack", owner_unknown: "frees of blocks whose owner is not known",
  threads_folded: "threads that were folded into others", not_classified: "histograms without room", rates_refused: "changes of the sampling rate without room",
  misuse_missing: "misuses without room", marks_missing: "marks overwritten before they were read", io_sites_missing: "timed I/O calls without room for their call site" };

/* The first of a list that has been sorted, with a bar each: who has most of something. */
const ANSWERS = 5;
function answerCard(title, note, rows, tab, empty) {
  const list = element("ol", { class: "answers" });
  const most = rows.length > 0 ? rows[0].value : 0;
  for (const row of rows.slice(0, ANSWERS)) {
    const name = row.thread !== undefined ? element("button", { type: "button", class: "name", text: row.name, title: "Focus on " + row.name, "aria-pressed": String(view.focus === row.thread), onclick: () => setFocus(row.thread) })
      : element("span", { class: "name", text: row.name, title: row.name.slice(0, 1000) });
    const bar = element("span", { class: "track" }, element("span", { class: "fill" }));
    bar.firstChild.style.setProperty("--part", String(most > 0 ? row.value / most : 0));
    list.append(element("li", {}, name, element("b", { text: row.text }), bar));
  }
  return element("section", { class: "card", "aria-label": title }, element("div", { class: "row" }, element("h2", { text: title }), panels.has(tab) ? element("button", { type: "button", class: "controls link", text: "more", "aria-label": "More: " + title, onclick: () => showTab(tab) }) : null),
    element("p", { class: "soft small", text: note }), rows.length > 0 ? list : element("p", { class: "empty", text: empty }));
}
/* Threads that have some of a figure, most first. */
function topThreads(value, format) {
  return [...data.threads.keys()].map((index) => ({ index, value: value(index) })).filter((row) => row.value > 0)
    .sort((a, b) => b.value - a.value).slice(0, ANSWERS).map((row) => ({ thread: data.threads[row.index].id, name: threadName(data.threads[row.index].id), value: row.value, text: format(row.value) }));
}
function cpuTime(index) {
  return namedFigure(index, "user_ms") + namedFigure(index, "system_ms");
}
function topFunctions() {
  const { self } = functionSums();
  const rows = [];
  for (let number = 1; number < data.functions.length; number++) if (self[number * FIGURES + PEAK_FIGURE] > 0) rows.push({ name: data.functions[number].name, value: self[number * FIGURES + PEAK_FIGURE] });
  rows.sort((a, b) => b.value - a.value);
  return rows.slice(0, ANSWERS).map((row) => ({ ...row, text: formatBytes(row.value) }));
}
function leakAnswer() {
  const leaks = data.report.leaks;
  const inFocus = (row) => siteInFocus(row.site_id);
  const likely = (leaks.likely || []).filter((leak) => !leak.suppressed && inFocus(leak)).sort((a, b) => b.leaked_bytes - a.leaked_bytes);
  if (likely.length > 0) return answerCard("What leaks", "call sites that kept growing, by how much", likely.map((leak) => ({ name: siteName(leak.site_id), value: leak.leaked_bytes, text: "+" + formatBytes(leak.leaked_bytes) })), "leaks", "");
  const why = leaks.likely === null ? "Growth was not judged." : data.page.no_leak_because ? data.page.no_leak_because : "No likely leak.";
  const left = (leaks.not_freed && leaks.not_freed.sites || []).filter((row) => !row.suppressed && inFocus(row)).sort((a, b) => b.bytes - a.bytes);
  return answerCard("What leaks", why + (left.length > 0 ? " Not freed at exit:" : ""), left.map((row) => ({ name: siteName(row.site_id), value: row.bytes, text: formatBytes(row.bytes) })), "leaks",
    leaks.not_freed === null ? "No process has ended, so nothing is said of what it leaves." : view.focus !== null ? "Nothing that this thread allocated was left at exit." : "Everything was freed.");
}
/* Who eats memory, who leaks, who burns CPU: in a glance. */
function answers() {
  const box = element("div", { class: "answers-row", id: "answers" });
  if (data.has("threads")) box.append(answerCard("Memory by thread", "highest live memory of each", topThreads((index) => namedFigure(index, "peak_bytes"), formatBytes), "rankings", "No allocation of a thread was seen."));
  if (data.has("sites") && data.sites !== null) box.append(answerCard("Memory by function", view.focus === null ? "live at the peak, asked for by it" : "of the thread in focus, at the peak", topFunctions(), "hotspots", "No call site had memory at the peak."));
  if (data.has("leaks") && data.report.leaks) box.append(leakAnswer());
  if (data.has("threads")) box.append(answerCard("CPU by thread", "time on a core while it was watched", topThreads(cpuTime, formatMs), "rankings", "No CPU time of a thread is known."));
  return box;
}

/* Sentences about what is missing or was left out, most important first. */
function conditionNotes() {
  const notes = [], left = data.page.left_out, losses = data.report.losses || {};
  if (left.threads_filtered > 0) notes.push(["partial", formatExact(left.threads - left.threads_filtered) + " of " + formatExact(left.threads) + " threads pass " + left.thread_rules.join(" and ") + "; only those are listed, ranked, drawn and correlated. Totals, call sites, functions, the flame graph, leaks, types and processes are of all threads."]);
  if (left.sites_kept < left.sites) notes.push(["partial", "The " + formatExact(left.sites_kept) + " call sites with the most weight of " + formatExact(left.sites) + " are in this page; the others are one sum, \u201cleft out\u201d. The JSON export has all."]);
  if (left.usages_kept < left.usages) notes.push(["partial", formatExact(left.usages_kept) + " of " + formatExact(left.usages) + " figures of threads at call sites are in this page, those with the most weight; with a thread in focus small ones may be missing."]);
  if (left.series_kept < left.series) notes.push(["partial", formatExact(left.series_kept) + " of " + formatExact(left.series) + " series over time are in this page (" + formatExact(left.points) + " points): those of the machine, of " + formatExact(left.processes_most) + " processes at most, and of the threads with the highest peaks."]);
  for (const [name, words] of Object.entries(LOSSES)) if (losses[name] > 0) notes.push(["warning", formatExact(losses[name]) + " " + words + "."]);
  if (losses.untracked_reason) notes.push(["warning", "Not all is counted: " + losses.untracked_reason + "."]);
  for (const process of data.report.processes || []) if (process.seen && process.seen !== "full" && process.seen_because && notes.length < 12) notes.push(["warning", processName(process.id) + " is seen " + (process.seen === "none" ? "not at all" : "in part") + ": " + process.seen_because]);
  if (notes.length === 0) notes.push(["available", "Nothing was lost: " + formatExact(losses.recorded || 0) + " events counted, all with an owner and a call stack as deep as was asked for."]);
  return notes;
}
function conditionCard() {
  const list = element("ul", { class: "notes", id: "condition" });
  for (const [kind, text] of conditionNotes()) list.append(element("li", { class: "note" }, pill(kind === "available" ? "complete" : kind === "partial" ? "left out" : "missing", kind), element("span", { text })));
  return element("div", { class: "card" }, element("h2", { text: "How complete this is" }), list);
}

function drawSpark(canvas, id) {
  const entry = seriesOf(0, 1, id);
  const context = contextOf(canvas);
  if (context === null || entry === undefined) return;
  const segments = segmentsOf(entry), width = canvas.clientWidth, height = canvas.clientHeight;
  if (segments.length === 0 || !(entry.highest > 0)) return;
  const begin = data.page.first_ns / 1e9, end = data.page.end_ns / 1e9;
  context.strokeStyle = colour("c0");
  context.lineWidth = 1.5;
  context.beginPath();
  let drawing = false;
  for (let x = 0; x <= width; x++) {
    const value = valueAt(entry, begin + (end - begin) * Math.min(x / width, 0.9999));
    if (Number.isNaN(value)) { drawing = false; continue; }
    const y = height - 2 - (height - 4) * value / entry.highest;
    if (drawing) context.lineTo(x, y); else context.moveTo(x, y);
    drawing = true;
  }
  context.stroke();
}
function threadCard(index) {
  const thread = data.threads[index];
  const figure = (label, metric, unit) => element("span", {}, element("b", { text: formatUnit(namedFigure(index, metric), unit) }), element("i", { text: label }));
  const spark = element("canvas", { "aria-hidden": "true" });
  const card = element("button", { type: "button", class: "thread" + (view.focus === thread.id ? " chosen" : ""), "data-thread": thread.id, "aria-pressed": String(view.focus === thread.id),
    title: thread.role_reason + (thread.alert_reason ? "; " + thread.alert_reason : ""), onclick: () => setFocus(thread.id) },
    element("span", { class: "top" }, letterOf(thread), element("span", { class: "name", text: thread.merged > 0 ? threadName(thread.id) : thread.name || "(no name)" }),
      thread.alert === "normal" ? null : pill(thread.alert, thread.alert), thread.ended ? pill("ended") : null),
    element("span", { class: "figures" }, figure("live", "current_bytes", "bytes"), figure("peak", "peak_bytes", "bytes"), figure("allocations", "allocations", "count"),
      figure("CPU", "cpu_percent", "percent"), figure("I/O calls", "io_operations", "count"), figure("efficiency", "efficiency_score", "score")),
    spark, element("span", { class: "small soft", text: roleOf(thread).word + (thread.tid ? ", tid " + thread.tid : "") + ", " + processName(thread.process_id) }));
  card.style.setProperty("--role", "var(--" + roleOf(thread).name + ")");
  redrawCards.set(spark, thread.id);
  return card;
}
const redrawCards = new Map();

function overviewPanel(panel) {
  let top = answers();
  panel.append(totalsTiles(), top, conditionCard());
  onView(() => { const made = answers(); top.replaceWith(made); top = made; });
  if (!data.has("threads")) return;
  const state = { metric: "peak_bytes", shown: CARDS_AT_ONCE };
  const cards = element("div", { class: "cards", id: "cards" });
  const more = element("button", { type: "button", class: "controls", onclick: () => { state.shown += CARDS_AT_ONCE; draw(); } });
  const count = element("span", { class: "soft" });
  const choices = data.page.metrics.filter((metric) => metric.unit !== "index").map((metric) => [metric.name, metric.name]);
  const draw = () => {
    const metric = data.metricAt.get(state.metric);
    const order = [...data.threads.keys()].filter((index) => found(data.threads[index].name + " " + data.threads[index].tid + " " + roleOf(data.threads[index]).word));
    const key = (index) => { const value = figureOf(index, metric); return Number.isNaN(value) ? -Infinity : value; };
    order.sort((a, b) => key(b) - key(a) || data.threads[a].id - data.threads[b].id);
    const focused = data.threadAt.get(view.focus);
    const shown = order.slice(0, state.shown);
    if (focused !== undefined && !shown.includes(focused)) shown.unshift(focused);
    redrawCards.clear();
    cards.replaceChildren(...shown.map(threadCard));
    if (shown.length === 0) cards.append(element("p", { class: "empty", text: "No thread fits the search." }));
    count.textContent = shown.length < order.length ? shown.length + " of " + formatCount(order.length) : formatCount(order.length);
    more.hidden = order.length <= state.shown;
    more.textContent = "Show " + Math.min(CARDS_AT_ONCE, order.length - state.shown) + " more";
    sparks();
  };
  const sparks = () => { for (const [canvas, id] of redrawCards) drawSpark(canvas, id); };
  panel.append(element("div", { class: "row" }, element("h2", { text: "Threads" }), count, select("most", choices, state.metric, (value) => { state.metric = value; draw(); })), cards, more);
  onView(() => { const at = document.activeElement && document.activeElement.dataset.thread; draw(); if (at) { const card = cards.querySelector('[data-thread="' + Number(at) + '"]'); if (card) card.focus({ preventScroll: true }); } });
  redrawOn(cards, sparks);
  draw();
}
