// What the server puts before the service worker's script (waitercaller/push/app_views.py).

declare const SHELL: string[];
declare const ICONS: { icon: string; badge: string };

interface NotificationOptions {
  renotify?: boolean;
  timestamp?: number;
  vibrate?: number[];
}

interface ExtendableEvent {
  addRoutes?(rules: object): Promise<void>; // of the install event; Chrome 123
}
