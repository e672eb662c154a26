// Held by a pointer or by Space or Enter: every way to lose it is a release.
export default {
  render({ model, el }) {
    const button = element("button", { type: "button", class: "realtime-press realtime-talk-button" });
    const note = element("span", { class: "realtime-talk-note" });
    const hold = (isHeld) => {
      if ((isHeld && button.disabled) || model.get("is_held") === isHeld) return;
      model.set("is_held", isHeld);
      model.save_changes();
    };
    const isKey = (event) => event.key === " " || event.key === "Enter";
    const draw = () => {
      if (model.get("disabled")) hold(false); // a grey button hears no release
      const isHeld = model.get("is_held");
      button.disabled = model.get("disabled");
      if (note.textContent !== model.get("note")) note.textContent = model.get("note");
      button.dataset.held = isHeld;
      button.textContent = isHeld ? "Talking: let go to send" : model.get("description");
    };
    button.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      button.setPointerCapture?.(event.pointerId);
      hold(true);
    });
    for (const end of ["pointerup", "pointercancel", "lostpointercapture", "blur"])
      button.addEventListener(end, () => hold(false));
    button.addEventListener("keydown", (event) => {
      if (!isKey(event)) return;
      event.preventDefault(); // no click, and no scrolling
      if (!event.repeat) hold(true);
    });
    button.addEventListener("keyup", (event) => {
      if (!isKey(event)) return;
      event.preventDefault();
      hold(false);
    });
    button.addEventListener("contextmenu", (event) => event.preventDefault()); // a long touch asks for one
    const leave = () => { if (document.hidden) hold(false); };
    document.addEventListener("visibilitychange", leave);
    panelAt(el, "realtime-talk");
    el.append(button, note);
    model.on("change", draw);
    draw();
    return () => {
      document.removeEventListener("visibilitychange", leave);
      model.off("change", draw);
      hold(false);
    };
  },
};
