// The explorer: opened when it comes into view, drawn again at every choice.

const part = name => document.getElementById(`explore-${name}`);
let grid, choice, opening;

async function open() {
  if (typeof DecompressionStream === "undefined") {
    part("state").textContent = "This browser cannot unpack the explorer (it lacks DecompressionStream); the tables hold the numbers.";
    return;
  }
  part("state").textContent = "Unpacking …";
  const [library, numbers] = await Promise.all([inflated("explore-library"), inflated("explore-numbers")]);
  document.head.append(make("script", {textContent: library}));
  grid = indexed(JSON.parse(numbers));
  part("body").hidden = false;
  part("state").hidden = true;
  take(read());
  if (isAddressed()) document.getElementById("explore").scrollIntoView();
}

// Take a choice by keys, of which those unknown to these results are named in a sentence.
function take(wanted) {
  const found = settled(grid, wanted);
  choice = found.choice;
  part("notice").hidden = !found.unknown.length;
  part("notice").textContent = `These results do not have what the address names: ${found.unknown.join(", ")}.`;
  build();
  draw();
}

// A choice of the reader: what the new data set lacks falls back without a word.
function choose(changed) {
  const all = offered(grid, choice.dataset).variants.length === choice.variants.length;
  const wanted = {...choice, variants: choice.variants.join(","), ...changed};
  if (all && !("variants" in changed)) delete wanted.variants;
  choice = settled(grid, wanted).choice;
  part("notice").hidden = true;
  history.replaceState(null, "", addressed(grid, choice));
  if ("view" in changed || "dataset" in changed) build();
  draw();
}

function field(label, key, options) {
  const select = make("select", {name: key}, ...options);
  select.value = choice[key];
  select.addEventListener("change", () => choose({[key]: select.value}));
  return make("label", {className: "field"}, label, select);
}

const option = (value, text) => make("option", {value, textContent: text});

function metricOptions(metrics) {
  const groups = Map.groupBy(metrics, one => one.shown ? "in the tables" : one.group);
  return [...groups].map(([label, members]) => make("optgroup", {label}, ...members.map(one => option(one.name, one.label))));
}

function views() {
  const several = {
    size: grid.datasets.some(name => offered(grid, name).sizes.length > 1),
    order: [...grid.designs.values()].some(one => one.order > 1),
  };
  const radios = Object.entries(VIEWS).filter(([key]) => several[key] ?? true).map(([key, view]) => {
    const input = make("input", {type: "radio", name: "view", value: key, checked: choice.view === key});
    input.addEventListener("change", () => choose({view: key, sort: ""}));
    return make("label", {}, input, view.name);
  });
  return make("fieldset", {}, make("legend", {textContent: "view"}), make("div", {className: "views"}, ...radios));
}

function variants(known, look) {
  const boxes = known.map(variant => {
    const input = make("input", {type: "checkbox", value: variant.name, checked: choice.variants.includes(variant.name)});
    input.addEventListener("change", () => pick(boxes.map(box => box.firstChild).filter(box => box.checked).map(box => box.value)));
    return make("label", {}, input, signOf(variant, look), variant.label);
  });
  const pick = names => {
    boxes.forEach(({firstChild: box}) => { box.checked = names.includes(box.value); });
    choose({variants: names.join(",")});
  };
  const few = (text, names) => {
    const button = make("button", {type: "button", textContent: text});
    button.addEventListener("click", () => pick(names));
    return button;
  };
  const claimed = known.map(one => one.name).filter(name => grid.claimed.includes(name));
  return make("fieldset", {}, make("legend", {textContent: "variants"}), make("div", {className: "variants"}, ...boxes),
    make("div", {className: "few"}, few("all", known.map(one => one.name)), few("none", []),
      ...(claimed.length ? [few("those of the claims", claimed)] : [])));
}

// The controls, and the tools of the table.
function build() {
  const {sizes, metrics, variants: known} = offered(grid, choice.dataset), asks = VIEWS[choice.view].asks;
  const fields = [field("data set", "dataset", grid.datasets.map(name => option(name, name)))];
  if (sizes.length > 1 && choice.view !== "size") fields.push(field("training examples", "size", sizes.map(name => option(name, name))));
  fields.push(field(asks.includes("x") ? "metric, y" : "metric", "metric", metricOptions(metrics)));
  if (asks.includes("x")) fields.push(field("metric, x", "x", metricOptions(metrics)));
  if (asks.includes("with")) fields.push(field("paired with", "with", known.map(one => option(one.name, one.label))));
  const log = make("input", {type: "checkbox", name: "log", checked: choice.log === "1"});
  log.addEventListener("change", () => choose({log: log.checked ? "1" : ""}));
  const {name, value} = document.activeElement;
  part("form").replaceChildren(views(), make("div", {className: "row"}, ...fields, make("label", {}, log, " log axis")),
    variants(known, theme()));
  [...part("form").elements].find(one => name && one.name === name && (one.type !== "radio" || one.value === value))?.focus();
  const search = make("input", {type: "search", value: choice.search, placeholder: "search the table", ariaLabel: "search the table"});
  search.addEventListener("input", () => choose({search: search.value}));
  part("tools").replaceChildren(search, copier("Copy as CSV", () => tableCsv(...shown())),
    copier("Copy the seeds as CSV", () => seedsCsv(shown()[1])));
}

function copier(text, content) {
  const button = make("button", {type: "button", textContent: text});
  button.addEventListener("click", async () => {
    const box = part("csv");
    box.value = content();
    try {
      await navigator.clipboard.writeText(box.value);
      box.hidden = true;
      button.textContent = "Copied";
    } catch {
      box.hidden = false;
      box.select();
    }
    setTimeout(() => { button.textContent = text; }, 2000);
  });
  return button;
}

// The head and the lines of the table as they stand: sorted and searched.
function shown() {
  const view = VIEWS[choice.view];
  return [view.head(grid, choice), searched(sorted(view.rows(grid, choice), choice.sort), choice.search)];
}

function draw() {
  const look = theme(), view = VIEWS[choice.view], metric = metricOf(grid, choice.metric);
  const [head, lines] = shown(), plotted = sorted(view.rows(grid, choice), choice.sort).map(line => line.row);
  const narrow = part("body").clientWidth < 640;
  part("words").textContent = view.words(grid, choice, metric);
  part("note").textContent = noteOf(view, plotted);
  part("scroll").replaceChildren(table(head, lines, choice.sort, look, sort => choose({sort})));
  part("plot").ariaLabel = `Plot: ${part("words").textContent}`;
  if (!plotted.length) {
    window.Plotly.purge(part("plot"));
    return;
  }
  const {data, layout} = PLOTS[choice.view](grid, choice, plotted, look, narrow);
  window.Plotly.react(part("plot"), data, {...layout, width: part("plot").clientWidth}, {
    displaylogo: false, modeBarButtons: [["toImage"], ["zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d"]],
    toImageButtonOptions: {format: "svg", filename: `${choice.dataset}-${choice.metric}`},
  });
}

function noteOf(view, rows) {
  const left = grid.left_out ? ` ${grid.left_out} further metrics are in metrics.csv only: the page has no room for them.` : "";
  const marked = rows.some(row => row.caution) ? " § shown, but decides nothing." : "";
  return (rows.length ? view.note() : "Nothing to show: choose other variants, or another metric.") + marked + left;
}

const opened = () => (opening ??= open().catch(error => { part("state").textContent = `The explorer could not be drawn: ${error}`; }));
new IntersectionObserver((entries, observer) => {
  if (entries.some(entry => entry.isIntersecting)) {
    observer.disconnect();
    opened();
  }
}, {rootMargin: "400px"}).observe(document.getElementById("explore"));

function arrive() {
  if (!isAddressed()) return;
  document.getElementById("explore").scrollIntoView();
  if (grid) take(read());
  else opened();
}
window.addEventListener("hashchange", arrive);
arrive();

let waiting;
const again = () => { if (grid) { build(); draw(); } };
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
window.addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(() => { if (grid) draw(); }, 150); });
