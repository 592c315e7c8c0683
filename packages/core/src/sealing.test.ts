import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seal, unseal } from './sealing.ts'

const secret = 'a secret of thirty-two characters'

describe('sealing', () => {
  it('gives any text back to who has the secret, the purpose and the owner', () =>
    fc.assert(
      fc.asyncProperty(fc.string({ unit: 'grapheme' }), async (text) => {
        expect(await unseal(secret, 'p', await seal(secret, 'p', text, 'o'), 'o')).toBe(text)
      }),
      { numRuns: 50 },
    ))

  it('opens with nothing else, and not when one character was changed', async () => {
    const sealed = await seal(secret, 'p', 'text', 'o')
    const changed = `${sealed.slice(0, -2)}${sealed.at(-2) === 'A' ? 'B' : 'A'}${sealed.at(-1)}`
    await expect(unseal(`${secret}!`, 'p', sealed, 'o')).rejects.toThrow()
    await expect(unseal(secret, 'q', sealed, 'o')).rejects.toThrow()
    await expect(unseal(secret, 'p', sealed, 'other')).rejects.toThrow()
    await expect(unseal(secret, 'p', changed, 'o')).rejects.toThrow()
    await expect(unseal(secret, 'p', 'nothing', 'o')).rejects.toThrow()
  })

  it('never seals the same text alike', async () => {
    expect(await seal(secret, 'p', 'text', 'o')).not.toBe(await seal(secret, 'p', 'text', 'o'))
  })
})
