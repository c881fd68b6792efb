// Numbers as the tables write them, and the statistics of what is shown.

function number(value, digits = 3) {
  if (value === null || Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "-∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size < 1e-4 || size >= 1e7) return value.toExponential(digits - 1).replace(/e([+-])(\d)$/, "e$10$2");
  return fixed(value, Math.max(0, digits - 1 - Math.floor(Math.log10(size))));
}

function fixed(value, places) {
  return value.toLocaleString("en-US", {minimumFractionDigits: places, maximumFractionDigits: places});
}

// Mean and half-width, both to the half-width's second significant digit.
function plusMinus(mean, half) {
  if (!Number.isFinite(mean)) return "–";
  if (!Number.isFinite(half)) return number(mean);
  if (half === 0) return `${number(mean, 4)} ± 0`;
  const size = Math.max(Math.abs(mean), half);
  if (size >= 1e-3 && size < 1e7) return rounded(mean, half);
  const power = Math.floor(Math.log10(size)), digits = String(Math.abs(power)).padStart(2, "0");
  return `(${rounded(mean / 10 ** power, half / 10 ** power)})e${power < 0 ? "-" : "+"}${digits}`;
}

function rounded(mean, half) {
  const places = Math.min(Math.max(1 - Math.floor(Math.log10(half)), 0), 6);
  return `${fixed(mean, places).replace(/^-(?=[0.,]*$)/, "")} ± ${fixed(half, places)}`;
}

function moments(values) {
  const n = values.length, mean = n ? values.reduce((sum, value) => sum + value, 0) / n : NaN;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return {n, mean, sd: n > 1 ? Math.sqrt(squares / (n - 1)) : NaN};
}

// The interval of a mean paired difference: Student's, and where the differences are skewed Hall's too, the wider ends
// of both (as paired_interval of phvae/analysis/statistics/paired_tests.py).
function pairedInterval(differences, quantiles) {
  const {n, mean, sd} = moments(differences);
  if (n < 2) return [NaN, NaN];
  const q = quantiles[n - 2] / Math.sqrt(n), skew = skewness(differences, n, mean, sd);
  const low = mean - q * sd, high = mean + q * sd;
  if (Math.abs(skew) <= 1e-6) return [low, high];
  const end = at => mean - sd * 3 / skew * (Math.cbrt(1 + skew * (at - skew / (6 * n))) - 1);
  return [Math.min(low, end(q)), Math.max(high, end(-q))];
}

function skewness(values, n, mean, sd) {
  const size = Math.max(...values.map(Math.abs));
  if (n < 3 || !(sd > 1e-9 * size)) return 0;
  return values.reduce((sum, value) => sum + (value - mean) ** 3, 0) * n / ((n - 1) * (n - 2)) / sd ** 3;
}
