// graphql-sse, in distinct-connections mode. The last test signs the student out.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createClient, NetworkError, type Client } from 'graphql-sse'

import { CoursePageDocument, SignInDocument, type CoursePageQuery, type MyProgressSubscription, type SignInMutation } from './gql/graphql.ts'
import { url, visiting } from './house.ts'
import { asked, patience, signOut, tick, watching } from './live.ts'
import { nobody, signedIn, slug } from './school.ts'

function client(headers: Record<string, string> = signedIn): Client<false> {
  return createClient({ url, headers, retryAttempts: 0 })
}

test('asks and is answered', patience, async () => {
  const messages = client(visiting).iterate<CoursePageQuery>(asked(CoursePageDocument, { slug }))

  const { value } = await messages.next()
  const { done } = await messages.next()

  assert.equal(value.data.course.slug, slug)
  assert.equal(done, true)
})

test('shows a refused mutation in its payload', patience, async () => {
  const { value } = await client(visiting).iterate<SignInMutation>(asked(SignInDocument, { input: nobody })).next()

  assert.equal(value.data.signIn.errors[0].code, 'CREDENTIALS_WRONG')
})

test('ticks while progress is recorded, until the client ends it', patience, async () => {
  const messages = client().iterate<MyProgressSubscription>(watching)

  await tick(messages)
  const ended = await messages.return?.()

  assert.equal(ended?.done, true)
})

test('a subscription of somebody not signed in ends with its code', patience, async () => {
  const messages = client(visiting).iterate(watching)

  const { value } = await messages.next()
  const { done } = await messages.next()

  assert.equal(value.errors[0].extensions.code, 'UNAUTHENTICATED')
  assert.equal(done, true)
})

test('is refused with a token that is no good', patience, async () => {
  const refused = client({ ...visiting, Authorization: 'Bearer made-up' }).iterate(watching).next()

  await assert.rejects(refused, (error) => error instanceof NetworkError && error.response.status === 401)
})

test('is refused with a document that is none', patience, async () => {
  const refused = client().iterate({ query: 'subscription { nothing }' }).next()

  await assert.rejects(refused, (error) => error instanceof NetworkError && error.response.status === 400)
})

test('ends with a code once the session has ended', patience, async () => {
  const messages = client().iterate(watching)
  await messages.next()

  const [{ value }] = await Promise.all([messages.next(), signOut()])
  const { done } = await messages.next()

  assert.equal(value.errors[0].extensions.code, 'UNAUTHENTICATED')
  assert.equal(done, true)
})
