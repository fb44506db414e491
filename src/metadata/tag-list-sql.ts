const listed = `
  repository.upstream, repository.name, tag.name AS tag, tag.checked_at AS checkedAt, tag.gone_since AS goneSince,
  tag.held IS NOT NULL AS isHeld, manifest.id, blob.digest, manifest.kind, coalesce(blob.size, 0) AS size, blob.state,
  manifest.accessed_at AS accessedAt, manifest.fetched_at AS fetchedAt, manifest.leased_until AS leasedUntil,
  manifest.media_type AS mediaType, blob.stored_at AS storedAt`;

const served = `
  CROSS JOIN manifest ON manifest.id = coalesce(tag.held, tag.manifest) CROSS JOIN blob ON blob.id = manifest.id`;

/** The rest of a repository, behind a tag of it. */
const within = (isBehind: "<" | ">", order: "ASC" | "DESC"): string => `
  SELECT ${listed} FROM repository CROSS JOIN tag ON tag.repository = repository.id ${served}
  WHERE repository.upstream = :upstream AND repository.name = :name AND tag.name ${isBehind} :tag
  ORDER BY tag.name ${order} LIMIT :limit`;

/** The repositories behind one. */
const behind = (isBehind: "<" | ">", order: "ASC" | "DESC"): string => `
  SELECT ${listed} FROM repository CROSS JOIN tag ON tag.repository = repository.id ${served}
  WHERE (repository.upstream, repository.name) ${isBehind} (:upstream, :name)
  ORDER BY repository.upstream ${order}, repository.name ${order}, tag.name ${order} LIMIT :limit`;

/** The statements of the list of tags. A test checks that each of them finds its rows by index. */
export const tagListSql = {
  within: within(">", "ASC"),
  behind: behind(">", "ASC"),
  withinDescending: within("<", "DESC"),
  behindDescending: behind("<", "DESC"),
  tag: `
    SELECT ${listed} FROM repository CROSS JOIN tag ON tag.repository = repository.id ${served}
    WHERE repository.upstream = :upstream AND repository.name = :name AND tag.name = :tag`,
  count: `
    SELECT (SELECT count(*) FROM tag WHERE manifest > 0)
      + (SELECT count(*) FROM tag WHERE held IS NOT NULL AND held > 0 AND manifest IS NULL)`,
} as const;
