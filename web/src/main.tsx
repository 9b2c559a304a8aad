import { render } from 'preact';
import { App } from './app';
import { Session } from './session';
import './styles.css';

const session = new Session();
render(<App session={session} />, document.getElementById('app')!);

// The module comes when the page stands still, so that a drop needs no network any more.
const whenIdle = globalThis.requestIdleCallback ?? ((callback: () => void) => setTimeout(callback, 200));
whenIdle(() => void session.prepare());
