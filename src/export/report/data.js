/* The figures of the report: blocks of base64 of gzip in the page, as the writer left them. */
const data = {
  figureNames: [
    "live",
    "at peak",
    "allocated",
    "allocations",
    "temporary",
    "waste",
    "CPU",
    "I/O calls",
    "I/O bytes",
    "I/O wait",
  ],
  figureUnits: ["bytes", "bytes", "bytes", "count", "count", "bytes", "milliseconds", "count", "bytes", "milliseconds"],
};
/* After those that have names, the variances of the first three where they are estimated. */
const NAMED_FIGURES = 10,
  FIGURES = 13,
  VARIANCE_FIGURE = 10,
  TOTAL_VARIANCE = 12;
const PEAK_FIGURE = 1,
  TOTAL_FIGURE = 2,
  COUNT_FIGURE = 3,
  LAST_MEMORY_FIGURE = 5;

class CutError extends Error {}

/* Lets the browser draw what it was told, how far it is. */
function breathe() {
  return new Promise((done) => setTimeout(done));
}

async function unpack(name) {
  const element = document.getElementById(name);
  if (element === null) return null;
  await breathe();
  const text = atob(element.textContent);
  element.textContent = "";
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

/* Controls and what turns the direction of text, which the writer leaves as escapes, become U+FFFD. */
function harmless(json) {
  return json.replace(
    /\\(?:\\|u(?:00[01][0-9a-f]|007f|00[89][0-9a-f]|061c|200[b-f]|202[a-e]|206[0-9a-f]|feff|fff[9ab]))/gi,
    (escape) => (escape === "\\\\" ? escape : "\ufffd"),
  );
}

async function unpackJson(name) {
  const buffer = await unpack(name);
  return buffer === null ? null : JSON.parse(harmless(new TextDecoder().decode(buffer)));
}

async function unpackArray(name, Type) {
  const buffer = await unpack(name);
  return buffer === null ? null : new Type(buffer);
}

/* One after another: each needs its bytes three times over while it is unpacked. */
const BLOCKS = [
  ["report", unpackJson],
  ["threads", unpackJson],
  ["thread-figures", unpackArray, Float64Array],
  ["points", unpackArray, Float32Array],
  ["series", unpackArray, Uint32Array],
  ["stacks", unpackArray, Uint32Array],
  ["sites", unpackArray, Uint32Array],
  ["site-figures", unpackArray, Float64Array],
  ["frames", unpackArray, Uint32Array],
  ["usages", unpackArray, Float64Array],
  ["sites-left-out", unpackArray, Float64Array],
  ["texts", unpackJson],
  ["page", unpackJson],
];

/* `progress` gets how many of how many parts are unpacked. The last block is "page": without it the file was cut. */
async function loadData(progress) {
  if (document.getElementById("page") === null) throw new CutError();
  const unpacked = [];
  for (const [name, how, Type] of BLOCKS) {
    progress(unpacked.length, BLOCKS.length);
    unpacked.push(await how(name, Type));
  }
  const [report, threads, figures, points, series, stacks, sites, siteFigures, frames, usages, leftOut, texts, page] =
    unpacked;
  progress(BLOCKS.length, BLOCKS.length);
  await breathe();
  Object.assign(data, {
    page,
    report,
    threads,
    figures,
    points: points || new Float32Array(0),
    texts: texts || [""],
    leftOut,
  });
  data.has = (section) => page.sections.includes(section);
  data.threadAt = new Map(threads.map((thread, index) => [thread.id, index]));
  data.metricAt = new Map(page.metrics.map((metric, index) => [metric.name, index]));
  data.processes = new Map((report.processes || []).map((process) => [process.id, process]));
  indexSeries(series || new Uint32Array(0));
  indexSites(stacks, sites, siteFigures, frames, usages);
}

/* A figure of a thread (by its place in the list); NaN: it has none. */
function figureOf(index, metric) {
  return data.figures[metric * data.threads.length + index];
}
function namedFigure(index, name) {
  return figureOf(index, data.metricAt.get(name));
}

/* Why no memory of the program is known, when none of its processes was seen; else "". */
function memoryUnseen() {
  const processes = data.report.processes || [];
  if (processes.length === 0 || processes.some((process) => process.seen !== "none")) return "";
  const why = processes.map((process) => process.seen_because).find((because) => because);
  return "Memory was not seen" + (why ? ": " + why : "") + ".";
}
/* Live at the peak, in words, when that is not known: little was ever live. */
function peakUnknown() {
  if (memoryUnseen() !== "") return memoryUnseen();
  const known = (data.report.processes || []).some((process) => process.at_peak !== null);
  return known ? "" : "What was live at the peak is not known: a peak is told by call site from 64 KiB on.";
}
function firstFigure() {
  return peakUnknown() === "" ? PEAK_FIGURE : TOTAL_FIGURE;
}
