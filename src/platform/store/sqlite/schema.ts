/** "opni" in ASCII; SQLite keeps it in the file header, so that we never take another program's file for ours. */
export const APPLICATION_ID = 0x6f706e69;

/** Raised with every change of the tables. A file with a higher number was written by a newer release. */
export const SCHEMA_VERSION = 2;

const CREATE_REVISIONS = `
  CREATE TABLE revisions (
    kind text NOT NULL,
    id text NOT NULL,
    revision bigint NOT NULL,
    sequence bigint NOT NULL,
    labels text NOT NULL,
    schema_version integer NOT NULL,
    document text NOT NULL,
    created_at text NOT NULL,
    updated_at text NOT NULL,
    author text,
    PRIMARY KEY (kind, id, revision)
  );`;

/**
 * `objects` is what is; `changes` is the log that `watch` reads, one row for each write with the object as it was then;
 * `revisions` are those that `history` keeps besides the one in `objects`. `schema_version` is that of the document.
 * JSON is kept as text; ids sort by their bytes (on PostgreSQL: `text collate "C"`).
 */
export const CREATE_TABLES = `
  CREATE TABLE objects (
    kind text NOT NULL,
    id text NOT NULL,
    revision bigint NOT NULL,
    sequence bigint NOT NULL,
    labels text NOT NULL,
    schema_version integer NOT NULL DEFAULT 1,
    document text NOT NULL,
    created_at text NOT NULL,
    updated_at text NOT NULL,
    author text,
    PRIMARY KEY (kind, id)
  );
  CREATE TABLE changes (
    sequence integer PRIMARY KEY,
    op text NOT NULL,
    kind text NOT NULL,
    id text NOT NULL,
    revision bigint NOT NULL,
    object_sequence bigint NOT NULL,
    labels text NOT NULL,
    schema_version integer NOT NULL DEFAULT 1,
    document text NOT NULL,
    created_at text NOT NULL,
    updated_at text NOT NULL,
    author text
  );
  ${CREATE_REVISIONS}
  CREATE TABLE meta (
    name text PRIMARY KEY,
    value text NOT NULL
  );
`;

/** What makes format n + 1 of format n, by n. */
export const MIGRATIONS: Readonly<Record<number, string>> = {
  1: `
    ALTER TABLE objects ADD COLUMN author text;
    ALTER TABLE changes ADD COLUMN author text;
    ${CREATE_REVISIONS}`,
};
