/* Functions by memory, each itself and with all that it calls. */
function hotspotTable(options) {
  let sums = null;
  const cell = (of, f) => (number) =>
    f === PEAK_FIGURE && peakUnknown() !== ""
      ? NONE
      : estimateText(f, value(of, f)(number), data.sampled && varianceOf(f) !== null ? value(of, varianceOf(f))(number) : 0);
  const value = (of, f) => (number) => sums[of][number * FIGURES + f];
  const figureWidth = (f) => (data.sampled && f <= TOTAL_FIGURE ? 156 : 96);
  const columns = [
    { title: "function", width: "minmax(220px, 3fr)", least: 240, text: (number) => data.functions[number].name },
    {
      title: "source",
      width: "minmax(140px, 1.4fr)",
      least: 150,
      text: (number) =>
        baseName(framePlace(data.functions[number].frame)) ||
        baseName(data.texts[frameField(data.functions[number].frame, 3)]),
    },
  ];
  for (const f of [0, 1, 2, 3, 4, 6, 7].filter((f) => f <= 3 || hasFigure(f))) {
    columns.push({
      title: data.figureNames[f],
      number: true,
      width: figureWidth(f) + 8 + "px",
      least: figureWidth(f) + 8,
      text: cell("inclusive", f),
      value: value("inclusive", f),
      what: data.figureNames[f] + ", with what it calls",
    });
    if (f === 0 || f === 2 || f === 3)
      columns.push({
        title: "self",
        number: true,
        width: figureWidth(f) + "px",
        least: figureWidth(f),
        text: cell("self", f),
        value: value("self", f),
        what: data.figureNames[f] + " of the function itself",
      });
  }
  const table = new Table("Functions by memory", columns, {
    sort: 5,
    empty: () =>
      memoryUnseen() ||
      (data.siteCount > 0 ? "No function of this thread, or that fits the search." : "No call site is in this report."),
    ...options,
  });
  const fill = () => {
    sums = functionSums();
    const rows = [];
    for (let number = 1; number < data.functions.length; number++) {
      let any = false;
      for (let f = 0; f < FIGURES && !any; f++) any = sums.inclusive[number * FIGURES + f] > 0;
      if (any && found(data.functions[number].name)) rows.push(number);
    }
    table.set(rows);
  };
  return { table, fill };
}
function hotspotsPanel(panel) {
  const details = element("div", { class: "details", role: "status" });
  const made = hotspotTable({
    pick: (number) => {
      const frame = data.functions[number].frame;
      details.replaceChildren(
        facts([
          ["function", data.functions[number].name],
          ["source", framePlace(frame) || "not known"],
          ["module", data.texts[frameField(frame, 3)]],
        ]),
      );
    },
  });
  const note = element("p", { class: "soft small" });
  const fill = () => {
    note.textContent = estimateNote(firstFigure());
    made.fill();
  };
  panel.append(
    card(
      "Hotspots by function",
      [],
      element("p", {
        class: "soft",
        text: "With all that a function calls; \u201cself\u201d is what it asked for itself. Wrappers of allocators are left out: what they gave counts for whoever called them.",
      }),
      note,
      made.table.root,
    ),
    element("div", { class: "card" }, element("h3", { text: "Chosen" }), details),
  );
  details.textContent = "Choose a line to see where the function is.";
  onView(fill);
  fill();
}
