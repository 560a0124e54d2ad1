// What there is in the school: three courses, and a student with a run of one.
import { said, visiting } from './house.ts'

export const slug = said('LMS_COURSE')
export const courseId = said('LMS_COURSE_ID')

export const authorization = `Bearer ${said('LMS_TOKEN')}`
export const signedIn = { ...visiting, Authorization: authorization }

export const enrollmentId = said('LMS_ENROLLMENT')

/** A lecture to read, and one of 100 seconds to watch. */
export const text = said('LMS_TEXT')
export const video = said('LMS_VIDEO')

/** Credentials of no account. */
export const nobody = { email: 'nobody@example.com', password: 'not their password' }
