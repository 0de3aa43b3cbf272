/*
 * Two figures against each other, a point for each second: least squares and Pearson's r as
 * src/analysis/correlation.h has them, over all threads of the program or one thread or process.
 */
const LONGEST_PAIR = 3600; /* seconds */

function correlationSums() {
  return { n: 0, meanX: 0, meanY: 0, sxx: 0, syy: 0, sxy: 0 };
}
/* The same pair so many times. */
function addPair(sums, x, y, times) {
  if (!Number.isFinite(x) || !Number.isFinite(y)) return;
  const dx = x - sums.meanX,
    dy = y - sums.meanY,
    all = sums.n + times,
    weight = (sums.n * times) / all;
  sums.meanX += (dx * times) / all;
  sums.meanY += (dy * times) / all;
  sums.sxx += dx * dx * weight;
  sums.syy += dy * dy * weight;
  sums.sxy += dx * dy * weight;
  sums.n = all;
}
function fitOf(sums) {
  if (sums.n < 3 || !(sums.sxx > 0) || !(sums.syy > 0)) return { n: sums.n, defined: false };
  const r = sums.sxy / Math.sqrt(sums.sxx * sums.syy);
  const slope = sums.sxy / sums.sxx;
  return {
    n: sums.n,
    defined: true,
    r: Math.max(-1, Math.min(1, r)),
    slope,
    intercept: sums.meanY - slope * sums.meanX,
  };
}

/* The same seconds of both figures of one owner; whole seconds only, as in src/analysis/pairs.h. */
function pairsOf(of, owner, x, y, visit) {
  const a = seriesOf(of, x, owner),
    b = seriesOf(of, y, owner);
  if (a === undefined || b === undefined || a.layers[1] === null || b.layers[1] === null) return;
  const left = a.layers[1],
    right = b.layers[1];
  const whole = Math.floor(data.page.end_ns / data.page.layer_ns[1]);
  const first = Math.max(left.first, right.first),
    end = Math.min(left.first + left.count, right.first + right.count, whole);
  const begin = Math.max(first, end - LONGEST_PAIR);
  /* Most of many threads do nothing: seconds that are alike are one point. */
  for (let at = begin, run; at < end; at += run) {
    const a = pointAt(left, at - left.first),
      b = pointAt(right, at - right.first);
    for (
      run = 1;
      at + run < end && pointAt(left, at + run - left.first) === a && pointAt(right, at + run - right.first) === b;
      run++
    );
    visit(a, b, run, owner);
  }
}
function ownersIn(scope) {
  if (scope.kind !== "threads") return [scope.owner];
  return data.threads.filter((thread) => thread.process_id === scope.owner).map((thread) => thread.id);
}
/* All pairs of a scope: their places, for how many seconds, of whom, and the line through them. */
function collectPairs(scope, x, y) {
  const of = scope.kind === "process" ? 1 : 0,
    sums = correlationSums();
  const xs = [],
    ys = [],
    times = [],
    owners = [];
  const add = (a, b, seconds, owner) => {
    if (!Number.isFinite(a) || !Number.isFinite(b)) return;
    addPair(sums, a, b, seconds);
    xs.push(a);
    ys.push(b);
    times.push(seconds);
    owners.push(owner);
  };
  for (const owner of ownersIn(scope)) pairsOf(of, owner, x, y, add);
  return {
    xs: Float64Array.from(xs),
    ys: Float64Array.from(ys),
    times: Float64Array.from(times),
    owners,
    fit: fitOf(sums),
  };
}
