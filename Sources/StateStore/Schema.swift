internal import GRDB

/// The tables, and how a state of an earlier version becomes one of this.
enum Schema {
    /// `application_id` of the file's header, by which `file` and we know a state: "LSst".
    static let applicationID: Int64 = 0x4C53_7374
    /// `user_version` of the header: the number of migrations behind the file.
    static let version = 6

    /// Each migration is one transaction and sets `user_version`; none is ever changed.
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1 profiles, alerts, actions, positions") { db in
            try db.execute(sql: first)
            try db.execute(sql: "PRAGMA application_id = \(applicationID); PRAGMA user_version = 1")
        }
        migrator.registerMigration("2 what is known of all users") { db in
            try db.execute(sql: second)
            try db.execute(sql: "PRAGMA user_version = 2")
        }
        migrator.registerMigration("3 the records that were judged") { db in
            try db.execute(sql: third)
            try db.execute(sql: "PRAGMA user_version = 3")
        }
        migrator.registerMigration("4 the application of an action") { db in
            try db.execute(sql: actionApplication)
            try db.execute(sql: "PRAGMA user_version = 4")
        }
        migrator.registerMigration("5 messages to people") { db in
            try db.execute(sql: messages)
            try db.execute(sql: "PRAGMA user_version = 5")
        }
        migrator.registerMigration("6 verdicts that wait") { db in
            try db.execute(sql: waitingVerdicts)
            try db.execute(sql: "PRAGMA user_version = 6")
        }
        return migrator
    }

    /// Verdicts that were given while a run held the state; a link has one at most.
    private static let waitingVerdicts = """
        CREATE TABLE waiting_verdict(
            sequence INTEGER PRIMARY KEY AUTOINCREMENT, verdict TEXT NOT NULL,
            alert_id TEXT NOT NULL, actor TEXT NOT NULL, note TEXT NOT NULL, link TEXT NOT NULL,
            revision INTEGER NOT NULL, given_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL
        ) STRICT;
        CREATE UNIQUE INDEX waiting_verdict_link ON waiting_verdict(link) WHERE link <> '';
        """

    /// The outbox of messages to people, and the links in them that were used.
    private static let messages = """
        CREATE TABLE message(
            sequence INTEGER PRIMARY KEY AUTOINCREMENT, channel TEXT NOT NULL,
            alert_id TEXT NOT NULL, alert_revision INTEGER NOT NULL, fingerprint TEXT NOT NULL,
            severity INTEGER NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL,
            next_attempt_ms INTEGER NOT NULL, created_ms INTEGER NOT NULL,
            updated_ms INTEGER NOT NULL, sent_ms INTEGER, batch TEXT NOT NULL,
            remote_id TEXT NOT NULL, note TEXT NOT NULL,
            UNIQUE(channel, alert_id, alert_revision)
        ) STRICT;
        CREATE INDEX message_open ON message(channel, sequence)
            WHERE state IN ('planned', 'started', 'retrying');
        CREATE INDEX message_of_alert ON message(alert_id);
        CREATE INDEX message_sent ON message(channel, sent_ms) WHERE sent_ms IS NOT NULL;

        CREATE TABLE used_answer(
            id TEXT PRIMARY KEY, alert_id TEXT NOT NULL, answer TEXT NOT NULL,
            used_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX used_answer_of_alert ON used_answer(alert_id);
        """

    /// Pages of the organisation's tables (`Detection.Organization`).
    private static let second = """
        CREATE TABLE organization_page(
            part INTEGER NOT NULL, page INTEGER NOT NULL, data BLOB NOT NULL,
            PRIMARY KEY(part, page)
        ) STRICT, WITHOUT ROWID;
        """

    /// Blocks of records, compressed. The indices have all that is asked of more than one block, as a
    /// block fills pages.
    private static let third = """
        CREATE TABLE history_block(
            number INTEGER PRIMARY KEY, records INTEGER NOT NULL, first_ms INTEGER NOT NULL,
            last_ms INTEGER NOT NULL, level INTEGER NOT NULL, raw_bytes INTEGER NOT NULL,
            stored_bytes INTEGER NOT NULL, data BLOB NOT NULL
        ) STRICT;
        CREATE INDEX history_extent ON history_block(last_ms, first_ms, records, stored_bytes);
        CREATE INDEX history_by_level ON history_block(level, number);
        """

    /// Caps count by it.
    private static let actionApplication =
        "ALTER TABLE action ADD COLUMN application TEXT NOT NULL DEFAULT ''"

    /// Times end in `_ms`: milliseconds since 1970. Unsigned numbers are stored as the signed ones
    /// of the same bits, except `profile.key`: see `StateStore.rowOrder`.
    private static let first = """
        CREATE TABLE meta(
            key TEXT PRIMARY KEY, value TEXT NOT NULL
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE profile(key INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT;

        CREATE TABLE source_position(
            source_key TEXT PRIMARY KEY, path TEXT NOT NULL, device INTEGER NOT NULL,
            inode INTEGER NOT NULL, byte_offset INTEGER NOT NULL, line INTEGER NOT NULL,
            head_length INTEGER NOT NULL, head_hash INTEGER NOT NULL, tail_hash INTEGER NOT NULL,
            is_complete INTEGER NOT NULL, compressed_size INTEGER NOT NULL,
            modified INTEGER NOT NULL, format_name TEXT NOT NULL, last_time_ms INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE output(
            name TEXT PRIMARY KEY, committed_length INTEGER NOT NULL,
            last_sequence INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE alert(
            id TEXT PRIMARY KEY, revision INTEGER NOT NULL, status TEXT NOT NULL,
            user_key INTEGER NOT NULL, tenant TEXT NOT NULL, user_id TEXT NOT NULL,
            time_ms INTEGER NOT NULL, risk INTEGER NOT NULL, severity INTEGER NOT NULL,
            first_sequence INTEGER NOT NULL, last_sequence INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX alert_of_user_key ON alert(user_key);
        CREATE INDEX alert_of_user_id ON alert(user_id);
        CREATE INDEX alert_by_time ON alert(time_ms);

        CREATE TABLE alert_revision(
            sequence INTEGER PRIMARY KEY AUTOINCREMENT, alert_id TEXT NOT NULL,
            revision INTEGER NOT NULL, json BLOB NOT NULL,
            UNIQUE(alert_id, revision)
        ) STRICT;

        CREATE TABLE action(
            sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
            alert_id TEXT NOT NULL, alert_revision INTEGER NOT NULL, tenant TEXT NOT NULL,
            user_id TEXT NOT NULL, user_name TEXT NOT NULL, session_id TEXT NOT NULL,
            time_ms INTEGER NOT NULL, kind TEXT NOT NULL, target TEXT NOT NULL,
            connector TEXT NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL,
            first_started_ms INTEGER, next_attempt_ms INTEGER NOT NULL,
            created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL, last_error TEXT NOT NULL,
            payload BLOB NOT NULL, result TEXT NOT NULL
        ) STRICT;
        CREATE INDEX action_of_alert ON action(alert_id);
        CREATE INDEX action_by_state ON action(state, sequence);
        CREATE INDEX action_pending ON action(tenant, user_id, sequence)
            WHERE state IN ('planned', 'started', 'retrying', 'unanswered', 'waiting');
        CREATE INDEX action_started ON action(first_started_ms) WHERE first_started_ms IS NOT NULL;

        CREATE TABLE journal(
            sequence INTEGER PRIMARY KEY AUTOINCREMENT, time_ms INTEGER NOT NULL,
            actor TEXT NOT NULL, alert_id TEXT NOT NULL, action_id TEXT NOT NULL,
            what TEXT NOT NULL, detail BLOB NOT NULL, previous_hash BLOB NOT NULL,
            hash BLOB NOT NULL
        ) STRICT;
        CREATE INDEX journal_of_alert ON journal(alert_id);
        CREATE TRIGGER journal_is_not_changed BEFORE UPDATE ON journal
            BEGIN SELECT RAISE(ABORT, 'the journal is only appended to'); END;
        CREATE TRIGGER journal_is_not_cut BEFORE DELETE ON journal
            BEGIN SELECT RAISE(ABORT, 'the journal is only appended to'); END;
        """
}
