// The table of the numbers shown: sorted, searched, and as CSV.

function make(tag, properties = {}, ...children) {
  const {dataset, ...plainly} = properties, element = Object.assign(document.createElement(tag), plainly);
  Object.assign(element.dataset, dataset);
  element.append(...children);
  return element;
}

function signOf(variant, look) {
  const sign = make("span", {className: "sign", textContent: variant.sign, ariaHidden: "true"});
  sign.style.color = colour(variant, look);
  return sign;
}

// `sort`: number of a column, after a minus the other way; empty for the grid's order.
function sorted(lines, sort) {
  if (!/^-?\d+$/.test(sort)) return lines;
  const column = Math.abs(Number(sort)), turn = sort.startsWith("-") ? -1 : 1;
  const empty = cell => !cell || (cell.value === undefined ? cell.text === "" : Number.isNaN(cell.value));
  return lines.toSorted(({cells: a}, {cells: b}) => {
    const [one, other] = [a[column], b[column]];
    if (empty(one) || empty(other)) return empty(one) - empty(other);
    const order = one.value === undefined ? one.text.localeCompare(other.text, "en", {numeric: true}) : one.value - other.value;
    return turn * (order || 0);
  });
}

function searched(lines, search) {
  const words = search.toLowerCase().split(" ").filter(Boolean);
  return lines.filter(({cells}) => {
    const text = cells.map(cell => cell.text).join(" ").toLowerCase();
    return words.every(word => text.includes(word));
  });
}

const isNumber = cell => cell.value !== undefined && !cell.sign;

function table(head, lines, sort, look, choose) {
  const headings = head.map((text, i) => {
    const button = make("button", {type: "button", textContent: text});
    button.addEventListener("click", () => choose(sort === String(i) ? `-${i}` : String(i)));
    const first = lines[0]?.cells[i];
    const th = make("th", {scope: "col", className: first && isNumber(first) ? "number" : ""}, button);
    if (Math.abs(Number(sort || NaN)) === i) th.ariaSort = sort.startsWith("-") ? "descending" : "ascending";
    return th;
  });
  const body = lines.map(({cells}) => make("tr", {}, ...cells.map(cell => {
    const td = make("td", {className: isNumber(cell) ? "number" : "", title: cell.caution ?? ""});
    if (Number.isFinite(cell.value)) td.dataset.value = cell.value;
    td.append(...(cell.sign ? [signOf(cell.sign, look), " "] : []), cell.text);
    return td;
  })));
  return make("table", {}, make("thead", {}, make("tr", {}, ...headings)), make("tbody", {}, ...body));
}

// Quoted as RFC 4180 says; an apostrophe before a text that a spreadsheet would run.
function csvCell(value) {
  if (typeof value === "number") return Number.isFinite(value) ? String(Number(value.toPrecision(7))) : "";
  const text = /^[=+\-@\t\r＝＋－＠]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

const csv = lines => lines.map(line => line.map(csvCell).join(",") + "\n").join("");
const tableCsv = (head, lines) => csv([head, ...lines.map(({cells}) => cells.map(cell => cell.value ?? cell.text))]);

// Every seed of the rows shown, one a line.
function seedsCsv(lines) {
  const rows = lines.flatMap(({row}) => row.x ? [row, row.x] : [row.row ?? row]);
  return csv([["dataset", "n_train", "variant", "seed", "metric", "value"], ...rows.flatMap(row => row.seeds.map(
    ({seed, value}) => [row.dataset, row.size, row.variant.name, String(seed), row.metric.name, value]))]);
}
