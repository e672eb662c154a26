// Run by test_views_js.py with Node's own test runner.
import assert from "node:assert/strict";
import { test } from "node:test";
import { readFileSync } from "node:fs";

// each panel's script as the page gets it, with what it keeps to itself let out
const load = async (name, ...inner) => {
  const files = ["panel.js", "views.js", `${name}.js`].map((file) => readFileSync(`${process.env.STATIC}/${file}`, "utf8"));
  const source = `${files.join("\n")}\nexport { ${inner.join(", ")} };`;
  return import(`data:text/javascript,${encodeURIComponent(source)}`);
};
const { newlyFinal } = await load("transcript", "newlyFinal");
const { layout, ticks, share } = await load("gauge", "layout", "ticks", "share");
const { stripLayout, ms } = await load("latency_strip", "stripLayout", "ms");
const { shows, merged } = await load("inspector", "shows", "merged");
const { outline } = await load("level_meters", "outline");

const line = (id, state, text, more = {}) => ({ id, who: "Bot", state, text, ...more });

test("a screen reader hears each line once, when it is final", () => {
  const said = new Set();
  const hear = (...lines) => newlyFinal(said, { lines });
  assert.deepEqual(hear(line("a", "partial", "Once")), []);
  assert.deepEqual(hear(line("a", "partial", "Once upon")), []);
  assert.deepEqual(hear(line("a", "final", "Once upon a time."), line("b", "partial", "")), ["Bot Once upon a time."]);
  assert.deepEqual(hear(line("a", "final", "Once upon a time."), line("b", "partial", "")), []);
});

test("a screen reader hears what was not heard of a reply, and what was not understood", () => {
  const cut = line("a", "interrupted", "Once", { note: "interrupted; you did not hear", rest: "upon a time" });
  const lost = { ...line("b", "failed", "", { note: "could not be understood" }), who: "You" };
  assert.deepEqual(newlyFinal(new Set(), { lines: [cut, lost] }),
    ["Bot Once (interrupted; you did not hear) upon a time", "You (could not be understood)"]);
});

const picture = (bars, more = {}) => ({ bars, prefix: 100, trigger: 400, boundaries: [], ...more });

test("bars are as high as their tokens, and their parts stand on each other", () => {
  const { boxes, ground } = layout(picture([[1, 100, 50, 0, 0, 150], [2, 100, 50, 0, 150, 300]]));
  const height = (box) => box.parts.reduce((sum, part) => sum + part.height, 0);
  assert.ok(Math.abs(height(boxes[1]) / height(boxes[0]) - 2) < 1e-9);
  assert.deepEqual(boxes[1].parts.map(({ part }) => part), ["cached", "text", "audio"]);
  const [low, middle, high] = boxes[1].parts;
  assert.ok(Math.abs(low.y + low.height - ground) < 1e-9);
  assert.ok(Math.abs(middle.y + middle.height - low.y) < 1e-9);
  assert.ok(Math.abs(high.y + high.height - middle.y) < 1e-9);
  assert.ok(boxes[0].x + boxes[0].width < boxes[1].x);
});

test("the line of the trigger includes what every response reads before the conversation", () => {
  const { boxes, line } = layout(picture([[1, 500, 0, 0, 0, 500]]));
  assert.ok(Math.abs(line - boxes[0].parts[0].y) < 1e-9);
  assert.equal(layout(picture([], { trigger: null })).line, null);
});

test("a boundary stands between the bars before and after it, also in a window of the newest", () => {
  const bars = Array.from({ length: 20 }, (_, place) => [41 + place, 10, 0, 0, 0, 10]);
  const { boxes, boundaries } = layout(picture(bars, { boundaries: [{ before: 45, label: "S1" }, { before: 61, label: "S2" }] }));
  assert.ok(boxes[3].x + boxes[3].width < boundaries[0].x && boundaries[0].x < boxes[4].x);
  assert.ok(boundaries[1].x > boxes[19].x + boxes[19].width, "no response has read the newest summary");
});

test("ticks are few and round, and a share is never more than all", () => {
  for (const top of [7, 55, 990, 1234, 30000]) {
    const marks = ticks(top);
    assert.ok(marks.length >= 3 && marks.length <= 6, `${top}: ${marks}`);
    assert.ok(marks.every((mark) => mark <= top));
  }
  assert.deepEqual([share(1, 2), share(9, 2), share(1, 0)], [0.5, 1, 0]);
});

test("dots stand in their turns, and two labels never cover each other", () => {
  const row = { dots: [[1, 100], [2, 300], [3, 200]], median: 200, p95: 201 };
  const { dots, medianLabel, p95Label, ground } = stripLayout(row, [1, 3]);
  assert.ok(dots[0].x < dots[1].x && dots[1].x < dots[2].x);
  assert.ok(dots[1].y < dots[2].y && dots[2].y < dots[0].y && dots[0].y < ground);
  assert.ok(medianLabel - p95Label >= 14);
  assert.deepEqual([ms(0.4), ms(999), ms(1500)], ["0 ms", "999 ms", "1.5 s"]);
});

const { rows, cases } = JSON.parse(process.env.CASES);
for (const [name, filters, numbers] of cases)
  test(`the filter shows ${name}`, () => assert.deepEqual(rows.filter((row) => shows(filters, row)).map(([number]) => number), numbers));

test("events that come twice, late or too many are kept once, in order, the newest", () => {
  const numbered = (...numbers) => numbers.map((number) => [number]);
  assert.deepEqual(merged(numbered(1, 2), numbered(3, 4)), numbered(1, 2, 3, 4));
  assert.deepEqual(merged(numbered(3, 4), numbered(1, 2, 3)), numbered(1, 2, 3, 4));
  assert.deepEqual(merged(numbered(1, 2, 3), numbered(4, 5), 3), numbered(3, 4, 5));
  assert.deepEqual(merged([], []), []);
});

test("the newest sound is at the right, and silence is a line", () => {
  const numbers = (path) => path.slice(1, -1).split("L").map((point) => point.split(" ").map(Number));
  assert.equal(outline([], 120), "");
  const points = numbers(outline([0, 100], 120));
  assert.ok(points[1][0] > 470);
  assert.equal(points[0][1], 28);
  assert.ok(points[1][1] < 4 && points[2][1] > 52);
});
