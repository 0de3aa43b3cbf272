/* Figures over time, as the history has them: in layers, each coarser than the one before. */

/* Series by what they are of and their number, then by their owner; each with its layers: finest,
   seconds, ten seconds. */
const SERIES_WORDS = 7,
  OF_SHIFT = 16;

function indexSeries(rows) {
  data.series = new Map();
  let offset = 0;
  for (let i = 0; i < rows.length; i += SERIES_WORDS) {
    const [of, series, owner, layer, first, count, constant] = rows.subarray(i, i + SERIES_WORDS);
    const byOwner = ownersOf(of, series);
    let entry = byOwner.get(owner);
    if (entry === undefined) {
      entry = { of, series, owner, layers: [null, null, null] };
      byOwner.set(owner, entry);
    }
    entry.layers[layer] = { step: data.page.layer_ns[layer] / 1e9, first, count, constant: constant === 1, offset };
    offset += constant === 1 ? 1 : count;
  }
}
function ownersOf(of, series) {
  const key = (of << OF_SHIFT) | series;
  let byOwner = data.series.get(key);
  if (byOwner === undefined) {
    byOwner = new Map();
    data.series.set(key, byOwner);
  }
  return byOwner;
}
function pointAt(layer, index) {
  return layer.constant ? data.points[layer.offset] : data.points[layer.offset + index];
}
function seriesOf(of, series, owner) {
  return ownersOf(of, series).get(owner);
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
