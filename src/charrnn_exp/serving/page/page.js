"use strict";

// A slider beside the input of a setting: least, most, step, in place of null, hint. A setting that this table lacks
// has an input alone, of the kind that the server names.
const RANGES = {
  length: [1, 2000, 1, null, "characters"],
  temperature: [0, 2, 0.05, null, "below 1 is more cautious, above 1 bolder, 0 takes the likeliest each time"],
  top_k: [0, 100, 1, 0, "draw from the k likeliest; 0: off"],
  top_p: [0.05, 1, 0.05, 1, "draw from the likeliest that have probability p together; 1: off"],
  min_p: [0, 1, 0.01, 0, "draw from those with at least this share of the likeliest's probability; 0: off"],
  typical_p: [0.05, 1, 0.05, 1, "draw from the typical ones that have this probability together; 1: off"],
  repetition_penalty: [1, 2, 0.05, 1, "above 1: characters that came lately are less likely; 1: off"],
};
const LAST = 6; // classes s0 to s6, one nat each
const find = (id) => document.getElementById(id);
const readers = {}; // by setting: a function that returns its value, undefined where it is the run's own
let ownPrompt = ""; // of the run, as the text area holds it
let stopping = null;

function addSetting(name, value, about, limits) {
  const [least, most, step, off, hint] = RANGES[name] ?? [null, null, null, null, null];
  const row = document.createElement("div");
  row.className = "setting";
  row.title = hint ?? about.meaning.replaceAll("null:", "empty:");
  const label = document.createElement("label");
  label.textContent = name.replaceAll("_", "-");
  label.htmlFor = `setting-${name}`;
  const input = makeInput(about, limits[name]);
  input.id = `setting-${name}`;
  input.value = String(value ?? off ?? "");
  row.append(label);
  if (hint === null) {
    input.className = "wide";
  } else {
    const slider = document.createElement("input");
    slider.type = "range";
    Object.assign(slider, { min: least, max: Math.min(most, limits[name] ?? most), step });
    slider.setAttribute("aria-label", `${label.textContent}: ${hint}`);
    slider.value = input.value;
    slider.addEventListener("input", () => { input.value = slider.value; });
    input.addEventListener("input", () => { slider.value = input.value === "" ? off : input.value; });
    row.append(slider);
  }
  row.append(input);
  find("sliders").append(row);
  const start = input.value; // as the input holds it: a script has no exact 2**63, and a text area other line breaks
  readers[name] = () => {
    if (input.value === start) return undefined;
    const typed = read(input.value, about.kind);
    return typed === off ? null : typed;
  };
}

function makeInput(about, most) {
  const blank = about.optional ? about.meaning.match(/null: ([^.,;]+)/)?.[1] ?? "off" : "";
  const input = document.createElement({ string: "textarea", boolean: "select" }[about.kind] ?? "input");
  if (about.kind === "string") { // a text may hold line breaks, which an input of one line would drop
    Object.assign(input, { rows: 1, spellcheck: false, placeholder: blank });
  } else if (about.kind === "boolean") {
    const choices = about.optional ? ["", "true", "false"] : ["true", "false"];
    for (const each of choices) input.add(new Option(each || blank, each));
  } else {
    Object.assign(input, { type: "number", step: about.kind === "integer" ? "1" : "any", max: most ?? "" });
    Object.assign(input, { placeholder: blank, required: !about.optional });
  }
  return input;
}

function read(typed, kind) {
  if (typed === "") return null;
  if (kind === "string") return typed;
  return kind === "boolean" ? typed === "true" : Number(typed);
}

function say(text, isWrong = false) {
  find("status").textContent = text;
  find("status").className = isWrong ? "wrong" : "";
}

function show(piece) {
  const place = find("text");
  const follows = place.scrollTop + place.clientHeight >= place.scrollHeight - 40;
  const fragment = document.createDocumentFragment();
  [...piece.text].forEach((character, i) => {
    const span = document.createElement("span");
    span.textContent = character;
    const loss = piece.losses?.[i];
    if (typeof loss === "number") {
      span.className = `s${Math.min(LAST, Math.floor(loss + 0.5))}`;
      span.title = `loss ${loss.toFixed(2)} nats, probability ${Math.exp(-loss).toPrecision(2)}`;
    }
    fragment.append(span);
  });
  place.append(fragment);
  if (follows) place.scrollTop = place.scrollHeight;
}

async function* readLines(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) yield JSON.parse(line);
  }
}

async function write() {
  if (stopping) return;
  if (find("renew").checked && "seed" in readers) {
    find("setting-seed").value = Math.floor(Math.random() * 2 ** 31);
  }
  const prompt = find("prompt").value;
  // What is undefined is not sent, and so is as the run has it.
  const settings = Object.fromEntries(Object.entries(readers).map(([name, readOwn]) => [name, readOwn()]));
  const own = prompt === ownPrompt ? undefined : prompt || null;
  const order = { ...settings, prompt: own, stream: true, losses: true };
  const shown = document.createElement("span");
  shown.className = "prompt";
  shown.textContent = prompt;
  find("text").replaceChildren(shown);
  stopping = new AbortController();
  find("write").disabled = true;
  find("stop").disabled = false;
  say("waiting ...");
  try {
    const answer = await fetch("/api/generate", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(order),
      signal: stopping.signal,
    });
    if (!answer.ok) {
      say((await answer.json()).errors.join("\n"), true);
      return;
    }
    for await (const line of readLines(answer.body)) {
      if (line.errors) say(line.errors.join("\n"), true);
      else if (line.done) say(summarise(line));
      else { say("writing ..."); show(line); }
    }
  } catch (error) {
    if (error.name === "AbortError") say("stopped");
    else say("The server does not answer: is it still running?", true);
  } finally {
    stopping = null;
    find("write").disabled = false;
    find("stop").disabled = true;
  }
}

function summarise(line) {
  const loss = line.loss === null ? "" : `, mean loss ${line.loss.toFixed(3)} nats per character`;
  return `${line.characters.toLocaleString("en")} characters in ${line.seconds.toFixed(2)} s${loss}`;
}

async function begin() {
  for (let i = 0; i <= LAST; i++) {
    const part = document.createElement("span");
    part.className = `s${i}`;
    find("bar").append(part);
  }
  const model = await (await fetch("/api/model")).json();
  document.title = find("name").textContent = model.name.split("/")[0];
  const unit = model.unit === "byte" ? "bytes" : "characters";
  find("facts").textContent = `Run ${model.name}. It knows ${model.num_symbols} ${unit}. Its text is drawn, not true.`;
  find("notes").textContent = model.notes.join("\n");
  for (const [name, value] of Object.entries(model.settings)) {
    if (name !== "prompt") addSetting(name, value, model.inputs[name], model.limits);
  }
  find("prompt").value = model.settings.prompt ?? "";
  ownPrompt = find("prompt").value;
  say("ready");
}

find("form").addEventListener("submit", (event) => { event.preventDefault(); write(); });
find("stop").addEventListener("click", () => stopping?.abort());
find("colours").addEventListener("change", (event) => document.body.classList.toggle("plain", !event.target.checked));
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.ctrlKey) { event.preventDefault(); find("form").requestSubmit(); }
  if (event.key === "Escape") stopping?.abort();
});
begin().catch(() => say("The server does not answer: is it still running?", true));
