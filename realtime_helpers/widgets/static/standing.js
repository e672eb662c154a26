// JupyterLab keeps the arrow keys for its cells; the lists of ipywidgets in the panel around need them as well.
const ownKeys = ({ target }) => {
  if (target.matches?.(".realtime-panel select")) target.dataset.lmSuppressShortcuts = "true";
};

// The state is announced when it changes; problems too, and they stay.
export default {
  render({ model, el }) {
    const state = element("div", { class: "realtime-standing-state", role: "status", "aria-live": "polite" });
    const problems = element("ul", { class: "realtime-standing-problems", "aria-label": "Problems" });
    const news = element("div", { "aria-live": "polite" }, problems);
    panelAt(el, "realtime-standing");
    el.append(state, news);
    let shown = "";
    document.addEventListener("focusin", ownKeys);
    const stop = drawn(model, el, (picture) => {
      const words = `The session is: ${picture.state}`;
      if (state.textContent !== words) state.textContent = words;
      const now = JSON.stringify(picture.problems);
      if (now === shown) return;
      shown = now;
      problems.hidden = picture.problems.length === 0;
      problems.replaceChildren(...picture.problems.map((problem) => element("li", {}, element("strong", {}, "Problem: "), problem)));
    });
    return () => {
      stop();
      document.removeEventListener("focusin", ownKeys);
    };
  },
};
