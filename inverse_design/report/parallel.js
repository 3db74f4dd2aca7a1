// Parallel coordinates: a line a candidate over all properties, those asked for first.
function lanes() {
  const place = $("lanes");
  if (!place || !data.verified.length) return;
  const held = document.activeElement && document.activeElement.dataset ? document.activeElement.dataset.lane : undefined;
  const every = (axis) => [...axis.front, ...axis.verified].filter(known);
  const axes = data.axes.filter((axis) => axis.name && every(axis).length);
  const width = Math.max(place.clientWidth, 76 * axes.length), height = 330, top = 56, bottom = height - 30;
  const px = (i) => 52 + (i * (width - 104)) / Math.max(axes.length - 1, 1);
  const scales = axes.map((axis) => {
    const [low, high] = [Math.min(...every(axis)), Math.max(...every(axis))];
    return { low, high, py: (v) => high > low ? bottom - 8 - ((v - low) / (high - low)) * (bottom - top - 16) : (top + bottom) / 2 };
  });
  place.replaceChildren();
  const svg = add(place, "svg", { class: "plot", viewBox: `0 0 ${width} ${height}`, role: "listbox", width, height,
    "aria-label": "Properties of the candidates in parallel coordinates" });
  axes.forEach((axis, i) => {
    const { low, high, py } = scales[i];
    if (axis.window) {
      const ends = axis.window.map((edge, side) => known(edge) ? Math.min(bottom, Math.max(top, py(edge))) : side ? top : bottom);
      add(svg, "rect", { class: "gate", x: px(i) - 5, width: 10, y: ends[1], height: Math.max(ends[0] - ends[1], 0) });
    }
    add(svg, "line", { class: "lane-axis", x1: px(i), x2: px(i), y1: top, y2: bottom });
    add(svg, "text", { class: "label", x: px(i), y: i % 2 ? 29 : 13, "text-anchor": "middle" }, axis.name.replace(/_(nm|deg)$/, "").replaceAll("_", " "));
    add(svg, "text", { x: px(i), y: top - 9, "text-anchor": "middle" }, tidy(+high.toPrecision(3)));
    if (high > low) add(svg, "text", { x: px(i), y: bottom + 18, "text-anchor": "middle" }, tidy(+low.toPrecision(3)));
  });
  // Where a value is missing, the line is broken.
  const path = (values) => values.map((v, i) => !known(v) ? ""
    : `${i && known(values[i - 1]) ? "L" : "M"}${px(i).toFixed(1)} ${scales[i].py(v).toFixed(1)}`).join("");
  data.front.predicted.forEach((_, k) => add(svg, "path", { class: "lane front", d: path(axes.map((axis) => axis.front[k])) }));
  const nodes = data.verified.map((item, k) => {
    const values = axes.map((axis) => axis.verified[k]);
    const state = !item.converged ? "not converged" : item.hit ? "hit" : "no hit";
    const words = `Candidate ${item.number}, ${state}: `
      + axes.map((axis, i) => `${axis.name} ${known(values[i]) ? tidy(+values[i].toPrecision(4)) : "missing"}`).join(", ");
    const colour = ticked.indexOf(k);
    const node = add(svg, "g", { class: "lane-of", tabindex: "-1", role: "option", "aria-label": words, "aria-selected": "false" });
    node.dataset.lane = k;
    add(node, "path", { class: "lane-halo", d: path(values) });
    add(node, "path", { d: path(values), class: "lane " + (colour >= 0 ? `overlaid ${styleOf(colour)}`
      : !item.converged ? "failed" : item.hit ? "hit" : "miss") });
    const show = () => {
      for (const other of nodes) {
        other.classList.toggle("chosen", other === node);
        other.setAttribute("aria-selected", String(other === node));
      }
      $("lane-told").textContent = words;
    };
    node.addEventListener("pointerenter", show);
    node.addEventListener("focus", show);
    node.addEventListener("click", () => toCard(k));
    return node;
  });
  (nodes[held] || nodes[data.best ?? 0]).setAttribute("tabindex", "0");
  svg.addEventListener("keydown", (event) => {
    const at = nodes.indexOf(document.activeElement);
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (at < 0 || (!step && event.key !== "Enter")) return;
    event.preventDefault();
    if (!step) { toCard(at); return; }
    const next = nodes[Math.min(nodes.length - 1, Math.max(0, at + step))];
    nodes[at].setAttribute("tabindex", "-1");
    next.setAttribute("tabindex", "0");
    next.focus();
  });
}
