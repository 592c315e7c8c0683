CREATE TABLE `broker_logins` (
	`username` text PRIMARY KEY NOT NULL,
	`device_id` text NOT NULL,
	`id` text NOT NULL,
	`secret_hash` text NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer
);
--> statement-breakpoint
CREATE INDEX `broker_logins_device` ON `broker_logins` (`device_id`);--> statement-breakpoint
INSERT INTO `broker_logins` (`username`, `device_id`, `id`, `secret_hash`, `created_at`)
SELECT `device_id`, `device_id`,
  lower(printf('%s-%s-4%s-8%s-%s', hex(randomblob(4)), hex(randomblob(2)), substr(hex(randomblob(2)), 2), substr(hex(randomblob(2)), 2), hex(randomblob(6)))),
  `secret_hash`, `created_at`
FROM `device_credentials`;
