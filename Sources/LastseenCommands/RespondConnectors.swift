import ArgumentParser
import Publishing
import Response
import SessionModel
import Settings

extension Respond {
    struct Connectors: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List what the connectors of a file can do, and try their credentials.",
            discussion: """
                For each connector: the steps that it can take and what of the intruder's outlives \
                each, the order in which they are taken, and what its credential must be allowed.

                --test makes one call to each target that changes nothing there and needs the \
                credential, where the target has such a call.

                  lastseen respond connectors --connectors /etc/lastseen/connectors.yaml
                  lastseen respond connectors --connectors connectors.yaml --test

                Exit statuses: 0, 1 a test failed, 64 misuse, 78 something is wrong with the file.
                """)

        @Option(
            name: .long,
            help: ArgumentHelp("The file of connectors (YAML).", valueName: "file"))
        var connectors: String
        @Flag(name: .long, help: "Call each target, without changing anything there.")
        var test = false

        func run() throws {
            var isRight = true
            for configured in try ConnectorFile.read(connectors) {
                try put(Connectors.text(configured))
                guard test else { continue }
                guard let answer = configured.connector.probe(at: wallTime()) else {
                    try put("    test: there is no call that could be tried without effect\n")
                    continue
                }
                let isGood = answer.outcome == .done
                isRight = isRight && isGood
                try put(
                    "    test: \(isGood ? "works" : "FAILED"): "
                        + "\(SafeText.visible(answer.detail))\n")
            }
            if !isRight { throw ExitCode(1) }
        }

        private static func text(_ configured: ConfiguredConnector) -> String {
            let connector = configured.connector
            var text = "\(SafeText.visible(connector.name)) (\(configured.kind.rawValue))\n"
            if !configured.applications.isEmpty {
                text += "    only for applications: \(list(configured.applications))\n"
            }
            if !configured.tenants.isEmpty {
                text += "    only for tenants: \(list(configured.tenants))\n"
            }
            let abilities = configured.abilities
            for rung in Rung.allCases {
                guard let ability = abilities[rung] else { continue }
                text += "    \(rung.name)\(ability.isUndoable ? ", can be undone" : "")\n"
                if !ability.survives.isEmpty { text += "        survives: \(ability.survives)\n" }
            }
            let order =
                switch connector.order {
                case .sessionsFirst: "sessions are ended, then the password is changed"
                case .credentialFirst: "the password is expired, then sessions are ended"
                }
            if abilities[.requirePasswordChange] != nil { text += "    order: \(order)\n" }
            for permission in connector.permissions { text += "    needs: \(permission)\n" }
            return text
        }

        private static func list(_ words: [String]) -> String {
            words.map { SafeText.visible($0) }.joined(separator: ", ")
        }
    }
}
