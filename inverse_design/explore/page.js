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
  const watch = setInterval(() => {
    const doc = window.Bokeh?.documents[0];
    if (!doc) return;
    clearInterval(watch);
    document.documentElement.dataset.ready = "1";
    const lost = document.getElementById("lost");
    doc.on_event("connection_lost", () => { lost.hidden = false; });
    doc.on_event("client_reconnected", () => { lost.hidden = true; });
  }, 100);
})();
