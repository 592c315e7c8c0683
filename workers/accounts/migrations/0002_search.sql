CREATE TABLE `session_work` (
	`id` text PRIMARY KEY NOT NULL,
	`task` text NOT NULL,
	`user_id` text,
	`role` text,
	`after_created_at` integer DEFAULT -1 NOT NULL,
	`after_user_id` text DEFAULT '' NOT NULL,
	`traceparent` text,
	`due_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `session_work_due` ON `session_work` (`due_at`);--> statement-breakpoint
ALTER TABLE `user_roles` ADD `username` text DEFAULT '' NOT NULL;--> statement-breakpoint
ALTER TABLE `user_roles` ADD `status` text DEFAULT 'pending' NOT NULL;--> statement-breakpoint
CREATE INDEX `user_roles_username` ON `user_roles` (`role`,`username`);--> statement-breakpoint
CREATE INDEX `user_roles_status` ON `user_roles` (`role`,`status`,`created_at`,`user_id`);--> statement-breakpoint
CREATE INDEX `user_roles_status_username` ON `user_roles` (`role`,`status`,`username`);--> statement-breakpoint
CREATE INDEX `idempotency_keys_claim` ON `idempotency_keys` (`claim`);--> statement-breakpoint
CREATE INDEX `users_status_username` ON `users` (`status`,`username`);--> statement-breakpoint
-- Words to search accounts by; a row's number is that of its account, so that a walk in order is a walk by age. Punctuation of
-- addresses belongs to the word, a quote cannot; `search_name` holds letters, digits and spaces alone. `§` marks the status
-- and `¶` each role: no letters, so nobody searches for them by accident.
CREATE VIRTUAL TABLE `user_search` USING fts5(
  words, content='', contentless_delete=1, detail=none, prefix='1 2 3 4 5 6 7 8 9 10 11 12',
  tokenize="ascii tokenchars '+-._@'"
);
--> statement-breakpoint
CREATE TRIGGER `users_insert_lists` AFTER INSERT ON `users` BEGIN
  INSERT INTO user_roles (role, user_id, created_at, username, status)
    SELECT DISTINCT value, new.id, new.created_at, new.username, new.status FROM json_each(new.roles);
  INSERT INTO user_search (rowid, words) VALUES (new.rowid,
    replace(ltrim(new.username, '+'), '''', '.') || ' ' || coalesce(new.search_name, '') || ' §' || new.status || ' '
    || coalesce((SELECT group_concat('¶' || value, ' ') FROM json_each(new.roles)), ''));
END;
--> statement-breakpoint
CREATE TRIGGER `users_update_lists` AFTER UPDATE OF `username`, `search_name`, `roles`, `status`, `created_at` ON `users` BEGIN
  DELETE FROM user_roles WHERE user_id = old.id;
  INSERT INTO user_roles (role, user_id, created_at, username, status)
    SELECT DISTINCT value, new.id, new.created_at, new.username, new.status FROM json_each(new.roles);
  DELETE FROM user_search WHERE rowid = old.rowid;
  INSERT INTO user_search (rowid, words) VALUES (new.rowid,
    replace(ltrim(new.username, '+'), '''', '.') || ' ' || coalesce(new.search_name, '') || ' §' || new.status || ' '
    || coalesce((SELECT group_concat('¶' || value, ' ') FROM json_each(new.roles)), ''));
END;
--> statement-breakpoint
CREATE TRIGGER `users_delete_lists` AFTER DELETE ON `users` BEGIN
  DELETE FROM user_roles WHERE user_id = old.id;
  DELETE FROM user_search WHERE rowid = old.rowid;
END;
--> statement-breakpoint
INSERT INTO user_roles (role, user_id, created_at, username, status)
  SELECT DISTINCT value, users.id, users.created_at, users.username, users.status FROM users, json_each(users.roles)
  WHERE true ON CONFLICT DO NOTHING;
--> statement-breakpoint
INSERT INTO user_search (rowid, words) SELECT users.rowid,
  replace(ltrim(username, '+'), '''', '.') || ' ' || coalesce(search_name, '') || ' §' || status || ' '
  || coalesce((SELECT group_concat('¶' || value, ' ') FROM json_each(users.roles)), '') FROM users;
