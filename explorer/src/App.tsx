/** The page: the bar, and GraphiQL under it. */

import { HISTORY_PLUGIN } from '@graphiql/plugin-history';
import { pick, useGraphiQL } from '@graphiql/react';
import { GraphiQL } from 'graphiql';
import { useEffect, useMemo } from 'react';
import { Bar } from './Bar';
import { shades } from './color';
import { makeFetcher } from './fetcher';
import { useIdentity } from './identity';
import { NARROW } from './narrow';
import { BUILDER, DOCS } from './panes';
import { SHELF } from './shelf';

const PLUGINS = [BUILDER, HISTORY_PLUGIN, SHELF];

const WELCOME = `# Ctrl-Enter or the button runs this.
# Ctrl-Space completes what you type.
# Examples to start from: the shelf.

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
  const { tenant, school, session, rights } = useIdentity();
  // Another school or person, or one with other rights, is another fetcher: what was open as the one before ends.
  const who = JSON.stringify([tenant, session?.email, rights]);
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
        visiblePlugin={NARROW.matches ? undefined : SHELF}
        defaultQuery={WELCOME}
        defaultEditorToolsVisibility="variables"
        inputValueDeprecation
        schemaDescription
        shouldPersistHeaders={false}
        showPersistHeadersSettings={false}
      >
        <GraphiQL.Logo>{null}</GraphiQL.Logo>
        <LongLines />
      </GraphiQL>
    </>
  );
}

/** Long lines go on below, so that nothing is out of sight beside a narrow column. */
function LongLines() {
  const editors = useGraphiQL(pick('queryEditor', 'variableEditor', 'headerEditor'));
  useEffect(() => {
    for (const editor of Object.values(editors)) editor?.updateOptions({ wordWrap: 'on' });
  }, [editors]);
  return null;
}
