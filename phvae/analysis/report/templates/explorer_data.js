// What the page holds of the runs, unpacked when it is first asked for.

async function inflated(id) {
  const text = atob(document.getElementById(id).textContent);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
}

function array(text, Kind) {
  return new Kind(Uint8Array.from(atob(text), sign => sign.charCodeAt(0)).buffer);
}

// The rows of a grid by data set, training size and metric; a row is one variant's seeds.
function indexed(packed) {
  const known = Object.fromEntries(Object.entries(packed.columns).map(
    ([name, text]) => [name, array(text, ["low", "high", "value"].includes(name) ? Float32Array : Uint16Array)]));
  const {datasets, sizes, variants, metrics, seeds, words, cautions} = packed;
  const grid = {...packed, cells: new Map()};
  known.metric.forEach((metric, i) => {
    const values = [...known.value.subarray(i * seeds.length, (i + 1) * seeds.length)];
    const found = values.map((value, j) => ({seed: seeds[j], value})).filter(one => Number.isFinite(one.value));
    const variant = variants[known.variant[i]], dataset = datasets[known.dataset[i]], size = sizes[known.n_train[i]];
    const key = [dataset, size, metrics[metric].name].join(" ");
    if (!grid.cells.has(key)) grid.cells.set(key, []);
    grid.cells.get(key).push({
      dataset, size, variant, metric: metrics[metric], seeds: found, n: found.length, planned: known.planned[i],
      mean: moments(found.map(one => one.value)).mean, low: known.low[i], high: known.high[i],
      word: words[known.word[i]], best: known.with_best[i], caution: cautions[known.caution[i]],
    });
  });
  grid.designs = new Map(packed.designs.map(one => [`${one.dataset} ${one.variant}`, one]));
  return grid;
}

const rowsOf = (grid, dataset, size, metric) => grid.cells.get([dataset, size, metric].join(" ")) ?? [];
const designOf = (grid, row) => grid.designs.get(`${row.dataset} ${row.variant.name}`);

// What a data set has: names of sizes, metrics and variants in the grid's order.
function offered(grid, dataset) {
  const seen = {size: new Set(), metric: new Set(), variant: new Set()};
  for (const rows of grid.cells.values()) {
    if (rows[0].dataset !== dataset) continue;
    seen.size.add(rows[0].size);
    seen.metric.add(rows[0].metric.name);
    rows.forEach(row => seen.variant.add(row.variant.name));
  }
  return {
    sizes: grid.sizes.filter(name => seen.size.has(name)),
    metrics: grid.metrics.filter(one => seen.metric.has(one.name)),
    variants: grid.variants.filter(one => seen.variant.has(one.name)),
  };
}
