internal import Glibc
package import Settings
internal import Yams

/// One connector's part of the file, as its maker reads it. Never leaves the read.
///
/// Every method logs what is wrong and returns nil; a maker reads all of its keys before it gives up,
/// so that one run tells all that there is to mend.
package struct ConnectorSettings {
    package static let standardTimeoutSeconds = 20

    /// As configured; the kind's when it was not.
    package let name: String
    package let kind: ConnectorKind
    /// For keys of the maker's own.
    package let fields: FieldReader
    package let log: ProblemLog
    /// 1 through 300.
    package let timeoutSeconds: Int
    /// A variable's value.
    package let environment: @Sendable (String) -> String?

    /// A text that may be absent.
    package func text(_ key: String) -> String? {
        fields.value(key).flatMap { fields.text(of: $0, key: key) }
    }

    /// A text that has to be there.
    package func text(_ key: String, because reason: String) -> String? {
        fields.text(key, because: reason)
    }

    /// A text, or a list of texts; none when the key is absent.
    package func oneOrMore(_ key: String) -> [String]? {
        guard let node = fields.value(key) else { return [] }
        if case .sequence = node { return fields.texts(key) }
        return fields.text(of: node, key: key).map { [$0] }
    }

    package func flag(_ key: String) -> Bool { fields.flag(key, absent: false) ?? false }

    /// One of a few words; a missing key is `absent`.
    package func word(_ key: String, among known: [String], absent: String) -> String? {
        guard let node = fields.value(key) else { return absent }
        return fields.word(key, of: node, among: known) { known.contains($0) ? $0 : nil }
    }

    /// Where a secret comes from, looked at now; nil when the key is absent or wrong.
    package func secret(_ key: String) -> SecretValue? {
        guard let node = fields.value(key) else { return nil }
        return secret(of: node, key: key)
    }

    /// A secret that has to be there.
    package func secret(_ key: String, because reason: String) -> SecretValue? {
        guard let node = fields.required(key, because: reason) else { return nil }
        return secret(of: node, key: key)
    }

    /// A file's path. Logged unless this user can read it.
    package func path(_ key: String) -> String? {
        guard let node = fields.value(key), let path = fields.text(of: node, key: key) else {
            return nil
        }
        do {
            try requireReadable(path)
            return path
        } catch {
            log.add("'\(key)': \(error)", at: node)
            return nil
        }
    }

    private func secret(of node: Node, key: String) -> SecretValue? {
        guard case .mapping = node else {
            // What stands there may be the secret itself, so it is not shown.
            log.add(
                "'\(key)' must say where the secret comes from, never be it: {env: NAME}, "
                    + "{file: /path} or {command: [/path, argument]}.", at: node)
            return nil
        }
        guard
            let reader = FieldReader(
                node, name: "'\(key)'", keys: ["env", "file", "command"], log: log)
        else { return nil }
        let given = ["env", "file", "command"].filter { reader.value($0) != nil }
        guard given.count == 1, let word = given.first, let value = reader.value(word) else {
            log.add("'\(key)' needs one of 'env', 'file' and 'command'.", at: node)
            return nil
        }
        let origin: SecretValue.Origin
        switch word {
        case "env":
            guard let name = reader.text(of: value, key: "env", limit: 256) else { return nil }
            origin = .environment(name)
        case "file":
            guard let path = reader.text(of: value, key: "file") else { return nil }
            origin = .file(path)
        default:
            guard let words = reader.texts("command"), !words.isEmpty else {
                log.add(
                    "'command' must be a list: a program's path, then its arguments.", at: value)
                return nil
            }
            origin = .command(words)
        }
        do {
            return try SecretValue(origin, label: key, environment: environment)
        } catch {
            log.add("'\(key)': \(error)", at: value)
            return nil
        }
    }
}
