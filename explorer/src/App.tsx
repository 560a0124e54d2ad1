/** The page: the bar, and GraphiQL under it. */

import { HISTORY_PLUGIN } from '@graphiql/plugin-history';
import { GraphiQL } from 'graphiql';
import { useEffect, useMemo } from 'react';
import { Bar } from './Bar';
import { shades } from './color';
import { makeFetcher } from './fetcher';
import { useIdentity } from './identity';
import { BUILDER, DOCS } from './panes';
import { SHELF } from './shelf';

const PLUGINS = [BUILDER, HISTORY_PLUGIN, SHELF];

const WELCOME = `# Run this with Ctrl-Enter, or with the button on the right.
# Ctrl-Space completes; examples to start from are on the shelf on the left.

query Welcome {
  storefront {
    name
    locale
    currency
  }
  courses(first: 3) {
    totalCount
    nodes {
      slug
      title
    }
  }
}
`;

export function App() {
  const { tenant, school, session } = useIdentity();
  // Another school or person is another fetcher: what was open as the one before ends.
  const who = `${tenant} ${session?.email}`;
  const connection = useMemo(makeFetcher, [who]);
  useEffect(() => connection.close, [connection]);

  useEffect(() => {
    document.title = school ? `${school.name} · GraphQL explorer` : 'GraphQL explorer';
    for (const [name, value] of Object.entries(shades(school?.primaryColor))) document.documentElement.style.setProperty(name, value);
  }, [school]);

  return (
    <>
      <Bar />
      <GraphiQL
        fetcher={connection.fetcher}
        plugins={PLUGINS}
        referencePlugin={DOCS}
        visiblePlugin={SHELF}
        defaultQuery={WELCOME}
        defaultEditorToolsVisibility="variables"
        inputValueDeprecation
        schemaDescription
        shouldPersistHeaders={false}
        showPersistHeadersSettings={false}
      >
        <GraphiQL.Logo>{null}</GraphiQL.Logo>
      </GraphiQL>
    </>
  );
}
