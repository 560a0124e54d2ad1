// graphql-ws, over the platform's own WebSocket. The last test signs the student out.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test, type TestContext } from 'node:test'

import { createClient, type Client, type ClientOptions, type EventListener } from 'graphql-ws'

import { CatalogDocument, CoursePageDocument, MyProgressDocument, SignInDocument, type MyProgressSubscription } from './gql/graphql.ts'
import { tenant, url } from './house.ts'
import { asked, patience, signOut, tick, watching } from './live.ts'
import { authorization, enrollmentId, nobody, slug } from './school.ts'

const socketUrl = url.replace('http', 'ws')

function client(context: TestContext, options: Partial<ClientOptions> = {}): Client {
  const made = createClient({ url: socketUrl, retryAttempts: 0, connectionParams: { authorization, tenant }, ...options })
  context.after(() => made.dispose())
  return made
}

function coded(code: string): (errors: unknown) => boolean {
  return (errors) => Array.isArray(errors) && errors[0].extensions.code === code
}

test('asks and is answered', patience, async (context) => {
  const { value } = await client(context).iterate(asked(CoursePageDocument, { slug })).next()

  assert.equal(value.errors, undefined)
  assert.equal(value.data.course.slug, slug)
})

test('shows a refused mutation in its payload', patience, async (context) => {
  const { value } = await client(context).iterate(asked(SignInDocument, { input: nobody })).next()

  assert.deepEqual(value.data.signIn.errors.map(({ code }: { code: string }) => code), ['CREDENTIALS_WRONG'])
})

test('tells a refused query by its code', patience, async (context) => {
  const { value } = await client(context).iterate(asked(CatalogDocument, { first: 101 })).next()

  assert.equal(value.errors[0].extensions.code, 'BAD_USER_INPUT')
})

test('ends with the error of a document that cannot be run', patience, async (context) => {
  const refused = client(context).iterate({ query: '{ courses { colour } }' }).next()

  await assert.rejects(refused, coded('BAD_USER_INPUT'))
})

test('ticks while progress is recorded', patience, async (context) => {
  const messages = client(context).iterate<MyProgressSubscription>(watching)

  await tick(messages)
  const ended = await messages.return?.()

  assert.equal(ended?.done, true)
})

test('resumes after the last sequence', patience, async (context) => {
  const messages = client(context).iterate(asked(MyProgressDocument, { enrollmentId, after: 0 }))

  const { value } = await messages.next()

  assert.equal(value.data.enrollmentProgress.sequence, 1)
})

test('a subscription of somebody not signed in ends with its code', patience, async (context) => {
  const refused = client(context, { connectionParams: { tenant } }).iterate(watching).next()

  await assert.rejects(refused, coded('UNAUTHENTICATED'))
})

test('closes with 4403 on a token that is no good', patience, async (context) => {
  const refused = client(context, { connectionParams: { authorization: 'Bearer made-up', tenant } }).iterate(asked(CoursePageDocument, { slug })).next()

  await assert.rejects(refused, (event) => event instanceof CloseEvent && event.code === 4403)
})

test('closes with 4403 on a school that there is not', patience, async (context) => {
  const refused = client(context, { connectionParams: { tenant: 'no-such-school' } }).iterate(asked(CoursePageDocument, { slug })).next()

  await assert.rejects(refused, (event) => event instanceof CloseEvent && event.code === 4403)
})

test('answers the pings of a client', patience, async (context) => {
  const pongs: boolean[] = []
  const waiting = new Promise<void>((resolve) => {
    const pong: EventListener<'pong'> = (received) => {
      pongs.push(received)
      if (pongs.length === 2) resolve()
    }
    client(context, { lazy: false, keepAlive: 50, on: { pong } })
  })

  await waiting

  assert.deepEqual(pongs, [true, true])
})

test('speaks no other subprotocol', patience, async () => {
  const socket = new WebSocket(socketUrl, 'graphql-ws')

  const [event] = (await once(socket, 'close')) as [CloseEvent]

  assert.notEqual(event.code, 1000)
})

test('closes with 4403 once the session has ended', patience, async (context) => {
  const messages = client(context).iterate<MyProgressSubscription>(watching)
  await messages.next()

  const ended = messages.next()
  await Promise.all([signOut(), assert.rejects(ended, (event) => event instanceof CloseEvent && event.code === 4403)])
})
