import ArgumentParser
import Pipeline
import Publishing
import SessionModel
import StateStore

struct Sessions: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show where an account is logged in.",
        discussion: """
            The page that account owners know: the current session, the others, each with device, \
            place, address and when it was last active, and beside a suspicious one what to do. The \
            12 sessions used last are remembered.

              lastseen sessions u1
              lastseen sessions u1 --tenant acme --json

            Exit statuses: 0, 64 misuse, 66 no such user, or no state yet.
            """)

    @Argument(help: "The user's id, as the records have it.")
    var user: String
    @Option(name: .long, help: "The user's tenant, where records name one.")
    var tenant = ""
    @Flag(name: .long, help: "As one JSON object.")
    var json = false
    @OptionGroup var state: StateOptions
    @OptionGroup var color: ColorOption

    func run() throws {
        let store = try state.openForReading(as: "sessions")
        defer { store.close() }
        guard let account = try SessionLookup.sessions(of: user, tenant: tenant, in: store) else {
            throw try UnknownUser.error(user, tenant: tenant, for: "sessions", in: store)
        }
        var filter = AlertFilter()
        filter.userID = account.userID
        filter.tenant = account.tenant
        filter.statuses = Alert.Status.standing
        filter.limit = 1000
        let alerts = try store.alerts(filter: filter).map { try AlertJSON.read($0.json) }
        var sessions = account.sessions
        for i in sessions.indices {
            sessions[i].alertIDs = alerts.filter {
                $0.sessionID == sessions[i].id || $0.otherSessionIDs.contains(sessions[i].id)
            }.map(\.id)
        }
        let page = SessionsPage(
            userID: account.userID, userName: account.userName, sessions: sessions, alerts: alerts,
            now: wallTime())
        try put(
            json
                ? String(decoding: page.json, as: UTF8.self) + "\n"
                : page.text(style: color.style))
    }
}

/// The answer to an id that the state does not know.
enum UnknownUser {
    /// As a shell takes it for one word: it is there to be pasted, and attackers write names.
    static func shellWord(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true  // digits and letters
            default: "._@-".utf8.contains(byte)
            }
        }
        if isPlain, !text.isEmpty, !text.hasPrefix("-") { return text }
        return "'"
            + text.split(separator: "'", omittingEmptySubsequences: false)
            .joined(separator: "'\\''") + "'"
    }

    /// Accounts are kept by id; what else is known of this word may be among the alerts.
    static func error(
        _ user: String, tenant: String, for command: String, in store: StateStore
    ) throws -> Misuse {
        let shown = SafeText.visible(user, limit: 100)
        let place = tenant.isEmpty ? "" : " in tenant '\(SafeText.visible(tenant, limit: 100))'"
        var filter = AlertFilter()
        filter.limit = 10_000
        for row in try store.alerts(filter: filter) {
            let isID = row.userID == user
            guard try isID || AlertJSON.read(row.json).userName == user else { continue }
            let id = shellWord(SafeText.visible(row.userID, limit: 100))
            let more =
                row.tenant.isEmpty
                ? "" : " --tenant \(shellWord(SafeText.visible(row.tenant, limit: 100)))"
            return Misuse(
                "no user has the id '\(shown)'\(place). Do you mean: lastseen \(command) \(id)\(more)",
                exitCode: 66)
        }
        return Misuse(
            "no record of a user with the id '\(shown)'\(place) was read. Give the id that the"
                + " records have (user.id, not the name), and --tenant when they name one.",
            exitCode: 66)
    }
}
