// Where the API under test is: the pytest that starts a script says so.
import assert from 'node:assert/strict'

export function said(name: string): string {
  const value = process.env[name]
  assert(value, `${name} is not set`)
  return value
}

export const url = said('LMS_URL')
export const tenant = said('LMS_TENANT')

/** A visitor's headers. */
export const visiting = { 'X-Tenant': tenant }
