"""The tables, in Markdown, from the figures as `bench.py --json` writes them."""

import statistics


def middle(values):
    return statistics.median(values) if values else None


def figures(values, digits):
    """Median, lowest and highest."""
    return f"{middle(values):.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})"


def of_runs(cell, name):
    return [run[name] for run in cell["runs"] if run[name] is not None]


def ratio_cell(cell):
    if cell is None:
        return "-"
    if "failed" in cell:
        return "failed"
    values = of_runs(cell, "ratio")
    return figures(values, 1 if middle(values) >= 10 else 2)


def native_cell(row, cell):
    seconds = middle(of_runs(cell, "seconds"))
    text = f"{seconds:.3g} s"
    if row["operations"]:
        text += f", {seconds / row['operations'] * 1e9:.1f} ns"
    return text


def cpu_cell(cell):
    if cell is None or "failed" in cell:
        return "-"
    program, tool = middle(of_runs(cell, "program_cpu_s")), middle(of_runs(cell, "tool_cpu_s"))
    text = f"{program:.2f}" + (f" + {tool:.2f}" if tool > 0 else "")
    ratio = middle(of_runs(cell, "cpu_ratio"))
    return text if ratio is None else f"{text} ({ratio:.2f})"


def memory_cell(cell):
    if cell is None or "failed" in cell:
        return "-"
    parts = [f"{middle(of_runs(cell, 'program_rss_bytes')) / 1e6:.0f}"]
    tool = middle(of_runs(cell, "tool_rss_bytes"))
    if tool:
        parts.append(f"{tool / 1e6:.0f}")
    if "probe_bytes" in cell:
        parts.append(f"{cell['probe_bytes'] / 1e6:.1f}")
    return " / ".join(parts)


def one_table(heads, lines):
    return "\n".join(["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads),
                      *["| " + " | ".join(line) + " |" for line in lines]])


def render(document):
    """All tables and what is left out, one text."""
    ways = [way for way in document["ways"] if way["name"] != "native"]
    rows = document["rows"]
    names = [way["name"] for way in ways]
    parts = [document["machine"] + f"; SCALE={document['scale']:g}, {document['rounds']} interleaved "
             "rounds.",
             "\n".join(f"- **{way['name']}**: {way['text']}"
                       + (f", at most {way['rounds_at_most']} rounds" if way["rounds_at_most"] else "")
                       for way in ways)]
    left_out = [f"- {name}: {reason}" for name, reason in document["left_out"].items()]
    for row in rows:
        for name, cell in row["ways"].items():
            left_out += [f"- {row['name']}, {name}: {cell[key]}" for key in ("failed", "report_failed")
                         if key in cell]
    if left_out:
        parts.append("Left out:\n\n" + "\n".join(left_out))

    def lines(cell_text, native_text):
        return [[row["name"], native_text(row),
                 *[cell_text(row["ways"].get(name)) for name in names]] for row in rows]

    parts.append("\n".join(f"- {row['name']}: {row['text']}" for row in rows))
    parts += ["Time, ratio to the native run of the same round: median (lowest-highest). Native: "
              "median, and for one operation of a thread (an allocation and its free; a throw)",
              one_table(["workload", "native", *names],
                        lines(ratio_cell, lambda row: native_cell(row, row["ways"]["native"]))),
              "CPU seconds, medians: program + tool (viewer, keeper and helpers; heaptrack's script "
              "and compressor); in brackets the program's as ratio to the native run of the same "
              "round. On a machine that others use too this ratio moves less than that of the time",
              one_table(["workload", "native", *names],
                        lines(cpu_cell,
                              lambda row: f"{middle(of_runs(row['ways']['native'], 'program_cpu_s')):.2f}")),
              "Memory in MB: highest resident of the program / of the largest other process of the tool / "
              "memory that the probe opened inside the program (part of the first)",
              one_table(["workload", "native", *names],
                        lines(memory_cell, lambda row: memory_cell(row["ways"]["native"])))]
    return "\n\n".join(parts)


def change(earlier, cell, name):
    """Three texts: before, after, and what changed; None where one has no such figure."""
    one, two = of_runs(earlier, name), of_runs(cell, name)
    if not one or not two:
        return None
    apart = min(two) > max(one) or max(two) < min(one)
    return [figures(one, 2), figures(two, 2), f"{(middle(two) / middle(one) - 1) * 100:+.1f} %"
            + ("" if apart else " (ranges overlap)")]


def compare(before, after):
    """Two documents of the same machine, ratios side by side, where both have the figure."""
    if before["scale"] != after["scale"]:
        raise SystemExit(f"not the same work: SCALE={before['scale']:g} and {after['scale']:g}")
    old = {(row["name"], name): cell for row in before["rows"] for name, cell in row["ways"].items()}
    lines = []
    for row in after["rows"]:
        for name, cell in row["ways"].items():
            earlier = old.get((row["name"], name))
            if name == "native" or earlier is None:
                continue
            for text, figure in (("time", "ratio"), ("CPU", "cpu_ratio")):
                found = change(earlier, cell, figure)
                if found:
                    lines.append([row["name"], name, text, *found])
    return one_table(["workload", "way", "ratio of", "before", "after", "change"], lines)
