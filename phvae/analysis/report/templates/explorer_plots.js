// The plots of the views, as Plotly's data and layout. Plotly reads tags in texts: `plain` takes them their meaning.

const plain = text => String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

// A text in lines of some width, for a narrow axis.
function folded(text, width) {
  const lines = [""];
  for (const word of text.split(" ")) {
    if (lines.at(-1) && lines.at(-1).length + word.length >= width) lines.push("");
    lines.push(`${lines.pop()} ${word}`.trim());
  }
  return lines.map(plain).join("<br>");
}

function theme() {
  const style = getComputedStyle(document.body), of = name => style.getPropertyValue(name).trim();
  return {ink: of("--ink"), soft: of("--soft"), line: of("--line"), paper: of("--paper"), font: style.fontFamily};
}

const colour = (variant, look) => variant.colour === "#000000" ? look.ink : variant.colour;
const axis = (look, title, more = {}) => ({
  title: {text: title, standoff: 8}, gridcolor: look.line, zerolinecolor: look.line, linecolor: look.soft, automargin: true,
  exponentformat: "power", ...more,
});
const layoutOf = (look, height, more) => ({
  height, paper_bgcolor: look.paper, plot_bgcolor: look.paper, font: {family: look.font, size: 12, color: look.ink},
  margin: {l: 10, r: 14, t: 28, b: 44}, hovermode: "closest", showlegend: false, hoverlabel: {font: {family: look.font}},
  dragmode: matchMedia("(pointer: coarse)").matches ? false : "zoom", ...more,
});
const span = (rows) => ({
  type: "data", symmetric: false, array: rows.map(row => row.high - row.mean || 0),
  arrayminus: rows.map(row => row.mean - row.low || 0), thickness: 1.6, width: 3,
});
const hover = (row, text) => plain(`${row.variant.label}: ${text}`);
const small = (row, look, more) => ({
  type: "scatter", mode: "markers", hoverinfo: "text",
  marker: {color: colour(row.variant, look), symbol: row.variant.symbol, size: 5, opacity: .5}, ...more,
});
const large = (row, look, more) => ({
  type: "scatter", mode: "markers", hoverinfo: "text",
  marker: {color: colour(row.variant, look), symbol: row.variant.symbol, size: 10, line: {color: look.paper, width: 1}}, ...more,
});

// Rows of variants from top to bottom: names, height of a row, and the axis that they stand on.
function strips(rows, look, narrow) {
  const step = narrow ? 40 : rows.length > 12 ? 25 : 32;
  const names = rows.map(row => narrow ? folded(row.variant.label, 17) : plain(row.variant.label));
  return {
    height: rows.length * step + 84,
    axis: axis(look, "", {tickvals: rows.map((_, i) => i), ticktext: names, range: [rows.length - .5, -.5], zeroline: false,
      fixedrange: true}),
  };
}

const offset = (i, n) => n > 1 ? .5 * (i / (n - 1) - .5) : 0;
const meanText = row => hover(row, `${plusMinus(row.mean, half(row))}, ${row.n} seeds${row.caution ? `, ${row.caution}` : ""}`);
const meanAcross = (row, i, look, more = {}) => large(row, look, {
  x: [row.mean], y: [i], text: [meanText(row)], error_x: {...span([row]), color: colour(row.variant, look)}, ...more});
const line = (look, more) => ({type: "line", line: {color: look.soft, width: 1, dash: "dot"}, layer: "below", ...more});

const PLOTS = {
  seeds(grid, choice, rows, look, narrow) {
    const {height, axis: yaxis} = strips(rows, look, narrow), metric = metricOf(grid, choice.metric);
    const data = rows.flatMap((row, i) => [
      small(row, look, {x: row.seeds.map(one => one.value), y: row.seeds.map((_, j) => i + offset(j, row.n)),
        text: row.seeds.map(({seed, value}) => hover(row, `seed ${seed}, ${number(value, 4)}`))}),
      meanAcross(row, i, look)]);
    const base = rows.find(row => row.variant.name === grid.baseline);
    const shapes = base ? [line(look, {x0: base.mean, x1: base.mean, y0: 0, y1: 1, yref: "paper"})] : [];
    const xaxis = axis(look, folded(metric.label, narrow ? 34 : 200), {type: choice.log ? "log" : "linear", zeroline: false});
    return {data, layout: layoutOf(look, height, {xaxis, yaxis, shapes})};
  },

  paired(grid, choice, rows, look, narrow) {
    const metric = metricOf(grid, choice.metric), other = rows[0].other, all = [other, ...rows.map(row => row.row)];
    const {height, axis: yaxis} = strips(all, look, narrow);
    const seeds = [...new Set(all.flatMap(row => row.seeds.map(one => one.seed)))];
    const joined = seeds.map(seed => ({
      type: "scatter", mode: "lines", hoverinfo: "skip", line: {color: look.soft, width: .7}, opacity: .6,
      x: all.map(row => row.seeds.find(one => one.seed === seed)?.value ?? null), y: all.map((_, i) => i)}));
    const values = all.flatMap((row, i) => [
      small(row, look, {x: row.seeds.map(one => one.value), y: row.seeds.map(() => i),
        text: row.seeds.map(({seed, value}) => hover(row, `seed ${seed}, ${number(value, 4)}`))}),
      meanAcross(row, i, look)]);
    const right = {xaxis: "x2", yaxis: narrow ? "y2" : "y"};
    const differences = rows.flatMap((row, i) => [
      small(row, look, {...right, x: row.pairs.map(one => one.value), y: row.pairs.map((_, j) => i + 1 + offset(j, row.n)),
        text: row.pairs.map(({seed, value}) => hover(row, `seed ${seed}, difference ${number(value, 4)}`))}),
      meanAcross(row, i + 1, look, {...right, text: [hover(row, `difference ${plusMinus(row.mean, half(row))}, ${row.n} pairs`)]})]);
    const zero = line(look, {x0: 0, x1: 0, xref: "x2", y0: 0, y1: 1, yref: `${narrow ? "y2" : "y"} domain`});
    const width = narrow ? 34 : 60, title = folded(`minus ${labelOf(grid, choice.with)} (${better(metric.sign)})`, width);
    return {data: [...joined, ...values, ...differences], layout: layoutOf(look, narrow ? 2 * height : height, {
      xaxis: axis(look, folded(metric.label, width), {domain: narrow ? [0, 1] : [0, .55], zeroline: false,
        type: choice.log ? "log" : "linear", anchor: "y"}),
      xaxis2: axis(look, title, {domain: narrow ? [0, 1] : [.6, 1], zeroline: false, anchor: narrow ? "y2" : "y"}),
      yaxis: {...yaxis, domain: narrow ? [.57, 1] : [0, 1]},
      ...(narrow ? {yaxis2: {...yaxis, domain: [0, .43], anchor: "x2"}} : {}),
      shapes: [zero]})};
  },

  metrics(grid, choice, rows, look, narrow) {
    const families = Map.groupBy(rows.filter(row => designOf(grid, row)), row => designOf(grid, row).family);
    const lines = [...families.values()].filter(members => members.length > 1).map(members => {
      const place = row => { const one = designOf(grid, row); return [one.order, one.beta ?? 0]; };
      const sorted = members.toSorted((a, b) => place(a)[0] - place(b)[0] || place(a)[1] - place(b)[1]);
      const first = sorted[0].variant;
      return {type: "scatter", mode: "lines", hoverinfo: "skip", x: sorted.map(row => row.x.mean), y: sorted.map(row => row.mean),
        line: {color: colour(first, look), width: 1.2, dash: first.dash}, opacity: .8};
    });
    const points = rows.flatMap(row => {
      const across = new Map(row.x.seeds.map(({seed, value}) => [seed, value]));
      const known = row.seeds.filter(({seed}) => across.has(seed)), tint = colour(row.variant, look);
      return [
        small(row, look, {x: known.map(({seed}) => across.get(seed)), y: known.map(one => one.value),
          text: known.map(({seed, value}) => hover(row, `seed ${seed}, x ${number(across.get(seed), 4)}, y ${number(value, 4)}`))}),
        large(row, look, {x: [row.x.mean], y: [row.mean], error_x: {...span([row.x]), color: tint}, error_y: {...span([row]), color: tint},
          text: [hover(row, `x ${plusMinus(row.x.mean, half(row.x))}, y ${plusMinus(row.mean, half(row))}`)]})];
    });
    const type = choice.log ? "log" : "linear", width = narrow ? 34 : 70;
    return {data: [...lines, ...points], layout: layoutOf(look, narrow ? 420 : 540, {
      xaxis: axis(look, folded(metricOf(grid, choice.x).label, width), {type, zeroline: false}),
      yaxis: axis(look, folded(metricOf(grid, choice.metric).label, width), {type, zeroline: false})})};
  },

  order(grid, choice, rows, look, narrow) {
    const several = rows.filter(row => row.order > 1);
    const families = [...Map.groupBy(several, row => row.family)];
    const orders = [...new Set(several.map(row => row.order))].sort((a, b) => a - b);
    const base = rowsOf(grid, choice.dataset, choice.size, choice.metric).find(row => row.variant.name === grid.baseline);
    const data = families.flatMap(([family, members], i) => {
      const sorted = members.toSorted((a, b) => a.order - b.order), first = sorted[0];
      const x = sorted.map(row => row.order + .07 * (i - (families.length - 1) / 2));
      return [
        ...sorted.map((row, j) => small(row, look, {x: row.seeds.map(() => x[j]), y: row.seeds.map(one => one.value), showlegend: false,
          text: row.seeds.map(({seed, value}) => hover(row, `seed ${seed}, ${number(value, 4)}`)),
          marker: {color: colour(first.variant, look), symbol: first.variant.symbol, size: 4, opacity: .35}})),
        large(first, look, {mode: "lines+markers", name: plain(family), x, y: sorted.map(row => row.mean), text: sorted.map(meanText),
          error_y: {...span(sorted), color: colour(first.variant, look)},
          line: {color: colour(first.variant, look), width: 1.3, dash: first.variant.dash}})];
    });
    const shapes = base ? [
      {type: "rect", xref: "paper", x0: 0, x1: 1, y0: base.low, y1: base.high, fillcolor: look.line, line: {width: 0}, layer: "below", opacity: .7},
      line(look, {xref: "paper", x0: 0, x1: 1, y0: base.mean, y1: base.mean})] : [];
    return {data, layout: layoutOf(look, narrow ? 460 : 500, {
      xaxis: axis(look, "order", {tickvals: orders, range: [orders[0] - .5, orders.at(-1) + .5], zeroline: false}), shapes, showlegend: true,
      legend: {orientation: "h", y: -.18, yanchor: "top"},
      yaxis: axis(look, folded(metricOf(grid, choice.metric).label, narrow ? 34 : 70), {type: choice.log ? "log" : "linear", zeroline: false})})};
  },

  size(grid, choice, rows, look, narrow) {
    const {sizes} = offered(grid, choice.dataset), lines = [...Map.groupBy(rows, row => row.variant.name).values()];
    const data = lines.map((members, i) => {
      const shift = .3 * (lines.length > 1 ? i / (lines.length - 1) - .5 : 0), [first] = members;
      const sorted = members.toSorted((a, b) => sizes.indexOf(a.size) - sizes.indexOf(b.size));
      return large(first, look, {mode: "lines+markers", x: sorted.map(row => sizes.indexOf(row.size) + shift),
        y: sorted.map(row => row.mean), text: sorted.map(row => `${meanText(row)}, ${examples(row.size)}`),
        error_y: {...span(sorted), color: colour(first.variant, look), thickness: 1.2},
        marker: {color: colour(first.variant, look), symbol: first.variant.symbol, size: 8},
        line: {color: colour(first.variant, look), width: 1.3, dash: first.variant.dash}});
    });
    return {data, layout: layoutOf(look, narrow ? 420 : 500, {
      xaxis: axis(look, "training examples", {tickvals: sizes.map((_, i) => i), ticktext: sizes.map(plain), zeroline: false}),
      yaxis: axis(look, folded(metricOf(grid, choice.metric).label, narrow ? 34 : 70), {type: choice.log ? "log" : "linear", zeroline: false})})};
  },
};
