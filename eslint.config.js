// The schema and the documents by @graphql-eslint: its recommended rules for both, and those for Relay.
import { readFileSync } from 'node:fs'

import graphql from '@graphql-eslint/eslint-plugin'
import { buildSchema } from 'graphql'

const schema = buildSchema(readFileSync('schema.graphql', 'utf8'))
const implementing = (name) => schema.getPossibleTypes(schema.getType(name)).map((type) => type.name)

// Values: they live in a field of what has an id, and are never asked for by themselves. A type that is not among them has an `id`.
const VALUES = [
  'AccessSource',
  'AttemptAnswer',
  'AttemptResult',
  'AttemptResultItem',
  'AuditDetail',
  'CommerceSettings',
  'CourseFacets',
  'CourseInstructor',
  'DisputeEvidence',
  'DnsRecord',
  'EnrollmentProgressEvent',
  'FacetValue',
  'FormattedText',
  'LearningPathCourse',
  'LectureProgress',
  'MailDomain',
  'MailSender',
  'Money',
  'OfferItem',
  'OfferPrice',
  'OfferQuote',
  'OrderReference',
  'OrderTaxLine',
  'OrdersExport',
  'PageInfo',
  'PayeeBalance',
  'PaymentProvider',
  'PayoutSchedule',
  'ProgressEventResult',
  'QuizContent',
  'RatingCount',
  'RefundLine',
  'RefundParty',
  'RefundPolicy',
  'RefundPreview',
  'RefundRecord',
  'RefundTerms',
  'Requirement',
  'ResumePoint',
  'ReviewReply',
  'Seller',
  'Session', // the tokens themselves, told once; the session with an id is SignedInSession
  'StorefrontDomain',
  'SubscriptionChangePreview',
  'TenantApi',
  'TextContent',
  'TrialBalanceRow',
  'VideoCaptions',
  'VideoChapter',
  'VideoContent',
]

const gone = VALUES.filter((name) => !schema.getType(name))
if (gone.length) throw new Error(`No longer in the schema: ${gone}`)

const common = {
  plugins: { '@graphql-eslint': graphql },
  languageOptions: { parser: graphql.parser, parserOptions: { graphQLConfig: { schema: 'schema.graphql', documents: 'tests/operations/*.graphql' } } },
}

export default [
  {
    ...common,
    files: ['schema.graphql'],
    rules: {
      ...graphql.configs['flat/schema-recommended'].rules,
      ...graphql.configs['flat/schema-relay'].rules,
      '@graphql-eslint/relay-edge-types': ['error', { listTypeCanWrapOnlyEdgeType: false }], // connections have `nodes` too
      '@graphql-eslint/strict-id-in-types': [
        'error',
        { exceptions: { suffixes: ['Connection', 'Edge', 'Payload'], types: [...implementing('UserError'), ...implementing('AccessDecision'), ...VALUES] } },
      ],
    },
  },
  {
    ...common,
    files: ['tests/operations/*.graphql'],
    rules: {
      ...graphql.configs['flat/operations-recommended'].rules,
      '@graphql-eslint/unique-fragment-name': 'off', // each file is whole, to be taken by itself
      '@graphql-eslint/require-selections': 'off', // they ask for what a page shows; a normalized cache wants `id` too
    },
  },
]
