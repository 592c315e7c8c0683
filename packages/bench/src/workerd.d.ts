/** The package of the runtime: where its program is. */
declare module 'workerd' {
  const workerd: { default: string }
  export default workerd
}
