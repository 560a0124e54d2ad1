// urql, with its document cache.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Client, cacheExchange, fetchExchange } from '@urql/core'

import { CatalogDocument, CoursePageDocument, EnrollDocument, SignInDocument } from './gql/graphql.ts'
import { url, visiting } from './house.ts'
import { courseId, nobody, slug } from './school.ts'

function client(): Client {
  return new Client({ url, preferGetMethod: false, exchanges: [cacheExchange, fetchExchange], fetchOptions: { headers: visiting } })
}

test('reads a page, and again from its cache', async () => {
  const urql = client()

  const first = await urql.query(CoursePageDocument, { slug })
  const again = await urql.query(CoursePageDocument, { slug }, { requestPolicy: 'cache-only' })

  assert.equal(first.error, undefined)
  assert.equal(first.data?.course?.slug, slug)
  assert.deepEqual(again.data, first.data)
})

test('reads by GET', async () => {
  const { data, error } = await client().query(CoursePageDocument, { slug }, { preferGetMethod: 'force' })

  assert.equal(error, undefined)
  assert.equal(data?.course?.slug, slug)
})

test('shows a refused mutation in its payload', async () => {
  const { data, error } = await client().mutation(SignInDocument, { input: nobody })

  assert.equal(error, undefined)
  assert.equal(data?.signIn.session, null)
  assert.deepEqual(data.signIn.errors.map(({ code }) => code), ['CREDENTIALS_WRONG'])
})

test('pages through a list', async () => {
  const urql = client()

  const first = await urql.query(CatalogDocument, { first: 2 })
  const second = await urql.query(CatalogDocument, { first: 2, after: first.data?.courses.pageInfo.endCursor })

  const found = [first, second].map(({ data }) => data?.courses)
  assert.deepEqual(found.map((page) => page?.edges.length), [2, 1])
  assert.deepEqual(found.map((page) => page?.pageInfo.hasNextPage), [true, false])
  assert.equal(new Set(found.flatMap((page) => page?.edges.map(({ node }) => node.id))).size, 3)
})

test('tells a refused query by its code', async () => {
  const { error } = await client().query(CatalogDocument, { first: 101 })

  assert.deepEqual(error?.graphQLErrors.map(({ extensions }) => extensions['code']), ['BAD_USER_INPUT'])
})

test('tells a mutation that needs somebody signed in', async () => {
  const { error } = await client().mutation(EnrollDocument, { input: { courseId, idempotencyKey: 'a' } })

  assert.deepEqual(error?.graphQLErrors.map(({ extensions }) => extensions['code']), ['UNAUTHENTICATED'])
})
