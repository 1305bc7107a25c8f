// ---- the evidence: it stands behind this script, so that the page is there before it, and is read when it is wanted
let recorded = null;
function exchanges() {
  recorded ??= JSON.parse(place("exchanges").textContent);
  return recorded;
}
function fact(name, ...content) {
  return made("div", [made("dt", name), made("dd", content)]);
}
/* Lines and indents for JSON, sign by sign: no value is read, so none is changed. */
function indented(text) {
  let out = "", depth = 0, quoted = false;
  for (let n = 0; n < text.length; n++) {
    const sign = text[n];
    if (quoted) {
      out += sign;
      if (sign === "\\") out += text[++n] ?? "";
      else if (sign === '"') quoted = false;
    } else if (sign === '"') { quoted = true; out += sign; }
    else if ("{[".includes(sign)) {
      const close = /^\s*[}\]]/.exec(text.slice(n + 1, n + 40));
      if (close) { out += sign + close[0].trim(); n += close[0].length; }
      else out += sign + "\n" + "  ".repeat(++depth);
    } else if ("}]".includes(sign)) out += "\n" + "  ".repeat(depth = Math.max(0, depth - 1)) + sign;
    else if (sign === ",") out += ",\n" + "  ".repeat(depth);
    else if (sign === ":") out += ": ";
    else if (!/\s/.test(sign)) out += sign;
  }
  return out;
}
/* What a finding speaks of: the pieces it quotes, and the tools it names, as they may stand in a body. */
let needles = [];
const MOST_MARKS = 12;
function speaksOf(findings) {
  const found = new Set();
  for (const one of findings) {
    for (const [, quoted] of one.message.matchAll(/"((?:[^"\\]|\\.){2,80})/g)) found.add(quoted);
    for (const [, quoted] of one.message.matchAll(/(?<!\w)['`]([^'`]{2,80})['`](?!\w)/g)) found.add(quoted);
    for (const [, name] of one.message.matchAll(/([\w./-]{2,64})\(\{/g)) found.add(name);
  }
  const plain = [...found].flatMap((one) => [one, one.replace(/\\(.)/g, "$1"), JSON.stringify(one).slice(1, -1)]);
  return [...new Set(plain)].filter((one) => one.trim().length > 1).sort((a, b) => b.length - a.length);
}
function marked(text) {
  const parts = [];
  let from = 0, marks = 0;
  while (marks < MOST_MARKS) {
    let first = -1, which = "";
    for (const one of needles) {
      const where = text.indexOf(one, from);
      if (where >= 0 && (first < 0 || where < first)) { first = where; which = one; }
    }
    if (first < 0) break;
    parts.push(text.slice(from, first), made("mark", which));
    from = first + which.length;
    marks += 1;
  }
  return [...parts, text.slice(from)];
}
function code(text, kind = "") {
  const node = made("pre", marked(String(text)), kind);
  node.tabIndex = 0;
  return node;
}
function body(text, indent) {
  if (!text) return made("p", "no body", "soft");
  const node = code(indent ? indented(text) : text);
  if (!/^\s*[[{]/.test(text)) return code(text);
  const other = made("button", indent ? "as sent" : "indent", "small");
  other.type = "button";
  let now = indent;
  other.addEventListener("click", () => {
    now = !now;
    node.replaceChildren(...marked(now ? indented(text) : text));
    other.textContent = now ? (indent ? "as sent" : "as it came") : "indent";
  });
  return made("div", [other, node], "body");
}
function headers(pairs) {
  const inside = code(pairs.map(([name, value]) => `${name}: ${value}`).join("\n"));
  return pairs.length ? made("details", [made("summary", count(pairs.length, "header")), inside]) : null;
}
function came(one) {
  const parts = [headers(one.headers)];
  if (one.count <= 1) parts.push(body(one.chunks.map((chunk) => chunk[1]).join(""), false));
  else {
    parts.push(made("ol", one.chunks.map(([after, text], n) =>
      made("li", [made("span", `chunk ${n}, after ${after} s`, "when"), code(text.replace(/\n+$/, ""))])), "chunks"));
    const left = one.count - one.chunks.length;
    if (left > 0) parts.push(made("p", `… and ${count(left, "chunk")} more`, "soft"));
  }
  return parts;
}
function exchange(words) {
  const parts = [made("h4", "Request"), made("p", words.line, "line"), headers(words.headers), body(words.body, true)];
  parts.push(made("h4", "Response, as it came"));
  if (words.came) {
    const { status, bytes, count: chunks } = words.came;
    parts.push(made("p", `${status}, ${count(bytes, "byte")} in ${count(chunks, "chunk")}`, "line"), ...came(words.came));
  }
  if (words.failure) parts.push(made("p", words.failure, "line"));
  parts.push(made("h4", "Decoded, by the harness's own reader"));
  parts.push(made("dl", words.decoded.map(([name, text]) => fact(name, code(text))), "decoded"));
  return parts;
}
function proof(cassette, number, card, opened) {
  const command = made("code", `harness cassettes show ${cassette} ${number}`, "command");
  const from = own(card.recordings, cassette);
  const parts = [command];
  if (from) {
    const [kind, recorded, source, litellm, harness] = from;
    const old = age(recorded);
    parts.push(made("dl", [
      fact("from", kind), fact("recorded", recorded + (old ? ` (${old})` : "")), source && fact("answered by", source),
      litellm && fact("litellm", litellm), harness && fact("harness", harness)].filter(Boolean), "facts"));
  }
  const words = own(own(exchanges(), cassette), String(number));
  if (words) parts.push(...exchange(words));
  else parts.push(made("p", words === null ? "The cassette is not here, or does not hold this exchange." :
    "Left out to keep this page small: the command above shows it.", "soft"));
  const node = made("details", [made("summary", [made("b", `exchange ${number}`), " of ", made("span", cassette, "path")]),
    ...parts], "exchange");
  node.open = opened;
  return node;
}
function finding(one) {
  const where = one.path ? [made("span", one.path, "path")] : [];
  const cited = one.evidence ? made("span", `exchange ${one.evidence[1].join(", ")}`, "soft") : null;
  const whose = one.blame ? made("span", `${one.blame}, `, "soft") : "";
  return made("li", [badge(one.verdict), made("p", one.message), made("p", [whose, one.check, " ", ...where, " ", cited], "soft")]);
}
function told(cell, card) {
  const [, , law] = own(data.checks, cell.check) || ["", "", ""];
  const [held, n, low, high] = cell.rate;
  const rate = n ? `${held} of ${n} held` : "nothing was judged";
  const parts = [law ? made("blockquote", law) : null];
  parts.push(made("dl", [
    fact("rate", rate, n ? made("small", ` ${percent(low)} to ${percent(high)} %, Wilson 95 %`) : ""),
    cell.infra ? fact("kept out", `${cell.infra} by the infrastructure`) : null,
    cell.excluded ? fact("not judged", cell.excluded) : null,
    cell.unsupported ? fact("unsupported", String(cell.unsupported)) : null,
    card.litellm || card.harness ? fact("decoded by", `harness ${card.harness}, litellm ${card.litellm}`) : null,
  ].filter(Boolean), "facts"));
  if (cell.note) parts.push(made("p", cell.note));
  const findings = cell.findings || [];
  needles = speaksOf(findings.filter((one) => one.verdict !== "pass").slice(0, 5));
  if (findings.length) {
    parts.push(made("h3", "Findings"), made("ul", findings.map(finding), "findings"));
    if (cell.left) parts.push(made("p", `… and ${cell.left} more`, "soft"));
  }
  const places = new Map();
  for (const cited of [...findings.map((one) => one.evidence).filter(Boolean), ...(cell.evidence || [])])
    for (const number of cited[1]) places.set(`${number} ${cited[0]}`, [cited[0], number]);
  parts.push(made("h3", "Evidence"));
  if (!places.size) parts.push(made("p", "Nothing recorded is cited.", "soft"));
  [...places.values()].forEach(([cassette, number], n) => parts.push(proof(cassette, number, card, n === 0)));
  return parts.filter((one) => one !== null);
}
let opened = null;
function open(node) {
  const cell = node && node.dataset.cell ? cellOf(node) : null;
  if (!cell) return;
  opened = node;
  const card = data.cards[cell.card], title = (own(data.checks, cell.check) || [""])[0];
  const mode = MODES[cell.mode];
  place("panel-title").replaceChildren(badge(cell.verdict), made("span", `${cell.check} ${title}${mode ? `, ${mode}` : ""}`),
    made("small", card.model));
  place("panel-body").replaceChildren(...told(cell, card));
  if (!panel.open) panel.showModal();
  panel.scrollTop = 0;
  place("panel-title").focus({ preventScroll: true });
  history.replaceState(null, "", `#cell-${node.dataset.cell}`);
}
function step(by) {
  const every = [...new Set(rows.flatMap((row) => row.spots.filter((node) => node.dataset.cell && seen(node))))];
  const next = every[every.indexOf(opened) + by], spot = next && placeOf(next);
  if (!spot) return;
  focus(spot.row, spot.column, true);
  open(next);
}
place("before").addEventListener("click", () => step(-1));
place("after").addEventListener("click", () => step(1));
place("close").addEventListener("click", () => panel.close());
panel.addEventListener("click", (event) => { if (event.target === panel) panel.close(); });
panel.addEventListener("keydown", (event) => {
  if (event.target.closest("pre") || event.altKey || event.ctrlKey || event.metaKey) return;
  if (event.key === "ArrowRight") step(1);
  if (event.key === "ArrowLeft") step(-1);
});
panel.addEventListener("close", () => {
  history.replaceState(null, "", location.pathname + location.search);
  if (rows.length) focus(at.row, at.column);
});
function follow() {
  const linked = /^#cell-(\d+)$/.exec(location.hash);
  if (!linked || !rows.length) return;
  const node = table.querySelector(`td[data-cell="${linked[1]}"]`), spot = node && placeOf(node);
  if (spot) { focus(spot.row, spot.column, true); open(node); }
}
window.addEventListener("hashchange", follow);
document.addEventListener("DOMContentLoaded", follow);
