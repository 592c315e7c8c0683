CREATE TABLE `call_members` (
	`user_id` text NOT NULL,
	`call_id` text NOT NULL,
	`created_at` integer NOT NULL,
	PRIMARY KEY(`user_id`, `call_id`)
);
--> statement-breakpoint
CREATE INDEX `call_members_created_at` ON `call_members` (`user_id`,`created_at`,`call_id`);--> statement-breakpoint
CREATE TABLE `calls` (
	`id` text PRIMARY KEY NOT NULL,
	`seq` integer NOT NULL,
	`direction` text NOT NULL,
	`from_address` text NOT NULL,
	`to_address` text NOT NULL,
	`status` text NOT NULL,
	`queue_id` text,
	`agent_id` text,
	`created_at` integer NOT NULL,
	`offered_at` integer,
	`answered_at` integer,
	`ended_at` integer,
	`wait_seconds` integer,
	`talk_seconds` integer NOT NULL,
	`hold_seconds` integer NOT NULL,
	`after_contact_work_seconds` integer NOT NULL,
	`duration_seconds` integer NOT NULL,
	`disposition` text,
	`hangup_cause` text
);
--> statement-breakpoint
CREATE INDEX `calls_created_at` ON `calls` (`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `calls_active` ON `calls` (`id`) WHERE ended_at IS NULL;