// What the desk and the expert's page share: requests to the REST interface, and a queue that follows its socket.
import { connect } from "./live.js";
import { say } from "./words.js";

const csrf = document.querySelector("[name=csrfmiddlewaretoken]").value;

// A refusal by the server: its sentence for people, its code for scripts.
export class Refusal extends Error {
  constructor(problem) {
    super(problem.errors?.[0]?.detail || problem.detail || say("refused"));
    this.code = problem.code;
    this.problem = problem;
  }
}

// GET, or POST where there is a body. Raises Refusal, also where there is no answer at all.
export async function ask(path, body) {
  const post = body !== undefined && {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRFToken": csrf },
    body: JSON.stringify(body),
  };
  let response;
  try {
    response = await fetch(`/api/v1/${path}`, { cache: "no-store", ...post });
  } catch {
    throw new Refusal({ detail: say("offline"), code: "offline" });
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refusal(answer);
  return answer;
}

// The queue with its tickets by id, those who wait in order.
function read(queue) {
  const byId = new Map(queue.tickets.map((ticket) => [ticket.id, ticket]));
  const inState = (state) => queue.tickets.filter((ticket) => ticket.state === state);
  return {
    ...queue,
    byId,
    line: queue.waiting.map((entry) => ({ ...entry, ...byId.get(entry.ticket) })),
    missed: inState("missed"),
    away: inState("away"),
    done: inState("done").length,
    ahead: Date.parse(queue.at) - Date.now(), // by how much the server's clock is ahead of this one
  };
}

// Reads the queue anew on every message of its socket; several messages while one read runs are one more read.
export function follow(session, { onQueue, onAge }) {
  let reading = null;
  let again = false;
  let ended = false;
  let version = -1;

  const readAll = async () => {
    while (again && !ended) {
      again = false;
      try {
        const queue = await ask(`queues/${session}/staff/`);
        if (ended || queue.version < version) continue;
        version = queue.version;
        onQueue(read(queue));
      } catch (refusal) {
        // What is shown stays, and its age tells that it is old.
        if (!(refusal instanceof Refusal)) console.error(refusal);
      }
    }
    reading = null;
  };

  // Ends once what is shown was read after this was called.
  const refresh = () => {
    again = true;
    reading ??= readAll();
    return reading;
  };

  const live = connect({
    socket: `/ws/desk/${session}/`,
    poll: `/live/queues/${session}`,
    onState: () => {
      onAge(null);
      refresh();
    },
    onAge: (age) => !ended && onAge(age),
  });
  refresh();
  return {
    refresh,
    close: () => {
      ended = true;
      live.close();
    },
  };
}

// How long since, as 6:12 or 1:02:30.
export function lasted(since, ahead) {
  const seconds = Math.max(0, Math.floor((Date.now() + ahead - Date.parse(since)) / 1000));
  const two = (n) => String(n).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const rest = `${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return hours ? `${hours}:${rest}` : rest.replace(/^0/, "");
}

// What an undo takes back, in words: "called A017".
export function stepWords(step) {
  return step ? [say(`event.${step.kind}`), step.label].filter(Boolean).join(" ") : "";
}
