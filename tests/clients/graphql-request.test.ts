// graphql-request: a fetch with types.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { ClientError, GraphQLClient } from 'graphql-request'

import { CatalogDocument, CoursePageDocument, EnrollDocument, SignInDocument } from './gql/graphql.ts'
import { url, visiting } from './house.ts'
import { courseId, nobody, slug } from './school.ts'

const client = new GraphQLClient(url, { headers: visiting })

function codes(error: unknown): unknown[] | undefined {
  assert(error instanceof ClientError)
  return error.response.errors?.map(({ extensions }) => extensions['code'])
}

test('reads a page', async () => {
  const { course } = await client.request(CoursePageDocument, { slug })

  assert.equal(course?.slug, slug)
  assert.equal(course.access.__typename, 'SignInRequired')
})

test('shows a refused mutation in its payload', async () => {
  const { signIn } = await client.request(SignInDocument, { input: nobody })

  assert.equal(signIn.session, null)
  assert.deepEqual(signIn.errors.map(({ code }) => code), ['CREDENTIALS_WRONG'])
})

test('pages through a list', async () => {
  const { courses: first } = await client.request(CatalogDocument, { first: 2 })
  const { courses: second } = await client.request(CatalogDocument, { first: 2, after: first.pageInfo.endCursor })

  assert.deepEqual([first.edges.length, second.edges.length], [2, 1])
  assert.deepEqual([first.pageInfo.hasNextPage, second.pageInfo.hasNextPage], [true, false])
  assert.equal(new Set([...first.edges, ...second.edges].map(({ node }) => node.id)).size, 3)
})

test('throws a refused query with its code', async () => {
  await assert.rejects(client.request(CatalogDocument, { first: 101 }), (error) => codes(error)?.[0] === 'BAD_USER_INPUT')
})

test('throws a mutation that needs somebody signed in', async () => {
  const refused = client.request(EnrollDocument, { input: { courseId, idempotencyKey: 'a' } })

  await assert.rejects(refused, (error) => codes(error)?.[0] === 'UNAUTHENTICATED')
})
