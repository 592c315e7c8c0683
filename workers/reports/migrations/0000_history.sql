CREATE TABLE `call_facts` (
	`id` text PRIMARY KEY NOT NULL,
	`version` integer NOT NULL,
	`direction` text NOT NULL,
	`status` text NOT NULL,
	`queue_id` text NOT NULL,
	`agent_id` text NOT NULL,
	`created_at` integer,
	`answered_at` integer,
	`ended_at` integer,
	`talk_seconds` integer NOT NULL,
	`hold_seconds` integer NOT NULL,
	`duration_seconds` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `call_facts_created_at` ON `call_facts` (`created_at`);--> statement-breakpoint
CREATE TABLE `call_rollups` (
	`bucket_start` integer NOT NULL,
	`direction` text NOT NULL,
	`queue_id` text NOT NULL,
	`agent_id` text NOT NULL,
	`calls` integer NOT NULL,
	`calls_answered` integer NOT NULL,
	`calls_talked` integer NOT NULL,
	`talk_seconds` integer NOT NULL,
	`hold_seconds` integer NOT NULL,
	`duration_seconds` integer NOT NULL,
	PRIMARY KEY(`bucket_start`, `direction`, `queue_id`, `agent_id`)
);
