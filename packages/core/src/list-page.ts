import { readCursor, signCursor } from './cursor.ts'
import { principalOf } from './implement.ts'
import { page, type ResponseContext } from './respond.ts'

/** A place in a list: the values that it is ordered by, of the last row that was shown. */
export type ListPosition = readonly (string | number)[]

/** Some of a list. */
export interface ListPage<Item, Position extends ListPosition> {
  items: Item[]
  /** Where to go on; missing on the last page. */
  next?: Position | undefined
}

/** A page out of rows of which one more was read than it shows, which tells whether there is a next page. */
export function pageOf<Row, Item, const Position extends ListPosition>(
  found: readonly Row[],
  limit: number,
  toItem: (row: Row) => Item,
  positionOf: (row: Row) => Position,
): ListPage<Item, Position> {
  const last = found.length > limit ? found[limit - 1] : undefined
  return {
    items: found.slice(0, limit).map((row) => toItem(row)),
    ...(last === undefined ? {} : { next: positionOf(last) }),
  }
}

/**
 * A list whose cursors are signed: each is good for the caller and the filters it was made for. The page's size may
 * change.
 *
 * @param key that cursors are signed with
 * @param name of the list, which no other list may have
 * @param filters whatever else a cursor is bound to, in a fixed order
 *
 * @example
 * const list = signedList<FlowPosition>(c, CURSOR_KEY, 'flows', [filters])
 * return c.json(await list.page(await listFlows(db, limit, await list.after(cursor))), 200)
 */
export function signedList<Position extends ListPosition>(
  c: ResponseContext,
  key: string,
  name: string,
  filters: readonly unknown[] = [],
) {
  const scope = JSON.stringify([name, principalOf(c).id, ...filters])
  return {
    /**
     * Where a cursor goes on; `undefined` at the beginning.
     *
     * @throws AppError `validation_failed` for a cursor that was not made for this list
     */
    async after(cursor: string | undefined): Promise<Position | undefined> {
      // The signature says that it was this list that wrote it.
      return cursor === undefined
        ? undefined
        : ((await readCursor(key, scope, cursor)) as readonly (string | number)[] as Position)
    },

    /** The body of a page, with its cursor and link where there is more. */
    async page<Item>({ items, next }: ListPage<Item, Position>) {
      return page(c, items, next && (await signCursor(key, scope, next)))
    },
  }
}
