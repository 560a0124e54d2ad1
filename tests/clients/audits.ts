// The audits of the GraphQL over HTTP specification; prints, as JSON, what came of each.
import { serverAudits } from 'graphql-http'

import { url, visiting } from './house.ts'

// Where the host decides nothing, a client says which school it means; the audits cannot know that.
function fetchFn(input: string | URL, init?: RequestInit): Promise<Response> {
  return fetch(input, { ...init, headers: { ...visiting, ...init?.headers } })
}

const found = []
for (const audit of serverAudits({ url, fetchFn })) {
  const result = await audit.fn()
  found.push({ name: `${result.id} ${result.name}`, reason: result.status === 'ok' ? null : result.reason })
}
console.log(JSON.stringify(found))
