/** The shelf: example operations to start from. The documents are those that the tests send, so they cannot grow stale. */

import { pick, useGraphiQL, useGraphiQLActions, type GraphiQLPlugin } from '@graphiql/react';
import { Kind, parse, print, visit, type FragmentDefinitionNode, type OperationDefinitionNode } from 'graphql';
import { useState, type KeyboardEvent } from 'react';
import shelf from './examples.json';
import { fill } from './finder';
import { useIdentity } from './identity';
import { NARROW } from './narrow';

interface Example {
  operation: string;
  title: string;
  says: string;
  /** Somebody must be signed in. */
  as?: string;
  variables?: unknown;
}

const files = import.meta.glob<string>('../../tests/operations/*.graphql', { query: '?raw', import: 'default', eager: true });
const definitions = Object.values(files).map((text) => parse(text).definitions);

/** An operation with the fragments it uses, by its name. */
function documentOf(name: string): { kind: string; text: string } {
  for (const file of definitions) {
    const operation = file.find((node): node is OperationDefinitionNode => node.kind === Kind.OPERATION_DEFINITION && node.name?.value === name);
    if (!operation) continue;
    const used = new Set<FragmentDefinitionNode>();
    const collect = (node: OperationDefinitionNode | FragmentDefinitionNode): unknown =>
      visit(node, {
        FragmentSpread: ({ name }) => {
          const fragment = file.find((other): other is FragmentDefinitionNode => other.kind === Kind.FRAGMENT_DEFINITION && other.name.value === name.value);
          if (fragment && !used.has(fragment)) {
            used.add(fragment);
            collect(fragment);
          }
        },
      });
    collect(operation);
    return { kind: operation.operation, text: [operation, ...used].map(print).join('\n\n') };
  }
  throw new Error(`No operation ${name} in tests/operations`);
}

const groups = shelf.map(({ examples, ...group }) => ({
  ...group,
  examples: (examples as Example[]).map((example) => ({ ...example, ...documentOf(example.operation) })),
}));
type Ready = (typeof groups)[number]['examples'][number];

const KINDS: Record<string, string> = { query: 'query', mutation: 'change', subscription: 'live' };

/** What whoever is signed in most likely wants, until they choose. */
function groupOf(roles: string[] = []): string {
  if (roles.includes('STUDENT')) return 'Learner';
  if (roles.includes('TENANT_ADMIN')) return 'Admin';
  return roles.includes('INSTRUCTOR') ? 'Instructor' : 'Storefront';
}

function Shelf() {
  const { addTab, stop, setVisiblePlugin } = useGraphiQLActions();
  const { queryEditor, variableEditor } = useGraphiQL(pick('queryEditor', 'variableEditor'));
  const { session, rights } = useIdentity();
  const [opening, setOpening] = useState<Ready | null>(null);
  const [chosen, setChosen] = useState<string | null>(null);
  const shown = groups.find(({ group }) => group === (chosen ?? groupOf(session?.roles))) ?? groups[0]!;

  async function open(example: Ready) {
    setOpening(example);
    const { variables, first } = await fill(example.variables);
    const asked = [
      ...(example.as && !session ? ['Sign in first, at the top right.'] : []),
      ...(example.kind === 'mutation' && session && !rights.changes ? ['Allow changes first, at the top right under your name.'] : []),
      ...first.filter((line) => session || !line.startsWith('Sign in')),
    ];
    const head = [`${example.title}. ${example.says}`, ...asked];
    stop();
    addTab();
    queryEditor!.setValue(`${head.map((line) => `# ${line}`).join('\n')}\n\n${example.text}\n`);
    variableEditor!.setValue(example.variables ? `${JSON.stringify(variables, null, 2)}\n` : '');
    setOpening(null);
    // A narrow screen shows one thing at a time: now the operation.
    if (NARROW.matches) setVisiblePlugin(null);
    queryEditor!.focus();
  }

  return (
    <section className="shelf" aria-label="Examples">
      <h2>Examples</h2>
      <div className="groups" role="tablist" aria-label="For whom" onKeyDown={turn}>
        {groups.map(({ group }) => (
          <button key={group} type="button" role="tab" id={`tab-${group}`} aria-controls="examples" aria-selected={group === shown.group} tabIndex={group === shown.group ? 0 : -1} onClick={() => setChosen(group)}>
            {group}
          </button>
        ))}
      </div>
      <div role="tabpanel" id="examples" aria-labelledby={`tab-${shown.group}`}>
        <p className="quiet">{shown.says} Each opens in a tab of its own, filled in for this school.</p>
        <ul>
          {shown.examples.map((example) => (
            <li key={example.title}>
              <button type="button" disabled={!queryEditor || !variableEditor || opening !== null} aria-busy={opening === example} onClick={() => void open(example)}>
                <span className="line">
                  <strong>{example.title}</strong>
                  <span className={`kind ${example.kind}`}>{KINDS[example.kind]}</span>
                </span>
                <span className="says">{example.says.split('`').map((part, at) => (at % 2 ? <code key={at}>{part}</code> : part))}</span>
              </button>
            </li>
          ))}
        </ul>
      </div>
    </section>
  );
}

/** Arrow keys go from tab to tab, as tab lists do. */
function turn(event: KeyboardEvent<HTMLElement>) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const tabs = [...event.currentTarget.querySelectorAll<HTMLElement>('[role=tab]')];
  const next = tabs[(tabs.indexOf(event.target as HTMLElement) + step + tabs.length) % tabs.length]!;
  next.focus();
  next.click();
}

function ShelfIcon() {
  return (
    <svg viewBox="0 0 20 20" fill="none" stroke="currentColor" strokeWidth="1.5" strokeLinejoin="round" aria-hidden="true">
      <path d="M2.5 17.5h15M4 3.5h3v14H4zM7 6h3.5v11.5H7zM11.2 5.9l2.9-.8 3.2 11.7-2.9.8z" />
    </svg>
  );
}

export const SHELF: GraphiQLPlugin = { title: 'Examples', icon: ShelfIcon, content: Shelf };
