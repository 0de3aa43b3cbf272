/* Moments that somebody named, as lines in the charts and as a table that leads there. */

/* Moments that somebody named: of all, or what the thread in focus and the user set. */
function marksShown() {
  return (data.report.marks || []).filter(
    (mark) => view.focus === null || mark.thread_id === null || mark.thread_id === view.focus,
  );
}
function markName(mark) {
  return mark.text || "(no text)";
}

function marksCard(timeline) {
  const table = new Table(
    "Marks",
    [
      {
        title: "at",
        number: true,
        width: "90px",
        least: 90,
        text: (mark) => clock(mark.at_ns / 1e9),
        value: (mark) => mark.at_ns,
      },
      { title: "mark", width: "minmax(220px, 4fr)", least: 220, text: markName },
      {
        title: "set by",
        width: "minmax(140px, 1fr)",
        least: 140,
        text: (mark) =>
          mark.thread_id !== null ? threadName(mark.thread_id) : mark.by_program ? "the program" : "the user",
      },
    ],
    {
      sort: 0,
      down: false,
      empty: "No mark of this thread, or that fits the search.",
      pick: (mark) => {
        const width = Math.min(timeline.high - timeline.low, Math.max(0.5, (timeline.to - timeline.from) / 4));
        timeline.show(mark.at_ns / 1e9 - width / 2, width);
      },
    },
  );
  const fill = () => table.set(marksShown().filter((mark) => found(markName(mark))));
  onView(fill);
  fill();
  return element(
    "div",
    { class: "card", id: "marks" },
    element("h3", { text: "Marks" }),
    element("p", { class: "soft small", text: "Dashed lines in the charts. A line takes the charts to its moment." }),
    table.root,
  );
}
