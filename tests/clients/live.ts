// What the clients of subscriptions share: typed documents as they send them, and a learner who goes on meanwhile.
import assert from 'node:assert/strict'

import type { TypedDocumentNode } from '@graphql-typed-document-node/core'
import { print } from 'graphql'
import { GraphQLClient } from 'graphql-request'

import { CompleteLectureDocument, MyProgressDocument, RecordProgressDocument, SignOutDocument, type MyProgressSubscription } from './gql/graphql.ts'
import { url } from './house.ts'
import { enrollmentId, signedIn, text, video } from './school.ts'

export const patience = { timeout: 20_000 }

export function asked<Data, Variables extends Record<string, unknown>>(document: TypedDocumentNode<Data, Variables>, variables: Variables) {
  return { query: print(document), variables }
}

export const watching = asked(MyProgressDocument, { enrollmentId })

interface Message {
  data?: MyProgressSubscription | null | undefined
  errors?: readonly unknown[] | undefined
}

const elsewhere = new GraphQLClient(url, { headers: signedIn })

export async function signOut(): Promise<void> {
  const { signOut } = await elsewhere.request(SignOutDocument, { input: {} })
  assert.equal(signOut.ok, true)
}

/** Watches the run while its learner, elsewhere, watches half of the video and then reads the text. */
export async function tick(messages: AsyncIterableIterator<Message>): Promise<void> {
  const next = async () => {
    const { value, done } = await messages.next()
    assert(!done)
    assert.equal(value.errors, undefined)
    assert(value.data)
    return value.data.enrollmentProgress
  }
  const before = await next()
  assert.equal(before.enrollment?.progressPercent, 0)

  const event = { clientEventId: 1, lectureId: video, fromSeconds: 0, toSeconds: 50, occurredAt: new Date().toISOString() }
  const { progressRecord } = await elsewhere.request(RecordProgressDocument, { input: { enrollmentId, deviceId: 'phone', events: [event] } })
  assert.deepEqual([progressRecord.results?.map(({ status }) => status), progressRecord.errors], [['ACCEPTED'], []])
  const during = await next()
  assert.equal(during.sequence, before.sequence + 1)
  assert.equal(during.enrollment?.progressPercent, progressRecord.enrollment?.progressPercent)

  await elsewhere.request(CompleteLectureDocument, { input: { enrollmentId, lectureId: text } })
  const after = await next()
  assert.deepEqual([after.sequence, after.lectureCompleted, after.lecture?.id], [before.sequence + 2, true, text])
}
