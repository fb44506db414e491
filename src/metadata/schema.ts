/**
 * Version 1 of the index. `blob.refs` and the totals in `meta` are kept by triggers, so that no statement can forget
 * them; INSERT OR REPLACE would bypass these and is not used anywhere.
 */
export const schemaVersion1 = `
CREATE TABLE blob (
  id          INTEGER PRIMARY KEY,
  digest      TEXT NOT NULL UNIQUE,
  size        INTEGER CHECK (size >= 0),
  state       TEXT NOT NULL CHECK (state IN ('known', 'present', 'doomed', 'unlinking', 'quarantined')),
  refs        INTEGER NOT NULL DEFAULT 0 CHECK (refs >= 0),
  accessed_at INTEGER NOT NULL,
  verified_at INTEGER,
  CHECK (state <> 'present' OR size IS NOT NULL)
) STRICT;

CREATE TABLE manifest (
  id           INTEGER PRIMARY KEY REFERENCES blob (id),
  media_type   TEXT NOT NULL,
  kind         TEXT NOT NULL CHECK (kind IN ('image', 'index')),
  fetched_at   INTEGER NOT NULL,
  accessed_at  INTEGER NOT NULL,
  leased_until INTEGER NOT NULL DEFAULT 0,
  pinned       INTEGER NOT NULL DEFAULT 0 CHECK (pinned IN (0, 1))
) STRICT;

CREATE TABLE edge (
  parent INTEGER NOT NULL REFERENCES manifest (id),
  child  INTEGER NOT NULL REFERENCES blob (id),
  role   TEXT NOT NULL CHECK (role IN ('config', 'layer', 'child', 'subject')),
  size   INTEGER NOT NULL CHECK (size >= 0),
  PRIMARY KEY (parent, child, role)
) STRICT, WITHOUT ROWID;
CREATE INDEX edge_by_child ON edge (child, role);

CREATE TABLE repository (
  id       INTEGER PRIMARY KEY,
  upstream TEXT NOT NULL,
  name     TEXT NOT NULL,
  UNIQUE (upstream, name)
) STRICT;

CREATE TABLE member (
  repository INTEGER NOT NULL REFERENCES repository (id),
  blob       INTEGER NOT NULL REFERENCES blob (id),
  PRIMARY KEY (repository, blob)
) STRICT, WITHOUT ROWID;
CREATE INDEX member_by_blob ON member (blob);

CREATE TABLE tag (
  repository   INTEGER NOT NULL REFERENCES repository (id),
  name         TEXT NOT NULL,
  manifest     INTEGER REFERENCES manifest (id),
  pending      TEXT,
  pending_size INTEGER CHECK (pending_size >= 0),
  pending_type TEXT,
  fetched_at   INTEGER NOT NULL,
  checked_at   INTEGER NOT NULL,
  first_seen   INTEGER NOT NULL,
  gone_since   INTEGER,
  PRIMARY KEY (repository, name),
  CHECK ((pending IS NULL) = (pending_size IS NULL) AND (pending IS NULL) = (pending_type IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX tag_by_manifest ON tag (manifest);
CREATE INDEX tag_by_pending ON tag (repository, pending) WHERE pending IS NOT NULL;

CREATE TABLE tag_history (
  id         INTEGER PRIMARY KEY,
  repository INTEGER NOT NULL REFERENCES repository (id),
  name       TEXT NOT NULL,
  digest     TEXT NOT NULL,
  at         INTEGER NOT NULL
) STRICT;
CREATE INDEX tag_history_by_tag ON tag_history (repository, name, at);

CREATE TABLE pin (
  image     TEXT NOT NULL PRIMARY KEY,
  platforms TEXT,
  origin    TEXT NOT NULL CHECK (origin IN ('config', 'api'))
) STRICT, WITHOUT ROWID;

CREATE TABLE departure (
  id     INTEGER PRIMARY KEY,
  digest TEXT NOT NULL,
  image  TEXT,
  reason TEXT NOT NULL,
  bytes  INTEGER NOT NULL,
  at     INTEGER NOT NULL
) STRICT;
CREATE INDEX departure_by_time ON departure (at);
CREATE INDEX departure_by_digest ON departure (digest);

CREATE TABLE listing (
  repository INTEGER NOT NULL REFERENCES repository (id),
  kind       TEXT NOT NULL CHECK (kind IN ('tags', 'referrers')),
  key        TEXT NOT NULL,
  body       TEXT NOT NULL,
  fetched_at INTEGER NOT NULL,
  PRIMARY KEY (repository, kind, key)
) STRICT;

CREATE TABLE meta (key TEXT NOT NULL PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO meta (key, value)
  VALUES ('blobs', 0), ('storedBytes', 0), ('manifests', 0), ('tags', 0), ('repositories', 0), ('stoppedCleanly', 0);

CREATE TRIGGER edge_inserted AFTER INSERT ON edge WHEN NEW.role <> 'subject' BEGIN
  UPDATE blob SET refs = refs + 1 WHERE id = NEW.child;
END;
CREATE TRIGGER edge_deleted AFTER DELETE ON edge WHEN OLD.role <> 'subject' BEGIN
  UPDATE blob SET refs = refs - 1 WHERE id = OLD.child;
END;

CREATE TRIGGER blob_inserted AFTER INSERT ON blob WHEN NEW.state = 'present' BEGIN
  UPDATE meta SET value = value + 1 WHERE key = 'blobs';
  UPDATE meta SET value = value + NEW.size WHERE key = 'storedBytes';
END;
CREATE TRIGGER blob_deleted AFTER DELETE ON blob WHEN OLD.state = 'present' BEGIN
  UPDATE meta SET value = value - 1 WHERE key = 'blobs';
  UPDATE meta SET value = value - OLD.size WHERE key = 'storedBytes';
END;
CREATE TRIGGER blob_became_present AFTER UPDATE OF state, size ON blob WHEN NEW.state = 'present' BEGIN
  UPDATE meta SET value = value + 1 WHERE key = 'blobs';
  UPDATE meta SET value = value + NEW.size WHERE key = 'storedBytes';
END;
CREATE TRIGGER blob_was_present AFTER UPDATE OF state, size ON blob WHEN OLD.state = 'present' BEGIN
  UPDATE meta SET value = value - 1 WHERE key = 'blobs';
  UPDATE meta SET value = value - OLD.size WHERE key = 'storedBytes';
END;

CREATE TRIGGER manifest_inserted AFTER INSERT ON manifest BEGIN
  UPDATE meta SET value = value + 1 WHERE key = 'manifests';
END;
CREATE TRIGGER manifest_deleted AFTER DELETE ON manifest BEGIN
  UPDATE meta SET value = value - 1 WHERE key = 'manifests';
END;
CREATE TRIGGER tag_inserted AFTER INSERT ON tag BEGIN
  UPDATE meta SET value = value + 1 WHERE key = 'tags';
END;
CREATE TRIGGER tag_deleted AFTER DELETE ON tag BEGIN
  UPDATE meta SET value = value - 1 WHERE key = 'tags';
END;
CREATE TRIGGER repository_inserted AFTER INSERT ON repository BEGIN
  UPDATE meta SET value = value + 1 WHERE key = 'repositories';
END;
CREATE TRIGGER repository_deleted AFTER DELETE ON repository BEGIN
  UPDATE meta SET value = value - 1 WHERE key = 'repositories';
END;
`;
