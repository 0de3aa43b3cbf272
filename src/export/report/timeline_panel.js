/* The charts of processes, of threads, or of the machine. */
function timelinePanel(panel) {
  const timeline = new Timeline();
  const list = element("div", { class: "two", id: "charts" });
  const kinds = [
    ["1", "processes"],
    ["0", "threads"],
    ["2", "machine"],
  ];
  let of = view.focus !== null ? 0 : 1;
  timeline.range = element("span", { class: "soft", id: "time-range" });
  const fill = () => {
    const charts = [],
      missing = [];
    list.replaceChildren();
    for (const about of chartsOf(of)) {
      if (ownersOf(about.of, about.series).size === 0) {
        if (about.series < 100) missing.push(about.info.what);
        continue;
      }
      const chart = new Chart(timeline, about);
      const card = element("div", { class: "card" });
      if (chart.lines.length === 0) continue;
      card.append(
        element(
          "div",
          { class: "row short" },
          element("h3", { text: about.info.what, title: about.info.name }),
          element("span", { class: "soft small", text: about.info.name }),
          tableButton(card, () => chart.asTable()),
        ),
        chart.box,
        chart.legend,
      );
      charts.push(chart);
      list.append(card);
    }
    timeline.setCharts(charts);
    if (charts.length === 0)
      list.append(
        element("p", {
          class: "empty",
          text:
            of === 0 && view.search !== ""
              ? "No thread fits the search."
              : data.page.end_ns - data.page.first_ns < 1e9
                ? "The session was too short for series: it ended before two points were known."
                : "No series of these is in this report.",
        }),
      );
    if (missing.length > 0)
      list.append(
        element("p", {
          class: "soft small whole",
          text:
            (data.page.end_ns - data.page.first_ns < 1e9 ? "The session was too short for rates. " : "") +
            "Without any point, see System for the reasons: " +
            missing.join("; ") +
            ".",
        }),
      );
    timeline.later();
  };
  const button = (text, label, action) =>
    element("button", { type: "button", class: "controls", text, "aria-label": label, onclick: action });
  const middle = () => (timeline.from + timeline.to) / 2;
  const chooser = select("of", kinds, String(of), (value) => {
    of = Number(value);
    fill();
  });
  panel.append(
    element(
      "div",
      { class: "row" },
      element("h2", { text: "Timeline" }),
      timeline.range,
      chooser,
      button("\u2190", "earlier", () => timeline.move(-0.25)),
      button("\u2192", "later", () => timeline.move(0.25)),
      button("+", "zoom in", () => timeline.zoom(0.6, middle())),
      button("\u2212", "zoom out", () => timeline.zoom(1 / 0.6, middle())),
      button("All", "all of the time", () => timeline.show(timeline.low, timeline.high - timeline.low)),
    ),
    list,
  );
  if ((data.report.marks || []).length > 0) panel.append(marksCard(timeline));
  onView(() => {
    if (view.focus !== null && of !== 0) {
      of = 0;
      chooser.querySelector("select").value = "0";
    }
    fill();
  });
  redrawOn(list, () => timeline.draw(true));
  panel.timeline = timeline;
  fill();
}
