/** Which school is asked, and as whom: one store for the bar, the fetcher and the shelf. */

import { useSyncExternalStore } from 'react';
import { Refused, ask, words, type Problem } from './api';

export interface School {
  slug: string;
  name: string;
  primaryColor: string;
  logoUrl: string | null;
}

export interface Session {
  accessToken: string;
  refreshToken: string;
  /** By this machine's clock, in milliseconds. */
  endsAt: number;
  email: string;
  name: string;
  roles: string[];
}

/** What operations may, beyond looking around: with both, they run with the sign-in's own token. */
export interface Rights {
  /** Change things. */
  changes: boolean;
  /** See personal data as far as one's rights go. */
  personal: boolean;
}

interface Identity {
  /** The slug sent as `X-Tenant`; null leaves it to the host. */
  tenant: string | null;
  school: School | null;
  session: Session | null;
  rights: Rights;
  /** Why the school could not be read, or why a session ended. */
  notice: string | null;
}

interface Tokens {
  accessToken: string;
  refreshToken: string;
  expiresAt: string;
}

const RENEW_BEFORE = 60_000;
const EXPLORER_LIFE = 8 * 3_600_000;
const KEY = 'lms-graph-explorer';

// A token is another school's nowhere: each school has a session of its own.
let sessions: Record<string, Session> = {};
const LOOKING: Rights = { changes: false, personal: false };
let identity: Identity = { tenant: null, school: null, session: null, rights: LOOKING, notice: null };
// An explorer's token for these rights, made when it is first needed; it ends with the sign-in, and so is good for every pair of that.
let explorer: { of: string; token: Promise<string>; endsAt: number } | null = null;
let renewal: ReturnType<typeof setTimeout> | undefined;
let renewing: Promise<void> | null = null;
const listeners = new Set<() => void>();

export function current(): Identity {
  return identity;
}

export function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useIdentity(): Identity {
  return useSyncExternalStore(subscribe, current);
}

function change(part: Partial<Identity>): void {
  identity = { ...identity, ...part };
  listeners.forEach((listener) => listener());
}

/** Takes up what a reload left, and asks whose address this is. */
export async function start(): Promise<void> {
  keepOverReload();
  try {
    await switchTo(identity.tenant);
  } catch (error) {
    change({ notice: message(error) });
  }
}

/** Goes to a school, as whoever is signed in there. Throws with words when there is none, and stays where it is. */
export async function switchTo(tenant: string | null): Promise<void> {
  const { data } = await ask<{ storefront: School }>('query School { storefront { slug name primaryColor logoUrl } }', {}, { tenant });
  const school = data.storefront;
  if (tenant && school.slug !== tenant) {
    throw new Refused(`This address belongs to ${school.name} alone. Open the other school's own address.`);
  }
  const rights = school.slug === identity.tenant ? identity.rights : LOOKING;
  change({ tenant: school.slug, school, session: sessions[school.slug] ?? null, rights, notice: null });
  renewInTime();
}

/** Null when they are in; else the token with which `confirmSecondFactor` takes the code of their app. */
export async function signIn(email: string, password: string): Promise<string | null> {
  const { tenant } = identity;
  const answer = await ask<{ signIn: { session: Tokens | null; secondFactorToken: string | null; errors: Problem[] } }>(
    'mutation SignIn($input: SignInInput!) { signIn(input: $input) { session { accessToken refreshToken expiresAt } secondFactorToken errors { message } } }',
    { input: { email, password } },
    { tenant },
  );
  const { session: tokens, secondFactorToken, errors } = answer.data.signIn;
  if (secondFactorToken) return secondFactorToken;
  if (!tokens) throw new Refused(words(errors));
  await enter(tenant, tokens, answer.at);
  return null;
}

/** `code` is the app's six digits, or else a recovery code. */
export async function confirmSecondFactor(secondFactorToken: string, code: string): Promise<void> {
  const { tenant } = identity;
  const given = /^\s*(\d\s*){6}$/.test(code) ? { code } : { recoveryCode: code };
  const answer = await ask<{ secondFactorConfirm: { session: Tokens | null; errors: Problem[] } }>(
    'mutation SecondFactor($input: SecondFactorConfirmInput!) { secondFactorConfirm(input: $input) { session { accessToken refreshToken expiresAt } errors { message } } }',
    { input: { secondFactorToken, ...given } },
    { tenant },
  );
  const { session: tokens, errors } = answer.data.secondFactorConfirm;
  if (!tokens) throw new Refused(words(errors));
  await enter(tenant, tokens, answer.at);
}

async function enter(tenant: string | null, tokens: Tokens, at: number): Promise<void> {
  const { data } = await ask<{ viewer: Pick<Session, 'email' | 'name' | 'roles'> }>(
    'query Viewer { viewer { email name roles } }',
    {},
    { tenant, token: tokens.accessToken },
  );
  keep(tenant, { ...data.viewer, ...lasting(tokens, at) });
}

/** What operations may from now on, until this tab is closed or somebody else signs in. */
export function allow(rights: Partial<Rights>): void {
  change({ rights: { ...identity.rights, ...rights } });
}

/** Ends the session on the server too. It is forgotten here even when the server is away. */
export async function signOut(): Promise<void> {
  const { tenant, session } = identity;
  if (!session) return;
  forget(tenant, null);
  await ask('mutation SignOut($input: SignOutInput!) { signOut(input: $input) { ok } }', { input: { refreshToken: session.refreshToken } }, { tenant });
}

/** A token that is good for a while yet and may what is allowed, or null for a visitor. */
export async function freshToken(): Promise<string | null> {
  if (identity.session && identity.session.endsAt - Date.now() < RENEW_BEFORE / 2) await renew();
  const { session, rights } = identity;
  if (!session || (rights.changes && rights.personal)) return session?.accessToken ?? null;
  return lookingWith(session);
}

/** The explorer's token. Whoever asks while it is made waits for the same one. */
function lookingWith(session: Session): Promise<string> {
  const { tenant, rights } = identity;
  const of = JSON.stringify([tenant, session.email, rights]);
  if (explorer?.of !== of || explorer.endsAt - Date.now() < RENEW_BEFORE) {
    const made = { of, token: makeExplorerToken(tenant, session.accessToken, rights), endsAt: Infinity };
    explorer = made;
    made.token.then(
      () => (made.endsAt = Date.now() + EXPLORER_LIFE),
      () => (explorer = explorer === made ? null : explorer), // the next request asks again
    );
  }
  return explorer.token;
}

async function makeExplorerToken(tenant: string | null, token: string, { changes, personal }: Rights): Promise<string> {
  const { data } = await ask<{ explorerTokenCreate: { accessToken: string | null; errors: Problem[] } }>(
    'mutation Look($input: ExplorerTokenCreateInput!) { explorerTokenCreate(input: $input) { accessToken errors { message } } }',
    { input: { writable: changes, personalData: personal, idempotencyKey: `explorer-${crypto.getRandomValues(new Uint32Array(4)).join('-')}` } },
    { tenant, token },
  );
  const { accessToken, errors } = data.explorerTokenCreate;
  if (!accessToken) throw new Refused(words(errors));
  return accessToken;
}

/** After a token was refused that should be good: another explorer's token with the next pair. */
export function renewAll(): Promise<void> {
  explorer = null;
  return renew();
}

/** The next pair of tokens; whoever asks meanwhile waits for the same one. A session that has ended is forgotten, with the reason as notice. */
export function renew(): Promise<void> {
  renewing ??= exchange().finally(() => (renewing = null));
  return renewing;
}

async function exchange(): Promise<void> {
  const { tenant, session } = identity;
  if (!session) return;
  const answer = await ask<{ sessionRefresh: { session: Tokens | null; errors: Problem[] } }>(
    'mutation Renew($input: SessionRefreshInput!) { sessionRefresh(input: $input) { session { accessToken refreshToken expiresAt } errors { message } } }',
    { input: { refreshToken: session.refreshToken } },
    { tenant },
  );
  const { session: tokens, errors } = answer.data.sessionRefresh;
  if (tokens) keep(tenant, { ...session, ...lasting(tokens, answer.at) });
  else forget(tenant, `You were signed out. ${words(errors)}`);
}

function lasting(tokens: Tokens, at: number): Pick<Session, 'accessToken' | 'refreshToken' | 'endsAt'> {
  const { accessToken, refreshToken, expiresAt } = tokens;
  return { accessToken, refreshToken, endsAt: Date.now() + Date.parse(expiresAt) - at };
}

function keep(tenant: string | null, session: Session): void {
  if (tenant) sessions = { ...sessions, [tenant]: session };
  if (tenant === identity.tenant) change({ session, notice: null });
  renewInTime();
}

function forget(tenant: string | null, notice: string | null): void {
  if (tenant) sessions = Object.fromEntries(Object.entries(sessions).filter(([slug]) => slug !== tenant));
  if (tenant === identity.tenant) change({ session: null, rights: LOOKING, notice });
  renewInTime();
}

function renewInTime(): void {
  clearTimeout(renewal);
  const { session } = identity;
  if (!session) return;
  // A server that is away now is asked again with the next request.
  renewal = setTimeout(() => renew().catch(() => undefined), Math.max(session.endsAt - Date.now() - RENEW_BEFORE, 0));
}

/**
 * Tokens live in memory. Only while the page reloads do they lie in sessionStorage: it belongs to this tab alone and ends with it.
 * They are not left there, because a duplicated tab gets a copy, and a refresh token that two tabs use looks stolen to the server.
 */
function keepOverReload(): void {
  const take = () => {
    const left = sessionStorage.getItem(KEY);
    sessionStorage.removeItem(KEY);
    return left;
  };
  const left = take();
  if (left) {
    const kept = JSON.parse(left) as { tenant: string | null; sessions: Record<string, Session>; rights: Rights };
    sessions = kept.sessions;
    change({ tenant: kept.tenant, rights: kept.rights ?? LOOKING });
  }
  addEventListener('pagehide', () => sessionStorage.setItem(KEY, JSON.stringify({ tenant: identity.tenant, sessions, rights: identity.rights })));
  addEventListener('pageshow', take);
}

export function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
