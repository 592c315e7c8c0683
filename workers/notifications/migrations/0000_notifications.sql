CREATE TABLE `deliveries` (
	`id` text PRIMARY KEY NOT NULL,
	`notification_id` text NOT NULL,
	`mailbox` text NOT NULL,
	`channel` text NOT NULL,
	`state` text NOT NULL,
	`lease_until` integer NOT NULL,
	`leased_under` text NOT NULL,
	`attempts` integer NOT NULL,
	`next_attempt_at` integer NOT NULL,
	`provider_id` text,
	`reason` text,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `delivery_log` (
	`delivery_id` text NOT NULL,
	`attempt` integer NOT NULL,
	`outcome` text NOT NULL,
	`status` integer,
	`reason` text,
	`duration_ms` integer NOT NULL,
	`at` integer NOT NULL,
	PRIMARY KEY(`delivery_id`, `attempt`)
);
--> statement-breakpoint
CREATE TABLE `idempotency_keys` (
	`id` text PRIMARY KEY NOT NULL,
	`body_hash` text NOT NULL,
	`expires_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `idempotency_keys_expires_at` ON `idempotency_keys` (`expires_at`);--> statement-breakpoint
CREATE TABLE `notifications` (
	`id` text PRIMARY KEY NOT NULL,
	`seq` integer NOT NULL,
	`mailbox` text NOT NULL,
	`owner` text,
	`recipient` text NOT NULL,
	`category` text NOT NULL,
	`channels` text NOT NULL,
	`status` text NOT NULL,
	`send_at` integer NOT NULL,
	`next_attempt_at` integer,
	`next_at` integer NOT NULL,
	`attempts` integer NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `notifications_pending` ON `notifications` (`next_at`,`id`) WHERE status IN ('scheduled', 'held', 'queued');--> statement-breakpoint
CREATE INDEX `notifications_pending_own` ON `notifications` (`owner`,`next_at`,`id`) WHERE status IN ('scheduled', 'held', 'queued');--> statement-breakpoint
CREATE TABLE `rules` (
	`id` text PRIMARY KEY NOT NULL,
	`event_type` text NOT NULL,
	`recipient` text NOT NULL,
	`channels` text NOT NULL,
	`category` text NOT NULL,
	`enabled` integer DEFAULT true NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `rules_event_type` ON `rules` (`event_type`);--> statement-breakpoint
INSERT INTO `rules` (`id`, `event_type`, `recipient`, `channels`, `category`, `enabled`, `created_at`) VALUES
	('device-alert', 'device.rule.triggered.v1', 'device.owner', '["email","in-app"]', 'device-alert', 1, 0);
