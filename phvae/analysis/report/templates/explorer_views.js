// The views: what each asks for, the rows of its table, and what it says in words.

const chosenRows = (grid, choice, metric, size = choice.size) =>
  rowsOf(grid, choice.dataset, size, metric).filter(row => choice.variants.includes(row.variant.name));
const variantCell = variant => ({text: variant.label, sign: variant});
const half = row => (row.high - row.low) / 2;
const count = row => row.n < row.planned ? `${row.n}/${row.planned}` : String(row.n);
const better = sign => ({"1": "higher is better", "-1": "lower is better"})[sign] ?? "neither direction is better";
const examples = size => size === "all" ? "all training examples" : `${Number(size).toLocaleString("en-US")} training examples`;
const where = choice => `on ${choice.dataset}, ${examples(choice.size)}`;

const scoreHead = (grid) => ["mean", "95 % from", "to", "seeds", `against ${labelOf(grid, grid.baseline)}`];
const scoreCells = row => [
  {text: plusMinus(row.mean, half(row)) + (row.caution ? " §" : ""), value: row.mean, caution: row.caution},
  {text: number(row.low), value: row.low}, {text: number(row.high), value: row.high},
  {text: count(row), value: row.n}, {text: row.word},
];
const labelOf = (grid, name) => grid.variants.find(one => one.name === name)?.label ?? "the baseline";
const BEST = ["", "", "not distinguishable from the best"];

// The best of some rows, as far as something is said of the best: none where every value carries a caution.
function leader(rows) {
  const asked = rows.filter(row => row.best > 0 && row.metric.sign !== 0);
  return asked.reduce((one, other) => one && one.metric.sign * (one.mean - other.mean) >= 0 ? one : other, null);
}

function bestWords(grid, choice) {
  const all = rowsOf(grid, choice.dataset, choice.size, choice.metric), rows = chosenRows(grid, choice, choice.metric);
  const best = leader(rows);
  if (!best) {
    const cautions = new Set(rows.map(row => row.caution).filter(Boolean));
    return cautions.size ? `Shown, but decides nothing: ${[...cautions].join("; ")}.` : "";
  }
  const others = rows.filter(row => row !== best && row.best === 2).map(row => row.variant.label);
  const rest = best !== leader(all) ? "" : others.length
    ? `; not distinguishable from it: ${others.join("; ")}` : rows.length > 1 ? "; every other is worse" : "";
  return `Best mean of those shown: ${best.variant.label}, ${plusMinus(best.mean, half(best))}${rest}.`;
}

function pairs(one, other) {
  const known = new Map(other.seeds.map(({seed, value}) => [seed, value]));
  return one.seeds.filter(({seed}) => known.has(seed)).map(({seed, value}) => ({seed, value: value - known.get(seed)}));
}

function paired(grid, choice) {
  const other = rowsOf(grid, choice.dataset, choice.size, choice.metric).find(row => row.variant.name === choice.with);
  if (!other) return [];
  return chosenRows(grid, choice, choice.metric).filter(row => row !== other).map(row => {
    const found = pairs(row, other), values = found.map(one => one.value);
    const [low, high] = pairedInterval(values, grid.quantiles);
    const wins = values.reduce((sum, value) => sum + (value * row.metric.sign > 0) + (value === 0) / 2, 0);
    return {...row, row, other, pairs: found, n: found.length, mean: moments(values).mean, low, high, wins};
  });
}

const VIEWS = {
  seeds: {
    name: "Seeds", asks: ["metric"],
    head: grid => ["variant", ...scoreHead(grid), "best"],
    rows: (grid, choice) => {
      const best = leader(rowsOf(grid, choice.dataset, choice.size, choice.metric));
      return chosenRows(grid, choice, choice.metric).map(row => ({row, cells: [
        variantCell(row.variant), ...scoreCells(row), {text: row === best ? "best" : BEST[row.best]}]}));
    },
    words: (grid, choice, metric) => `${metric.label}, ${better(metric.sign)}, ${where(choice)}. ${bestWords(grid, choice)}`,
    note: () => "A small point is a seed, at the same height in every row; the large one is the mean with its 95 % interval.",
  },
  paired: {
    name: "Paired differences", asks: ["metric", "with"],
    head: () => ["variant", "mean difference", "95 % from", "to", "pairs", "better in"],
    rows: (grid, choice) => paired(grid, choice).map(row => ({row, cells: [
      variantCell(row.variant), {text: plusMinus(row.mean, half(row)), value: row.mean},
      {text: number(row.low), value: row.low}, {text: number(row.high), value: row.high},
      {text: String(row.n), value: row.n}, {text: row.metric.sign ? `${row.wins} of ${row.n}` : "–", value: row.wins}]})),
    words: (grid, choice, metric) => `${metric.label}, ${better(metric.sign)}, ${where(choice)}: each variant minus ` +
      `${labelOf(grid, choice.with)} at the same seed.`,
    note: () => "A line joins one seed through the variants. The intervals are those of the tables: Student's, widened " +
      "where the differences are skewed.",
  },
  metrics: {
    name: "Metric against metric", asks: ["metric", "x"],
    head: (grid, choice) => ["variant", `x: ${metricOf(grid, choice.x).label}`, "x from", "x to",
      `y: ${metricOf(grid, choice.metric).label}`, "y from", "y to"],
    rows: (grid, choice) => {
      const across = new Map(chosenRows(grid, choice, choice.x).map(row => [row.variant, row]));
      const shown = row => [{text: plusMinus(row.mean, half(row)), value: row.mean},
        {text: number(row.low), value: row.low}, {text: number(row.high), value: row.high}];
      return chosenRows(grid, choice, choice.metric).filter(row => across.has(row.variant)).map(row => ({
        row: {...row, x: across.get(row.variant)},
        cells: [variantCell(row.variant), ...shown(across.get(row.variant)), ...shown(row)]}));
    },
    words: (grid, choice, metric) => `${metric.label} (${better(metric.sign)}) against ${metricOf(grid, choice.x).label} ` +
      `(${better(metricOf(grid, choice.x).sign)}), ${where(choice)}.`,
    note: () => "A small point is a seed, a large one a mean with its 95 % intervals; a line joins a family by β, or by order.",
  },
  order: {
    name: "By order", asks: ["metric"],
    head: grid => ["family", "order", "variant", ...scoreHead(grid)],
    rows: (grid, choice) => chosenRows(grid, choice, choice.metric).flatMap(row => {
      const {family, order} = designOf(grid, row) ?? {};
      if (!(order > 1 || row.variant.name === grid.baseline)) return [];
      return {row: {...row, family, order}, cells: [{text: family, sign: row.variant}, {text: String(order), value: order},
        {text: row.variant.label}, ...scoreCells(row)]};
    }),
    words: (grid, choice, metric) => `${metric.label}, ${better(metric.sign)}, against the order of the hierarchy, ${where(choice)}.`,
    note: () => "A line for each family, its mean over seeds with the 95 % interval; the grey band is the baseline.",
  },
  size: {
    name: "By training size", asks: ["metric"],
    head: grid => ["training size", "variant", ...scoreHead(grid)],
    rows: (grid, choice) => offered(grid, choice.dataset).sizes.flatMap((size, at) =>
      chosenRows(grid, choice, choice.metric, size).map(row => ({row, cells: [
        {text: size, value: size === "all" ? Infinity : Number(size), sign: row.variant},
        {text: row.variant.label}, ...scoreCells(row)]}))),
    words: (grid, choice, metric) => `${metric.label}, ${better(metric.sign)}, by the number of training examples, on ${choice.dataset}.`,
    note: () => "Means over seeds with their 95 % intervals.",
  },
};

const metricOf = (grid, name) => grid.metrics.find(one => one.name === name);
