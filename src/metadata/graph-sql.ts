const node = `
  manifest.id, blob.digest, manifest.kind, coalesce(blob.size, 0) AS size, blob.state,
  manifest.accessed_at AS accessedAt, manifest.fetched_at AS fetchedAt, manifest.leased_until AS leasedUntil`;

/** An index stands or falls with what is below it: it is a unit only when nothing is. */
const isUnit = `
  (manifest.kind = 'image' OR NOT EXISTS (
    SELECT 1 FROM edge CROSS JOIN manifest AS child ON child.id = edge.child
    WHERE edge.parent = manifest.id AND edge.role = 'child'))`;

/** Deeper graphs are not followed, here as elsewhere. */
const maxDepth = 4;

/** The statements of the graph's reader. A test checks that each of them finds its rows by index. */
export const graphSql = {
  queue: `
    SELECT ${node} FROM manifest CROSS JOIN blob ON blob.id = manifest.id
    WHERE (manifest.accessed_at, manifest.id) > (:accessedAt, :id) AND ${isUnit}
    ORDER BY manifest.accessed_at, manifest.id LIMIT :limit`,
  rank: `
    SELECT (SELECT count(*) FROM manifest WHERE kind = 'image' AND accessed_at < :accessedAt)
      + (SELECT count(*) FROM manifest WHERE kind = 'index' AND accessed_at < :accessedAt AND ${isUnit})`,
  orphans: `
    SELECT id, digest, size, state, refs, accessed_at AS accessedAt FROM blob
    WHERE state = 'present' AND refs = 0 AND is_manifest = 0 AND accessed_at < :before
      AND (accessed_at, id) > (:accessedAt, :id)
    ORDER BY accessed_at, id LIMIT :limit`,
  leased: `
    SELECT ${node} FROM manifest CROSS JOIN blob ON blob.id = manifest.id
    WHERE manifest.leased_until > 0 AND manifest.leased_until > :now ORDER BY manifest.leased_until`,
  manifest: `SELECT ${node} FROM blob JOIN manifest ON manifest.id = blob.id WHERE blob.digest = :digest`,
  blobs: `
    SELECT blob.id, blob.digest, blob.size, blob.state, blob.refs, blob.is_manifest AS isManifest, count(*) AS uses
    FROM edge CROSS JOIN blob ON blob.id = edge.child
    WHERE edge.parent = :manifest AND edge.role IN ('config', 'layer') GROUP BY blob.id`,
  children: `
    SELECT ${node}, edge.platform
    FROM edge CROSS JOIN manifest ON manifest.id = edge.child CROSS JOIN blob ON blob.id = manifest.id
    WHERE edge.parent = :manifest AND edge.role = 'child'`,
  tree: `
    WITH RECURSIVE below (id, depth) AS (
      SELECT :manifest, 0
      UNION
      SELECT manifest.id, below.depth + 1
      FROM below CROSS JOIN edge ON edge.parent = below.id AND edge.role = 'child'
        CROSS JOIN manifest ON manifest.id = edge.child
      WHERE below.depth < ${maxDepth}
    )
    SELECT below.id AS parent, edge.role, edge.platform, blob.id, blob.digest,
      coalesce(blob.size, edge.size) AS size, blob.state, blob.refs,
      manifest.kind, manifest.media_type AS mediaType, manifest.accessed_at AS accessedAt,
      edge.role = 'child' AND EXISTS (SELECT 1 FROM tag WHERE tag.manifest = blob.id) AS isTagged
    FROM (SELECT DISTINCT id FROM below) AS below
      CROSS JOIN edge ON edge.parent = below.id AND edge.role IN ('child', 'config', 'layer')
      CROSS JOIN blob ON blob.id = edge.child
      LEFT JOIN manifest ON edge.role = 'child' AND manifest.id = blob.id`,
  named: `
    SELECT blob.digest, edge.platform, blob.state = 'present' AND blob.is_manifest = 1 AS isHere
    FROM edge CROSS JOIN blob ON blob.id = edge.child
    WHERE edge.parent = :manifest AND edge.role = 'child'`,
  parents: `
    SELECT ${node}, edge.platform
    FROM edge CROSS JOIN manifest ON manifest.id = edge.parent CROSS JOIN blob ON blob.id = manifest.id
    WHERE edge.child = :manifest AND edge.role = 'child'`,
  subjects: `
    SELECT ${node}
    FROM edge CROSS JOIN manifest ON manifest.id = edge.child CROSS JOIN blob ON blob.id = manifest.id
    WHERE edge.parent = :manifest AND edge.role = 'subject'`,
  referrers: `
    SELECT ${node}
    FROM edge CROSS JOIN manifest ON manifest.id = edge.parent CROSS JOIN blob ON blob.id = manifest.id
    WHERE edge.child = :manifest AND edge.role = 'subject'`,
  users: `
    SELECT ${node}
    FROM edge CROSS JOIN manifest ON manifest.id = edge.parent CROSS JOIN blob ON blob.id = manifest.id
    WHERE edge.child = (SELECT id FROM blob WHERE digest = :digest) AND edge.role IN ('config', 'layer')
    LIMIT :limit`,
  tags: `
    SELECT repository.upstream, repository.name, tag.name AS tag, 'current' AS relation
    FROM tag CROSS JOIN repository ON repository.id = tag.repository
    WHERE tag.manifest = (SELECT id FROM blob WHERE digest = :digest)
    UNION ALL
    SELECT repository.upstream, repository.name, tag.name, 'held'
    FROM tag CROSS JOIN repository ON repository.id = tag.repository
    WHERE tag.held IS NOT NULL AND tag.held = (SELECT id FROM blob WHERE digest = :digest)
    UNION ALL
    SELECT DISTINCT repository.upstream, repository.name, tag_history.name, 'earlier'
    FROM tag_history CROSS JOIN repository ON repository.id = tag_history.repository
    WHERE tag_history.digest = :digest AND tag_history.last_seen IS NOT NULL`,
  repositories: `
    SELECT repository.upstream, repository.name
    FROM member CROSS JOIN repository ON repository.id = member.repository
    WHERE member.blob = (SELECT id FROM blob WHERE digest = :digest) LIMIT :limit`,
  blobFacts: `
    SELECT digest, size, state, refs, stored_at AS storedAt, accessed_at AS accessedAt, verified_at AS verifiedAt
    FROM blob WHERE digest = :digest`,
  departuresOfDigest: `
    SELECT digest, image, reason, bytes, at FROM departure WHERE digest = :digest ORDER BY at DESC LIMIT 100`,
  departuresOfImage: `
    SELECT digest, image, reason, bytes, at FROM departure WHERE image = :image ORDER BY at DESC LIMIT 100`,
  tagHistory: `
    SELECT tag_history.digest, tag_history.first_seen AS firstSeen, tag_history.last_seen IS NULL AS isCurrent,
      coalesce(tag_history.last_seen, max(tag_history.first_seen, tag.checked_at), tag_history.first_seen) AS lastSeen
    FROM tag_history
      LEFT JOIN tag ON tag.repository = tag_history.repository AND tag.name = tag_history.name
    WHERE tag_history.repository = (SELECT id FROM repository WHERE upstream = :upstream AND name = :name)
      AND tag_history.name = :tag
    ORDER BY tag_history.id DESC`,
  held: `
    SELECT blob.digest FROM tag CROSS JOIN blob ON blob.id = tag.held
    WHERE tag.repository = (SELECT id FROM repository WHERE upstream = :upstream AND name = :name)
      AND tag.name = :tag AND tag.held IS NOT NULL`,
  anyHeld: `SELECT EXISTS (SELECT 1 FROM tag WHERE held IS NOT NULL)`,
  pins: `SELECT image, origin, platforms FROM pin ORDER BY image, origin`,
} as const;
