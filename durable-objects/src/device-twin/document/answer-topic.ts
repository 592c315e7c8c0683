/** One level, without what a broker cuts its connection for (MQTT 5 §1.5.4): the bridge's is everybody's. */
const answers = /^answers\/[^/+#\p{C}]{1,256}$/u

/**
 * Whether an answer may go to the response topic that a device named (MQTT 5 §4.10): `v1/devices/{d}/answers/{any}`, or
 * where answers go anyway. Nowhere else, since the bridge may send nowhere else: a topic that devices send on would make
 * an answer pass for a device's own word, and one that the broker refuses would hold up what comes after it.
 */
export function isAnswerTopic(topic: string, deviceId: string): boolean {
  const tree = `v1/devices/${deviceId}/`
  if (!topic.startsWith(tree) || !topic.isWellFormed()) return false
  const rest = topic.slice(tree.length)
  return rest === 'twin/state' || answers.test(rest)
}
