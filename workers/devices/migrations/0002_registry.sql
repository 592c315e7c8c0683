CREATE TABLE `claim_codes` (
	`hash` text PRIMARY KEY NOT NULL,
	`device_id` text NOT NULL,
	`expires_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `claim_codes_expires_at` ON `claim_codes` (`expires_at`);--> statement-breakpoint
CREATE TABLE `claim_failures` (
	`user_id` text PRIMARY KEY NOT NULL,
	`count` integer NOT NULL,
	`ends_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `claim_failures_ends_at` ON `claim_failures` (`ends_at`);--> statement-breakpoint
CREATE TABLE `device_tags` (
	`device_id` text NOT NULL,
	`tag` text NOT NULL,
	`owner_id` text NOT NULL,
	PRIMARY KEY(`device_id`, `tag`)
);
--> statement-breakpoint
CREATE INDEX `device_tags_tag` ON `device_tags` (`tag`,`device_id`);--> statement-breakpoint
CREATE INDEX `device_tags_owner` ON `device_tags` (`owner_id`,`tag`,`device_id`);--> statement-breakpoint
CREATE TABLE `retired_devices` (
	`id` text PRIMARY KEY NOT NULL
);
--> statement-breakpoint
ALTER TABLE `devices` ADD `tags` text DEFAULT '[]' NOT NULL;--> statement-breakpoint
ALTER TABLE `devices` ADD `inactivity_timeout_seconds` integer;--> statement-breakpoint
ALTER TABLE `devices` ADD `active` integer DEFAULT 1 NOT NULL;--> statement-breakpoint
CREATE INDEX `devices_state` ON `devices` (`state`,`id`);--> statement-breakpoint
CREATE INDEX `devices_owner_state` ON `devices` (`owner_id`,`state`,`id`);