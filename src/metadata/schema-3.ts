/**
 * Version 3 of the index: when the upstream was first seen to name the pending digest, and from when on a fetch of that
 * digest moves the tag.
 */
export const schemaVersion3 = `
ALTER TABLE tag ADD COLUMN pending_since INTEGER;
ALTER TABLE tag ADD COLUMN pending_due INTEGER;
UPDATE tag SET pending_since = checked_at, pending_due = checked_at WHERE pending IS NOT NULL;
`;
