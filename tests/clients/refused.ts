// What the schema refuses does not compile: should one of these lines, the compiler finds its `@ts-expect-error` unused.
import { Client } from '@urql/core'

import { CatalogDocument, CoursePageDocument, EnrollDocument, LecturePlayerDocument, SaveAnswerDocument, type CoursePageQueryVariables } from './gql/graphql.ts'

export async function refused(client: Client): Promise<unknown[]> {
  // @ts-expect-error  a variable that is required
  client.query(CoursePageDocument, {})
  // @ts-expect-error  a variable that there is not
  const _variables: CoursePageQueryVariables = { slug: 'rye-bread', tenant: 'demo' }
  // @ts-expect-error  a value of another kind
  client.query(CatalogDocument, { first: '10' })
  // @ts-expect-error  a value that the enum has not
  client.query(CatalogDocument, { where: { level: { eq: 'EXPERT' } } })
  // @ts-expect-error  an input field that must be given
  client.mutation(EnrollDocument, { input: { courseId: 'crs_1' } })
  // @ts-expect-error  two answers where one is taken
  client.mutation(SaveAnswerDocument, { input: { attemptId: 'att_1', questionId: 'qst_1', answer: { choice: [], trueFalse: true } } })

  const course = (await client.query(CoursePageDocument, { slug: 'rye-bread' })).data?.course
  const lecture = (await client.query(LecturePlayerDocument, { id: 'lec_1' })).data?.lecture
  const nullable = lecture?.content
  return [
    // @ts-expect-error  a field that was not asked for
    course?.enrollmentPolicy,
    // @ts-expect-error  a list may be empty
    course?.sections[0].title,
    // @ts-expect-error  null is one of the values
    nullable.__typename,
    // @ts-expect-error  a field of another case
    lecture?.content?.__typename === 'TextContent' && lecture.content.chapters,
    // @ts-expect-error  a decimal is a text
    (lecture?.content?.__typename === 'QuizContent' && lecture.content.quiz.passingScore) * 2,
    // These do compile.
    course?.title.length,
    lecture?.content?.__typename === 'VideoContent' && lecture.content.chapters[0]?.startSeconds,
  ]
}
