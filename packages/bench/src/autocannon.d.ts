declare module 'autocannon' {
  interface Options {
    url: string
    headers?: Record<string, string>
    duration: number
    connections: number
    workers?: number
  }
  interface Result {
    '2xx': number
    non2xx: number
    errors: number
    /** Seconds. */
    duration: number
  }
  export default function autocannon(options: Options): Promise<Result>
}
