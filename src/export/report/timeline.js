/*
 * Series over time: one chart for each figure, all with the same piece of time. Wheel or + and -
 * zoom, dragging or arrows move, double click or 0 shows everything. Each column of pixels has the
 * lowest and the highest of its points, so nothing that was high for a moment disappears.
 */
const LINES = 8, CHART_HEIGHT = 132, LEFT = 74, RIGHT = 12, TOP = 8, BOTTOM = 20;

function ownersOf(of, series) {
  const found = [];
  for (const entry of data.series.values()) if (entry.of === of && entry.series === series) found.push(entry);
  return found;
}
function ownerName(entry) {
  if (entry.of === 0) return threadName(entry.owner);
  if (entry.of === 1) return entry.owner === 0 ? "all processes" : processName(entry.owner);
  return entry.series >= 100 ? (entry.series === 100 ? "core " : "GPU ") + entry.owner : "machine";
}
/* Of many, those that came highest; with a thread in focus that one too. */
function linesOf(of, series) {
  let entries = ownersOf(of, series);
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
  if (of === 2) charts.push({ of, series: 100, info: { name: "core_percent", heading: "cores", unit: "percent", what: "busy time of each core" } },
    { of, series: 101, info: { name: "gpu_busy_percent", heading: "GPUs", unit: "percent", what: "busy time of each GPU" } },
    { of, series: 102, info: { name: "gpu_used_bytes", heading: "GPU memory", unit: "bytes", what: "memory used on each GPU" } });
  return charts;
}

class Timeline {
  constructor() {
    this.low = data.page.first_ns / 1e9;
    this.high = Math.max(data.page.end_ns / 1e9, this.low + 0.1);
    this.from = this.low;
    this.to = this.high;
    this.cross = NaN;
    this.charts = [];
  }
  zoom(factor, around) {
    const width = Math.min(Math.max((this.to - this.from) * factor, 0.5), this.high - this.low);
    const part = (around - this.from) / (this.to - this.from);
    this.show(around - width * part, width);
  }
  show(from, width) {
    this.from = Math.max(this.low, Math.min(from, this.high - width));
    this.to = Math.min(this.from + width, this.high);
    this.later();
  }
  move(part) { this.show(this.from + (this.to - this.from) * part, this.to - this.from); }
  key(event) {
    const middle = (this.from + this.to) / 2;
    const actions = { "+": () => this.zoom(0.6, middle), "=": () => this.zoom(0.6, middle), "-": () => this.zoom(1 / 0.6, middle), ArrowLeft: () => this.move(-0.15), ArrowRight: () => this.move(0.15),
      Home: () => this.show(this.low, this.to - this.from), End: () => this.show(this.high, this.to - this.from), "0": () => this.show(this.low, this.high - this.low) };
    if (actions[event.key] !== undefined && !event.ctrlKey && !event.metaKey) { actions[event.key](); event.preventDefault(); }
  }
  later() {
    if (!this.waiting) { this.waiting = true; requestAnimationFrame(() => { this.waiting = false; this.draw(); }); }
  }
  draw() {
    for (const chart of this.charts) chart.draw();
    if (this.range) this.range.textContent = clock(this.from) + " \u2013 " + clock(this.to) + " of " + clock(this.high);
  }
}

class Chart {
  constructor(timeline, about) {
    this.timeline = timeline;
    this.about = about;
    this.box = element("div", { class: "chart" });
    this.canvas = canvasIn(this.box, CHART_HEIGHT, "");
    this.canvas.tabIndex = 0;
    this.canvas.classList.add("grab");
    this.tip = element("div", { class: "tip" });
    this.box.append(this.tip);
    this.legend = element("div", { class: "legend" });
    this.select();
    this.listen();
  }
  select() {
    Object.assign(this, linesOf(this.about.of, this.about.series));
    this.legend.replaceChildren(...this.lines.map((entry, index) => element("span", {}, this.swatch(index), element("span", { text: ownerName(entry), title: ownerName(entry) }))));
    if (this.all > this.lines.length) this.legend.append(element("span", { text: "the highest of " + formatCount(this.all) }));
    const most = this.lines.map((entry) => ownerName(entry) + " up to " + formatUnit(entry.highest, this.about.info.unit));
    this.canvas.setAttribute("aria-label", this.about.info.what + " over time: " + most.join("; ").slice(0, 800));
  }
  swatch(index) {
    const made = element("i", { class: "swatch" });
    made.style.background = "var(--c" + index % 8 + ")";
    return made;
  }
  x(seconds) { return LEFT + (this.canvas.clientWidth - LEFT - RIGHT) * (seconds - this.timeline.from) / (this.timeline.to - this.timeline.from); }
  seconds(x) { return this.timeline.from + (this.timeline.to - this.timeline.from) * (x - LEFT) / (this.canvas.clientWidth - LEFT - RIGHT); }
  listen() {
    const canvas = this.canvas, timeline = this.timeline;
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) timeline.move(event.deltaX / 1500);
      else timeline.zoom(event.deltaY > 0 ? 1.25 : 0.8, this.seconds(event.offsetX));
    }, { passive: false });
    canvas.addEventListener("dblclick", () => timeline.show(timeline.low, timeline.high - timeline.low));
    canvas.addEventListener("keydown", (event) => timeline.key(event));
    canvas.addEventListener("pointerdown", (event) => { this.grabbed = { x: event.clientX, from: timeline.from }; canvas.setPointerCapture(event.pointerId); });
    canvas.addEventListener("pointerup", () => { this.grabbed = null; });
    canvas.addEventListener("pointercancel", () => { this.grabbed = null; });
    canvas.addEventListener("pointermove", (event) => {
      if (this.grabbed) {
        const width = timeline.to - timeline.from;
        timeline.show(this.grabbed.from - (event.clientX - this.grabbed.x) / (canvas.clientWidth - LEFT - RIGHT) * width, width);
      }
      timeline.cross = this.seconds(event.offsetX);
      timeline.over = this;
      timeline.later();
    });
    canvas.addEventListener("pointerleave", () => { timeline.cross = NaN; timeline.over = null; timeline.later(); });
  }
  draw() {
    const context = contextOf(this.canvas);
    if (context === null) return;
    const width = this.canvas.clientWidth, height = CHART_HEIGHT;
    const plots = this.lines.map((entry) => this.columns(entry, width - LEFT - RIGHT));
    let most = 0, least = 0;
    for (const plot of plots) { most = Math.max(most, plot.most); least = Math.min(least, plot.least); }
    if (!(most > least)) most = least + 1;
    [least, most] = niceRange(least, most, 4);
    const y = (value) => TOP + (height - TOP - BOTTOM) * (most - value) / (most - least);
    this.grid(context, width, height, least, most, y);
    plots.forEach((plot, index) => {
      context.globalAlpha = this.focused !== undefined && this.lines[index] !== this.focused ? 0.25 : 1;
      this.line(context, plot, y, colour("c" + index % 8), this.focused !== undefined && this.lines[index] === this.focused ? 2.2 : 1.4);
    });
    context.globalAlpha = 1;
    this.marks(context, width, height);
    this.anomalies(context, height);
    this.crosshair(context, width, height);
  }
  /* Lowest and highest of each column of pixels; NaN where nothing is known. */
  columns(entry, pixels) {
    const { from, to } = this.timeline, count = Math.max(1, Math.floor(pixels));
    const low = new Float64Array(count).fill(NaN), high = new Float64Array(count).fill(NaN);
    let most = -Infinity, least = Infinity;
    const put = (column, value) => {
      if (!(low[column] <= value)) low[column] = value;
      if (!(high[column] >= value)) high[column] = value;
      if (value > most) most = value;
      if (value < least) least = value;
    };
    for (const { layer, begin, count: points } of segmentsOf(entry)) {
      const first = Math.max(0, Math.floor((from - begin) / layer.step));
      const last = Math.min(points - 1, Math.ceil((to - begin) / layer.step));
      const wide = layer.step / (to - from) * count;
      for (let i = first; i <= last; i++) {
        const value = pointAt(layer, i);
        if (Number.isNaN(value)) continue;
        const at = (begin + i * layer.step - from) / (to - from) * count;
        const end = Math.min(count - 1, Math.max(at, at + wide - 1));
        for (let column = Math.max(0, Math.floor(at)); column <= end; column++) put(column, value);
      }
    }
    return { low, high, most, least };
  }
  line(context, plot, y, stroke, width) {
    context.strokeStyle = stroke;
    context.lineWidth = width;
    context.lineJoin = "round";
    context.beginPath();
    let drawing = false;
    for (let i = 0; i < plot.low.length; i++) {
      if (Number.isNaN(plot.low[i])) { drawing = false; continue; }
      const x = LEFT + i + 0.5;
      if (drawing) context.lineTo(x, y(plot.high[i])); else context.moveTo(x, y(plot.high[i]));
      if (plot.low[i] !== plot.high[i]) context.lineTo(x, y(plot.low[i]));
      drawing = true;
    }
    context.stroke();
  }
  grid(context, width, height, least, most, y) {
    context.strokeStyle = colour("line");
    context.fillStyle = colour("soft");
    context.lineWidth = 1;
    context.textBaseline = "middle";
    context.textAlign = "right";
    for (const tick of niceTicks(least, most, 4)) {
      const at = Math.round(y(tick)) + 0.5;
      context.beginPath(); context.moveTo(LEFT, at); context.lineTo(width - RIGHT, at); context.stroke();
      context.fillText(formatTick(tick, this.about.info.unit), LEFT - 8, at);
    }
    context.textAlign = "center";
    context.textBaseline = "alphabetic";
    const ticks = timeTicks(this.timeline.from, this.timeline.to, Math.max(2, (width - LEFT) / 90));
    for (const tick of ticks) {
      const x = this.x(tick);
      if (x > LEFT + 14 && x < width - RIGHT - 14) context.fillText(clock(tick), x, height - 5);
    }
  }
  /* Moments that the user or the program named: one line for all that fall on a pixel. */
  marks(context, width, height) {
    const seen = new Set();
    context.strokeStyle = colour("mark");
    context.lineWidth = 1;
    context.setLineDash([3, 3]);
    for (const mark of data.report.marks || []) {
      const x = Math.round(this.x(mark.at_ns / 1e9)) + 0.5;
      if (x < LEFT || x > width - RIGHT || seen.has(x)) continue;
      seen.add(x);
      context.beginPath(); context.moveTo(x, TOP); context.lineTo(x, height - BOTTOM); context.stroke();
    }
    context.setLineDash([]);
  }
  anomalies(context, height) {
    const mine = (data.report.anomalies || []).filter((anomaly) => anomaly.metric === this.about.info.name && anomaly.of === ["thread", "process", "system"][this.about.of]
      && (this.about.of !== 0 || this.lines.some((entry) => entry.owner === anomaly.thread_id)) && (this.about.of !== 0 || view.focus === null || anomaly.thread_id === view.focus));
    context.fillStyle = colour("high");
    for (const anomaly of mine) {
      const x = this.x(anomaly.t_ns / 1e9);
      if (x < LEFT || x > this.canvas.clientWidth - RIGHT) continue;
      context.beginPath(); context.moveTo(x, height - BOTTOM); context.lineTo(x - 5, height - BOTTOM + 8); context.lineTo(x + 5, height - BOTTOM + 8); context.fill();
    }
    this.marked = mine;
  }
  crosshair(context, width, height) {
    const { cross, over } = this.timeline;
    this.tip.style.display = "none";
    if (!(cross >= this.timeline.from && cross <= this.timeline.to)) return;
    const x = Math.round(this.x(cross)) + 0.5;
    context.strokeStyle = colour("strong-line");
    context.lineWidth = 1;
    context.beginPath(); context.moveTo(x, TOP); context.lineTo(x, height - BOTTOM); context.stroke();
    if (over !== this) return;
    this.tip.replaceChildren(element("div", {}, element("span", { text: "at " + clock(cross) }), element("span", { class: "soft", text: utcAt(cross) })),
      ...this.lines.map((entry, index) => element("div", {}, element("span", {}, this.swatch(index), ownerName(entry)), element("span", { text: formatUnit(valueAt(entry, cross), this.about.info.unit) }))),
      ...(data.report.marks || []).filter((mark) => Math.abs(this.x(mark.at_ns / 1e9) - x) < 8).slice(0, 5).map((mark) => element("div", {}, element("span", { text: (mark.by_program ? "mark: " : "mark by the user: ") + mark.text }))),
      ...this.marked.filter((anomaly) => Math.abs(this.x(anomaly.t_ns / 1e9) - x) < 8).map((anomaly) => element("div", {}, element("span", { text: anomaly.text }))));
    this.tip.style.display = "block";
    const left = x + 14 + this.tip.offsetWidth > width ? x - 14 - this.tip.offsetWidth : x + 14;
    this.tip.style.left = Math.max(0, left) + "px";
    this.tip.style.top = TOP + "px";
  }
  asTable() {
    const step = (this.timeline.to - this.timeline.from) / 200;
    const rows = Array.from({ length: 200 }, (unused, index) => this.timeline.from + (index + 0.5) * step);
    const table = new Table(this.about.info.what, [{ title: "time", width: "90px", least: 90, text: clock, value: (at) => at },
      ...this.lines.map((entry) => ({ title: ownerName(entry), number: true, least: 130, text: (at) => formatUnit(valueAt(entry, at), this.about.info.unit), value: (at) => valueAt(entry, at) }))]);
    table.root.style.maxHeight = "320px";
    requestAnimationFrame(() => table.set(rows));
    return table.root;
  }
}

function timelinePanel(panel) {
  const timeline = new Timeline();
  const list = element("div", { class: "two", id: "charts" });
  const kinds = [["1", "processes"], ["0", "threads"], ["2", "machine"]];
  let of = view.focus !== null ? 0 : 1;
  timeline.range = element("span", { class: "soft", id: "time-range" });
  const fill = () => {
    timeline.charts = [];
    list.replaceChildren();
    const missing = [];
    for (const about of chartsOf(of)) {
      if (ownersOf(about.of, about.series).length === 0) { if (about.series < 100) missing.push(about.info.what); continue; }
      const chart = new Chart(timeline, about);
      const card = element("div", { class: "card" });
      if (chart.lines.length === 0) continue;
      card.append(element("div", { class: "row short" }, element("h3", { text: about.info.what, title: about.info.name }), element("span", { class: "soft small", text: about.info.name }), tableButton(card, () => chart.asTable())), chart.box, chart.legend);
      timeline.charts.push(chart);
      list.append(card);
    }
    if (timeline.charts.length === 0) list.append(element("p", { class: "empty", text: of === 0 && view.search !== "" ? "No thread fits the search." : data.page.end_ns - data.page.first_ns < 1e9 ? "The session was too short for series: it ended before two points were known." : "No series of these is in this report." }));
    if (missing.length > 0) list.append(element("p", { class: "soft small whole", text: "Without any point, see System for the reasons: " + missing.join("; ") + "." }));
    timeline.later();
  };
  const button = (text, label, action) => element("button", { type: "button", class: "controls", text, "aria-label": label, onclick: action });
  const middle = () => (timeline.from + timeline.to) / 2;
  const chooser = select("of", kinds, String(of), (value) => { of = Number(value); fill(); });
  panel.append(element("div", { class: "row" }, element("h2", { text: "Timeline" }), timeline.range, chooser,
    button("\u2190", "earlier", () => timeline.move(-0.25)), button("\u2192", "later", () => timeline.move(0.25)),
    button("+", "zoom in", () => timeline.zoom(0.6, middle())), button("\u2212", "zoom out", () => timeline.zoom(1 / 0.6, middle())),
    button("All", "all of the time", () => timeline.show(timeline.low, timeline.high - timeline.low))), list);
  onView(() => {
    if (view.focus !== null && of !== 0) { of = 0; chooser.querySelector("select").value = "0"; }
    fill();
  });
  redrawOn(list, () => timeline.draw());
  panel.timeline = timeline;
  fill();
}
