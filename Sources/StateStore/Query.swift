/// Every statement of fixed text, prepared once a connection.
enum Query: Int, CaseIterable {
    case begin, commit
    case putProfile, readProfile, countProfiles, anyProfile
    case putMeta, removeMeta, readMeta
    case putOrganizationPage, readOrganizationPages
    case putCheckpoint, removeCheckpoint, readCheckpoint, readCheckpoints
    case putOutput, removeOutput, readOutputs
    case putRevision, putAlert, readAlert, readRevisions, readRevisionsOfAlert, lastSequence
    case putAction, updateAction, claimAction, dueActions, readAction, readActionsOfAlert
    case countStarted, countStartedOfUser, readStarted
    case putJournal, lastJournal, readJournal
    case putHistoryBlock, readHistoryBlock, readOpenHistoryBlocks, readFirstHistoryBlock
    case removeHistoryBlock, sumOldHistory, removeOldHistory, readHistoryExtent

    static let actionColumns = """
        id, alert_id, alert_revision, tenant, user_id, session_id, kind, target, connector, state, \
        attempts, next_attempt_ms, created_ms, updated_ms, last_error, payload, result, user_name, \
        time_ms, first_started_ms, application, sequence
        """
    static let alertColumns = """
        a.id, a.revision, a.status, a.user_key, a.tenant, a.user_id, a.time_ms, a.risk, \
        a.severity, r.json, a.first_sequence, a.last_sequence
        """
    /// In the words and the order of the index `action_pending`, which is used only then.
    private static let pendingStates =
        ActionRow.pendingStates.map { "'\($0)'" }.joined(separator: ", ")
    /// The newest revision's JSON is in the log.
    static let alertTables = "alert AS a JOIN alert_revision AS r ON r.sequence = a.last_sequence"
    private static let checkpointColumns = """
        source_key, path, device, inode, byte_offset, line, head_length, head_hash, tail_hash, \
        is_complete, compressed_size, modified, format_name, last_time_ms
        """
    private static let historyColumns =
        "number, records, first_ms, last_ms, level, raw_bytes, data"
    private static let journalColumns =
        "sequence, time_ms, actor, alert_id, action_id, what, detail, previous_hash, hash"

    var sql: String {
        switch self {
        case .begin: "BEGIN"
        case .commit: "COMMIT"

        // REPLACE writes over the row in place, with one search of the tree; an upsert needs two.
        case .putProfile: "REPLACE INTO profile(key, data) VALUES(?1, ?2)"
        case .readProfile: "SELECT data FROM profile WHERE key = ?1"
        case .countProfiles: "SELECT count(*) FROM profile"
        case .anyProfile: "SELECT 1 FROM profile LIMIT 1"

        case .putMeta: "REPLACE INTO meta(key, value) VALUES(?1, ?2)"
        case .removeMeta: "DELETE FROM meta WHERE key = ?1"
        case .readMeta: "SELECT value FROM meta WHERE key = ?1"

        case .putOrganizationPage: "REPLACE INTO organization_page VALUES(?1, ?2, ?3)"
        case .readOrganizationPages: "SELECT part, page, data FROM organization_page"

        case .putCheckpoint:
            "REPLACE INTO source_position(\(Self.checkpointColumns)) VALUES(\(Self.places(14)))"
        case .removeCheckpoint: "DELETE FROM source_position WHERE source_key = ?1"
        case .readCheckpoint:
            "SELECT \(Self.checkpointColumns) FROM source_position WHERE source_key = ?1"
        case .readCheckpoints:
            "SELECT \(Self.checkpointColumns) FROM source_position ORDER BY source_key"

        case .putOutput: "REPLACE INTO output VALUES(?1, ?2, ?3)"
        case .removeOutput: "DELETE FROM output WHERE name = ?1"
        case .readOutputs: "SELECT name, committed_length, last_sequence FROM output ORDER BY name"

        case .putRevision: "INSERT INTO alert_revision(alert_id, revision, json) VALUES(?1, ?2, ?3)"
        case .putAlert:
            """
            INSERT INTO alert VALUES(\(Self.places(9)), ?10, ?10)
            ON CONFLICT(id) DO UPDATE SET revision = ?2, status = ?3, user_key = ?4, tenant = ?5,
                user_id = ?6, time_ms = ?7, risk = ?8, severity = ?9, last_sequence = ?10
            WHERE ?2 > revision
            """
        case .readAlert:
            "SELECT \(Self.alertColumns) FROM \(Self.alertTables) WHERE a.id = ?1"
        case .readRevisions:
            """
            SELECT sequence, alert_id, revision, json FROM alert_revision
            WHERE sequence > ?1 ORDER BY sequence LIMIT ?2
            """
        case .readRevisionsOfAlert:
            """
            SELECT sequence, alert_id, revision, json FROM alert_revision
            WHERE alert_id = ?1 ORDER BY revision LIMIT ?2
            """
        case .lastSequence: "SELECT max(sequence) FROM alert_revision"

        case .putAction:
            """
            INSERT INTO action(\(Self.actionColumns)) VALUES(\(Self.places(21)), NULL)
            ON CONFLICT(id) DO NOTHING
            """
        case .updateAction:
            """
            UPDATE action SET state = ?2, attempts = ?3, next_attempt_ms = ?4, updated_ms = ?5,
                last_error = ?6, payload = ?7, result = ?8, connector = ?9,
                first_started_ms = ?10, alert_revision = ?11
            WHERE id = ?1
            """
        case .claimAction:
            """
            UPDATE action SET attempts = attempts + 1, next_attempt_ms = ?2, updated_ms = ?3,
                first_started_ms = coalesce(first_started_ms, ?3)
            WHERE id = ?1
            """
        case .dueActions:
            """
            SELECT \(Self.actionColumns) FROM action AS a
            WHERE state IN (\(Self.pendingStates)) AND next_attempt_ms <= ?1 AND NOT EXISTS (
                SELECT 1 FROM action AS b
                WHERE b.tenant = a.tenant AND b.user_id = a.user_id AND b.sequence < a.sequence
                    AND b.state IN (\(Self.pendingStates)))
            ORDER BY sequence LIMIT ?2
            """
        case .readAction: "SELECT \(Self.actionColumns) FROM action WHERE id = ?1"
        case .readActionsOfAlert:
            """
            SELECT \(Self.actionColumns) FROM action
            WHERE alert_id = ?1 ORDER BY sequence LIMIT ?2
            """

        case .countStarted: "SELECT count(*) FROM action WHERE first_started_ms >= ?1"
        case .countStartedOfUser:
            """
            SELECT count(*) FROM action
            WHERE first_started_ms >= ?1 AND tenant = ?2 AND user_id = ?3
            """

        case .readStarted:
            """
            SELECT id, alert_id, tenant, user_id, kind, connector, application, first_started_ms,
                created_ms
            FROM action WHERE first_started_ms >= ?1 ORDER BY first_started_ms LIMIT ?2
            """

        case .putJournal:
            """
            INSERT INTO journal(\(Self.journalColumns)) VALUES(\(Self.places(9)))
            """
        case .lastJournal: "SELECT sequence, hash FROM journal ORDER BY sequence DESC LIMIT 1"
        case .readJournal:
            """
            SELECT \(Self.journalColumns) FROM journal
            WHERE sequence > ?1 ORDER BY sequence LIMIT ?2
            """

        case .putHistoryBlock: "REPLACE INTO history_block VALUES(\(Self.places(8)))"
        // Numbers are in order, and so are ends.
        case .readHistoryBlock:
            """
            SELECT \(Self.historyColumns) FROM history_block
            WHERE number >= coalesce(
                (SELECT number FROM history_block WHERE number <= ?1 ORDER BY number DESC LIMIT 1), ?1)
                AND number + records > ?1
            ORDER BY number LIMIT 1
            """
        case .readOpenHistoryBlocks:
            """
            SELECT \(Self.historyColumns) FROM history_block
            WHERE number > coalesce(
                (SELECT max(number) FROM history_block WHERE level = \(HistoryBlock.sealed)), -1)
            ORDER BY number
            """
        case .readFirstHistoryBlock:
            "SELECT number, stored_bytes FROM history_block ORDER BY number LIMIT 1"
        case .removeHistoryBlock: "DELETE FROM history_block WHERE number = ?1"
        case .sumOldHistory:
            "SELECT coalesce(sum(stored_bytes), 0) FROM history_block WHERE last_ms < ?1"
        case .removeOldHistory: "DELETE FROM history_block WHERE last_ms < ?1"
        case .readHistoryExtent:
            """
            SELECT count(*), coalesce(sum(records), 0), coalesce(sum(stored_bytes), 0),
                coalesce(min(first_ms), 0), coalesce(max(last_ms), 0),
                coalesce(max(number + records), 0)
            FROM history_block INDEXED BY history_extent
            """
        }
    }

    /// `?1, ?2, …`
    private static func places(_ count: Int) -> String {
        (1...count).map { "?\($0)" }.joined(separator: ", ")
    }
}
