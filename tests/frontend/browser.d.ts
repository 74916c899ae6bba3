// What browsers have and TypeScript's library does not know.

interface Window {
  webkitAudioContext?: typeof AudioContext; // Safari before 14.1
  dataLayer?: unknown[]; // of Google's script
}

interface BatteryManager extends EventTarget {
  charging: boolean;
  level: number; // 0 to 1
}

interface Navigator {
  getBattery?: () => Promise<BatteryManager>; // Chromium
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
