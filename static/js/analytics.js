// Loads Google Analytics. A page has this script only after its visitor has accepted; a guest's page never: there it runs
// in an empty frame (see waitercaller/analytics.py).

const [element] = document.querySelectorAll("[data-measurement-id]");
const measurementId = element.getAttribute("data-measurement-id");
const cookieSeconds = Number(element.getAttribute("data-cookie-seconds"));
const frame = window.frameElement;

/**
 * Queue a command. Google's script takes `arguments` objects for commands, but no arrays.
 * @param {...unknown} _command
 */
function gtag(..._command) {
  window.dataLayer?.push(arguments); // eslint-disable-line prefer-rest-params
}

/** What is told of the page. A visitor may come from an address of ours that holds a code: of those only the host. */
function page() {
  if (frame) return { page_location: location.origin + location.pathname, page_title: "", page_referrer: "" };
  const from = sessionStorage.getItem("from") ?? document.referrer; // see consent.js
  sessionStorage.removeItem("from");
  const ours = `${location.origin}/`;
  return { page_referrer: from.startsWith(ours) ? ours : from };
}

if (!navigator.globalPrivacyControl) {
  window.dataLayer = [];
  gtag("consent", "default", {
    ad_storage: "denied",
    ad_user_data: "denied",
    ad_personalization: "denied",
    analytics_storage: "granted",
  });
  gtag("js", new Date());
  gtag("config", measurementId, {
    ...page(),
    allow_google_signals: false,
    allow_ad_personalization_signals: false,
    // For this host alone, so that the server can delete them, and for no longer than the visitor's answer.
    cookie_domain: "none",
    cookie_expires: cookieSeconds,
    cookie_update: false,
    cookie_flags: location.protocol === "https:" ? "SameSite=Lax;Secure" : "SameSite=Lax",
  });
  // On a guest's page the event is made by the page around this frame: no CustomEvent of this window.
  addEventListener("called", (event) => {
    if ("detail" in event) gtag("event", "call", { kind: event.detail });
  });
  const script = document.createElement("script");
  script.src = `https://www.googletagmanager.com/gtag/js?id=${measurementId}`;
  document.head.append(script);
}
