/** GraphiQL's panes that live on the schema. Where a school keeps its schema to itself they say so, in place of an error. */

import { DOC_EXPLORER_PLUGIN, DocExplorer, DocExplorerStore } from '@graphiql/plugin-doc-explorer';
import { explorerPlugin } from '@graphiql/plugin-explorer';
import { pick, useGraphiQL, useGraphiQLActions, type GraphiQLPlugin } from '@graphiql/react';
import type { ReactNode } from 'react';

const explorer = explorerPlugin({ showAttribution: false });

function OnSchema({ title, children }: { title: string; children: ReactNode }) {
  const { fetchError, schema, isIntrospecting } = useGraphiQL(pick('fetchError', 'schema', 'isIntrospecting'));
  const { introspect } = useGraphiQLActions();
  if (schema || (!fetchError && isIntrospecting)) return children;
  const { refused, words } = read(fetchError);
  return (
    <section className="nothing" aria-label={title}>
      <h2>{refused ? 'This school keeps its schema to itself' : 'The schema could not be read'}</h2>
      {refused && <p>Introspection is switched off here, so there is nothing to browse and nothing to complete. Operations run as ever: the examples are a good start.</p>}
      <p className="quiet">{words}</p>
      <button type="button" className="plain" onClick={() => void introspect()} disabled={isIntrospecting}>
        Try again
      </button>
    </section>
  );
}

/** GraphiQL keeps the failed answer as text. */
function read(fetchError: string | null): { refused: boolean; words: string } {
  try {
    const { errors } = JSON.parse(fetchError ?? '') as { errors: { message: string; extensions?: { code?: string } }[] };
    return { refused: errors.some((error) => error.extensions?.code === 'FORBIDDEN'), words: errors.map((error) => error.message).join(' ') };
  } catch {
    return { refused: false, words: fetchError ?? '' };
  }
}

export const DOCS: GraphiQLPlugin = {
  ...DOC_EXPLORER_PLUGIN,
  content: () => (
    <OnSchema title="Documentation">
      <DocExplorerStore>
        <DocExplorer />
      </DocExplorerStore>
    </OnSchema>
  ),
};

export const BUILDER: GraphiQLPlugin = {
  ...explorer,
  content: () => (
    <OnSchema title="GraphiQL Explorer">
      <explorer.content />
    </OnSchema>
  ),
};
