// The Pareto front, and the point of it that is looked at.
// The range of an axis shows every mark, and the window where that does not squeeze them.
function range(axis) {
  const values = [...axis.front, ...axis.predicted, ...axis.verified].filter(known);
  let low = Math.min(...values), high = Math.max(...values);
  if (!values.length) [low, high] = [0, 1];
  for (const edge of axis.window || []) {
    if (known(edge)) { low = Math.min(low, edge); high = Math.max(high, edge); }
  }
  const margin = 0.07 * (high - low) || 0.05;
  return [low - margin, high + margin];
}

let pinned = null;
let current = null;
let marks = [];
let view = null; // [[x low, x high], [y low, y high]] of a zoomed front, null for the whole
let plane = null; // of the front as drawn: its SVG, box and ranges

function draw() {
  const place = $("front-plot");
  const width = Math.max(place.clientWidth, 260), height = Math.min(600, Math.max(300, width * 0.8));
  const ax = data.axes[$("front-x").value], ay = data.axes[$("front-y").value];
  const [[x0, x1], [y0, y1]] = view || [range(ax), range(ay)];
  const box = { l: 70, t: 12, r: width - 14, b: height - 46 };
  const px = (v) => box.l + ((v - x0) / (x1 - x0)) * (box.r - box.l);
  const py = (v) => box.b - ((v - y0) / (y1 - y0)) * (box.b - box.t);
  const held = marks.find((mark) => mark.node === document.activeElement);
  place.replaceChildren();
  const svg = add(place, "svg", { class: "plot", viewBox: `0 0 ${width} ${height}`, role: "listbox",
    "aria-label": `Pareto front: ${ay.label} against ${ax.label}`, style: "max-width:none" });
  window_(svg, ax, (a, b) => ({ x: px(a), width: px(b) - px(a), y: box.t, height: box.b - box.t }), x0, x1);
  window_(svg, ay, (a, b) => ({ x: box.l, width: box.r - box.l, y: py(b), height: py(a) - py(b) }), y0, y1);
  add(svg, "rect", { class: "box", x: box.l, y: box.t, width: box.r - box.l, height: box.b - box.t });
  for (const t of ticks(x0, x1, width < 420 ? 4 : 7)) {
    add(svg, "line", { class: "tick", x1: px(t), x2: px(t), y1: box.b, y2: box.b + 4 });
    add(svg, "text", { x: px(t), y: box.b + 17, "text-anchor": "middle" }, tidy(t));
  }
  for (const t of ticks(y0, y1, 6)) {
    add(svg, "line", { class: "tick", x1: box.l - 4, x2: box.l, y1: py(t), y2: py(t) });
    add(svg, "text", { x: box.l - 8, y: py(t) + 4, "text-anchor": "end" }, tidy(t));
  }
  add(svg, "text", { class: "label", x: (box.l + box.r) / 2, y: height - 8, "text-anchor": "middle" }, ax.label);
  const middle = (box.t + box.b) / 2;
  add(svg, "text", { class: "label", x: 14, y: middle, "text-anchor": "middle",
    transform: `rotate(-90 14 ${middle})` }, ay.label);
  plane = { svg, box, x: [x0, x1], y: [y0, y1] };
  marks = [];
  // What lies outside of a zoomed front is cut at its box.
  const inside = add(svg, "svg", { x: box.l, y: box.t, width: box.r - box.l, height: box.b - box.t,
    viewBox: `${box.l} ${box.t} ${box.r - box.l} ${box.b - box.t}` });
  const shown = (x, y) => known(x) && known(y) && x >= x0 && x <= x1 && y >= y0 && y <= y1;
  data.verified.forEach((item, i) => {
    if ([ax.predicted[i], ay.predicted[i], ax.verified[i], ay.verified[i]].every(known)) {
      add(inside, "line", { class: "joint", x1: px(ax.predicted[i]), y1: py(ay.predicted[i]),
        x2: px(ax.verified[i]), y2: py(ay.verified[i]) });
    }
  });
  ax.front.forEach((v, i) => {
    if (!shown(v, ay.front[i])) return;
    const mark = group(inside, px(v), py(ay.front[i]), "front", i, `Pareto point ${i + 1}, predicted`);
    add(mark, "circle", { class: "front-point", r: 3.5 });
  });
  data.verified.forEach((item, i) => {
    const state = !item.converged ? "not converged" : item.hit ? "hit" : "no hit";
    if (shown(ax.predicted[i], ay.predicted[i])) {
      const mark = group(inside, px(ax.predicted[i]), py(ay.predicted[i]), "verified", i,
        `Candidate ${item.number}, predicted`);
      add(mark, "rect", { class: "foretold", x: -3.6, y: -3.6, width: 7.2, height: 7.2, transform: "rotate(45)" });
    }
    if (shown(ax.verified[i], ay.verified[i])) {
      const mark = group(inside, px(ax.verified[i]), py(ay.verified[i]), "verified", i,
        `Candidate ${item.number}, simulated, ${state}`);
      if (item.hit) add(mark, "circle", { class: "hit-ring", r: 8.5 });
      if (item.converged) add(mark, "circle", { class: "verified-point" + (item.hit ? " hit" : ""), r: 5 });
      else add(mark, "path", { class: "verified-point failed", d: "M-4-4L4 4M-4 4L4-4" });
    }
  });
  marks.sort((a, b) => a.x - b.x || a.y - b.y);
  const again = held && marks.find((mark) => mark.kind === held.kind && mark.index === held.index);
  if (marks.length) (again || marks[0]).node.setAttribute("tabindex", "0");
  if (again) again.node.focus({ preventScroll: true });
  svg.addEventListener("keydown", walk);
  svg.addEventListener("wheel", turned, { passive: false });
  svg.addEventListener("pointerdown", framed);
  $("zoom-reset").disabled = !view;
  if (current) choose(current.kind, current.index);
}

function window_(svg, axis, place, low, high) {
  if (!axis.window) return;
  const a = known(axis.window[0]) ? Math.max(axis.window[0], low) : low;
  const b = known(axis.window[1]) ? Math.min(axis.window[1], high) : high;
  if (a < b) add(svg, "rect", { class: "band", ...place(a, b) });
}

function group(svg, x, y, kind, index, words) {
  const node = add(svg, "g", { class: "mark", transform: `translate(${x.toFixed(2)} ${y.toFixed(2)})`,
    tabindex: "-1", role: "option", "aria-selected": "false", "aria-label": words });
  node.dataset.kind = kind;
  node.dataset.index = index;
  add(node, "circle", { class: "halo", r: 9 });
  node.addEventListener("pointerenter", () => choose(kind, index));
  node.addEventListener("focus", () => choose(kind, index));
  node.addEventListener("pointerleave", () => { if (pinned) choose(pinned.kind, pinned.index); });
  node.addEventListener("click", () => take(kind, index));
  marks.push({ node, x, y, kind, index });
  return node;
}

// A Pareto point is kept or let go; a candidate is kept, and its card is gone to.
function take(kind, index) {
  const same = pinned && pinned.kind === kind && pinned.index === index;
  pinned = same && kind === "front" ? null : { kind, index };
  choose(kind, index);
  if (kind === "verified") toCard(index);
}

function letGo(event) {
  if (event.key !== "Escape" || !pinned) return;
  pinned = null;
  if (current) choose(current.kind, current.index);
}

function walk(event) {
  const at = marks.findIndex((mark) => mark.node === document.activeElement);
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.shiftKey && event.key in SHIFTS) {
    event.preventDefault();
    move(...SHIFTS[event.key]);
    return;
  }
  if (["+", "=", "-", "0"].includes(event.key)) { // "=" is + without shift
    event.preventDefault();
    if (event.key === "0") zoomTo(null);
    else zoom(event.key === "-" ? 1 / STEP : STEP, at < 0 ? null : marks[at]);
    return;
  }
  if (at < 0) return;
  const steps = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 };
  if (event.key in steps || event.key === "Home" || event.key === "End") {
    const last = marks.length - 1;
    const next = event.key === "Home" ? 0 : event.key === "End" ? last
      : Math.min(last, Math.max(0, at + steps[event.key]));
    marks[at].node.setAttribute("tabindex", "-1");
    marks[next].node.setAttribute("tabindex", "0");
    marks[next].node.focus();
  } else if (event.key === "Enter" || event.key === " ") {
    take(marks[at].kind, marks[at].index);
  } else return;
  event.preventDefault();
}

function choose(kind, index) {
  current = { kind, index };
  for (const mark of marks) {
    const same = mark.kind === kind && mark.index === index;
    mark.node.classList.toggle("chosen", same);
    mark.node.setAttribute("aria-selected", String(same));
  }
  const item = kind === "verified" ? data.verified[index] : null;
  const mean = item ? item.predicted : data.front.predicted[index];
  const std = item ? item.std : data.front.std[index];
  const kept = pinned && pinned.kind === kind && pinned.index === index ? " (kept)" : "";
  $("preview-title").textContent = (item ? `Candidate ${item.number}` : `Pareto point ${index + 1}`) + kept;
  $("preview-card").hidden = !item;
  if (item) $("preview-card").href = `#candidate-${item.number}`;
  const source = item ? document.querySelector(`#candidate-${item.number} .grains`).src : data.front.image[index];
  $("preview-image").hidden = !source;
  $("preview-none").hidden = Boolean(source);
  $("preview-note").hidden = Boolean(item) || !source;
  if (source) {
    $("preview-image").src = source;
    $("preview-image").alt = `Grains of ${$("preview-title").textContent}`;
  } else {
    $("preview-image").removeAttribute("src");
    $("preview-none").textContent = "The grains of this point were not drawn.";
  }
  sketch(mean, std, item);
  $("preview-values").replaceChildren(...data.anchors.map((name, i) => {
    const told = known(mean[i]) ? `${mean[i].toFixed(3)} ± ${known(std[i]) ? std[i].toFixed(3) : "?"}` : "missing";
    const found = item ? (known(item.anchors[i]) ? item.anchors[i].toFixed(3) : "missing") : "not simulated";
    const row = document.createElement("tr");
    for (const [kind, words] of [["th", name], ["td", told], ["td", found]]) {
      const cell = document.createElement(kind);
      cell.textContent = words;
      row.append(cell);
    }
    return row;
  }));
}

function positions(values) {
  const level = values[data.anchors.indexOf("Mr")];
  return data.anchors.map((name, i) => {
    if (!known(values[i])) return null;
    if (name === "M1") return [1, values[i]];
    if (name === "Mr") return [0, values[i]];
    const height = LEVELS[name] ? (known(level) ? LEVELS[name] * level : null) : 0;
    return height === null ? null : [-values[i], height];
  });
}

function sketch(mean, std, item) {
  const marksOf = $("preview-marks");
  marksOf.replaceChildren();
  if (item) {
    polylines(marksOf, item, "simulated" + (item.converged ? "" : " unconverged"));
  }
  const [px, py] = [curveX, curveY];
  positions(mean).forEach((at, i) => {
    if (!at) return;
    const node = add(marksOf, "g", { class: "predicted" });
    const [cx, cy, e] = [px(at[0]), py(at[1]), known(std[i]) ? std[i] : 0];
    const moment = data.units[i] === "Ms";
    const ends = moment ? { x1: cx, x2: cx, y1: py(at[1] - e), y2: py(at[1] + e) }
      : { x1: px(at[0] - e), x2: px(at[0] + e), y1: cy, y2: cy };
    add(node, "line", { class: "bar", ...ends });
    add(node, "circle", { cx, cy, r: 4 });
  });
}

function start() {
  const count = data.front.predicted.length + data.verified.length;
  if (count === 0) return;
  document.querySelector(".explorer").hidden = false;
  for (const [id, chosen] of [["front-x", 0], ["front-y", 1]]) {
    data.axes.forEach((axis, i) => {
      const option = document.createElement("option");
      option.value = i;
      option.textContent = axis.label;
      $(id).append(option);
    });
    $(id).value = chosen;
    $(id).addEventListener("change", () => { view = null; draw(); });
  }
  document.addEventListener("keydown", letGo);
  zooming();
  draw();
  if (data.verified.length) choose("verified", data.best ?? 0);
  else choose("front", 0);
  let width = window.innerWidth;
  window.addEventListener("resize", () => {
    if (window.innerWidth !== width) { width = window.innerWidth; draw(); lanes(); }
  });
}

function copying() {
  const button = $("copy");
  if (!navigator.clipboard) return;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText($("command").textContent);
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
}
