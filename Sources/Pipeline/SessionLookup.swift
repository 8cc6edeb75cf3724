import Detection
public import SessionModel
public import StateStore

/// Reads where an account is logged in from the state, also while a run is on.
public enum SessionLookup {
    public struct Account: Sendable, Equatable {
        public var userID: String
        /// Empty when no record gave one.
        public var userName: String
        public var tenant: String
        /// Newest first.
        public var sessions: [SessionSummary]
    }

    /// The most rows that are looked at: so many users would have to share a 64-bit hash.
    private static let probes = 8

    /// The sessions of the user with this id; nil when the state knows no such user.
    ///
    /// Costs one read of a row. Throws `StateError` when the state cannot be read or the row is
    /// damaged.
    public static func sessions(
        of userID: String, tenant: String = "", in store: StateStore
    ) throws -> Account? {
        var (userID, tenant) = (userID, tenant)
        return try tenant.withUTF8 { tenantBytes in
            try userID.withUTF8 { userBytes in
                try find(TextView(userBytes), tenant: TextView(tenantBytes), store)
            }
        }
    }

    private static func find(
        _ user: TextView, tenant: TextView, _ store: StateStore
    ) throws -> Account? {
        // No rules: they judge, and what an account's sessions are is not judgement.
        var judge = Judge(rules: [])
        var account: Account?
        try withProfile(user, tenant, store) { _, profile in
            judge.restore(&profile)
            account = Account(
                userID: profile.userID.string, userName: profile.userName.string,
                tenant: profile.tenant.string, sessions: profile.sessions())
        }
        return account
    }

    /// Hands out the profile of a user and the key of its row; nothing when there is none.
    static func withProfile(
        of userID: String, tenant: String, in store: StateStore,
        _ body: (UInt64, inout Profile) throws -> Void
    ) throws {
        var (userID, tenant) = (userID, tenant)
        try tenant.withUTF8 { tenantBytes in
            try userID.withUTF8 { userBytes in
                try withProfile(TextView(userBytes), TextView(tenantBytes), store, body)
            }
        }
    }

    /// The key of a user's row; nil when there is none.
    static func row(of userID: String, tenant: String, in store: StateStore) throws -> UInt64? {
        var row: UInt64?
        try withProfile(of: userID, tenant: tenant, in: store) { key, _ in row = key }
        return row
    }

    /// Hands out the profile of a row; nothing when there is none.
    static func withProfile(
        row: UInt64, in store: StateStore, _ body: (inout Profile) throws -> Void
    ) throws {
        let reader = try store.makeProfileReader()
        try [row].withUnsafeBufferPointer { keys in
            try reader.read(keys: keys) { _, bytes in
                var profile = try ProfileCodec.decode(bytes)
                defer { profile.free() }
                try body(&profile)
            }
        }
    }

    private static func withProfile(
        _ user: TextView, _ tenant: TextView, _ store: StateStore,
        _ body: (UInt64, inout Profile) throws -> Void
    ) throws {
        let reader = try store.makeProfileReader()
        let first = Sighting.userKey(tenant: tenant, user: user)
        for probe in 0..<UInt64(probes) {
            var isThere = false
            var isFound = false
            try [first &+ probe].withUnsafeBufferPointer { keys in
                try reader.read(keys: keys) { _, bytes in
                    isThere = true
                    var profile = try ProfileCodec.decode(bytes)
                    defer { profile.free() }
                    // Another user of the same hash: the next row is ours, or free.
                    guard profile.userID == user, profile.tenant == tenant else { return }
                    isFound = true
                    try body(first &+ probe, &profile)
                }
            }
            if isFound || !isThere { return }
        }
    }
}
