/* The figures of the report: blocks of base64 of gzip in the page, as the writer left them. */
const data = { figureNames: ["live", "at peak", "allocated", "allocations", "temporary", "waste", "CPU", "I/O calls", "I/O bytes", "I/O wait"],
  figureUnits: ["bytes", "bytes", "bytes", "count", "count", "bytes", "milliseconds", "count", "bytes", "milliseconds"] };
const FIGURES = 10;
const PEAK_FIGURE = 1;

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
  return json.replace(/\\(?:\\|u(?:00[01][0-9a-f]|007f|00[89][0-9a-f]|061c|200[b-f]|202[a-e]|206[0-9a-f]|feff|fff[9ab]))/gi, (escape) => escape === "\\\\" ? escape : "\ufffd");
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
const BLOCKS = [["report", unpackJson], ["threads", unpackJson], ["thread-figures", unpackArray, Float64Array], ["points", unpackArray, Float32Array],
  ["series", unpackArray, Uint32Array], ["stacks", unpackArray, Uint32Array], ["sites", unpackArray, Uint32Array], ["site-figures", unpackArray, Float64Array],
  ["frames", unpackArray, Uint32Array], ["usages", unpackArray, Float64Array], ["sites-left-out", unpackArray, Float64Array], ["texts", unpackJson], ["page", unpackJson]];

/* `progress` gets how many of how many parts are unpacked. The last block is "page": without it the file was cut. */
async function loadData(progress) {
  if (document.getElementById("page") === null) throw new CutError();
  const unpacked = [];
  for (const [name, how, Type] of BLOCKS) {
    progress(unpacked.length, BLOCKS.length);
    unpacked.push(await how(name, Type));
  }
  const [report, threads, figures, points, series, stacks, sites, siteFigures, frames, usages, leftOut, texts, page] = unpacked;
  progress(BLOCKS.length, BLOCKS.length);
  await breathe();
  Object.assign(data, { page, report, threads, figures, points: points || new Float32Array(0), texts: texts || [""], leftOut });
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

/* Series by "of:series:owner", each with its layers: finest, seconds, ten seconds. */
function indexSeries(rows) {
  data.series = new Map();
  let offset = 0;
  for (let i = 0; i < rows.length; i += 7) {
    const key = rows[i] + ":" + rows[i + 1] + ":" + rows[i + 2];
    let entry = data.series.get(key);
    if (entry === undefined) {
      entry = { of: rows[i], series: rows[i + 1], owner: rows[i + 2], layers: [null, null, null] };
      data.series.set(key, entry);
    }
    const constant = rows[i + 6] === 1;
    entry.layers[rows[i + 3]] = { step: data.page.layer_ns[rows[i + 3]] / 1e9, first: rows[i + 4], count: rows[i + 5], constant, offset };
    offset += constant ? 1 : rows[i + 5];
  }
}
function pointAt(layer, index) {
  return layer.constant ? data.points[layer.offset] : data.points[layer.offset + index];
}
function seriesOf(of, series, owner) {
  return data.series.get(of + ":" + series + ":" + owner);
}
/* What is drawn: the coarse layers up to where a finer one begins. In seconds of the session. */
function segmentsOf(entry) {
  if (entry.segments === undefined) {
    entry.segments = [];
    let end = Infinity;
    for (const layer of entry.layers) {
      if (layer === null) continue;
      const begin = layer.first * layer.step;
      const count = Math.min(layer.count, Math.floor((end - begin) / layer.step + 1e-6));
      if (count > 0) {
        entry.segments.unshift({ layer, begin, count });
        end = begin;
      }
    }
    entry.highest = -Infinity;
    for (const segment of entry.segments) {
      for (let i = 0; i < (segment.layer.constant ? 1 : segment.count); i++) {
        const value = pointAt(segment.layer, i);
        if (value > entry.highest) entry.highest = value;
      }
    }
  }
  return entry.segments;
}
function valueAt(entry, seconds) {
  for (const segment of segmentsOf(entry)) {
    const index = Math.floor((seconds - segment.begin) / segment.layer.step);
    if (index >= 0 && index < segment.count) return pointAt(segment.layer, index);
  }
  return NaN;
}

/*
 * Functions and the tree of stacks. A function is a name in a module, or a place in a module
 * without names. A node comes after its parent, so sums go up in one pass from the end.
 */
function indexSites(stacks, sites, siteFigures, frames, usages) {
  data.siteCount = sites === null ? 0 : sites.length / 5;
  data.sites = sites;
  data.siteFigures = siteFigures;
  data.frames = frames;
  data.usages = usages || new Float64Array(0);
  data.siteAt = new Map();
  data.functions = [{ name: "all", frame: 0 }];
  data.functionOfFrame = new Uint32Array(frames === null ? 1 : frames.length / 8 + 1);
  const byName = new Map();
  for (let i = 1; i < data.functionOfFrame.length; i++) {
    const key = frameKey(i);
    let number = byName.get(key);
    if (number === undefined) {
      number = data.functions.length;
      byName.set(key, number);
      data.functions.push({ name: frameName(i), frame: i });
    }
    data.functionOfFrame[i] = number;
  }
  buildTree(stacks || new Uint32Array(0));
  data.usagesOfThread = null;
}
function frameField(frame, field) {
  return data.frames[(frame - 1) * 8 + field];
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
  return (module === "" ? "" : module.slice(module.lastIndexOf("/") + 1) + "+") + "0x" + frameOffset(frame).toString(16);
}
function framePlace(frame) {
  const file = data.texts[frameField(frame, 1)];
  return file === "" ? "" : file + (frameField(frame, 2) > 0 ? ":" + frameField(frame, 2) : "");
}

function buildTree(stacks) {
  const nodes = { parent: [0], function: [0], frame: [0], depth: [0], process: [0] };
  const children = new Map();
  const several = new Set();
  for (let i = 0; i < data.siteCount; i++) several.add(data.sites[i * 5 + 1]);
  data.leafOfSite = new Uint32Array(data.siteCount);
  data.stackOfSite = new Uint32Array(data.siteCount + 1);
  const path = [], nodePath = [];
  let at = 0;
  const childOf = (parent, number, frame, process) => {
    const key = parent * 8388608 + number;
    let node = children.get(key);
    if (node === undefined) {
      node = nodes.parent.length;
      children.set(key, node);
      nodes.parent.push(parent);
      nodes.function.push(process > 0 && frame === 0 ? 0 : number);
      nodes.frame.push(frame);
      nodes.depth.push(nodes.depth[parent] + 1);
      nodes.process.push(frame === 0 ? process : 0);
    }
    return node;
  };
  for (let i = 0; i < data.siteCount; i++) {
    const shared = stacks[at], fresh = stacks[at + 1];
    at += 2;
    path.length = nodePath.length = shared;
    data.siteAt.set(data.sites[i * 5], i);
    const process = data.sites[i * 5 + 1];
    const root = several.size > 1 ? childOf(0, 4194304 + process, 0, process) : 0;
    for (let k = 0; k < fresh; k++) {
      const frame = stacks[at++];
      nodePath.push(childOf(path.length === 0 ? root : nodePath[path.length - 1], data.functionOfFrame[frame], frame, 0));
      path.push(frame);
    }
    /* Wrappers inside the function to blame are no part of the picture. */
    const culprit = path.lastIndexOf(data.sites[i * 5 + 3]);
    data.leafOfSite[i] = culprit >= 0 ? nodePath[culprit] : path.length > 0 ? nodePath[path.length - 1] : root;
  }
  data.stacks = stacks;
  data.nodeCount = nodes.parent.length;
  data.nodes = { parent: Uint32Array.from(nodes.parent), function: Uint32Array.from(nodes.function), frame: Uint32Array.from(nodes.frame),
    depth: Uint16Array.from(nodes.depth), process: Uint32Array.from(nodes.process) };
  data.firstChild = new Uint32Array(data.nodeCount + 1);
  for (let i = 1; i < data.nodeCount; i++) data.firstChild[nodes.parent[i] + 1]++;
  for (let i = 0; i < data.nodeCount; i++) data.firstChild[i + 1] += data.firstChild[i];
  data.childList = new Uint32Array(data.nodeCount);
  const fill = data.firstChild.slice();
  for (let i = 1; i < data.nodeCount; i++) data.childList[fill[nodes.parent[i]]++] = i;
}

/* Frames of a site from the inside out, with those that the tree leaves out. */
function stackOfSite(site) {
  let at = 0;
  const path = [];
  for (let i = 0; i <= site; i++) {
    path.length = data.stacks[at];
    for (let k = 0; k < data.stacks[at + 1]; k++) path.push(data.stacks[at + 2 + k]);
    at += 2 + data.stacks[at + 1];
  }
  return path.reverse();
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
