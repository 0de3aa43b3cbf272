/* Who eats memory, what leaks, who burns CPU: in a glance. */
/* The first of a list that has been sorted, with a bar each: who has most of something. */
const ANSWERS = 5;
/* Call sites with one name are told apart by who calls them. */
function told(rows) {
  const same = (row) => rows.filter((other) => other.name === row.name).length > 1;
  return rows.map((row) =>
    row.site !== undefined && same(row) && callerOfSite(row.site) !== ""
      ? { ...row, name: row.name + " \u2190 " + callerOfSite(row.site) }
      : row,
  );
}
function answerCard(title, note, rows, tab, empty) {
  const list = element("ol", { class: "answers" });
  const most = rows.length > 0 ? rows[0].value : 0;
  for (const row of told(rows.slice(0, ANSWERS))) {
    const name =
      row.thread !== undefined
        ? element("button", {
            type: "button",
            class: "name",
            text: row.name,
            title: "Focus on " + row.name,
            "aria-pressed": String(view.focus === row.thread),
            onclick: () => setFocus(row.thread),
          })
        : element("span", { class: "name", text: row.name, title: row.name.slice(0, 1000) });
    const bar = element("span", { class: "track" }, element("span", { class: "fill" }));
    bar.firstChild.style.setProperty("--part", String(most > 0 ? row.value / most : 0));
    list.append(element("li", {}, name, element("b", { text: row.text }), bar));
  }
  return element(
    "section",
    { class: "card", "aria-label": title },
    element(
      "div",
      { class: "row" },
      element("h2", { text: title }),
      panels.has(tab)
        ? element("button", {
            type: "button",
            class: "controls link",
            text: "more",
            "aria-label": "More: " + title,
            onclick: () => showTab(tab),
          })
        : null,
    ),
    element("p", { class: "soft small", text: note }),
    rows.length > 0 ? list : element("p", { class: "empty", text: empty }),
  );
}
/* Threads that have some of a figure, most first. */
function topThreads(value, format) {
  return [...data.threads.keys()]
    .map((index) => ({ index, value: value(index) }))
    .filter((row) => row.value > 0)
    .sort((a, b) => b.value - a.value)
    .slice(0, ANSWERS)
    .map((row) => ({
      thread: data.threads[row.index].id,
      name: threadName(data.threads[row.index].id),
      value: row.value,
      text: format(row.value),
    }));
}
function cpuTime(index) {
  return namedFigure(index, "user_ms") + namedFigure(index, "system_ms");
}
function topFunctions(figure) {
  const self = selfSums();
  const rows = [];
  for (let number = 1; number < data.functions.length; number++)
    if (self[number * FIGURES + figure] > 0)
      rows.push({
        name: data.functions[number].name,
        value: self[number * FIGURES + figure],
        variance: self[number * FIGURES + varianceOf(figure)],
      });
  rows.sort((a, b) => b.value - a.value);
  return rows.slice(0, ANSWERS).map((row) => ({ ...row, text: estimateText(figure, row.value, row.variance) }));
}
function functionAnswer() {
  const figure = firstFigure();
  const note =
    (figure === PEAK_FIGURE ? "live at the peak" : "allocated in all") +
    (view.focus === null ? ", asked for by it" : ", of the thread in focus");
  return answerCard(
    "Memory by function",
    note,
    topFunctions(figure),
    "hotspots",
    memoryUnseen() || "No call site had memory.",
  );
}
function leakAnswer() {
  const leaks = data.report.leaks;
  if (memoryUnseen() !== "") return answerCard("What leaks", "not judged", [], "leaks", memoryUnseen());
  const inFocus = (row) => siteInFocus(row.site_id);
  const likely = (leaks.likely || [])
    .filter((leak) => !leak.suppressed && inFocus(leak))
    .sort((a, b) => b.leaked_bytes - a.leaked_bytes);
  if (likely.length > 0)
    return answerCard(
      "What leaks",
      "call sites that kept growing, by how much",
      likely.map((leak) => ({
        name: siteName(leak.site_id),
        site: leak.site_id,
        value: leak.leaked_bytes,
        text: "+" + formatBytes(leak.leaked_bytes),
      })),
      "leaks",
      "",
    );
  const why =
    leaks.likely === null
      ? "Growth was not judged: " + leaks.not_judged_because + "."
      : data.page.no_leak_because
        ? data.page.no_leak_because
        : "No likely leak.";
  const left = ((leaks.not_freed && leaks.not_freed.sites) || [])
    .filter((row) => !row.suppressed && inFocus(row))
    .sort((a, b) => b.bytes - a.bytes);
  return answerCard(
    "What leaks",
    why + (left.length > 0 ? " Not freed at exit:" : ""),
    left.map((row) => ({
      name: siteName(row.site_id),
      site: row.site_id,
      value: row.bytes,
      text: notFreedText(row),
    })),
    "leaks",
    leaks.not_freed === null
      ? "No process has ended, so nothing is said of what it leaves."
      : view.focus !== null
        ? "Nothing that this thread allocated was left at exit."
        : "Everything was freed.",
  );
}
/* Who eats memory, who leaks, who burns CPU: in a glance. */
function answers() {
  const box = element("div", { class: "answers-row", id: "answers" });
  if (data.has("threads"))
    box.append(
      answerCard(
        "Memory by thread",
        "highest live memory of each",
        topThreads((index) => namedFigure(index, "peak_bytes"), formatBytes),
        "rankings",
        memoryUnseen() || "No allocation of a thread was seen.",
      ),
    );
  if (data.has("sites") && data.sites !== null) box.append(functionAnswer());
  if (data.has("leaks") && data.report.leaks) box.append(leakAnswer());
  if (data.has("threads"))
    box.append(
      answerCard(
        "CPU by thread",
        "time on a core while it was watched",
        topThreads(cpuTime, formatMs),
        "rankings",
        "No CPU time of a thread is known.",
      ),
    );
  return box;
}
