// The charts: what the page's tables say, as lines. Colours are the tokens', in both themes.

import uPlot from "../vendor/uplot/uPlot.esm.js";
import { absolute, grouped } from "./format.js";
import * as fragment from "./fragment.js";
import { say } from "./words.js";

const HEIGHT = 210;

const charts = new Map();

function read(page) {
  const json = (id) => JSON.parse(page.getElementById(id).textContent);
  return { blocks: json("blocks-data"), waiting: json("waiting-data") };
}

// [x, y] of a chart: blocks by their index, the pool by time.
function columns(key, { blocks, waiting }) {
  if (key === "pool") return [waiting.map(({ at }) => at), waiting.map(({ size }) => size)];
  const values = blocks.map((block) => (block[key] === null ? null : Number(block[key])));
  return [blocks.map(({ index }) => index), values];
}

function token(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

// A canvas does not know every way CSS writes a colour: the browser works it out.
function colour(name) {
  return CSS.supports("color", token(name)) ? token(name) : "#888";
}

function label(key, x) {
  return key === "pool" ? absolute(new Date(x * 1000)) : `${say("chart-block")} ${grouped(x)}`;
}

function sayPoint(figure, key, plot) {
  const at = plot.cursor.idx;
  const [xs, ys] = plot.data;
  const isPoint = at !== null && at !== undefined && ys[at] !== null && ys[at] !== undefined;
  const reading = figure.querySelector("[data-reading]");
  reading.textContent = isPoint
    ? `${label(key, xs[at])} · ${say(`chart-${key}`)}: ${grouped(ys[at])}`
    : "";
}

// Numbers of things have no halves, and times none worth a line.
const STEPS = [1, 2, 5].flatMap((n) => Array.from({ length: 12 }, (_, e) => n * 10 ** e));
const WHOLE = STEPS.sort((one, other) => one - other);
const SECONDS = [1, 5, 15, 30, 60, 300, 900, 1800, 3600, 4 * 3600, 12 * 3600, 86400, 7 * 86400];
const DAYS = 2 * 86400; // beyond, a date says more than a time of day

function axis(key, isX) {
  const isTime = isX && key === "pool";
  return {
    stroke: () => colour("--soft"),
    grid: { stroke: () => colour("--line"), width: 1 },
    ticks: { stroke: () => colour("--line"), width: 1, size: 4 },
    font: '12px system-ui, "Noto Sans", sans-serif',
    values: (_, splits) => splits.map(isTime ? clock(splits) : tick),
    ...(isX ? { space: isTime ? 80 : 70, size: 32 } : { size: 56 }),
    ...(key === "interval" && !isX ? {} : { incrs: isTime ? SECONDS : WHOLE }),
  };
}

function clock(splits) {
  const from = splits.at(-1) - splits[0] > DAYS ? 5 : 11;
  const to = from === 5 ? 10 : 19;
  return (value) => new Date(value * 1000).toISOString().slice(from, to);
}

function tick(value) {
  return value === null ? "" : grouped(Math.round(value * 1000) / 1000);
}

// One night without a block would press all other intervals flat: what lies far beyond most of
// them leaves the picture. The reading and the table still say it.
function withoutOutliers({ data }, high) {
  const values = data[1].filter((value) => value !== null).sort((one, other) => one - other);
  return Math.min(high, values[Math.floor(values.length * 0.9)] * 3 || high);
}

function range(key) {
  return (plot, low, high) => {
    if (low === null) return [0, 1];
    if (key === "interval") high = withoutOutliers(plot, high);
    const room = (high - low) * 0.08 || 1;
    const floor = key === "supply" ? low - room : Math.min(0, low);
    return [Math.max(floor, low < 0 ? low : 0), high + room];
  };
}

function series(key, count) {
  const isStepped = key === "pool" || key === "supply";
  const isBars = key === "transactions";
  return {
    stroke: () => colour("--thread"),
    fill: isBars || key === "pool" ? () => colour("--thread-glow") : undefined,
    width: isBars ? 1 : 2,
    points: { show: key === "interval" && count < 60, size: 5 },
    ...(isBars ? { paths: uPlot.paths.bars({ size: [0.7, 40], align: 0 }) } : {}),
    ...(isStepped ? { paths: uPlot.paths.stepped({ align: 1 }) } : {}),
  };
}

// Bars stand on their index, half to either side of it.
function between(key) {
  return key === "transactions" ? { range: (_, low, high) => [low - 0.6, high + 0.6] } : {};
}

function options(figure, width, count) {
  const key = figure.dataset.chart;
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false } },
    scales: { x: { time: false, ...between(key) }, y: { range: range(key) } },
    axes: [axis(key, true), axis(key, false)],
    series: [{}, series(key, count)],
    hooks: { setCursor: [(plot) => sayPoint(figure, key, plot)] },
  };
}

function draw(figure, data) {
  const key = figure.dataset.chart;
  const values = columns(key, data);
  if (values[0].length < 2) return;
  if (charts.has(key)) {
    charts.get(key).setData(values);
    return;
  }
  const place = figure.querySelector("[data-canvas]");
  place.replaceChildren(document.createElement("i")); // empty, it is not displayed, and has no width
  const width = place.clientWidth;
  place.replaceChildren();
  const plot = new uPlot(options(figure, width, values[0].length), values, place);
  charts.set(key, plot);
  const fit = () => plot.setSize({ width: place.clientWidth, height: HEIGHT });
  new ResizeObserver(fit).observe(place);
}

function drawAll(data) {
  for (const figure of document.querySelectorAll("[data-chart]")) draw(figure, data);
}

function redraw() {
  for (const plot of charts.values()) plot.redraw(false, true);
}

drawAll(read(document));
fragment.begin(["block", "chain-extended", "reorganisation", "transaction"], (page) =>
  drawAll(read(page)),
);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
new MutationObserver(redraw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
