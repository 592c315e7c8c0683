import { describe, expect, it } from 'vitest'
import { permissions, permissionsOf, rolePermissions } from './permissions.ts'

describe('built-in roles (contract §3)', () => {
  it('gives admin everything but devices:bridge, and bridge nothing else', () => {
    expect(permissions.filter((permission) => !rolePermissions.admin.includes(permission))).toEqual(
      ['devices:bridge'],
    )
    expect(rolePermissions.bridge).toEqual(['devices:bridge'])
  })

  it('lets each human role do all that the one below it may', () => {
    expect(rolePermissions.agent).toEqual(expect.arrayContaining([...rolePermissions.user]))
    expect(rolePermissions.supervisor).toEqual(expect.arrayContaining([...rolePermissions.agent]))
    expect(rolePermissions.admin).toEqual(expect.arrayContaining([...rolePermissions.supervisor]))
  })

  it('keeps a user from starting calls and from seeing others', () => {
    expect(rolePermissions.user).not.toContain('calls:write')
    expect(rolePermissions.user).not.toContain('users:read')
    expect(rolePermissions.agent).not.toContain('calls:read:all')
  })

  it('joins roles without repeats', () => {
    expect(permissionsOf(['agent', 'user'])).toEqual(permissionsOf(['agent']))
  })
})
