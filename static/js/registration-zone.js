// Sends the time zone of the owner's browser with the registration. Without a script the restaurant's is set later.

import { find } from "./dom.js";

find("#time_zone", HTMLInputElement).value = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";
