import { describe, expect, it } from 'vitest'
import { errorCodes } from '../problem.ts'
import { allRoutes, unbuiltPaths } from './index.ts'

const name = (route: (typeof allRoutes)[number]) => `${route.method.toUpperCase()} ${route.path}`

describe('declared routes', () => {
  it('declares each method and path once', () => {
    const names = allRoutes.map(name)
    expect(new Set(names).size).toBe(names.length)
  })

  it.each(allRoutes.map((route) => [name(route), route] as const))(
    '%s lists a problem for 500 and says who may call',
    (_, route) => {
      expect(route.responses).toHaveProperty(String(errorCodes.internal_error.status))
      if (route.policy.permission) expect(['bearer', 'socket']).toContain(route.policy.access)
      if (route.policy.access === 'bearer') expect(route.responses).toHaveProperty('401')
    },
  )

  it('does not list a built path as unbuilt', () => {
    for (const route of allRoutes) expect(unbuiltPaths).not.toContain(route.path)
  })
})
