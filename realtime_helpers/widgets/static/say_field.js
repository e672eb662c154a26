// A form: Enter sends, and the field is empty again for the next sentence.
export default {
  render({ model, el }) {
    const id = `realtime-say-${crypto.randomUUID?.() ?? Math.random().toString(36).slice(2)}`;
    const name = element("label", { for: id });
    const field = element("input", { type: "text", class: "realtime-entry", id, dir: "auto", autocomplete: "off" });
    const button = element("button", { type: "submit", class: "realtime-press" }, "Say");
    const form = element("form", {}, name, element("div", { class: "realtime-say-row" }, field, button));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (!field.value.trim()) return;
      model.send({ submit: field.value });
      field.value = "";
    });
    const draw = () => {
      name.textContent = model.get("description");
      field.disabled = button.disabled = model.get("disabled");
    };
    panelAt(el, "realtime-say");
    el.append(form);
    model.on("change", draw);
    draw();
    return () => model.off("change", draw);
  },
};
