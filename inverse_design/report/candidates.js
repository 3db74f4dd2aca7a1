// The table of all candidates: sorted by a click on a heading, filtered by words or to hits only.
function sorting(table) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    if (!head.dataset.sort) return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sort";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const way = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", way > 0 ? "ascending" : "descending");
      const value = (row) => row.cells[column].dataset.value;
      const compare = head.dataset.sort === "number" ? (a, b) => a - b
        : (a, b) => a.localeCompare(b, "en", { numeric: true });
      // What is missing stands last, whichever way; equals keep the order they had.
      body.append(...[...body.rows].sort((a, b) => {
        const [one, two] = [value(a), value(b)];
        return one === "" || two === "" ? (one === "") - (two === "") : way * compare(one, two);
      }));
    });
  });
  $("sorting-told").hidden = false;
}

function filtering(table) {
  const rows = [...table.tBodies[0].rows];
  const show = () => {
    const words = $("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = ($("hits-only").checked && row.dataset.hit !== "1") || !words.every((word) => text.includes(word));
      count += row.hidden ? 0 : 1;
    }
    $("shown").textContent = `${count} of ${rows.length} shown`;
  };
  $("filter").addEventListener("input", show);
  $("hits-only").addEventListener("change", show);
  $("table-tools").hidden = false;
  show();
}

function listing() {
  const table = $("all");
  if (!table) return;
  overlaying(table);
  sorting(table);
  filtering(table);
}
