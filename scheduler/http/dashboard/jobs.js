// The jobs page.
import { get } from "/assets/api.js";
import { Keyed, badge, day, decimals, fill, h, percent, plural, span, taskBar } from "/assets/ui.js";

const kOver = ["done", "failed", "cancelled"];
const kShown = 200;

function speedText(job) { return job.speed === null ? "" : `${decimals(job.speed, job.speed < 10 ? 1 : 0)}\u00d7 real time`; }
export function leftText(job) {
  if (kOver.includes(job.state)) return job.ended ? `took ${span((new Date(job.ended) - new Date(job.started ?? job.created)) / 1000)}` : "";
  return job.seconds_left === null ? "" : `${span(job.seconds_left)} left`;
}

function row(job) {
  return h("tr", {},
    h("td", { class: "name" }, h("a", { href: `#/jobs/${job.id}`, "data-focus": "open" }, job.name), h("small", {}, `#${job.id} \u00b7 ${job.project} \u00b7 ${job.submitter} \u00b7 ${day(job.created)}`)),
    h("td", {}, badge(job.state)),
    h("td", { class: "wide" }, taskBar(job), h("div", { class: "barline" }, h("span", {}, percent(job.progress)), h("span", {}, job.tasks.reused ? `${plural(job.tasks.reused, "task")} reused` : ""))),
    h("td", { class: "num" }, speedText(job)),
    h("td", { class: "num" }, leftText(job)));
}

export function jobsPage(main) {
  let jobs = new Map(), workers = new Map(), filter = "", timer = 0;
  const sums = h("dl", { class: "sums" });
  const body = h("tbody");
  const table = h("table", { class: "list" }, h("thead", {}, h("tr", {}, ["Job", "State", "Progress", "Speed", "Time"].map((t) => h("th", { scope: "col" }, t)))), body);
  const empty = h("div", { class: "card empty" }, h("p", {}, "No jobs yet."), h("code", {}, "dubfarm submit film.mix.json --project film --wait"));
  const select = h("select", { "aria-label": "Which jobs", onchange: () => { filter = select.value; draw(); } }, [["", "All jobs"], ["open", "Open jobs"], ["done", "Done"], ["failed", "Failed"]].map(([v, t]) => h("option", { value: v }, t)));
  const rows = new Keyed(body, (job) => job.id, row);
  document.title = "Jobs \u00b7 dubfarm";
  fill(main, h("div", { class: "row" }, h("h1", {}, "Jobs"), select), sums, table, empty);
  select.parentElement.style.justifyContent = "space-between";

  function draw() {
    clearTimeout(timer);
    timer = 0;
    const all = [...jobs.values()].sort((a, b) => b.id - a.id), open = all.filter((j) => !kOver.includes(j.state));
    const shown = all.filter((j) => !filter || (filter === "open" ? !kOver.includes(j.state) : j.state === filter));
    const present = [...workers.values()].filter((w) => w.state !== "lost"), busy = present.reduce((n, w) => n + w.running.length, 0), slots = present.reduce((n, w) => n + w.slots, 0);
    const left = Math.max(0, ...open.map((j) => j.seconds_left ?? 0)), sick = present.filter((w) => w.state === "sick").length;
    const sum = (name, value, note) => h("div", {}, h("dt", {}, name), h("dd", {}, value, note && " ", note && h("small", {}, note)));
    fill(sums, sum("Open jobs", String(open.length), open.filter((j) => j.state === "running").length ? `${open.filter((j) => j.state === "running").length} running` : ""),
      sum("Tasks to do", open.reduce((n, j) => n + j.tasks.waiting + j.tasks.ready + j.tasks.running, 0).toLocaleString("en")),
      sum("Workers", String(present.length), sick ? `${sick} sick` : slots ? `${busy} of ${slots} slots busy` : ""), sum("All done in", left ? span(left) : "\u2013"));
    rows.show(shown.slice(0, kShown));
    table.hidden = !shown.length;
    empty.hidden = jobs.size > 0;
  }
  const later = () => { timer ||= setTimeout(draw, 150); };
  return {
    async load() {
      const [j, w] = await Promise.all([get(`/jobs?limit=${kShown}`), get("/workers")]);
      jobs = new Map(j.jobs.map((job) => [job.id, job]));
      workers = new Map(w.workers.map((worker) => [worker.id, worker]));
      draw();
    },
    on(event, data) {
      if (event === "job") jobs.set(data.id, data);
      else if (event === "worker") data.gone ? workers.delete(data.id) : workers.set(data.id, data);
      else return;
      later();
    },
    close() { clearTimeout(timer); },
  };
}
