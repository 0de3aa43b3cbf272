/* One figure over time: a line for each owner, with anomalies and marks, and values under the pointer. */
const CHART_HEIGHT = 132,
  LEFT = 74,
  RIGHT = 12,
  TOP = 8,
  BOTTOM = 20;
const NEAR = 8; /* pixels from which the pointer is on a mark or an anomaly */

class Chart {
  constructor(timeline, about) {
    this.timeline = timeline;
    this.about = about;
    this.box = element("div", { class: "chart" });
    this.canvas = canvasIn(this.box, CHART_HEIGHT, "");
    this.canvas.tabIndex = 0;
    this.canvas.classList.add("grab");
    this.cross = element("div", { class: "cross" });
    this.tip = element("div", { class: "tip" });
    this.box.append(this.cross, this.tip);
    this.legend = element("div", { class: "legend" });
    this.inView = true;
    this.select();
    this.listen();
  }
  select() {
    Object.assign(this, linesOf(this.about.of, this.about.series));
    this.columns = this.lines.map(() => new Columns());
    this.anomalies = this.anomaliesShown();
    this.legend.replaceChildren(
      ...this.lines.map((entry, index) =>
        element("span", {}, this.swatch(index), element("span", { text: ownerName(entry), title: ownerName(entry) })),
      ),
    );
    if (this.all > this.lines.length)
      this.legend.append(element("span", { text: "the highest of " + formatCount(this.all) }));
    const most = this.lines.map(
      (entry) => ownerName(entry) + " up to " + formatUnit(entry.highest, this.about.info.unit),
    );
    this.canvas.setAttribute("aria-label", this.about.info.what + " over time: " + most.join("; ").slice(0, 800));
  }
  anomaliesShown() {
    const of = ["thread", "process", "system"][this.about.of];
    const ofThread = (anomaly) =>
      this.lines.some((entry) => entry.owner === anomaly.thread_id) &&
      (view.focus === null || anomaly.thread_id === view.focus);
    return (data.report.anomalies || []).filter(
      (anomaly) =>
        anomaly.metric === this.about.info.name && anomaly.of === of && (this.about.of !== 0 || ofThread(anomaly)),
    );
  }
  swatch(index) {
    const made = element("i", { class: "swatch" });
    made.style.background = "var(--c" + (index % LINES) + ")";
    return made;
  }
  plotWidth() {
    return this.canvas.clientWidth - LEFT - RIGHT;
  }
  x(seconds) {
    return LEFT + (this.plotWidth() * (seconds - this.timeline.from)) / (this.timeline.to - this.timeline.from);
  }
  seconds(x) {
    return this.timeline.from + ((this.timeline.to - this.timeline.from) * (x - LEFT)) / this.plotWidth();
  }
  listen() {
    const canvas = this.canvas,
      timeline = this.timeline;
    canvas.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) timeline.move(event.deltaX / 1500);
        else timeline.zoom(event.deltaY > 0 ? 1.25 : 0.8, this.seconds(event.offsetX));
      },
      { passive: false },
    );
    canvas.addEventListener("dblclick", () => timeline.show(timeline.low, timeline.high - timeline.low));
    canvas.addEventListener("keydown", (event) => timeline.key(event));
    canvas.addEventListener("pointerdown", (event) => {
      this.grabbed = { x: event.clientX, from: timeline.from };
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointerup", () => {
      this.grabbed = null;
    });
    canvas.addEventListener("pointercancel", () => {
      this.grabbed = null;
    });
    canvas.addEventListener("pointermove", (event) => {
      if (this.grabbed) {
        const width = timeline.to - timeline.from;
        timeline.show(this.grabbed.from - ((event.clientX - this.grabbed.x) / this.plotWidth()) * width, width);
      }
      timeline.pointAt(this.seconds(event.offsetX), this);
    });
    canvas.addEventListener("pointerleave", () => timeline.pointAt(NaN, null));
  }
  draw() {
    const context = contextOf(this.canvas);
    if (context === null) return;
    const { from, to } = this.timeline,
      width = this.canvas.clientWidth,
      count = Math.max(1, Math.floor(width - LEFT - RIGHT));
    let most = 0,
      least = 0;
    this.lines.forEach((entry, index) => {
      const columns = this.columns[index];
      columns.fill(entry, from, to, count);
      most = Math.max(most, columns.most);
      least = Math.min(least, columns.least);
    });
    if (!(most > least)) most = least + 1;
    [least, most] = niceRange(least, most, 4);
    const y = (value) => TOP + ((CHART_HEIGHT - TOP - BOTTOM) * (most - value)) / (most - least);
    this.drawGrid(context, width, least, most, y);
    this.lines.forEach((entry, index) => this.drawLine(context, entry, index, y));
    this.drawAnomalies(context, width);
    this.drawMarks(context, width);
  }
  drawLine(context, entry, index, y) {
    const { low, high } = this.columns[index],
      focused = this.focused === entry;
    context.globalAlpha = this.focused !== undefined && !focused ? 0.25 : 1;
    context.strokeStyle = colour("c" + (index % LINES));
    context.lineWidth = focused ? 2.2 : 1.4;
    context.lineJoin = "round";
    context.beginPath();
    let drawing = false;
    for (let i = 0; i < low.length; i++) {
      if (Number.isNaN(low[i])) {
        drawing = false;
        continue;
      }
      const x = LEFT + i + 0.5,
        top = y(high[i]);
      if (drawing) context.lineTo(x, top);
      else context.moveTo(x, top);
      if (low[i] !== high[i]) context.lineTo(x, y(low[i]));
      else if (!drawing) context.lineTo(x + 1, top); /* a lone point is to be seen, too */
      drawing = true;
    }
    context.stroke();
    context.globalAlpha = 1;
  }
  drawGrid(context, width, least, most, y) {
    context.strokeStyle = colour("line");
    context.fillStyle = colour("soft");
    context.lineWidth = 1;
    context.textBaseline = "middle";
    context.textAlign = "right";
    const ticks = niceTicks(least, most, 4),
      texts = formatTicks(ticks, this.about.info.unit);
    for (const [index, tick] of ticks.entries()) {
      const at = Math.round(y(tick)) + 0.5;
      stroke(context, LEFT, at, width - RIGHT, at);
      context.fillText(texts[index], LEFT - 8, at);
    }
    context.textAlign = "center";
    context.textBaseline = "alphabetic";
    for (const tick of timeTicks(this.timeline.from, this.timeline.to, Math.max(2, (width - LEFT) / 90))) {
      const x = this.x(tick);
      if (x >= LEFT && x < width - RIGHT - 14) context.fillText(clock(tick), x, CHART_HEIGHT - 5);
    }
  }
  drawAnomalies(context, width) {
    const bottom = CHART_HEIGHT - BOTTOM;
    context.fillStyle = colour("high");
    for (const anomaly of this.anomalies) {
      const x = this.x(anomaly.t_ns / 1e9);
      if (x < LEFT || x > width - RIGHT) continue;
      context.beginPath();
      context.moveTo(x, bottom);
      context.lineTo(x - 5, bottom + 8);
      context.lineTo(x + 5, bottom + 8);
      context.fill();
    }
  }
  /* A dashed line each; of many in one column of pixels one. */
  drawMarks(context, width) {
    context.strokeStyle = colour("accent");
    context.lineWidth = 1;
    context.setLineDash([4, 3]);
    context.beginPath();
    let last = NaN;
    for (const mark of marksShown()) {
      const x = Math.round(this.x(mark.at_ns / 1e9)) + 0.5;
      if (x === last || x < LEFT || x > width - RIGHT) continue;
      context.moveTo(x, TOP);
      context.lineTo(x, CHART_HEIGHT - BOTTOM);
      last = x;
    }
    context.stroke();
    context.setLineDash([]);
  }
  /* The line under the pointer is an element of its own: moving it draws no chart anew. */
  showCross() {
    const { cross, from, to, over } = this.timeline,
      shown = cross >= from && cross <= to;
    this.cross.hidden = !shown;
    if (shown) this.cross.style.transform = "translateX(" + Math.round(this.x(cross)) + "px)";
    if (shown && over === this) this.showTip(this.x(cross), cross);
    else this.tip.style.display = "none";
  }
  showTip(x, seconds) {
    const near = (ns) => Math.abs(this.x(ns / 1e9) - x) < NEAR;
    const line = (...cells) => element("div", {}, ...cells);
    this.tip.replaceChildren(
      line(element("span", { text: "at " + clock(seconds) }), element("span", { class: "soft", text: utcAt(seconds) })),
      ...this.lines.map((entry, index) =>
        line(
          element("span", {}, this.swatch(index), ownerName(entry)),
          element("span", { text: formatUnit(valueAt(entry, seconds), this.about.info.unit) }),
        ),
      ),
      ...marksShown()
        .filter((mark) => near(mark.at_ns))
        .slice(0, 4)
        .map((mark) => line(element("span", { text: "mark: " + markName(mark).slice(0, 200) }))),
      ...this.anomalies
        .filter((anomaly) => near(anomaly.t_ns))
        .map((anomaly) => line(element("span", { text: anomaly.text }))),
    );
    this.tip.style.display = "block";
    const left = x + 14 + this.tip.offsetWidth > this.canvas.clientWidth ? x - 14 - this.tip.offsetWidth : x + 14;
    this.tip.style.left = Math.max(0, left) + "px";
    this.tip.style.top = TOP + "px";
  }
  asTable() {
    const step = (this.timeline.to - this.timeline.from) / 200;
    const rows = Array.from({ length: 200 }, (unused, index) => this.timeline.from + (index + 0.5) * step);
    const columns = this.lines.map((entry) => ({
      title: ownerName(entry),
      number: true,
      least: 130,
      text: (at) => formatUnit(valueAt(entry, at), this.about.info.unit),
      value: (at) => valueAt(entry, at),
    }));
    const table = new Table(this.about.info.what, [
      { title: "time", width: "90px", least: 90, text: clock, value: (at) => at },
      ...columns,
    ]);
    table.root.style.maxHeight = "320px";
    requestAnimationFrame(() => table.set(rows));
    return table.root;
  }
}
