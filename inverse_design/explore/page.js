"use strict";
(() => {
  // Keys on the plots: Bokeh has none of its own, so that they travel as the value of a hidden input.
  const known = new Set(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", " ", "a", "b", "m", "s", "u"]);
  let count = 0;
  const model = (name) => window.Bokeh?.documents[0]?.get_model_by_name(name);
  for (const place of document.querySelectorAll("[data-keys]")) {
    place.addEventListener("keydown", (event) => {
      if (!known.has(event.key) || event.ctrlKey || event.metaKey || event.altKey) return;
      const keys = model("keys");
      if (!keys) return;
      event.preventDefault();
      const name = event.key === " " ? "Space" : event.key;
      keys.value = `${place.dataset.keys} ${name} ${event.shiftKey ? "shift" : "-"} ${count++}`;
    });
    place.addEventListener("pointerdown", () => place.focus({ preventScroll: true, focusVisible: false }));
  }
  // What is drawn on a canvas has no style sheet: the colours of the models themselves are those of the scheme.
  const dark = JSON.parse(document.getElementById("dark").textContent);
  const light = Object.fromEntries(Object.entries(dark).map(([one, other]) => [other, one]));
  const scheme = window.matchMedia("(prefers-color-scheme: dark)");
  const paint = (colours) => {
    const doc = window.Bokeh.documents[0];
    const pictures = new Set(["grains", "moment"].flatMap((name) => doc.get_model_by_name(name).renderers.map((one) => one.glyph)));
    for (const one of doc.all_models) {
      if (pictures.has(one)) continue; // on colours that are the same in both
      for (const property of one) {
        const value = property.is_unset ? null : property.get_value();
        const found = typeof value === "string" ? colours[value] : value && typeof value.value === "string" && colours[value.value];
        if (found) one.setv({ [property.attr]: typeof value === "string" ? found : { value: found } }, { sync: false });
      }
    }
  };
  scheme.addEventListener("change", () => paint(scheme.matches ? dark : light));
  const watch = setInterval(() => {
    const doc = window.Bokeh?.documents[0];
    if (!doc) return;
    clearInterval(watch);
    if (scheme.matches) paint(dark);
    document.documentElement.dataset.ready = "1";
    const lost = document.getElementById("lost");
    doc.on_event("connection_lost", () => { lost.hidden = false; });
    doc.on_event("client_reconnected", () => { lost.hidden = true; });
  }, 100);
})();
