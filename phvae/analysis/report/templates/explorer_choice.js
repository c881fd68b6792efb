// What is looked at: defaults, and the page's address (#explore?dataset=claw&metric=…), which keeps it.

const ADDRESS = "#explore?";
const KEYS = ["view", "dataset", "size", "metric", "x", "with", "variants", "log", "sort", "search"];

// A choice that these results have: what is unknown is replaced, and named in `unknown`.
function settled(grid, wanted) {
  const unknown = Object.keys(wanted).filter(key => !KEYS.includes(key));
  const pick = (key, names, usual) => {
    if (names.includes(wanted[key])) return wanted[key];
    if (wanted[key] !== undefined) unknown.push(`${key} ${wanted[key]}`);
    return usual;
  };
  const choice = {view: pick("view", Object.keys(VIEWS), "seeds")};
  choice.dataset = pick("dataset", grid.datasets, grid.datasets[0]);
  const {sizes, metrics, variants} = offered(grid, choice.dataset), names = metrics.map(one => one.name);
  const known = variants.map(one => one.name);
  choice.size = pick("size", sizes, sizes.at(-1));
  choice.metric = pick("metric", names, names[0]);
  choice.x = pick("x", names, names.includes("kl") ? "kl" : names[1] ?? names[0]);
  choice.with = pick("with", known, known.includes(grid.baseline) ? grid.baseline : known[0]);
  choice.log = pick("log", ["1"], "");
  choice.sort = wanted.sort ?? "";
  choice.search = wanted.search ?? "";
  const named = wanted.variants === undefined ? known : wanted.variants.split(",").filter(Boolean);
  unknown.push(...named.filter(name => !known.includes(name)).map(name => `variant ${name}`));
  choice.variants = known.filter(name => named.includes(name));
  return {choice, unknown};
}

function addressed(grid, choice) {
  const all = offered(grid, choice.dataset).variants.length === choice.variants.length;
  const used = ["view", "dataset", "size", ...VIEWS[choice.view].asks, ...(all ? [] : ["variants"])];
  for (const key of ["log", "sort", "search"]) if (choice[key]) used.push(key);
  const text = key => encodeURIComponent(String(choice[key])).replaceAll("%2C", ",");
  return ADDRESS + used.map(key => `${key}=${text(key)}`).join("&");
}

const isAddressed = () => location.hash.startsWith(ADDRESS);
const read = () => isAddressed() ? Object.fromEntries(new URLSearchParams(location.hash.slice(ADDRESS.length))) : {};
