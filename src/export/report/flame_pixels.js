/*
 * Bars of a flame graph as pixels: a level has one row of them, which stands for its whole height.
 * So a hundred thousand bars cost what the width of the screen costs. Names come on top.
 */
const NO_COLOUR = 0;

function packed(red, green, blue) {
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}
function packedHex(hex) {
  return packed(...rgbOf(hex));
}
/* `part` of a colour over another. */
function blended(over, under, part) {
  const mix = (shift) => Math.round(((over >>> shift) & 255) * part + ((under >>> shift) & 255) * (1 - part));
  return packed(mix(0), mix(8), mix(16));
}
/* Hue in degrees, strength and light from 0 to 1. */
function packedHue(hue, strength, light) {
  const chroma = strength * Math.min(light, 1 - light);
  const channel = (n) => {
    const k = (n + hue / 30) % 12;
    return Math.round(255 * (light - chroma * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  };
  return packed(channel(0), channel(8), channel(4));
}

/* A hue for each module, a shade for each function. */
class FlamePalette {
  constructor() {
    this.light = parseFloat(colour("frame-light"));
    this.strength = parseFloat(colour("frame-colour")) / 100;
    this.plain = packedHex(colour("sunken"));
    this.card = packedHex(colour("card"));
    this.mark = packedHex(colour("mark"));
    this.text = colour("frame-text");
    this.made = new Uint32Array(data.functions.length);
  }
  of(number) {
    if (number === 0) return this.plain;
    if (this.made[number] === NO_COLOUR) {
      const frame = data.functions[number].frame;
      const module = frame > 0 ? data.texts[frameField(frame, 3)] : "";
      let hash = 7;
      for (let i = 0; i < module.length && i < 200; i++) hash = (hash * 31 + module.charCodeAt(i)) >>> 0;
      this.made[number] = packedHue(
        (((hash * 47) % 360) + ((number * 13) % 22)) % 360,
        this.strength,
        (this.light + ((number * 7) % 6) - 3) / 100,
      );
    }
    return this.made[number];
  }
}

/* Fills the picture level by level; `colourOf(node, level)` gives packed colours. */
function drawLevels(context, levels, topOf, colourOf) {
  const ratio = window.devicePixelRatio || 1;
  const width = context.canvas.width,
    height = context.canvas.height;
  const image = context.createImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  const row = new Uint32Array(width);
  levels.forEach((level, number) => {
    row.fill(NO_COLOUR);
    for (let i = 0; i < level.nodes.length; i++) {
      const from = Math.round(level.left[i] * ratio),
        end = Math.round((level.left[i] + level.wide[i]) * ratio);
      const gap = end - from > 3 ? Math.round(ratio) : 0;
      row.fill(colourOf(level.nodes[i], number), from, Math.max(end - gap, from + 1));
    }
    const first = Math.round((topOf(number) + 1) * ratio),
      last = Math.min(Math.round((topOf(number) + BAR) * ratio), height);
    for (let y = first; y < last; y++) pixels.set(row, y * width);
  });
  context.putImageData(image, 0, 0);
}
