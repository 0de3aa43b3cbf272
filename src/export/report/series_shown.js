/* Which series a chart has: of many owners those that came highest. */
const LINES = 8;

function ownerName(entry) {
  if (entry.of === 0) return threadName(entry.owner);
  if (entry.of === 1) return entry.owner === 0 ? "all processes" : processName(entry.owner);
  return entry.series >= 100 ? (entry.series === 100 ? "core " : "GPU ") + entry.owner : "machine";
}
/* Of many, those that came highest; with a thread in focus that one too. */
function linesOf(of, series) {
  let entries = [...ownersOf(of, series).values()];
  for (const entry of entries) segmentsOf(entry);
  entries = entries.filter((entry) => entry.segments.length > 0);
  if (of === 0 && view.search !== "") entries = entries.filter((entry) => found(threadName(entry.owner)));
  entries.sort((a, b) => b.highest - a.highest || a.owner - b.owner);
  const lines = entries.slice(0, LINES);
  const focused = of === 0 && view.focus !== null ? entries.find((entry) => entry.owner === view.focus) : undefined;
  if (focused !== undefined && !lines.includes(focused)) lines.push(focused);
  return { lines, all: entries.length, focused };
}
function chartsOf(of) {
  const tables = data.page.series;
  const charts = tables[of].map((info, series) => ({ of, series, info }));
  if (of === 2)
    charts.push(
      {
        of,
        series: 100,
        info: { name: "core_percent", heading: "cores", unit: "percent", what: "busy time of each core" },
      },
      {
        of,
        series: 101,
        info: { name: "gpu_busy_percent", heading: "GPUs", unit: "percent", what: "busy time of each GPU" },
      },
      {
        of,
        series: 102,
        info: { name: "gpu_used_bytes", heading: "GPU memory", unit: "bytes", what: "memory used on each GPU" },
      },
    );
  return charts;
}
