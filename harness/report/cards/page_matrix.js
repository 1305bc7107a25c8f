// ---- the matrix: where each cell stands, however wide it is
const rows = [...(table ? table.querySelectorAll("tbody tr:not(.topic)") : [])].map((line) => {
  const spots = [];
  for (const node of line.querySelectorAll("td")) for (let n = 0; n < node.colSpan; n++) spots.push(node);
  return { line, spots, text: line.querySelector("th").textContent.toLowerCase() };
});
const columns = rows.length ? rows[0].spots.length : 0;
const each = data.cards.length ? columns / data.cards.length : 1;
const cellOf = (node) => data.cells[Number(node.dataset.cell)];
let at = { row: 0, column: 0 };

function focus(row, column, quiet = false) {
  const old = rows[at.row].spots[at.column];
  old.removeAttribute("tabindex");
  at = { row, column };
  const node = rows[row].spots[column];
  node.tabIndex = 0;
  if (quiet) return;
  node.focus({ preventScroll: true });
  node.scrollIntoView({ block: "nearest", inline: "nearest" });
}
const seen = (node) => !node.hidden && !node.parentNode.hidden;
function move(rowStep, columnStep) {
  const now = rows[at.row].spots[at.column];
  let { row, column } = at;
  do { row += rowStep; column += columnStep; }
  while (rows[row] && rows[row].spots[column] && (rows[row].spots[column] === now || !seen(rows[row].spots[column])));
  if (rows[row] && rows[row].spots[column]) focus(row, column);
}
const ends = (step) => {
  let column = step > 0 ? 0 : columns - 1;
  while (rows[at.row].spots[column] && !seen(rows[at.row].spots[column])) column += step;
  if (rows[at.row].spots[column]) focus(at.row, column);
};
const KEYS = {
  ArrowRight: () => move(0, 1), ArrowLeft: () => move(0, -1), ArrowDown: () => move(1, 0), ArrowUp: () => move(-1, 0),
  Home: () => ends(1), End: () => ends(-1),
  PageDown: () => { for (let n = 0; n < 8; n++) move(1, 0); }, PageUp: () => { for (let n = 0; n < 8; n++) move(-1, 0); },
  Enter: (node) => open(node), " ": (node) => open(node),
};
function placeOf(node) {
  const row = rows.findIndex((one) => one.line === node.parentNode);
  return row < 0 ? null : { row, column: rows[row].spots.indexOf(node) };
}
if (rows.length) {
  place("tools").hidden = place("keys").hidden = false;
  focus(0, 0, true);
  table.addEventListener("keydown", (event) => {
    const act = KEYS[event.key], node = event.target.closest("td");
    if (!act || !node || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act(node);
  });
  table.addEventListener("click", (event) => {
    const node = event.target.closest("td"), spot = node && placeOf(node);
    if (!spot) return;
    focus(spot.row, spot.column);
    open(node);
  });
}

// ---- filters: by verdict, and by the words of checks, findings and models
const pressed = new Set();
function filter() {
  const words = place("find").value.trim().toLowerCase();
  const named = data.cards.map((card) => !words || card.model.toLowerCase().includes(words));
  const byModel = words && named.some((one) => one);
  const shown = (column) => !byModel || named[Math.floor(column / each)];
  let checks = 0;
  for (const row of rows) {
    const cells = row.spots.filter((node, column) => shown(column) && node.dataset.cell).map(cellOf);
    const told = byModel || row.text.includes(words) ||
      cells.some((cell) => (cell.findings || []).some((one) => one.message.toLowerCase().includes(words)));
    const kept = told && (!pressed.size || cells.some((cell) => pressed.has(cell.verdict)));
    row.line.hidden = !kept;
    checks += kept ? 1 : 0;
    row.spots.forEach((node, column) => {
      node.hidden = !shown(column);
      node.classList.toggle("dim", pressed.size > 0 && !(node.dataset.cell && pressed.has(cellOf(node).verdict)));
    });
  }
  for (const body of table.tBodies) body.hidden = [...body.rows].slice(1).every((line) => line.hidden);
  table.querySelectorAll("col:not(.check)").forEach((node, column) => { node.hidden = !shown(column); });
  table.querySelectorAll("thead .model").forEach((node, card) => { node.hidden = Boolean(byModel) && !named[card]; });
  table.querySelectorAll("thead .modes th").forEach((node, column) => { node.hidden = !shown(column); });
  const models = byModel ? `${named.filter(Boolean).length} of ${count(named.length, "model")}, ` : "";
  const told = `${models}${checks} of ${count(rows.length, "row")} shown`;
  place("status").textContent = words || pressed.size ? told : "";
  if (!seen(rows[at.row].spots[at.column])) {
    const row = rows.findIndex((one) => !one.line.hidden);
    if (row >= 0) focus(row, Math.max(0, rows[row].spots.findIndex(seen)), true);
  }
}
if (rows.length) {
  // A matrix that fits scrolls with the page; a wider one in a frame of its own, or its heads would be lost.
  const frame = table.parentNode;
  const fit = () => frame.classList.toggle("free", table.offsetWidth <= frame.parentNode.clientWidth - 2);
  new ResizeObserver(fit).observe(frame.parentNode);
  fit();
  place("find").addEventListener("input", filter);
  for (const chip of document.querySelectorAll(".chip")) {
    chip.addEventListener("click", () => {
      const verdict = chip.dataset.verdict;
      if (!pressed.delete(verdict)) pressed.add(verdict);
      chip.setAttribute("aria-pressed", String(pressed.has(verdict)));
      filter();
    });
  }
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !panel.open && event.target !== place("find")) {
      event.preventDefault();
      place("find").focus();
    } else if (event.key === "Escape" && event.target === place("find")) {
      place("find").value = "";
      filter();
    }
  });
}
