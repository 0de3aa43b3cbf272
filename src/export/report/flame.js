/*
 * Flame graph (roots at the bottom) and icicle (roots on top) of what call sites have: widths are
 * sums over everything below. What is narrower than half a pixel is not drawn.
 */
const BAR = 20,
  NARROWEST = 0.5,
  NAMED_FROM = 34;

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
    this.levels = [];
    this.listen();
  }
  sums() {
    const figure = this.state.figure;
    this.tree = callTree();
    this.values = nodeSums(figure);
    const variance = data.sampled ? varianceOf(figure) : null;
    this.variances = variance === null ? null : nodeSums(variance);
    this.leftOut = view.focus === null && data.leftOut ? data.leftOut[figure] : 0;
    this.values[0] += this.leftOut;
    if (this.variances !== null && this.leftOut > 0) this.variances[0] += data.leftOut[variance];
    this.sorted = new Map();
    if (this.values[this.root] === 0) this.root = 0;
    this.match();
  }
  match() {
    this.matches = null;
    if (view.search === "") return;
    const tree = this.tree,
      inside = new Uint8Array(tree.count);
    this.matches = Uint8Array.from(
      data.functions,
      (one, number) => number > 0 && one.name.toLowerCase().includes(view.search),
    );
    let share = 0;
    for (let node = 1; node < tree.count; node++) {
      if (inside[tree.parent[node]]) inside[node] = 1;
      else if (this.matches[tree.function[node]]) {
        inside[node] = 1;
        share += this.values[node];
      }
    }
    this.matched = this.values[0] > 0 ? share / this.values[0] : 0;
  }
  valueText(node) {
    if (memoryUnseen() !== "" || (this.state.figure === PEAK_FIGURE && peakUnknown() !== "")) return NONE;
    return estimateText(this.state.figure, this.values[node], this.variances === null ? 0 : this.variances[node]);
  }
  shareText(node, digits) {
    return this.values[0] > 0 ? ", " + ((100 * this.values[node]) / this.values[0]).toFixed(digits) + " %" : "";
  }
  nameOf(node) {
    if (node === 0)
      return (
        (view.focus === null ? "all" : threadName(view.focus)) +
        ", " +
        data.figureNames[this.state.figure] +
        ": " +
        this.valueText(0)
      );
    return this.tree.process[node] > 0
      ? processName(this.tree.process[node])
      : data.functions[this.tree.function[node]].name;
  }
  /* Those that have some of the figure, most first. */
  childrenOf(node) {
    let list = this.sorted.get(node);
    if (list === undefined) {
      const values = this.values;
      list = this.tree.children
        .subarray(this.tree.firstChild[node], this.tree.firstChild[node + 1])
        .filter((child) => values[child] > 0);
      if (list.length > 1) list.sort((a, b) => values[b] - values[a] || a - b);
      this.sorted.set(node, list);
    }
    return list;
  }
  /* Levels of bars, each from left to right: the ancestors of the zoomed one, then all below it. */
  layout(width) {
    const levels = [];
    for (let node = this.root; node !== 0; node = this.tree.parent[node])
      levels.unshift({ nodes: [this.tree.parent[node]], left: [0], wide: [width] });
    this.outside = levels.length;
    const scale = width / this.values[this.root];
    let level = { nodes: [this.root], left: [0], wide: [width] };
    while (level.nodes.length > 0 && this.values[this.root] > 0) {
      levels.push(level);
      level = this.levelBelow(level, scale);
    }
    return levels;
  }
  levelBelow(level, scale) {
    const below = { nodes: [], left: [], wide: [] };
    for (let i = 0; i < level.nodes.length; i++) {
      let at = level.left[i];
      for (const child of this.childrenOf(level.nodes[i])) {
        const wide = this.values[child] * scale;
        if (wide < NARROWEST) break;
        below.nodes.push(child);
        below.left.push(at);
        below.wide.push(wide);
        at += wide;
      }
    }
    return below;
  }
  draw() {
    const width = this.canvas.clientWidth;
    if (width === 0 || this.values === undefined) return;
    this.levels = this.layout(width);
    this.height = Math.max(this.levels.length, 3) * BAR + 2;
    if (this.canvas.style.height !== this.height + "px") this.canvas.style.height = this.height + "px";
    const context = contextOf(this.canvas);
    if (context === null) return;
    if (this.palette === undefined || this.theme !== themeNow()) {
      this.palette = new FlamePalette();
      this.theme = themeNow();
    }
    drawLevels(
      context,
      this.levels,
      (level) => this.top(level),
      (node, level) => this.colourOf(node, level),
    );
    context.textBaseline = "middle";
    this.levels.forEach((level, number) => this.names(context, level, number));
    this.describe();
  }
  colourOf(node, level) {
    const number = this.tree.function[node];
    const hit = this.matches !== null && this.matches[number] === 1;
    const full = hit ? this.palette.mark : this.palette.of(number);
    if (level < this.outside) return blended(full, this.palette.card, 0.55);
    return this.matches !== null && !hit ? blended(full, this.palette.card, 0.35) : full;
  }
  top(level) {
    return this.state.flip ? level * BAR : this.height - (level + 1) * BAR;
  }
  names(context, level, number) {
    const y = this.top(number);
    context.fillStyle = this.palette.text;
    for (let i = 0; i < level.nodes.length; i++) {
      const wide = level.wide[i],
        node = level.nodes[i];
      if (wide > NAMED_FROM) {
        const faded = number < this.outside || (this.matches !== null && this.matches[this.tree.function[node]] !== 1);
        context.globalAlpha = faded ? 0.7 : 1;
        context.fillText(fitText(context, this.nameOf(node), wide - 10), level.left[i] + 5, y + BAR / 2 + 1);
        context.globalAlpha = 1;
      }
      if (node === this.chosen) {
        context.strokeStyle = this.palette.text;
        context.lineWidth = 2;
        context.strokeRect(level.left[i] + 1, y + 2, Math.max(wide - 3, 1), BAR - 3);
      }
    }
  }
  describe() {
    const largest = Array.from(
      this.childrenOf(this.root).slice(0, 5),
      (node) => this.nameOf(node) + " " + this.valueText(node),
    );
    this.canvas.setAttribute(
      "aria-label",
      (this.state.flip ? "Icicle" : "Flame graph") +
        " of " +
        data.figureNames[this.state.figure] +
        ", " +
        this.valueText(0) +
        " in all; largest: " +
        largest.join("; ").slice(0, 600),
    );
  }
  /* The node at a place, or -1. */
  at(x, y) {
    const level = this.levels[this.state.flip ? Math.floor(y / BAR) : Math.floor((this.height - y) / BAR)];
    if (level === undefined) return -1;
    const i = level.left.findIndex((left, index) => x >= left && x < left + level.wide[index]);
    return i < 0 ? -1 : level.nodes[i];
  }
  zoom(node) {
    this.root = node;
    this.chosen = node;
    this.draw();
    this.state.chosen(node);
  }
  listen() {
    this.canvas.addEventListener("click", (event) => {
      const node = this.at(event.offsetX, event.offsetY);
      if (node >= 0) this.zoom(node);
    });
    this.canvas.addEventListener("pointermove", (event) => this.hover(event));
    this.canvas.addEventListener("pointerleave", () => {
      this.tip.style.display = "none";
    });
    this.canvas.addEventListener("keydown", (event) => this.key(event));
  }
  hover(event) {
    const node = this.at(event.offsetX, event.offsetY);
    this.tip.style.display = node >= 0 ? "block" : "none";
    if (node < 0) return;
    const frame = this.tree.frame[node];
    this.tip.replaceChildren(
      element("div", {}, element("span", { text: this.nameOf(node).slice(0, 300) })),
      element(
        "div",
        {},
        element("span", { text: frame > 0 ? framePlace(frame) : "" }),
        element("span", { text: this.valueText(node) + this.shareText(node, 1) }),
      ),
    );
    this.tip.style.left =
      Math.max(0, Math.min(event.offsetX + 14, this.canvas.clientWidth - this.tip.offsetWidth - 4)) + "px";
    this.tip.style.top = event.offsetY + 16 + "px";
  }
  key(event) {
    const node = Math.max(this.chosen, 0),
      parent = this.tree.parent[node];
    const siblings = node === 0 ? [0] : this.childrenOf(parent);
    const place = siblings.indexOf(node);
    const inward = this.state.flip ? "ArrowDown" : "ArrowUp",
      outward = this.state.flip ? "ArrowUp" : "ArrowDown";
    const to = {
      [inward]: this.childrenOf(node)[0],
      [outward]: parent,
      ArrowLeft: siblings[place - 1],
      ArrowRight: siblings[place + 1],
    }[event.key];
    if (event.key === "Enter") this.zoom(node);
    else if (event.key === "Home") this.zoom(0);
    else if (to === undefined) return;
    else {
      this.chosen = to;
      this.draw();
      this.state.chosen(to);
    }
    event.preventDefault();
  }
}
function fitText(context, text, width) {
  const most = Math.floor(width / 4);
  let shown = text.length > most ? text.slice(0, Math.max(most, 1)) : text;
  if (shown === text && context.measureText(text).width <= width) return text;
  while (shown.length > 1 && context.measureText(shown + "\u2026").width > width)
    shown = shown.slice(0, Math.max(1, Math.floor(shown.length * 0.9)));
  return shown + "\u2026";
}
