/* The thread that is in focus, and what is searched for: every tab filters to them. */
const view = { focus: null, search: "", listeners: new Set() };
function onView(update) {
  view.listeners.add(update);
}
function changed() {
  document.body.classList.toggle("focused", view.focus !== null);
  drawFocusBar();
  for (const update of view.listeners) update();
}
function setFocus(thread) {
  view.focus = view.focus === thread ? null : thread;
  changed();
}
function drawFocusBar() {
  const bar = document.getElementById("focus");
  bar.hidden = view.focus === null;
  if (view.focus === null) return;
  const thread = data.threads[data.threadAt.get(view.focus)];
  bar.replaceChildren(
    letterOf(thread),
    element("span", {
      text:
        "Focus on " +
        threadName(view.focus) +
        ", " +
        processName(thread.process_id) +
        ": every tab shows this thread, or says what it is of",
    }),
    element("button", { type: "button", text: "Leave (Esc)", onclick: () => setFocus(view.focus) }),
  );
}
/* What a part says that shows more than the thread in focus; call `update` when that changes. */
function wholeNote(say) {
  const note = element("p", { class: "soft small whole-note" });
  note.update = () => {
    note.hidden = view.focus === null;
    note.textContent = view.focus === null ? "" : say();
  };
  note.update();
  return note;
}
function processInFocus() {
  return view.focus === null ? null : data.threads[data.threadAt.get(view.focus)].process_id;
}
function focusButton(id) {
  return data.threadAt.has(id)
    ? element("button", {
        type: "button",
        text: threadName(id),
        onclick: (event) => {
          event.stopPropagation();
          setFocus(id);
        },
      })
    : element("span", { text: threadName(id) });
}
function found(text) {
  return view.search === "" || text.toLowerCase().includes(view.search);
}
function startFocus() {
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && view.focus !== null) setFocus(view.focus);
    if (event.key === "/" && !/^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName)) {
      document.getElementById("search").focus();
      event.preventDefault();
    }
  });
  /* A click on the background leaves. */
  document.addEventListener("click", (event) => {
    const background =
      event.target === document.body ||
      event.target.id === "main" ||
      event.target.getAttribute("role") === "tabpanel" ||
      event.target.classList.contains("cards");
    if (background && view.focus !== null) setFocus(view.focus);
  });
  const box = document.getElementById("search");
  let timer = 0;
  box.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      view.search = box.value.trim().toLowerCase();
      changed();
    }, 120);
  });
}
