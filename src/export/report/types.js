/* Types of what was allocated, and sizes and lifetimes of blocks. */
/* Of the thread in focus, or of those that pass the rules: what is known of each type, their figures. */
function typesOfSites() {
  const figures = siteFiguresOf(view.focus),
    known = new Map((data.report.types || []).map((row) => [row.type, row])),
    rows = new Map();
  for (let i = 0; i < data.siteCount; i++) {
    const text = data.sites[i * SITE_WORDS + 4];
    if (text === 0 || !(figures[i * FIGURES + 3] > 0)) continue;
    const row = rows.get(text) || {
      ...known.get(data.texts[text]),
      type: data.texts[text],
      current_bytes: 0,
      bytes_allocated: 0,
      allocations: 0,
      sites: 0,
      estimated: false,
    };
    row.current_bytes += figures[i * FIGURES];
    row.bytes_allocated += figures[i * FIGURES + 2];
    row.allocations += figures[i * FIGURES + 3];
    row.estimated = row.estimated || figures[i * FIGURES + TOTAL_VARIANCE] > 0;
    row.sites++;
    rows.set(text, row);
  }
  return [...rows.values()];
}
/* Before what is scaled from a sample. */
function about(row) {
  return row.estimated ? "~" : "";
}
function typesShown() {
  const all = view.focus === null && data.page.left_out.threads_filtered === 0;
  return (all ? data.report.types || [] : typesOfSites()).filter((row) => found(row.type));
}
function typesPanel(panel) {
  if (data.has("types")) {
    const table = new Table(
      "Types",
      [
        { title: "type", width: "minmax(240px, 3fr)", least: 240, text: (row) => row.type },
        { title: "family", width: "minmax(100px, 1fr)", text: (row) => row.family || "" },
        {
          title: "live",
          number: true,
          width: "110px",
          text: (row) => about(row) + formatBytes(row.current_bytes),
          value: (row) => row.current_bytes,
        },
        {
          title: "allocated",
          number: true,
          width: "110px",
          text: (row) => about(row) + formatBytes(row.bytes_allocated),
          value: (row) => row.bytes_allocated,
        },
        {
          title: "allocations",
          number: true,
          width: "110px",
          text: (row) => about(row) + formatCount(row.allocations),
          value: (row) => row.allocations,
        },
        {
          title: "call sites",
          number: true,
          width: "96px",
          text: (row) => formatCount(row.sites),
          value: (row) => row.sites,
        },
        { title: "how known", width: "110px", text: (row) => row.provenance || "" },
      ],
      { sort: 2, empty: memoryUnseen() || "No block's type is known here." },
    );
    const fill = () => table.set(typesShown());
    panel.append(
      card(
        "Types",
        [],
        element("p", {
          class: "soft",
          text: "Read from the functions on the call stacks; what does not tell its type is listed by the reason.",
        }),
        table.root,
      ),
    );
    onView(fill);
    fill();
  }
  if (data.has("lifetime")) histogramCards(panel);
}
/* Names of classes by their bounds; of lifetimes the last has none. */
function classesOf(process, member) {
  const sizes = member === "size_classes";
  const bounds = sizes
    ? data.report.histograms.size_class_bounds_bytes
    : data.report.histograms.lifetime_class_bounds_ns;
  const format = (bound) => (sizes ? formatBytes(bound) : formatMs(bound / 1e6));
  const named = {};
  (process[member] || []).forEach((count, index) => {
    named[bounds[index] === null ? "more" : (sizes ? "up to " : "under ") + format(bounds[index])] = count;
  });
  return named;
}
/* Sums over the processes, which tell it by class; with a thread in focus its process alone. */
function classSums(member) {
  const sums = new Map(),
    of = processInFocus();
  for (const process of data.report.processes || []) {
    if (of !== null && process.id !== of) continue;
    for (const [key, count] of Object.entries(classesOf(process, member))) sums.set(key, (sums.get(key) || 0) + count);
  }
  return sums;
}
function histogram(title, sums) {
  const most = Math.max(0, ...sums.values());
  if (most === 0) return element("p", { class: "empty", text: memoryUnseen() || "No block was told by this." });
  const list = element("div", {
    class: "histogram",
    role: "img",
    "aria-label": title + ": " + [...sums].map(([key, count]) => key + " " + count).join(", "),
  });
  for (const [key, count] of sums) {
    const fill = element("div", { class: "fill" });
    fill.style.setProperty("--part", String(count / most));
    list.append(
      element("span", { class: "soft", text: key }),
      element("div", { class: "track" }, fill),
      element("span", { text: formatCount(count) }),
    );
  }
  return list;
}
function histogramCards(panel) {
  const box = element("div", { class: "two", id: "histograms" });
  const note = wholeNote(
    () =>
      "Sizes and lifetimes are not told by thread: these are of the whole process " +
      processName(processInFocus()) +
      ".",
  );
  const fill = () => {
    note.update();
    box.replaceChildren(
      ...[
        ["size_classes", "Sizes of blocks", "blocks by their size"],
        ["lifetime_classes", "How long blocks lived", "freed blocks by how long they lived"],
      ].map(([member, title, what]) =>
        card(title, [], element("p", { class: "soft small", text: what }), histogram(title, classSums(member))),
      ),
    );
  };
  panel.append(note, box);
  onView(fill);
  fill();
}
