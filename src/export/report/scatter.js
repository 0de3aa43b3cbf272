/*
 * Two figures against each other, a point for each second: least squares and Pearson's r as
 * src/analysis/correlation.h has them, over all threads of the program or one thread or process.
 */
function correlationSums() {
  return { n: 0, meanX: 0, meanY: 0, sxx: 0, syy: 0, sxy: 0 };
}
function addPair(sums, x, y) {
  if (!Number.isFinite(x) || !Number.isFinite(y)) return;
  sums.n++;
  const dx = x - sums.meanX, dy = y - sums.meanY;
  sums.meanX += dx / sums.n;
  sums.meanY += dy / sums.n;
  sums.sxx += dx * (x - sums.meanX);
  sums.syy += dy * (y - sums.meanY);
  sums.sxy += dx * (y - sums.meanY);
}
function fitOf(sums) {
  if (sums.n < 3 || !(sums.sxx > 0) || !(sums.syy > 0)) return { n: sums.n, defined: false };
  const r = sums.sxy / Math.sqrt(sums.sxx * sums.syy);
  const slope = sums.sxy / sums.sxx;
  return { n: sums.n, defined: true, r: Math.max(-1, Math.min(1, r)), slope, intercept: sums.meanY - slope * sums.meanX };
}

/* The same seconds of both figures of one owner; whole seconds only, as in src/analysis/pairs.h. */
function pairsOf(of, owner, x, y, visit) {
  const a = seriesOf(of, x, owner), b = seriesOf(of, y, owner);
  if (a === undefined || b === undefined || a.layers[1] === null || b.layers[1] === null) return;
  const left = a.layers[1], right = b.layers[1];
  const whole = Math.floor(data.page.end_ns / data.page.layer_ns[1]);
  const first = Math.max(left.first, right.first), end = Math.min(left.first + left.count, right.first + right.count, whole);
  for (let at = Math.max(first, end - 3600); at < end; at++) visit(pointAt(left, at - left.first), pointAt(right, at - right.first), owner, at);
}
function ownersIn(scope) {
  if (scope.kind !== "threads") return [scope.owner];
  return data.threads.filter((thread) => thread.process_id === scope.owner).map((thread) => thread.id);
}

class Scatter {
  constructor(state) {
    this.state = state;
    this.box = element("div", { class: "chart" });
    this.canvas = canvasIn(this.box, 460, "");
    this.tip = element("div", { class: "tip" });
    this.box.append(this.tip);
  }
  collect() {
    const { scope, x, y } = this.state;
    const xs = [], ys = [], owners = [], sums = correlationSums();
    for (const owner of ownersIn(scope)) {
      pairsOf(scope.kind === "process" ? 1 : 0, owner, x, y, (a, b, id) => {
        if (!Number.isFinite(a) || !Number.isFinite(b)) return;
        addPair(sums, a, b);
        xs.push(a); ys.push(b); owners.push(id);
      });
    }
    Object.assign(this, { xs: Float64Array.from(xs), ys: Float64Array.from(ys), owners, fit: fitOf(sums) });
    this.box.hidden = xs.length === 0;
    this.range = { x: this.rangeOf(this.xs), y: this.rangeOf(this.ys) };
  }
  rangeOf(values) {
    let low = Infinity, high = -Infinity;
    for (const value of values) { if (value < low) low = value; if (value > high) high = value; }
    if (!(high >= low)) return [0, 1];
    const pad = (high - low) * 0.04 || Math.abs(high) * 0.1 || 1;
    return [low >= 0 ? Math.max(0, low - pad) : low - pad, high + pad];
  }
  draw() {
    const context = contextOf(this.canvas);
    if (context === null || this.xs === undefined) return;
    const width = this.canvas.clientWidth, height = this.canvas.clientHeight, left = 82, bottom = 44, top = 10, right = 14;
    const { x: [lowX, highX], y: [lowY, highY] } = this.range;
    const px = (value) => left + (width - left - right) * (value - lowX) / (highX - lowX);
    const py = (value) => top + (height - top - bottom) * (highY - value) / (highY - lowY);
    if (this.xs.length === 0) return;
    this.axes(context, width, height, left, bottom, top, right, px, py);
    this.points(context, px, py, width, height);
    if (this.fit.defined) {
      context.save();
      context.beginPath();
      context.rect(left, top, width - left - right, height - top - bottom);
      context.clip();
      context.strokeStyle = colour("c1");
      context.lineWidth = 2;
      context.beginPath();
      context.moveTo(px(lowX), py(this.fit.intercept + this.fit.slope * lowX));
      context.lineTo(px(highX), py(this.fit.intercept + this.fit.slope * highX));
      context.stroke();
      context.restore();
    }
  }
  /* Pixels are written one by one; many at one place make it darker. */
  points(context, px, py, width, height) {
    const ratio = window.devicePixelRatio || 1;
    const w = Math.round(width * ratio), h = Math.round(height * ratio);
    const hits = new Uint16Array(w * h);
    const radius = (this.xs.length > 20000 ? 1 : this.xs.length > 2000 ? 1.5 : 3) * ratio;
    const reach = Math.ceil(radius);
    const disc = [];
    for (let dy = -reach; dy <= reach; dy++) for (let dx = -reach; dx <= reach; dx++) if (dx * dx + dy * dy <= (radius + 0.4) * (radius + 0.4)) disc.push(dy * w + dx);
    for (let i = 0; i < this.xs.length; i++) {
      const x = Math.round(px(this.xs[i]) * ratio), y = Math.round(py(this.ys[i]) * ratio);
      if (x < reach || y < reach || x >= w - reach || y >= h - reach) continue;
      for (const offset of disc) { const at = y * w + x + offset; if (hits[at] < 65535) hits[at]++; }
    }
    const image = context.createImageData(w, h);
    const [r, g, b] = rgbOf(colour("c0"));
    for (let i = 0; i < hits.length; i++) {
      if (hits[i] === 0) continue;
      const at = i * 4;
      image.data[at] = r;
      image.data[at + 1] = g;
      image.data[at + 2] = b;
      image.data[at + 3] = 255 * (1 - Math.pow(0.35, hits[i]));
    }
    const layer = element("canvas", { width: w, height: h });
    layer.getContext("2d").putImageData(image, 0, 0);
    context.drawImage(layer, 0, 0, width, height);
  }
  axes(context, width, height, left, bottom, top, right, px, py) {
    const names = this.state.names();
    context.strokeStyle = colour("line");
    context.fillStyle = colour("soft");
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (const tick of niceTicks(this.range.y[0], this.range.y[1], 6)) {
      const y = Math.round(py(tick)) + 0.5;
      context.beginPath(); context.moveTo(left, y); context.lineTo(width - right, y); context.stroke();
      context.fillText(formatTick(tick, names.y.unit), left - 8, y);
    }
    context.textAlign = "center";
    for (const tick of niceTicks(this.range.x[0], this.range.x[1], Math.max(2, (width - left) / 110))) {
      const x = Math.round(px(tick)) + 0.5;
      context.beginPath(); context.moveTo(x, top); context.lineTo(x, height - bottom); context.stroke();
      if (x < width - 24) context.fillText(formatTick(tick, names.x.unit), x, height - bottom + 14);
    }
    context.fillText(names.x.name, left + (width - left - right) / 2, height - 10);
    context.save();
    context.translate(12, top + (height - top - bottom) / 2);
    context.rotate(-Math.PI / 2);
    context.fillText(names.y.name, 0, 0);
    context.restore();
  }
}
function formatFactor(value) {
  return Math.abs(value) >= 1000 ? steps(value, ["", " k", " M", " G", " T"]) : String(Number(value.toPrecision(3))).replace("-", "\u2212");
}
function rgbOf(hex) {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
}

function correlationPanel(panel) {
  const program = data.page.program_id;
  const state = { x: 0, y: 2, scope: { kind: "threads", owner: program } };
  const infos = () => data.page.series[state.scope.kind === "process" ? 1 : 0];
  state.names = () => ({ x: infos()[state.x], y: infos()[state.y] });
  const scatter = new Scatter(state);
  const result = element("p", { id: "correlation" });
  const controls = element("div", { class: "row" });
  const pairs = element("div", { class: "card" });
  const card = element("div", { class: "card" }, controls, result, scatter.box);
  const draw = () => {
    scatter.collect();
    const names = state.names(), fit = scatter.fit;
    result.textContent = fit.defined ? "Pearson r " + fit.r.toFixed(3) + ", n " + formatCount(fit.n) + " seconds; " + names.y.name + " = " + formatFactor(fit.slope) + " \u00d7 " + names.x.name + (fit.intercept < 0 ? " \u2212 " : " + ") + formatFactor(Math.abs(fit.intercept))
      : "r n/a, n " + formatCount(fit.n) + ": " + (fit.n < 3 ? "fewer than 3 seconds in which both are known." : "one of the two does not change.");
    scatter.canvas.setAttribute("aria-label", "Scatter of " + names.y.name + " against " + names.x.name + ". " + result.textContent);
    panel.fit = fit;
    scatter.draw();
  };
  const scopes = () => {
    const list = [];
    if (view.focus === null) {
      if (program !== null) list.push(["threads:" + program, "all threads of " + processName(program) + ", pooled"]);
      for (const process of data.report.processes || []) list.push(["process:" + process.id, processName(process.id)]);
    }
    const threads = data.threads.filter((thread) => seriesOf(0, 0, thread.id) !== undefined || seriesOf(0, 1, thread.id) !== undefined);
    for (const thread of threads.slice(0, 500)) if (view.focus === null || thread.id === view.focus) list.push(["thread:" + thread.id, "thread " + threadName(thread.id)]);
    return list;
  };
  const fill = () => {
    const chosen = state.scope.kind + ":" + state.scope.owner;
    const axis = (label, key) => select(label, infos().map((info, index) => [index, info.name]), state[key], (value) => { state[key] = Number(value); draw(); });
    controls.replaceChildren(element("h2", { text: "Correlation" }), select("of", scopes(), chosen, (value) => {
      const [kind, owner] = value.split(":");
      state.scope = { kind, owner: Number(owner) };
      state.x = 0; state.y = kind === "process" ? 3 : 2;
      fill();
    }), axis("x", "x"), axis("y", "y"), tableButton(card, () => {
      const names = state.names();
      const table = new Table("Points", [{ title: "thread", text: (i) => state.scope.kind === "process" ? processName(scatter.owners[i]) : threadName(scatter.owners[i]) },
        { title: names.x.name, number: true, text: (i) => formatUnit(scatter.xs[i], names.x.unit), value: (i) => scatter.xs[i] },
        { title: names.y.name, number: true, text: (i) => formatUnit(scatter.ys[i], names.y.unit), value: (i) => scatter.ys[i] }]);
      requestAnimationFrame(() => table.set([...scatter.xs.keys()]));
      return table.root;
    }));
    draw();
  };
  const strongest = (data.report.correlations || []).filter((row) => row.pearson_r !== null);
  strongest.sort((a, b) => Math.abs(b.pearson_r) - Math.abs(a.pearson_r));
  const table = new Table("Correlated pairs", [
    { title: "of", width: "minmax(150px, 2fr)", least: 150, text: (row) => row.scope === "thread" ? threadName(row.thread_id) : row.scope === "threads" ? "all threads, pooled" : processName(row.process_id) },
    { title: "x", width: "minmax(150px, 2fr)", least: 150, text: (row) => row.x }, { title: "y", width: "minmax(150px, 2fr)", least: 150, text: (row) => row.y },
    { title: "r", number: true, width: "80px", least: 80, text: (row) => row.pearson_r.toFixed(3), value: (row) => Math.abs(row.pearson_r) },
    { title: "n", number: true, width: "80px", least: 80, text: (row) => formatCount(row.n), value: (row) => row.n }],
  { sort: 3, empty: "No pair changes together, or none was seen for long enough.", pick: (row) => {
    const kind = row.scope === "thread" ? "thread" : row.scope === "threads" ? "threads" : "process";
    state.scope = { kind, owner: kind === "thread" ? row.thread_id : row.process_id };
    state.x = infos().findIndex((info) => info.name === row.x);
    state.y = infos().findIndex((info) => info.name === row.y);
    fill();
  } });
  pairs.append(element("h2", { text: "Strongest pairs" }), table.root);
  panel.append(card, pairs);
  const update = () => {
    if (view.focus !== null) state.scope = { kind: "thread", owner: view.focus };
    else if (state.scope.kind === "thread" && program !== null) state.scope = { kind: "threads", owner: program };
    if (state.x >= infos().length || state.y >= infos().length) { state.x = 0; state.y = 2; }
    fill();
    table.set(strongest.filter((row) => view.focus === null || row.thread_id === view.focus));
  };
  onView(update);
  redrawOn(scatter.box, () => scatter.draw());
  update();
}
