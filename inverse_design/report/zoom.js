// Zooming the front: by the wheel, by a rectangle that is drawn with the mouse, by buttons and by keys.
const STEP = 1.5;
const SHIFTS = { ArrowRight: [0.2, 0], ArrowLeft: [-0.2, 0], ArrowUp: [0, 0.2], ArrowDown: [0, -0.2] };
let scrolledAt = -Infinity;

function zoomTo(next) {
  view = next;
  draw();
}

function whole() {
  return [range(data.axes[$("front-x").value]), range(data.axes[$("front-y").value])];
}

// Values at a place of the plot, given in its own coordinates.
function valuesAt({ x, y }) {
  const { box } = plane;
  return [plane.x[0] + ((x - box.l) / (box.r - box.l)) * (plane.x[1] - plane.x[0]),
    plane.y[0] + ((box.b - y) / (box.b - box.t)) * (plane.y[1] - plane.y[0])];
}

function placeOf(event) {
  const { box, svg } = plane;
  const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
  const within = at.x >= box.l && at.x <= box.r && at.y >= box.t && at.y <= box.b;
  return { within, x: Math.min(box.r, Math.max(box.l, at.x)), y: Math.min(box.b, Math.max(box.t, at.y)) };
}

// By a factor about a place that stays where it is; never further out than the whole, nor into rounding errors.
function zoom(factor, place) {
  const { box } = plane;
  const about = valuesAt(place || { x: (box.l + box.r) / 2, y: (box.t + box.b) / 2 });
  const all = whole();
  const next = [plane.x, plane.y].map(([low, high], i) => {
    const [from, to] = [about[i] - (about[i] - low) / factor, about[i] + (high - about[i]) / factor];
    return [Math.max(from, all[i][0]), Math.min(to, all[i][1])];
  });
  if (next.some(([low, high], i) => high - low < 1e-3 * (all[i][1] - all[i][0]))) return;
  zoomTo(next.every(([low, high], i) => low === all[i][0] && high === all[i][1]) ? null : next);
}

function move(dx, dy) {
  if (!view) return;
  const all = whole();
  zoomTo([plane.x, plane.y].map(([low, high], i) => {
    const wanted = (i ? dy : dx) * (high - low);
    const by = Math.max(all[i][0] - low, Math.min(all[i][1] - high, wanted));
    return [low + by, high + by];
  }));
}

// A wheel that is scrolling the page goes on doing so, though the plot comes under the pointer.
function turned(event) {
  const place = placeOf(event);
  if (!place.within || performance.now() - scrolledAt < 300 || (event.deltaY > 0 && !view)) return;
  event.preventDefault();
  zoom(STEP ** (-Math.sign(event.deltaY)), place);
}

function framed(event) {
  const from = placeOf(event);
  if (event.button !== 0 || event.pointerType === "touch" || !from.within) return;
  let sheet = null, to = from;
  const over = (next) => {
    to = placeOf(next);
    if (!sheet && Math.hypot(to.x - from.x, to.y - from.y) < 6) return;
    sheet = sheet || add(plane.svg, "rect", { class: "sheet" });
    for (const [key, value] of Object.entries({ x: Math.min(from.x, to.x), y: Math.min(from.y, to.y),
      width: Math.abs(to.x - from.x), height: Math.abs(to.y - from.y) })) sheet.setAttribute(key, value);
  };
  const stop = () => {
    window.removeEventListener("pointermove", over);
    window.removeEventListener("pointerup", done);
    window.removeEventListener("pointercancel", stop);
    window.removeEventListener("keydown", escaped);
    if (sheet) sheet.remove();
  };
  const done = () => {
    const drawn = sheet;
    stop();
    if (!drawn || Math.abs(to.x - from.x) < 6 || Math.abs(to.y - from.y) < 6) return;
    const [a, b] = [valuesAt(from), valuesAt(to)];
    zoomTo(a.map((v, i) => [Math.min(v, b[i]), Math.max(v, b[i])]));
  };
  const escaped = (key) => { if (key.key === "Escape") stop(); };
  window.addEventListener("pointermove", over);
  window.addEventListener("pointerup", done);
  window.addEventListener("pointercancel", stop);
  window.addEventListener("keydown", escaped);
  event.preventDefault();
}

function zooming() {
  const chosen = () => marks.find((mark) => mark.node.classList.contains("chosen"));
  $("zoom-in").addEventListener("click", () => zoom(STEP, chosen()));
  $("zoom-out").addEventListener("click", () => zoom(1 / STEP, chosen()));
  $("zoom-reset").addEventListener("click", () => zoomTo(null));
  window.addEventListener("scroll", () => { scrolledAt = performance.now(); }, { passive: true });
}
