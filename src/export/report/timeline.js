/*
 * The piece of time that all charts show. Wheel or + and - zoom, dragging or arrows move, double
 * click or 0 shows everything. Charts out of sight are drawn when they come into it.
 */
const SHORTEST_PIECE = 0.5; /* seconds */

class Timeline {
  constructor() {
    this.low = data.page.first_ns / 1e9;
    this.high = Math.max(data.page.end_ns / 1e9, this.low + 0.1);
    this.from = this.low;
    this.to = this.high;
    this.cross = NaN;
    this.over = null;
    this.charts = [];
    this.sight = new IntersectionObserver((changes) => this.seen(changes), { rootMargin: "100px" });
  }
  setCharts(charts) {
    this.sight.disconnect();
    this.charts = charts;
    for (const chart of charts) this.sight.observe(chart.canvas);
  }
  seen(changes) {
    for (const change of changes) {
      const chart = this.charts.find((one) => one.canvas === change.target);
      if (chart === undefined) continue;
      chart.inView = change.isIntersecting;
      if (chart.inView && chart.stale) this.drawChart(chart);
    }
  }
  zoom(factor, around) {
    const width = Math.min(Math.max((this.to - this.from) * factor, SHORTEST_PIECE), this.high - this.low);
    const part = (around - this.from) / (this.to - this.from);
    this.show(around - width * part, width);
  }
  show(from, width) {
    this.from = Math.max(this.low, Math.min(from, this.high - width));
    this.to = Math.min(this.from + width, this.high);
    this.later();
  }
  move(part) {
    this.show(this.from + (this.to - this.from) * part, this.to - this.from);
  }
  key(event) {
    const middle = (this.from + this.to) / 2,
      width = this.to - this.from;
    const actions = {
      "+": () => this.zoom(0.6, middle),
      "=": () => this.zoom(0.6, middle),
      "-": () => this.zoom(1 / 0.6, middle),
      ArrowLeft: () => this.move(-0.15),
      ArrowRight: () => this.move(0.15),
      Home: () => this.show(this.low, width),
      End: () => this.show(this.high, width),
      0: () => this.show(this.low, this.high - this.low),
    };
    if (actions[event.key] === undefined || event.ctrlKey || event.metaKey) return;
    actions[event.key]();
    event.preventDefault();
  }
  pointAt(seconds, chart) {
    this.cross = seconds;
    this.over = chart;
    if (this.pointing) return;
    this.pointing = true;
    requestAnimationFrame(() => {
      this.pointing = false;
      this.showCross();
    });
  }
  showCross() {
    for (const chart of this.charts) if (chart.inView) chart.showCross();
  }
  later() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.draw(false);
    });
  }
  drawChart(chart) {
    chart.stale = false;
    chart.draw();
  }
  /* All: on paper everything is in sight. */
  draw(all) {
    for (const chart of this.charts) {
      if (all || chart.inView) this.drawChart(chart);
      else chart.stale = true;
    }
    if (this.range) this.range.textContent = clock(this.from) + " \u2013 " + clock(this.to) + " of " + clock(this.high);
    this.showCross();
  }
}
