// Loads Google Analytics. A page has this script only after its visitor has accepted; a guest's page never: there it runs
// in an empty frame (waitercaller/analytics.py says why).

const SIX_MONTHS = 182 * 24 * 3600;

const { measurementId } = document.querySelector("[data-measurement-id]").dataset;
const frame = window.frameElement;

function gtag() {
  window.dataLayer.push(arguments); // Google's script takes these for orders, and arrays not
}

/** What is told of the page. Visitors may come from an address of ours that holds a code: of those, no more than the host. */
function page() {
  if (frame) return { page_location: location.origin + location.pathname, page_title: "", page_referrer: "" };
  const from = sessionStorage.getItem("from") ?? document.referrer;
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
    // For this host alone, so that the server can take them away, and for no longer than the answer.
    cookie_domain: "none",
    cookie_expires: SIX_MONTHS,
    cookie_update: false,
    cookie_flags: location.protocol === "https:" ? "SameSite=Lax;Secure" : "SameSite=Lax",
  });
  addEventListener("called", ({ detail }) => gtag("event", "call", { kind: detail }));
  const script = document.createElement("script");
  script.src = `https://www.googletagmanager.com/gtag/js?id=${measurementId}`;
  document.head.append(script);
}
