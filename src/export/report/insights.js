/* Findings in words, anomalies, limits and misuse. */
function insightsPanel(panel) {
  const list = element("ul", { class: "notes", id: "insights" });
  const insights = data.report.insights;
  const fill = () => {
    const shown = (insights || []).filter(
      (insight) =>
        (view.focus === null ||
          insight.thread_id === view.focus ||
          (insight.site_id !== null && siteInFocus(insight.site_id))) &&
        found(insight.what + " " + insight.advice),
    );
    list.replaceChildren(
      ...shown.map((insight) =>
        element(
          "li",
          { class: "note" },
          pill(insight.severity, insight.severity),
          element("strong", { text: insight.what }),
          element("p", { class: "soft", text: insight.advice }),
          insight.thread_id !== null && data.threadAt.has(insight.thread_id)
            ? element("p", {}, focusButton(insight.thread_id))
            : null,
        ),
      ),
    );
    if (shown.length === 0)
      list.append(
        element("li", {
          class: "empty",
          text:
            insights === null
              ? "Nothing was judged: no findings came with this report."
              : view.focus !== null
                ? "Nothing is said of this thread."
                : "Nothing stands out.",
        }),
      );
  };
  panel.append(element("div", { class: "card" }, element("h2", { text: "Insights" }), list));
  const anomalies = new Table(
    "Anomalies",
    [
      { title: "at", number: true, width: "90px", text: (row) => clock(row.t_ns / 1e9), value: (row) => row.t_ns },
      { title: "what", width: "minmax(280px, 4fr)", least: 280, text: (row) => row.text },
      {
        title: "z",
        number: true,
        width: "80px",
        text: (row) => (row.z === null ? "\u221e" : row.z.toFixed(1)),
        value: (row) => (row.z === null ? Infinity : Math.abs(row.z)),
      },
      { title: "until", width: "100px", text: (row) => (row.end_ns === null ? "goes on" : clock(row.end_ns / 1e9)) },
    ],
    {
      sort: 0,
      down: false,
      empty: () =>
        data.report.anomalies === null
          ? "Not looked for: no findings came with this report."
          : data.report.anomalies.length > 0
            ? "None of this thread, or that fits the search."
            : "No figure left its usual range.",
    },
  );
  panel.append(element("div", { class: "card" }, element("h2", { text: "Anomalies" }), anomalies.root));
  const limits = limitsCard(panel);
  misuseCard(panel);
  const update = () => {
    fill();
    limits();
    anomalies.set(
      (data.report.anomalies || []).filter(
        (row) => (view.focus === null || row.thread_id === view.focus) && found(row.text),
      ),
    );
  };
  onView(update);
  update();
}
/* Returns what draws them anew. */
function limitsCard(panel) {
  const limits = data.report.limits || [];
  if (limits.length === 0) return () => {};
  const list = element("ul", { class: "notes" });
  panel.append(element("div", { class: "card" }, element("h2", { text: "Limits" }), list));
  return () => {
    const shown = limits.filter((limit) => view.focus === null || limit.process_id === processInFocus());
    list.replaceChildren(
      ...shown.map((limit) =>
        element(
          "li",
          { class: "note" },
          pill(limit.limit.replaceAll("_", " "), limit.grows ? "warning" : ""),
          element("span", { text: processName(limit.process_id) + ": " + limit.text }),
        ),
      ),
    );
    if (shown.length === 0)
      list.append(element("li", { class: "empty", text: "No limit of the process of this thread is near." }));
  };
}
function misuseCard(panel) {
  const rows = data.report.misuse || [];
  if (!data.has("boundaries") || rows.length === 0) return;
  const table = new Table(
    "Misuse and memory that crossed libraries",
    [
      { title: "what", width: "minmax(130px, 1fr)", text: (row) => String(row.kind || "").replaceAll("_", " ") },
      {
        title: "allocated at",
        width: "minmax(180px, 2fr)",
        least: 180,
        text: (row) => (row.allocated_site_id !== null ? siteName(row.allocated_site_id) : NONE),
      },
      {
        title: "released at",
        width: "minmax(180px, 2fr)",
        least: 180,
        text: (row) => (row.released_site_id !== null ? siteName(row.released_site_id) : NONE),
      },
      {
        title: "times",
        number: true,
        width: "100px",
        text: (row) => (row.provenance === "sampled" ? "~ " : "") + formatUnit(row.count, "count"),
        value: (row) => row.count,
      },
    ],
    { sort: 3, empty: "None at a call site of this thread." },
  );
  const inFocus = (id) => id !== null && siteInFocus(id);
  const fill = () =>
    table.set(
      rows.filter((row) => view.focus === null || inFocus(row.allocated_site_id) || inFocus(row.released_site_id)),
    );
  onView(fill);
  fill();
  panel.append(
    element("div", { class: "card" }, element("h2", { text: "Misuse and memory that crossed libraries" }), table.root),
  );
}
