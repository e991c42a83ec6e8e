document.documentElement.classList.add("scripted");
for (const section of document.querySelectorAll("section.finding")) {
  const player = section.querySelector(".player");
  if (!player) continue;
  const steps = JSON.parse(section.querySelector("script.steps").textContent);
  const told = player.querySelector("output");
  let at = 0;
  const show = (next) => {
    at = Math.min(Math.max(next, 0), steps.length - 1);
    const step = steps[at];
    told.replaceChildren();
    const head = document.createElement("strong");
    head.textContent = `step ${step.step} of ${steps.length}, pCPU${step.pe}: ` +
      `${step.event}${step.effect ? ": " + step.effect : ""}`;
    told.append(head);
    const list = document.createElement("ul");
    for (const state of step.states) {
      const item = document.createElement("li");
      item.textContent = `${state.name}: ${state.text}`;
      if (state.stale) item.className = "error";
      list.append(item);
    }
    told.append(list);
    for (const row of section.querySelectorAll("svg .row")) {
      row.classList.toggle("chosen", row.dataset.step === String(step.step));
    }
  };
  player.querySelector(".previous").addEventListener("click", () => show(at - 1));
  player.querySelector(".next").addEventListener("click", () => show(at + 1));
  player.addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft" || event.key === "ArrowUp") show(at - 1);
    else if (event.key === "ArrowRight" || event.key === "ArrowDown") show(at + 1);
    else return;
    event.preventDefault();
  });
  for (const row of section.querySelectorAll("svg .row")) {
    row.addEventListener("click", () => show(Number(row.dataset.step) - 1));
  }
  show(0);
}
