// A screen says every minute that it is on, and learns whether it was sent elsewhere or there is a newer version of it.
//
//   here({ version, connected, calm })
//
// calm  () => whether nobody minds that the page is loaded again now
import { renew } from "./renew.js";

const EVERY = 60000; // milliseconds

export function here({ version, connected, calm }) {
  const say = async () => {
    try {
      const answer = await fetch("/screens/here/", {
        method: "POST",
        body: JSON.stringify({
          page: location.pathname,
          version,
          width: Math.round(screen.width * devicePixelRatio),
          height: Math.round(screen.height * devicePixelRatio),
        }),
      });
      const served = answer.ok ? await answer.json() : { version, shows: location.pathname };
      const moved = connected && served.shows !== location.pathname;
      if (moved || (served.version !== version && calm())) {
        renew((moved && served.shows) || location.href);
        return;
      }
    } catch (error) {
      // no answer: the age of the state tells it
    }
    setTimeout(say, EVERY * (0.9 + 0.2 * Math.random()));
  };
  say();
}
