/* Overview: figures, answers, how complete it is, and a card for each thread. */
const CARDS_AT_ONCE = 60;

function drawSpark(canvas, id) {
  const entry = seriesOf(0, 1, id);
  const context = contextOf(canvas);
  if (context === null) return;
  const width = canvas.clientWidth,
    height = canvas.clientHeight;
  const begin = data.page.first_ns / 1e9,
    end = data.page.end_ns / 1e9;
  context.strokeStyle = colour("c0");
  context.lineWidth = 1.5;
  context.beginPath();
  let drawing = false;
  for (let x = 0; x <= width; x++) {
    const value = valueAt(entry, begin + (end - begin) * Math.min(x / width, 0.9999));
    if (Number.isNaN(value)) {
      drawing = false;
      continue;
    }
    const y = height - 2 - ((height - 4) * value) / entry.highest;
    if (drawing) context.lineTo(x, y);
    else context.moveTo(x, y);
    drawing = true;
  }
  context.stroke();
}
function threadCard(index) {
  const thread = data.threads[index];
  const figure = (label, metric, unit) =>
    element(
      "span",
      {},
      element("b", { text: formatUnit(namedFigure(index, metric), unit) }),
      element("i", { text: label }),
    );
  const entry = seriesOf(0, 1, thread.id);
  const spark =
    entry !== undefined && segmentsOf(entry).length > 0 && entry.highest > 0
      ? element("canvas", { "aria-hidden": "true" })
      : null;
  const card = element(
    "button",
    {
      type: "button",
      class: "thread" + (view.focus === thread.id ? " chosen" : ""),
      "data-thread": thread.id,
      "aria-pressed": String(view.focus === thread.id),
      title: thread.role_reason + (thread.alert_reason ? "; " + thread.alert_reason : ""),
      onclick: () => setFocus(thread.id),
    },
    element(
      "span",
      { class: "top" },
      letterOf(thread),
      element("span", { class: "name", text: thread.merged > 0 ? threadName(thread.id) : thread.name || "(no name)" }),
      thread.alert === "normal" ? null : pill(thread.alert, thread.alert),
      thread.ended ? pill("ended") : null,
    ),
    element(
      "span",
      { class: "figures" },
      figure("live", "current_bytes", "bytes"),
      figure("peak", "peak_bytes", "bytes"),
      figure("allocations", "allocations", "count"),
      figure("CPU", "cpu_percent", "percent"),
      figure("I/O calls", "io_operations", "count"),
      figure("efficiency", "efficiency_score", "score"),
    ),
    spark,
    element("span", {
      class: "small soft",
      text: roleOf(thread).word + (thread.tid ? ", tid " + thread.tid : "") + ", " + processName(thread.process_id),
    }),
  );
  card.style.setProperty("--role", "var(--" + roleOf(thread).name + ")");
  if (spark !== null) redrawCards.set(spark, thread.id);
  return card;
}
const redrawCards = new Map();

function overviewPanel(panel) {
  let figures = tiles(),
    top = answers();
  panel.append(figures, top, conditionCard());
  onView(() => {
    const [newFigures, newTop] = [tiles(), answers()];
    figures.replaceWith(newFigures);
    top.replaceWith(newTop);
    [figures, top] = [newFigures, newTop];
  });
  if (!data.has("threads")) return;
  const state = { metric: "peak_bytes", shown: CARDS_AT_ONCE };
  const cards = element("div", { class: "cards", id: "cards" });
  const more = element("button", {
    type: "button",
    class: "controls",
    onclick: () => {
      state.shown += CARDS_AT_ONCE;
      draw();
    },
  });
  const count = element("span", { class: "soft" });
  const choices = data.page.metrics
    .filter((metric) => metric.unit !== "index")
    .map((metric) => [metric.name, metric.name]);
  const draw = () => {
    const metric = data.metricAt.get(state.metric);
    const order = [...data.threads.keys()].filter((index) =>
      found(data.threads[index].name + " " + data.threads[index].tid + " " + roleOf(data.threads[index]).word),
    );
    const key = (index) => {
      const value = figureOf(index, metric);
      return Number.isNaN(value) ? -Infinity : value;
    };
    order.sort((a, b) => key(b) - key(a) || data.threads[a].id - data.threads[b].id);
    const focused = data.threadAt.get(view.focus);
    const shown = order.slice(0, state.shown);
    if (focused !== undefined && !shown.includes(focused)) shown.unshift(focused);
    redrawCards.clear();
    cards.replaceChildren(...shown.map(threadCard));
    if (shown.length === 0) cards.append(element("p", { class: "empty", text: "No thread fits the search." }));
    count.textContent =
      shown.length < order.length ? shown.length + " of " + formatCount(order.length) : formatCount(order.length);
    more.hidden = order.length <= state.shown;
    more.textContent = "Show " + Math.min(CARDS_AT_ONCE, order.length - state.shown) + " more";
    sparks();
  };
  const sparks = () => {
    for (const [canvas, id] of redrawCards) drawSpark(canvas, id);
  };
  panel.append(
    element(
      "div",
      { class: "row" },
      element("h2", { text: "Threads" }),
      count,
      select("most", choices, state.metric, (value) => {
        state.metric = value;
        draw();
      }),
    ),
    cards,
    more,
  );
  onView(() => {
    const at = document.activeElement && document.activeElement.dataset.thread;
    draw();
    if (at) {
      const card = cards.querySelector('[data-thread="' + Number(at) + '"]');
      if (card) card.focus({ preventScroll: true });
    }
  });
  redrawOn(cards, sparks);
  draw();
}
