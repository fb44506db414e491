/** Deeper graphs prove nothing; the same bound as for manifests that are followed. */
const maxDepth = 4;

/** Nearly every proof is of this kind: a manifest that the repository holds names the blob. Looked for from those that name it. */
function directlyFromBlob(roles: string): string {
  return `
    SELECT edge.size FROM edge CROSS JOIN member ON member.repository = :repository AND member.blob = edge.parent
    WHERE edge.child = :blob AND edge.role IN (${roles})
    LIMIT 1`;
}

/**
 * The same of a layer, looked for from the manifests of the repository. Its edges lie side by side in the index of
 * children, those of the manifests do not.
 */
function asLayerFromRepository(what: "edge.size" | "1"): string {
  return `
    SELECT ${what} AS size FROM member CROSS JOIN edge INDEXED BY edge_by_child
      ON edge.child = :blob AND edge.role = 'layer' AND edge.parent = member.blob
    WHERE member.repository = :repository AND member.is_manifest = 1
    LIMIT 1`;
}

/** From a blob to the manifests that name it, and over child edges up to one that the repository holds. */
function fromBlob(roles: string): string {
  return `
    WITH RECURSIVE above (id, size, depth) AS (
      SELECT parent, size, 1 FROM edge WHERE child = :blob AND role IN (${roles})
      UNION
      SELECT edge.parent, above.size, above.depth + 1
      FROM above JOIN edge ON edge.child = above.id AND edge.role = 'child'
      WHERE above.depth < ${maxDepth}
    )
    SELECT above.size FROM above CROSS JOIN member ON member.repository = :repository AND member.blob = above.id
    LIMIT 1`;
}

/** The same the other way: from the manifests that the repository holds down to one that names the blob. */
function fromRepository(roles: string): string {
  return `
    WITH RECURSIVE below (id, depth) AS (
      SELECT blob, 1 FROM member WHERE repository = :repository AND is_manifest = 1
      UNION
      SELECT manifest.id, below.depth + 1
      FROM below CROSS JOIN edge ON edge.parent = below.id AND edge.role = 'child'
        CROSS JOIN manifest ON manifest.id = edge.child
      WHERE below.depth < ${maxDepth}
    )
    SELECT edge.size FROM below CROSS JOIN edge ON edge.parent = below.id AND edge.child = :blob AND edge.role IN (${roles})
    LIMIT 1`;
}

/**
 * The statements of the reader. A test checks that each of them finds its rows by index.
 * Named parameters: `digest`, `upstream`, `name`, `tag`, `kind`, `key`, and the ids `blob`, `repository` and `manifest`.
 */
export const readSql = {
  blob: `SELECT digest, size, state FROM blob WHERE digest = :digest`,

  manifest: `
    SELECT blob.digest, blob.size, manifest.media_type AS mediaType, manifest.kind,
      manifest.fetched_at AS fetchedAt
    FROM blob JOIN manifest ON manifest.id = blob.id
    WHERE blob.digest = :digest AND blob.state = 'present'`,

  repository: `SELECT id FROM repository WHERE upstream = :upstream AND name = :name`,

  /** Where a question of membership begins; `refs` tells how many manifests name the digest. */
  relation: `
    SELECT blob.id AS blob, blob.size, blob.state, blob.refs, blob.is_manifest AS isManifest,
      EXISTS (SELECT 1 FROM member WHERE member.repository = :repository AND member.blob = blob.id) AS isRecorded
    FROM blob WHERE blob.digest = :digest`,

  /** A manifest of the repository that names the blob; one that has left it since proves nothing. */
  memberOfManifest: `
    SELECT edge.size FROM edge
    WHERE edge.parent = :manifest AND edge.child = :blob AND edge.role <> 'subject'
      AND EXISTS (SELECT 1 FROM member WHERE member.repository = :repository AND member.blob = :manifest)
    LIMIT 1`,
  memberDirectlyFromBlob: directlyFromBlob("'config', 'layer', 'child'"),
  memberAsLayer: asLayerFromRepository("1"),
  memberFromBlob: fromBlob("'config', 'layer', 'child'"),
  memberFromRepository: fromRepository("'config', 'layer', 'child'"),
  claimDirectlyFromBlob: directlyFromBlob("'config', 'layer'"),
  claimAsLayer: asLayerFromRepository("edge.size"),
  claimFromBlob: fromBlob("'config', 'layer'"),
  claimFromRepository: fromRepository("'config', 'layer'"),

  namedAsBlob: `
    SELECT 1 FROM edge
    WHERE child = (SELECT id FROM blob WHERE digest = :digest) AND role IN ('config', 'layer')
    LIMIT 1`,

  tag: `
    SELECT blob.digest AS manifest, tag.pending, tag.pending_size AS pendingSize, tag.pending_type AS pendingType,
      tag.pending_since AS pendingSince,
      tag.fetched_at AS fetchedAt, tag.checked_at AS checkedAt, tag.first_seen AS firstSeen, tag.gone_since AS goneSince,
      held.digest AS held
    FROM tag LEFT JOIN blob ON blob.id = tag.manifest LEFT JOIN blob AS held ON held.id = tag.held
    WHERE tag.repository = :repository AND tag.name = :tag`,

  listing: `
    SELECT body, fetched_at AS fetchedAt FROM listing
    WHERE repository = :repository AND kind = :kind AND key = :key`,

  totals: `
    SELECT key, value FROM meta
    WHERE key IN ('blobs', 'storedBytes', 'manifests', 'tags', 'repositories')`,

  stoppedCleanly: `SELECT value FROM meta WHERE key = 'stoppedCleanly'`,
} as const;
