/* Figures as people read them. MB are 10^6 bytes. */
const NONE = "\u2013";
function steps(value, names) {
  let size = Math.abs(value),
    step = 0;
  while (size >= 999.5 && step + 1 < names.length) {
    size /= 1000;
    step++;
  }
  const digits = step === 0 && Number.isInteger(value) ? 0 : size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2;
  return (value < 0 ? "\u2212" : "") + size.toFixed(digits) + names[step];
}
function formatBytes(value) {
  return steps(value, [" B", " kB", " MB", " GB", " TB", " PB"]);
}
function formatCount(value) {
  return Math.abs(value) < 10000 && Number.isInteger(value)
    ? value.toLocaleString("en")
    : steps(value, ["", " k", " M", " G", " T"]);
}
function formatExact(value) {
  return value.toLocaleString("en");
}
function formatMs(value) {
  return value >= 60000
    ? formatSeconds(value / 1000)
    : value >= 1000
      ? (value / 1000).toFixed(2) + " s"
      : value.toFixed(value >= 100 ? 0 : 1) + " ms";
}
function formatSeconds(seconds) {
  const s = Math.round(seconds * 10) / 10;
  if (s < 60) return s.toFixed(1) + " s";
  const h = Math.floor(s / 3600),
    m = Math.floor(s / 60) % 60,
    rest = Math.floor(s % 60);
  return (h > 0 ? h + " h " : "") + m + " min " + (h > 0 ? "" : rest + " s");
}
function formatUnit(value, unit) {
  if (value === null || value === undefined || Number.isNaN(value)) return NONE;
  switch (unit) {
    case "bytes":
      return formatBytes(value);
    case "bytes_per_second":
      return formatBytes(value) + "/s";
    case "percent":
      return value.toFixed(Math.abs(value) >= 99.95 ? 0 : 1) + " %";
    case "per_second":
      return steps(value, ["", " k", " M", " G"]) + "/s";
    case "milliseconds":
      return formatMs(value);
    case "microseconds":
      return value >= 1000 ? formatMs(value / 1000) : value.toFixed(1) + " \u00b5s";
    case "ratio":
      return value.toFixed(2);
    case "index":
      return String(value);
    case "score":
      return value.toFixed(1);
    default:
      return formatCount(value);
  }
}
function baseName(path) {
  return path.slice(path.lastIndexOf("/") + 1);
}
function processName(id) {
  const process = data.processes.get(id);
  if (process === undefined) return "process " + id;
  const argv = Array.isArray(process.argv) ? process.argv[0] : "";
  return (
    (baseName(argv || process.exe || "") || "process") +
    " (" +
    (process.pid > 0 ? "pid " + process.pid : "merged") +
    ")"
  );
}
function threadName(id) {
  const index = data.threadAt.get(id);
  if (id === null || id === 0) return "others, not told apart";
  if (index === undefined) return "thread " + id + " (not in this report)";
  const thread = data.threads[index];
  return (
    (thread.name || "(no name)") +
    (thread.merged > 0 ? " \u00d7 " + thread.merged : isOneOfMany(thread) ? " [" + thread.tid + "]" : "")
  );
}
/* Many programs give all their threads one name: those are told apart by their tid. */
function isOneOfMany(thread) {
  if (data.threadsOfName === undefined) {
    data.threadsOfName = new Map();
    for (const { name } of data.threads) data.threadsOfName.set(name, (data.threadsOfName.get(name) || 0) + 1);
  }
  return thread.tid !== null && data.threadsOfName.get(thread.name) > 1;
}
/* Of a scale: no digits that say nothing. */
function formatTick(value, unit) {
  return formatUnit(value, unit)
    .replace(/\.0+(?=\D|$)/, "")
    .replace(/(\.\d*[1-9])0+(?=\D|$)/, "$1")
    .replace(/^[-\u2212]0(?![\d.])/, "0");
}
/* Texts of the ticks of an axis, with as many digits as tell them apart. */
function formatTicks(ticks, unit) {
  const texts = ticks.map((tick) => formatTick(tick, unit));
  if (new Set(texts).size === texts.length) return texts;
  const largest = Math.max(...ticks.map(Math.abs)),
    text = formatUnit(largest, unit),
    number = Number.parseFloat(text.replaceAll(",", "")),
    suffix = /[^\d]*$/.exec(text)[0],
    scale = number > 0 ? 1000 ** Math.round(Math.log(largest / number) / Math.log(1000)) : 1;
  if (text.includes("min")) return texts;
  for (let digits = 1; digits < 12; digits++) {
    const shown = ticks.map((tick) => (tick / scale).toFixed(digits));
    if (new Set(shown.map(Number)).size === shown.length)
      return shown.map((text) => (Number(text) === 0 ? "0" : text.replace("-", "\u2212")) + suffix);
  }
  return texts;
}
