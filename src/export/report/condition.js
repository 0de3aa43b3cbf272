/* How complete the data are, in sentences. */
const LOSSES = {
  lost: "events that nothing counted",
  coarsened: "events counted without (all of) their call stack",
  owner_unknown: "frees of blocks whose owner is not known",
  threads_folded: "threads that were folded into others",
  not_classified: "histograms without room",
  rates_refused: "changes of the sampling rate without room",
  misuse_missing: "misuses without room",
  marks_missing: "marks overwritten before they were read",
  io_sites_missing: "timed I/O calls without room for their call site",
};

/* Sentences about what is missing or was left out, most important first. */
function conditionNotes() {
  const notes = [],
    left = data.page.left_out,
    losses = data.report.losses || {};
  if (left.threads_filtered > 0)
    notes.push([
      "partial",
      formatExact(left.threads - left.threads_filtered) +
        " of " +
        formatExact(left.threads) +
        " threads pass " +
        left.thread_rules.join(" and ") +
        "; only those are listed, ranked, drawn and correlated, and call sites, functions, types and the flame graph are what those did. Totals, leaks, flows, histograms and processes are of all threads.",
    ]);
  if (left.sites_kept < left.sites)
    notes.push([
      "partial",
      "The " +
        formatExact(left.sites_kept) +
        " call sites with the most weight of " +
        formatExact(left.sites) +
        " are in this page; the others are one sum, \u201cleft out\u201d. The JSON export has all.",
    ]);
  if (left.usages_kept < left.usages)
    notes.push([
      "partial",
      formatExact(left.usages_kept) +
        " of " +
        formatExact(left.usages) +
        " figures of threads at call sites are in this page, those with the most weight; with a thread in focus small ones may be missing.",
    ]);
  if (left.series_kept < left.series)
    notes.push([
      "partial",
      formatExact(left.series_kept) +
        " of " +
        formatExact(left.series) +
        " series over time are in this page (" +
        formatExact(left.points) +
        " points): those of the machine, of " +
        formatExact(left.processes_most) +
        " processes at most, and of the threads with the highest peaks.",
    ]);
  for (const [name, words] of Object.entries(LOSSES))
    if (losses[name] > 0) notes.push(["warning", formatExact(losses[name]) + " " + words + "."]);
  if (losses.untracked_reason) notes.push(["warning", "Not all is counted: " + losses.untracked_reason + "."]);
  for (const process of data.report.processes || [])
    if (process.seen && process.seen !== "full" && process.seen_because && notes.length < 12)
      notes.push([
        "warning",
        processName(process.id) +
          " is seen " +
          (process.seen === "none" ? "not at all" : "in part") +
          ": " +
          process.seen_because,
      ]);
  if (data.page.damage)
    notes.unshift([
      "warning",
      "The recording that this was made from is not whole: " +
        data.page.damage +
        ". What was there is missing, what came before is shown.",
    ]);
  if (notes.length === 0 && losses.recorded === 0)
    notes.push(["available", "Nothing was lost: there was no event to count."]);
  else if (notes.length === 0)
    notes.push([
      "available",
      "Nothing was lost: " +
        formatExact(losses.recorded || 0) +
        " events counted, all with an owner and a call stack as deep as was asked for.",
    ]);
  return notes;
}
function conditionCard() {
  const list = element("ul", { class: "notes", id: "condition" });
  for (const [kind, text] of conditionNotes())
    list.append(
      element(
        "li",
        { class: "note" },
        pill(kind === "available" ? "complete" : kind === "partial" ? "left out" : "missing", kind),
        element("span", { text }),
      ),
    );
  return element("div", { class: "card" }, element("h2", { text: "How complete this is" }), list);
}
