import Foundation
import Publishing
import Response
import SessionModel
import StateStore
import Testing

@testable import Messaging

enum House {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path
    static let phrases = "\(root)/Sources/Messaging/Resources"
    static let isRecording = ProcessInfo.processInfo.environment["RECORD_GOLDEN"] != nil
}

/// A folder of a test's own, gone with it.
final class Folder: Sendable {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "/lastseen-messaging-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700])
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    @discardableResult
    func write(_ text: String, to name: String, mode: Int = 0o600) throws -> String {
        let file = "\(path)/\(name)"
        try FileManager.default.createDirectory(
            atPath: (file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try Data(text.utf8).write(to: URL(fileURLWithPath: file))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
        return file
    }

    func secret(_ text: String, _ name: String = UUID().uuidString) throws -> SecretValue {
        try SecretValue(.file(try write(text, to: name)), label: "secret")
    }
}

extension Alert {
    static func sample(
        id: String = "a-0123456789abcdef", revision: Int = 1, status: Alert.Status = .open,
        time: Timestamp = Timestamp("2026-03-12T10:14:37Z")!, userID: String = "fay",
        userName: String = "fay@example.com", sessionID: String = "fay-10",
        device: String = "Chrome on Windows",
        place: Place = Place(
            city: "Toronto", country: "CA", latitude: 43.65, longitude: -79.38,
            radiusKilometers: 45),
        address: String = "99.224.30.7", risk: Int = 92, severity: Severity = .critical,
        title: String = "Session moved to other hands",
        rules: [String] = ["session-moved", "impossible-travel"], actions: [ActionSummary] = []
    ) -> Alert {
        let findings = rules.map { rule in
            Finding(
                rule: rule, severity: severity, confidence: .certain, time: time, records: ["e1"],
                evidence: [Evidence("from_ip", .text("77.14.20.9"))],
                silencedBy: "speed_limit_kmh >= 12368",
                sentence: "Seen in Toronto, CA 44 min after Hamburg, DE, by \(rule).")
        }
        return Alert(
            id: id, revision: revision, status: status, time: time, tenant: "acme", userID: userID,
            userName: userName, sessionID: sessionID, deviceID: "d9", deviceLabel: device,
            place: place,
            network: Network(address: address, asn: 64_500, organization: "Example Net"),
            risk: risk, severity: severity, title: title,
            summary: "Session \(sessionID) of \(userName) in Toronto, CA is probably not theirs.",
            rung: .logOutSession, findings: findings,
            recommendations: [
                Recommendation(
                    step: 1, text: "Log out of session \(sessionID).", reason: "It is on."),
                Recommendation(
                    step: 2, text: "Change the password of \(userName).", reason: "Now."),
            ], actions: actions)
    }

    var row: AlertRevision {
        AlertRevision(
            alertID: id, revision: revision, status: status.rawValue, userKey: 7, tenant: tenant,
            userID: userID, timeMilliseconds: time.milliseconds, risk: risk,
            severity: Int(severity.rawValue), json: AlertJSON.bytes(self))
    }
}

extension Timestamp {
    static func at(_ text: String) -> Timestamp { Timestamp(text)! }
}

extension PhraseBook {
    static func shipped() throws -> PhraseBook { try load(folder: House.phrases, overrides: nil) }
}

extension Notice {
    static func sample(
        _ alert: Alert = .sample(), kind: Kind = .raised, remoteID: String = "",
        firstKey: String = ""
    ) -> Notice {
        Notice(
            alert: alert, kind: kind, key: "msg-1", created: .at("2026-03-12T10:20:00Z"),
            remoteID: remoteID, firstKey: firstKey)
    }
}

extension MailAddress {
    static let sender = MailAddress("security@example.com")!
}

/// Compares a whole text with the file on record. RECORD_GOLDEN=1 writes the file and still fails.
func expectGolden(
    _ text: String, _ name: String, sourceLocation: SourceLocation = #_sourceLocation
) throws {
    let path = "\(House.root)/Tests/MessagingTests/Golden/\(name)"
    if House.isRecording {
        try FileManager.default.createDirectory(
            atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        Issue.record("recorded \(name): look at the difference", sourceLocation: sourceLocation)
        return
    }
    let known = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
    #expect(text == known, "differs from Golden/\(name)", sourceLocation: sourceLocation)
}
