import { describe, expect, it } from 'vitest'
import { Turns } from './turns.ts'

function counted() {
  const commits: { done: () => void; fail: (error: Error) => void }[] = []
  const turns = new Turns(
    () => new Promise((resolve, reject) => void commits.push({ done: resolve, fail: reject })),
  )
  const done: string[] = []
  const say = (word: string) => turns.run(async () => void done.push(word))
  return { turns, commits, done, say }
}

/** Lets all that is ready run. */
const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('turns', () => {
  it('do at once what comes while nothing is under way', async () => {
    const { commits, done, say } = counted()
    const said = say('a')
    expect(done).toEqual(['a'])
    await said
    commits.shift()?.done()
    await turn()
    void say('b')
    expect(done).toEqual(['a', 'b'])
  })

  it('do all that came during a commit in one turn after it, in order', async () => {
    const { commits, done, say } = counted()
    const all = ['a', 'b', 'c'].map(say)
    await turn()
    expect(done).toEqual(['a'])
    commits.shift()?.done()
    await Promise.all(all)
    expect(done).toEqual(['a', 'b', 'c'])
    await turn()
    expect(commits).toHaveLength(1)
    void say('d')
    expect(done).toHaveLength(3)
    commits.shift()?.done()
    await turn()
    expect(done).toEqual(['a', 'b', 'c', 'd'])
  })

  it('do not wait for work that takes its time, and tell each of its own failure only', async () => {
    const { turns, commits, done, say } = counted()
    void say('a')
    const endless = turns.run(() => new Promise(() => {}))
    const broken = turns.run(() => Promise.reject(new Error('a bug')))
    const last = say('b')
    await turn()
    commits.shift()?.done()
    await expect(broken).rejects.toThrow('a bug')
    await last
    expect(done).toEqual(['a', 'b'])
    expect(endless).toBeInstanceOf(Promise)
  })

  it('go on after a commit that failed', async () => {
    const { commits, done, say } = counted()
    void say('a')
    const second = say('b')
    await turn()
    commits.shift()?.fail(new Error('the disk'))
    await second
    expect(done).toEqual(['a', 'b'])
  })

  it('do what waits when they are told to, once', async () => {
    const { turns, commits, done, say } = counted()
    void say('a')
    void say('b')
    turns.catchUp()
    expect(done).toEqual(['a', 'b'])
    await turn()
    commits.shift()?.done()
    await turn()
    expect(done).toEqual(['a', 'b'])
  })
})
