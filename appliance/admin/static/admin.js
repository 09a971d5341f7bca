// The pages work without this file. It adds copying, live progress, filtering as one types, and busy buttons.
"use strict";

const SECOND = 1000;
const number = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

function shown(value) {
  return value === null ? "–" : number.format(value);
}

function offerCopying() {
  for (const button of document.querySelectorAll("[data-copy]")) {
    const source = document.getElementById(button.dataset.copy);
    const words = button.querySelector("span");
    button.hidden = false;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText("value" in source ? source.value : source.textContent);
        words.textContent = "Copied";
      } catch {
        selectAll(source);
        words.textContent = "Press Ctrl+C";
      }
      setTimeout(() => { words.textContent = "Copy"; }, 3 * SECOND);
    });
  }
  for (const field of document.querySelectorAll("[data-select]")) {
    field.addEventListener("focus", () => field.select());
  }
}

function selectAll(element) {
  if ("select" in element) {
    element.focus();
    element.select();
  } else {
    getSelection().selectAllChildren(element);
  }
}

function showBusyButtons() {
  for (const form of document.querySelectorAll("form[data-busy]")) {
    form.addEventListener("submit", () => {
      const button = form.querySelector("button[type=submit]");
      form.setAttribute("aria-busy", "true");
      // Disabled only after the browser has taken the form's values.
      setTimeout(() => {
        button.disabled = true;
        button.querySelector("span").textContent = form.dataset.busy;
      });
    });
  }
  // A page that comes back from the history is as it was left: busy.
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
}

function filterWhileTyping() {
  for (const field of document.querySelectorAll("[data-filter]")) {
    const id = field.dataset.filter;
    const items = [...document.getElementById(id).children];
    field.addEventListener("input", () => {
      const wanted = field.value.toLowerCase().split(/\s+/).filter(Boolean);
      let left = 0;
      for (const item of items) {
        item.hidden = !wanted.every((word) => item.dataset.text.includes(word));
        left += item.hidden ? 0 : 1;
      }
      document.getElementById(`${id}-none`).hidden = left > 0;
      document.getElementById(`${id}-count`).textContent = `${left} shown`;
    });
  }
}

function followRun() {
  const page = document.querySelector("[data-run]");
  if (!page || page.dataset.active !== "yes") return;
  const said = page.querySelector("[data-said]");
  let lastDone = -1;

  function pill(label) {
    const found = page.querySelector("[data-pills]").content.querySelector(`.${label.tone}`).cloneNode(true);
    found.lastElementChild.textContent = label.text;
    return found;
  }

  function setState(place, label) {
    if (place.textContent.trim() !== label.text) place.replaceChildren(pill(label));
  }

  function show(run) {
    setState(page.querySelector(".head [data-state]"), run.label);
    if (run.started) page.querySelector("[data-started]").textContent = run.started;
    for (const place of page.querySelectorAll("[data-sum]")) {
      const name = place.dataset.sum;
      place.textContent = shown(name === "done" ? run.done : run.sums[name]);
    }
    for (const entity of run.entities) {
      const row = page.querySelector(`[data-entity="${CSS.escape(entity.entity)}"]`);
      setState(row.querySelector("[data-state]"), entity.label);
      for (const place of row.querySelectorAll("[data-value]")) place.textContent = shown(entity[place.dataset.value]);
      row.querySelector("[data-text=duration]").textContent = entity.duration;
      row.querySelector("[data-error]").textContent = entity.error_message || "";
      const notices = entity.notices.map((message) => Object.assign(document.createElement("li"), { textContent: message }));
      row.querySelector("[data-notices]").replaceChildren(...notices);
      row.querySelector("[data-expected]").textContent = entity.expected === null ? "" : ` of ${shown(entity.expected)}`;
      const bar = row.querySelector("progress");
      bar.max = entity.expected || 1;
      bar.value = entity.expected ? Math.min(entity.fetched, entity.expected) : Number(entity.state === "completed");
    }
    // Announced when an entity is done, not with every second.
    if (run.done !== lastDone || !run.active) {
      lastDone = run.done;
      said.textContent = `${run.label.text}: ${run.done} of ${run.entities.length} entities done, ${shown(run.sums.fetched)} rows read.`;
    }
  }

  async function poll() {
    try {
      const answer = await fetch(page.dataset.run, { headers: { Accept: "application/json" } });
      if (answer.status === 401) return location.reload();
      if (answer.ok) {
        const run = await answer.json();
        show(run);
        if (!run.active) {
          page.querySelector("[data-while-active]").hidden = true;
          return;
        }
      }
    } catch {
      // The appliance restarts, or the network is gone: ask again.
    }
    setTimeout(poll, SECOND);
  }
  poll();
}

// What is typed into is meant: its radio button is chosen with it.
function chooseByTyping() {
  for (const field of document.querySelectorAll("[data-way]")) {
    const radio = field.form.querySelector(`[name=how][value=${field.dataset.way}]`);
    field.addEventListener("input", () => { radio.checked = true; });
  }
}

function followMapping() {
  const page = document.querySelector("[data-progress]");
  if (!page) return;

  async function poll() {
    try {
      const answer = await fetch(page.dataset.progress, { headers: { Accept: "application/json" } });
      const going = answer.ok ? await answer.json() : undefined;
      if (answer.status === 401 || going === null) return location.reload();
      if (going) {
        page.querySelector("progress").value = going.done;
        page.querySelector("[data-done]").textContent = shown(going.done);
        page.querySelector("[data-rejected]").textContent = shown(going.rejected);
      }
    } catch {
      // As with a run: ask again.
    }
    setTimeout(poll, SECOND);
  }
  poll();
}

offerCopying();
showBusyButtons();
filterWhileTyping();
followRun();
chooseByTyping();
followMapping();
