/** The statements of the writer. A test checks that each of them finds its rows by index. */
export const writeSql = {
  addRepository: `INSERT INTO repository (upstream, name) VALUES (:upstream, :name) ON CONFLICT DO NOTHING`,
  repositoryId: `SELECT id FROM repository WHERE upstream = :upstream AND name = :name`,

  /** A fill of a doomed digest revives it. */
  storeBlob: `
    INSERT INTO blob (digest, size, state, accessed_at, verified_at) VALUES (:digest, :size, 'present', :at, :at)
    ON CONFLICT (digest) DO UPDATE SET
      size = excluded.size, state = 'present', accessed_at = max(accessed_at, excluded.accessed_at), verified_at = :at`,
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
  addEdge: `INSERT INTO edge (parent, child, role, size) VALUES (:parent, :child, :role, :size) ON CONFLICT DO NOTHING`,
  touchManifest: `
    UPDATE manifest SET accessed_at = :at
    WHERE id = (SELECT id FROM blob WHERE digest = :digest) AND accessed_at < :at`,

  tag: `SELECT manifest FROM tag WHERE repository = :repository AND name = :tag`,
  tagsPending: `SELECT name FROM tag WHERE repository = :repository AND pending = :digest`,
  moveTag: `
    INSERT INTO tag (repository, name, manifest, fetched_at, checked_at, first_seen)
    VALUES (:repository, :tag, :manifest, :at, :at, :at)
    ON CONFLICT (repository, name) DO UPDATE SET
      fetched_at = CASE WHEN manifest IS excluded.manifest THEN fetched_at ELSE excluded.fetched_at END,
      manifest = excluded.manifest, checked_at = excluded.checked_at,
      pending = NULL, pending_size = NULL, pending_type = NULL, gone_since = NULL`,
  /** The upstream was asked when the digest became pending, not now: `checked_at` stays. */
  settleTag: `
    UPDATE tag SET manifest = :manifest, fetched_at = :at, pending = NULL, pending_size = NULL, pending_type = NULL
    WHERE repository = :repository AND name = :tag`,
  confirmTag: `UPDATE tag SET checked_at = :at, gone_since = NULL WHERE repository = :repository AND name = :tag`,
  pendTag: `
    INSERT INTO tag (repository, name, pending, pending_size, pending_type, fetched_at, checked_at, first_seen)
    VALUES (:repository, :tag, :digest, :size, :mediaType, 0, :at, :at)
    ON CONFLICT (repository, name) DO UPDATE SET
      pending = excluded.pending, pending_size = excluded.pending_size, pending_type = excluded.pending_type,
      checked_at = excluded.checked_at, gone_since = NULL`,
  markTagGone: `
    UPDATE tag SET gone_since = :at WHERE repository = :repository AND name = :tag AND gone_since IS NULL`,
  dropTag: `DELETE FROM tag WHERE repository = :repository AND name = :tag`,
  addTagHistory: `INSERT INTO tag_history (repository, name, digest, at) VALUES (:repository, :tag, :digest, :at)`,

  storeListing: `
    INSERT INTO listing (repository, kind, key, body, fetched_at) VALUES (:repository, :kind, :key, :body, :at)
    ON CONFLICT (repository, kind, key) DO UPDATE SET body = excluded.body, fetched_at = excluded.fetched_at`,
  dropListing: `DELETE FROM listing WHERE repository = :repository AND kind = :kind AND key = :key`,

  markStop: `UPDATE meta SET value = :isClean WHERE key = 'stoppedCleanly'`,
} as const;
