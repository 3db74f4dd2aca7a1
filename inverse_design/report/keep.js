// The page of a run that goes on loads itself again: what its reader has set is kept for the next one.
const KEPT = `inverse-design ${location.pathname}`;
const FIELDS = ["filter", "front-x", "front-y"];

// A browser may keep nothing for files, and then says so by an error.
function stored(action) {
  try { return action(window.sessionStorage); } catch { return null; }
}

function keep() {
  const sorted = document.querySelector("#all th[aria-sort]");
  const set = { scroll: window.scrollY, ticked, view, pinned, current, fields: FIELDS.map((id) => $(id) && $(id).value),
    hits: $("hits-only") && $("hits-only").checked,
    sort: sorted && [sorted.cellIndex, sorted.getAttribute("aria-sort")] };
  stored((store) => store.setItem(KEPT, JSON.stringify(set)));
}

// What is kept may be of a front or of candidates that are there no longer.
function restore() {
  const set = JSON.parse(stored((store) => store.getItem(KEPT)) || "null");
  stored((store) => store.removeItem(KEPT));
  if (!set) return;
  FIELDS.forEach((id, i) => { if ($(id) && known(set.fields[i])) $(id).value = set.fields[i]; });
  if ($("all")) {
    $("hits-only").checked = Boolean(set.hits);
    $("filter").dispatchEvent(new Event("input"));
    const [column, way] = set.sort || [];
    const head = $("all").tHead.rows[0].cells[column];
    for (let i = 0; head && i < 2 && head.getAttribute("aria-sort") !== way; i++) head.querySelector("button").click();
    set.ticked.forEach((index, place) => { ticked[place] = index in data.verified ? index : null; });
    for (const box of document.querySelectorAll(".tick-box")) box.checked = ticked.includes(Number(box.value));
    overlay();
  }
  const there = (at) => at && at.index < (at.kind === "verified" ? data.verified : data.front.predicted).length;
  if (there(set.current)) {
    pinned = there(set.pinned) ? set.pinned : null;
    current = set.current;
    zoomTo(set.view);
  }
  window.addEventListener("load", () => window.scrollTo({ top: set.scroll, behavior: "instant" }));
}

// A browser that scrolls back by itself, too, may do so after `restore`, by what lay there before things were drawn. The
// first page without a refresh is still the same visit; when it is left, the browser has its way again.
function keeping() {
  restore();
  const refreshes = document.querySelector("meta[http-equiv='refresh']");
  if (refreshes) history.scrollRestoration = "manual";
  window.addEventListener("pagehide", refreshes ? keep : () => { history.scrollRestoration = "auto"; });
}
