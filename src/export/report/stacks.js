/*
 * Call sites: their frames, the functions that these are of, and what each function asked for. A
 * function is a name in a module, or a place in a module without names.
 */
const SITE_WORDS = 5,
  FRAME_WORDS = 8;

function indexSites(stacks, sites, siteFigures, frames, usages) {
  data.stacks = stacks || new Uint32Array(0);
  data.siteCount = sites === null ? 0 : sites.length / SITE_WORDS;
  data.sites = sites;
  data.siteFigures = siteFigures;
  data.frames = frames;
  data.usages = usages || new Float64Array(0);
  data.usagesOfThread = null;
  data.sampled = siteFigures !== null && hasFigure(TOTAL_VARIANCE);
  data.siteAt = new Map();
  for (let i = 0; i < data.siteCount; i++) data.siteAt.set(data.sites[i * SITE_WORDS], i);
  nameFunctions();
  findFunctionsOfSites();
}
function nameFunctions() {
  data.functions = [{ name: "all", frame: 0 }];
  data.functionOfFrame = new Uint32Array(data.frames === null ? 1 : data.frames.length / FRAME_WORDS + 1);
  const byName = new Map();
  for (let frame = 1; frame < data.functionOfFrame.length; frame++) {
    const key = frameKey(frame);
    let number = byName.get(key);
    if (number === undefined) {
      number = data.functions.length;
      byName.set(key, number);
      data.functions.push({ name: frameName(frame), frame });
    }
    data.functionOfFrame[frame] = number;
  }
}
/* That of the frame to blame; without one, of the innermost frame. */
function findFunctionsOfSites() {
  data.functionOfSite = new Uint32Array(data.siteCount);
  data.placeOfStack = new Uint32Array(data.siteCount);
  const path = [];
  let at = 0;
  for (let i = 0; i < data.siteCount; i++) {
    data.placeOfStack[i] = at;
    path.length = data.stacks[at];
    const fresh = data.stacks[at + 1];
    for (let k = 0; k < fresh; k++) path.push(data.stacks[at + 2 + k]);
    at += 2 + fresh;
    const frame = culpritOfSite(i) || path[path.length - 1];
    data.functionOfSite[i] = frame === undefined ? 0 : data.functionOfFrame[frame];
  }
}
function frameField(frame, field) {
  return data.frames[(frame - 1) * FRAME_WORDS + field];
}
function frameOffset(frame) {
  return frameField(frame, 6) + frameField(frame, 7) * 4294967296;
}
function frameKey(frame) {
  const name = frameField(frame, 0);
  return name !== 0 ? "n" + name + ":" + frameField(frame, 3) : "o" + frameField(frame, 3) + ":" + frameOffset(frame);
}
function frameName(frame) {
  const name = data.texts[frameField(frame, 0)];
  if (name !== "") return name;
  const module = data.texts[frameField(frame, 3)];
  return (module === "" ? "" : baseName(module) + "+") + "0x" + frameOffset(frame).toString(16);
}
function framePlace(frame) {
  const file = data.texts[frameField(frame, 1)];
  return file === "" ? "" : file + (frameField(frame, 2) > 0 ? ":" + frameField(frame, 2) : "");
}
function culpritOfSite(site) {
  return data.sites[site * SITE_WORDS + 3];
}
/* Frames of a site from the inside out, with those that the tree leaves out. Of each earlier site
   only the frames that this one shares through all between them count. */
function stackOfSite(site) {
  const path = [];
  let wanted = Infinity;
  for (let i = site; i >= 0 && wanted > 0; i--) {
    const at = data.placeOfStack[i],
      shared = data.stacks[at],
      fresh = data.stacks[at + 1];
    for (let k = Math.min(shared + fresh, wanted) - 1; k >= shared; k--) path.push(data.stacks[at + 2 + k - shared]);
    wanted = Math.min(wanted, shared);
  }
  return path;
}
function siteName(id) {
  const site = data.siteAt.get(id);
  if (site === undefined) return "call site " + id + " (left out)";
  const culprit = culpritOfSite(site);
  if (culprit === 0) return "(no call stack)";
  return frameName(culprit) + (framePlace(culprit) === "" ? "" : "  " + baseName(framePlace(culprit)));
}
/* Who called the function to blame: of many sites with one name it tells them apart. */
function callerOfSite(id) {
  const site = data.siteAt.get(id);
  if (site === undefined) return "";
  const path = stackOfSite(site);
  const caller = path[path.indexOf(culpritOfSite(site)) + 1];
  return caller === undefined ? "" : frameName(caller);
}

function processOfSite(id) {
  const site = data.siteAt.get(id);
  return site === undefined ? "" : processName(data.sites[site * SITE_WORDS + 1]);
}

/* Figures of sites in scope: of all, or what one thread did at them. Row by row, FIGURES wide. */
function siteFiguresOf(thread) {
  if (thread === null) return data.siteFigures;
  if (data.usagesOfThread === null || data.usagesOfThread.thread !== thread) {
    const sums = new Float64Array(data.siteCount * FIGURES);
    for (let i = 0; i < data.usages.length; i += FIGURES + 2) {
      if (data.usages[i + 1] !== thread) continue;
      for (let f = 0; f < FIGURES; f++) sums[data.usages[i] * FIGURES + f] += data.usages[i + 2 + f];
    }
    data.usagesOfThread = { thread, sums };
  }
  return data.usagesOfThread.sums;
}
function siteInFocus(id) {
  if (view.focus === null) return true;
  const site = data.siteAt.get(id);
  if (site === undefined) return false;
  const figures = siteFiguresOf(view.focus);
  return figures[site * FIGURES + 3] > 0 || figures[site * FIGURES + 2] > 0;
}
function hasFigure(figure) {
  for (let i = figure; i < data.siteFigures.length; i += FIGURES) if (data.siteFigures[i] > 0) return true;
  return false;
}

/*
 * Estimates: what is estimated from a sample has a variance; half of its 95 % interval is told with
 * it. Of counts and waste no error is known.
 */
function varianceOf(figure) {
  return figure > LAST_MEMORY_FIGURE ? null : figure <= TOTAL_FIGURE ? VARIANCE_FIGURE + figure : TOTAL_VARIANCE;
}
function estimateText(figure, value, variance) {
  const text = formatUnit(value, data.figureUnits[figure]);
  if (!(variance > 0)) return text;
  if (figure > TOTAL_FIGURE || !(value > 0)) return "~" + text;
  return "~" + text + " \u00b1" + ((100 * 1.96 * Math.sqrt(variance)) / value).toFixed(0) + " %";
}
/* What threads and processes know exactly of it; null: not by a thread, or not at all. */
function exactFigure(figure) {
  const name = ["current_bytes", null, "bytes_allocated", "allocations"][figure];
  if (view.focus !== null) {
    const value = name ? namedFigure(data.threadAt.get(view.focus), name) : NaN;
    return Number.isNaN(value) ? null : value;
  }
  if (figure === PEAK_FIGURE)
    return (data.report.processes || []).reduce(
      (sum, process) => sum + (process.at_peak ? process.at_peak.bytes : 0),
      0,
    );
  return name ? (data.report.processes || []).reduce((sum, process) => sum + process.totals[name], 0) : null;
}
function estimateNote(figure) {
  if (!data.sampled || figure > LAST_MEMORY_FIGURE) return "";
  const exact = exactFigure(figure);
  return (
    "Call sites are a sample: ~ stands before estimates, \u00b1 is half of their 95 % interval." +
    (exact === null
      ? ""
      : " Known exactly: " + formatUnit(exact, data.figureUnits[figure]) + " " + data.figureNames[figure] + " in all.")
  );
}
