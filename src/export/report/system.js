/* The machine, its processes, and where all figures come from. */
function systemPanel(panel) {
  const system = data.report.system || {},
    processor = system.processor || {};
  const note = wholeNote(
    () =>
      "The machine and the sources of figures are the same for every thread; of the processes only that of " +
      threadName(view.focus) +
      " is listed.",
  );
  panel.append(
    note,
    element(
      "div",
      { class: "two" },
      element(
        "div",
        { class: "card" },
        element("h2", { text: "Machine" }),
        facts([
          ["kernel", system.kernel],
          ["processor", processor.brand || system.cpu_model],
          ["cores", system.cores],
          ["NUMA nodes", system.nodes],
          ["hypervisor", processor.hypervisor],
          ["memory", formatUnit(system.memory_total_bytes, "bytes")],
          ["available", formatUnit(system.memory_available_bytes, "bytes")],
          [
            "caches",
            (processor.caches || [])
              .map((cache) => "L" + cache.level + " " + cache.kind + " " + formatBytes(cache.bytes))
              .join(", "),
          ],
        ]),
      ),
      element(
        "div",
        { class: "card" },
        element("h2", { text: "At the end" }),
        facts([
          ["CPU", formatUnit(system.cpu_percent, "percent")],
          ["waiting for I/O", formatUnit(system.io_wait_percent, "percent")],
          [
            "load",
            [system.load_1, system.load_5, system.load_15]
              .map((load) => (load === null || load === undefined ? NONE : load.toFixed(2)))
              .join("  "),
          ],
          [
            "stalled for CPU, 10 s",
            system.pressure && system.pressure.cpu
              ? formatUnit(system.pressure.cpu.some_avg10_percent, "percent")
              : NONE,
          ],
          [
            "stalled for memory, 10 s",
            system.pressure && system.pressure.memory
              ? formatUnit(system.pressure.memory.some_avg10_percent, "percent")
              : NONE,
          ],
          [
            "stalled for I/O, 10 s",
            system.pressure && system.pressure.io ? formatUnit(system.pressure.io.some_avg10_percent, "percent") : NONE,
          ],
        ]),
      ),
    ),
  );
  for (const [title, rows, name, columns] of machineTables(system)) {
    if (rows.length === 0) continue;
    const table = new Table(title, [
      { title: "name", width: "minmax(140px, 1.5fr)", least: 140, text: name },
      ...columns.map(([heading, member, unit]) => ({
        title: heading,
        number: true,
        text: (row) => formatUnit(row[member], unit),
        value: (row) => row[member],
      })),
    ]);
    table.set(rows);
    panel.append(card(title, [], table.root));
  }
  const processes = new Table(
    "Processes",
    [
      { title: "process", width: "minmax(180px, 2fr)", least: 180, text: (process) => processName(process.id) },
      {
        title: "ended",
        width: "110px",
        text: (process) =>
          process.exit_status !== null && process.exit_status !== undefined
            ? "status " + process.exit_status
            : process.signal
              ? "signal " + process.signal
              : process.ended
                ? "unknown"
                : "alive",
      },
      { title: "seen", width: "90px", text: (process) => process.seen || "" },
      {
        title: "live",
        number: true,
        text: (process) => formatUnit(process.totals.current_bytes, "bytes"),
        value: (process) => process.totals.current_bytes,
      },
      {
        title: "peak",
        number: true,
        text: (process) => formatUnit(process.totals.peak_bytes, "bytes"),
        value: (process) => process.totals.peak_bytes,
      },
      {
        title: "allocations",
        number: true,
        text: (process) => formatUnit(process.totals.allocations, "count"),
        value: (process) => process.totals.allocations,
      },
      {
        title: "arguments",
        width: "minmax(200px, 3fr)",
        least: 200,
        text: (process) => (Array.isArray(process.argv) ? process.argv.join(" ") : "hidden or not known"),
      },
    ],
    { sort: 4 },
  );
  const fill = () => {
    note.update();
    processes.set(
      (data.report.processes || []).filter((process) => view.focus === null || process.id === processInFocus()),
    );
  };
  onView(fill);
  fill();
  panel.append(card("Processes", [], processes.root));
  const sources = element("ul", { class: "notes", id: "sources" });
  for (const source of data.report.sources || [])
    sources.append(
      element(
        "li",
        { class: "note" },
        pill(source.condition.replaceAll("_", " "), source.condition),
        element("strong", { text: source.what }),
        source.because ? element("p", { class: "soft", text: source.because }) : null,
      ),
    );
  if (data.page.waiting_unavailable)
    sources.append(
      element(
        "li",
        { class: "note" },
        pill("unavailable", "unavailable"),
        element("strong", { text: "threads that wait for others" }),
        element("p", { class: "soft", text: data.page.waiting_unavailable }),
      ),
    );
  panel.append(card("Where the figures come from", [], sources));
}
function machineTables(system) {
  return [
    [
      "Disks",
      system.disks || [],
      (disk) => disk.name,
      [
        ["read", "read_bytes", "bytes"],
        ["written", "written_bytes", "bytes"],
        ["busy", "busy_percent", "percent"],
        ["wait", "wait_ms", "milliseconds"],
      ],
    ],
    [
      "Network interfaces",
      system.interfaces || [],
      (one) => one.name,
      [
        ["received", "received_bytes", "bytes"],
        ["sent", "sent_bytes", "bytes"],
        ["errors", "errors", "count"],
      ],
    ],
    [
      "Sensors",
      system.sensors || [],
      (one) => one.chip + " " + one.label + " (" + one.kind.replaceAll("_", " ") + ")",
      [
        ["value", "value", "score"],
        ["high", "high", "score"],
        ["critical", "critical", "score"],
      ],
    ],
    [
      "GPUs",
      system.gpus || [],
      (one) => one.name,
      [
        ["busy", "utilization_percent", "percent"],
        ["memory", "memory_used_bytes", "bytes"],
        ["of", "memory_total_bytes", "bytes"],
      ],
    ],
  ];
}
