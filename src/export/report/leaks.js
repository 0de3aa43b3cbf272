/* What kept growing, and what was left at exit: two words for two things. */
function stackDetails(id) {
  const site = data.siteAt.get(id);
  if (site === undefined) return element("p", { text: "This call site is not among those in the page." });
  const list = element("ol", { class: "source" });
  for (const frame of stackOfSite(site))
    list.append(
      element("li", {
        text:
          frameName(frame) +
          (framePlace(frame) === "" ? "" : "  " + framePlace(frame)) +
          (frameField(frame, 5) ? "  (inlined)" : ""),
      }),
    );
  return list;
}
function notFreedText(row) {
  if (!row.estimated) return formatBytes(row.bytes);
  const error = row.relative_error === null ? "" : " \u00b1" + (100 * row.relative_error).toFixed(0) + " %";
  return "~" + formatBytes(row.bytes) + error;
}
function liveText(row) {
  const site = data.siteAt.get(row.site_id);
  const variance = site === undefined ? 0 : data.siteFigures[site * FIGURES + VARIANCE_FIGURE];
  return estimateText(0, row.live_bytes, variance);
}
/* Why a list is empty. */
function noLikelyLeak(leaks) {
  if (memoryUnseen() !== "") return memoryUnseen();
  if (leaks.likely === null) return "Growth was not judged: " + leaks.not_judged_because + ".";
  if (leaks.likely.length > 0) return "None of those is at a call site of this thread, or fits the search.";
  return data.page.no_leak_because || "No call site grew window after window.";
}
function nothingNotFreed(leaks) {
  if (memoryUnseen() !== "") return memoryUnseen();
  if (leaks.not_freed === null) return "No process whose memory was seen has ended.";
  return leaks.not_freed.sites.length > 0
    ? "None of those is at a call site of this thread, or fits the search."
    : "Everything was freed.";
}
function leaksPanel(panel) {
  const leaks = data.report.leaks;
  const details = element("div", { class: "details", role: "status", text: "Choose a line to see its call stack." });
  const pick = (row) =>
    details.replaceChildren(
      element("h3", { text: siteName(row.site_id) }),
      row.reason ? element("p", { text: row.reason }) : "",
      stackDetails(row.site_id),
    );
  const likely = new Table(
    "Likely leaks",
    [
      { title: "call site", width: "minmax(240px, 3fr)", least: 240, text: (row) => siteName(row.site_id) },
      { title: "called by", width: "minmax(120px, 1.5fr)", least: 140, text: (row) => callerOfSite(row.site_id) },
      {
        title: "grew by",
        number: true,
        width: "110px",
        text: (row) => formatBytes(row.leaked_bytes),
        value: (row) => row.leaked_bytes,
      },
      {
        title: "live",
        number: true,
        width: data.sampled ? "160px" : "110px",
        text: liveText,
        value: (row) => row.live_bytes,
      },
      {
        title: "per second",
        number: true,
        width: "120px",
        text: (row) => formatUnit(row.slope_bytes_per_s, "bytes_per_second"),
        value: (row) => row.slope_bytes_per_s,
      },
      {
        title: "for",
        number: true,
        width: "110px",
        text: (row) => formatSeconds(row.age_ns / 1e9),
        value: (row) => row.age_ns,
      },
      {
        title: "how sure",
        number: true,
        width: "90px",
        text: (row) => (100 * row.confidence).toFixed(0) + " %",
        value: (row) => row.confidence,
      },
      { title: "suppressed", width: "110px", text: (row) => (row.suppressed ? "by a rule" : "") },
    ],
    { sort: 2, pick, empty: () => noLikelyLeak(leaks) },
  );
  const notFreed = new Table(
    "Not freed at exit",
    [
      { title: "call site", width: "minmax(240px, 3fr)", least: 240, text: (row) => siteName(row.site_id) },
      { title: "called by", width: "minmax(120px, 1.5fr)", least: 140, text: (row) => callerOfSite(row.site_id) },
      { title: "process", width: "minmax(120px, 1fr)", least: 140, text: (row) => processOfSite(row.site_id) },
      {
        title: "bytes",
        number: true,
        width: data.sampled ? "160px" : "120px",
        text: notFreedText,
        value: (row) => row.bytes,
      },
      {
        title: "blocks",
        number: true,
        width: "120px",
        text: (row) => (row.estimated ? "~" : "") + formatCount(row.blocks),
        value: (row) => row.blocks,
      },
      { title: "suppressed", width: "110px", text: (row) => (row.suppressed ? "by a rule" : "") },
    ],
    { sort: 3, pick, empty: () => nothingNotFreed(leaks) },
  );
  const sum =
    leaks.not_freed === null
      ? ""
      : notFreedText(leaks.not_freed.totals) +
        " in " +
        (leaks.not_freed.totals.estimated ? "~" : "") +
        formatCount(leaks.not_freed.totals.blocks) +
        " blocks of " +
        formatCount(leaks.not_freed.totals.sites) +
        " call sites were live when their process ended. " +
        (leaks.not_freed.totals.estimated
          ? "Estimated from a sample of what is exactly " + formatBytes(leaks.not_freed.totals.exact_bytes)
          : "Exact") +
        ", and no judgement: a program may leave memory to its end.";
  const note = wholeNote(
    () =>
      "The lines are the call sites at which " +
      threadName(view.focus) +
      " allocated; their figures are of all threads.",
  );
  panel.append(
    card(
      "Likely leaks",
      [],
      element("p", {
        class: "soft",
        text: "A judgement of the running program: what is live there kept growing, by blocks that are not freed any more.",
      }),
      likely.root,
    ),
    card("Not freed at exit", [], element("p", { class: "soft", id: "not-freed", text: sum }), note, notFreed.root),
    element("div", { class: "card" }, details),
  );
  const fill = () => {
    note.update();
    const fits = (row) => siteInFocus(row.site_id) && found(siteName(row.site_id));
    likely.set((leaks.likely || []).filter(fits));
    notFreed.set(((leaks.not_freed && leaks.not_freed.sites) || []).filter(fits));
  };
  onView(fill);
  fill();
}
