// Tables sort by a column's button; boxes above them keep rows and columns that hold every word typed.
const said = cell => (cell ? cell.textContent.trim() : "");
const empty = cell => ["", "–"].includes(said(cell));
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => head.firstElementChild.addEventListener("click", () => {
    const up = head.getAttribute("aria-sort") !== "ascending";
    heads.forEach(other => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const body = table.tBodies[0], rows = [...body.rows];
    const cell = row => row.cells[column];
    const numeric = rows.every(row => empty(cell(row)) || cell(row).dataset.value !== undefined);
    rows.sort((a, b) => {
      if (empty(cell(a)) || empty(cell(b))) return empty(cell(a)) - empty(cell(b));
      const order = numeric ? cell(a).dataset.value - cell(b).dataset.value
        : said(cell(a)).localeCompare(said(cell(b)), undefined, {numeric: true});
      return up ? order : -order;
    });
    body.append(...rows);
  }));
}

const holds = (text, words) => words.every(word => text.toLowerCase().includes(word));
const box = (label, change) => {
  const around = document.createElement("label"), input = document.createElement("input");
  input.type = "search";
  input.addEventListener("input", () => change(input.value.toLowerCase().split(/\s+/).filter(Boolean)));
  around.append(label, " ", input);
  return around;
};
for (const section of document.querySelectorAll("section.table")) {
  const tables = [...section.querySelectorAll("table.sortable")];
  const rows = tables.flatMap(table => [...table.tBodies[0].rows]);
  if (rows.length < 2) continue;
  const tools = document.createElement("div");
  tools.className = "tools";
  const wanted = {words: []}, all = document.createElement("input");
  const columns = () => {
    for (const table of tables) {
      const most = all.checked ? Infinity : +(table.dataset.headline || Infinity);
      const shown = [...table.tHead.rows[0].cells].map((head, i) =>
        i === 0 || (wanted.words.length ? holds(said(head), wanted.words) : i < most));
      for (const row of table.rows) [...row.cells].forEach((cell, i) => { cell.hidden = !shown[i]; });
      for (const row of table.tFoot?.rows ?? []) row.hidden = [...row.cells].every((cell, i) => i === 0 || cell.hidden || empty(cell));
    }
  };
  tools.append(box("Rows with", words => rows.forEach(row => { row.hidden = !holds(row.textContent, words); })));
  tools.append(box("Columns with", words => { wanted.words = words; columns(); }));
  if (tables.some(table => table.dataset.headline)) {
    const around = document.createElement("label");
    all.type = "checkbox";
    all.addEventListener("change", columns);
    around.append(all, " all columns");
    tools.append(around);
  }
  columns();
  (section.querySelector("h4") ?? section.querySelector(".scroll")).before(tools);
}
