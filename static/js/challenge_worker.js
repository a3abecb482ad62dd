// Solves a challenge beside the page, so that the page stays awake.

import { solve } from "./challenge_solver.js";

onmessage = ({ data }) => {
  solve(data, (tried) => postMessage({ tried })).then(
    (solution) => postMessage({ solution }),
    () => postMessage({ failed: true }),
  );
};
