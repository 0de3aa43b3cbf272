/* Printing, and the beginning: the data are unpacked, or it is said why they are not. */
/* On paper all parts follow each other, in light colours. */
function startPrinting() {
  const begin = () => {
    for (const entry of panels.values()) {
      fillTab(entry);
      entry.panel.hidden = false;
    }
    applyTheme(true);
    for (const table of Table.all) table.draw(true);
  };
  const end = () => {
    applyTheme(false);
    showTab([...panels].find(([, entry]) => entry.tab.getAttribute("aria-selected") === "true")[0]);
  };
  window.addEventListener("beforeprint", begin);
  window.addEventListener("afterprint", end);
  document.getElementById("print").addEventListener("click", () => window.print());
}

async function start() {
  const place = document.getElementById("loading");
  if (
    typeof DecompressionStream === "undefined" ||
    typeof CSS === "undefined" ||
    !CSS.supports("color", "color-mix(in srgb, red, blue)")
  )
    throw new BrowserError();
  await loadData((done, all) => {
    place.textContent = "Unpacking the figures: part " + Math.min(done + 1, all) + " of " + all + "\u2026";
  });
  document.getElementById("loading").remove();
  const program = data.page.program_id,
    session = data.report.session;
  document.getElementById("title").textContent =
    data.page.title || (program === null ? "memscope-top" : processName(program));
  document.getElementById("subtitle").textContent =
    new Date(session.start_unix_ns / 1e6).toISOString().slice(0, 19).replace("T", " ") +
    " UTC, " +
    formatSeconds(session.duration_ns / 1e9) +
    ", " +
    (program === null ? "" : data.processes.get(program).exe || "");
  document.getElementById("footer").textContent =
    "memscope-top " +
    data.report.memscope.version +
    ". This file holds all of its data and asks for nothing from anywhere. MB are 10\u2076 bytes.";
  startThemes();
  startFocus();
  makeTabs();
  startPrinting();
  showTab("overview");
  /* For whoever looks at the figures in the console of the browser. */
  window.memscope = { data, view, pairsOf, correlationSums, addPair, fitOf, functionSums, formatTicks };
  document.body.dataset.ready = "yes";
}
class BrowserError extends Error {}
function sayWhy(error) {
  const place = document.getElementById("loading");
  if (place !== null) {
    place.textContent =
      error instanceof BrowserError
        ? "This browser is too old to show the report: it needs one of 2023 or later (Chrome 111, Firefox 113, Safari 16.4). The file itself is not damaged by that."
        : error instanceof CutError
          ? "This file was cut: its end is missing. Whoever made it should write or send it again."
          : "This report could not be read (" +
            error.message +
            "): the file is damaged or was cut. Whoever made it should write or send it again.";
  }
  document.body.dataset.failed = "yes";
}
/* The data follow the script, so that a file that was cut has a script that says so. */
document.addEventListener("DOMContentLoaded", () =>
  start().catch((error) => {
    sayWhy(error);
    throw error;
  }),
);
