// Small things that every page uses. Text is always set as text, never as HTML.
export function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((c) => c !== null && c !== undefined && c !== false));
  return element;
}
export const fill = (element, ...children) => element.replaceChildren(...children.flat().filter((c) => c !== null && c !== undefined && c !== false));

export const minus = (text) => text.replace("-", "\u2212");
export const decimals = (value, digits = 1) => (value === null || value === undefined ? "\u2013" : minus(value.toFixed(digits)));
export const plural = (count, word) => `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;
export const percent = (fraction) => `${Math.floor(fraction * 1000) / 10} %`;
export function span(seconds) {
  if (seconds === null || seconds === undefined) return "\u2013";
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${String(s % 60).padStart(2, "0")} s`;
  return `${Math.floor(s / 3600)} h ${String(Math.floor(s / 60) % 60).padStart(2, "0")} min`;
}
export function bytes(count) {
  if (count === null || count === undefined) return "";
  for (const unit of ["B", "kB", "MB", "GB", "TB"]) {
    if (count < 1000) return `${count < 10 && unit !== "B" ? count.toFixed(1) : Math.round(count)} ${unit}`;
    count /= 1000;
  }
  return `${Math.round(count)} PB`;
}
export const clock = (iso) => new Date(iso).toLocaleTimeString("en-GB");
export const day = (iso) => new Date(iso).toLocaleString("en-GB", { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
export const badge = (state, word = state) => h("span", { class: "badge " + state }, word);

/** A bar of a job's tasks by what became of them. Running ones count as begun, not as done. */
export function taskBar(job, thick = false) {
  const bar = h("div", { class: thick ? "bar thick" : "bar", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": Math.floor(job.progress * 100), "aria-label": "progress" });
  for (const state of ["reused", "done", "running", "failed", "cancelled"]) {
    const count = job.tasks[state];
    if (!count) continue;
    const part = h("i", { class: state, title: `${count} ${state}` });
    part.style.width = `${(100 * count) / Math.max(1, job.tasks.total)}%`;
    bar.append(part);
  }
  return bar;
}
export function progressBar(fraction) {
  const part = h("i", { class: "running" });
  part.style.width = `${100 * fraction}%`;
  return h("div", { class: "bar", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": Math.floor(fraction * 100), "aria-label": "progress" }, part);
}

/** Keeps one element for each item of a list, in the list's order, made anew only where the item changed, so that focus stays. */
export class Keyed {
  constructor(parent, key, render) { Object.assign(this, { parent, key, render, kept: new Map() }); }
  show(items) {
    const before = this.kept;
    this.kept = new Map();
    let at = this.parent.firstElementChild;
    for (const item of items) {
      const key = this.key(item), text = JSON.stringify(item);
      let entry = before.get(key);
      if (!entry || entry.text !== text) {
        const element = this.render(item);
        if (entry) {
          if (at === entry.element) at = element;
          const focused = entry.element.contains(document.activeElement) && document.activeElement.dataset.focus;
          entry.element.replaceWith(element);
          if (focused) element.querySelector(`[data-focus="${focused}"]`)?.focus();
        }
        entry = { element, text };
      }
      if (entry.element !== at) this.parent.insertBefore(entry.element, at);
      else at = at.nextElementSibling;
      this.kept.set(key, entry);
      before.delete(key);
    }
    for (const { element } of before.values()) element.remove();
  }
}

export function ask(question, yes) {
  const dialog = document.getElementById("ask");
  dialog.querySelector("p").textContent = question;
  dialog.querySelector("[value=yes]").textContent = yes;
  dialog.showModal();
  return new Promise((done) => dialog.addEventListener("close", () => done(dialog.returnValue === "yes"), { once: true }));
}
