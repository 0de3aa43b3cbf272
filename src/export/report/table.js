/*
 * A table of any length: only rows that can be seen are elements. Columns are { title, text(row),
 * value(row) to sort by, number, width, bar(row) 0..1, node(row) }.
 */
const ROW = 32,
  PRINTED_ROWS = 100,
  NARROW = window.matchMedia("(max-width: 640px)"),
  NARROW_NAME = 200; /* pixels of the first column there, at least */

class Table {
  constructor(label, columns, options) {
    this.columns = columns;
    this.options = options || {};
    this.rows = [];
    this.sorted = {
      column: this.options.sort === undefined ? -1 : this.options.sort,
      down: this.options.down !== false,
    };
    this.body = element("div", { class: "body", role: "rowgroup" });
    this.head = element("div", { class: "line head-line", role: "row" });
    this.root = element(
      "div",
      { class: "grid", role: "table", "aria-label": label, tabindex: "0", onscroll: () => this.later() },
      element("div", { role: "rowgroup" }, this.head),
      this.body,
    );
    this.root.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.later()).observe(this.root);
    NARROW.addEventListener("change", () => this.layOut());
    this.layOut();
    Table.all.add(this);
  }
  /* Where there is no room for all columns, what the table is sorted by stands beside the name. */
  layOut() {
    const narrow = NARROW.matches && !this.columns[0].number;
    const beside = narrow && this.sorted.column > 0 ? [this.sorted.column] : [];
    const others = this.columns.map((_, index) => index).filter((index) => index > 0 && !beside.includes(index));
    this.order = [0, ...beside, ...others];
    const width = (index) =>
      narrow && index === 0 ? "minmax(" + NARROW_NAME + "px, 1fr)" : this.columns[index].width || "minmax(90px, 1fr)";
    const least = (index) => (narrow && index === 0 ? NARROW_NAME : this.columns[index].least || 96);
    this.root.style.setProperty("--columns", this.order.map(width).join(" "));
    this.root.style.setProperty("--least", this.order.reduce((sum, index) => sum + least(index), 0) + "px");
    this.drawHead();
    if (this.rows.length > 0) this.draw();
  }
  drawHead() {
    this.head.replaceChildren(
      ...this.order.map((index) => {
        const column = this.columns[index];
        const on = this.sorted.column === index;
        const cell = element("div", {
          role: "columnheader",
          class: column.number && !column.left ? "number" : "",
          "aria-sort": on ? (this.sorted.down ? "descending" : "ascending") : "none",
        });
        cell.append(
          element("button", {
            type: "button",
            title: column.what || column.title,
            text: column.title + (on ? (this.sorted.down ? " \u2193" : " \u2191") : ""),
            onclick: () => this.sortBy(index),
          }),
        );
        return cell;
      }),
    );
  }
  sortBy(index) {
    this.sorted = {
      column: index,
      down: this.sorted.column === index ? !this.sorted.down : this.columns[index].number === true,
    };
    this.sort();
    this.layOut();
    if (NARROW.matches) this.root.scrollLeft = 0;
    this.head.children[this.order.indexOf(index)].firstChild.focus({ preventScroll: NARROW.matches });
  }
  sort() {
    const column = this.columns[this.sorted.column];
    if (column === undefined) return;
    const sign = this.sorted.down ? -1 : 1;
    const keyed = this.rows.map((row) => ({ row, key: column.value ? column.value(row) : column.text(row) }));
    const none = (key) => key === null || key === undefined || Number.isNaN(key);
    keyed.sort((a, b) =>
      none(a.key) || none(b.key) ? none(a.key) - none(b.key) : a.key < b.key ? -sign : a.key > b.key ? sign : 0,
    );
    this.rows = keyed.map((entry) => entry.row);
  }
  set(rows) {
    this.rows = rows;
    this.sort();
    this.root.setAttribute("aria-rowcount", String(rows.length + 1));
    this.draw();
  }
  later() {
    if (!this.waiting) {
      this.waiting = true;
      requestAnimationFrame(() => {
        this.waiting = false;
        this.draw();
      });
    }
  }
  key(event) {
    const row = event.target.parentElement === this.body ? Number(event.target.getAttribute("aria-rowindex")) - 2 : -1;
    const go = { ArrowDown: row + 1, ArrowUp: row - 1, Home: 0, End: this.rows.length - 1 }[event.key];
    if (row >= 0 && go >= 0 && go < this.rows.length) {
      this.focusRow(go);
      event.preventDefault();
      return;
    }
    const page = this.root.clientHeight - 2 * ROW;
    const by = { ArrowDown: ROW, ArrowUp: -ROW, PageDown: page, PageUp: -page }[event.key];
    if (by !== undefined && event.target === this.root) {
      this.root.scrollTop += by;
      event.preventDefault();
    }
  }
  focusRow(index) {
    const top = index * ROW,
      room = this.root.clientHeight - this.head.offsetHeight - 4;
    if (top < this.root.scrollTop) this.root.scrollTop = top;
    else if (top + ROW > this.root.scrollTop + room) this.root.scrollTop = top + ROW - room;
    this.draw();
    const line = this.body.querySelector('[aria-rowindex="' + (index + 2) + '"]');
    if (line !== null) line.focus({ preventScroll: true });
  }
  /* Lines are made anew; the one with the focus keeps it. */
  draw(printing) {
    const active = this.body.contains(document.activeElement)
      ? document.activeElement.getAttribute("aria-rowindex")
      : null;
    this.drawRows(printing);
    const line = active === null ? null : this.body.querySelector('[aria-rowindex="' + active + '"]');
    if (line !== null) line.focus({ preventScroll: true });
    else if (active !== null) this.root.focus({ preventScroll: true });
  }
  drawRows(printing) {
    this.body.style.height =
      (printing ? Math.min(this.rows.length, PRINTED_ROWS) : Math.max(this.rows.length, 1)) * ROW + "px";
    if (this.rows.length === 0) {
      this.body.replaceChildren(
        element("div", { role: "row" }, element("div", { class: "cell empty", role: "cell", text: this.whyEmpty() })),
      );
      this.body.style.height = "auto";
      return;
    }
    const first = printing ? 0 : Math.max(0, Math.floor(this.root.scrollTop / ROW) - 4);
    const last = printing
      ? Math.min(this.rows.length, PRINTED_ROWS)
      : Math.min(this.rows.length, Math.ceil((this.root.scrollTop + this.root.clientHeight) / ROW) + 4);
    const lines = [];
    for (let i = first; i < last; i++) lines.push(this.line(this.rows[i], i));
    this.body.replaceChildren(...lines);
  }
  whyEmpty() {
    const { empty } = this.options;
    return (typeof empty === "function" ? empty() : empty) || "Nothing to show.";
  }
  line(row, index) {
    const state = this.options.state ? this.options.state(row) : "";
    const line = element("div", {
      class: "line " + state + (this.options.pick ? " pick" : ""),
      role: "row",
      "aria-rowindex": String(index + 2),
    });
    line.style.top = index * ROW + "px";
    for (const column of this.order.map((index) => this.columns[index])) {
      const cell = element("div", {
        class: "cell" + (column.number ? " number" : "") + (column.bar ? " bar" : ""),
        role: "cell",
      });
      if (column.bar) {
        const part = column.bar(row);
        cell.style.setProperty("--part", String(part > 0 ? Math.min(part, 1) : 0));
      } else if (column.node) cell.append(column.node(row));
      else {
        const text = column.text(row);
        cell.textContent = text;
        if (text.length > 12) cell.title = text.slice(0, 2000);
      }
      line.append(cell);
    }
    if (this.options.pick) {
      line.tabIndex = 0;
      line.addEventListener("click", () => this.options.pick(row));
      line.addEventListener("keydown", (event) => {
        if (event.key === "Enter" || event.key === " ") {
          event.preventDefault();
          this.options.pick(row);
        }
      });
    }
    return line;
  }
}
Table.all = new Set();
