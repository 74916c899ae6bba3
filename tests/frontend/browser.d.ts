// What browsers have and TypeScript's library does not know.

interface Window {
  webkitAudioContext?: typeof AudioContext; // Safari before 14.1
  dataLayer?: unknown[]; // of Google's script
}

interface Navigator {
  globalPrivacyControl?: boolean;
}

interface NotificationOptions {
  renotify?: boolean;
}

interface BeforeInstallPromptEvent extends Event {
  prompt(): Promise<void>;
}

interface WindowEventMap {
  beforeinstallprompt: BeforeInstallPromptEvent;
}
