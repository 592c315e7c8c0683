CREATE TABLE `agents` (
	`user_id` text PRIMARY KEY NOT NULL,
	`seq` integer NOT NULL,
	`display_name` text,
	`skills` text NOT NULL,
	`queue_ids` text,
	`capacity` integer NOT NULL,
	`wrap_up_seconds` integer NOT NULL,
	`activity` text NOT NULL,
	`activity_since` integer NOT NULL,
	`connected` integer NOT NULL,
	`active_contacts` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `agents_activity` ON `agents` (`activity`,`user_id`);--> statement-breakpoint
CREATE TABLE `conversation_members` (
	`user_id` text NOT NULL,
	`conversation_id` text NOT NULL,
	PRIMARY KEY(`user_id`, `conversation_id`)
);
--> statement-breakpoint
CREATE TABLE `conversations` (
	`id` text PRIMARY KEY NOT NULL,
	`seq` integer NOT NULL,
	`channel` text NOT NULL,
	`customer` text NOT NULL,
	`status` text NOT NULL,
	`assigned_to` text,
	`unread` integer NOT NULL,
	`last_message` text,
	`last_message_at` integer NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `conversations_newest` ON `conversations` (`last_message_at`,`id`);--> statement-breakpoint
CREATE INDEX `conversations_customer` ON `conversations` (`customer`,`last_message_at`,`id`);--> statement-breakpoint
CREATE INDEX `conversations_assigned` ON `conversations` (`assigned_to`,`last_message_at`,`id`);--> statement-breakpoint
-- reviewed: a flow's numbers are nothing without it, and a new flow takes them up again
CREATE TABLE `flow_numbers` (
	`number` text PRIMARY KEY NOT NULL,
	`flow_id` text NOT NULL,
	FOREIGN KEY (`flow_id`) REFERENCES `flows`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `flow_numbers_flow` ON `flow_numbers` (`flow_id`);--> statement-breakpoint
CREATE TABLE `flows` (
	`id` text PRIMARY KEY NOT NULL,
	`name` text NOT NULL,
	`steps` text NOT NULL,
	`version` integer NOT NULL,
	`request_hash` text,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `flows_name` ON `flows` (`name`,`id`);--> statement-breakpoint
CREATE TABLE `queues` (
	`id` text PRIMARY KEY NOT NULL,
	`seq` integer NOT NULL,
	`name` text NOT NULL,
	`skills` text NOT NULL,
	`priority` integer NOT NULL,
	`reservation_timeout_seconds` integer NOT NULL,
	`service_level_seconds` integer NOT NULL,
	`version` integer NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`removed_at` integer
);
--> statement-breakpoint
CREATE INDEX `queues_name` ON `queues` (`name`,`id`);--> statement-breakpoint
CREATE INDEX `calls_from` ON `calls` (`from_address`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `calls_to` ON `calls` (`to_address`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `calls_queue` ON `calls` (`queue_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `calls_agent` ON `calls` (`agent_id`,`created_at`,`id`);