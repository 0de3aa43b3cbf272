/* What all charts share: a canvas at the resolution of the screen, scales, a text alternative. */
function canvasIn(box, height, label) {
  const canvas = element("canvas", { role: "img", "aria-label": label });
  canvas.style.height = height + "px";
  box.append(canvas);
  return canvas;
}
/* Sets the size of the pixels it has; returns the context, or null when it is not shown. */
function contextOf(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const width = canvas.clientWidth,
    height = canvas.clientHeight;
  if (width === 0 || height === 0) return null;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = "11px system-ui, sans-serif";
  return context;
}
function stroke(context, fromX, fromY, toX, toY) {
  context.beginPath();
  context.moveTo(fromX, fromY);
  context.lineTo(toX, toY);
  context.stroke();
}
function niceTicks(low, high, most) {
  const range = high - low;
  if (!(range > 0)) return [low];
  const rough = range / Math.max(most, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough) || rough;
  const ticks = [];
  for (let t = Math.ceil(low / step) * step; t <= high + step * 1e-6; t += step)
    ticks.push(Math.abs(t) < step / 1e6 ? 0 : t);
  return ticks;
}
/* The scale that ends at a tick at both ends. */
function niceRange(low, high, most) {
  const ticks = niceTicks(low, high, most);
  if (ticks.length < 2) return [low, high];
  const step = ticks[1] - ticks[0];
  return [Math.floor(low / step + 1e-9) * step, Math.ceil(high / step - 1e-9) * step];
}
function timeTicks(low, high, most) {
  const range = high - low;
  const step =
    [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400].find(
      (s) => range / s <= most,
    ) || 172800;
  const ticks = [];
  for (let t = Math.ceil(low / step) * step; t <= high; t += step) ticks.push(t);
  return ticks;
}
function clock(seconds) {
  const s = Math.max(0, seconds);
  const rest = s % 60;
  const text = rest < 10 ? "0" : "";
  return (
    (s >= 3600 ? Math.floor(s / 3600) + ":" + String(Math.floor(s / 60) % 60).padStart(2, "0") : Math.floor(s / 60)) +
    ":" +
    text +
    (Number.isInteger(Math.round(rest * 10) / 10) ? Math.round(rest) : rest.toFixed(1))
  );
}
/* The time of day, of a second of the session. */
function utcAt(seconds) {
  return new Date(data.report.session.start_unix_ns / 1e6 + seconds * 1000).toISOString().slice(11, 19) + " UTC";
}
/* A button that shows the figures of a chart as a table; `make` returns it. */
function tableButton(box, make) {
  let shown = null;
  const button = toggle("Show as table", false, () => {
    if (shown === null) {
      shown = make();
      box.append(shown);
    } else {
      shown.remove();
      shown = null;
    }
    button.setAttribute("aria-pressed", String(shown !== null));
  });
  return button;
}
const drawers = new Set();
function redrawAll() {
  for (const draw of drawers) draw();
}
function redrawOn(box, draw) {
  let waiting = false;
  const later = () => {
    if (!waiting) {
      waiting = true;
      requestAnimationFrame(() => {
        waiting = false;
        draw();
      });
    }
  };
  new ResizeObserver(later).observe(box);
  drawers.add(draw);
  return later;
}
