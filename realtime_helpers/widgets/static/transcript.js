// What a screen reader is told: lines that have become final since the last picture, each once.
const newlyFinal = (said, picture) => {
  const told = [];
  for (const line of picture.lines) {
    if (line.state === "partial" || said.has(line.id)) continue;
    said.add(line.id);
    told.push([line.who, line.text, line.note && `(${line.note})`, line.state === "interrupted" ? line.rest : ""]
      .filter(Boolean).join(" "));
  }
  return told;
};

const fillLine = (row, line) => {
  row.className = `realtime-line realtime-${line.who.toLowerCase()} realtime-is-${line.state}`;
  const more = [line.turn && `turn ${line.turn}`, line.how].filter(Boolean).join(", ");
  const who = element("span", { class: "realtime-who" }, line.who, element("small", {}, ` ${more}`));
  const words = element("span", { class: "realtime-words", dir: "auto" }, line.text);
  if (line.state === "interrupted") {
    words.append(element("span", { class: "realtime-note" }, `${line.text ? " " : ""}[${line.note}${line.rest ? ":" : "]"}`));
    if (line.rest) words.append(" ", element("del", {}, line.rest), element("span", { class: "realtime-note" }, "]"));
  } else {
    if (line.rest) words.append(" ", element("span", { class: "realtime-coming" }, line.rest));
    if (line.note) words.append(element("span", { class: "realtime-note" }, `${line.text || line.rest ? " " : ""}[${line.note}]`));
  }
  row.replaceChildren(who, words);
};

const putLines = (list, lines) =>
  keyed(list, lines, (line) => line.id, () => element("li"), fillLine);

function render({ model, el }) {
  const sentence = element("p", { class: "realtime-sentence" });
  const earlier = element("p", { class: "realtime-note" });
  const foldTitle = element("summary");
  const foldText = element("blockquote", { dir: "auto", "aria-label": "text of the summary" });
  const foldCovers = element("p");
  const foldEarlier = element("p", { class: "realtime-note" });
  const foldLines = element("ul", { class: "realtime-lines" });
  const fold = element("details", { class: "realtime-fold" }, foldTitle, foldText, foldCovers, foldEarlier, foldLines);
  const boundary = element("p", { class: "realtime-boundary" });
  const lines = element("ul", { class: "realtime-lines" });
  const box = element("div", { class: "realtime-scroll realtime-log", role: "log", "aria-live": "off", "aria-label": "transcript", tabindex: 0 },
    fold, boundary, earlier, lines);
  const announcer = element("div", { class: "realtime-unseen", "aria-live": "polite" });
  panelAt(el, "realtime-view");
  el.append(element("section", { "aria-label": "transcript" }, element("h3", {}, "Transcript"), box, sentence, announcer));

  // the page opened or closed it: the kernel knows what is in it
  fold.addEventListener("toggle", () => {
    if (fold.open) box.scrollTop = 0;  // who opens it wants to read it, not the newest line
    if (fold.open === model.get("is_unfolded")) return;
    model.set("is_unfolded", fold.open);
    model.save_changes();
  });
  const said = new Set();
  let isFirst = true;
  const stop = drawn(model, el, (picture) => following(box, () => {
    sentence.textContent = picture.sentence;
    earlier.textContent = picture.earlier;
    fold.hidden = boundary.hidden = !picture.fold;
    if (picture.fold) {
      fold.open = model.get("is_unfolded");
      foldTitle.textContent = picture.fold.title;
      foldText.textContent = picture.fold.text;
      foldCovers.textContent = picture.fold.is_unfolded ? picture.fold.covers : "Asking the kernel for the turns: it answers when no cell runs.";
      foldEarlier.textContent = picture.fold.earlier;
      putLines(foldLines, picture.fold.lines);
      boundary.textContent = picture.fold.boundary;
    }
    putLines(lines, picture.lines);
    const told = newlyFinal(said, picture);
    if (isFirst || !told.length) return;  // a reader who just came need not hear it all
    announcer.replaceChildren(...told.map((text) => element("p", {}, text)));
  }));
  isFirst = false;
  const follow = () => { if (!model.get("picture").fold) return; fold.open = model.get("is_unfolded"); };
  model.on("change:is_unfolded", follow);
  box.scrollTop = box.scrollHeight;
  return () => { stop(); model.off("change:is_unfolded", follow); };
}
export default { render };
