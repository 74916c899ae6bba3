// Types that scripts share, for tsc; no page loads this file.

/** What an event brings; `now` is the server's clock, in milliseconds, `form` a new one-time key of a guest's page. */
export type EventData = { now: number; html?: string; form?: string };

export interface EventStreamOptions {
  /** Asked for each time the stream is opened. */
  url: () => string;
  /** Of the events that bring something; heartbeats ("ping") come besides. */
  eventName: string;
  /** Between two signs of life from the server. */
  heartbeatMs: number;
  /** Whether it stays open while the page is hidden. */
  inBackground: boolean;
  onEvent: (name: string, data: EventData) => void;
  /** The first event at the start, or after the stream was down. */
  onLive: () => void;
  /** It broke off, for however short a time. */
  onBreak?: () => void;
  /** It is down for longer than a grace period; the last event was at `since`, by this device's clock in milliseconds. */
  onDown: (since: number) => void;
  /** The server says that this page may look no longer. The stream is still reopened, until end(). */
  onGone: () => void;
}

/** A tap on a button of the guest's form, as it is kept until the server has answered it. */
export interface Tap {
  table: string;
  /** By this phone's clock, in milliseconds. */
  at: number;
  /** A random number of the page on which it was tapped. */
  page: number;
  /** Which button, by its value or its class. */
  button: string;
  url: string;
  /** Of the form. */
  fields: Record<string, string>;
  /** Whether it makes a new request, and is no reminder. */
  isNew: boolean;
}

/** What a tap is answered with. */
export interface Answer {
  /** The state and the buttons. */
  html: string;
  /** A new one-time key. */
  form: string;
  /** The receipt, or "". */
  r: string;
  /** Of the page and of its stream, with the receipt. */
  url: string;
  live: string;
  /** Whether somebody was called. */
  called: boolean;
  /** Whether the stream that is open shows what this phone has called for. */
  stays: boolean;
}

export interface OutboxHandlers {
  /** What the page holds by now. */
  receipt: () => string;
  /** Where the tap goes. */
  address: (tap: Tap) => string;
  onAnswer: (answer: Answer, tap: Tap) => void;
  onRefusal: (words: string) => void;
  /** A tap was given up because of its age. */
  onLate: () => void;
  /** There are more or fewer taps, or one could not be sent. */
  onChange: () => void;
}

/** A click on a card's button. */
export interface Action {
  url: string;
  /** Of the requests, joined by spaces; "" where the address names what it is about. */
  ids: string;
  /** The card, round or address: of one target only one action is on its way. */
  target: string;
  /** Of the table. */
  title: string;
  /** The id of the member who has the request. */
  holder?: string;
  canUndo: boolean;
  /** The id of the member who acts. */
  as?: string;
  /** The id of the member to whom it is passed on. */
  to?: string;
}
