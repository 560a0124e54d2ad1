// Apollo Client, with its normalized cache.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'

import { ApolloClient, CombinedGraphQLErrors, gql, HttpLink, InMemoryCache } from '@apollo/client'
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries'
import { relayStylePagination } from '@apollo/client/utilities'

import { CatalogDocument, CoursePageDocument, EnrollDocument, SignInDocument } from './gql/graphql.ts'
import possible from './gql/possible-types.ts'
import { url, visiting } from './house.ts'
import { courseId, nobody, slug } from './school.ts'

function client(): ApolloClient {
  return new ApolloClient({
    link: new HttpLink({ uri: url, headers: visiting }),
    cache: new InMemoryCache({
      possibleTypes: possible.possibleTypes,
      typePolicies: { Query: { fields: { courses: relayStylePagination(['search', 'where', 'orderBy']) } } },
    }),
  })
}

test('reads a page, and again from its cache', async () => {
  const apollo = client()

  const first = await apollo.query({ query: CoursePageDocument, variables: { slug } })
  const again = await apollo.query({ query: CoursePageDocument, variables: { slug }, fetchPolicy: 'cache-only' })

  assert.equal(first.data?.course?.slug, slug)
  assert.equal(first.data.course.access.__typename, 'SignInRequired')
  assert.deepEqual(again.data, first.data)
})

test('shows a refused mutation in its payload', async () => {
  const { data, error } = await client().mutate({ mutation: SignInDocument, variables: { input: nobody } })

  assert.equal(error, undefined)
  assert.equal(data?.signIn.session, null)
  assert.deepEqual(data.signIn.errors.map(({ code }) => code), ['CREDENTIALS_WRONG'])
})

test('fetches the next page of a list into its cache', async () => {
  const apollo = client()
  const variables = { first: 2 }

  const { data: first } = await apollo.query({ query: CatalogDocument, variables })
  assert.equal(first?.courses.pageInfo.hasNextPage, true)
  const catalog = apollo.watchQuery({ query: CatalogDocument, variables })
  const shown = catalog.subscribe({})
  const { data: second } = await catalog.fetchMore({ variables: { after: first.courses.pageInfo.endCursor } })
  shown.unsubscribe()

  assert.equal(second?.courses.pageInfo.hasNextPage, false)
  const merged = apollo.readQuery({ query: CatalogDocument, variables })
  assert.equal(new Set(merged?.courses.edges.map(({ node }) => node.id)).size, 3)
})

test('throws a refused query with its code', async () => {
  const refused = client().query({ query: CatalogDocument, variables: { first: 101 } })

  await assert.rejects(refused, (error) => CombinedGraphQLErrors.is(error) && error.errors[0]?.extensions?.['code'] === 'BAD_USER_INPUT')
})

test('throws a mutation that needs somebody signed in', async () => {
  const refused = client().mutate({ mutation: EnrollDocument, variables: { input: { courseId, idempotencyKey: 'a' } } })

  await assert.rejects(refused, (error) => CombinedGraphQLErrors.is(error) && error.errors[0]?.extensions?.['code'] === 'UNAUTHENTICATED')
})

test('sends a document once, then its hash alone', async () => {
  const sent: RequestInit[] = []
  const addresses: string[] = []
  const watched: typeof fetch = (address, how = {}) => {
    sent.push(how)
    addresses.push(String(address))
    return fetch(address, how)
  }
  const hashed = new PersistedQueryLink({ sha256: (text) => createHash('sha256').update(text).digest('hex'), useGETForHashedQueries: true })
  const apollo = new ApolloClient({ link: hashed.concat(new HttpLink({ uri: url, headers: visiting, fetch: watched })), cache: new InMemoryCache() })
  const query = gql`query Once { storefront { slug supportEmail } }`

  const first = await apollo.query({ query, fetchPolicy: 'network-only' })
  const again = await apollo.query({ query, fetchPolicy: 'network-only' })

  assert.deepEqual(again.data, first.data)
  assert.deepEqual(sent.map(({ method }) => method), ['GET', 'POST', 'GET'])
  assert.match(String(sent[1]?.body), /query Once/)
  assert.doesNotMatch(String(addresses[2]), /query=/)
})
