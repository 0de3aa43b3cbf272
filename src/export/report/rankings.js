/* Threads in the order of a metric: overall, by role, and against the average of all. */
function rankingOf(metric) {
  const info = data.page.metrics[metric];
  const known = [...data.threads.keys()].filter((index) => !Number.isNaN(figureOf(index, metric)));
  known.sort((a, b) => figureOf(b, metric) - figureOf(a, metric) || data.threads[a].id - data.threads[b].id);
  const sum = known.reduce((all, index) => all + figureOf(index, metric), 0);
  const meaningful = info.unit !== "index" && known.length > 0;
  const mean = meaningful ? sum / known.length : NaN;
  const middle = known.length >> 1;
  const median = !meaningful
    ? NaN
    : known.length % 2 === 1
      ? figureOf(known[middle], metric)
      : (figureOf(known[middle - 1], metric) + figureOf(known[middle], metric)) / 2;
  const adds = ["bytes", "count", "milliseconds"].includes(info.unit);
  const inRole = new Map();
  const rows = known.map((index, place) => {
    const value = figureOf(index, metric),
      role = data.threads[index].role;
    const of = inRole.get(role) || { count: 0, rank: 0, last: NaN };
    inRole.set(role, of);
    of.count++;
    if (value !== of.last) {
      of.rank = of.count;
      of.last = value;
    }
    return {
      index,
      value,
      role,
      place,
      rankInRole: of.rank,
      ratio: mean !== 0 ? value / mean : NaN,
      share: adds && sum > 0 ? value / sum : NaN,
    };
  });
  rows.forEach((row, place) => {
    row.rank = place > 0 && rows[place - 1].value === row.value ? rows[place - 1].rank : place + 1;
  });
  return { info, rows, mean, median, sum: adds ? sum : NaN, known: known.length };
}

function rankingsPanel(panel) {
  const state = { metric: "peak_bytes", role: "all" };
  const summary = element("p", { class: "soft", id: "ranking-summary" });
  let ranking = null;
  const unit = () => ranking.info.unit;
  const name = data.page.metrics.filter((metric) => metric.unit !== "index");
  const table = new Table(
    "Threads ranked",
    [
      {
        title: "rank",
        number: true,
        width: "64px",
        least: 64,
        text: (row) => String(state.role === "all" ? row.rank : row.rankInRole),
        value: (row) => row.place,
      },
      {
        title: "thread",
        width: "minmax(130px, 2fr)",
        least: 130,
        text: (row) => threadName(data.threads[row.index].id),
      },
      {
        title: "figure",
        number: true,
        width: "110px",
        least: 110,
        text: (row) => formatUnit(row.value, unit()),
        value: (row) => row.value,
      },
      {
        title: "of the highest",
        width: "minmax(80px, 2fr)",
        least: 90,
        text: () => "",
        value: (row) => row.value,
        number: true,
        left: true,
        bar: (row) => row.value / ranking.rows[0].value,
      },
      {
        title: "role",
        width: "minmax(96px, 1fr)",
        least: 96,
        text: (row) => data.page.roles[row.role].letter + " " + data.page.roles[row.role].word,
      },
      {
        title: "\u00d7 average",
        what: "ratio to the average of all threads",
        number: true,
        width: "96px",
        least: 96,
        text: (row) => (Number.isNaN(row.ratio) ? NONE : "\u00d7 " + row.ratio.toFixed(2)),
        value: (row) => row.ratio,
      },
      {
        title: "share",
        number: true,
        width: "84px",
        least: 84,
        text: (row) => (Number.isNaN(row.share) ? NONE : (100 * row.share).toFixed(1) + " %"),
        value: (row) => row.share,
      },
    ],
    {
      pick: (row) => setFocus(data.threads[row.index].id),
      empty: "No thread has this figure.",
      state: (row) => (view.focus === null ? "" : data.threads[row.index].id === view.focus ? "on" : "off"),
    },
  );
  const draw = () => {
    ranking = rankingOf(data.metricAt.get(state.metric));
    const info = ranking.info;
    const source = (data.report.sources || []).find((row) => row.name === info.source);
    const why =
      ranking.known === 0 ? " Unavailable" + (source && source.because ? ": " + source.because : "") + "." : "";
    summary.textContent =
      info.meaning.charAt(0).toUpperCase() +
      info.meaning.slice(1) +
      ". " +
      formatCount(ranking.known) +
      " threads have it" +
      (Number.isNaN(ranking.mean)
        ? "."
        : "; average (baseline) " +
          formatUnit(ranking.mean, info.unit) +
          ", median " +
          formatUnit(ranking.median, info.unit) +
          (Number.isNaN(ranking.sum) ? "." : ", sum " + formatUnit(ranking.sum, info.unit) + ".")) +
      why;
    table.set(
      ranking.rows.filter(
        (row) => (state.role === "all" || String(row.role) === state.role) && found(data.threads[row.index].name),
      ),
    );
  };
  const roles = [
    ["all", "all roles"],
    ...data.page.roles
      .map((role, index) => [index, role.letter + " " + role.word])
      .filter(([index]) => data.threads.some((thread) => thread.role === index)),
  ];
  const by = select(
    "by",
    name.map((metric) => [metric.name, metric.name]),
    state.metric,
    (value) => {
      state.metric = value;
      draw();
    },
  );
  const of = select("of", roles, "all", (value) => {
    state.role = value;
    draw();
  });
  panel.append(card("Rankings", [by, of], summary, table.root));
  onView(draw);
  draw();
}
