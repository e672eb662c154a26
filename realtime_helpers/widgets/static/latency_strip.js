const STRIP = { width: 360, height: 96, left: 8, right: 92, top: 10, bottom: 20 };

// Where the dots and the two lines of one wait stand. Pure.
const stripLayout = (row, [first, last]) => {
  const { width, height, left, right, top, bottom } = STRIP;
  const most = 1.15 * Math.max(1, row.p95 ?? 0, ...row.dots.map(([, ms]) => ms));
  const y = (ms) => top + (height - top - bottom) * (1 - ms / most);
  const x = (turn) => left + (width - left - right) * ((turn - first + 0.5) / (last - first + 1));
  const median = row.median === null ? null : y(row.median);
  const p95 = row.p95 === null ? null : y(row.p95);
  // two labels need 14 each: where their lines are closer, they make way for each other
  const apart = median === null ? 0 : Math.max(0, 14 - (median - p95)) / 2;
  return {
    dots: row.dots.map(([turn, ms]) => ({ turn, ms, x: x(turn), y: y(ms) })), median, p95, ground: y(0),
    medianLabel: median === null ? null : median + apart + 4, p95Label: p95 === null ? null : p95 - apart + 4,
  };
};

const ms = (value) => (value >= 1000 ? `${(value / 1000).toFixed(1)} s` : `${Math.round(value)} ms`);

const strip = (row, turns) => {
  const { width, height, left, right } = STRIP;
  const { dots, median, p95, ground, medianLabel, p95Label } = stripLayout(row, turns);
  const drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", class: "realtime-chart",
    "aria-label": `${row.title}: ${row.count} measured, median ${ms(row.median)}, 95th percentile ${ms(row.p95)}` });
  drawing.append(svg("line", { x1: left, x2: width - right, y1: ground, y2: ground, class: "realtime-grid" }),
    svg("text", { x: left, y: ground + 15 }, `turn ${turns[0]}`),
    svg("text", { x: width - right, y: ground + 15, "text-anchor": "end" }, turns[1]),
    svg("line", { x1: left, x2: width - right, y1: p95, y2: p95, class: "realtime-trigger" }),
    svg("line", { x1: left, x2: width - right, y1: median, y2: median, class: "realtime-median" }),
    svg("text", { x: width - right + 4, y: p95Label }, `p95 ${ms(row.p95)}`),
    svg("text", { x: width - right + 4, y: medianLabel }, `p50 ${ms(row.median)}`));
  for (const { turn, ms: value, x, y } of dots)
    drawing.append(svg("circle", { cx: x, cy: y, r: 4, class: "realtime-dot" }, svg("title", {}, `turn ${turn}: ${ms(value)}`)));
  return drawing;
};

function render({ model, el }) {
  const sentence = element("p", { class: "realtime-sentence" });
  const strips = element("div", { class: "realtime-strips" });
  const figures = element("div");
  panelAt(el, "realtime-view");
  el.append(element("section", { "aria-label": "latency" }, element("h3", {}, "Latency"), strips, sentence, figures));
  return drawn(model, el, (picture) => {
    sentence.textContent = picture.sentence;
    strips.replaceChildren(...picture.rows.map((row) => element("figure", {},
      element("figcaption", {}, element("strong", {}, row.name), element("br"), element("small", {}, row.title)),
      row.count ? strip(row, picture.turns) : element("p", { class: "realtime-note" }, `${row.if_none[0].toUpperCase()}${row.if_none.slice(1)}.`))));
    const wasOpen = figures.querySelector("details")?.open;
    const figure = (value) => (value === null ? "–" : Math.round(value).toLocaleString("en"));
    figures.replaceChildren(tableFold("The figures as a table", ["wait, in ms", "measured", "median", "p95", "longest", "newest"],
      picture.rows.map((row) => [row.name, row.count, figure(row.median), figure(row.p95), figure(row.longest),
        row.dots.slice(-5).map(([turn, value]) => `turn ${turn}: ${figure(value)}`).join(", ") || "–"])));
    if (wasOpen) figures.querySelector("details").open = true;
  });
}
export default { render };
