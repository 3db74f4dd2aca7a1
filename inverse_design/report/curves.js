// Curves: what h and M are at the pointer, and those of ticked candidates in one plot.
const ticked = []; // number of the candidate in each colour, null where one is free

// h and M at canvas coordinates: curveX and curveY backwards.
function onCurve(x, y) {
  const { y: range_, box, pieces } = data.frame;
  const [low, high, start, end] = pieces.find((piece) => x <= piece[3]) || pieces[pieces.length - 1];
  return [low + ((x - start) / (end - start)) * (high - low),
    range_[0] + ((box[3] - y) / (box[3] - box[1])) * (range_[1] - range_[0])];
}

function pointsOf(polyline) {
  return (polyline.getAttribute("points") || "").split(" ").filter(Boolean).map((pair) => pair.split(",").map(Number));
}

// The point of all curves of a plot that is nearest to a place.
function nearest(svg, at) {
  let best = null;
  for (const line of svg.querySelectorAll("polyline")) {
    const points = pointsOf(line);
    points.forEach(([x, y], i) => {
      const [u, v] = points[Math.max(i - 1, 0)];
      const square = (x - u) ** 2 + (y - v) ** 2;
      const t = square ? Math.min(1, Math.max(0, ((at.x - u) * (x - u) + (at.y - v) * (y - v)) / square)) : 0;
      const [a, b] = [u + t * (x - u), v + t * (y - v)];
      const distance = Math.hypot(at.x - a, at.y - b);
      if (!best || distance < best.distance) best = { line, x: a, y: b, distance };
    });
  }
  return best;
}

function nameOf(line) {
  if (line.dataset.name) return line.dataset.name;
  if (line.classList.contains("internal")) return "against the field inside";
  const check = [...line.classList].find((name) => /^check-\d$/.test(name));
  const keys = line.closest("figure, .preview").querySelectorAll(".keys li");
  return check && keys.length ? keys[1 + Number(check.slice(6))].textContent : "";
}

function tell(svg, point) {
  hush(svg);
  const [h, m] = onCurve(point.x, point.y);
  const { box, si } = data.frame;
  const node = add(svg, "g", { class: "told-point" });
  add(node, "circle", { cx: point.x, cy: point.y, r: 4.5 });
  const fixed = (v, digits) => v.toFixed(digits).replace("-", "−");
  const lines = [`H = ${fixed(h, 3)} H_A = ${fixed(h * si[0], 2)} MA/m`,
    `M = ${fixed(m, 3)} Ms = ${fixed(m * si[1], 2)} T`, nameOf(point.line)];
  lines.forEach((words, i) => add(node, "text", { x: box[0] + 8, y: box[1] + 18 + 17 * i }, words));
}

function hush(svg) {
  for (const node of svg.querySelectorAll(".told-point")) node.remove();
}

function reading(svg) {
  let at = 0;
  svg.setAttribute("tabindex", "0");
  svg.classList.add("readable");
  svg.addEventListener("pointermove", (event) => {
    const place = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    const found = nearest(svg, place);
    if (found && found.distance < 30) tell(svg, found);
    else hush(svg);
  });
  svg.addEventListener("pointerleave", () => hush(svg));
  svg.addEventListener("blur", () => hush(svg));
  svg.addEventListener("keydown", (event) => {
    const steps = { ArrowRight: 1, ArrowLeft: -1 };
    if (event.key === "Escape") hush(svg);
    if (!(event.key in steps) || event.target !== svg) return;
    const points = [...svg.querySelectorAll("polyline.simulated, polyline.overlaid")]
      .flatMap((line) => pointsOf(line).sort((a, b) => a[0] - b[0]).map(([x, y]) => ({ line, x, y })));
    if (!points.length) return;
    event.preventDefault();
    at = Math.min(points.length - 1, Math.max(0, at + steps[event.key]));
    tell(svg, points[at]);
    $("curve-told").textContent = [...svg.querySelectorAll(".told-point text")].map((node) => node.textContent).join(" ");
  });
}

// A column of boxes in the table; a ticked candidate has the lowest colour that is free.
function overlaying(table) {
  const head = document.createElement("th");
  head.scope = "col";
  head.className = "screen";
  head.textContent = "Overlay";
  table.tHead.rows[0].cells[1].after(head);
  for (const row of table.tBodies[0].rows) {
    const cell = document.createElement("td");
    const box = document.createElement("input");
    box.type = "checkbox";
    box.className = "tick-box";
    box.value = row.dataset.index;
    box.setAttribute("aria-label", `Overlay the curve of candidate ${data.verified[box.value].number}`);
    box.addEventListener("change", () => tick(Number(box.value), box.checked));
    cell.className = "screen";
    cell.append(box);
    row.cells[1].after(cell);
  }
  $("overlay-clear").addEventListener("click", () => {
    for (const box of document.querySelectorAll(".tick-box")) box.checked = false;
    ticked.length = 0;
    overlay();
  });
}

function tick(index, wanted) {
  if (!wanted) ticked[ticked.indexOf(index)] = null;
  else {
    const free = ticked.indexOf(null);
    ticked[free < 0 ? ticked.length : free] = index;
  }
  overlay();
}

// Six colours; the next six candidates are dashed, the next dotted.
const styleOf = (place) => `key-${place % 6} turn-${Math.floor(place / 6) % 3}`;

function overlay() {
  $("overlay-marks").replaceChildren();
  $("overlay-keys").replaceChildren();
  ticked.forEach((index, place) => {
    if (!known(index)) return;
    const item = data.verified[index];
    polylines($("overlay-marks"), item, `overlaid ${styleOf(place)}`, `Candidate ${item.number}`);
    const entry = document.createElement("li");
    const key = document.createElement("span");
    key.className = `key ${styleOf(place)}`;
    const link = document.createElement("a");
    link.href = `#candidate-${item.number}`;
    link.textContent = item.number;
    entry.append(key, link);
    $("overlay-keys").append(entry);
  });
  $("overlay").hidden = !ticked.some(known);
  lanes();
}

function curves() {
  for (const svg of document.querySelectorAll(".card .wide svg.plot, .preview > svg.plot, #overlay svg.plot")) reading(svg);
}
