// What the other scripts of the page draw with; all of them are joined into one function, see page.py.
const data = JSON.parse(document.getElementById("report-data").textContent);
const $ = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";
const LEVELS = { Hk90: 0.9, Hk80: 0.8, Hk70: 0.7, Hc: 0 };

function add(parent, name, attributes, words) {
  const node = document.createElementNS(SVG, name);
  for (const key in attributes) node.setAttribute(key, attributes[key]);
  if (words !== undefined) symbols(node, words);
  parent.append(node);
  return node;
}
// The units H_A and Ms with their subscripts; everything else is plain text.
function symbols(node, words) {
  for (const part of words.split(/(H_A|Ms)/)) {
    const unit = { H_A: ["H", "A"], Ms: ["M", "s"] }[part];
    if (!unit) { node.append(part); continue; }
    node.append(unit[0]);
    add(node, "tspan", { dy: 3, "font-size": "80%" }, unit[1]);
    add(node, "tspan", { dy: -3 }, "\u200b");
  }
}
const known = (v) => v !== null && v !== undefined;
const tidy = (v) => String(+v.toPrecision(6)).replace("-", "−");

function ticks(low, high, count) {
  const raw = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((f) => f * power).find((s) => s >= raw * 0.999);
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i <= high / step + 1e-9; i++) found.push(i * step);
  return found;
}

// The plane of all curves, see svg.Frame; what lies in the break of its axis comes to the break's upper end.
function curveX(h) {
  const { pieces } = data.frame;
  const [low, high, start, end] = pieces.find((piece) => h <= piece[1]) || pieces[pieces.length - 1];
  return start + ((Math.max(h, low) - low) / (high - low)) * (end - start);
}
function curveY(m) {
  const { y, box } = data.frame;
  return box[3] - ((m - y[0]) / (y[1] - y[0])) * (box[3] - box[1]);
}
function polylines(parent, item, css, name) {
  for (const [low, high] of data.frame.pieces) {
    const points = item.h.map((h, i) => [h, item.m[i]]).filter(([h]) => h >= low && h <= high);
    const line = add(parent, "polyline", { class: css,
      points: points.map(([h, m]) => `${curveX(h).toFixed(2)},${curveY(m).toFixed(2)}`).join(" ") });
    if (name) line.dataset.name = name;
  }
}

function toCard(index) {
  const card = $(`candidate-${data.verified[index].number}`);
  history.pushState(null, "", `#${card.id}`); // "back" leads back to the plot
  card.scrollIntoView();
  card.focus({ preventScroll: true });
}
