/*
 * The picture of a correlation. Points are counted by pixel and coloured in one pass, since there
 * can be a hundred thousand: where many lie it is darker. That layer is kept until something of it
 * changes.
 */
const SCATTER_HEIGHT = 460,
  SCATTER_EDGE = { left: 82, bottom: 44, top: 10, right: 14 };
const FADE = 0.35,
  FADE_STEPS = 16;

class Scatter {
  constructor(state) {
    this.state = state;
    this.box = element("div", { class: "chart" });
    this.canvas = canvasIn(this.box, SCATTER_HEIGHT, "");
    this.layer = element("canvas");
    this.layerKey = "";
    this.count = 0;
  }
  collect() {
    Object.assign(this, collectPairs(this.state.scope, this.state.x, this.state.y));
    this.count++;
    this.box.hidden = this.xs.length === 0;
    this.range = { x: rangeOf(this.xs), y: rangeOf(this.ys) };
  }
  draw() {
    if (this.xs === undefined || this.xs.length === 0) return;
    const context = contextOf(this.canvas);
    if (context === null) return;
    const { left, bottom, top, right } = SCATTER_EDGE,
      width = this.canvas.clientWidth;
    const area = { left, top, right: width - right, bottom: SCATTER_HEIGHT - bottom, width };
    const {
      x: [lowX, highX],
      y: [lowY, highY],
    } = this.range;
    area.x = (value) => left + ((area.right - left) * (value - lowX)) / (highX - lowX);
    area.y = (value) => top + ((area.bottom - top) * (highY - value)) / (highY - lowY);
    this.axes(context, area);
    this.points(context, area);
    this.line(context, area);
  }
  points(context, area) {
    const key = [this.count, this.canvas.width, this.canvas.height, themeNow()].join();
    if (key !== this.layerKey) {
      this.paint(area);
      this.layerKey = key;
    }
    context.drawImage(this.layer, 0, 0, area.width, SCATTER_HEIGHT);
  }
  paint(area) {
    const ratio = window.devicePixelRatio || 1,
      width = this.canvas.width,
      height = this.canvas.height;
    const hits = this.hitsOf(area, ratio, width, height);
    this.layer.width = width;
    this.layer.height = height;
    const context = this.layer.getContext("2d"),
      image = context.createImageData(width, height),
      pixels = new Uint32Array(image.data.buffer);
    const solid = packedHex(colour("c0")) & 0xffffff;
    const shades = Uint32Array.from({ length: FADE_STEPS + 1 }, (unused, n) =>
      n === 0 ? NO_COLOUR : ((Math.round(255 * (1 - Math.pow(FADE, n))) << 24) | solid) >>> 0,
    );
    for (let i = 0; i < hits.length; i++) if (hits[i] > 0) pixels[i] = shades[Math.min(hits[i], FADE_STEPS)];
    context.putImageData(image, 0, 0);
  }
  /* How many points cover each pixel. */
  hitsOf(area, ratio, width, height) {
    const hits = new Uint8Array(width * height),
      { reach, offsets } = this.disc(ratio, width);
    const scaleX = ratio * (area.x(1) - area.x(0)),
      scaleY = ratio * (area.y(1) - area.y(0)),
      originX = ratio * area.x(0),
      originY = ratio * area.y(0);
    for (let i = 0; i < this.xs.length; i++) {
      const x = Math.round(originX + scaleX * this.xs[i]),
        y = Math.round(originY + scaleY * this.ys[i]);
      if (x < reach || y < reach || x >= width - reach || y >= height - reach) continue;
      const middle = y * width + x;
      for (let k = 0; k < offsets.length; k++)
        hits[middle + offsets[k]] = Math.min(hits[middle + offsets[k]] + this.times[i], FADE_STEPS);
    }
    return hits;
  }
  disc(ratio, width) {
    const radius = (this.xs.length > 20000 ? 1 : this.xs.length > 2000 ? 1.5 : 3) * ratio,
      reach = Math.ceil(radius),
      offsets = [];
    for (let dy = -reach; dy <= reach; dy++)
      for (let dx = -reach; dx <= reach; dx++) if (Math.hypot(dx, dy) <= radius + 0.4) offsets.push(dy * width + dx);
    return { reach, offsets: Int32Array.from(offsets) };
  }
  line(context, area) {
    if (!this.fit.defined) return;
    const [lowX, highX] = this.range.x,
      { slope, intercept } = this.fit;
    context.save();
    context.beginPath();
    context.rect(area.left, area.top, area.right - area.left, area.bottom - area.top);
    context.clip();
    context.strokeStyle = colour("c1");
    context.lineWidth = 2;
    context.beginPath();
    context.moveTo(area.x(lowX), area.y(intercept + slope * lowX));
    context.lineTo(area.x(highX), area.y(intercept + slope * highX));
    context.stroke();
    context.restore();
  }
  axes(context, area) {
    const names = this.state.names();
    context.strokeStyle = colour("line");
    context.fillStyle = colour("soft");
    context.lineWidth = 1;
    context.textAlign = "right";
    context.textBaseline = "middle";
    const down = niceTicks(this.range.y[0], this.range.y[1], 6),
      downTexts = formatTicks(down, names.y.unit);
    for (const [index, tick] of down.entries()) {
      const y = Math.round(area.y(tick)) + 0.5;
      stroke(context, area.left, y, area.right, y);
      context.fillText(downTexts[index], area.left - 8, y);
    }
    context.textAlign = "center";
    const along = niceTicks(this.range.x[0], this.range.x[1], Math.max(2, (area.width - area.left) / 110)),
      alongTexts = formatTicks(along, names.x.unit);
    for (const [index, tick] of along.entries()) {
      const x = Math.round(area.x(tick)) + 0.5;
      stroke(context, x, area.top, x, area.bottom);
      if (x < area.width - 24) context.fillText(alongTexts[index], x, area.bottom + 14);
    }
    context.fillText(names.x.name, (area.left + area.right) / 2, SCATTER_HEIGHT - 10);
    context.save();
    context.translate(12, (area.top + area.bottom) / 2);
    context.rotate(-Math.PI / 2);
    context.fillText(names.y.name, 0, 0);
    context.restore();
  }
}
/* A little more than what the values need; from 0 on when they are near it. */
function rangeOf(values) {
  let low = Infinity,
    high = -Infinity;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (!(high >= low)) return [0, 1];
  const pad = (high - low) * 0.04 || Math.abs(high) * 0.1 || 1;
  return [low >= 0 ? Math.max(0, low - pad) : low - pad, high + pad];
}
