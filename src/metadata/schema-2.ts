/**
 * Version 2 of the index: what eviction, pins, history and upkeep need. Totals count files that are on the disk, so a
 * `doomed` blob counts until its file has gone; `is_manifest` tells a root from an orphan, and the manifests of a repository
 * from its blobs, without a second table.
 */
export const schemaVersion2 = `
ALTER TABLE blob ADD COLUMN stored_at INTEGER;
ALTER TABLE blob ADD COLUMN is_manifest INTEGER NOT NULL DEFAULT 0 CHECK (is_manifest IN (0, 1));
UPDATE blob SET stored_at = coalesce(verified_at, accessed_at) WHERE state = 'present';
UPDATE blob SET is_manifest = 1 WHERE id IN (SELECT id FROM manifest);
CREATE INDEX blob_orphan ON blob (accessed_at) WHERE state = 'present' AND refs = 0 AND is_manifest = 0;
CREATE INDEX blob_by_verification ON blob (coalesce(verified_at, 0)) WHERE state = 'present';
CREATE INDEX blob_doomed ON blob (id) WHERE state = 'doomed';

ALTER TABLE manifest DROP COLUMN pinned;
CREATE INDEX manifest_by_access ON manifest (accessed_at);
CREATE INDEX manifest_by_kind ON manifest (kind, accessed_at);
CREATE INDEX manifest_leased ON manifest (leased_until) WHERE leased_until > 0;

ALTER TABLE edge ADD COLUMN platform TEXT;

ALTER TABLE member ADD COLUMN is_manifest INTEGER NOT NULL DEFAULT 0 CHECK (is_manifest IN (0, 1));
UPDATE member SET is_manifest = 1 WHERE blob IN (SELECT id FROM manifest);
CREATE INDEX member_manifest ON member (repository, blob) WHERE is_manifest = 1;
CREATE TRIGGER member_inserted AFTER INSERT ON member WHEN EXISTS (SELECT 1 FROM manifest WHERE id = NEW.blob) BEGIN
  UPDATE member SET is_manifest = 1 WHERE repository = NEW.repository AND blob = NEW.blob;
END;

ALTER TABLE tag ADD COLUMN held INTEGER REFERENCES manifest (id);
CREATE INDEX tag_by_held ON tag (held) WHERE held IS NOT NULL;

ALTER TABLE tag_history RENAME COLUMN at TO first_seen;
ALTER TABLE tag_history ADD COLUMN last_seen INTEGER;
UPDATE tag_history SET last_seen = (
  SELECT min(later.first_seen) FROM tag_history AS later
  WHERE later.repository = tag_history.repository AND later.name = tag_history.name AND later.id > tag_history.id);
CREATE INDEX tag_history_by_digest ON tag_history (digest);

DROP TABLE pin;
CREATE TABLE pin (
  image     TEXT NOT NULL,
  origin    TEXT NOT NULL CHECK (origin IN ('config', 'api')),
  platforms TEXT,
  PRIMARY KEY (image, origin)
) STRICT, WITHOUT ROWID;

CREATE INDEX departure_by_image ON departure (image);

INSERT INTO meta (key, value)
  VALUES ('edgesToRead', (SELECT count(*) > 0 FROM manifest WHERE kind = 'index')), ('probedAt', 0);

CREATE TRIGGER manifest_marks_blob AFTER INSERT ON manifest BEGIN
  UPDATE blob SET is_manifest = 1 WHERE id = NEW.id;
  UPDATE member SET is_manifest = 1 WHERE blob = NEW.id;
END;
CREATE TRIGGER manifest_unmarks_blob AFTER DELETE ON manifest BEGIN
  UPDATE blob SET is_manifest = 0 WHERE id = OLD.id;
  UPDATE member SET is_manifest = 0 WHERE blob = OLD.id;
END;

DROP TRIGGER blob_inserted;
DROP TRIGGER blob_deleted;
DROP TRIGGER blob_became_present;
DROP TRIGGER blob_was_present;
CREATE TRIGGER blob_inserted AFTER INSERT ON blob WHEN NEW.state IN ('present', 'doomed') BEGIN
  UPDATE meta SET value = value + 1 WHERE key = 'blobs';
  UPDATE meta SET value = value + NEW.size WHERE key = 'storedBytes';
END;
CREATE TRIGGER blob_deleted AFTER DELETE ON blob WHEN OLD.state IN ('present', 'doomed') BEGIN
  UPDATE meta SET value = value - 1 WHERE key = 'blobs';
  UPDATE meta SET value = value - OLD.size WHERE key = 'storedBytes';
END;
CREATE TRIGGER blob_has_file AFTER UPDATE OF state, size ON blob WHEN NEW.state IN ('present', 'doomed') BEGIN
  UPDATE meta SET value = value + 1 WHERE key = 'blobs';
  UPDATE meta SET value = value + NEW.size WHERE key = 'storedBytes';
END;
CREATE TRIGGER blob_had_file AFTER UPDATE OF state, size ON blob WHEN OLD.state IN ('present', 'doomed') BEGIN
  UPDATE meta SET value = value - 1 WHERE key = 'blobs';
  UPDATE meta SET value = value - OLD.size WHERE key = 'storedBytes';
END;
`;
