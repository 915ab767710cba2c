// One job's page.
import { api, fileUrl, get, may } from "/assets/api.js";
import { chunkMap } from "/assets/map.js";
import { leftText } from "/assets/jobs.js";
import { ask, badge, bytes, clock, day, decimals, fill, h, percent, plural, progressBar, span, taskBar } from "/assets/ui.js";

const kOver = ["done", "failed", "cancelled"];
const kSigns = { pass: "\u2713", warning: "!", fail: "\u2715", measured: "" };
const kWords = { pass: "pass", warning: "look at", fail: "fail", measured: "measured" };
const kPlayable = /\.(wav|flac|mp3|ogg|m4a)$/i;

export function jobPage(main, me, id) {
  let job = null, outputs = [], map = null, timer = 0, lastLine = 0, open = null, drawn = "";
  const head = h("div"), why = h("ul", { class: "why", hidden: true }), actions = h("div"), error = h("p", { class: "error", role: "alert" });
  const mapTitle = h("h2", { hidden: true }), mapBox = h("div"), runningTitle = h("h2", { hidden: true }, "Running now"), running = h("ul", { class: "tasks card", hidden: true });
  const outputsTitle = h("h2", { hidden: true }), matrix = h("div", { class: "scroll" }), shown = h("div"), logTitle = h("h2", {}, "Log"), log = h("div", { class: "card log", tabindex: 0, "aria-label": "Log" });
  fill(main, head, actions, error, why, mapTitle, mapBox, runningTitle, running, outputsTitle, matrix, shown, logTitle, log);

  const command = async (what, body) => {
    error.textContent = "";
    try {
      job = await api(what === "priority" ? "PUT" : "POST", `/jobs/${id}/${what}`, body);
      draw();
      await refresh();
    } catch (e) { error.textContent = [e.message, e.help].filter(Boolean).join(". "); }
  };

  function draw() {
    document.title = `${job.name} \u00b7 dubfarm`;
    const sum = (name, value, note) => value && h("div", {}, h("dt", {}, name), h("dd", {}, value, note && h("small", { class: "below" }, note)));
    const t = job.tasks, over = kOver.includes(job.state);
    fill(head, h("h1", {}, job.name),
      h("div", { class: "meta" }, badge(job.state), h("span", {}, `#${job.id}`), h("span", {}, job.project), h("span", {}, `by ${job.submitter}`), h("span", {}, day(job.created)), job.tags.length > 0 && h("span", {}, `needs ${job.tags.join(", ")}`), h("span", {}, `into ${job.out}`)),
      taskBar(job, true),
      h("dl", { class: "sums" }, sum("Progress", percent(job.progress), `${(t.done + t.reused).toLocaleString("en")} of ${plural(t.total, "task")}`), sum("Speed", job.speed !== null && `${decimals(job.speed, job.speed < 10 ? 1 : 0)}\u00d7`, "real time"), sum(over ? "Time" : "Time left", over ? leftText(job).replace("took ", "") : job.seconds_left !== null && span(job.seconds_left)),
        sum("Reused", t.reused > 0 && t.reused.toLocaleString("en"), "in the store already"), sum("Failed", t.failed > 0 && t.failed.toLocaleString("en"), t.failed === 1 ? "task" : "tasks"), sum("Spent", span(job.device_seconds), "on devices")));
    if (may(me, "submitter", job.project) && drawn !== job.state + job.priority) {
      drawn = job.state + job.priority;
      const button = (text, what, cls) => h("button", { type: "button", class: cls, onclick: () => command(what) }, text);
      const priority = h("input", { type: "number", min: 0, max: 100, value: job.priority, "aria-label": "Priority, 0 to 100", onchange: () => priority.reportValidity() && command("priority", { priority: Number(priority.value) }) });
      fill(actions, h("div", { class: "row actions" }, job.state === "paused" ? button("Resume", "resume") : !over && button("Pause", "pause"), (job.state === "failed" || job.state === "cancelled") && button("Retry", "retry"),
        !over && h("button", { type: "button", class: "danger", onclick: async () => { if (await ask(`Cancel job ${job.id}, \u201c${job.name}\u201d? What it has rendered stays in the store.`, "Cancel the job")) command("cancel"); } }, "Cancel"),
        job.state === "done" && h("button", { type: "button", onclick: openReport }, "Report"), !over && h("label", {}, "Priority", priority)));
    }
  }
  async function openReport() {
    const tab = window.open("", "_blank");
    try { tab.location = await fileUrl(id, "report.html"); } catch (e) { tab.close(); error.textContent = e.message; }
  }

  function drawOutputs() {
    outputsTitle.hidden = !outputs.length;
    const cells = new Map(), versions = [...new Set(outputs.map((o) => o.version))], deliverables = [...new Set(outputs.map((o) => o.deliverable))];
    for (const o of outputs) cells.set(o.version + "\n" + o.deliverable, [...(cells.get(o.version + "\n" + o.deliverable) ?? []), o]);
    const done = outputs.filter((o) => o.verdict).length;
    fill(outputsTitle, "Outputs", h("small", {}, `${done} of ${outputs.length} measured`));
    const cell = (version, deliverable) => {
      const key = version + "\n" + deliverable, all = cells.get(key);
      if (!all) return h("td", { class: "none" }, "\u00b7");
      const order = ["fail", "warning", "measured", "pass"], verdicts = all.map((o) => o.verdict), verdict = verdicts.includes(null) ? null : order.find((v) => verdicts.includes(v));
      const state = all.some((o) => o.state === "failed") ? "failed" : all.some((o) => o.state === "running") ? "running" : all.every((o) => o.state === "done" || o.state === "reused") ? "printed" : "waiting";
      const lufs = all.length > 1 ? plural(all.length, "file set") : all[0].loudness ? `${decimals(all[0].loudness.integrated_lufs)} LUFS` : all[0].layout;
      return h("td", {}, h("button", { type: "button", class: verdict ?? state, "aria-expanded": String(open === key), onclick: () => { open = open === key ? null : key; drawOutputs(); } }, verdict ? `${kSigns[verdict]} ${kWords[verdict]}`.trim() : state, h("small", {}, lufs)));
    };
    fill(matrix, outputs.length > 0 && h("table", { class: "matrix" }, h("thead", {}, h("tr", {}, h("th"), deliverables.map((d) => h("th", { scope: "col" }, d)))),
      h("tbody", {}, versions.map((v) => h("tr", {}, h("th", { scope: "row" }, v), deliverables.map((d) => cell(v, d)))))));
    fill(shown, open && cells.get(open) && cells.get(open).map(outputCard));
  }
  function outputCard(o) {
    const figure = (name, value, unit, digits = 1) => h("div", {}, h("dt", {}, name), h("dd", {}, decimals(value, digits), h("small", {}, ` ${unit}`)));
    const l = o.loudness;
    return h("article", { class: "card output" }, h("h3", {}, [o.version, o.deliverable, o.bus].filter(Boolean).join(" \u00b7 "), badge(o.verdict ?? o.state, o.verdict ? kWords[o.verdict] : o.state)),
      l && h("dl", { class: "figures" }, figure("Integrated", l.integrated_lufs, "LUFS"), figure("Range", l.range_lu, "LU"), figure("True peak", l.true_peak_dbtp, "dBTP"), figure("Short-term max", l.max_short_term_lufs, "LUFS"), figure("Momentary max", l.max_momentary_lufs, "LUFS")),
      o.checks.length > 0 && h("ul", { class: "checks" }, o.checks.map((c) => h("li", { class: c.result }, h("b", {}, kSigns[c.result]), `${c.title}: ${c.measured}`, h("span", { class: "soft" }, c.required ? ` \u00b7 ${c.required}` : "")))),
      o.files.map((f) => fileRow(o, f)));
  }
  function fileRow(o, f) {
    const there = f.bytes !== null, player = h("div");
    const play = async () => {
      try {
        const audio = h("audio", { controls: true, preload: "metadata", src: await fileUrl(id, "files/" + f.path), "aria-label": f.path });
        fill(player, audio);
        audio.play().catch(() => {});
      } catch (e) { error.textContent = e.message; }
    };
    const save = async () => { try { h("a", { href: await fileUrl(id, "files/" + f.path), download: f.path.split("/").pop() }).click(); } catch (e) { error.textContent = e.message; } };
    return h("div", {}, h("div", { class: "file" }, h("span", {}, f.path, there && h("small", { class: "soft" }, `  ${bytes(f.bytes)}`)), there && kPlayable.test(f.path) && h("button", { type: "button", onclick: play }, "Play"), there && h("button", { type: "button", onclick: save }, "Download")),
      player, there && h("code", { class: "soft" }, `SHA-256 ${f.sha256}`));
  }

  async function drawWhy() {
    const lines = job.problems.map((p) => h("li", {}, p.message, p.help && h("small", {}, p.help)));
    if (!kOver.includes(job.state)) for (const r of (await get(`/jobs/${id}/waiting`)).reasons) lines.push(h("li", {}, r.message));
    why.className = "why " + (job.state === "failed" ? "bad" : job.state === "running" ? "calm" : "");
    why.hidden = !lines.length;
    fill(why, lines);
  }
  async function drawMap() {
    const now = await get(`/jobs/${id}/map`);
    if (!map && job.state !== "planning") {
      try {
        map = chunkMap(await get(`/jobs/${id}/timeline`));
        fill(mapBox, map.element);
        mapTitle.hidden = false;
        fill(mapTitle, "Chunks over the timeline", h("small", {}, map.note));
      } catch (e) { if (e.status !== 404) throw e; }
    }
    map?.show(now);
    runningTitle.hidden = running.hidden = !now.running.length;
    fill(running, now.running.map((r) => h("li", {}, h("div", {}, h("span", {}, `task ${r.task} on ${r.worker || r.worker_id}`), h("span", { class: "soft num" }, span(r.seconds))), progressBar(r.progress))));
  }
  async function drawLog() {
    const { lines } = await get(`/jobs/${id}/log?limit=200${lastLine ? `&after=${lastLine}` : ""}`);
    const bottom = log.scrollTop + log.clientHeight >= log.scrollHeight - 20;
    for (const line of lines) log.append(h("div", { class: line.level }, h("time", { datetime: line.time }, clock(line.time)), line.message));
    if (lines.length) lastLine = lines[lines.length - 1].number;
    while (log.childElementCount > 1000) log.firstElementChild.remove();
    logTitle.hidden = log.hidden = !log.childElementCount;
    if (bottom) log.scrollTop = log.scrollHeight;
  }
  let busy = false, again = false;
  async function refresh() {
    if (busy) { again = true; return; }
    busy = true;
    try {
      await Promise.all([drawWhy(), drawMap(), drawLog(), get(`/jobs/${id}/outputs`).then((o) => {
        if (JSON.stringify(o.outputs) === JSON.stringify(outputs)) return;
        outputs = o.outputs;
        const playing = [...shown.querySelectorAll("audio")].some((a) => !a.paused);
        if (!playing) drawOutputs();
      })]);
    } finally {
      busy = false;
      if (again) { again = false; later(); }
    }
  }
  const later = () => { timer ||= setTimeout(() => { timer = 0; refresh().catch(() => {}); }, 900); };
  return {
    async load() {
      job = await get(`/jobs/${id}`);
      draw();
      await refresh();
    },
    on(event, data) {
      if (event === "job" && String(data.id) === id) {
        job = data;
        draw();
        later();
      } else if (event === "log") later();
    },
    close() { clearTimeout(timer); map?.close(); },
  };
}
