// What the panels that only show have in common.
const svg = (tag, attributes = {}, ...children) => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
};

// Puts one element a row into `parent`, in order. An element stays while its row's key does: scrolling, focus and
// what a reader has opened stay with it.
const keyed = (parent, rows, key, make, change) => {
  const kept = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let place = parent.firstElementChild;
  for (const row of rows) {
    const name = String(key(row));
    let child = kept.get(name);
    kept.delete(name);
    if (!child) {
      child = make(row);
      child.dataset.key = name;
    }
    const text = JSON.stringify(row);
    if (child.drawnFrom !== text) {
      change(child, row);
      child.drawnFrom = text;
    }
    if (child === place) place = place.nextElementSibling;
    else parent.insertBefore(child, place);
  }
  for (const child of kept.values()) child.remove();
};

const isAtEnd = (box) => box.scrollHeight - box.scrollTop - box.clientHeight < 24;

// Redraws, and stays at the end of the box if its reader is there; otherwise nothing moves.
const following = (box, redraw) => {
  const follows = isAtEnd(box);
  redraw();
  if (follows) box.scrollTop = box.scrollHeight;
};

// A table in a fold: the figures of a picture, for those who do not look at it.
const tableFold = (title, head, rows) =>
  element("details", { class: "realtime-figures" },
    element("summary", {}, title),
    element("div", { class: "realtime-scroll", tabindex: 0, role: "region", "aria-label": title },
      element("table", {},
        element("thead", {}, element("tr", {}, ...head.map((name) => element("th", { scope: "col" }, name)))),
        element("tbody", {}, ...rows.map((cells) => element("tr", {}, ...cells.map((cell) => element("td", {}, String(cell)))))))));
