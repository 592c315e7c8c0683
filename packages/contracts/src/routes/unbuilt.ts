/**
 * Paths of the contract that are not built yet, all methods unless one is named; `{name:a|b}` takes only those words.
 * They answer 501 and stand as open in docs/requirements.md.
 */
export const unbuiltPaths: readonly string[] = [
  '/devices/bridge/ticket',
  'PATCH /notifications/{id}',
  'DELETE /notifications/{id}',
  '/notifications/{id}/{part:events|retry}',
  '/templates',
  '/templates/preview',
  '/rules',
  '/rules/simulate',
  '/push/vapid-public-key',
  '/push/subscriptions',
  '/unsubscribe/{token}',
  '/webhook-endpoints',
  '/webhook-endpoints/{id}/deliveries',
  '/reports/{report:agents|queues|messages|notifications|devices|live|ticket|schedules|runs}',
  '/reports/evidence/{token}',
  '/admin/overview',
  '/admin/flags',
  '/admin/settings/{environment}',
  '/admin/settings/{environment}/{action:versions|diff|promote|rollback}',
  '/admin/dead-letters/{id}/{action:edit|dry-run|redrive}',
  '/admin/trace/{requestId}',
  '/upstream/{name}/{path:.+}',
  '/asyncapi.json',
  '/docs',
]
