/* Which pair is shown, of whom, and the strongest pairs that were found. */
function signed(text) {
  return text.replace("-", "\u2212");
}
function formatFactor(value) {
  return Math.abs(value) >= 1000
    ? steps(value, ["", " k", " M", " G", " T"])
    : signed(String(Number(value.toPrecision(3))));
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
    const names = state.names(),
      fit = scatter.fit;
    result.textContent = fit.defined
      ? "Pearson r " +
        signed(fit.r.toFixed(3)) +
        ", n " +
        formatCount(fit.n) +
        " seconds; " +
        names.y.name +
        " = " +
        formatFactor(fit.slope) +
        " \u00d7 " +
        names.x.name +
        (fit.intercept < 0 ? " \u2212 " : " + ") +
        formatFactor(Math.abs(fit.intercept))
      : "r n/a, n " +
        formatCount(fit.n) +
        ": " +
        (fit.n < 3 ? "fewer than 3 seconds in which both are known." : "one of the two does not change.");
    scatter.canvas.setAttribute(
      "aria-label",
      "Scatter of " + names.y.name + " against " + names.x.name + ". " + result.textContent,
    );
    panel.fit = fit;
    scatter.draw();
  };
  const scopes = () => {
    const list = [];
    if (view.focus === null) {
      if (program !== null) list.push(["threads:" + program, "all threads of " + processName(program) + ", pooled"]);
      for (const process of data.report.processes || []) list.push(["process:" + process.id, processName(process.id)]);
    }
    const threads = data.threads.filter(
      (thread) => seriesOf(0, 0, thread.id) !== undefined || seriesOf(0, 1, thread.id) !== undefined,
    );
    for (const thread of threads.slice(0, 500))
      if (view.focus === null || thread.id === view.focus)
        list.push(["thread:" + thread.id, "thread " + threadName(thread.id)]);
    return list;
  };
  const fill = () => {
    const chosen = state.scope.kind + ":" + state.scope.owner;
    const axis = (label, key) =>
      select(
        label,
        infos().map((info, index) => [index, info.name]),
        state[key],
        (value) => {
          state[key] = Number(value);
          draw();
        },
      );
    controls.replaceChildren(
      element("h2", { text: "Correlation" }),
      select("of", scopes(), chosen, (value) => {
        const [kind, owner] = value.split(":");
        state.scope = { kind, owner: Number(owner) };
        state.x = 0;
        state.y = kind === "process" ? 3 : 2;
        fill();
      }),
      axis("x", "x"),
      axis("y", "y"),
      tableButton(card, () => {
        const names = state.names();
        const table = new Table("Points", [
          {
            title: "thread",
            text: (i) =>
              state.scope.kind === "process" ? processName(scatter.owners[i]) : threadName(scatter.owners[i]),
          },
          {
            title: names.x.name,
            number: true,
            text: (i) => formatUnit(scatter.xs[i], names.x.unit),
            value: (i) => scatter.xs[i],
          },
          {
            title: names.y.name,
            number: true,
            text: (i) => formatUnit(scatter.ys[i], names.y.unit),
            value: (i) => scatter.ys[i],
          },
          {
            title: "for",
            what: "seconds in a row that had both",
            number: true,
            width: "90px",
            text: (i) => formatCount(scatter.times[i]) + " s",
            value: (i) => scatter.times[i],
          },
        ]);
        requestAnimationFrame(() => table.set([...scatter.xs.keys()]));
        return table.root;
      }),
    );
    draw();
  };
  const strongest = (data.report.correlations || []).filter((row) => row.pearson_r !== null);
  strongest.sort((a, b) => Math.abs(b.pearson_r) - Math.abs(a.pearson_r));
  const table = new Table(
    "Correlated pairs",
    [
      {
        title: "of",
        width: "minmax(150px, 2fr)",
        least: 150,
        text: (row) =>
          row.scope === "thread"
            ? threadName(row.thread_id)
            : row.scope === "threads"
              ? "all threads, pooled"
              : processName(row.process_id),
      },
      { title: "x", width: "minmax(150px, 2fr)", least: 150, text: (row) => row.x },
      { title: "y", width: "minmax(150px, 2fr)", least: 150, text: (row) => row.y },
      {
        title: "r",
        number: true,
        width: "80px",
        least: 80,
        text: (row) => signed(row.pearson_r.toFixed(3)),
        value: (row) => Math.abs(row.pearson_r),
      },
      { title: "n", number: true, width: "80px", least: 80, text: (row) => formatCount(row.n), value: (row) => row.n },
    ],
    {
      sort: 3,
      empty: "No pair changes together, or none was seen for long enough.",
      pick: (row) => {
        const kind = row.scope === "thread" ? "thread" : row.scope === "threads" ? "threads" : "process";
        state.scope = { kind, owner: kind === "thread" ? row.thread_id : row.process_id };
        state.x = infos().findIndex((info) => info.name === row.x);
        state.y = infos().findIndex((info) => info.name === row.y);
        fill();
      },
    },
  );
  pairs.append(element("h2", { text: "Strongest pairs" }), table.root);
  panel.append(card, pairs);
  const update = () => {
    if (view.focus !== null) state.scope = { kind: "thread", owner: view.focus };
    else if (state.scope.kind === "thread" && program !== null) state.scope = { kind: "threads", owner: program };
    if (state.x >= infos().length || state.y >= infos().length) {
      state.x = 0;
      state.y = 2;
    }
    fill();
    table.set(strongest.filter((row) => view.focus === null || row.thread_id === view.focus));
  };
  onView(update);
  redrawOn(scatter.box, () => scatter.draw());
  update();
}
