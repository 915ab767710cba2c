// A job's chunks over its timeline. Stems that consist of the same chunks, as those that versions share, are one lane.
import { h, plural, span } from "/assets/ui.js";

const kNames = { ".": "waiting", o: "ready", r: "running", u: "reused", d: "done", f: "failed", x: "cancelled" };
const kLane = 20, kGap = 5, kTop = 24, kRight = 14;

function lanesOf(timeline) {
  const lanes = new Map();
  for (const lane of timeline.lanes) {
    if (!lane.pieces.length) continue;
    const key = lane.bus + "\n" + lane.pieces.join(";"), same = lanes.get(key);
    if (same) same.versions.push(lane.version);
    else lanes.set(key, { bus: lane.bus, versions: [lane.version], pieces: lane.pieces });
  }
  const total = new Set(timeline.lanes.map((l) => l.version)).size;
  for (const lane of lanes.values()) lane.label = `${lane.bus} \u00b7 ${lane.versions.length > 1 && lane.versions.length === total ? "all versions" : lane.versions.length > 2 ? `${lane.versions[0]} + ${lane.versions.length - 1}` : lane.versions.join(", ")}`;
  return [...lanes.values()];
}

export function timecode(frame, timeline) {
  const total = frame / timeline.sample_rate, s = Math.floor(total);
  return `${Math.floor(s / 3600)}:${String(Math.floor(s / 60) % 60).padStart(2, "0")}:${String(s % 60).padStart(2, "0")}`;
}

export function chunkMap(timeline) {
  const lanes = lanesOf(timeline), canvas = h("canvas", { tabindex: 0, role: "img" }), detail = h("p", { class: "detail soft", role: "status" }, "Point at a chunk, or move among them with the arrow keys.");
  const box = h("div", { class: "map" }, canvas);
  const legend = h("p", { class: "legend" }, ["waiting", "ready", "running", "reused", "done", "failed"].map((s) => h("span", { class: s }, s)));
  const element = h("div", {}, box, legend, detail);
  let states = "", running = new Map(), chosen = null, frame = 0, wide = 0, left = 0;

  const x = (at) => left + (at / timeline.length) * (wide - left - kRight);
  function draw() {
    frame = 0;
    const style = getComputedStyle(document.documentElement), colour = (name) => style.getPropertyValue(name).trim();
    const colours = Object.fromEntries(Object.entries(kNames).map(([letter, name]) => [letter, colour("--t-" + name)]));
    wide = box.clientWidth || 800;
    left = Math.min(220, Math.max(96, wide * 0.2));
    const high = kTop + lanes.length * (kLane + kGap) + 8, ratio = devicePixelRatio || 1;
    canvas.width = wide * ratio;
    canvas.height = high * ratio;
    canvas.style.width = wide + "px";
    canvas.style.height = high + "px";
    const c = canvas.getContext("2d");
    c.scale(ratio, ratio);
    c.font = "12.5px system-ui, sans-serif";
    c.textBaseline = "middle";
    const seconds = timeline.length / timeline.sample_rate, steps = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1200, 1800, 3600];
    const step = steps.find((s) => seconds / s <= (wide - left) / 90) ?? 7200;
    for (let t = 0; t <= seconds; t += step) {
      c.fillStyle = colour("--grid");
      c.fillRect(x(t * timeline.sample_rate), kTop - 4, 1, high);
      c.fillStyle = colour("--soft");
      if (x(t * timeline.sample_rate) < wide - 60) c.fillText(timecode(t * timeline.sample_rate, timeline), x(t * timeline.sample_rate) + 3, 11);
    }
    lanes.forEach((lane, i) => {
      const y = kTop + i * (kLane + kGap);
      c.fillStyle = colour("--ink");
      let label = lane.label;
      while (label.length > 4 && c.measureText(label).width > left - 24) label = label.slice(0, -2).trimEnd() + "\u2026";
      c.fillText(label, 12, y + kLane / 2 + 1);
      for (const [first, length, task] of lane.pieces) {
        const from = x(first), width = Math.max(1, x(first + length) - from - (wide > 500 ? 1 : 0.5)), state = states[task] ?? ".";
        c.fillStyle = state === "r" ? colours.o : colours[state];
        c.fillRect(from, y, width, kLane);
        if (state === "r") {
          c.fillStyle = colours.r;
          c.fillRect(from, y, Math.max(2, width * (running.get(task)?.progress ?? 0)), kLane);
          c.strokeStyle = colours.r;
          c.strokeRect(from + 0.5, y + 0.5, Math.max(1, width - 1), kLane - 1);
        }
      }
    });
    if (chosen) {
      const [first, length] = lanes[chosen.lane].pieces[chosen.piece];
      c.strokeStyle = colour("--ink");
      c.lineWidth = 2;
      c.strokeRect(x(first) - 1, kTop + chosen.lane * (kLane + kGap) - 1, Math.max(3, x(first + length) - x(first)) + 1, kLane + 2);
    }
    const counts = {};
    for (const s of states) counts[kNames[s]] = (counts[kNames[s]] ?? 0) + 1;
    canvas.setAttribute("aria-label", `Chunks over the timeline: ${Object.entries(counts).map(([name, n]) => `${n} ${name}`).join(", ")}`);
  }
  const later = () => { frame ||= requestAnimationFrame(draw); };
  function say() {
    const lane = lanes[chosen.lane], [first, length, task] = lane.pieces[chosen.piece], state = kNames[states[task] ?? "."], at = running.get(task);
    detail.textContent = `${lane.label} \u00b7 ${timecode(first, timeline)} to ${timecode(first + length, timeline)} \u00b7 task ${task}: ${state}` + (at ? ` on ${at.worker}, ${Math.round(at.progress * 100)} %, for ${span(at.seconds)}` : "");
    later();
  }
  function choose(lane, piece) {
    if (!lanes[lane]?.pieces[piece]) return;
    chosen = { lane, piece };
    say();
  }
  canvas.addEventListener("pointermove", (event) => {
    const lane = Math.floor((event.offsetY - kTop) / (kLane + kGap)), at = ((event.offsetX - left) / (wide - left - kRight)) * timeline.length;
    const piece = lanes[lane]?.pieces.findIndex(([first, length]) => at >= first && at < first + length) ?? -1;
    if (piece >= 0) choose(lane, piece);
  });
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (!step) return;
    event.preventDefault();
    if (!chosen) return choose(0, 0);
    const lane = chosen.lane + step[0];
    if (!lanes[lane]) return;
    const now = lanes[chosen.lane].pieces[chosen.piece][0];
    choose(lane, step[0] ? lanes[lane].pieces.reduce((best, p, i, all) => (Math.abs(p[0] - now) < Math.abs(all[best][0] - now) ? i : best), 0) : chosen.piece + step[1]);
    box.scrollTop = Math.max(0, Math.min(box.scrollTop, kTop + lane * (kLane + kGap) - kTop), kTop + (lane + 1) * (kLane + kGap) - box.clientHeight);
  });
  const watch = new ResizeObserver(later);
  watch.observe(box);
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  scheme.addEventListener("change", later);
  return {
    element,
    note: `${plural(new Set(timeline.lanes.flatMap((l) => l.pieces.map((p) => p[2]))).size, "chunk")} in ${plural(lanes.length, "lane")}`,
    show(map) {
      states = map.states;
      running = new Map(map.running.map((r) => [r.task, r]));
      if (chosen) say();
      later();
    },
    close() { watch.disconnect(); scheme.removeEventListener("change", later); cancelAnimationFrame(frame); },
  };
}
