/** How GraphiQL reaches the API: queries and mutations over HTTP, subscriptions over a WebSocket, both as whoever is signed in. */

import type { Fetcher, FetcherOpts, FetcherParams } from '@graphiql/toolkit';
import { GraphQLError, getOperationAST, type ExecutionResult } from 'graphql';
import { createClient, type Client } from 'graphql-ws';
import { headersFor, reach } from './api';
import * as identity from './identity';
import { seen } from './finder';

/** A fetcher for the identity of this moment. Another school or another person is another fetcher, on a socket of its own. */
export function makeFetcher(): { fetcher: Fetcher; close: () => void } {
  const socket = createClient({
    url: `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/graphql`,
    connectionParams: async () => {
      const token = await identity.freshToken();
      const { tenant } = identity.current();
      return { ...(tenant ? { tenant } : {}), ...(token ? { authorization: `Bearer ${token}` } : {}) };
    },
    // 4403: nobody for this school and token. Asking again would be answered the same.
    shouldRetry: (event) => (event as Partial<CloseEvent>).code !== 4403,
  });
  let token = identity.current().session?.accessToken;
  const unsubscribe = identity.subscribe(() => {
    const next = identity.current().session?.accessToken;
    // A socket ends with the token it was opened with. Opened again with the next one, its subscriptions go on.
    if (next && next !== token) socket.terminate();
    token = next;
  });
  return {
    fetcher: (params, options) => (isSubscription(params, options) ? live(socket, params) : once(params, options)),
    close: () => {
      unsubscribe();
      void socket.dispose();
    },
  };
}

function isSubscription(params: FetcherParams, options: FetcherOpts | undefined): boolean {
  return !!options?.documentAST && getOperationAST(options.documentAST, params.operationName)?.operation === 'subscription';
}

async function once(params: FetcherParams, options: FetcherOpts | undefined): Promise<ExecutionResult> {
  const own = (options?.headers ?? {}) as Record<string, string>;
  const send = async () =>
    reach({
      headers: {
        'Content-Type': 'application/json',
        Accept: 'application/graphql-response+json, application/json;q=0.9',
        ...headersFor({ tenant: identity.current().tenant, token: await identity.freshToken() }),
        ...own,
      },
      body: JSON.stringify(params),
    });
  try {
    let response = await send();
    if (response.status === 401 && identity.current().session && !Object.keys(own).some((name) => name.toLowerCase() === 'authorization')) {
      // Ended elsewhere, by a sign-out on another device say. Either there is a next pair, or the bar says why there is none.
      await identity.renewAll();
      if (identity.current().session) response = await send();
    }
    return read(response.status, await response.text());
  } catch (error) {
    return told(identity.message(error));
  }
}

function read(status: number, text: string): ExecutionResult {
  try {
    const result = JSON.parse(text) as ExecutionResult;
    seen(result);
    return result;
  } catch {
    return told(`The server answered ${status} with something other than JSON: ${text.slice(0, 200)}`);
  }
}

/** A failure as the server would tell it: GraphiQL would add the stack of one that is thrown. */
function told(message: string): ExecutionResult {
  return { errors: [new GraphQLError(message)] };
}

function live(socket: Client, params: FetcherParams): AsyncIterableIterator<ExecutionResult> {
  const messages = socket.iterate({ query: params.query, variables: params.variables as Record<string, unknown>, operationName: params.operationName });
  // Not an async generator: its `return` would wait for the next message before it unsubscribes.
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    next: async () => {
      try {
        return (await messages.next()) as IteratorResult<ExecutionResult>;
      } catch (problem) {
        // It has ended with this: the next one is the end.
        if (Array.isArray(problem)) return { done: false, value: { errors: problem } };
        const closed = problem instanceof CloseEvent;
        return { done: false, value: told(closed ? `The live connection was closed (${problem.code}${problem.reason && `, ${problem.reason}`}).` : identity.message(problem)) };
      }
    },
    return: () => messages.return!() as Promise<IteratorResult<ExecutionResult>>,
  };
}
