// The teacher's overview: asks for the figures every two seconds and writes them as text, never as HTML.
"use strict";

const EVERY_MS = 2000;
const at = (id) => document.getElementById(id);
const many = (count, one, more = one + "s") => `${count.toLocaleString("en")} ${count === 1 ? one : more}`;

let token = sessionStorage.getItem("teacher") ?? "";
if (location.hash.length > 1) {
  token = decodeURIComponent(location.hash.slice(1));
  history.replaceState(null, "", location.pathname); // a projector shows the address bar
}

function show(id, visible) {
  at(id).hidden = !visible;
}

function write(id, text) {
  if (at(id).textContent !== text) at(id).textContent = text; // a reader repeats what is written again
}

function codes(counts) {
  const named = Object.entries(counts).sort();
  return named.length ? named.map(([code, count]) => `${count} × ${code === "none" ? "without a code" : code.replaceAll("_", " ")}`).join(", ") : "none";
}

function since(minutes) {
  return minutes < 1 ? "just now" : many(Math.floor(minutes), "minute");
}

function state(learner) {
  const words = { limited: "limited now", error: "error just now", connected: "connected" };
  if (learner.state in words) return words[learner.state] + (learner.open ? "" : ", not connected");
  return learner.quiet_s < 60 ? "left just now" : `gone for ${since(learner.quiet_s / 60)}`;
}

function row(learner) {
  const line = document.createElement("tr");
  line.className = learner.state;
  const cells = [
    learner.name, state(learner), since(learner.minutes), learner.open, learner.responses,
    learner.tokens.toLocaleString("en"), codes(learner.errors), codes(learner.limited),
  ];
  cells.forEach((text, column) => {
    const cell = document.createElement(column ? "td" : "th");
    if (!column) cell.scope = "row";
    if (column >= 3 && column <= 5) cell.className = "number";
    if (text === "none") cell.className = "none";
    cell.textContent = text;
    line.append(cell);
  });
  return line;
}

function draw(room) {
  const limited = room.learners.filter((learner) => learner.state === "limited").length;
  const failed = room.learners.filter((learner) => learner.state === "error").length;
  const parts = [`${room.here} of ${many(room.seats, "learner")} here`, `${many(room.sessions, "session")} open`];
  parts.push(failed ? `${failed} with an error just now` : "no errors now");
  parts.push(limited ? `${limited} limited now` : "nobody is limited");
  if (room.turned_away) parts.push(`turned away for want of a seat: ${many(room.turned_away, "time")}`);
  write("sentence", parts.join(" · "));
  write("limits", `Each learner may have ${many(room.limits.sessions, "session")} at once and ${many(room.limits.requests_a_minute, "answer")} a minute.`);
  at("learners").replaceChildren(...room.learners.map(row));
}

async function look() {
  let answer;
  try {
    answer = await fetch("/class/figures", { headers: { Authorization: `Bearer ${token}` }, cache: "no-store" });
  } catch {
    answer = null;
  }
  const refused = answer?.status === 401;
  const fresh = answer?.ok ?? false;
  if (fresh) {
    sessionStorage.setItem("teacher", token);
    draw(await answer.json());
    show("room", true);
  }
  show("door", refused);
  write("trouble", fresh || (refused && !token) ? "" : refused ? "This is not the teacher's token." : "The simulator does not answer. These figures are old.");
  if (!refused) setTimeout(look, EVERY_MS);
}

at("door").addEventListener("submit", (event) => {
  event.preventDefault();
  token = at("token").value.trim();
  look();
});

look();
