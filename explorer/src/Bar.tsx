/** The bar on top: whose school this is, and who is signed in. */

import { useEffect, useId, useRef, useState, type FormEvent, type ReactNode } from 'react';
import { allow, confirmSecondFactor, freshToken, message, signIn, signOut, switchTo, useIdentity, type Rights, type Session } from './identity';
import { settings, type DemoSignIn } from './settings';

export function Bar() {
  const { school, tenant, session, rights, notice } = useIdentity();
  return (
    <>
      <header className="bar">
        <Panel
          label="Switch school"
          className="school"
          button={
            <>
              <Mark />
              <span className="names">
                <strong>{school?.name ?? 'No school'}</strong>
                <small>{school ? `Explorer · ${school.slug}` : 'Choose one'}</small>
              </span>
              <Chevron />
            </>
          }
        >
          {(close) => <SchoolForm slug={tenant ?? ''} close={close} />}
        </Panel>
        <Panel
          label={session ? `Signed in as ${session.name}` : 'Sign in'}
          className={session ? 'person' : 'person out'}
          button={
            session ? (
              <>
                <span className="face" aria-hidden="true">
                  {initials(session.name)}
                </span>
                <span className="names">
                  <strong>{session.name}</strong>
                  <small>
                    {session.roles.map(role).join(', ')}
                    <em> · {said(rights)}</em>
                  </small>
                </span>
                <Chevron />
              </>
            ) : (
              'Sign in'
            )
          }
        >
          {(close) => (session ? <Account session={session} close={close} /> : <SignInForm close={close} />)}
        </Panel>
      </header>
      {notice && (
        <p className="notice" role="alert">
          {notice}
        </p>
      )}
    </>
  );
}

/** A button with a box under it: a modal dialog, so that the keyboard stays inside and Escape closes it. */
function Panel({ label, className, button, children }: { label: string; className: string; button: ReactNode; children: (close: () => void) => ReactNode }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [open, setOpen] = useState(false);
  useEffect(() => {
    if (open) dialog.current!.showModal();
    else dialog.current!.close();
  }, [open]);
  return (
    <>
      <button type="button" className={className} aria-label={label} aria-haspopup="dialog" aria-expanded={open} onClick={() => setOpen(true)}>
        {button}
      </button>
      <dialog ref={dialog} className={`panel ${className}`} aria-label={label} onClose={() => setOpen(false)} onClick={(event) => event.target === dialog.current && setOpen(false)}>
        {open && children(() => setOpen(false))}
      </dialog>
    </>
  );
}

/** Runs one thing at a time, and keeps the words in which it failed. */
function useAction(): { busy: boolean; trouble: string | null; act: (action: () => Promise<void>) => Promise<void> } {
  const [busy, setBusy] = useState(false);
  const [trouble, setTrouble] = useState<string | null>(null);
  async function act(action: () => Promise<void>) {
    setBusy(true);
    setTrouble(null);
    try {
      await action();
    } catch (error) {
      setTrouble(message(error));
    } finally {
      setBusy(false);
    }
  }
  return { busy, trouble, act };
}

function SchoolForm({ slug, close }: { slug: string; close: () => void }) {
  const { school } = useIdentity();
  const { busy, trouble, act } = useAction();
  const [wanted, setWanted] = useState(slug);
  const id = useId();
  function submit(event: FormEvent) {
    event.preventDefault();
    void act(async () => {
      await switchTo(wanted.trim());
      close();
    });
  }
  return (
    <form onSubmit={submit}>
      <h2>School</h2>
      <p className="quiet">
        {school ? `You are asking ${school.name}. ` : ''}Each school has its own courses, people and sessions; its slug goes with every request as <code>X-Tenant</code>.
      </p>
      <label htmlFor={id}>Slug</label>
      <input id={id} value={wanted} onChange={(event) => setWanted(event.target.value)} required pattern="[a-z0-9\-]{1,63}" title="Lower-case letters, digits and hyphens" autoComplete="off" autoCapitalize="none" spellCheck={false} autoFocus />
      <Trouble>{trouble}</Trouble>
      <footer>
        <button type="button" className="plain" onClick={close}>
          Cancel
        </button>
        <button type="submit" className="main" disabled={busy}>
          Switch
        </button>
      </footer>
    </form>
  );
}

function SignInForm({ close }: { close: () => void }) {
  const { school, tenant } = useIdentity();
  const { busy, trouble, act } = useAction();
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const [secondFactorToken, setSecondFactorToken] = useState<string | null>(null);
  const id = useId();
  const demo = settings.demo && settings.demo.tenant === tenant ? settings.demo.signIns : [];
  const enter = (as: Pick<DemoSignIn, 'email' | 'password'>) =>
    act(async () => {
      const token = await signIn(as.email, as.password);
      setSecondFactorToken(token);
      if (!token) close();
    });
  function submit(event: FormEvent) {
    event.preventDefault();
    void enter({ email, password });
  }
  if (secondFactorToken) return <SecondFactorForm token={secondFactorToken} close={close} />;
  return (
    <form onSubmit={submit}>
      <h2>Sign in{school ? ` to ${school.name}` : ''}</h2>
      <label htmlFor={`${id}e`}>E-mail address</label>
      <input id={`${id}e`} type="email" autoComplete="username" value={email} onChange={(event) => setEmail(event.target.value)} required autoFocus />
      <label htmlFor={`${id}p`}>Password</label>
      <input id={`${id}p`} type="password" autoComplete="current-password" value={password} onChange={(event) => setPassword(event.target.value)} required />
      <Trouble>{trouble}</Trouble>
      <footer>
        <button type="button" className="plain" onClick={close}>
          Cancel
        </button>
        <button type="submit" className="main" disabled={busy}>
          Sign in
        </button>
      </footer>
      {demo.length > 0 && (
        <fieldset className="demo" disabled={busy}>
          <legend>Or as one of the demo school</legend>
          {demo.map((person) => (
            <button key={person.email} type="button" onClick={() => void enter(person)}>
              <span className="face" aria-hidden="true">
                {initials(person.name)}
              </span>
              <span className="names">
                <strong>{person.name}</strong>
                <small>{person.email}</small>
              </span>
              <span className="role">{person.roles.map(role).join(', ')}</span>
            </button>
          ))}
        </fieldset>
      )}
    </form>
  );
}

function SecondFactorForm({ token, close }: { token: string; close: () => void }) {
  const { busy, trouble, act } = useAction();
  const [code, setCode] = useState('');
  const id = useId();
  function submit(event: FormEvent) {
    event.preventDefault();
    void act(async () => {
      await confirmSecondFactor(token, code);
      close();
    });
  }
  return (
    <form onSubmit={submit}>
      <h2>One more thing</h2>
      <label htmlFor={id}>Code of your authenticator app, or a recovery code</label>
      <input id={id} autoComplete="one-time-code" value={code} onChange={(event) => setCode(event.target.value)} required autoFocus />
      <Trouble>{trouble}</Trouble>
      <footer>
        <button type="button" className="plain" onClick={close}>
          Cancel
        </button>
        <button type="submit" className="main" disabled={busy}>
          Sign in
        </button>
      </footer>
    </form>
  );
}

function Account({ session, close }: { session: Session; close: () => void }) {
  const { rights } = useIdentity();
  const { trouble, act } = useAction();
  const [copied, setCopied] = useState(false);
  return (
    <div>
      <h2>{session.name}</h2>
      <dl>
        <dt>E-mail address</dt>
        <dd>{session.email}</dd>
        <dt>{session.roles.length > 1 ? 'Roles' : 'Role'}</dt>
        <dd>{session.roles.map(role).join(', ') || 'None'}</dd>
        <dt>Access token</dt>
        <dd>
          until {new Date(session.endsAt).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })}, then renewed by itself
        </dd>
      </dl>
      <div className="rights">
        <Switch on={rights.changes} turn={(changes) => allow({ changes })} label="Allow changes">
          Otherwise mutations are refused.
        </Switch>
        <Switch on={rights.personal} turn={(personal) => allow({ personal })} label="Show personal data">
          Otherwise addresses are masked, yours too.
        </Switch>
      </div>
      <p className="quiet">
        Operations and subscriptions run with a token that may no more than this. An <code>Authorization</code> of your own in the tab “Headers” goes before it.
      </p>
      <Trouble>{trouble}</Trouble>
      <footer>
        <button type="button" className="plain" onClick={() => void act(() => freshToken().then((token) => navigator.clipboard.writeText(token ?? '')).then(() => setCopied(true)))}>
          {copied ? 'Copied' : 'Copy token'}
        </button>
        <button
          type="button"
          className="main"
          autoFocus
          onClick={() => {
            close();
            void signOut().catch(() => undefined); // the server is away: the token ends by itself
          }}
        >
          Sign out
        </button>
      </footer>
    </div>
  );
}

function Switch({ on, turn, label, children }: { on: boolean; turn: (on: boolean) => void; label: string; children: ReactNode }) {
  const id = useId();
  return (
    <div className="switch">
      <input id={id} type="checkbox" role="switch" checked={on} onChange={(event) => turn(event.target.checked)} aria-describedby={`${id}s`} />
      <label htmlFor={id}>{label}</label>
      <small id={`${id}s`}>{children}</small>
    </div>
  );
}

/** What operations may, in a few words. */
function said({ changes, personal }: Rights): string {
  if (changes) return personal ? 'all allowed' : 'changes allowed';
  return personal ? 'only looking, personal data shown' : 'only looking';
}

function Trouble({ children }: { children: string | null }) {
  return (
    <p className="trouble" role="alert">
      {children}
    </p>
  );
}

function Mark() {
  const { school } = useIdentity();
  // Files are served by the API itself; a logo from elsewhere is not loaded.
  const path = school?.logoUrl && new URL(school.logoUrl).pathname;
  if (path?.startsWith('/files/')) return <img className="mark" src={path} alt="" />;
  return (
    <span className="mark" aria-hidden="true">
      {initials(school?.name ?? '?')}
    </span>
  );
}

function Chevron() {
  return (
    <svg className="chevron" viewBox="0 0 12 12" fill="none" stroke="currentColor" strokeWidth="1.5" aria-hidden="true">
      <path d="m2.5 4.5 3.5 3.5 3.5-3.5" />
    </svg>
  );
}

function initials(name: string): string {
  const words = name.split(/\s+/);
  return [words[0], words.length > 1 ? words[words.length - 1] : ''].map((word) => word?.[0] ?? '').join('').toUpperCase();
}

/** `TENANT_ADMIN` → `Tenant admin`. */
function role(name: string): string {
  const words = name.replaceAll('_', ' ').toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
