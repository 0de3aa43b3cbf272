/* Elements. Names of the program reach the page by textContent alone. */
function element(tag, properties, ...children) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(properties || {})) {
    if (key === "class") made.className = value;
    else if (key === "text") made.textContent = value;
    else if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key.startsWith("--")) made.style.setProperty(key, value);
    else if (value !== undefined && value !== null && value !== false)
      made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}
/* What a panel is made of: a heading, beside it what can be chosen, and below what there is to see. */
function card(title, controls, ...children) {
  const heading = element("h2", { text: title });
  return element(
    "div",
    { class: "card" },
    controls.length > 0 ? element("div", { class: "row" }, heading, ...controls) : heading,
    ...children,
  );
}
function select(label, choices, value, change) {
  const box = element("select", { onchange: () => change(box.value) });
  for (const [key, text] of choices) {
    const option = element("option", { value: key, text });
    option.selected = String(key) === String(value);
    box.append(option);
  }
  return element("label", { class: "field controls" }, element("span", { text: label }), box);
}
function toggle(text, pressed, change) {
  const button = element("button", {
    type: "button",
    class: "controls",
    "aria-pressed": String(pressed),
    text,
    onclick: () => change(),
  });
  return button;
}
function pill(text, kind) {
  return element("span", { class: "pill " + (kind || ""), text });
}
function facts(rows) {
  const list = element("dl", { class: "facts" });
  for (const [key, value] of rows)
    list.append(
      element("dt", { text: key }),
      element("dd", { text: value === null || value === undefined || value === "" ? NONE : String(value) }),
    );
  return list;
}
function roleOf(thread) {
  return data.page.roles[thread.role];
}
function letterOf(thread) {
  const role = roleOf(thread);
  const made = element("span", { class: "letter", text: role.letter, title: role.word + ": " + thread.role_reason });
  made.style.setProperty("--role", "var(--" + role.name + ")");
  return made;
}
