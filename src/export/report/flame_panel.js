/* The flame graph with its choices, and what is known of the chosen function. */
function flamePanel(panel) {
  const details = element("div", { class: "details", id: "flame-details", role: "status" });
  const state = { figure: firstFigure(), flip: true, chosen: (node) => describe(node) };
  const flame = new Flame(state);
  const note = element("p", { class: "soft small" });
  const describe = (node) => {
    const frame = flame.tree.frame[node];
    const rows = [["function", node === 0 ? "all" : flame.nameOf(node)]];
    if (frame > 0)
      rows.push(
        ["source", framePlace(frame) || "not known"],
        ["module", data.texts[frameField(frame, 3)]],
        ["crate", data.texts[frameField(frame, 4)]],
      );
    rows.push([
      data.figureNames[state.figure],
      flame.valueText(node) + (flame.values[0] > 0 ? flame.shareText(node, 2) + " of all" : ""),
    ]);
    details.replaceChildren(facts(rows.filter((row) => row[1] !== "")));
  };
  const draw = () => {
    flame.sums();
    note.textContent = flameNotes(flame, state.figure).join(" ");
    flame.draw();
  };
  const present = data.figureNames
    .map((name, index) => [index, name])
    .filter(([index]) => index <= 3 || hasFigure(index));
  const by = select("by", present, state.figure, (value) => {
    state.figure = Number(value);
    draw();
    describe(flame.root);
  });
  const as = select(
    "as",
    [
      ["icicle", "icicle, callers on top"],
      ["flame", "flame graph, callers below"],
    ],
    "icicle",
    (value) => {
      state.flip = value === "icicle";
      draw();
    },
  );
  const card = element("div", { class: "card" });
  card.append(
    element(
      "div",
      { class: "row" },
      element("h2", { text: "Flame graph" }),
      by,
      as,
      element("button", { type: "button", class: "controls", text: "Show all", onclick: () => flame.zoom(0) }),
      tableButton(card, () => {
        const made = hotspotTable();
        requestAnimationFrame(made.fill);
        return made.table.root;
      }),
    ),
    note,
    flame.box,
  );
  panel.append(card, element("div", { class: "card" }, element("h3", { text: "Chosen" }), details));
  panel.flame = flame;
  onView(() => {
    flame.root = view.focus === null ? flame.root : 0;
    draw();
    describe(flame.root);
  });
  redrawOn(flame.box, () => flame.draw());
  draw();
  describe(0);
}
/* What the picture does not say by itself. */
function flameNotes(flame, figure) {
  const notes = [],
    left = data.page.left_out;
  const error = (data.report.processes || []).reduce(
    (sum, process) => sum + (process.at_peak ? process.at_peak.error_bytes : 0),
    0,
  );
  if (figure === PEAK_FIGURE && error > 0 && flame.values[0] > 0)
    notes.push("Live at the peak of each process, \u00b1 " + formatBytes(error) + ".");
  if (estimateNote(figure) !== "") notes.push(estimateNote(figure));
  if (view.search !== "")
    notes.push((100 * (flame.matched || 0)).toFixed(1) + " % is in functions that fit the search.");
  if (flame.leftOut > 0)
    notes.push(
      formatUnit(flame.leftOut, data.figureUnits[figure]) +
        " at " +
        formatCount(left.sites - left.sites_kept) +
        " call sites that are left out is blank.",
    );
  if (figure === PEAK_FIGURE && peakUnknown() !== "") notes.push(peakUnknown());
  else if (memoryUnseen() !== "") notes.push(memoryUnseen());
  else if (flame.values[0] === 0)
    notes.push(view.focus === null ? "Nothing of this was seen." : "Nothing of this was seen of this thread.");
  return notes;
}
