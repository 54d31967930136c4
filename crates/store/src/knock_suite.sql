-- The suite of the group at whose door this device has asked. Version 5 of what tables.sql makes.

ALTER TABLE knock ADD COLUMN suite INTEGER NOT NULL DEFAULT 79;
