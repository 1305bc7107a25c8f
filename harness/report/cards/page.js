"use strict";
// Text of models, providers and files only ever becomes text: no markup is made of it anywhere.
const place = (id) => document.getElementById(id);
const data = JSON.parse(place("island").textContent);
const table = place("grid"), panel = place("panel");
const MODES = { "": "", whole: "whole", stream: "streamed" };

function made(tag, content = "", kind = "") {
  const node = document.createElement(tag);
  if (Array.isArray(content)) node.append(...content.filter((one) => one !== null && one !== ""));
  else node.textContent = String(content);
  if (kind) node.className = kind;
  return node;
}
const badge = (verdict) => made("span", verdict, `badge sign ${verdict}`);
const own = (of, key) => (of && Object.hasOwn(of, key) ? of[key] : undefined);
const count = (number, word) => `${number.toLocaleString("en")} ${word}${number === 1 ? "" : "s"}`;
const percent = (share) => Math.round(100 * share);

function age(text) {
  const days = Math.floor((Date.now() - Date.parse(text)) / 86400000);
  if (!Number.isFinite(days) || days < 0) return "";
  return days === 0 ? "today" : days === 1 ? "1 day ago" : `${days} days ago`;
}
for (const one of document.querySelectorAll("time")) {
  const old = age(one.dateTime);
  if (old) one.append(` (${old})`);
}

// ---- the theme: what the system says, until somebody says otherwise
const THEMES = ["auto", "light", "dark"];
let theme = "auto";
function dress(wanted) {
  theme = THEMES.includes(wanted) ? wanted : "auto";
  document.documentElement.dataset.theme = theme;
  place("theme").textContent = `Theme: ${theme}`;
}
try { dress(localStorage.getItem("harness-theme")); } catch { dress("auto"); }
place("theme").hidden = false;
place("theme").addEventListener("click", () => {
  dress(THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length]);
  try { localStorage.setItem("harness-theme", theme); } catch { /* a page without storage forgets it */ }
});
