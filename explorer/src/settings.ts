/** What the server says in the page it serves. */

export interface DemoSignIn {
  email: string;
  password: string;
  name: string;
  roles: string[];
}

interface Settings {
  /** The demo school's people; only in development. */
  demo: { tenant: string; signIns: DemoSignIn[] } | null;
}

export const settings = JSON.parse(document.getElementById('settings')!.textContent!) as Settings;
