/* Figures at the top: of the whole session, or of the thread in focus. */
function tile(name, value, note) {
  return element(
    "div",
    { class: "tile" },
    element("div", { class: "k", text: name }),
    element("div", { class: "n", text: value }),
    note ? element("div", { class: "s", text: note }) : null,
  );
}
function sumOf(rows, member) {
  return (rows || []).reduce((sum, row) => sum + (row[member] || 0), 0);
}
function tiles() {
  const box = element("div", { class: "tiles", id: "totals" });
  box.append(...(view.focus === null ? sessionTiles() : threadTiles(data.threadAt.get(view.focus))));
  return box;
}
function sessionTiles() {
  const totals = data.report.totals,
    session = data.report.session,
    processes = data.report.processes || [];
  const threads = data.threads.reduce((sum, thread) => sum + (thread.merged > 0 ? thread.merged : 1), 0);
  const alive = data.threads.filter((thread) => !thread.ended).length;
  const high = data.threads.filter((thread) => thread.alert === "high").length;
  const unseen = memoryUnseen() !== "" ? "not seen" : "";
  const error =
    (processes.length > 1 ? "sum of all processes\u2019 peaks, " : "") +
    (totals.peak_error_bytes > 0 ? "\u00b1 " + formatBytes(totals.peak_error_bytes) : "exact");
  return [
    tile("live at the end", formatUnit(totals.current_bytes, "bytes"), unseen),
    tile("peak", formatUnit(totals.peak_bytes, "bytes"), unseen || error),
    tile(
      "allocations",
      formatUnit(totals.allocations, "count"),
      unseen || formatUnit(totals.bytes_allocated, "bytes") + " in all",
    ),
    tile("freed", formatUnit(totals.deallocations, "count"), unseen || formatUnit(totals.bytes_freed, "bytes")),
    tile("threads", formatCount(threads), formatCount(alive) + " alive at the end"),
    tile("high alerts", formatCount(high), high > 0 ? "see the cards" : "none"),
    ...leakTiles(unseen),
    tile(
      "watched for",
      session.duration_ns < 6e10
        ? formatSeconds(session.duration_ns / 1e9)
        : clock(Math.round(session.duration_ns / 1e9)),
      processes.length + (processes.length === 1 ? " process" : " processes"),
    ),
  ];
}
function leakTiles(unseen) {
  const leaks = data.report.leaks;
  if (!data.has("leaks") || !leaks) return [];
  if (unseen) return [tile("likely leaks", NONE, unseen), tile("not freed at exit", NONE, unseen)];
  const likely =
    leaks.likely === null ? null : leaks.likely.filter((leak) => !leak.suppressed && siteInFocus(leak.site_id));
  const growth =
    likely === null
      ? leaks.not_judged_because
      : likely.length === 0
        ? "see What leaks"
        : formatBytes(sumOf(likely, "leaked_bytes"));
  const made = [tile("likely leaks", likely === null ? NONE : formatCount(likely.length), growth)];
  if (view.focus === null) made.push(notFreedTile(leaks.not_freed));
  return made;
}
function notFreedTile(notFreed) {
  if (notFreed === null) return tile("not freed at exit", NONE, "no process has ended");
  const { bytes, blocks, estimated, exact_bytes } = notFreed.totals;
  return tile(
    "not freed at exit",
    formatBytes(estimated ? exact_bytes : bytes),
    estimated ? "exact; of a sample ~" + formatBytes(bytes) : formatCount(blocks) + " blocks",
  );
}
/* What a process leaves is not told by thread: that tile is of the session alone. */
function threadTiles(index) {
  const thread = data.threads[index],
    bytes = (name) => formatUnit(namedFigure(index, name), "bytes"),
    count = (name) => formatUnit(namedFigure(index, name), "count");
  const unseen = Number.isNaN(namedFigure(index, "allocations")) ? "not seen" : "";
  return [
    tile("live at the end", bytes("current_bytes"), unseen),
    tile("peak", bytes("peak_bytes"), unseen || "of this thread"),
    tile("allocations", count("allocations"), unseen || bytes("bytes_allocated") + " in all"),
    tile("freed", count("deallocations"), unseen || bytes("bytes_freed")),
    tile(
      "CPU time",
      formatUnit(cpuTime(index), "milliseconds"),
      formatUnit(namedFigure(index, "cpu_percent"), "percent") + " of a core",
    ),
    tile("role", roleOf(thread).word, thread.ended ? "ended" : "alive at the end"),
    tile("alert", thread.alert, thread.alert === "normal" ? "" : thread.alert_reason),
    ...leakTiles(unseen),
  ];
}
