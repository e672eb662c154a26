// A range and a number field that say the same. What the kernel sends while somebody drags or types waits for the end.
export default {
  render({ model, el }) {
    const id = `realtime-dial-${crypto.randomUUID?.() ?? Math.random().toString(36).slice(2)}`;
    const range = element("input", { type: "range", id: `${id}-range`, "aria-describedby": `${id}-note` });
    const field = element("input", { type: "number", class: "realtime-entry", "aria-describedby": `${id}-note` });
    const name = element("label", { for: range.id });
    const unit = element("span", { class: "realtime-dial-unit" });
    const note = element("span", { class: "realtime-dial-note", id: `${id}-note` });
    let isBusy = false, isEdited = false;

    const words = (value) => `${Number(value).toLocaleString("en")} ${model.get("unit")}`.trim();
    const draw = () => {
      if (model.get("disabled")) isBusy = isEdited = false; // a grey dial hears no release
      name.textContent = model.get("description");
      field.setAttribute("aria-label", `${model.get("description")}, as a number`);
      unit.textContent = model.get("unit");
      note.textContent = model.get("note");
      for (const input of [range, field]) {
        for (const key of ["min", "max", "step"]) input[key] = model.get(key);
        input.disabled = model.get("disabled");
        if (!isBusy) input.value = model.get("value");
      }
      range.setAttribute("aria-valuetext", words(range.value));
    };
    const busy = () => { isBusy = true; };
    const follow = (from, to) => () => {
      isBusy = isEdited = true;
      to.value = from.value;
      range.setAttribute("aria-valuetext", words(range.value));
    };
    const settle = (input) => () => {
      const wanted = isEdited && input.value !== "" ? Number(input.value) : NaN;
      isBusy = isEdited = false;
      if (Number.isFinite(wanted)) {
        const kept = Math.min(model.get("max"), Math.max(model.get("min"), wanted));
        if (kept !== model.get("value")) {
          model.set("value", kept);
          model.save_changes();
        }
      }
      draw();
    };
    range.addEventListener("pointerdown", busy);
    range.addEventListener("input", follow(range, field));
    field.addEventListener("input", follow(field, range));
    for (const input of [range, field]) {
      input.addEventListener("change", settle(input));
      input.addEventListener("blur", settle(input));
    }
    for (const end of ["pointerup", "pointercancel"]) range.addEventListener(end, settle(range));

    panelAt(el, "realtime-dial");
    el.append(
      element("div", { class: "realtime-dial-name" }, name),
      element("div", { class: "realtime-dial-row" }, range, field, unit),
      note,
    );
    model.on("change", draw);
    draw();
    return () => model.off("change", draw);
  },
};
