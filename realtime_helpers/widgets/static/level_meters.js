const WAVE = { width: 480, height: 56 };

// The last seconds as one outline, newest at the right. Pure.
const outline = (peaks, most) => {
  const { width, height } = WAVE;
  const step = width / most, middle = height / 2;
  const start = most - peaks.length;
  const up = peaks.map((peak, place) => `${((start + place + 0.5) * step).toFixed(1)} ${(middle - (peak / 100) * (middle - 2)).toFixed(1)}`);
  const down = peaks.map((peak, place) => `${((start + place + 0.5) * step).toFixed(1)} ${(middle + (peak / 100) * (middle - 2)).toFixed(1)}`);
  return peaks.length ? `M${up.join("L")}L${down.reverse().join("L")}Z` : "";
};

function render({ model, el }) {
  const sentence = element("p", { class: "realtime-sentence" });
  const rows = element("div");
  panelAt(el, "realtime-view");
  el.append(element("section", { "aria-label": "levels" }, element("h3", {}, "Levels"), rows, sentence));
  const make = (side) => {
    const fill = element("div", { class: "realtime-meter-fill" });
    const held = element("div", { class: "realtime-meter-held" });
    const bar = element("div", { class: "realtime-meter-bar", role: "meter", "aria-label": `level of ${side.who}`, "aria-valuemin": -60, "aria-valuemax": 0 }, fill, held);
    const clip = element("strong", { class: "realtime-clip" }, "CLIPPED");
    const path = svg("path", { class: "realtime-wave" });
    const row = element("div", { class: "realtime-level" },
      element("div", {}, element("strong", {}, side.who), element("br"), element("small", {}, side.note)),
      element("div", {}, bar, svg("svg", { viewBox: `0 0 ${WAVE.width} ${WAVE.height}`, preserveAspectRatio: "none", class: "realtime-wave-box", "aria-hidden": "true" },
        svg("line", { x1: 0, x2: WAVE.width, y1: WAVE.height / 2, y2: WAVE.height / 2, class: "realtime-grid" }), path)),
      clip);
    row.parts = { fill, held, bar, clip, path };
    return row;
  };
  return drawn(model, el, (picture) => {
    sentence.textContent = picture.sentence;
    keyed(rows, picture.sides, (side) => side.who, make, ({ parts }, side) => {
      parts.fill.style.width = `${side.height}%`;
      parts.held.style.left = `${side.held}%`;
      parts.bar.setAttribute("aria-valuenow", Math.max(-60, side.dbfs));
      parts.bar.setAttribute("aria-valuetext", side.words);
      parts.clip.hidden = !side.is_clipped;
      parts.path.setAttribute("d", outline(side.peaks, picture.seconds * 20));
    });
  });
}
export default { render };
