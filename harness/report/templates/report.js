"use strict";
document.documentElement.classList.add("scripted");
const made = (name, text, look) => {
  const element = document.createElement(name);
  element.textContent = text;
  if (look) element.className = look;
  return element;
};
const card = (state, before) => {
  const box = made("div", "", state.stale ? "stale" : "");
  box.append(made("strong", state.name));
  for (const entry of state.entries) box.append(made("div", entry));
  const told = (of) => of.entries.join("; ");
  if (before && told(before) !== told(state)) {
    box.append(made("span", "changed by this step", "changed"));
  }
  return box;
};
const play = (article, steps) => {
  const player = article.querySelector(".player");
  const range = player.querySelector(".at");
  let at = 0;
  const show = (next) => {
    at = Math.min(Math.max(next, 0), steps.length - 1);
    const step = steps[at];
    const effect = step.effect ? `: ${step.effect}` : "";
    const line = `step ${step.step} of ${steps.length}, pCPU${step.pe}: `;
    const held = made("div", "", "held");
    step.states.forEach((state, n) => {
      held.append(card(state, at ? steps[at - 1].states[n] : null));
    });
    const head = made("strong", line + step.event);
    player.querySelector(".told").replaceChildren(head, effect, held);
    range.value = at + 1;
    range.setAttribute("aria-valuetext", line + step.event);
    for (const row of article.querySelectorAll(".row")) {
      row.classList.toggle("chosen", row.dataset.step === String(step.step));
    }
    for (const mark of article.querySelectorAll(".events b")) {
      mark.classList.toggle("now", mark.dataset.step === String(step.step));
    }
  };
  const keys = {
    ArrowLeft: () => at - 1, ArrowUp: () => at - 1, Home: () => 0,
    ArrowRight: () => at + 1, ArrowDown: () => at + 1, End: () => steps.length - 1,
  };
  player.querySelector(".previous").addEventListener("click", () => show(at - 1));
  player.querySelector(".next").addEventListener("click", () => show(at + 1));
  range.addEventListener("input", () => show(Number(range.value) - 1));
  player.addEventListener("keydown", (event) => {
    if (!(event.key in keys) || event.altKey || event.ctrlKey || event.metaKey) return;
    show(keys[event.key]());
    event.preventDefault();
  });
  for (const row of article.querySelectorAll(".row")) {
    const number = Number(row.dataset.step);
    const index = steps.findIndex((step) => step.step === number);
    row.addEventListener("click", () => show(index));
  }
  show(0);
};
const trace = JSON.parse(document.getElementById("trace").textContent);
for (const found of trace.findings) {
  if (found.steps.length) play(document.getElementById(found.id), found.steps);
}
for (const line of document.querySelectorAll(".diff .marked")) {
  const box = line.parentElement;
  box.scrollTop = line.offsetTop - box.offsetTop - box.clientHeight / 2;
}
