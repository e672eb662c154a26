const KEPT_ROWS = 2000, SHOWN_ROWS = 200;

// The same as Filter.shows in event_record.py. A row: number, ms, direction, type, gist, is it an error.
const shows = (filters, [, , direction, type, , isError]) =>
  (filters.direction === "both" || filters.direction === direction) &&
  type.includes(filters.text.trim().toLowerCase()) &&
  (!filters.errors_only || Boolean(isError)) && (filters.pieces || !/\.(append|delta)$/.test(type));

// Takes in rows that may come twice, or late; keeps the newest, in order of their numbers. Pure.
const merged = (rows, more, kept = KEPT_ROWS) => {
  const last = rows.length ? rows[rows.length - 1][0] : 0;
  if (more.length && more[0][0] > last) return [...rows, ...more].slice(-kept);
  const known = new Map([...rows, ...more].map((row) => [row[0], row]));
  return [...known.values()].sort((a, b) => a[0] - b[0]).slice(-kept);
};

const since = (ms) => `${(ms / 1000).toFixed(2)} s`;

function render({ model, el }) {
  const events = { rows: [], json: new Map() };  // of this view; what it missed it asks for
  const sentence = element("p", { class: "realtime-sentence" });
  const logSentence = element("p", { class: "realtime-sentence" });
  const earlier = element("p", { class: "realtime-note" });
  const body = element("tbody");
  const items = element("div", { class: "realtime-scroll", tabindex: 0, role: "region", "aria-label": "items of the conversation" },
    element("table", { class: "realtime-items" }, element("thead", {}, element("tr", {},
      ...["no.", "role", "type", "tokens", "audio", "state", "words"].map((name) => element("th", { scope: "col" }, name)))), body));
  const set = (change) => {
    model.set("filters", { ...model.get("filters"), ...change });
    model.save_changes();
  };
  const direction = element("select", { onchange: () => set({ direction: direction.value }) },
    ...["both", "sent", "received"].map((name) => element("option", { value: name }, name)));
  const text = element("input", { type: "search", placeholder: "such as item, or done", oninput: () => set({ text: text.value }) });
  const errors = element("input", { type: "checkbox", onchange: () => set({ errors_only: errors.checked }) });
  const pieces = element("input", { type: "checkbox", onchange: () => set({ pieces: pieces.checked }) });
  const shown = element("p", { class: "realtime-note", "aria-live": "polite" });
  const list = element("div", { class: "realtime-events" });
  const log = element("div", { class: "realtime-scroll realtime-log", tabindex: 0, role: "region", "aria-label": "events" }, list);
  panelAt(el, "realtime-view");
  el.append(element("section", { "aria-label": "inspector" }, element("h3", {}, "Conversation on the server"), earlier, items, sentence,
    element("p", { class: "realtime-note" }, "Tokens: ≈ is an estimate; counted is what the server billed when the reply was made."),
    element("h3", {}, "Events both ways"),
    element("div", { class: "realtime-filters" }, element("label", {}, "direction ", direction), element("label", {}, "type contains ", text),
      element("label", {}, errors, " errors only"), element("label", {}, pieces, " pieces of audio and words, too")),
    shown, log, logSentence));

  const makeEvent = ([number]) => {
    const json = element("pre", { tabindex: 0, "aria-label": `JSON of event ${number}` });
    const line = element("summary");
    const fold = element("details", { class: "realtime-event", ontoggle: () => {
      if (!fold.open) return;
      if (!events.json.has(number)) model.send({ kind: "open", number });
      json.textContent = events.json.get(number) ?? "Asking the kernel: it answers when no cell runs.";
    } }, line, json);
    fold.parts = { line, json };
    return fold;
  };
  const fillEvent = ({ parts }, [number, at, way, type, gist, isError]) => {
    parts.line.replaceChildren(element("span", { class: "realtime-number" }, `${number}`), element("span", { class: "realtime-number" }, since(at)),
      element("span", {}, way === "sent" ? "↑ sent" : "↓ received"), element("code", { title: type }, type), element("span", { class: "realtime-note" }, `${isError ? "ERROR " : ""}${gist}`));
    if (isError) parts.line.classList.add("realtime-error");
  };
  const drawEvents = (content) => {
    if (content?.kind === "json") {
      const fold = [...list.children].find((child) => child.dataset.key === String(content.number));
      if (fold) fold.parts.json.textContent = content.text;
      return;
    }
    following(log, () => {
      const passing = events.rows.filter((row) => shows(model.get("filters"), row));
      const newest = passing.slice(-SHOWN_ROWS);
      keyed(list, newest, (row) => row[0], makeEvent, fillEvent);
      const words = passing.length > newest.length ? `The newest ${newest.length} of ${passing.length} events that pass the filters.` : "";
      if (shown.textContent !== words) shown.textContent = words;
      shown.hidden = !words;
    });
  };
  const filtered = () => {
    const filters = model.get("filters");
    direction.value = filters.direction;
    if (text.value !== filters.text) text.value = filters.text;
    errors.checked = filters.errors_only;
    pieces.checked = filters.pieces;
    drawEvents();
  };
  const told = () => { logSentence.textContent = model.get("log_sentence"); };
  model.on("change:filters", filtered);
  model.on("change:log_sentence", told);
  const onMessage = (content) => {
    if (content.kind === "events") events.rows = merged(events.rows, content.rows);
    else if (content.kind === "json") events.json.set(content.number, content.text);
    else return;
    drawEvents(content);
  };
  model.on("msg:custom", onMessage);
  model.send({ kind: "hello", after: 0 });
  filtered();
  told();
  const stop = drawn(model, el, (picture) => following(items, () => {
    sentence.textContent = picture.sentence;
    earlier.textContent = picture.earlier;
    keyed(body, picture.items, (item) => item.id, () => element("tr"), (row, item) =>
      row.replaceChildren(...[item.number, item.role, item.type, item.tokens, item.audio, item.state, item.words].map((cell) => element("td", {}, String(cell)))));
  }));
  return () => {
    stop();
    model.off("msg:custom", onMessage);
    model.off("change:filters", filtered);
    model.off("change:log_sentence", told);
  };
}
export default { render };
