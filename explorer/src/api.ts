/** The page's own requests: which school this is, and signing in. */

export interface Problem {
  message: string;
}

interface Asking {
  tenant: string | null;
  token?: string | null;
}

interface Answer<Data> {
  data: Data;
  /** The server's clock when it answered: tokens end by that one, whatever this machine's says. */
  at: number;
}

export class Refused extends Error {}

export function headersFor({ tenant, token }: Asking): Record<string, string> {
  return {
    ...(tenant ? { 'X-Tenant': tenant } : {}),
    ...(token ? { Authorization: `Bearer ${token}` } : {}),
  };
}

/** Fetches, and says in words when nobody answers. */
export async function reach(init: RequestInit): Promise<Response> {
  try {
    return await fetch('/graphql', { ...init, method: 'POST' });
  } catch (error) {
    if (error instanceof DOMException) throw error; // stopped by the user
    throw new Error('The server does not answer. Is it running?');
  }
}

/** The data of an operation. Throws `Refused` with the server's words when there is none. */
export async function ask<Data>(query: string, variables: Record<string, unknown>, asking: Asking): Promise<Answer<Data>> {
  const response = await reach({
    headers: { 'Content-Type': 'application/json', Accept: 'application/json', ...headersFor(asking) },
    body: JSON.stringify({ query, variables }),
  });
  const body = (await response.json().catch(() => null)) as { data?: Data; errors?: Problem[] } | null;
  if (!body) throw new Error(`The server answered ${response.status} without a word of explanation. Try again.`);
  if (body.errors?.length || !body.data) throw new Refused(words(body.errors ?? []));
  return { data: body.data, at: Date.parse(response.headers.get('Date') ?? '') || Date.now() };
}

export function words(problems: Problem[]): string {
  return problems.map((problem) => problem.message).join(' ') || 'The server refused without saying why.';
}
