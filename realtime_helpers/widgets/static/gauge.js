const PARTS = [["cached", "from the cache"], ["text", "new text"], ["audio", "new audio"], ["image", "new images"]];
const WIDTH = 500, HEIGHT = 180, LEFT = 52, RIGHT = 92, TOP = 18, BOTTOM = 26;

// Where everything stands: bars from the ground up, boundaries between bars, lines of the trigger. Pure.
const layout = (picture) => {
  const { bars, prefix, trigger, boundaries } = picture;
  const line = trigger ? trigger + prefix : 0;
  const top = Math.max(1, line, ...bars.map((bar) => bar[5])) * 1.1;
  const y = (tokens) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - tokens / top);
  const step = (WIDTH - LEFT - RIGHT) / Math.max(12, bars.length);
  const first = bars.length ? bars[0][0] : 1;
  const boxes = bars.map(([number, text, audio, image, cached, whole], place) => {
    let from = 0;
    const parts = PARTS.map(([part]) => ({ part, tokens: { cached, text, audio, image }[part] })).filter(({ tokens }) => tokens > 0)
      .map(({ part, tokens }) => {
        const box = { part, y: y(from + tokens), height: y(from) - y(from + tokens) };
        from += tokens;
        return box;
      });
    return { number, x: LEFT + place * step + step * 0.12, width: step * 0.76, whole, parts };
  });
  return {
    boxes, line: line ? y(line) : null, ground: y(0), every: Math.max(1, Math.ceil(bars.length / 12)),
    boundaries: boundaries.map(({ before, label, title }) => ({ x: LEFT + (before - first) * step, label, title })),
    ticks: ticks(top).map((tokens) => ({ tokens, y: y(tokens) })),
  };
};

// Round numbers up to `top`, three to six of them.
const ticks = (top) => {
  const rough = top / 5, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((times) => times * power).find((size) => size >= rough);
  return Array.from({ length: Math.floor(top / step) + 1 }, (_, place) => place * step);
};

const share = (part, whole) => Math.min(1, whole ? part / whole : 0);

// Stripes and dots beside colour, so that nothing is told by colour alone.
const patterns = (name) =>
  svg("defs", {},
    svg("pattern", { id: `${name}-audio`, width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
      svg("rect", { width: 6, height: 6, class: "realtime-fill-audio" }), svg("rect", { width: 2, height: 6, class: "realtime-mark" })),
    svg("pattern", { id: `${name}-cached`, width: 6, height: 6, patternUnits: "userSpaceOnUse" },
      svg("rect", { width: 6, height: 6, class: "realtime-fill-cached" }), svg("circle", { cx: 3, cy: 3, r: 1.2, class: "realtime-mark" })),
    svg("pattern", { id: `${name}-image`, width: 6, height: 6, patternUnits: "userSpaceOnUse" },
      svg("rect", { width: 6, height: 6, class: "realtime-fill-image" }), svg("path", { d: "M0 3H6M3 0V6", class: "realtime-mark-line" })));
const fill = (name, part) => (part === "text" ? { class: "realtime-fill-text" } : { fill: `url(#${name}-${part})` });

const chart = (name, picture) => {
  const { boxes, line, ground, every, boundaries, ticks: marks } = layout(picture);
  const drawing = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": picture.sentence, class: "realtime-chart" }, patterns(name));
  for (const { tokens, y } of marks)
    drawing.append(svg("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: y, y2: y, class: "realtime-grid" }),
      svg("text", { x: LEFT - 6, y: y + 5, "text-anchor": "end" }, tokens.toLocaleString("en")));
  boxes.forEach(({ number, x, width, whole, parts }, place) => {
    const bar = svg("g", {}, svg("title", {}, `response ${number}: ${whole.toLocaleString("en")} tokens`));
    for (const { part, y, height } of parts) bar.append(svg("rect", { x, y, width, height, ...fill(name, part) }));
    drawing.append(bar);
    if (place % every === 0) drawing.append(svg("text", { x: x + width / 2, y: ground + 18, "text-anchor": "middle" }, number));
  });
  if (line !== null)
    drawing.append(svg("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: line, y2: line, class: "realtime-trigger" }),
      svg("text", { x: WIDTH - RIGHT + 5, y: line - 2 }, "trigger,"), svg("text", { x: WIDTH - RIGHT + 5, y: line + 13 }, "instructions"),
      svg("text", { x: WIDTH - RIGHT + 5, y: line + 28 }, "included"));
  for (const { x, label, title } of boundaries)
    drawing.append(svg("g", {}, svg("title", {}, title), svg("line", { x1: x, x2: x, y1: TOP, y2: ground, class: "realtime-cut" }),
      svg("text", { x, y: TOP - 4, "text-anchor": "middle" }, label)));
  return drawing;
};

const meter = (label, value, whole, words) =>
  element("div", { class: "realtime-meter" }, element("span", {}, label),
    element("div", { class: "realtime-meter-bar", role: "meter", "aria-label": label, "aria-valuemin": 0, "aria-valuemax": whole,
      "aria-valuenow": Math.min(value, whole), "aria-valuetext": words },
      element("div", { class: "realtime-meter-fill", style: `width:${100 * share(value, whole)}%` })),
    element("strong", {}, words));

const percent = (part, whole) => `${Math.round((100 * part) / whole)}\u00a0%`;
const number = (value) => value.toLocaleString("en");

const legend = (name, picture) =>
  element("p", { class: "realtime-legend" }, "One bar per response, tokens it read: ",
    ...PARTS.filter(([part]) => part !== "image" || picture.bars.some((bar) => bar[3])).map(([part, title]) =>
      element("span", { class: "realtime-key" },
        svg("svg", { width: 18, height: 14, "aria-hidden": "true" }, svg("rect", { width: 18, height: 14, ...fill(name, part) })), ` ${title}`)),
    ...[["S", "a summary"], ["U", "a summary undone"], ["R", "a new connection"]]
      .filter(([letter]) => picture.boundaries.some(({ label }) => label[0] === letter))
      .map(([letter, what]) => element("span", { class: "realtime-key" }, `┆ ${letter}: ${what} `)));

let gauges = 0;

function render({ model, el }) {
  const name = `realtime-gauge-${Date.now().toString(36)}-${++gauges}`;  // ids are the document's
  const sentence = element("p", { class: "realtime-sentence" });
  const body = element("div");
  const figures = element("div");
  panelAt(el, "realtime-view");
  el.append(element("section", { "aria-label": "window gauge" }, element("h3", {}, "Window"), body, sentence, figures));
  return drawn(model, el, (picture) => {
    const { tokens, prefix, trigger, limit, cost, per_hour, cost_note, earlier } = picture;
    sentence.textContent = picture.sentence;
    body.replaceChildren(
      trigger ? meter("against the trigger", tokens, trigger, `${number(tokens)} of ${number(trigger)} tokens, ${percent(tokens, trigger)}${tokens < trigger ? "" : picture.is_summarised_since ? ": summarised since" : ": due"}`)
        : element("p", {}, `${number(tokens)} conversation tokens. ${picture.rule}.`),
      limit ? meter("against the limit", tokens + prefix, limit, `${number(tokens + prefix)} of ${number(limit)}, ${percent(tokens + prefix, limit)}`)
        : element("p", {}, `The limit of ${picture.model} is not known.`),
      chart(name, picture), legend(name, picture),
      ...(earlier ? [element("p", { class: "realtime-note" }, `The newest ${picture.bars.length} responses; ${number(earlier)} before them are not drawn.`)] : []),
      element("p", {}, ...(cost ? [element("strong", {}, cost), " so far", ...(per_hour ? [", ", element("strong", {}, per_hour), " per hour of talk"] : []), ". "] : []),
        element("span", { class: "realtime-note" }, cost_note)));
    const wasOpen = figures.querySelector("details")?.open;
    figures.replaceChildren(tableFold("The figures as a table", ["response", "new text", "new audio", "cached", "all tokens read", "before it"],
      picture.bars.map(([n, text, audio, image, cached, whole]) => [n, number(text + image), number(audio), number(cached), number(whole),
        picture.boundaries.find(({ before }) => before === n)?.title ?? ""])));
    if (wasOpen) figures.querySelector("details").open = true;
  });
}
export default { render };
