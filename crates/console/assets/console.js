"use strict";
// Every page is whole without this. It makes the live page live, and lets a part of a timeline be
// drawn with the mouse to see it larger.

const live = document.getElementById("live");
if (live) {
  const events = new EventSource(live.dataset.events);
  events.addEventListener("now", (event) => {
    // Who reads or types there is not disturbed: what has the focus keeps it, and its place.
    const focused = live.contains(document.activeElement) && document.activeElement;
    const href = focused && focused.getAttribute("href");
    const left = live.querySelector(".wide")?.scrollLeft ?? 0;
    live.innerHTML = event.data;
    const wide = live.querySelector(".wide");
    if (wide) wide.scrollLeft = left;
    const again = href ? [...live.querySelectorAll("a")].find((link) => link.getAttribute("href") === href) : wide;
    if (focused && again) again.focus({ preventScroll: true });
  });
  const lost = document.getElementById("lost");
  events.addEventListener("error", () => { lost.hidden = events.readyState !== EventSource.CLOSED; });
  events.addEventListener("open", () => { lost.hidden = true; });
  addEventListener("pagehide", () => events.close());
}

for (const timeline of document.querySelectorAll(".timeline")) {
  const bars = timeline.querySelector(".bars");
  const from = Number(timeline.dataset.from);
  const to = Number(timeline.dataset.to);
  const share = (event) => {
    const box = bars.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
  };
  let start = null;
  const band = document.createElement("div");
  band.className = "band";
  bars.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || event.pointerType !== "mouse") return;
    start = share(event);
    bars.setPointerCapture(event.pointerId);
  });
  bars.addEventListener("pointermove", (event) => {
    if (start === null) return;
    const box = bars.getBoundingClientRect();
    const end = share(event);
    band.style.left = bars.offsetLeft + Math.min(start, end) * box.width + "px";
    band.style.width = Math.abs(end - start) * box.width + "px";
    band.style.top = bars.offsetTop + "px";
    band.style.height = box.height + "px";
    if (!band.parentNode) timeline.append(band);
  });
  bars.addEventListener("pointerup", (event) => {
    if (start === null) return;
    const ends = [start, share(event)].sort((one, other) => one - other);
    start = null;
    band.remove();
    if (ends[1] - ends[0] < 0.01) return;
    const second = (at) => Math.round(from + at * (to - from));
    location.href = `${timeline.dataset.link}&from=${second(ends[0])}&to=${Math.max(second(ends[0]) + 1, second(ends[1]))}`;
  });
  bars.addEventListener("pointercancel", () => { start = null; band.remove(); });
}
