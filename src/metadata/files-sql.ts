/** The statements of the reader of files. A test checks that each of them finds its rows by index. */
export const filesSql = {
  rowsUnder: `SELECT digest, size, state FROM blob WHERE digest >= :from AND digest < :to`,
  toVerify: `
    SELECT digest, size FROM blob
    WHERE state = 'present' AND coalesce(verified_at, 0) < :before ORDER BY coalesce(verified_at, 0) LIMIT :limit`,
  doomed: `SELECT digest FROM blob WHERE state = 'doomed' ORDER BY id LIMIT :limit`,
  manifestsAfter: `
    SELECT manifest.id, blob.digest FROM manifest CROSS JOIN blob ON blob.id = manifest.id
    WHERE manifest.id > :id AND blob.state = 'present' ORDER BY manifest.id LIMIT :limit`,
  edgesToRead: `SELECT value FROM meta WHERE key = 'edgesToRead'`,
} as const;
