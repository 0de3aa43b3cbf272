/* Who frees whose memory: a matrix of threads, and the patterns in it. */
const MATRIX = 24;

function flowsPanel(panel) {
  const flows = (data.report.flows || []).filter(
    (flow) =>
      data.threadAt.has(flow.from_thread) ||
      data.threadAt.has(flow.to_thread) ||
      data.page.left_out.threads_filtered === 0,
  );
  const state = { figure: "bytes" };
  const box = element("div", { class: "matrix" });
  const note = element("p", { class: "soft" });
  const table = new Table(
    "Flows",
    [
      { title: "allocated by", width: "minmax(160px, 1fr)", least: 160, text: (flow) => threadName(flow.from_thread) },
      { title: "freed by", width: "minmax(160px, 1fr)", least: 160, text: (flow) => threadName(flow.to_thread) },
      {
        title: "bytes",
        number: true,
        width: "120px",
        text: (flow) => formatBytes(flow.bytes),
        value: (flow) => flow.bytes,
      },
      {
        title: "blocks",
        number: true,
        width: "120px",
        text: (flow) => formatCount(flow.blocks),
        value: (flow) => flow.blocks,
      },
    ],
    {
      sort: 2,
      empty: () =>
        flows.length === 0
          ? memoryUnseen() || "No block was freed by another thread than the one that allocated it."
          : "No flow of this thread, or that fits the search.",
    },
  );
  const matrix = (shown) => {
    const weights = new Map();
    const value = (flow) => (state.figure === "bytes" ? flow.bytes : flow.blocks);
    for (const flow of shown)
      for (const id of [flow.from_thread, flow.to_thread]) weights.set(id, (weights.get(id) || 0) + value(flow));
    const order = [...weights]
      .sort((a, b) => b[1] - a[1])
      .slice(0, MATRIX)
      .map(([id]) => id);
    const cells = new Map(shown.map((flow) => [flow.from_thread + ">" + flow.to_thread, value(flow)]));
    const most = Math.max(1, ...shown.map(value));
    note.textContent =
      (weights.size > MATRIX
        ? "The " + MATRIX + " threads of " + formatCount(weights.size) + " with the most; the table below has all. "
        : "") + (order.length > 0 ? "Rows allocated, columns freed." : "");
    const grid = element("table", { "aria-label": "Rows allocated, columns freed" });
    grid.append(
      element(
        "tr",
        {},
        element("th", { text: "allocated \\ freed by" }),
        ...order.map((id) => element("th", { scope: "col", text: threadName(id), title: threadName(id) })),
      ),
    );
    for (const from of order) {
      const line = element("tr", {}, element("th", { scope: "row", text: threadName(from), title: threadName(from) }));
      for (const to of order) {
        const amount = cells.get(from + ">" + to);
        const cell = element("td", {
          text: amount === undefined ? "" : formatUnit(amount, state.figure === "bytes" ? "bytes" : "count"),
        });
        cell.style.setProperty("--heat", String(amount === undefined ? 0 : Math.max(0.08, Math.sqrt(amount / most))));
        line.append(cell);
      }
      grid.append(line);
    }
    box.replaceChildren(
      order.length > 0
        ? grid
        : element("p", {
            class: "empty",
            text:
              view.focus !== null
                ? "No block of this thread was freed by another one, and it freed none of others."
                : view.search !== ""
                  ? "No thread that fits the search is part of a flow."
                  : "No block was freed by another thread than the one that allocated it.",
          }),
    );
  };
  const patterns = element("ul", { class: "notes" });
  const ofProcess = wholeNote(() => "Patterns are those of the whole process " + processName(processInFocus()) + ".");
  const sum = element("p", { class: "soft", id: "flow-sum" });
  const figure = select(
    "in",
    [
      ["bytes", "bytes"],
      ["blocks", "blocks"],
    ],
    "bytes",
    (value) => {
      state.figure = value;
      fill();
    },
  );
  panel.append(
    card("Who frees whose memory", [figure], sum, note, box),
    card("Patterns", [], ofProcess, patterns),
    card("All flows", [], table.root),
  );
  const fill = () => {
    const shown = flows.filter(
      (flow) =>
        (view.focus === null || flow.from_thread === view.focus || flow.to_thread === view.focus) &&
        (found(threadName(flow.from_thread)) || found(threadName(flow.to_thread))),
    );
    ofProcess.update();
    sum.textContent = flowSum(flows);
    patterns.replaceChildren(...patternNotes());
    matrix(shown);
    table.set(shown);
  };
  onView(fill);
  fill();
}
/* In a sentence: of all threads, or of the one in focus. */
function flowSum(flows) {
  if (memoryUnseen() !== "") return memoryUnseen();
  if (view.focus !== null) {
    const bytes = (side) =>
      formatBytes(
        sumOf(
          flows.filter((flow) => flow[side] === view.focus && flow.from_thread !== flow.to_thread),
          "bytes",
        ),
      );
    return (
      bytes("from_thread") +
      " that this thread allocated was freed by others, and it freed " +
      bytes("to_thread") +
      " of others."
    );
  }
  const totals = data.report.flow_totals || [];
  return (
    formatBytes(sumOf(totals, "own_bytes")) +
    " was freed by the thread that allocated it, " +
    formatBytes(sumOf(totals, "crossed_bytes")) +
    " by another one."
  );
}
/* Without a pattern: why, as the process says of which most memory crossed threads. */
function patternNotes() {
  const mine = (row) => view.focus === null || row.process_id === processInFocus();
  const patterns = (data.report.flow_patterns || []).filter(mine);
  if (patterns.length > 0) {
    return patterns.map((pattern) =>
      element(
        "li",
        { class: "note" },
        pill(pattern.pattern.replaceAll("_", " ")),
        element("span", { text: pattern.evidence }),
        element("p", {
          class: "soft",
          text:
            pattern.nodes.map((node) => node.name || "others").join(" \u2192 ") +
            ", how sure: " +
            (100 * pattern.confidence).toFixed(0) +
            " %",
        }),
      ),
    );
  }
  const totals = (data.report.flow_totals || []).filter(mine).sort((a, b) => b.crossed_bytes - a.crossed_bytes);
  return [
    element("li", {
      class: "empty",
      text: (totals.length > 0 && totals[0].no_pattern_because) || memoryUnseen() || "No pattern is in these flows.",
    }),
  ];
}
