/* Dark and light. auto follows the system; the choice is kept nowhere, since a file may keep nothing. */
const THEMES = ["auto", "light", "dark"];
let theme = "auto";

/* Asked for at every stroke, so each is looked up once for a theme. */
const colours = new Map();
function colour(name) {
  let value = colours.get(name);
  if (value === undefined) {
    value = getComputedStyle(document.documentElement)
      .getPropertyValue("--" + name)
      .trim();
    colours.set(name, value);
  }
  return value;
}
function rgbOf(hex) {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
}
function themeNow() {
  return document.documentElement.dataset.theme;
}
function applyTheme(printing) {
  const dark =
    !printing && (theme === "dark" || (theme === "auto" && matchMedia("(prefers-color-scheme: dark)").matches));
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  colours.clear();
  const button = document.getElementById("theme");
  button.textContent = "Theme: " + theme;
  button.setAttribute("aria-label", "Theme: " + theme + ". Change it");
  redrawAll();
}
function startThemes() {
  document.getElementById("theme").addEventListener("click", () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
    applyTheme(false);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => applyTheme(false));
  applyTheme(false);
}
