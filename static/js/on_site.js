// The code shown on site, loaded anew when its minute is over.
import { renew } from "./renew.js";

setTimeout(renew, document.getElementById("codes").dataset.renew * 1000, location.href);
