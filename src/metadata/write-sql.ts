import type { Statement } from "better-sqlite3";

/** The statements of the writer. A test checks that each of them finds its rows by index. */
export const writeSql = {
  addRepository: `INSERT INTO repository (upstream, name) VALUES (:upstream, :name) ON CONFLICT DO NOTHING`,
  repositoryId: `SELECT id FROM repository WHERE upstream = :upstream AND name = :name`,

  /** A fill of a doomed digest revives it. */
  storeBlob: `
    INSERT INTO blob (digest, size, state, accessed_at, verified_at, stored_at)
    VALUES (:digest, :size, 'present', :at, :verifiedAt, :storedAt)
    ON CONFLICT (digest) DO UPDATE SET
      size = excluded.size, state = 'present', accessed_at = max(accessed_at, excluded.accessed_at),
      verified_at = excluded.verified_at, stored_at = coalesce(stored_at, excluded.stored_at)`,
  /** A claim fills a gap and never replaces what is known. */
  knowBlob: `
    INSERT INTO blob (digest, size, state, accessed_at) VALUES (:digest, :size, 'known', :at)
    ON CONFLICT (digest) DO UPDATE SET size = excluded.size WHERE size IS NULL AND excluded.size IS NOT NULL`,
  blobId: `SELECT id FROM blob WHERE digest = ?`,
  forgetFile: `UPDATE blob SET state = 'known', verified_at = NULL WHERE digest = ?`,
  touchBlob: `UPDATE blob SET accessed_at = :at WHERE digest = :digest AND accessed_at < :at`,

  addMember: `INSERT INTO member (repository, blob) VALUES (?, ?) ON CONFLICT DO NOTHING`,

  addManifest: `
    INSERT INTO manifest (id, media_type, kind, fetched_at, accessed_at) VALUES (:id, :mediaType, :kind, :at, :at)
    ON CONFLICT (id) DO UPDATE SET
      fetched_at = excluded.fetched_at, accessed_at = max(accessed_at, excluded.accessed_at)`,
  manifestId: `SELECT manifest.id FROM blob JOIN manifest ON manifest.id = blob.id WHERE blob.digest = ?`,
  addEdge: `
    INSERT INTO edge (parent, child, role, size, platform) VALUES (:parent, :child, :role, :size, :platform)
    ON CONFLICT (parent, child, role) DO UPDATE SET platform = excluded.platform WHERE platform IS NULL`,
  touchManifest: `
    UPDATE manifest SET accessed_at = max(accessed_at, :at), leased_until = max(leased_until, :leasedUntil)
    WHERE id = (SELECT id FROM blob WHERE digest = :digest)`,

  tag: `SELECT manifest FROM tag WHERE repository = :repository AND name = :tag`,
  tagsPending: `
    SELECT name FROM tag WHERE repository = :repository AND pending = :digest AND pending_due <= :at`,
  moveTag: `
    INSERT INTO tag (repository, name, manifest, fetched_at, checked_at, first_seen)
    VALUES (:repository, :tag, :manifest, :at, :at, :at)
    ON CONFLICT (repository, name) DO UPDATE SET
      fetched_at = CASE WHEN manifest IS excluded.manifest THEN fetched_at ELSE excluded.fetched_at END,
      manifest = excluded.manifest, checked_at = excluded.checked_at,
      pending = NULL, pending_size = NULL, pending_type = NULL, pending_since = NULL, pending_due = NULL,
      gone_since = NULL`,
  /** The upstream was asked when the digest became pending, not now: `checked_at` stays. */
  settleTag: `
    UPDATE tag SET manifest = :manifest, fetched_at = :at,
      pending = NULL, pending_size = NULL, pending_type = NULL, pending_since = NULL, pending_due = NULL
    WHERE repository = :repository AND name = :tag`,
  confirmTag: `UPDATE tag SET checked_at = :at, gone_since = NULL WHERE repository = :repository AND name = :tag`,
  /** A digest that is named again has been pending since it was named first. */
  pendTag: `
    INSERT INTO tag (repository, name, pending, pending_size, pending_type, pending_since, pending_due, fetched_at, checked_at, first_seen)
    VALUES (:repository, :tag, :digest, :size, :mediaType, :at, :at + :holdForMs, 0, :at, :at)
    ON CONFLICT (repository, name) DO UPDATE SET
      pending = excluded.pending, pending_size = excluded.pending_size, pending_type = excluded.pending_type,
      pending_since = iif(pending = excluded.pending, pending_since, :at),
      pending_due = iif(pending = excluded.pending, pending_since, :at) + :holdForMs,
      checked_at = excluded.checked_at, gone_since = NULL`,
  markTagGone: `
    UPDATE tag SET gone_since = :at WHERE repository = :repository AND name = :tag AND gone_since IS NULL`,
  holdTag: `UPDATE tag SET held = :manifest WHERE repository = :repository AND name = :tag`,
  dropTag: `DELETE FROM tag WHERE repository = :repository AND name = :tag`,
  /** The period of the digest that the tag has had ends when the upstream last confirmed it. */
  endTagPeriod: `
    UPDATE tag_history SET last_seen = max(first_seen, (
      SELECT checked_at FROM tag WHERE tag.repository = tag_history.repository AND tag.name = tag_history.name))
    WHERE repository = :repository AND name = :tag AND last_seen IS NULL`,
  beginTagPeriod: `
    INSERT INTO tag_history (repository, name, digest, first_seen) VALUES (:repository, :tag, :digest, :at)`,
  lastPeriod: `
    SELECT digest FROM tag_history WHERE repository = :repository AND name = :tag ORDER BY id DESC LIMIT 1`,
  trimTagHistory: `
    DELETE FROM tag_history WHERE id IN (
      SELECT id FROM tag_history WHERE repository = :repository AND name = :tag ORDER BY id DESC LIMIT -1 OFFSET :keep)`,

  storeListing: `
    INSERT INTO listing (repository, kind, key, body, fetched_at) VALUES (:repository, :kind, :key, :body, :at)
    ON CONFLICT (repository, kind, key) DO UPDATE SET body = excluded.body, fetched_at = excluded.fetched_at`,
  dropListing: `DELETE FROM listing WHERE repository = :repository AND kind = :kind AND key = :key`,

  victim: `SELECT id, refs, state FROM blob WHERE digest = ?`,
  tagsOf: `
    SELECT repository.upstream, repository.name, tag.name AS tag, tag.repository
    FROM tag CROSS JOIN repository ON repository.id = tag.repository WHERE tag.manifest = :id`,
  repositoriesOf: `
    SELECT repository.upstream, repository.name FROM member CROSS JOIN repository ON repository.id = member.repository
    WHERE member.blob = :id LIMIT 1`,
  releaseTagsOf: `UPDATE tag SET held = NULL WHERE held = :id`,
  /** A tag that is held at another version stays, for that one. */
  emptyHeldTagsOf: `UPDATE tag SET manifest = NULL WHERE manifest = :id AND held IS NOT NULL`,
  dropTagsOf: `DELETE FROM tag WHERE manifest = :id`,
  childrenOf: `SELECT child, max(role <> 'subject') AS isNeeded FROM edge WHERE parent = :id GROUP BY child`,
  dropEdgesOf: `DELETE FROM edge WHERE parent = :id`,
  dropManifest: `DELETE FROM manifest WHERE id = :id`,
  unneeded: `SELECT 1 FROM blob WHERE id = :id AND refs = 0 AND is_manifest = 0`,
  /** Of the digest of a manifest: indexes that name it keep the row, only images that name it as their blob keep the file. */
  doomManifest: `
    UPDATE blob SET state = 'doomed'
    WHERE id = :id AND state = 'present'
      AND NOT EXISTS (SELECT 1 FROM edge WHERE child = :id AND role IN ('config', 'layer'))
    RETURNING digest, size`,
  doom: `UPDATE blob SET state = 'doomed' WHERE id = :id AND state = 'present' RETURNING digest, size`,
  doomOrphan: `
    UPDATE blob SET state = 'doomed' WHERE digest = :digest AND state = 'present' AND refs = 0 AND is_manifest = 0
    RETURNING digest, size`,
  revive: `UPDATE blob SET state = 'present', accessed_at = max(accessed_at, :at) WHERE digest = :digest AND state = 'doomed'`,
  /** What edges name stays as a row; a \`subject\` counts here, as its edge refers to the row. */
  isNamed: `SELECT EXISTS (SELECT 1 FROM edge WHERE child = :id) OR is_manifest = 1 FROM blob WHERE id = :id`,
  stateOf: `SELECT state FROM blob WHERE id = :id`,
  knownAgain: `UPDATE blob SET state = 'known', verified_at = NULL WHERE id = :id`,
  dropMembersOf: `DELETE FROM member WHERE blob = :id`,
  dropBlob: `DELETE FROM blob WHERE id = :id`,
  addDeparture: `
    INSERT INTO departure (digest, image, reason, bytes, at) VALUES (:digest, :image, :reason, :bytes, :at)`,
  forgetDepartures: `DELETE FROM departure WHERE at < :before`,
  verified: `UPDATE blob SET verified_at = :at WHERE digest = :digest AND state = 'present'`,
  edgesRead: `UPDATE meta SET value = 0 WHERE key = 'edgesToRead'`,
  probe: `UPDATE meta SET value = :at WHERE key = 'probedAt'`,
  putPin: `
    INSERT INTO pin (image, origin, platforms) VALUES (:image, :origin, :platforms)
    ON CONFLICT (image, origin) DO UPDATE SET platforms = excluded.platforms`,
  dropPin: `DELETE FROM pin WHERE image = :image AND origin = 'api'`,
  dropConfigPins: `DELETE FROM pin WHERE origin = 'config'`,

  storedBytes: `SELECT value FROM meta WHERE key = 'storedBytes'`,
  markStop: `UPDATE meta SET value = :isClean WHERE key = 'stoppedCleanly'`,
} as const;

/** Each statement prepared once, on the writing connection. */
export type WriteStatements = Record<keyof typeof writeSql, Statement>;
