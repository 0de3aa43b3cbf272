/*
 * What a chart draws of a series: of each column of pixels the lowest and the highest of its
 * points, NaN where nothing is known. So nothing that was high for a moment disappears, and the
 * work grows with the points in view, not with those of the session.
 */
class Columns {
  constructor() {
    this.low = new Float64Array(0);
    this.high = new Float64Array(0);
    this.least = Infinity;
    this.most = -Infinity;
  }
  /* The piece of `entry` from `from` to `to` seconds, in so many columns. */
  fill(entry, from, to, count) {
    if (this.low.length !== count) {
      this.low = new Float64Array(count);
      this.high = new Float64Array(count);
    }
    this.low.fill(NaN);
    this.high.fill(NaN);
    this.least = Infinity;
    this.most = -Infinity;
    for (const segment of segmentsOf(entry)) this.addSegment(segment, from, count / (to - from), count);
  }
  addSegment({ layer, begin, count: points }, from, scale, count) {
    const { low, high } = this,
      { step, offset, constant } = layer,
      all = data.points;
    const first = Math.max(0, Math.floor((from - begin) / step));
    const last = Math.min(points - 1, Math.ceil((from + count / scale - begin) / step));
    const wide = step * scale;
    for (let i = first; i <= last; i++) {
      const value = all[constant ? offset : offset + i];
      if (value !== value) continue; /* NaN */
      const at = (begin + i * step - from) * scale;
      const end = Math.min(count - 1, Math.max(at, at + wide - 1));
      for (let column = Math.max(0, Math.floor(at)); column <= end; column++) {
        if (!(low[column] <= value)) low[column] = value;
        if (!(high[column] >= value)) high[column] = value;
      }
      if (value > this.most) this.most = value;
      if (value < this.least) this.least = value;
    }
  }
}
