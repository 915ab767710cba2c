// The workers page.
import { api, get, may } from "/assets/api.js";
import { Keyed, ask, badge, bytes, day, fill, h, plural, progressBar, span } from "/assets/ui.js";

const kFlag = { working: 0, idle: 1, draining: 2, sick: 3, lost: 4 };

export function workersPage(main, me) {
  let workers = new Map(), timer = 0;
  const isAdmin = may(me, "admin", "*");
  const line = h("p", { class: "meta" }), error = h("p", { class: "error", role: "alert" }), list = h("div", { class: "workers" });
  const empty = h("div", { class: "card empty" }, h("p", {}, "No worker has come yet."), h("code", {}, "dubfarm worker --scheduler tcp://HOST:7460 --key FILE"));
  document.title = "Workers \u00b7 dubfarm";
  fill(main, h("h1", {}, "Workers"), line, error, list, empty);

  async function command(worker, what) {
    error.textContent = "";
    try {
      const answer = await api("POST", `/workers/${encodeURIComponent(worker.id)}/${what}`);
      answer.gone ? workers.delete(worker.id) : workers.set(answer.id, answer);
      draw();
    } catch (e) { error.textContent = e.message; }
  }
  function card(w) {
    const term = (name, value) => value && [h("dt", {}, name), h("dd", {}, value)];
    return h("article", { class: `card worker ${w.state}` },
      h("header", {}, h("h3", {}, w.name || w.id, h("small", {}, [w.host, w.device].filter(Boolean).join(" \u00b7 "))), badge(w.state)),
      w.reason && h("p", { class: "reason" }, w.reason),
      h("dl", {}, term("Profile", w.profile), term("Tags", w.tags.join(", ")), term("Slots", String(w.slots)), term("Memory", w.memory_bytes ? bytes(w.memory_bytes) : ""),
        term("Done", plural(w.tasks_done, "task") + (w.tasks_failed ? `, ${w.tasks_failed} failed` : "")), term("Since", day(w.joined)), w.seen_seconds_ago > 3 && term("Last seen", `${span(w.seen_seconds_ago)} ago`)),
      h("ul", { class: "tasks", "aria-label": "What it runs" }, w.running.map((t) => h("li", {},
        h("div", {}, h("span", {}, t.job === null ? `${t.kind} of another project` : h("a", { href: `#/jobs/${t.job}` }, `job ${t.job}`), t.job === null ? "" : ` \u00b7 ${t.kind} ${t.task}`), h("span", { class: "soft num" }, span(t.seconds))), progressBar(t.progress)))),
      isAdmin && w.state !== "lost" && h("footer", { class: "row" },
        w.state === "draining" || w.state === "sick" ? h("button", { type: "button", "data-focus": "resume", onclick: () => command(w, "resume") }, "Let it work")
          : h("button", { type: "button", "data-focus": "drain", onclick: () => command(w, "drain") }, "Drain"),
        h("button", { type: "button", class: "quiet", "data-focus": "revoke", onclick: async () => { if (await ask(`Shut out the key of ${w.name || w.id}? Every worker with it is cut off at once.`, "Shut out")) command(w, "revoke"); } }, "Revoke its key")));
  }
  const cards = new Keyed(list, (w) => w.id, card);
  function draw() {
    clearTimeout(timer);
    timer = 0;
    const all = [...workers.values()].sort((a, b) => kFlag[a.state] - kFlag[b.state] || (a.name || a.id).localeCompare(b.name || b.id));
    const count = (state) => all.filter((w) => w.state === state).length;
    fill(line, ["working", "idle", "draining", "sick", "lost"].filter(count).map((state) => h("span", {}, badge(state, `${count(state)} ${state}`))));
    cards.show(all);
    empty.hidden = all.length > 0;
  }
  const load = async () => { workers = new Map((await get("/workers")).workers.map((w) => [w.id, w])); draw(); };
  return {
    load,
    on(event, data) {
      if (event !== "worker") return;
      data.gone ? workers.delete(data.id) : workers.set(data.id, data);
      timer ||= setTimeout(draw, 150);
    },
    close() { clearTimeout(timer); },
  };
}
