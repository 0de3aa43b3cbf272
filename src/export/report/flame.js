/*
 * Flame graph (roots at the bottom) and icicle (roots on top) of what call sites have: widths are
 * sums over everything below. What is narrower than half a pixel is not drawn.
 */
const BAR = 20, NARROWEST = 0.5;

class Flame {
  constructor(state) {
    this.state = state;
    this.box = element("div", { class: "chart" });
    this.canvas = canvasIn(this.box, 420, "");
    this.canvas.tabIndex = 0;
    this.tip = element("div", { class: "tip" });
    this.box.append(this.tip);
    this.root = 0;
    this.chosen = -1;
    this.listen();
  }
  sums() {
    const figures = siteFiguresOf(view.focus), values = new Float64Array(data.nodeCount), f = this.state.figure;
    for (let i = 0; i < data.siteCount; i++) values[data.leafOfSite[i]] += figures[i * FIGURES + f];
    for (let i = data.nodeCount - 1; i > 0; i--) values[data.nodes.parent[i]] += values[i];
    this.leftOut = view.focus === null && data.leftOut ? data.leftOut[f] : 0;
    values[0] += this.leftOut;
    this.values = values;
    this.depth = 1;
    this.sorted = new Map();
    if (values[this.root] === 0) this.root = 0;
    this.match();
  }
  match() {
    this.matches = null;
    if (view.search === "") return;
    const hit = data.functions.map((f, index) => index > 0 && f.name.toLowerCase().includes(view.search));
    this.matches = hit;
    let share = 0;
    const inside = new Uint8Array(data.nodeCount);
    for (let i = 1; i < data.nodeCount; i++) {
      const parent = data.nodes.parent[i];
      if (inside[parent]) inside[i] = 1;
      else if (hit[data.nodes.function[i]]) { inside[i] = 1; share += this.values[i]; }
    }
    this.matched = this.values[0] > 0 ? share / this.values[0] : 0;
  }
  nameOf(node) {
    if (node === 0) return (view.focus === null ? "all" : threadName(view.focus)) + ", " + data.figureNames[this.state.figure] + ": " + formatUnit(this.values[0], data.figureUnits[this.state.figure]);
    return data.nodes.process[node] > 0 ? processName(data.nodes.process[node]) : data.functions[data.nodes.function[node]].name;
  }
  childrenOf(node) {
    let list = this.sorted.get(node);
    if (list === undefined) {
      list = [];
      for (let i = data.firstChild[node]; i < data.firstChild[node + 1]; i++) if (this.values[data.childList[i]] > 0) list.push(data.childList[i]);
      list.sort((a, b) => this.values[b] - this.values[a]);
      this.sorted.set(node, list);
    }
    return list;
  }
  /* Visible bars: [node, x, width, level], from the ancestors of the zoomed one on. */
  layout(width) {
    const bars = [], above = [];
    for (let node = this.root; node !== 0; node = data.nodes.parent[node]) above.unshift(data.nodes.parent[node]);
    above.forEach((node, level) => bars.push([node, 0, width, level, true]));
    const total = this.values[this.root], stack = [[this.root, 0, width, above.length]];
    let deepest = above.length;
    while (stack.length > 0 && total > 0) {
      const [node, x, w, level] = stack.pop();
      bars.push([node, x, w, level, false]);
      deepest = Math.max(deepest, level);
      let at = x;
      for (const child of this.childrenOf(node)) {
        const wide = this.values[child] / total * width;
        if (wide < NARROWEST) break;
        stack.push([child, at, wide, level + 1]);
        at += wide;
      }
    }
    return { bars, levels: deepest + 1 };
  }
  draw() {
    const width = this.canvas.clientWidth;
    if (width === 0 || this.values === undefined) return;
    const { bars, levels } = this.layout(width);
    const height = Math.max(levels, 6) * BAR + 2;
    if (this.canvas.style.height !== height + "px") this.canvas.style.height = height + "px";
    const context = contextOf(this.canvas);
    if (context === null) return;
    this.bars = bars;
    this.height = height;
    this.colours = { light: colour("frame-light"), strength: colour("frame-colour"), text: colour("frame-text"), mark: colour("mark"), sunken: colour("sunken") };
    context.textBaseline = "middle";
    for (const bar of bars) this.bar(context, bar);
    const unit = data.figureUnits[this.state.figure];
    this.canvas.setAttribute("aria-label", (this.state.flip ? "Icicle" : "Flame graph") + " of " + data.figureNames[this.state.figure] + ", " + formatUnit(this.values[0], unit) + " in all; largest: " +
      this.childrenOf(this.root).slice(0, 5).map((node) => this.nameOf(node) + " " + formatUnit(this.values[node], unit)).join("; ").slice(0, 600));
  }
  top(level) { return this.state.flip ? level * BAR : this.height - (level + 1) * BAR; }
  bar(context, [node, x, w, level, outside]) {
    const y = this.top(level), number = data.nodes.function[node];
    const hit = this.matches !== null && this.matches[number];
    context.globalAlpha = outside ? 0.55 : this.matches !== null && !hit ? 0.35 : 1;
    context.fillStyle = hit ? this.colours.mark : number === 0 ? this.colours.sunken : this.hue(number);
    context.fillRect(x, y + 1, Math.max(w - 1, 0.5), BAR - 1);
    if (node === this.chosen) { context.strokeStyle = this.colours.text; context.lineWidth = 2; context.strokeRect(x + 1, y + 2, Math.max(w - 3, 1), BAR - 3); }
    if (w > 34) {
      context.fillStyle = this.colours.text;
      context.fillText(fitText(context, this.nameOf(node), w - 10), x + 5, y + BAR / 2 + 1);
    }
    context.globalAlpha = 1;
  }
  /* A hue for each module, a shade for each function. */
  hue(number) {
    if (this.palette === undefined || this.palette.theme !== this.colours.light) this.palette = { theme: this.colours.light, of: [] };
    let made = this.palette.of[number];
    if (made === undefined) {
      const frame = data.functions[number].frame;
      const module = frame > 0 ? data.texts[frameField(frame, 3)] : "";
      let hash = 7;
      for (let i = 0; i < module.length && i < 200; i++) hash = (hash * 31 + module.charCodeAt(i)) >>> 0;
      const light = parseFloat(this.colours.light) + number * 7 % 6 - 3;
      made = "hsl(" + ((hash * 47 % 360) + number * 13 % 22) + " " + this.colours.strength + " " + light + "%)";
      this.palette.of[number] = made;
    }
    return made;
  }
  at(x, y) {
    const level = this.state.flip ? Math.floor(y / BAR) : Math.floor((this.height - y) / BAR);
    return (this.bars || []).find((bar) => bar[3] === level && x >= bar[1] && x < bar[1] + bar[2]);
  }
  zoom(node) {
    this.root = node;
    this.chosen = node;
    this.draw();
    this.state.chosen(node);
  }
  listen() {
    this.canvas.addEventListener("click", (event) => { const bar = this.at(event.offsetX, event.offsetY); if (bar) this.zoom(bar[0]); });
    this.canvas.addEventListener("pointermove", (event) => {
      const bar = this.at(event.offsetX, event.offsetY);
      this.tip.style.display = bar ? "block" : "none";
      if (!bar) return;
      const node = bar[0], unit = data.figureUnits[this.state.figure];
      this.tip.replaceChildren(element("div", {}, element("span", { text: this.nameOf(node).slice(0, 300) })), element("div", {}, element("span", { text: data.nodes.frame[node] > 0 ? framePlace(data.nodes.frame[node]) : "" }),
        element("span", { text: formatUnit(this.values[node], unit) + ", " + (100 * this.values[node] / (this.values[0] || 1)).toFixed(1) + " %" })));
      this.tip.style.left = Math.max(0, Math.min(event.offsetX + 14, this.canvas.clientWidth - this.tip.offsetWidth - 4)) + "px";
      this.tip.style.top = event.offsetY + 16 + "px";
    });
    this.canvas.addEventListener("pointerleave", () => { this.tip.style.display = "none"; });
    this.canvas.addEventListener("keydown", (event) => this.key(event));
  }
  key(event) {
    const node = Math.max(this.chosen, 0), parent = data.nodes.parent[node];
    const siblings = node === 0 ? [0] : this.childrenOf(parent);
    const place = siblings.indexOf(node);
    const inward = this.state.flip ? "ArrowDown" : "ArrowUp", outward = this.state.flip ? "ArrowUp" : "ArrowDown";
    const to = { [inward]: this.childrenOf(node)[0], [outward]: parent, ArrowLeft: siblings[place - 1], ArrowRight: siblings[place + 1] }[event.key];
    if (event.key === "Enter") this.zoom(node);
    else if (event.key === "Home") this.zoom(0);
    else if (to === undefined) return;
    else { this.chosen = to; this.draw(); this.state.chosen(to); }
    event.preventDefault();
  }
}
function fitText(context, text, width) {
  const most = Math.floor(width / 4);
  let shown = text.length > most ? text.slice(0, Math.max(most, 1)) : text;
  if (shown === text && context.measureText(text).width <= width) return text;
  while (shown.length > 1 && context.measureText(shown + "\u2026").width > width) shown = shown.slice(0, Math.max(1, Math.floor(shown.length * 0.9)));
  return shown + "\u2026";
}

function flamePanel(panel) {
  const details = element("div", { class: "details", id: "flame-details", role: "status" });
  const state = { figure: PEAK_FIGURE, flip: true, chosen: (node) => describe(node) };
  const flame = new Flame(state);
  const note = element("p", { class: "soft small" });
  const describe = (node) => {
    const rows = [["function", flame.nameOf(node)]], frame = data.nodes.frame[node];
    if (frame > 0) rows.push(["source", framePlace(frame) || "not known"], ["module", data.texts[frameField(frame, 3)]], ["crate", data.texts[frameField(frame, 4)]]);
    rows.push([data.figureNames[state.figure], formatUnit(flame.values[node], data.figureUnits[state.figure]) + ", " + (100 * flame.values[node] / (flame.values[0] || 1)).toFixed(2) + " % of all"]);
    details.replaceChildren(facts(rows.filter((row) => row[1] !== "")));
  };
  const draw = () => {
    flame.sums();
    const left = data.page.left_out;
    note.textContent = (view.search !== "" ? (100 * (flame.matched || 0)).toFixed(1) + " % is in functions that fit the search. " : "")
      + (flame.leftOut > 0 ? formatUnit(flame.leftOut, data.figureUnits[state.figure]) + " at " + formatCount(left.sites - left.sites_kept) + " call sites that are left out is blank. " : "")
      + (flame.values[0] === 0 ? "Nothing of this was seen" + (view.focus === null ? "." : " of this thread.") : "");
    flame.draw();
  };
  const present = data.figureNames.map((name, index) => [index, name]).filter(([index]) => index <= 3 || hasFigure(index));
  const shape = select("as", [["icicle", "icicle, callers on top"], ["flame", "flame graph, callers below"]], "icicle", (value) => { state.flip = value === "icicle"; draw(); });
  const card = element("div", { class: "card" });
  card.append(element("div", { class: "row" }, element("h2", { text: "Flame graph" }), select("by", present, PEAK_FIGURE, (value) => { state.figure = Number(value); draw(); describe(flame.root); }), shape,
    element("button", { type: "button", class: "controls", text: "Show all", onclick: () => flame.zoom(0) }),
    tableButton(card, () => { const made = hotspotTable(); requestAnimationFrame(made.fill); return made.table.root; })), note, flame.box);
  panel.append(card, element("div", { class: "card" }, element("h3", { text: "Chosen" }), details));
  panel.flame = flame;
  onView(() => { flame.root = view.focus === null ? flame.root : 0; draw(); describe(flame.root); });
  redrawOn(flame.box, () => flame.draw());
  draw();
  describe(0);
}
function hasFigure(index) {
  for (let i = index; i < data.siteFigures.length; i += FIGURES) if (data.siteFigures[i] > 0) return true;
  return false;
}
