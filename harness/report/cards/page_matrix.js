// ---- the matrix: where each cell stands, however wide it is
const rows = [...(table ? table.querySelectorAll("tbody tr:not(.topic)") : [])].map((line) => {
  const spots = [];
  for (const node of line.querySelectorAll("td")) for (let n = 0; n < node.colSpan; n++) spots.push(node);
  return { line, spots, body: line.parentNode, text: line.querySelector("th").textContent.toLowerCase() };
});
const catalogue = [...rows];
/* Which card stands in which column group, from left to right. */
let ranks = data.cards.map((_, card) => card);
const cardAt = (column) => ranks[Math.floor(column / each)];
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
  s: () => { sortBy(rows[at.row]); focus(at.row, at.column); },
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
    const head = event.target.closest('th[scope="row"]');
    if (head) sortBy(rows.find((one) => one.line === head.parentNode));
    const node = event.target.closest("td"), spot = node && placeOf(node);
    if (!spot) return;
    focus(spot.row, spot.column);
    open(node);
  });
}

// ---- order: rows with failures first, models by the rate of one check
const GRAVITY = ["fail", "infra", "quirk", "unsupported", "unseen", "pass"];
const gravest = (row) => Math.min(...row.spots.map((node, column) =>
  node.dataset.cell && standing(column) ? GRAVITY.indexOf(cellOf(node).verdict) : GRAVITY.length));
function keeping(act) {
  const node = rows[at.row].spots[at.column];
  act();
  const row = rows.findIndex((one) => one.spots.includes(node));
  at = { row, column: rows[row].spots.indexOf(node) };
}
/* Failures stand in a group of their own above the topics, as long as they are to be first. */
const failures = table ? table.createTBody() : null;
if (failures) {
  const line = made("tr", [made("th", "failures"), made("td")], "topic");
  line.firstChild.scope = "rowgroup";
  line.lastChild.colSpan = columns || 1;
  failures.append(line);
}
function arrange() {
  const first = place("order").value === "fail";
  const apart = new Set(catalogue.filter((row) => first && gravest(row) === 0));
  keeping(() => {
    for (const row of catalogue) (apart.has(row) ? failures : row.body).append(row.line);
    table.tBodies[0].before(failures);
    rows.sort((one, two) => Number(apart.has(two)) - Number(apart.has(one)) || catalogue.indexOf(one) - catalogue.indexOf(two));
  });
  filter();
}
let sortedBy = null, rising = false;
function rateOf(row, card) {
  const cells = row.spots.filter((node, column) => cardAt(column) === card && node.dataset.cell).map(cellOf);
  const n = cells.reduce((sum, cell) => sum + (cell.rate ? cell.rate[1] : 0), 0);
  return n ? cells.reduce((sum, cell) => sum + cell.rate[0], 0) / n : -1;
}
function sortBy(row) {
  if (data.cards.length < 2) return;
  rising = sortedBy === row ? !rising : false;
  sortedBy = row;
  const rates = data.cards.map((_, card) => rateOf(row, card));
  const next = [...ranks].sort((one, two) => (rising ? 1 : -1) * (rates[one] - rates[two]));
  const move = (line, nodes, size) => {
    const groups = new Map(ranks.map((card, n) => [card, nodes.slice(n * size, (n + 1) * size)]));
    for (const card of next) line.append(...groups.get(card));
  };
  keeping(() => {
    for (const one of rows) {
      const size = one.line.querySelectorAll("td").length / data.cards.length;
      move(one.line, [...one.line.querySelectorAll("td")], size);
      one.spots = [];
      for (const node of one.line.querySelectorAll("td")) for (let n = 0; n < node.colSpan; n++) one.spots.push(node);
    }
    const heads = [...table.querySelectorAll("thead .model")];
    if (heads.length) move(heads[0].parentNode, heads, 1);
    const modes = [...table.querySelectorAll("thead .modes th")];
    if (modes.length) move(modes[0].parentNode, modes, each);
    ranks = next;
  });
  for (const one of rows) {
    const head = one.line.querySelector("th");
    head.classList.toggle("sorted", one === row);
    head.classList.toggle("up", one === row && rising);
  }
  filter();
}

// ---- filters: by verdict, and by the words of checks, findings and models
const pressed = new Set();
const chosen = (id) => (place(id) && place(id).value !== "" ? [Number(place(id).value)] : []);
function pair() {
  const cards = [...chosen("one"), ...chosen("other")];
  return cards.length === 2 ? cards : [];
}
const standing = (column) => { const two = pair(); return !two.length || two.includes(cardAt(column)); };
function differs(row) {
  const verdicts = new Map();
  row.spots.forEach((node, column) => {
    if (!standing(column) || !node.dataset.cell) return;
    const { mode, verdict } = cellOf(node);
    verdicts.set(mode, [...(verdicts.get(mode) || []), verdict]);
  });
  return [...verdicts.values()].some((every) => new Set(every).size > 1);
}
function filter() {
  const words = place("find").value.trim().toLowerCase();
  const named = data.cards.map((card) => !words || card.model.toLowerCase().includes(words));
  const byModel = words && named.some((one) => one);
  const shown = (column) => standing(column) && (!byModel || named[cardAt(column)]);
  const kind = place("kind").value, differing = place("differing") && place("differing").checked;
  let checks = 0;
  for (const row of rows) {
    const cells = row.spots.filter((node, column) => shown(column) && node.dataset.cell).map(cellOf);
    const told = byModel || row.text.includes(words) ||
      cells.some((cell) => (cell.findings || []).some((one) => one.message.toLowerCase().includes(words)));
    const of = !kind || row.body.querySelector(".topic th").textContent === kind;
    const kept = told && of && (!differing || differs(row)) && (!pressed.size || cells.some((cell) => pressed.has(cell.verdict)));
    row.line.hidden = !kept;
    checks += kept ? 1 : 0;
    row.spots.forEach((node, column) => {
      node.hidden = !shown(column);
      node.classList.toggle("dim", pressed.size > 0 && !(node.dataset.cell && pressed.has(cellOf(node).verdict)));
    });
  }
  for (const body of table.tBodies) body.hidden = [...body.rows].slice(1).every((line) => line.hidden);
  table.querySelectorAll("col:not(.check)").forEach((node, column) => { node.hidden = !shown(column); });
  table.querySelectorAll("thead .model").forEach((node, card) => { node.hidden = !shown(card * each); });
  table.querySelectorAll("thead .modes th").forEach((node, column) => { node.hidden = !shown(column); });
  const models = byModel ? `${named.filter(Boolean).length} of ${count(named.length, "model")}, ` : "";
  const said = `${models}${checks} of ${count(rows.length, "row")} shown`;
  place("status").textContent = words || pressed.size || kind || differing ? said : "";
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
  place("kind").addEventListener("change", filter);
  place("order").addEventListener("change", arrange);
  for (const id of ["one", "other", "differing"])
    if (place(id)) place(id).addEventListener("change", arrange);
  arrange();
  focus(0, 0, true);
  for (const chip of document.querySelectorAll(".chip")) {
    chip.addEventListener("click", () => {
      const verdict = chip.dataset.verdict;
      if (!pressed.delete(verdict)) pressed.add(verdict);
      chip.setAttribute("aria-pressed", String(pressed.has(verdict)));
      filter();
    });
  }
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !panel.open && !event.target.closest("input, select")) {
      event.preventDefault();
      place("find").focus();
    } else if (event.key === "Escape" && event.target === place("find")) {
      place("find").value = "";
      filter();
    }
  });
}
