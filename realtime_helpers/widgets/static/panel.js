// What every panel's script begins with: elements out of plain data, and one place that redraws.
const element = (tag, attributes = {}, ...children) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children);
  return made;
};

const drawn = (model, el, draw) => {
  const update = () => draw(model.get("picture"));
  model.on("change:picture", update);
  update();
  return () => model.off("change:picture", update);
};

// Marks what a widget draws into; what is typed there is no shortcut of the notebook.
const panelAt = (el, name) => {
  el.classList.add("realtime-panel", name);
  el.dataset.lmSuppressShortcuts = "true";
  el.addEventListener("keydown", (event) => event.stopPropagation());
};
